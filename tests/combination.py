"""The first combination as tests use it: its model, its patients, and the courses of one typical patient."""

from functools import cache

import numpy as np

from opsonin.biology import core
from opsonin.model import Model, Module, Parameter, Process, Species
from opsonin.simulate import build_schedule, dose_days, oral, simulate, subcutaneous
from opsonin.therapies import load_agent

AGENTS = ("cyclophosphamide", "imatinib", "interleukin-2")


@cache
def combination() -> Model:
    """Core biology and the three agents."""
    return Model([*core(), *(load_agent(agent) for agent in AGENTS)])


def typical(model: Model) -> np.ndarray:
    """The constants of the typical patient, as one row."""
    return np.asarray(model.symbolic.typical, dtype=float)[None, :]


def regimen(miu: float = 6.0, ctx: bool = True, imatinib: bool = True) -> list:
    """The first cycle of the trial's treatment; 0 MIU leaves IL-2 out."""
    doses = []
    if ctx:
        doses.append(oral("cyclophosphamide", 50, "mg", dose_days(-21, 14)))
    if imatinib:
        doses.append(oral("imatinib", 400, "mg", dose_days(1, 14)))
    if miu:
        doses.append(subcutaneous("interleukin-2", miu, "MIU", dose_days(10, 14)))
    return doses


def course(model: Model, constants: np.ndarray, doses: list, times, **options):
    """Trajectories from three weeks before day 1 (or `start`)."""
    schedule = build_schedule(model, constants, doses)
    return simulate(model, constants, schedule, np.asarray(times, dtype=float), **{"start": -21.0, **options})


def observed(model: Model, trajectories, constants: np.ndarray, *names: str) -> dict[str, np.ndarray]:
    """Name → (patient, time) of true values."""
    seen = model.observe(list(names), trajectories.states, constants, trajectories.times)
    return {name: seen[:, :, n] for n, name in enumerate(names)}


def with_ledger(model: Model) -> tuple[Model, dict[str, str]]:
    """The model with a species for everything that a process takes without giving it on; species → its ledger."""
    ledgers: dict[str, str] = {}
    parts: list = []
    for process, _ in model.parts(Process):
        takes = [name for name, sign, _ in process.stoichiometry if sign < 0]
        gives = [name for name, sign, _ in process.stoichiometry if sign > 0]
        if takes and not gives:
            ledger = f"gone_{len(parts)}"
            unit = next(s.unit for s, _ in model.parts(Species) if s.name == takes[0])
            ledgers[process.name] = ledger
            parts += [Species(ledger, unit), Process(f"{process.name} ledger", process.rate, produces=ledger)]
    return model + Module("ledger", parts), ledgers


def parameters(model: Model) -> list[Parameter]:
    """Every parameter of a model."""
    return [part for part, _ in model.parts(Parameter)]


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's rho."""
    ranks = [np.argsort(np.argsort(values)) for values in (one, other)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
