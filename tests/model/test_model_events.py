"""Events: jumps of the state at the moment when a law passes nought, on the reference path, against closed forms."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.errors import ModelError
from opsonin.model import Event, Input, Model, Module, Process, Quantity, Signal, Species
from opsonin.model.reference import course
from small_models import parameter


def model(*parts):
    return Model([Module("mine", parts)])


def growing(*more, start=1.0):
    """a' = k a."""
    grow = Process("growth", lambda a, k: k * a, produces="a")
    return model(parameter("k", 1.0, "1/day"), parameter("limit", 2.0, "mg"), Species("a", "mg", start), grow, *more)


def clock(*more):
    """x' = 1: it tells the time since the start, in days."""
    run = Process("running", lambda speed: speed, produces="x")
    return model(
        parameter("speed", 1.0, "1/day"), Species("x", "", nonnegative=False), Species("n", "", nonnegative=False),
        run, *more,
    )  # fmt: skip


def happened(made, end, **options):
    ran = course(made, made.symbolic.typical, options.pop("doses", []), np.array([0.0, end]), **options)
    return [(event.name, event.day) for event in ran.happened]


@settings(max_examples=15)
@given(limit=st.floats(1.2, 30), share=st.floats(0.1, 0.9))
def test_growth_that_is_cut_back_at_a_limit_follows_its_closed_form(limit, share):
    made = growing(parameter("share", share, ""), Event("cut", lambda a, limit: a - limit,
                                                        {"a": lambda a, share: share * a}))  # fmt: skip
    constants = np.array([1.0, limit, share])
    times = np.linspace(0, 8, 41)
    ran = course(made, constants, [], times)
    days = np.log(limit) + np.log(1 / share) * np.arange(200)
    days = days[days <= 8]
    assert [event.day for event in ran.happened] == pytest.approx(list(days), abs=1e-6)  # errors add up over cuts
    cuts = np.searchsorted(days, times, side="right")
    assert ran.states[:, 0] == pytest.approx(np.exp(times) * share**cuts, rel=1e-6)


@pytest.mark.parametrize(("direction", "days"), [(1, [1.0, 5.0]), (-1, [3.0]), (0, [1.0, 3.0, 5.0])])
def test_the_direction_says_which_passages_count(direction, days):
    def wave(x):  # rises through nought at 1 and 5, falls at 3
        return (x - 1) * (x - 3) * (x - 5)

    made = clock(Event("pass", wave, {"n": lambda n: n + 1}, direction=direction))
    assert [day for _, day in happened(made, 9.0)] == pytest.approx(days, abs=1e-8)
    states = made.reference(made.symbolic.typical, [], np.array([0.0, 9.0]))
    assert states[-1, 1] == len(days)


def test_new_values_are_computed_from_the_state_just_before():
    made = clock(
        parameter("day", 2.0, ""),
        Species("a", "mg", 3.0),
        Species("b", "mg", 5.0),
        Event("swap", lambda x, day: x - day, {"a": lambda b: b, "b": lambda a: a}),
    )
    assert made.reference(made.symbolic.typical, [], np.array([0.0, 3.0]))[-1, 2:] == pytest.approx([5.0, 3.0])


def test_events_of_one_moment_happen_together_and_the_later_declared_counts():
    made = clock(
        parameter("day", 2.0, "day"),
        Event("one", lambda t, day: t - day, {"n": lambda n: n + 1}),
        Event("two", lambda t, day: 2 * (t - day), {"n": lambda n: n + 10}),
    )
    assert happened(made, 3.0) == [("one", 2.0), ("two", 2.0)]
    assert made.reference(made.symbolic.typical, [], np.array([0.0, 3.0]))[-1, 1] == 10


def test_an_event_may_bring_about_another_at_once():
    made = clock(
        parameter("day", 2.0, "day"),
        parameter("half", 0.5, ""),
        Event("second", lambda n, half: n - half, {"x": -100.0}),
        Event("first", lambda t, day: t - day, {"n": 1.0}),
    )
    assert happened(made, 3.0) == [("first", 2.0), ("second", 2.0)]
    assert made.reference(made.symbolic.typical, [], np.array([0.0, 3.0]))[-1] == pytest.approx([-99.0, 1.0])


def test_a_dose_may_carry_a_state_past_the_limit_and_is_seen_before_what_it_brings_about():
    made = growing(Event("vomiting", lambda a, limit: a - limit, {"a": 0.5}), start=0.0)
    times = np.array([0.0, 1.0, 1.5])
    ran = course(made, made.symbolic.typical, [(1.0, 0, 5.0, 0.0)], times)
    assert [(event.name, event.day) for event in ran.happened] == [("vomiting", 1.0)]
    assert ran.states[:, 0] == pytest.approx([0.0, 0.0, 0.5 * np.exp(0.5)], rel=1e-7)


def test_what_starts_beyond_the_limit_has_to_come_back_first():
    parts = Event("cut", lambda a, limit: a - limit, {"a": 1.0})
    assert happened(growing(parts, start=3.0), 2.0) == []
    down = model(
        parameter("k", 1.0, "1/day"), parameter("limit", 2.0, "mg"), Species("a", "mg", 3.0),
        Process("loss", lambda a, k: k * a, "a"),
        Event("bottom", lambda a, limit: a - limit / 2, {"a": lambda limit: 2 * limit}, direction=-1),
    )  # fmt: skip
    days = [day for _, day in happened(down, 3.5)]
    assert days == pytest.approx([np.log(3), np.log(3) + np.log(4)], abs=1e-7)


def test_an_event_at_the_end_of_a_segment_belongs_to_it_and_does_not_come_again():
    made = clock(parameter("day", 2.0, "day"), Event("visit", lambda t, day: t - day, {"n": lambda n: n + 1}))
    p = made.symbolic.typical
    first = made.reference(p, [], np.array([0.0, 2.0]))
    assert first[-1, 1] == 1
    rest = course(made, p, [], np.array([2.0, 4.0]), start=2.0, initial=first[-1])
    assert rest.happened == []
    assert rest.states[-1] == pytest.approx([4.0, 1.0])


@settings(max_examples=10)
@given(cut=st.floats(0.05, 5.95))
def test_a_run_in_two_segments_is_the_run_in_one(cut):
    made = growing(Event("cut", lambda a, limit: a - limit, {"a": lambda limit: limit / 3}))
    p = made.symbolic.typical
    whole = made.reference(p, [], np.array([0.0, 6.0]))
    half = made.reference(p, [], np.array([0.0, cut]))
    rest = made.reference(p, [], np.array([cut, 6.0]), start=cut, initial=half[-1])
    assert rest[-1] == pytest.approx(whole[-1], rel=1e-6)


def test_conditions_see_quantities_and_signals_and_mix_units():
    made = model(
        parameter("k", 1.0, "1/day"),
        parameter("v", 2.0, "l"),
        parameter("limit", 1000.0, "µg/l"),
        Signal("factor"),
        Species("a", "mg", 1.0),
        Quantity("c", lambda a, v: a / v, "mg/l"),
        Process("growth", lambda a, k: k * a, produces="a"),
        Event("cut", lambda c, limit, factor: factor * c - limit, {"a": lambda limit, v: limit * v / 2}),
    )
    assert happened(made, 1.0) == [("cut", pytest.approx(np.log(2), abs=1e-7))]
    states = made.reference(made.symbolic.typical, [], np.array([0.0, np.log(2) + 1e-6]))
    assert states[-1, 0] == pytest.approx(1.0, rel=1e-5)  # 1000 µg/l × 2 l / 2, in mg


def test_cumulative_hazards_go_on_through_an_event_and_names_hold_at_sites():
    lesion = Module(
        "lesion",
        [
            parameter("k", 1.0, "1/day"), parameter("limit", 2.0, "mg"), Species("a", "mg", 1.0),
            Process("growth", lambda a, k: k * a, produces="a"),
            Event("resection", lambda a, limit: a - limit, {"a": 0.0}, meaning="surgery"),
        ],
    )  # fmt: skip
    made = Model([lesion.at("left", ["k"]), lesion.at("right", ["k"])])
    assert [event.name for event in made.symbolic.events] == ["resection at left", "resection at right"]
    constants = np.array([1.0, 2.0, 4.0])
    ran = course(made, constants, [], np.array([0.0, 3.0]))
    assert [event.name for event in ran.happened] == ["resection at left", "resection at right"]
    assert [event.day for event in ran.happened] == pytest.approx([np.log(2), np.log(4)], abs=1e-7)
    assert ran.states[-1] == pytest.approx([0.0, 0.0])


def test_events_that_trigger_each_other_for_ever_are_named_with_the_day():
    made = clock(
        parameter("day", 2.0, "day"),
        parameter("half", 0.5, ""),
        Event("begin", lambda t, day: t - day, {"n": 1.0}),
        Event("up", lambda n, half: half - n, {"n": 1.0}),
        Event("down", lambda n, half: n - half, {"n": 0.0}),
    )
    with pytest.raises(ModelError, match=r"trigger each other for ever on day 2: 'begin', 'down', 'up'"):
        made.reference(made.symbolic.typical, [], np.array([0.0, 3.0]))


def test_events_that_come_faster_and_faster_end_with_an_error(monkeypatch):
    monkeypatch.setattr("opsonin.model.reference_events.MOST_EVENTS", 40)
    made = clock(Species("gap", "", 1.0), Event("bounce", lambda x, gap: x - gap,
                                                 {"x": 0.0, "gap": lambda gap: gap / 2}))  # fmt: skip
    with pytest.raises(ModelError, match=r"40 events by day 2, the last of them 'bounce'"):
        made.reference(made.symbolic.typical, [], np.array([0.0, 3.0]))


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            Event("gone", lambda a, limit: a - limit, {"a": lambda limit: -limit}),
            r"event 'gone' sets species 'a' to -2 mg on day 0\.693147, but it cannot be negative",
        ),
        (
            Event("gone", lambda a, limit: a - limit, {"a": lambda a, b, limit: limit * a / b}),
            "event 'gone' sets species 'a' to inf mg on day .* it cannot be undefined",
        ),
        (
            Event("odd", lambda a, limit: (a - limit) ** 0.5, {"a": 1.0}),
            "event 'odd': its condition is not a number on day 0",
        ),
    ],
)
def test_what_an_event_cannot_do_is_named_with_the_day(event, message):
    made = growing(event, Species("b", "mg"))
    with pytest.raises(ModelError, match=message):
        made.reference(made.symbolic.typical, [], np.array([0.0, 3.0]))


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (Event("e", lambda a: a, {"b": 1.0}), "event 'e' of module 'mine' sets 'b', which the model does not define"),
        (Event("e", lambda a: a, {"limit": 1.0}), "event 'e' .* sets 'limit', .*known are a"),
        (Event("e", lambda a, k: a - k, {"a": 1.0}), r"event 'e' .*line \d+\) adds .* in mg and .* in 1/day"),
        (Event("e", lambda a: a, {"a": lambda k: k}), r"gives 1/day, but what it sets 'a' to must be in mg"),
        (Event("e", lambda limit: limit, {"a": 1.0}), "condition, limit, depends on nothing that changes"),
        (Event("e", lambda a, limit: a > limit, {"a": 1.0}), "which is no number"),
        (Event("e", lambda b: b, {"a": 1.0}), "event 'e' .*uses 'b', which the model does not define"),
    ],
)
def test_an_event_that_does_not_fit_is_refused_naming_it(event, message):
    with pytest.raises(ModelError, match=message):
        _ = growing(event).symbolic


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("e", lambda a: a, {}), "do must be {species: new value}"),
        (("e", lambda a: a, {"a": np.nan}), "event 'e': the new value of 'a' must be a finite number"),
        ((" ", lambda a: a, {"a": 1.0}), "event has an empty name"),
    ],
)
def test_an_event_is_checked_when_it_is_made(arguments, message):
    with pytest.raises(ModelError, match=message):
        Event(*arguments)


def test_events_are_explained_drawn_and_part_of_the_models_name():
    made = growing(
        Input("pressure", "", 1.0),
        Event("cut", lambda a, limit, pressure: a - limit * pressure, {"a": lambda a: a / 2}, meaning="surgery"),
    )
    told = made.explain()
    assert json.loads(json.dumps(told)) == told
    (row,) = told["events"]
    assert (row["name"], row["equation"], row["direction"]) == ("cut", "a - limit*pressure", "rises through 0")
    assert row["do"][0] == {"species": "a", "equation": "a/2", "latex": r"\frac{a}{2}"}
    edges = {(edge["kind"], edge["from"], edge["to"]) for edge in told["diagram"]}
    assert {("sets", "cut", "a"), ("influences", "a", "cut"), ("influences", "pressure", "cut")} <= edges
    other = growing(
        Input("pressure", "", 1.0),
        Event("cut", lambda a, limit, pressure: a - limit * pressure, {"a": lambda a: a / 3}, meaning="surgery"),
    )
    assert made.symbolic.content_hash != other.symbolic.content_hash != growing().symbolic.content_hash
