"""The solvers against the uncompiled reference path, and what a run must not depend on."""

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from opsonin.errors import SimulationError
from opsonin.model import Model, Module, Parameter, Process, Species, laws
from opsonin.simulate import Schedule, build_schedule, intravenous_bolus, intravenous_infusion, oral, simulate

TIMES = np.array([0.0, 0.3, 1.0, 2.5, 4.0, 7.0, 10.0])
factor = st.floats(0.4, 2.5)


def doses(amount=1.5):
    return [
        intravenous_bolus("ligand", amount, "dimensionless", [0.0, 2.0, 3.5]),
        intravenous_infusion("ligand", 2.0, "dimensionless", [4.2], hours=30),
    ]


def population(model, constants, patients):
    """Patients who differ, without random numbers."""
    wave = np.linspace(0.5, 2.0, patients)
    return constants(model, patients, growth=0.25 * wave, killing=0.9 * wave[::-1], binding=2000.0 * wave**3)


def worst_error(made, exact):
    """The largest error, relative to the value, or to a hundredth of the state's largest value where it is smaller."""
    size = np.abs(exact.states).max(axis=(0, 1)) + 1e-9
    return (np.abs(made.states - exact.states) / (np.abs(exact.states) + 1e-2 * size)).max()


@settings(max_examples=5, phases=[Phase.generate])
@given(growth=factor, killing=factor, decay=factor, binding=st.floats(0.01, 10.0), amount=st.floats(0.5, 4.0))
@pytest.mark.parametrize("method", ["rosenbrock", "explicit"])
def test_the_solver_agrees_with_the_reference_path(stiff, constants, method, growth, killing, decay, binding, amount):
    changed = {"growth": 0.25 * growth, "killing": 0.9 * killing, "decay": 0.7 * decay, "binding": 200.0 * binding}
    rows = constants(stiff, 1, release=40.0, **changed)
    schedule = build_schedule(stiff, rows, doses(amount))
    made = simulate(stiff, rows, schedule, TIMES, method=method, rtol=1e-6)
    exact = simulate(stiff, rows, schedule, TIMES, method="reference", rtol=1e-9)
    assert not made.failures
    assert not exact.failures
    assert worst_error(made, exact) < 3e-6


def test_crossings_agree_with_the_reference_path(stiff, constants):
    rows = constants(stiff, 1)
    schedule = build_schedule(stiff, rows, doses())
    limits = np.array([[0.05]])
    made = simulate(stiff, rows, schedule, TIMES, thresholds=limits, rtol=1e-7)
    exact = simulate(stiff, rows, schedule, TIMES, thresholds=limits, method="reference", rtol=1e-9)
    assert 0 < exact.crossings[0, 0] < 10
    np.testing.assert_allclose(made.crossings, exact.crossings, rtol=1e-7)


def test_what_a_root_empties_in_finite_time_stays_empty(stiff, constants):
    """x' = -k x^0.75 from 0.2 is nought from t = 4 x0^0.25 / k = 3.82 on; no patient may fail there."""
    rows = constants(stiff, 1)
    made = simulate(stiff, rows, build_schedule(stiff, rows, []), np.linspace(0.0, 10.0, 101))
    debris = np.maximum(0.2**0.25 - 0.7 / 4 * made.times, 0.0) ** 4
    assert not made.failures
    np.testing.assert_allclose(made.state("debris")[0], debris, atol=1e-6)


def test_a_slope_that_is_infinite_at_the_start_is_overcome(stiff, constants):
    """Clearing of debris goes with its power 0.75, whose derivative is infinite where there is none."""
    rows = constants(stiff, 1)
    start = stiff.initial_state(rows)
    start[0, stiff.symbolic.states.index("debris")] = 0.0
    schedule = build_schedule(stiff, rows, doses())
    implicit = simulate(stiff, rows, schedule, TIMES, initial_state=start, rtol=1e-6)
    explicit = simulate(stiff, rows, schedule, TIMES, initial_state=start, rtol=1e-8, method="explicit")
    assert worst_error(implicit, explicit) < 1e-5
    assert implicit.state("debris")[0, -1] > 0.1


@pytest.mark.parametrize("method", ["rosenbrock", "explicit"])
def test_the_error_falls_with_the_tolerance(stiff, constants, method):
    rows = constants(stiff, 1, release=40.0, binding=200.0)
    schedule = build_schedule(stiff, rows, doses())
    other = "explicit" if method == "rosenbrock" else "rosenbrock"
    exact = simulate(stiff, rows, schedule, TIMES, method=other, rtol=1e-12)
    made = [simulate(stiff, rows, schedule, TIMES, method=method, rtol=rtol) for rtol in (1e-3, 1e-5, 1e-7)]
    coarse, middle, fine = (worst_error(each, exact) for each in made)
    assert coarse < 3e-3
    assert middle < coarse / 10
    assert fine < middle / 10


@pytest.mark.parametrize("method", ["rosenbrock", "auto"])
def test_bytes_do_not_depend_on_neighbours_threads_or_order(stiff, constants, method):
    patients = 40
    rows = population(stiff, constants, patients)
    schedule = build_schedule(stiff, rows, doses())
    limits = np.full((patients, 1), 0.05)
    together = simulate(stiff, rows, schedule, TIMES, thresholds=limits, method=method, threads=1)
    threaded = simulate(stiff, rows, schedule, TIMES, thresholds=limits, method=method, threads=3)
    chosen = np.array([33, 2, 17])
    few = simulate(stiff, rows[chosen], schedule.rows(chosen), TIMES, thresholds=limits[chosen], method=method)
    assert together.states.tobytes() == threaded.states.tobytes()
    assert together.crossings.tobytes() == threaded.crossings.tobytes()
    assert together.states[chosen].tobytes() == few.states.tobytes()
    assert together.final_state[chosen].tobytes() == few.final_state.tobytes()


def test_the_solution_does_not_depend_on_the_times_asked_for(stiff, constants):
    rows = constants(stiff, 1)
    schedule = build_schedule(stiff, rows, doses())
    sparse = simulate(stiff, rows, schedule, np.array([0.0, 10.0]))
    fine = simulate(stiff, rows, schedule, np.linspace(0.0, 10.0, 301))
    assert sparse.final_state.tobytes() == fine.final_state.tobytes()


@pytest.mark.parametrize("cut", [2.0, 3.5, 4.2])
def test_segments_that_meet_at_a_dose_are_one_go_to_the_last_byte(stiff, constants, cut):
    rows = population(stiff, constants, 3)
    schedule = build_schedule(stiff, rows, doses())
    whole = simulate(stiff, rows, schedule, np.array([cut, 10.0]))
    first = simulate(stiff, rows, schedule, np.array([cut]))
    second = simulate(stiff, rows, schedule, np.array([10.0]), start=first.final_time, initial_state=first.final_state)
    assert whole.states[:, 0].tobytes() == first.final_state.tobytes()
    assert whole.final_state.tobytes() == second.final_state.tobytes()


@pytest.mark.parametrize("cut", [0.7, 4.9])
def test_segments_that_meet_anywhere_agree_within_the_tolerance(stiff, constants, cut):
    """4.9 lies within an infusion, which goes on in the second segment."""
    rows = population(stiff, constants, 3)
    schedule = build_schedule(stiff, rows, doses())
    whole = simulate(stiff, rows, schedule, TIMES)
    first = simulate(stiff, rows, schedule, np.array([cut]))
    second = simulate(stiff, rows, schedule, np.array([10.0]), start=cut, initial_state=first.final_state)
    np.testing.assert_allclose(second.final_state, whole.final_state, rtol=1e-4, atol=1e-6)


def test_a_crossing_is_found_once_and_in_its_segment(stiff, constants):
    rows = population(stiff, constants, 4)
    schedule = build_schedule(stiff, rows, doses())
    limits = np.full((4, 1), 0.05)
    whole = simulate(stiff, rows, schedule, np.array([2.0, 10.0]), thresholds=limits)
    first = simulate(stiff, rows, schedule, np.array([2.0]), thresholds=limits)
    left = np.where(np.isinf(first.crossings), limits, np.inf)
    second = simulate(
        stiff, rows, schedule, np.array([10.0]), start=2.0, initial_state=first.final_state, thresholds=left
    )
    assert np.isinf(first.crossings).any()
    np.testing.assert_array_equal(np.minimum(first.crossings, second.crossings), whole.crossings)


def test_a_patient_who_bursts_does_not_stop_the_others(stiff, constants):
    rows = constants(stiff, 5, burst=np.array([0.0, 0.0, 0.5, 0.0, 0.0]))  # fuse = 1 / (1 - 0.5 t): infinite at day 2
    schedule = build_schedule(stiff, rows, [])
    made = simulate(stiff, rows, schedule, TIMES, thresholds=np.full((5, 1), 0.05))
    alone = simulate(stiff, rows[:2], schedule.rows(np.arange(2)), TIMES)
    assert [failure.patient for failure in made.failures] == [2]
    assert made.failures[0].day == pytest.approx(2.0, abs=1e-3)
    assert "too small" in made.failures[0].reason or "finite" in made.failures[0].reason
    assert np.isnan(made.states[2]).all()
    assert np.isnan(made.crossings[2]).all()
    assert made.failed.tolist() == [False, False, True, False, False]
    assert made.states[:2].tobytes() == alone.states.tobytes()


def test_a_patient_who_starts_from_no_number_is_named(stiff, constants):
    rows = constants(stiff, 2)
    start = stiff.initial_state(rows)
    start[1, 3] = np.nan
    made = simulate(stiff, rows, build_schedule(stiff, rows, []), TIMES, initial_state=start)
    assert (
        str(made.failures[0]) == "patient row 1: the state to start from is not finite: state 'tumour' is nan (day 0)"
    )
    assert np.isfinite(made.states[0]).all()


def test_amounts_stay_at_or_above_nought(stiff, constants):
    rows = population(stiff, constants, 20)
    made = simulate(stiff, rows, build_schedule(stiff, rows, doses(4.0)), TIMES, rtol=1e-3)
    assert made.states.min() >= 0.0


@pytest.mark.parametrize("rate", [0.5, 50.0])
def test_auto_takes_the_method_that_suits_the_patient(linear, constants, rate):
    rows = constants(linear, 1, ka=rate, clearance=60.0 * rate)
    made = simulate(linear, rows, build_schedule(linear, rows, [oral("drug", 1.0, "mg", [0.0])]), np.array([1.0]))
    assert made.methods == (["explicit"] if rate < 1 else ["rosenbrock"])


def test_progress_ends_at_the_number_of_patients(linear, constants):
    rows = constants(linear, 50)
    seen: list[tuple[int, int]] = []
    simulate(
        linear, rows, build_schedule(linear, rows, []), TIMES, progress=lambda done, total: seen.append((done, total))
    )
    assert seen[0] == (0, 50)
    assert seen[-1] == (50, 50)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_an_interrupted_run_stops(linear, constants):
    rows = constants(linear, 400)

    def interrupt(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(linear, rows, build_schedule(linear, rows, []), TIMES, progress=interrupt)


WRONG = [
    ({"times": np.array([1.0, 1.0])}, "increasing"),
    ({"times": np.array([])}, "at least one"),
    ({"method": "euler"}, "'euler' is none of"),
    ({"rtol": 0.0}, "rtol is 0.0"),
    ({"start": 1.0}, "first time wanted, day 0, is before the start"),
    ({"thresholds": np.zeros((2, 2))}, r"expected \(2, 3\)"),
    ({"thresholds": np.full((2, 3), np.nan)}, "row 0 hold nan"),
    ({"start": np.nan}, "start is nan"),
    ({"initial_state": np.zeros((2, 4))}, r"expected \(2, 5\)"),
    ({"times": np.array([3.0]), "start": 2.0}, "dose at day 0 is before the start, day 2"),
]


@pytest.mark.parametrize(("changed", "message"), WRONG, ids=[message for _, message in WRONG])
def test_what_does_not_fit_is_named(linear, constants, changed, message):
    rows = constants(linear, 2)
    options = {"times": TIMES} | changed
    schedule = build_schedule(linear, rows, [oral("drug", 1.0, "mg", [0.0])])
    with pytest.raises(SimulationError, match=message):
        simulate(linear, rows, schedule, options.pop("times"), **options)


def test_constants_and_schedule_must_be_of_the_same_patients(linear, constants):
    schedule = build_schedule(linear, constants(linear, 3), [])
    with pytest.raises(SimulationError, match="for 3 patients, constants for 2"):
        simulate(linear, constants(linear, 2), schedule, TIMES)
    with pytest.raises(SimulationError, match="2 columns, the model has 7"):
        simulate(linear, np.ones((3, 2)), schedule, TIMES)


def test_a_segment_without_length_gives_its_start_and_no_dose(linear, constants):
    rows = constants(linear, 2)
    schedule = build_schedule(linear, rows, [intravenous_bolus("drug", 9.0, "mg", [0.0])])
    made = simulate(linear, rows, schedule, np.array([0.0]))
    assert not made.states.any()
    assert made.steps.sum() == 0


@pytest.mark.parametrize("method", ["rosenbrock", "explicit", "reference"])
@pytest.mark.parametrize("days", [1e-9, 1e-13, 1e-17])
def test_an_infusion_too_short_for_the_clock_arrives_whole(linear, constants, method, days):
    rows = constants(linear, 1)
    schedule = build_schedule(linear, rows, [intravenous_infusion("drug", 90.0, "mg", [1.0], hours=24 * days)])
    made = simulate(linear, rows, schedule, np.array([0.0, 1.0, 2.0]), method=method)
    assert made.state("plasma")[0, 2] + made.state("gone")[0, 2] == pytest.approx(90.0)


@pytest.mark.parametrize("method", ["rosenbrock", "reference"])
def test_doses_a_rounding_error_apart_are_both_given(linear, constants, method):
    rows = constants(linear, 1)
    given = [
        intravenous_infusion("drug", 100.0, "mg", [0.1], hours=4.8),  # ends at 0.1 + 0.2, a hair after 0.3
        intravenous_bolus("drug", 300.0, "mg", [0.3]),
    ]
    made = simulate(linear, rows, build_schedule(linear, rows, given), np.array([0.0, 1.0]), method=method)
    assert not made.failures
    assert made.state("plasma")[0, 1] + made.state("gone")[0, 1] == pytest.approx(400.0)


def test_nobody_is_no_error(linear, constants):
    rows = constants(linear, 0)
    made = simulate(linear, rows, build_schedule(linear, rows, []), TIMES)
    assert made.states.shape == (0, len(TIMES), 5)
    assert made.failures == []


def test_what_grows_by_itself_never_grows_negative(constants):
    """A count falls far below its tolerance and then grows again: it may be lost there, but not turn negative."""
    model = Model(
        [
            Module(
                "relapse",
                [
                    Parameter("growth", 0.5, "1/day", "assumed: a test"),
                    Parameter("killing", 10.0, "1/day", "assumed: a test"),
                    Parameter("fading", 0.2, "1/day", "assumed: a test"),
                    Species("drug", "dimensionless", 1.0),
                    Species("cells", "cells", 1e3),
                    Process("growth", lambda growth, cells: growth * cells, produces="cells"),
                    Process("killing", lambda killing, drug, cells: killing * cells * laws.hill(drug, 0.05, 4),
                            consumes="cells"),
                    Process("fading", lambda fading, drug: fading * drug, consumes="drug"),
                ],
            )
        ]
    )  # fmt: skip
    rows = constants(model, 1)
    made = simulate(model, rows, Schedule.empty(1), np.linspace(0.0, 400.0, 401), rtol=1e-3)
    assert not made.failures
    assert made.states.min() >= 0.0


def test_a_patient_who_turns_stiff_on_the_way_changes_the_method(constants):
    """A state that follows another ever more closely: slow at the start, where the method is chosen, fast later."""
    model = Model(
        [
            Module(
                "ever faster",
                [
                    Parameter("growth", 0.5, "1/day", "assumed: a test"),
                    Parameter("pull", 0.01, "1/day", "assumed: a test"),
                    Species("speed", "dimensionless", 1.0),
                    Species("follower", "dimensionless", 1.0),
                    Process("rise", lambda growth, speed: growth * speed, produces="speed"),
                    Process(
                        "follow",
                        lambda pull, speed, follower: pull * speed * (2.0 - follower),
                        produces="follower",
                    ),
                ],
            )
        ]
    )
    rows = np.tile(model.symbolic.typical, (9, 1))
    rows[4:, model.symbolic.constants.index("growth")] = 0.01  # these stay slow
    times = np.linspace(0.0, 30.0, 7)
    made = simulate(model, rows, Schedule.empty(9), times)
    assert made.methods == ["rosenbrock"] * 4 + ["explicit"] * 5
    whole = simulate(model, rows, Schedule.empty(9), times, method="rosenbrock")
    forced = simulate(model, rows, Schedule.empty(9), times, method="explicit")
    assert made.states[:4].tobytes() == whole.states[:4].tobytes()
    assert made.states[4:].tobytes() == forced.states[4:].tobytes()
    assert forced.methods == ["explicit"] * 9
    assert forced.steps[0].sum() > 20 * made.steps[0].sum()
