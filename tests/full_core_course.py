"""Courses of patients of the full core under agents, as the therapies' tests use them."""

from __future__ import annotations

from functools import cache

import numpy as np

from opsonin.biology import full_core, signals, site_signals
from opsonin.model import Model, Module, Observable, Parameter, Process, Signal, Species, laws
from opsonin.model.derived import completed
from opsonin.patients import indication, sample_patients
from opsonin.simulate import GivenDoses, build_schedule, simulate
from opsonin.therapies import load_agent

SHOWN = ("pd1_free", "pdl1_free", "ctla4_free", "cd47_free", "csf1r_free", "tumour_volume", "suppressive_density")


@cache
def treated(*agents: str) -> Model:
    """The full core with agents; the free shares of receptors, and the tumour's volume, can be observed."""
    shown = [
        Observable(name, "measurements", laws.reading(lambda value: value, name), "dimensionless") for name in SHOWN
    ]
    return Model([*full_core(), *(load_agent(agent) for agent in agents), Module("shown", shown)])


@cache
def patients(agents: tuple[str, ...], count: int, seed: int = 7) -> np.ndarray:
    """Constants of patients with refractory solid tumours, for `treated(*agents)`."""
    return sample_patients(treated(*agents), indication("refractory-solid"), count, seed).constants


@cache
def alone(*agents: str) -> Model:
    """Agents and the signals they modulate, without a patient's biology: small, for kinetics."""
    declared: list = [Signal(name, "sum", "1/day", "declared in immune toxicity") for name in _LATER]
    declared.append(
        Parameter("toxicity_susceptibility", 1.0, "dimensionless", "assumed: nobody is more so than others")
    )
    return Model([signals(), site_signals(), Module("later", declared), *(load_agent(agent) for agent in agents)])


_LATER = ("other_immune_drive", "severe_cytokine_release")


def infusions(agent: str, amount, times, hours: float = 0.5, **options) -> GivenDoses:
    """Intravenous infusions at times (days); amount in mg: a number, or one a patient."""
    times = np.asarray(times, dtype=float)
    if np.ndim(amount):
        amount = np.repeat(np.asarray(amount, dtype=float)[:, None], len(times), axis=1)
    return GivenDoses(agent, "intravenous infusion", "mg", times, amount, hours / 24, **options)


def constant(model: Model, constants: np.ndarray, name: str) -> np.ndarray:
    """One constant of every patient."""
    return constants[:, model.symbolic.constants.index(name)]


def replaced(model: Model, constants: np.ndarray, **values) -> np.ndarray:
    """The constants with some given other values, and the derived ones in step."""
    changed = constants.copy()
    for name, value in values.items():
        changed[:, model.symbolic.constants.index(name)] = value
    return completed(model.symbolic, changed)


def typical(model: Model, **values) -> np.ndarray:
    """The typical patient as one row, with other values where given."""
    return replaced(
        model, completed(model.symbolic, np.asarray(model.symbolic.typical, dtype=float)[None, :]), **values
    )


def course(model: Model, constants: np.ndarray, doses: list, times, **options):
    """Trajectories from day 0; none may fail."""
    schedule = build_schedule(model, constants, doses)
    made = simulate(model, constants, schedule, np.asarray(times, dtype=float), **{"start": 0.0, **options})
    assert not made.failures
    return made


def seen(model: Model, made, constants: np.ndarray, name: str) -> np.ndarray:
    """One observable's true values (patient, time)."""
    return model.observe([name], made.states, constants, made.times)[:, :, 0]


def with_ledger(agent: str) -> tuple[Model, dict[str, str]]:
    """The agent alone, with a species for everything that a process takes without giving it on; process → ledger."""
    ledgers: dict[str, str] = {}
    parts: list = []
    module = load_agent(agent)
    units = {part.name: part.unit for part in module.parts if isinstance(part, Species)}
    for part in module.parts:
        if isinstance(part, Process) and {sign for _, sign, _ in part.stoichiometry} == {-1}:
            ledger = ledgers[part.name] = f"gone_{len(parts)}"
            parts.append(Species(ledger, units[part.stoichiometry[0][0]]))
            parts.append(Process(f"{part.name} ledger", part.rate, produces=ledger))
    return alone(agent) + Module("ledger", parts), ledgers


def parameters(agent: str) -> list[Parameter]:
    """The parameters of an agent's module."""
    return [part for part in load_agent(agent).parts if isinstance(part, Parameter)]
