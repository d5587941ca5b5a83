"""Figures of other publications, by direct simulation of their regimens: the typical patient, or a small pool."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from opsonin.model import Model
from opsonin.patients import VirtualPatients
from opsonin.simulate import GivenDoses, build_schedule, dose_days, intravenous_infusion, oral, simulate, subcutaneous
from opsonin.studies.published import Simulated

IL2 = "interleukin-2"
ONCE = np.zeros(1)
QUARTERS = np.linspace(0.0, 1.0, 97)  # quarter hours of a day


class DirectFigures:
    """patients: whom to simulate; the interval is the middle 95 % of them."""

    def __init__(self, model: Model, patients: VirtualPatients):
        self.model, self.patients = model, patients
        self.surface = patients.covariates["bsa_m2"].to_numpy(dtype=float)[:, None]
        typical = np.asarray(model.symbolic.typical, dtype=float)[None, :]
        self.typical = np.tile(typical, (2, 1))  # two alike: the solver takes an array of patients
        self.typical_surface = float(typical[0, list(model.symbolic.constants).index("bsa_m2")])

    def all(self) -> dict[str, Simulated]:
        """Claim id → figure."""
        once = self.il2_area(20.0, np.array([0.0]))
        twice = self.il2_area(10.0, np.array([0.0, 0.5]))
        low, high = (self.nk_folds(miu) for miu in (0.4, 1.75))
        treg = self.treg_under_cyclophosphamide()
        levels = self.il2_levels(1.75)
        return {
            "il2-auc-once": self.over_patients(once, "IU·h/ml"),
            "il2-auc-ratio": self.over_patients(twice / once),
            "il2-tmax": self.over_patients(
                24 * QUARTERS[self.il2_levels(6 / self.typical_surface).argmax(axis=1)], "h at 6 MIU"
            ),
            "il2-low-dose-peak": self.over_patients(levels.max(axis=1), "IU/ml"),
            "il2-exposure": self.il2_with_imatinib(),
            "nk-low-dose": Simulated(high[0], text=f"typical patient; {low[0]:.2f} at the low dose"),
            "bright-low-dose": Simulated(high[1], text=f"typical patient; {low[1]:.2f} at the low dose"),
            "treg-low-dose": Simulated(self.treg_fold(), text="typical patient"),
            "treg-cyclophosphamide": Simulated(treg.min(), text=f"typical patient; {treg[-1]:.2f} after 13 weeks"),
            "cyp3a": Simulated(self.cyp3a(10.5), text="typical patient"),
            "cyp3a-low": Simulated(self.cyp3a(4.5), text="typical patient"),
            **self.imatinib_alone(),
        }

    def over_patients(self, values: Float[np.ndarray, " patient"], text: str = "") -> Simulated:
        """Geometric mean and the middle 95 % of patients."""
        low, high = np.quantile(values, [0.025, 0.975])
        return Simulated(float(np.exp(np.log(values).mean())), float(low), float(high), text)

    def states(self, constants: np.ndarray, doses: list[GivenDoses], times: np.ndarray) -> np.ndarray:
        schedule = build_schedule(self.model, constants, doses)
        return simulate(self.model, constants, schedule, times, start=min(0.0, float(times[0]))).states

    def seen(self, name: str, constants: np.ndarray, doses: list[GivenDoses], times: np.ndarray) -> np.ndarray:
        """(patient, time) of an observable."""
        states = self.states(constants, doses, times)
        return self.model.observe([name], states, constants, times)[:, :, 0]

    def il2_levels(self, per_m2: float, times: np.ndarray = ONCE) -> np.ndarray:
        doses = [GivenDoses(IL2, "subcutaneous", "MIU", times, per_m2 * self.surface)]
        return self.seen("interleukin-2", self.patients.constants, doses, QUARTERS)

    def il2_area(self, per_m2: float, times: np.ndarray) -> np.ndarray:
        """AUC(0–24 h) of each patient, IU·h/ml: the first day."""
        doses = [GivenDoses(IL2, "subcutaneous", "MIU", times, per_m2 * np.tile(self.surface, (1, len(times))))]
        return np.trapezoid(self.seen("interleukin-2", self.patients.constants, doses, QUARTERS), 24 * QUARTERS, axis=1)

    def il2_with_imatinib(self) -> Simulated:
        """AUC of interleukin-2 on day 14 at 6 MIU, with imatinib over without."""
        times = 13.0 + QUARTERS
        il2 = subcutaneous(IL2, 6, "MIU", dose_days(10, 14))
        imatinib = oral("imatinib", 400, "mg", dose_days(1, 14))
        levels = [self.seen("interleukin-2", self.patients.constants, d, times) for d in ([il2, imatinib], [il2])]
        ratio: Any = levels[0].sum(axis=1) / levels[1].sum(axis=1)
        return self.over_patients(ratio)

    def _one(self, doses: list[GivenDoses], times: np.ndarray) -> dict[str, np.ndarray]:
        states = self.states(self.typical, doses, times)[0]
        return {name: states[:, n] for n, name in enumerate(self.model.symbolic.species)}

    def nk_folds(self, per_m2: float) -> tuple[float, float]:
        """NK and CD56bright NK cells after 7 weeks of daily interleukin-2 over baseline."""
        doses = [subcutaneous(IL2, per_m2 * self.typical_surface, "MIU", dose_days(1, 49))]
        found = self._one(doses, np.array([0.0, 49.0]))
        every = found["nk_dim"] + found["nk_bright"] + found["nk_active"]
        return float(every[1] / every[0]), float(found["nk_bright"][1] / found["nk_bright"][0])

    def treg_fold(self) -> float:
        doses = [subcutaneous(IL2, self.typical_surface, "MIU", dose_days(1, 28))]
        cells = self._one(doses, np.array([0.0, 28.0]))["treg_cells"]
        return float(cells[1] / cells[0])

    def treg_under_cyclophosphamide(self) -> np.ndarray:
        cells = self._one([oral("cyclophosphamide", 50, "mg", dose_days(1, 91))], np.arange(0.0, 92.0, 7.0))[
            "treg_cells"
        ]
        return cells / cells[0]

    def cyp3a(self, per_m2: float) -> float:
        """Activity three days after five days of interleukin-2 into a vein."""
        doses = [intravenous_infusion(IL2, per_m2 * self.typical_surface, "MIU", dose_days(1, 5), 24.0)]
        return float(self._one(doses, np.array([0.0, 7.0]))["cyp3a_activity"][-1])

    def imatinib_alone(self) -> dict[str, Simulated]:
        """Steady peak, trough and metabolite ratio at 400 mg a day."""
        times = 27.0 + QUARTERS
        doses = [oral("imatinib", 400, "mg", dose_days(1, 28))]
        parent = self.seen("imatinib", self.patients.constants, doses, times) / 1000
        metabolite = self.seen("CGP74588", self.patients.constants, doses, times) / 1000
        ratio: Any = np.trapezoid(metabolite, times, axis=1) / np.trapezoid(parent, times, axis=1)
        return {
            "imatinib-peak": self.over_patients(parent.max(axis=1), "mg/l"),
            "imatinib-trough": self.over_patients(parent[:, -1], "mg/l"),
            "metabolite-ratio": self.over_patients(ratio),
        }
