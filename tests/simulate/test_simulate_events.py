"""Events and inputs on the compiled path, against the reference path and against each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.errors import SimulationError
from opsonin.model import Administration, Event, Hazard, Input, Model, Module, Process, Species
from opsonin.simulate import Schedule, simulate
from opsonin.simulate.inputs import InputSeries
from small_models import parameter

METHODS = ["rosenbrock", "explicit"]
TIMES = np.linspace(0.0, 8.0, 17)


def lesion():
    """Grows, shrinks under a drug, is cut out at a limit; a pump and a temperature are given from outside."""
    return Module(
        "lesion",
        [
            parameter("k", 0.8, "1/day"),
            parameter("limit", 2.0, "mg"),
            parameter("share", 0.4, ""),
            parameter("low", 0.3, "mg"),
            parameter("clearance", 1.5, "1/day"),
            parameter("kill", 0.5, "1/mg/day"),
            parameter("risk", 0.2, "1/day/mg"),
            Input("warmth", "", 1.0, "linear"),
            Input("pump", "mg/day", 0.0),
            Species("a", "mg", 1.0),
            Species("drug", "mg"),
            Species("cuts", "", nonnegative=False),
            Process("growth", lambda a, k, warmth: k * warmth * a, produces="a"),
            Process("killing", lambda a, drug, kill: kill * a * drug, "a"),
            Process("pumping", lambda pump: pump, produces="drug"),
            Process("elimination", lambda drug, clearance: clearance * drug, "drug"),
            Event(
                "surgery", lambda a, limit: a - limit, {"a": lambda a, share: share * a, "cuts": lambda cuts: cuts + 1}
            ),
            Event("relapse", lambda a, low: a - low, {"a": lambda low: 2 * low}, direction=-1),
            Hazard("pain", lambda risk, a: risk * a, "pain", grades={1: 1.0, 2: 0.5}),
            Administration("drug", "oral", into="drug"),
        ],
    )


MODEL = Model([lesion()])


def doses(amounts):
    """One bolus on day 1, an infusion of two days from day 3."""
    both = np.repeat(np.asarray(amounts, float)[:, None], 2, axis=1)
    return Schedule(np.array([1.0, 3.0]), np.zeros(2, dtype=np.int64), both, np.array([0.0, 2.0]))


def patients(count, seed=1):
    generator = np.random.default_rng(seed)
    return MODEL.symbolic.typical * generator.lognormal(0.0, 0.25, (count, len(MODEL.symbolic.typical)))


def charts(count, seed=2):
    """Series of each patient, of different lengths and days."""
    generator = np.random.default_rng(seed)
    times = np.sort(generator.uniform(-1, 9, (count, 4)), axis=1)
    times[::3, 2:] = np.inf
    pumps = np.round(np.sort(generator.uniform(0, 8, (count, 2)), axis=1), 1)
    pumps[:, 1] += 0.1
    return [
        InputSeries("warmth", times, generator.uniform(0.2, 2.0, (count, 4))),
        InputSeries("pump", pumps, generator.uniform(0.0, 3.0, (count, 2))),
    ]


def both_paths(method, constants, schedule, inputs=(), rtol=1e-8, **more):
    """The compiled and the reference answers, which are asserted to have no failures."""
    made = [
        simulate(MODEL, constants, schedule, TIMES, inputs=inputs, method=name, rtol=rtol, **more)
        for name in (method, "reference")
    ]
    assert not made[0].failures
    assert not made[1].failures
    return made


@pytest.mark.parametrize("method", METHODS)
def test_events_and_inputs_agree_with_the_reference_path(method):
    constants = patients(5)
    ours, oracle = both_paths(method, constants, doses(np.linspace(0, 6, 5)), charts(5))
    assert ours.event_counts.sum() > 10
    assert np.array_equal(ours.event_counts, oracle.event_counts)
    assert ours.event_days == pytest.approx(oracle.event_days, abs=2e-6)
    assert ours.states == pytest.approx(oracle.states, rel=2e-5, abs=1e-6)
    assert ours.final_state == pytest.approx(oracle.final_state, rel=2e-5, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_hazards_are_what_the_reference_path_says_where_they_are_crossed(method):
    constants, schedule, inputs = patients(6), doses(np.linspace(0, 6, 6)), charts(6)
    limits = np.random.default_rng(3).exponential(1.0, (6, 1)) / np.array([1.0, 0.5])
    ran = simulate(
        MODEL, constants, schedule, TIMES, inputs=inputs, method=method, rtol=1e-8, thresholds=limits, start=0.0
    )
    crossed = np.isfinite(ran.crossings)
    assert crossed.sum() > 6
    for row in range(6):
        days = np.unique(ran.crossings[row][crossed[row]])
        given = [(1.0, 1, schedule.amounts[row, 0], 0.0), (3.0, 1, schedule.amounts[row, 1], 2.0)]
        series = {one.name: one.of(row) for one in inputs}
        states = MODEL.reference(constants[row], given, np.append(0.0, days), inputs=series, start=0.0)
        assert states[1:, 3] == pytest.approx(np.sort(limits[row][crossed[row]]), rel=1e-5)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=8)
@given(
    k=st.floats(0.1, 2.0),
    limit=st.floats(1.1, 4.0),
    share=st.floats(0.2, 0.9),
    dose=st.floats(0, 8),
    pump=st.floats(0, 2),
    warmth=st.lists(st.floats(0.1, 2.0), min_size=2, max_size=4),
)
def test_any_growth_limit_dose_and_chart_agree_with_the_reference_path(method, k, limit, share, dose, pump, warmth):
    constants = np.array([[k, limit, share, 0.15, 1.5, 0.5, 0.2]])
    inputs = [
        InputSeries("warmth", np.linspace(0.5, 7.3, len(warmth)), np.array(warmth)),
        InputSeries("pump", np.array([2.25, 4.75]), np.array([pump, 0.0])),
    ]
    ours, oracle = both_paths(method, constants, doses([dose]), inputs)
    if not np.array_equal(ours.event_counts, oracle.event_counts):  # a limit just touched, or reached at the very end
        return
    days = oracle.event_days[np.isfinite(oracle.event_days)]
    if len(days) and np.abs(TIMES[:, None] - days[None, :]).min() < 1e-5:  # an output in the middle of a jump
        return
    assert ours.final_state == pytest.approx(oracle.final_state, rel=1e-4, abs=1e-6)
    assert ours.states == pytest.approx(oracle.states, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_patient_is_the_same_byte_for_byte_whoever_is_beside(method):
    constants, schedule, inputs = patients(40), doses(np.linspace(0, 6, 40)), charts(40)
    limits = np.full((40, 2), 0.7)
    whole = simulate(MODEL, constants, schedule, TIMES, inputs=inputs, method=method, thresholds=limits, threads=1)
    again = simulate(MODEL, constants, schedule, TIMES, inputs=inputs, method=method, thresholds=limits, threads=2)
    chosen = np.array([31, 2, 17])
    few = simulate(
        MODEL, constants[chosen], schedule.rows(chosen), TIMES, inputs=[one.rows(chosen) for one in inputs],
        method=method, thresholds=limits[chosen],
    )  # fmt: skip
    assert whole.event_counts.sum() > 40
    for one, other in ((whole, again), (whole, few)):
        rows = slice(None) if other is again else chosen
        for name in ("states", "final_state", "crossings", "event_days", "event_counts"):
            assert getattr(one, name)[rows].tobytes() == getattr(other, name).tobytes()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("cut", [0.3, 1.0, 3.5, 4.0])
def test_segments_are_one_run(method, cut):
    constants, schedule, inputs = patients(6), doses(np.linspace(0, 6, 6)), charts(6)
    options = {"inputs": inputs, "method": method, "rtol": 1e-9}
    whole = simulate(MODEL, constants, schedule, np.array([0.0, 8.0]), **options)
    first = simulate(MODEL, constants, schedule, np.array([0.0, cut]), **options)
    rest = simulate(
        MODEL, constants, schedule, np.array([cut, 8.0]), start=cut, initial_state=first.final_state, **options
    )
    assert np.array_equal(first.event_counts + rest.event_counts, whole.event_counts)
    assert rest.final_state == pytest.approx(whole.final_state, rel=1e-5, abs=1e-7)


def clock(*more):
    run = Process("running", lambda speed: speed, produces="x")
    return Model([Module("clock", [
        parameter("speed", 1.0, "1/day"), parameter("half", 0.5, ""), Species("x", "", nonnegative=False),
        Species("n", "", nonnegative=False), run, *more,
    ])])  # fmt: skip


def run(model, constants=None, times=(0.0, 1.0, 2.0, 3.0, 4.0), method="rosenbrock", **more):
    constants = model.symbolic.typical[None, :] if constants is None else constants
    schedule = more.pop("schedule", Schedule.empty(len(constants)))
    return simulate(model, constants, schedule, np.array(times), method=method, **more)


@pytest.mark.parametrize("method", [*METHODS, "reference"])
def test_an_output_on_an_event_shows_the_state_after_it(method):
    made = clock(parameter("day", 2.0, "day"), Event("visit", lambda t, day: t - day, {"n": lambda n: n + 1, "x": 0.0}))
    ran = run(made, method=method)
    assert ran.state("n")[0].tolist() == [0, 0, 1, 1, 1]
    assert ran.state("x")[0] == pytest.approx([0, 1, 0, 1, 2])
    assert ran.event_day("visit")[0] == 2.0
    rest = run(made, times=(2.0, 4.0), method=method, start=2.0, initial_state=ran.states[:, 2])
    assert rest.event_counts.sum() == 0


@pytest.mark.parametrize("method", [*METHODS, "reference"])
def test_an_event_at_the_end_belongs_to_the_segment(method):
    made = clock(parameter("day", 4.0, "day"), Event("visit", lambda t, day: t - day, {"n": lambda n: n + 1}))
    ran = run(made, method=method)
    assert ran.final_state[0, 1] == ran.states[0, -1, 1] == 1.0
    assert ran.event_day("visit")[0] == 4.0


@pytest.mark.parametrize("method", [*METHODS, "reference"])
def test_what_a_dose_brings_about_is_seen_after_it(method):
    made = clock(
        Species("a", "mg"),
        parameter("most", 3.0, "mg"),
        Event("vomiting", lambda a, most: a - most, {"a": 1.0, "n": lambda n: n + 1}),
        Administration("drug", "oral", "a"),
    )
    schedule = Schedule(np.array([1.0, 2.0]), np.zeros(2, dtype=np.int64), np.array([[2.0, 5.0]]), np.zeros(2))
    ran = run(made, method=method, schedule=schedule, times=(0.0, 1.0, 2.0, 3.0))
    assert ran.state("a")[0].tolist() == [0.0, 0.0, 2.0, 1.0]
    assert ran.event_day("vomiting")[0] == 2.0


@pytest.mark.parametrize("method", [*METHODS, "reference"])
def test_what_a_step_of_an_input_brings_about_is_seen_on_its_day(method):
    made = clock(Input("pump", "", 0.0), Event("alarm", lambda pump, half: pump - half, {"n": lambda n: n + 1}))
    series = [InputSeries("pump", np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 0.7]))]
    ran = run(made, method=method, inputs=series)
    assert ran.state("n")[0].tolist() == [0, 1, 1, 2, 2]
    for cut in (1.0, 3.0):
        first = run(made, times=(0.0, cut), method=method, inputs=series)
        rest = run(made, times=(cut, 4.0), method=method, inputs=series, start=cut, initial_state=first.final_state)
        assert first.event_counts[0, 0] + rest.event_counts[0, 0] == 2


@pytest.mark.parametrize("method", METHODS)
def test_a_hazard_that_would_be_reached_after_an_event_in_its_step_is_not(method):
    made = clock(
        parameter("day", 1.0, "day"),
        Species("risk", "1/day", 1.0),
        Event("cure", lambda t, day: t - day, {"risk": 0.0}),
        Hazard("death", lambda risk: risk, "death", "death"),
    )
    ran = run(
        made, np.tile(made.symbolic.typical, (3, 1)), thresholds=np.array([[0.5], [0.999], [1.001]]), method=method
    )
    assert ran.crossings[:, 0] == pytest.approx([0.5, 0.999, np.inf], abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_condition_that_passes_and_returns_within_one_step_is_seen(method):
    made = clock(
        parameter("from_day", 1.0, ""), parameter("wide", 1.0, ""),
        Event("window", lambda x, from_day, wide: (x - from_day) * (from_day + wide - x), {"n": lambda n: n + 1}),
    )  # fmt: skip
    days = np.linspace(2.0, 4.0, 9)
    constants = np.array([[1.0, 0.5, day, 3.0] for day in days])
    ran = run(made, constants, times=(0.0, 100.0), method=method)
    assert ran.steps[:, 0].max() < 15  # the last ones are longer than the window
    assert ran.event_counts[:, 0].tolist() == [1] * 9
    assert ran.event_days[:, 0] == pytest.approx(days)


@pytest.mark.parametrize("method", METHODS)
def test_events_that_trigger_each_other_for_ever_name_patient_day_and_events_and_others_go_on(method):
    made = clock(
        parameter("day", 2.0, "day"),
        Event("begin", lambda t, day: t - day, {"n": 1.0}),
        Event("up", lambda n, half: half - n, {"n": 1.0}),
        Event("down", lambda n, half: n - half, {"n": 0.0}),
    )
    constants = np.tile(made.symbolic.typical, (3, 1))
    constants[[0, 2], 2] = 99.0
    ran = run(made, constants, method=method)
    assert [str(failure) for failure in ran.failures] == [
        "patient row 1: events trigger each other for ever: 'begin', 'down', 'up' (day 2)"
    ]
    assert np.isnan(ran.states[1]).all()
    assert ran.state("x")[[0, 2], -1] == pytest.approx([4.0, 4.0])


@pytest.mark.parametrize("method", METHODS)
def test_more_events_than_anybody_can_mean_end_with_their_names(method):
    made = clock(
        parameter("gap", 1e-4, ""),
        Event("bounce", lambda x, gap: x - gap, {"x": 0.0}),
        Event("once", lambda x, half: x - half, {"n": 1.0}),
    )
    (failure,) = run(made, method=method).failures
    assert failure.reason == "more than 10000 events: 'bounce'"
    assert failure.day == pytest.approx(1.0, abs=1e-2)


@pytest.mark.parametrize("method", METHODS)
def test_what_an_event_cannot_do_names_event_species_patient_and_day(method):
    made = clock(
        Species("a", "mg", 1.0),
        parameter("to", -1.0, "mg"),
        Event("gone", lambda x, half: x - half, {"a": lambda to: to}),
        Event("odd", lambda x, half: (2 * half - x) ** 0.5, {"n": 1.0}),
    )
    constants = np.array([[1.0, 0.5, -1.0], [1.0, 0.5, 1.0]])
    reasons = [str(failure) for failure in run(made, constants, method=method).failures]
    assert reasons[0].startswith("patient row 0: event 'gone' sets species 'a' to what is infinite or not a number, or")
    assert reasons[0].endswith("(day 0.5)")
    assert reasons[1].startswith("patient row 1: the condition of event 'odd' is not a number (day 1")


@pytest.mark.parametrize("method", METHODS)
def test_a_model_without_events_has_none_and_asks_for_none(method):
    made = clock()
    ran = run(made, method=method)
    assert ran.event_counts.shape == (1, 0)
    with pytest.raises(KeyError, match="no event 'visit'; events: none"):
        ran.event_day("visit")


def test_a_series_for_what_is_no_input_is_refused_before_anything_is_compiled():
    series = [InputSeries("pomp", np.array([1.0]), np.array([1.0]))]
    with pytest.raises(SimulationError, match="'pomp', which is no input of the model; did you mean 'pump'"):
        run(clock(Input("pump", "", 0.0)), inputs=series)


def test_a_division_by_nought_at_the_start_names_patient_day_process_and_values():
    made = clock(Species("drug", "mg"), parameter("k", 1.0, "mg**2/day"),
                 Process("uptake", lambda k, drug: k / drug, produces="drug"))  # fmt: skip
    (failure,) = run(made).failures
    assert str(failure) == "patient row 0: process 'uptake' is inf: k/drug, where drug = 0, k = 1 (day 0)"


def test_a_dose_at_the_start_counts_in_what_is_divided_by_and_constants_that_are_no_numbers_are_named():
    made = clock(
        Species("drug", "mg"),
        parameter("k", 1.0, "mg**2/day"),
        Process("uptake", lambda k, drug: k / drug, produces="drug"),
        Administration("drug", "oral", "drug"),
    )
    schedule = Schedule(np.zeros(1), np.zeros(1, dtype=np.int64), np.array([[1.0], [0.0], [1.0]]), np.zeros(1))
    constants = np.tile(made.symbolic.typical, (3, 1))
    constants[2, 2] = np.nan
    ran = run(made, constants, schedule=schedule, times=(0.0, 4.0))
    assert ran.state("drug")[0, -1] == pytest.approx(3.0, rel=1e-4)  # the root of 1 + 2 t
    assert [str(failure) for failure in ran.failures] == [
        "patient row 1: process 'uptake' is inf: k/drug, where drug = 0, k = 1 (day 0)",
        "patient row 2: constant 'k' is nan (day 0)",
    ]
