"""Adverse events of immunotherapy: each drive has its own event, susceptible patients have several, brakes add up."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from opsonin.biology import full_core
from opsonin.model import Hazard, Model, Modulation, Module, Parameter, laws
from opsonin.patients import indication, sample_patients
from opsonin.simulate import build_schedule, simulate

DRIVES = {
    "colitis_drive": "colitis",
    "hepatitis_drive": "immune-mediated hepatitis",
    "pneumonitis_drive": "pneumonitis",
    "rash_drive": "rash maculo-papular",
    "hypothyroidism_drive": "hypothyroidism",
    "other_immune_drive": "immune system disorders - other",
    "cytokine_release": "cytokine release syndrome",
    "severe_cytokine_release": "severe cytokine release syndrome",
    "neurotoxicity": "immune effector cell-associated neurotoxicity syndrome",
    "neutropenia_drive": "neutrophil count decreased",
    "anaemia_drive": "anaemia",
    "infusion_reaction": "infusion related reaction",
}
LEVERS = {**dict.fromkeys(DRIVES, "1/day"), "pd1_binding": "dimensionless", "ctla4_binding": "dimensionless"}


@cache
def world():
    parts = []
    for name, unit in LEVERS.items():
        parts.append(Parameter(f"lever_{name}", 0.0, unit, "assumed: a test's lever"))
        parts.append(Modulation(name, laws.reading(lambda value: value, f"lever_{name}")))
    model = Model([*full_core(), Module("levers", parts)])
    return model, sample_patients(model, indication("refractory-solid"), 100, seed=3)


@cache
def accumulated(**levers: float) -> dict[str, np.ndarray]:
    """Cumulative hazards after 100 days, by the hazard's name."""
    model, patients = world()
    symbolic = model.symbolic
    constants = patients.constants.copy()
    for name, value in levers.items():
        constants[:, symbolic.constants.index(f"lever_{name}")] = value
    made = simulate(model, constants, build_schedule(model, constants, []), np.array([0.0, 100.0]), start=0.0)
    assert not made.failures
    return dict(zip(symbolic.hazards, made.states[:, -1, len(symbolic.species) :].T, strict=True))


def column(name: str) -> np.ndarray:
    model, patients = world()
    return patients.constants[:, model.symbolic.constants.index(name)]


def test_nothing_happens_without_a_drive():
    assert all((accumulated()[name] == 0).all() for name in DRIVES.values())


@pytest.mark.parametrize("drive", DRIVES)
def test_a_drive_brings_its_own_event_and_no_other(drive):
    found = accumulated(**{drive: 0.001})
    for other, name in DRIVES.items():
        assert (found[name] > 0).all() if other == drive else (found[name] == 0).all()


def test_an_immune_hazard_is_the_drive_times_what_the_patient_brings():
    expected = 0.1 * column("toxicity_susceptibility") * column("autoimmune_susceptibility")
    assert accumulated(colitis_drive=0.001)["colitis"] == pytest.approx(expected, rel=1e-6)


def test_cells_given_do_not_ask_how_readily_tolerance_breaks():
    expected = 0.1 * column("toxicity_susceptibility")
    assert accumulated(cytokine_release=0.001)["cytokine release syndrome"] == pytest.approx(expected, rel=1e-6)


def test_both_brakes_released_bring_more_hepatitis_than_either_and_not_more_rash():
    drives = {"hepatitis_drive": 0.001, "rash_drive": 0.001}
    alone = [accumulated(**drives, pd1_binding=1e6), accumulated(**drives, ctla4_binding=1e6)]
    both = accumulated(**drives, pd1_binding=1e6, ctla4_binding=1e6)
    for one in alone:
        name = "immune-mediated hepatitis"
        assert both[name] == pytest.approx(2.5 * one[name], rel=1e-3)
        assert both["rash maculo-papular"] == pytest.approx(one["rash maculo-papular"], rel=1e-6)


def test_cytokine_release_starts_at_its_lowest_grade_and_the_severe_one_at_three():
    model, _ = world()
    hazards = {part.name: part for part, _ in model.parts(Hazard)}
    mild, severe = hazards["cytokine release syndrome"], hazards["severe cytokine release syndrome"]
    assert mild.term == severe.term
    assert mild.thresholds[0][0] == 1
    assert severe.thresholds[0][0] == 3
