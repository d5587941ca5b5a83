"""Units are carried through every law: mixed units give the same numbers, wrong dimensions are named."""

from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from opsonin.errors import ModelError
from opsonin.model import Administration, Hazard, Model, Module, Observable, Process, Quantity, Signal, Species, laws
from opsonin.model.dimensions import DimensionError, measure, short, unit_of
from opsonin.units import factor
from small_models import parameter

read: Any = sympy.sympify  # its stubs know no `locals`
NAMES = {"c": "mg/l", "k": "ng/ml", "v": "l", "d": "day", "h": "hour", "n": "", "p": "percent"}
SYMBOLS = {name: sympy.Symbol(name, real=True) for name in NAMES}
UNITS = {SYMBOLS[name]: unit_of(unit) for name, unit in NAMES.items()}


def walked(text):
    return measure(read(text, locals=SYMBOLS), UNITS)


@pytest.mark.parametrize(
    ("text", "expression", "unit"),
    [
        ("c + k", "c + k/1000", "mg/l"),
        ("c*v", "c*v", "mg"),
        ("c/(c + k)", "c/(c + k/1000)", ""),
        ("Max(c, 0)", "Max(c, 0)", "mg/l"),
        ("Min(c, k)", "Min(c, k/1000)", "mg/l"),
        ("(c/k)**n", "(1000*c/k)**n", ""),
        ("1 + p", "1 + p/100", ""),
        ("exp(-d/h)", "exp(-24*d/h)", ""),
        ("log(c/k)", "log(1000*c/k)", ""),
        ("Piecewise((c, d < h), (k, True))", "Piecewise((c, d < h/24), (k/1000, True))", "mg/l"),
        ("Piecewise((c, c > 0), (0, True))", "Piecewise((c, c > 0), (0, True))", "mg/l"),
        ("Abs(c - k)", "Abs(c - k/1000)", "mg/l"),
        ("sign(c)*d", "sign(c)*d", "day"),
    ],
)
def test_factors_are_put_where_units_differ(text, expression, unit):
    measured = walked(text)
    assert sympy.simplify(measured.expression - read(expression, locals=SYMBOLS)) == 0
    assert short(measured.unit) == short(unit_of(unit))


def test_units_under_a_root_convert_with_the_root_of_their_factor():
    mixed = walked("c + sqrt(c*k)")
    assert float(mixed.expression.subs({SYMBOLS["c"]: 2, SYMBOLS["k"]: 8000})) == pytest.approx(2 + 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("c + v", "adds c in mg/l and v in l"),
        ("1 + c", "adds 1 in dimensionless and c in mg/l"),
        ("Max(c, v)", "compares c in mg/l and v in l"),
        ("c**n", "raises c in mg/l to the power n"),
        ("n**c", "has c in mg/l as the exponent"),
        ("exp(c)", "has c in mg/l as the argument of exp"),
        ("Piecewise((c, d < v), (k, True))", "compares d in day and v in l"),
        ("c*oo", "no finite number"),
    ],
)
def test_what_does_not_fit_is_said(text, message):
    with pytest.raises(DimensionError, match=message.replace("*", r"\*")):
        walked(text)


def elimination(rate, unit="mg"):
    return Model(
        [Module("kinetics", [Species("drug", unit), parameter("cl", 2, "l/h"), Process("loss", rate, "drug")])]
    )


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (
            elimination(lambda drug, cl: drug * cl),
            "process 'loss' of module 'kinetics' .*has a rate that gives l·mg/h, but species 'drug' in mg needs mg/day",
        ),
        (
            elimination(lambda drug, cl: drug + cl),
            "process 'loss' of module 'kinetics' .*adds cl in l/h and drug in mg",
        ),
        (elimination(lambda drug: 0.5 * drug), "'loss' .*gives mg, but species 'drug' in mg needs mg/day"),
        (elimination(lambda: 5.0), "'loss' .* gives dimensionless, but species 'drug' in mg needs mg/day"),
        (elimination(lambda drug: drug, "mgg"), "species 'drug' of module 'kinetics': the unit 'mgg' cannot be read"),
        (elimination(lambda drug: drug, "degC"), "species 'drug' of module 'kinetics'.*offset"),
    ],
)
def test_a_process_of_the_wrong_dimension_is_named_with_its_units(made, message):
    with pytest.raises(ModelError, match=message):
        _ = made.symbolic


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Quantity("q", lambda c: c, "mg"), "quantity 'q' .* gives mg/l, but its unit must be in mg"),
        (Hazard("h", lambda c: c, "h"), "hazard 'h' .* gives mg/l, but a hazard's rate must be in 1/day"),
        (Observable("o", "measurements", lambda c: c, "mm"), "observable 'o' .* gives mg/l, .* must be in mm"),
        (Species("s", "mg", lambda c: c), "species 's' .* gives mg/l, but its initial value must be in mg"),
        (Signal("s", unit="mg"), "signal 's' .* combines factors, so it is dimensionless, not mg"),
        (Administration("x", "oral", "a", fraction=lambda c: c), "fraction must be in dimensionless"),
    ],
)
def test_every_other_law_is_held_to_its_unit(part, message):
    with pytest.raises(ModelError, match=message):
        _ = Model([Module("m", [parameter("c", 2, "mg/l"), Species("a", "mg"), part])]).symbolic


def saturable(mass, volume, hour):
    """The same drug written in other units of mass, volume and time."""

    def value(number, unit, to):
        return number * factor(unit, to)

    return Model(
        [
            Module(
                "drug",
                [
                    parameter("vmax", value(30, "mg/h", f"{mass}/{hour}"), f"{mass}/{hour}"),
                    parameter("km", value(0.8, "mg/l", f"{mass}/{volume}"), f"{mass}/{volume}"),
                    parameter("v", value(20, "l", volume), volume),
                    parameter("k", value(0.3, "1/h", f"1/{hour}"), f"1/{hour}"),
                    Species("drug", "mg", 100.0),
                    Species("tissue", "µg", 0.0),
                    Quantity("c", lambda drug, v: drug / v, "ng/ml"),
                    Process("loss", lambda c, vmax, km: laws.michaelis_menten(c, vmax, km), "drug"),
                    Process("spread", lambda drug, k, c, km: k * drug / (1 + laws.exp(-c / km)), "drug", "tissue"),
                ],
            )
        ]
    )


@given(
    mass=st.sampled_from(["mg", "ng", "kg", "µg"]),
    volume=st.sampled_from(["l", "ml", "µl", "dl"]),
    hour=st.sampled_from(["hour", "day", "minute", "week"]),
    state=st.lists(st.floats(0, 500), min_size=2, max_size=2),
)
def test_a_model_written_in_other_units_has_the_same_rates(mass, volume, hour, state):
    def rates(made):
        symbolic = made.symbolic
        values = dict(zip(symbolic.state_symbols, state, strict=True))
        values |= dict(zip(symbolic.constant_symbols, symbolic.typical, strict=True))
        return [float(rate.subs(values)) for rate in symbolic.rates]

    assert rates(saturable(mass, volume, hour)) == pytest.approx(rates(saturable("mg", "l", "hour")), rel=1e-12)


def test_an_observable_is_in_its_unit():
    made = saturable("mg", "l", "hour") + Module("o", [Observable("x", "concentrations", lambda c: c, "µg/ml")])
    states = np.array([[[100.0, 0.0], [40.0, 0.0]]])
    seen = made.observe(["x"], states, made.symbolic.typical[None, :], np.array([0.0, 1.0]))
    assert seen[0, :, 0] == pytest.approx([5.0, 2.0])


def test_a_specific_activity_says_in_which_unit_a_dose_is_taken():
    made = Model(
        [
            Module(
                "interleukin",
                [
                    parameter("activity", 16.4, "MIU/mg"),
                    Species("site", "mg"),
                    Administration("il2", "subcutaneous", "site", 0.8, unit_factor=lambda activity: 1 / activity),
                ],
            )
        ]
    )
    landing = made.symbolic.administrations["il2", "subcutaneous"]
    assert landing.unit_factor is not None
    per_unit = float(landing.unit_factor.subs(dict(zip(made.symbolic.constant_symbols, [16.4], strict=True))))
    assert factor("MIU", landing.dose_unit) * per_unit * float(landing.fraction) == pytest.approx(0.8 / 16.4)


def test_the_cube_root_of_a_volume_is_a_length():
    v = sympy.Symbol("v", real=True)
    assert measure(v ** (1 / 3), {v: unit_of("mm**3")}).unit == unit_of("mm")
    assert measure(v**0.37, {v: unit_of("mm")}).unit == unit_of("mm**0.37")
