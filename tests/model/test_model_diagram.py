"""The flow diagram: what acts on what, in which direction, and a graph that Graphviz can read."""

import re

import numpy as np
import pytest
import sympy

from opsonin.model import Event, Input, Model, Modulation, Module, Observable, Process, Quantity, Signal, Species, laws
from opsonin.model.by_numbers import Numbers, numeric
from opsonin.model.diagram import diagram
from opsonin.model.dot import dot
from opsonin.model.influences import Influences
from small_models import combination, parameter


def arrows(model, kind):
    return {(arrow.start, arrow.end, arrow.sign) for arrow in diagram(model).arrows if arrow.kind == kind}


def cells(*more):
    return Model(
        [
            Module(
                "cells",
                [
                    parameter("k", 0.1, "1/day"),
                    parameter("half", 2.0, ""),
                    Signal("loss"),
                    Species("a", "", 1.0, meaning="resting cells (CD8+), by flow cytometry"),
                    Species("b", "", 1.0),
                    Species("c", "", 1.0),
                    Process("a_supply", lambda k: k, produces="a"),
                    Process("a_loss", lambda k, a, loss: k * a * loss, consumes="a"),
                    Process("a_activate", lambda k, a, c, half: k * a * laws.hill(c, half), "a", "b"),
                    Process("b_loss", lambda k, b: k * b, "b"),
                    Process("c_supply", lambda k, b, half: k * laws.inhibition(b, half), produces="c"),
                    Observable("seen", "measurements", lambda a: a, ""),
                    Observable("both", "measurements", lambda a, b: a + b, ""),
                ],
            ),
            *more,
        ]
    )


def test_material_flows_from_state_to_state_and_doses_in():
    model = combination()
    assert arrows(model, "flow") == {("gut", "central", 0)}
    assert arrows(model, "dose") == {("agent drug", "gut", 0)}


def test_what_slows_a_loss_raises_the_state_and_what_slows_a_supply_lowers_it():
    inhibitor = Module("drug", [Modulation("loss", lambda b, half: laws.inhibition(b, half))])
    assert {("b", "a", +1), ("b", "c", -1)} <= arrows(cells(inhibitor), "acts")


def test_what_acts_on_a_process_between_states_points_at_the_process():
    model = cells()
    assert ("c", "process a_activate", +1) in arrows(model, "acts")
    assert {("a", "process a_activate", 0), ("process a_activate", "b", 0)} == arrows(model, "flow")


def test_a_signal_without_modulation_is_not_drawn_and_one_with_several_readers_is_a_node():
    assert "loss" not in diagram(cells()).nodes
    more = Module("more", [Process("b_more_loss", lambda k, b, loss: k * b * loss, "b")])
    by = Module("by", [Modulation("loss", lambda c: 1 + c)])
    drawn = diagram(cells(more, by))
    assert drawn.nodes["loss"].kind == "signal"
    assert {("c", "loss", +1), ("loss", "a", -1), ("loss", "b", -1)} <= arrows(cells(more, by), "acts")


def test_a_state_names_its_supply_its_loss_and_what_is_measured_of_it_alone():
    nodes = diagram(cells()).nodes
    a = nodes["a"]
    assert (a.label, a.made, a.lost, a.measured) == ("resting cells", ["supply"], ["loss"], ["seen"])
    assert ("a", "measured both", 0) in arrows(cells(), "seen")


def test_a_law_that_rises_and_falls_has_no_sign():
    hump = Module("hump", [Process("hump", lambda k, c, half: k * c * half / (half + c**2), produces="b")])
    assert ("c", "b", 0) in arrows(cells(hump), "acts")


def test_a_quantity_where_many_things_meet_is_a_thing_and_spares_arrows():
    meeting = Module(
        "meeting",
        [
            Quantity("pressure", lambda a, b: a + b, ""),
            *[Species(f"x{n}", "", 1.0) for n in range(3)],
            *[
                Process(f"x{n} supply", laws.reading(lambda k, p: k * p, "k", "pressure"), produces=f"x{n}")
                for n in range(3)
            ],
        ],
    )
    made = arrows(cells(meeting), "acts")
    assert {("a", "pressure", +1), ("b", "pressure", +1), ("pressure", "x0", +1)} <= made
    assert ("a", "x0", +1) not in made


def test_a_quantity_that_only_modulations_read_is_drawn_where_several_do():
    """As the killing by a cell that reaches two kinds of cancer cells through two signals."""
    killing = Module(
        "killing",
        [
            Quantity("pressure", lambda a, b: a + b, ""),
            *[Species(f"x{n}", "", 1.0) for n in range(3)],
            *[Signal(f"drive{n}", "sum", "") for n in range(3)],
            *[Modulation(f"drive{n}", laws.reading(lambda p: p, "pressure")) for n in range(3)],
            *[
                Process(f"x{n} supply", laws.reading(lambda k, d: k * d, "k", f"drive{n}"), produces=f"x{n}")
                for n in range(3)
            ],
        ],
    )
    drawn = cells(killing)
    assert {("a", "pressure", +1), ("b", "pressure", +1), ("pressure", "x0", +1)} <= arrows(drawn, "acts")
    assert dot(drawn)


def test_events_and_inputs_are_drawn():
    more = Module(
        "more",
        [
            Input("oxygen", "", 0.2),
            Process("b_burn", lambda k, b, oxygen: k * b * oxygen, "b"),
            Event("resection", lambda c, half: c - half, {"c": 0.0}),
        ],
    )
    made = arrows(cells(more), "acts")
    assert {("oxygen", "b", -1), ("c", "event resection", +1), ("event resection", "c", 0)} <= made


def test_every_arrow_joins_two_nodes_of_the_graph_and_the_text_is_the_same_each_time():
    text = dot(combination(), 'a "title" with <marks> & quotes')
    nodes = set(re.findall(r"^ *(n\d+) \[", text, re.M))
    joined = re.findall(r"^ *(n\d+) -> (n\d+) ", text, re.M)
    assert joined
    assert {end for pair in joined for end in pair} <= nodes
    assert "&lt;marks&gt; &amp; quotes" in text
    assert text == dot(combination(), 'a "title" with <marks> & quotes')


def test_a_site_is_named_by_its_frame_alone():
    nodes = diagram(Model([*cells().at("lesion 2").modules])).nodes
    assert nodes["a_at_lesion_2"].lost == ["loss"]
    assert nodes["b_at_lesion_2"].label == "b"


@pytest.mark.parametrize(
    "law",
    [
        lambda x, y: laws.hill(x, y, 3) + laws.exp(-x),
        lambda x, y: laws.where(x > y, laws.log(y), laws.sqrt(x)),
        lambda x, y: laws.maximum(x, y) * laws.minimum(x, 2) - abs(x - y),
    ],
)
def test_numbers_are_those_of_sympy(law):
    x, y = sympy.symbols("x y", real=True)
    values = {"x": np.linspace(0.1, 3.0, 7), "y": 1.2}
    exact = [float(law(x, y).subs({x: value, y: 1.2})) for value in values["x"]]
    assert Numbers(values).of(law(x, y)) == pytest.approx(exact, rel=1e-12)
    twice, once = numeric([x, y], [law(x, y) * 2, law(x, y)])(values["x"], 1.2)
    assert once == pytest.approx(exact, rel=1e-12)
    assert twice == pytest.approx(2 * once, rel=1e-12)


@pytest.mark.parametrize("power", [-3, -2, -1, -0.5, sympy.Rational(1, 3), 0.5, 1.7, 2, 3, 4])
def test_powers_are_those_of_numpy(power):
    x = sympy.Symbol("x", real=True)
    values = np.array([0.3, 1.0, 7.0])
    (made,) = numeric([x], [x**power])(values)
    assert made == pytest.approx(values ** float(power), rel=1e-14)


def test_a_function_that_is_not_known_by_its_numbers_is_printed_for_numpy():
    x = sympy.Symbol("x", real=True)
    assert numeric([x], [sympy.sinc(x) + 1])(np.array([0.0]))[0] == pytest.approx([2.0])


def test_laws_are_read_through_quantities():
    known = Influences(combination())
    assert known.read("process elimination") == {"central", "clearance"}
    assert known.signs(["hazard fever", "modulation 0 of clearance"]) == {
        "hazard fever": {"central": +1},
        "modulation 0 of clearance": {"central": -1},
    }
