"""Inputs: covariates in time, held or drawn in lines between their times, on the reference path."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.errors import ModelError
from opsonin.model import Event, Input, Model, Module, Observable, Process, Quantity, Species
from opsonin.model.reference import course
from opsonin.model.series import series_values
from small_models import parameter


def model(*parts):
    return Model([Module("mine", parts)])


def filling(interpolation, default=1.0, *more):
    """a' = the input: its state is the integral of the series."""
    return model(
        Input("pump", "mg/h", default, interpolation, meaning="rate of a pump"),
        Species("a", "mg", nonnegative=False),
        Process("filling", lambda pump: pump, produces="a"),
        Observable("rate", "measurements", lambda pump: pump, "mg/day"),
        *more,
    )


DAYS = st.lists(st.floats(0.1, 9.9), min_size=1, max_size=5, unique_by=lambda day: round(day, 2)).map(sorted)


@settings(max_examples=20)
@given(days=DAYS, data=st.data())
@pytest.mark.parametrize("interpolation", ["previous", "linear"])
def test_what_is_filled_is_the_area_under_the_series(interpolation, days, data):
    rates = data.draw(st.lists(st.floats(-5, 5), min_size=len(days), max_size=len(days)))
    made = filling(interpolation)
    series = {"pump": (np.array(days), np.array(rates))}
    states = made.reference(made.symbolic.typical, [], np.array([0.0, 10.0]), inputs=series)
    if interpolation == "previous":
        area = days[0] * 1.0 + sum(rate * (b - a) for rate, a, b in zip(rates, days, [*days[1:], 10.0], strict=True))
    else:
        knots = [0.0, *days, 10.0]
        ends = [rates[0], *rates, rates[-1]]
        area = np.trapezoid(ends, knots)
    assert states[-1, 0] == pytest.approx(24 * area, rel=1e-7, abs=1e-5)


def test_without_a_series_the_default_holds():
    made = filling("linear", 2.0)
    assert made.reference(made.symbolic.typical, [], np.array([0.0, 1.0]))[-1, 0] == pytest.approx(48.0)


@pytest.mark.parametrize(
    ("interpolation", "expected"),
    [("previous", [9.0, 1.0, 1.0, 3.0, 3.0, 3.0]), ("linear", [1.0, 1.0, 2.0, 3.0, 3.0, 3.0])],
)
def test_values_between_at_and_outside_the_times(interpolation, expected):
    knots, values = np.array([1.0, 2.0, np.inf]), np.array([1.0, 3.0, np.nan])
    moments = np.array([0.5, 1.0, 1.5, 2.0, 2.5, 99.0])
    assert series_values(interpolation, 9.0, knots, values, moments).tolist() == expected
    assert series_values(interpolation, 9.0, knots[:0], values[:0], moments).tolist() == [9.0] * 6


def test_observables_see_the_inputs_of_their_times():
    made = filling("previous")
    times = np.array([0.0, 1.0, 2.0])
    states = np.zeros((2, 3, 1))
    typical = np.zeros((2, 0))
    assert made.observe(["rate"], states, typical, times)[..., 0].tolist() == [[24.0] * 3] * 2
    given = {"pump": np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])}
    assert made.observe(["rate"], states, typical, times, given)[1, :, 0].tolist() == [96.0, 120.0, 144.0]
    with pytest.raises(ModelError, match=r"input 'pumps', .*did you mean 'pump'"):
        made.observe(["rate"], states, typical, times, {"pumps": 1.0})
    with pytest.raises(ModelError, match=r"input 'pump' has values of shape \(3, 1\); expected .* \(2, 3\)"):
        made.observe(["rate"], states, typical, times, {"pump": np.zeros((3, 1))})


def test_a_step_of_an_input_may_be_an_event_and_is_seen_with_what_it_brings_about():
    made = filling(
        "previous",
        0.0,
        parameter("most", 2.0, "mg/h"),
        Event("alarm", lambda pump, most: pump - most, {"a": -1.0}),
    )
    series = {"pump": (np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 4.0, 0.0, 2.0]))}
    ran = course(made, made.symbolic.typical, [], np.array([0.0, 1.0, 4.0, 5.0]), inputs=series)
    assert [event.day for event in ran.happened] == [1.0, 4.0]
    assert ran.states[:, 0] == pytest.approx([0.0, -1.0, -1.0, -1.0 + 48.0])


def test_a_line_of_an_input_reaches_the_limit_between_its_times():
    made = filling("linear", 0.0, parameter("most", 2.0, "mg/h"), Event("alarm", lambda pump, most: pump - most,
                                                                         {"a": 0.0}))  # fmt: skip
    ran = course(
        made,
        made.symbolic.typical,
        [],
        np.array([0.0, 8.0]),
        inputs={"pump": (np.array([0.0, 8.0]), np.array([0, 8.0]))},
    )
    assert [event.day for event in ran.happened] == pytest.approx([2.0], abs=1e-9)


def test_a_run_in_two_segments_is_the_run_in_one_even_where_they_meet_at_a_step():
    made = filling("previous", 0.0, parameter("most", 2.0, "mg/h"),
                   Event("alarm", lambda pump, most: pump - most, {"a": lambda a: a + 1000 * a}))  # fmt: skip
    series = {"pump": (np.array([0.0, 2.0]), np.array([1.0, 3.0]))}
    p = made.symbolic.typical
    whole = course(made, p, [], np.array([0.0, 4.0]), inputs=series)
    for cut in (1.0, 2.0, 3.0):
        half = course(made, p, [], np.array([0.0, cut]), inputs=series)
        rest = course(made, p, [], np.array([cut, 4.0]), inputs=series, start=cut, initial=half.states[-1])
        assert rest.states[-1] == pytest.approx(whole.states[-1])
        assert half.happened + rest.happened == whole.happened


def test_quantities_may_use_inputs_but_initial_values_may_not():
    made = filling("linear", 1.0, Quantity("double", lambda pump: 2 * pump, "mg/h"))
    assert str(made.symbolic.coherent["quantity double"]) == "2*pump"
    with pytest.raises(ModelError, match=r"species 'b' .* depends on pump, which changes in time"):
        _ = filling("linear", 1.0, Species("b", "mg/h", lambda pump: pump)).symbolic


def test_rates_have_their_derivatives_by_inputs():
    made = filling("linear").symbolic
    assert made.input_derivatives == {(0, 0): 24}
    assert made.jacobian == {}
    assert made.time_derivatives == {}


def test_inputs_are_explained_and_part_of_the_models_name():
    made, other = filling("linear"), filling("previous")
    told = made.explain()
    assert json.loads(json.dumps(told)) == told
    assert told["inputs"] == [
        {
            "name": "pump",
            "meaning": "rate of a pump",
            "default": 1.0,
            "unit": "mg/h",
            "interpolation": "linear",
            "module": "mine",
        }
    ]
    assert ("influences", "pump", "filling") in {(e["kind"], e["from"], e["to"]) for e in told["diagram"]}
    assert made.symbolic.content_hash != other.symbolic.content_hash
    assert made.symbolic.content_hash == filling("linear", 7.0).symbolic.content_hash


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ({"pomp": (np.array([0.0]), np.array([1.0]))}, "input 'pomp', .*did you mean 'pump'"),
        ({"pump": (np.array([0.0, 0.0]), np.array([1.0, 2.0]))}, "input 'pump': its times must be finite and increase"),
        ({"pump": (np.array([0.0, 3.0]), np.array([1.0, np.nan]))}, "input 'pump' is nan on day 3; give a finite"),
    ],
)
def test_a_series_that_cannot_be_is_refused(series, message):
    made = filling("previous")
    with pytest.raises(ModelError, match=message):
        made.reference(made.symbolic.typical, [], np.array([0.0, 10.0]), inputs=series)


def test_an_input_without_a_number_by_default_is_refused():
    with pytest.raises(ModelError, match="input 'pump': default must be a finite number"):
        Input("pump", "mg/h", float("nan"))
    with pytest.raises(ModelError, match=r"input 'a pump'.*identifier"):
        Input("a pump", "mg/h", 1.0)
