"""Steady states of trains of doses: what giving very many doses comes to."""

import numpy as np
import pytest

from dosing_models import plasma, saturable
from opsonin.errors import SimulationError
from opsonin.simulate import GivenDoses, build_schedule, simulate
from opsonin.simulate.fixed_point import fixed_points
from opsonin.simulate.following import follow
from opsonin.simulate.marks import ADDED, RESET, STEADY, marks_of
from opsonin.simulate.steady_dosing import settings
from opsonin.simulate.steady_linear import exponentials

INTO_DEPOT, INTO_PLASMA = 0, 1


def reference_advance(model, constants, initial, schedule, start, end):
    """Row by row on the uncompiled path."""
    landing = [entry.species for entry in model.symbolic.administrations.values()]
    made = []
    for row in range(len(constants)):
        doses = [
            (schedule.times[row, k], landing[place], schedule.amounts[row, k], schedule.durations[row, k])
            for k, place in enumerate(schedule.administration)
            if schedule.amounts[row, k] > 0
        ]
        nothing = np.zeros(0)
        made.append(
            follow(
                model, constants[row], doses, [], nothing, nothing.astype(bool), float(start[row]), float(end[row]),
                initial[row],
            )[1]
        )  # fmt: skip
    return np.array(made)


def settled(model, constants=None, settling=None, **train):
    """The state at a mark of day 10."""
    values = {"kind": STEADY, "place": 0, "amount": 100.0, "duration": 0.0, "interval": 1.0, "elapsed": 1.0} | train
    marks = marks_of(1, [(0, [10.0, *values.values()])], settling)
    constants = model.symbolic.typical[None, :] if constants is None else constants
    return settings(model, constants, marks, 1e-6, reference_advance)


def written_out(model, count, duration=0.0, interval=1.0, elapsed=1.0, state=0, amount=100.0):
    """The same by giving doses: `elapsed` after the last of `count`, the next one not given."""
    doses = [(interval * n, state, amount, duration) for n in range(count)]
    end = interval * (count - 1) + elapsed
    nothing = np.zeros(0)
    typical = model.symbolic.typical
    initial = model.initial_state(typical[None, :])[0]
    return follow(model, typical, doses, [], nothing, nothing.astype(bool), 0.0, end, initial)[1]


@pytest.fixture(scope="module")
def linear():
    return plasma()


@pytest.fixture(scope="module")
def curved():
    return saturable()


TRAINS = [
    {},
    {"elapsed": 0.3},
    {"duration": 0.4},
    {"duration": 0.4, "elapsed": 0.2},
    {"duration": 2.3, "elapsed": 0.2},
    {"duration": 2.0, "elapsed": 0.7},
    {"interval": 0.25, "elapsed": 0.25, "duration": 0.25},
]


@pytest.mark.parametrize("train", TRAINS, ids=str)
@pytest.mark.parametrize("place", [INTO_DEPOT, INTO_PLASMA])
def test_linear_kinetics_settle_where_many_doses_lead(linear, train, place):
    made = settled(linear, place=place, **train)
    many = written_out(linear, 60, state=place, **train)
    np.testing.assert_allclose(made.values[0, 0, :2], many[:2], rtol=1e-7, atol=1e-7)
    assert np.isnan(made.values[0, 0, 2])  # what has been eliminated only adds up, and stays as it is
    assert not made.failures


@pytest.mark.parametrize("train", [{}, {"duration": 0.4, "elapsed": 0.2}, {"duration": 1.5, "elapsed": 0.8}], ids=str)
def test_saturable_kinetics_settle_where_many_doses_lead(curved, train):
    made = settled(curved, **train)
    many = written_out(curved, 120, **train)
    np.testing.assert_allclose(made.values[0, 0, :2], many[:2], rtol=1e-5)


def test_an_infusion_that_has_always_run_and_no_dose_at_all(linear, curved):
    made = settled(linear, place=INTO_PLASMA, amount=24.0, interval=0.0)
    assert made.values[0, 0, 1] == pytest.approx(24.0 / (1.1 / 20 * 24), rel=1e-12)
    for amount, inflow in ((40.0, 45.0), (0.0, 5.0)):
        made = settled(curved, amount=amount, interval=0.0)
        central = made.values[0, 0, 0]
        assert 100 * central / (30 + central) + 0.3 * central == pytest.approx(inflow, rel=1e-6)


def test_what_is_added_is_what_the_doses_add(curved):
    base = settled(curved, amount=0.0, interval=0.0).values[0, 0]
    whole = settled(curved).values[0, 0]
    added = settled(curved, kind=ADDED)
    np.testing.assert_allclose(added.values[0, 0, :2], (whole - base)[:2], rtol=1e-5)
    assert added.added[0, 0]


def test_a_reset_puts_species_back():
    made = settled(saturable(), kind=RESET)
    assert made.values[0, 0].tolist() == [0.0, 1.0, 0.0]


def test_without_elimination_there_is_no_steady_state_and_the_states_are_named(linear, curved):
    constants = linear.symbolic.typical[None, :].copy()
    constants[0, linear.symbolic.constants.index("clearance")] = 0.0
    (reason, day) = settled(linear, constants).failures[0]
    assert "no steady state under 100 every 1 days: central would not come to rest" in reason
    assert day == 10.0
    constants = curved.symbolic.typical[None, :].copy()
    constants[0, curved.symbolic.constants.index("slow")] = 0.0
    (reason, _) = settled(curved, constants, amount=400.0).failures[0]
    assert "central" in reason


def test_only_the_named_species_are_settled(curved):
    made = settled(curved, settling=("central",))
    assert np.isnan(made.values[0, 0]).tolist() == [False, True, True]
    with pytest.raises(SimulationError, match="no species 'centrall' to settle"):
        settled(curved, settling=("centrall",))


def test_a_profile_is_continued_backwards_for_linear_kinetics_only(linear, curved):
    one = settled(linear, place=INTO_PLASMA).values[0, 0, 1] + 100.0  # right after an arrival
    back = settled(linear, place=INTO_PLASMA, elapsed=-0.25).values[0, 0, 1]
    assert back == pytest.approx(one * np.exp(0.25 * 24 * 1.1 / 20), rel=1e-9)
    with pytest.raises(SimulationError, match="linear kinetics only"):
        settled(curved, elapsed=-0.25)


def test_acceleration_needs_about_as_many_rounds_as_states_and_rows_do_not_mix():
    shrink = np.array([[0.99, 0.3, 0.0], [0.0, 0.9, 0.2], [0.0, 0.0, 0.5]])
    push = np.array([[1.0, 2.0, 3.0], [5.0, 0.0, 1.0]])
    expected = np.linalg.solve(np.eye(3) - shrink, push.T).T

    def found(rows):
        return fixed_points(
            lambda some, states: (states[:, None, :] * shrink).sum(axis=2) + push[rows][some],
            np.zeros((len(rows), 3)), np.ones((len(rows), 3)), np.ones(3, dtype=bool), 1e-10, 50,
        )  # fmt: skip

    both, alone = found([0, 1]), found([1])
    assert both.settled.all()
    assert both.rounds.max() <= 7
    np.testing.assert_allclose(both.state, expected, rtol=1e-7)
    assert np.array_equal(both.state[1], alone.state[0])


def test_matrix_exponentials_are_scipys_and_those_of_each_row_alone():
    from scipy.linalg import expm

    random = np.random.default_rng(1)
    matrices = random.normal(size=(40, 4, 4)) * np.exp(random.uniform(-6, 7, size=(40, 1, 1)))
    matrices -= np.abs(matrices).sum(axis=2).max(axis=1)[:, None, None] * np.eye(4)
    made = exponentials(matrices)
    np.testing.assert_allclose(made, expm(matrices), rtol=1e-9, atol=1e-14)
    assert np.array_equal(made[3:4], exponentials(matrices[3:4]))


def test_a_constant_that_is_no_number_is_left_to_the_solver_to_name(linear):
    constants = np.tile(linear.symbolic.typical, (2, 1))
    constants[1, 1] = np.nan
    schedule = build_schedule(
        linear, constants, [GivenDoses("drug", "oral", "mg", [0.0], 1.0, interval_days=1.0, steady_state=1)]
    )
    made = simulate(linear, constants, schedule, np.array([1.0]))
    (failure,) = made.failures
    assert failure.patient == 1
    assert "steady state" not in failure.reason
    assert np.isfinite(made.states[0]).all()
