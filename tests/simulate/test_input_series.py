"""Series of inputs: what they refuse, and the pieces in which a solver takes them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.errors import SimulationError
from opsonin.model import Input, Model, Module, Species
from opsonin.model.series import series_values
from opsonin.simulate.inputs import InputSeries, checked_inputs, inputs_at, pieces

MODEL = Model(
    [
        Module(
            "m", [Input("held", "", 7.0), Input("drawn", "", 8.0, "linear"), Input("none", "", 9.0), Species("a", "mg")]
        )
    ]
)
KNOTS = st.lists(st.floats(-5, 20), max_size=6, unique_by=lambda day: round(day, 3)).map(sorted)


@st.composite
def series(draw, name="held", patients=3):
    """One row a patient, of different lengths."""
    rows = [draw(KNOTS) for _ in range(patients)]
    longest = max(1, *(len(row) for row in rows))
    times, values = np.full((patients, longest), np.inf), np.full((patients, longest), np.nan)
    for row, days in enumerate(rows):
        times[row, : len(days)] = days
        values[row, : len(days)] = draw(st.lists(st.floats(-9, 9), min_size=len(days), max_size=len(days)))
    return InputSeries(name, times, values)


@settings(max_examples=40)
@given(
    held=series(name="held"), drawn=series(name="drawn"), moments=st.lists(st.floats(-9, 30), min_size=1, max_size=9)
)
def test_the_pieces_have_the_values_of_the_series_at_every_moment(held, drawn, moments):
    made = pieces(MODEL.symbolic, [held, drawn])
    seen = inputs_at(MODEL.symbolic, [held, drawn], np.array(moments))
    for row in range(3):
        for n, moment in enumerate(moments):
            piece = int(np.searchsorted(made.breaks[row], moment, side="right"))
            begin = made.breaks[row, piece - 1] if piece else moment
            value = made.value[row, piece] + made.slope[row, piece] * (moment - begin)
            (held_days, held_values), (drawn_days, drawn_values) = held.of(row), drawn.of(row)
            expected = [
                series_values("previous", 7.0, held_days, held_values, np.array([moment]))[0],
                series_values("linear", 8.0, drawn_days, drawn_values, np.array([moment]))[0],
                9.0,
            ]
            assert value == pytest.approx(expected, rel=1e-9, abs=1e-9)
            assert [seen["held"][row, n], seen["drawn"][row, n]] == pytest.approx(expected[:2])


def test_series_alike_for_all_patients_are_kept_once():
    same = InputSeries("held", np.array([0.0, 1.0]), np.array([2.0, 3.0]))
    assert same.patients is None
    assert len(pieces(MODEL.symbolic, [same]).breaks) == 1
    own = InputSeries("held", np.array([0.0, 1.0]), np.array([[2.0, 3.0], [4.0, 5.0]]))
    assert own.patients == 2
    assert own.rows(np.array([1])).of(0)[1].tolist() == [4.0, 5.0]
    assert own.rows(np.array([False, True])).patients == 1
    assert same.rows(slice(0, 1)) is not None
    assert pieces(MODEL.symbolic, []).value.tolist() == [[[7.0, 8.0, 9.0]]]


@pytest.mark.parametrize(
    ("times", "values", "message"),
    [
        ([0.0, 1.0], [1.0, np.nan], "input 'held' is nan for patient row 0 on day 1; give a finite number"),
        ([[0.0, 1.0], [0.0, np.inf]], [[1.0, 2.0], [np.inf, 2.0]], "is inf for patient row 1 on day 0"),
        ([[0.0, 1.0], [3.0, 2.0]], [1.0, 2.0], "patient row 1: time 2 of its series is day 2; days are finite and"),
        ([0.0, np.inf, 2.0], [1.0, 2.0, 3.0], "patient row 0: time 3 of its series is day 2"),
        ([np.nan, 1.0], [1.0, 2.0], "patient row 0: time 1 of its series is day nan"),
        ([[0.0], [1.0]], [[1.0], [1.0], [1.0]], r"times of shape \(2, 1\) and values of shape \(3, 1\)"),
    ],
)
def test_a_series_that_cannot_be_names_patient_and_day(times, values, message):
    with pytest.raises(SimulationError, match=message):
        InputSeries("held", np.array(times), np.array(values))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([("helt", 2)], "'helt', which is no input of the model; did you mean 'held'"),
        ([("oxygen", 2)], "its inputs: held, drawn, none"),
        ([("held", 2), ("held", 2)], "two series are given for input 'held'"),
        ([("held", 3)], "input 'held' has series of 3 patients, constants are of 2"),
    ],
)
def test_series_that_do_not_fit_the_model_are_refused(given, message):
    made = [InputSeries(name, np.zeros((rows, 1)), np.ones((rows, 1))) for name, rows in given]
    with pytest.raises(SimulationError, match=message):
        checked_inputs(MODEL.symbolic, made, 2)
