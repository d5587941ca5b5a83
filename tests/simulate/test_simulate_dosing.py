"""What doses of every kind must obey, through the compiled solvers: superposition, limits, shifts, order."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dosing_models import plasma, saturable
from opsonin.errors import RegimenError, SimulationError
from opsonin.simulate import GivenDoses, Schedule, build_schedule, read_events, simulate, simulate_events
from opsonin.simulate.marks import STEADY, marks_of

TIMES = np.array([0.01, 0.3, 0.77, 1.0, 1.6, 2.0, 3.3])
WHERE = {1: ("drug", "oral"), 2: ("drug", "into plasma")}
LAWS = {"lagt": "lagt", "bioav": "bioav"}
linear = plasma(duration=None)
curved = saturable()


def rows(model, patients=1, **changed):
    made = np.tile(model.symbolic.typical, (patients, 1))
    for name, value in changed.items():
        made[:, model.symbolic.constants.index(name)] = value
    return made


def states(model, doses, times=TIMES, constants=None, **options):
    constants = rows(model) if constants is None else constants
    made = simulate(model, constants, build_schedule(model, constants, doses), times, start=0.0, rtol=1e-9, **options)
    assert not made.failures
    return made.states


def dose(amount=100.0, time=0.0, route="oral", **more):
    return GivenDoses("drug", route, "mg", np.atleast_1d(time), amount, **more)


dose_lists = st.lists(
    st.tuples(
        st.sampled_from(["oral", "at once", "into plasma"]),
        st.floats(0, 3).map(lambda t: round(t, 3)),
        st.floats(1, 200),
        st.sampled_from([0.0, 0.25, 1.5]),
    ),
    min_size=2,
    max_size=5,
)


def of_lists(lists):
    return [
        dose(amount, time, route, infusion_days=length if route != "oral" else 0.0)
        for route, time, amount, length in lists
    ]


@settings(max_examples=15, deadline=None)
@given(dose_lists)
def test_linear_kinetics_superpose(lists):
    together = states(linear, of_lists(lists))
    alone = sum(states(linear, [one]) for one in of_lists(lists))
    np.testing.assert_allclose(together, alone, rtol=1e-6, atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(dose_lists, st.randoms())
def test_the_order_in_which_doses_are_listed_does_not_matter(lists, random):
    shuffled = list(lists)
    random.shuffle(shuffled)
    np.testing.assert_allclose(states(curved, _oral(lists)), states(curved, _oral(shuffled)), rtol=1e-7, atol=1e-9)


def _oral(lists):
    return [dose(amount, time) for _, time, amount, _ in lists]


@settings(max_examples=10, deadline=None)
@given(st.floats(0, 1.5), st.sampled_from([0.0, 0.4]))
def test_a_lag_shifts(lag, length):
    laws = rows(linear, lagt=lag * 24)
    lagged = states(linear, [dose(route="into plasma", infusion_days=length)], constants=laws)
    later = states(linear, [dose(route="into plasma", time=lag, infusion_days=length)])
    np.testing.assert_allclose(lagged, later, rtol=1e-6, atol=1e-6)


def test_each_patient_has_their_own_lag_and_length():
    model = plasma(rate=lambda rat2: rat2, duration=None)
    constants = rows(model, 3, lagt=np.array([0.0, 6.0, 13.0]), rat2=np.array([10.0, 25.0, 5.0]))
    made = states(model, [dose(route="into plasma")], constants=constants)
    for row in range(3):
        lag, hours = constants[row, 3] / 24, 100.0 / constants[row, 5]
        alone = states(linear, [dose(route="at once", time=lag, infusion_days=hours / 24)])
        np.testing.assert_allclose(made[row], alone[0], rtol=1e-6, atol=1e-6)


def test_additional_doses_are_doses_written_out():
    short = states(curved, [dose(interval_days=0.5, additional=4)])
    long = states(curved, [dose(time=np.arange(5) * 0.5)])
    np.testing.assert_allclose(short, long, rtol=1e-8)


@pytest.mark.parametrize("model", [linear, curved], ids=["linear", "saturable"])
@pytest.mark.parametrize("method", ["explicit", "rosenbrock"])
def test_a_steady_state_is_the_limit_of_many_doses(model, method):
    steady = [dose(interval_days=0.75, additional=4, steady_state=1)]
    many = [dose(time=np.arange(100) * 0.75)]
    later = states(model, many, TIMES + 95 * 0.75, method=method)
    np.testing.assert_allclose(states(model, steady, method=method)[:, :, :2], later[:, :, :2], rtol=1e-5)


@pytest.mark.parametrize("method", ["auto", "reference"])
def test_a_steady_state_at_the_start_is_not_seen_before_it(method):
    given = dose(interval_days=0.5, steady_state=1)
    schedule = build_schedule(linear, rows(linear), [given], settling=["depot", "central"])
    times, after = np.array([0.0, 0.0, 1.0]), np.array([False, True, False])
    made = simulate(linear, rows(linear), schedule, times, after=after, method=method).states[0]
    assert made[0].max() == 0.0
    assert made[1].max() > 100.0


def test_steady_states_add_up_where_kinetics_are_linear():
    one, two = dose(80.0, interval_days=1.0, additional=3), dose(30.0, 0.5, interval_days=1.0, additional=2)
    both = [GivenDoses(**(vars(one) | {"steady_state": 1})), GivenDoses(**(vars(two) | {"steady_state": 2}))]
    times = np.array([0.6, 1.2, 2.4])
    many = [dose(80.0, np.arange(60.0)), dose(30.0, np.arange(60.0) + 0.5)]
    made, later = states(linear, both, times), states(linear, many, times + 55)
    np.testing.assert_allclose(made[:, 1:, :2], later[:, 1:, :2], rtol=1e-5)


def table(*records, header="ID,TIME,AMT,RATE,EVID,CMT,II,ADDL,SS,lagt,bioav"):
    names = header.split(",")
    return read_events(pd.DataFrame([dict(zip(names, record, strict=True)) for record in records]))


def shown(read, model=linear, **options):
    return simulate_events(model, read, WHERE, ["central"], covariates=LAWS, rtol=1e-9, **options)["central"].to_numpy()


def test_a_reset_forgets_and_the_order_of_rows_of_one_moment_counts():
    read = table(
        (1, 0, 100, 0, 1, 2, 6, 9, 0, 0, 1),
        (1, 12, 0, 0, 0, 2, 0, 0, 0, 0, 1),
        (1, 15, 0, 0, 0, 2, 0, 0, 0, 0, 1),
        (1, 15, 0, 0, 3, 2, 0, 0, 0, 0, 1),
        (1, 15, 0, 0, 0, 2, 0, 0, 0, 0, 1),
        (1, 15, 40, 0, 1, 2, 0, 0, 0, 0, 0.5),
        (1, 15, 0, 0, 2, 2, 0, 0, 0, 0, 1),
        (1, 40, 0, 0, 0, 2, 0, 0, 0, 0, 1),
    )
    decay = np.exp(-1.1 / 20)
    central = shown(read)
    assert central[0] == pytest.approx(100 * (1 + decay**6 + decay**12), rel=1e-7)  # an additional dose comes first
    assert central[1] == pytest.approx(100 * (decay**3 + decay**9 + decay**15), rel=1e-7)
    assert central[2] == 0  # after the reset, before the dose
    assert central[3] == pytest.approx(20.0, rel=1e-9)
    assert central[4] == pytest.approx(20.0 * decay**25, rel=1e-7)


def test_an_infusion_that_has_always_run_ends_at_its_row():
    read = table(
        (1, 3, 0, 5, 1, 2, 0, 0, 1, 0, 1), (1, 3, 0, 0, 0, 2, 0, 0, 0, 0, 1), (1, 5, 0, 0, 0, 2, 0, 0, 0, 0, 1)
    )
    central = shown(read)
    assert central == pytest.approx([100 / 1.1, 100 / 1.1 * np.exp(-2.2 / 20)], rel=1e-7)


def test_subjects_do_not_depend_on_each_other_threads_or_the_reference_path():
    records = [
        (who, time, amount, 0, evid, 1 + who % 2, 8, 2 * (evid > 0), who % 3 * (evid > 0), who % 5, 1)
        for who in range(12)
        for time, amount, evid in ((who, 50 + who, 1), (who + 3, 0, 0), (who + 30 + who % 4, 0, 0))
    ]
    whole = shown(table(*records), threads=1)
    assert np.array_equal(whole, shown(table(*records), threads=2))
    alone = np.concatenate([shown(table(*records[n : n + 3])) for n in range(0, len(records), 3)])
    assert np.array_equal(whole, alone)
    np.testing.assert_allclose(shown(table(*records), method="reference"), whole, rtol=1e-6)
    saturated = [
        simulate_events(
            curved, table(*records), {1: ("drug", "oral"), 2: ("drug", "oral")}, ["central"], threads=n, rtol=1e-7
        )["central"]
        for n in (1, 2)
    ]
    assert np.array_equal(*saturated)


def test_patients_begin_end_and_are_looked_at_when_they_are():
    constants = rows(linear, 3)
    schedule = build_schedule(linear, constants, [dose(time=[0.0, 2.0])])
    times = np.array([[0.5, 2.5, np.inf], [2.0, 2.0, 3.0], [0.5, np.inf, np.inf]])
    after = np.array([[False, False, False], [False, True, False], [False, False, False]])
    made = simulate(linear, constants, schedule, times, after=after, start=np.zeros(3), rtol=1e-9)
    whole = states(linear, [dose(time=[0.0, 2.0])], np.array([0.5, 2.0, 2.5, 3.0]))[0]
    np.testing.assert_allclose(made.states[0, :2], whole[[0, 2]], rtol=1e-6)
    assert np.isnan(made.states[0, 2]).all()
    assert made.states[1, 1, 0] - made.states[1, 0, 0] == pytest.approx(100.0)
    assert made.final_time.tolist() == [2.5, 3.0, 0.5]
    on = simulate(
        linear, constants, schedule, made.final_time[:, None] + 1.0, start=made.final_time,
        initial_state=made.final_state, rtol=1e-9,
    )  # fmt: skip
    straight = simulate(linear, constants, schedule, made.final_time[:, None] + 1.0, start=0.0, rtol=1e-9)
    np.testing.assert_allclose(on.states, straight.states, rtol=1e-6, atol=1e-6)


def test_a_patient_without_a_steady_state_is_a_failure_and_the_others_go_on():
    constants = rows(linear, 2, clearance=np.array([1.1, 0.0]))
    steady = build_schedule(linear, constants, [dose(interval_days=1.0, steady_state=1)])
    made = simulate(linear, constants, steady, TIMES)
    (failure,) = made.failures
    assert failure.patient == 1
    assert "central would not come to rest" in failure.reason
    assert np.isnan(made.states[1]).all()
    assert np.isfinite(made.states[0]).all()


def test_a_profile_continued_below_nought_needs_species_that_may_be_negative():
    read = table((1, 0, 100, 10, 1, 2, 24, 1, 1, 40, 1), (1, 5, 0, 0, 0, 2, 0, 0, 0, 40, 1))
    with pytest.raises(SimulationError, match="central, which cannot be negative; declare it with nonnegative=False"):
        shown(read, beyond_interval="continued")
    assert shown(read, plasma(nonnegative=False, duration=None), beyond_interval="continued")[0] < 0
    assert shown(read)[0] > 0


def test_settling_names_what_shall_come_to_rest():
    constants = rows(curved, 1)
    asked = build_schedule(curved, constants, [dose(interval_days=1.0, steady_state=1)], settling=["central"])
    made = simulate(curved, constants, asked, np.array([0.0, 0.5]), after=np.array([True, True]), rtol=1e-8)
    whole = states(curved, [dose(interval_days=1.0, steady_state=1)], np.array([0.0, 0.5]))
    assert made.states[0, 0, 0] > 100.0
    assert made.states[0, 0, 1] == 1.0  # the effect begins where it was
    assert made.states[0, 1, 0] == pytest.approx(whole[0, 1, 0], rel=1e-5)


def test_schedules_with_marks_merge_stop_and_pick_rows():
    constants = rows(linear, 2)
    steady = build_schedule(linear, constants, [dose(time=1.0, interval_days=1.0, steady_state=1)])
    both = steady.merged(build_schedule(linear, constants, [dose(time=3.0)]))
    assert both.rows(np.array([1])).marks.times.tolist() == [[1.0]]
    stopped = both.stopped(np.array([1.0, 2.0]))
    assert stopped.marks.times[:, 0].tolist() == [np.inf, 1.0]
    assert (stopped.amounts > 0).sum(axis=1).tolist() == [0, 1]


WRONG = [
    (lambda: dose(additional=2), RegimenError, "need the days between doses"),
    (lambda: dose(steady_state=3, interval_days=1.0), RegimenError, "steady_state is 3"),
    (lambda: dose(additional=-1, interval_days=1.0), RegimenError, "-1 additional doses"),
    (lambda: dose(route="into plasma", infusion_days=1.0), RegimenError, "says how long this dose takes"),
]


@pytest.mark.parametrize(("made", "error", "message"), WRONG, ids=[message for *_, message in WRONG])
def test_doses_that_contradict_themselves_are_named(made, error, message):
    model = plasma()
    with pytest.raises(error, match=message):
        build_schedule(model, rows(model), [made()])


def test_times_that_do_not_fit_are_named():
    constants = rows(linear, 2)
    empty = Schedule.empty(2)
    for times, message in (
        (np.array([[1.0, 2.0], [1.0, 1.0]]), r"increasing days, at least one \(patient row 1\)"),
        (np.array([[1.0, np.inf], [np.inf, np.inf]]), r"patient row 1"),
        (np.array([[1.0, 2.0]]), r"give \(T,\), or \(2, T\)"),
        (np.array([1.0, np.inf]), "finite, increasing"),
    ):
        with pytest.raises(SimulationError, match=message):
            simulate(linear, constants, empty, times, start=0.0)


def test_marks_belong_to_their_segment():
    constants = rows(linear)
    marks = marks_of(1, [(0, [1.0, STEADY, 0, 100.0, 0.0, 1.0, 1.0])], None)
    schedule = Schedule(np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros((1, 0)), np.zeros(0), marks)
    first = simulate(linear, constants, schedule, np.array([1.0]), start=0.0)
    assert first.states[0, 0, 1] == 0.0
    second = simulate(linear, constants, schedule, np.array([1.5]), start=1.0, initial_state=first.final_state)
    assert second.states[0, 0, 1] > 0.0
