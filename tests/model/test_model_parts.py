"""What a part refuses, and what it says of itself."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsonin.errors import ModelError
from opsonin.model import Hazard, LogitNormal, LogNormal, Normal, Parameter, Process, Signal, Species

HEAVY = ("sympy", "pint", "numba", "scipy")


def test_importing_the_grammar_loads_no_heavy_library():
    check = f"import opsonin.model, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("Widmer 2006, Br J Clin Pharmacol 62:97", "published"),
        ("assumed: no measurement known", "assumed"),
        ("Calibrated to the MTD", "calibrated"),
    ],
)
def test_a_parameter_says_how_it_is_known(source, kind):
    assert Parameter("cl", 14.0, "l/h", source).kind == kind


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Parameter("cl", 14.0, "l/h", " "), "'cl' has no source"),
        (lambda: Parameter("clearance rate", 1.0, "l/h", "x"), "'clearance rate'.*identifier"),
        (lambda: Parameter("t", 1.0, "day", "x"), "'t', which is the time"),
        (lambda: Parameter("lambda", 1.0, "1/day", "x"), "'lambda'.*identifier"),
        (lambda: Parameter("cl", float("nan"), "l/h", "x"), "'cl': value must be a finite number"),
        (lambda: Parameter("cl", 5.0, "l/h", "x", lower=6.0), "'cl': its value 5.0 l/h is outside its limits"),
        (lambda: Parameter("f", 1.5, "", "x", LogitNormal(0.3)), "'f': a LogitNormal spread needs a value in"),
        (lambda: Parameter("f", 0, "", "x", LogNormal(0.3)), "'f': a LogNormal spread needs a positive value"),
        (lambda: LogNormal(-0.1), "cv must be a positive number"),
        (lambda: Species("a", "mg", scale=0.0), "'a': scale must be positive"),
        (lambda: Process("p", lambda a: a), "'p' neither consumes nor produces"),
        (lambda: Hazard("h", lambda a: a, "h", grades={1: 0.5}), "'h': the share of its lowest grade is 1.0"),
        (lambda: Hazard("h", lambda a: a, "h", grades={1: 1.0, 2: 0.2, 3: 0.3}), "'h': shares .* fall with the grade"),
        (lambda: Hazard("h", lambda a: a, "h", grades={0: 1.0}), "'h': grades are 1 to 5"),
        (lambda: Hazard("h", lambda a: a, "h", dlt=7), "'h': dlt is a grade"),
    ],
)
def test_a_part_that_makes_no_sense_is_refused_by_name(make, message):
    with pytest.raises(ModelError, match=message):
        make()


def test_a_hazard_without_grades_has_one_threshold():
    assert Hazard("death", lambda t: t, "death", "death").thresholds == ((None, 1.0),)
    assert Hazard("h", lambda t: t, "h", grades={3: 0.2, 1: 1.0}).thresholds == ((1, 1.0), (3, 0.2))


def test_a_signal_is_neutral_until_modulated():
    assert (Signal("a").neutral, Signal("b", combine="sum").neutral) == (1, 0)


@given(median=st.floats(0.01, 100), cv=st.floats(0.05, 1.5))
def test_a_log_normal_spread_has_its_median_and_coefficient_of_variation(median, cv):
    z = np.linspace(-8, 8, 4001)
    weight = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    values = LogNormal(cv).at(median, z)
    mean = (values * weight).sum()
    assert LogNormal(cv).at(median, 0.0) == pytest.approx(median)
    assert np.sqrt(((values - mean) ** 2 * weight).sum()) / mean == pytest.approx(cv, rel=1e-3)


def test_normal_and_logit_normal_spreads_are_centred_on_the_value():
    assert Normal(2.0).at(10.0, np.array([-1.0, 0.0, 1.0])) == pytest.approx([8.0, 10.0, 12.0])
    values = LogitNormal(1.0).at(0.2, np.array([-30.0, 0.0, 30.0]))
    assert values == pytest.approx([0.0, 0.2, 1.0], abs=1e-9)
