"""Cells and vaccines as tests use them: one model of them all, patients with solid and with liquid tumours, courses."""

from __future__ import annotations

from functools import cache

import numpy as np

from opsonin.biology import full_core
from opsonin.model import Model
from opsonin.model.derived import completed
from opsonin.patients import indication, sample_patients
from opsonin.simulate import build_schedule, intravenous_infusion, simulate, subcutaneous
from opsonin.therapies import load_agent

AGENTS = (
    "armoured-car-t",
    "cancer-vaccine",
    "car-t",
    "car-t-solid",
    "fludarabine",
    "lymphodepleting-cyclophosphamide",
    "monocytes",
    "p21-monocytes",
    "sipuleucel-t",
)
LOWER = {"macrophage_supply": 0.2, "mdsc_level": 0.5, "treg_level": 0.5, "pdl1_own": 0.3}  # marrow without a stroma
TIMES = np.concatenate([np.arange(-8.0, 60.0), np.arange(60.0, 541.0, 15.0)])


@cache
def union() -> Model:
    """The full core with all of them."""
    return Model([*full_core(), *(load_agent(agent) for agent in AGENTS)])


@cache
def patients(liquid: bool = False, number: int = 150) -> np.ndarray:
    """Constants of refractory solid tumours, or of the same made liquid: no barrier, hardly any cell unseen."""
    model = union()
    constants = sample_patients(model, indication("refractory-solid"), number, seed=6).constants.copy()
    if liquid:
        at = model.symbolic.constants.index
        constants[:, at("access")] = _moved(constants[:, at("access")], 0.35, 0.985, 0.3)
        constants[:, at("escape_share")] = _moved(constants[:, at("escape_share")], 0.03, 1e-11, 1.0)
        constants[:, at("escape_mutation")] = 1e-12
        constants[:, at("net_growth_rate")] *= 4
        constants[:, at("stroma_share")] = 0.02
        constants[:, at("dormant_share")] *= 0.01  # as in the leukaemias' indications
        constants[:, at("cell_density")] = 2500  # 1e11 to 1e12 blasts
        for name, factor in LOWER.items():
            constants[:, at(name)] *= factor
    return completed(model.symbolic, constants)


def _moved(share: np.ndarray, middle: float, to: float, spread: float) -> np.ndarray:
    """Shares around `to` whose log odds differ by `spread` times as much as those around `middle` did."""
    odds = np.log(share / (1 - share)) - np.log(middle / (1 - middle))
    return 1 / (1 + np.exp(-(np.log(to / (1 - to)) + spread * odds)))


def lymphodepletion(bsa=1.85) -> list:
    """Four days of fludarabine, two of cyclophosphamide, three days before day 0; bsa: m², one or for each patient."""
    size = np.reshape(bsa, (-1, 1))
    four, two = 30 * size * np.ones((1, 4)), 500 * size * np.ones((1, 2))
    return [
        intravenous_infusion("fludarabine", four, "mg", np.arange(-7.0, -3.0), 0.5),
        intravenous_infusion("lymphodepleting-cyclophosphamide", two, "mg", np.array([-6.0, -5.0]), 1),
    ]


def cells(agent: str, amount: float, days=(0.0,)) -> list:
    """Infusions of so many million cells."""
    return [intravenous_infusion(agent, amount, "Mcell", np.asarray(days), 0.5)]


def vaccine(amount: float = 6.0, days=(0.0, 3.0, 7.0, 14.0, 21.0, 84.0, 140.0)) -> list:
    """Injections of so many mg of antigen."""
    return [subcutaneous("cancer-vaccine", amount, "mg", np.asarray(days))]


class Course:
    """Trajectories by name: species as (patient, time), constants as (patient,), hazards' probabilities."""

    def __init__(self, doses: list, constants: np.ndarray, times: np.ndarray = TIMES):
        self.model, self.constants = union(), constants
        schedule = build_schedule(self.model, constants, doses)
        self.made = simulate(self.model, constants, schedule, times, start=float(times[0]))
        assert not self.made.failures
        self.times = times

    def __getitem__(self, name: str) -> np.ndarray:
        symbolic = self.model.symbolic
        if name in symbolic.constants:
            return self.constants[:, list(symbolic.constants).index(name)]
        return self.made.states[:, :, list(symbolic.states).index(name)]

    @property
    def living(self) -> np.ndarray:
        """Living cancer cells relative to the first moment."""
        now = self["clone_antigen"] + self["clone_escaped"] + self["persisters"]
        return now / now[:, :1]

    @property
    def diameter(self) -> np.ndarray:
        """Diameter relative to baseline."""
        now = self["clone_antigen"] + self["clone_escaped"] + self["persisters"] + self["dead_cells"]
        volume = now / (self["cell_density"] * self["baseline_volume"])[:, None] + self["stroma"]
        return np.cbrt(np.maximum(volume, 0))

    def response(self) -> float:
        """The share whose diameters fall by 30 % before they rise by 20 % from the smallest."""
        size = self.diameter
        worse = np.argmax(np.c_[size > 1.2 * np.minimum.accumulate(size, axis=1), np.ones((len(size), 1))], axis=1)
        better = np.argmax(size < 0.7, axis=1)
        return float(((size.min(axis=1) < 0.7) & (better <= worse)).mean())

    def remission(self, by: float = 90.0) -> np.ndarray:
        """Whose living cancer cells fall below one in a hundred by this day."""
        return self.living[:, (self.times > 0) & (self.times <= by)].min(axis=1) < 0.01

    def events(self, hazard: str) -> float:
        """The share of patients with the event by the end."""
        symbolic = self.model.symbolic
        total = self.made.states[:, -1, len(symbolic.species) + list(symbolic.hazards).index(hazard)]
        return float(np.mean(-np.expm1(-total)))


@cache
def untreated(liquid: bool = False) -> Course:
    """No dose at all."""
    return Course([], patients(liquid))
