"""The tables of the page on cells and vaccines: `python -m opsonin.studies.cell_tables` prints them.

Pools of virtual patients, each followed for 18 months; no trial, no stopping. A remission is fewer than one living
cancer cell in a hundred within 90 days; a response is a diameter 30 % smaller before it is 20 % larger than at its
smallest.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from opsonin.biology import full_core
from opsonin.model import Model
from opsonin.model.derived import completed
from opsonin.patients import indication, sample_patients
from opsonin.simulate import GivenDoses, build_schedule, intravenous_infusion, simulate, subcutaneous
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
LIQUID_ACCESS = 0.97
PATIENTS = 600
TIMES = np.concatenate([np.arange(-8.0, 90.0, 2.0), np.arange(90.0, 541.0, 15.0)])
CRS = "cytokine release syndrome"
NEURO = "immune effector cell-associated neurotoxicity syndrome"


@dataclass(frozen=True)
class Pool:
    """Patients of one indication in a model of all these agents."""

    model: Model
    constants: Float[np.ndarray, "patient constant"]

    def column(self, name: str) -> np.ndarray:
        """One constant of every patient."""
        return self.constants[:, list(self.model.symbolic.constants).index(name)]

    def changed(self, **values: float | Float[np.ndarray, " patient"]) -> Pool:
        """The same patients with these constants set, to one value or to each patient's own."""
        constants = self.constants.copy()
        for name, value in values.items():
            constants[:, list(self.model.symbolic.constants).index(name)] = value
        return Pool(self.model, completed(self.model.symbolic, constants))

    def lymphodepletion(self) -> list[GivenDoses]:
        """Fludarabine 30 mg/m² on four days and cyclophosphamide 500 mg/m² on two, three days before day 1."""
        size = self.column("bsa_m2")[:, None]
        four, two = 30 * size * np.ones((1, 4)), 500 * size * np.ones((1, 2))
        return [
            intravenous_infusion("fludarabine", four, "mg", np.arange(-7.0, -3.0), 0.5),
            intravenous_infusion("lymphodepleting-cyclophosphamide", two, "mg", np.array([-6.0, -5.0]), 1.0),
        ]

    def under(self, *doses: GivenDoses) -> Course:
        """Their courses under these doses."""
        return Course(self, self.states(doses, TIMES))

    def states(self, doses: Sequence[GivenDoses], times: Float[np.ndarray, " time"]) -> np.ndarray:
        """Their states from the first of these times on, then their summed hazards, (patient, time, state)."""
        schedule = build_schedule(self.model, self.constants, list(doses))
        return simulate(self.model, self.constants, schedule, times, start=float(times[0])).states


@dataclass(frozen=True)
class Course:
    """What becomes of a pool."""

    pool: Pool
    states: Float[np.ndarray, "patient time state"]

    def state(self, name: str) -> Float[np.ndarray, "patient time"]:
        """One species."""
        return self.states[:, :, list(self.pool.model.symbolic.states).index(name)]

    @cached_property
    def cells(self) -> Float[np.ndarray, "patient time"]:
        """Living cancer cells."""
        return self.state("clone_antigen") + self.state("clone_escaped") + self.state("persisters")

    @property
    def remission(self) -> Bool[np.ndarray, " patient"]:
        """See the module."""
        early = (TIMES > 0) & (TIMES <= 90)
        return (self.cells[:, early] / self.cells[:, :1]).min(axis=1) < 0.01

    @cached_property
    def size(self) -> Float[np.ndarray, "patient time"]:
        """Diameter over that at baseline."""
        whole = self.pool.column("cell_density") * self.pool.column("baseline_volume")
        volume = (self.cells + self.state("dead_cells")) / whole[:, None] + self.state("stroma")
        return np.cbrt(np.maximum(volume, 0))

    @property
    def largest_mm(self) -> Float[np.ndarray, "patient time"]:
        """Diameter of the largest lesion."""
        return self.pool.column("lesion_1")[:, None] * self.size

    @property
    def response(self) -> Bool[np.ndarray, " patient"]:
        """See the module."""
        return answered(self.size)[0]

    def relapsed(self, day: float) -> float:
        """The share of those in remission whose cells are back above a twentieth by this day."""
        at = int(np.argmin(abs(TIMES - day)))
        return float((self.cells[self.remission, at] > 0.05 * self.cells[self.remission, 0]).mean())

    def blood(self, prefix: str) -> Float[np.ndarray, "patient time"]:
        """CAR T cells of the blood, cells/µl."""
        count = self.state(f"{prefix}_cells") + self.state(f"{prefix}_memory")
        return count * (self.pool.column(f"{prefix}_blood_share") / self.pool.column(f"{prefix}_blood_volume"))[:, None]

    def peak(self, prefix: str) -> np.ndarray:
        """The highest of their counts, cells/µl."""
        return self.blood(prefix).max(axis=1)

    def hazard(self, name: str) -> Float[np.ndarray, "patient time"]:
        """A hazard summed up since the start."""
        symbolic = self.pool.model.symbolic
        return self.states[:, :, len(symbolic.species) + list(symbolic.hazards).index(name)]

    def event(self, hazard: str) -> float:
        """The share of patients with an event of this hazard by the end."""
        return float(np.mean(-np.expm1(-self.hazard(hazard)[:, -1])))


def answered(size: Float[np.ndarray, "patient time"]) -> tuple[Bool[np.ndarray, " patient"], np.ndarray]:
    """Who shrinks by 30 % before growing by 20 % from the smallest, and when the latter is (an index; beyond the last
    where it never is).

    size: diameters relative to that at baseline.
    """
    always = np.ones((len(size), 1), dtype=bool)
    worse = np.argmax(np.c_[size > 1.2 * np.minimum.accumulate(size, axis=1), always], axis=1)
    return (size.min(axis=1) < 0.7) & (np.argmax(size < 0.7, axis=1) <= worse), worse


def cells(agent: str, million: float, *days: float) -> GivenDoses:
    """Infusions of so many million cells."""
    return intravenous_infusion(agent, million, "Mcell", np.array(days or (0.0,)), 0.5)


def pools(model: Model, *names: str, patients: int = PATIENTS, seed: int = 3) -> dict[str, Pool]:
    """Patients of each indication."""
    return {name: Pool(model, sample_patients(model, indication(name), patients, seed).constants) for name in names}


def leukaemia(pool: Pool) -> str:
    """CAR T cells in leukaemia by dose and with or without lymphodepletion."""
    rows = [
        "| Treatment | remission | relapse in 6 months | peak, cells/µl | any CRS | severe | neurotoxicity |",
        "|---|---|---|---|---|---|---|",
    ]
    room = pool.lymphodepletion()
    for title, prefix, doses in (
        ("1e8 cells after lymphodepletion", "car", [*room, cells("car-t", 100)]),
        ("1e7 cells after lymphodepletion", "car", [*room, cells("car-t", 10)]),
        ("1e8 cells without it", "car", [cells("car-t", 100)]),
        ("1e8 armoured cells after it", "armoured", [*room, cells("armoured-car-t", 100)]),
    ):
        made = pool.under(*doses)
        shares = [made.event(each) for each in (CRS, f"severe {CRS}", NEURO)]
        rows.append(
            f"| {title} | {made.remission.mean():.0%} | {made.relapsed(210):.0%} "
            f"| {np.median(made.peak(prefix)):.0f} | " + " | ".join(f"{share:.0%}" for share in shares) + " |"
        )
    return "\n".join(rows)


def barriers(many: dict[str, Pool]) -> str:
    """Responses of solid tumours to CAR T cells, with one mechanism restored at a time."""
    changes = {
        "as they are": {},
        "no barrier, as in leukaemia": {"access": LIQUID_ACCESS},
        "nor cells without the antigen": {"access": LIQUID_ACCESS, "escape_share": 1e-9},
        "no PD-1 brake on these cells": {"car_solid_braked": 0.0},
        "no suppression of these cells": {"car_solid_suppressed": 0.0},
        "no exhaustion of these cells": {"car_solid_exhausting": 0.0},
        "no cells without the antigen": {"escape_share": 1e-9},
        "antigen as dense as CD19": {"car_solid_antigen_density": 5.0},
    }
    rows = [f"| Patients | {' | '.join(many)} |", "|---|" + "---|" * len(many)]
    for title, values in changes.items():
        found = []
        for pool in many.values():
            changed = pool.changed(**values)
            found.append(changed.under(*changed.lymphodepletion(), cells("car-t-solid", 250)).response.mean())
        rows.append(f"| {title} | " + " | ".join(f"{share:.0%}" for share in found) + " |")
    better = [
        pool.under(*pool.lymphodepletion(), cells("armoured-car-t", 250)).response.mean() for pool in many.values()
    ]
    return "\n".join([*rows, "| armoured cells instead | " + " | ".join(f"{share:.0%}" for share in better) + " |"])


def monocytes(pool: Pool) -> str:
    """Responses by the dose of monocytes, on days 1, 15 and 29."""
    rows = ["| Cells, three times | p21 monocytes | unmodified |", "|---|---|---|"]
    for million in (0.0, 1000.0, 2000.0, 5000.0, 10000.0, 20000.0):
        found = [
            pool.under(cells(agent, million, 0, 14, 28)).response.mean() for agent in ("p21-monocytes", "monocytes")
        ]
        rows.append(f"| {million / 1000:g}e9 | " + " | ".join(f"{share:.1%}" for share in found) + " |")
    return "\n".join(rows)


def vaccines(many: dict[str, Pool]) -> str:
    """T cells of the blood after a month, relative to no vaccine, and responses."""
    days = np.array([0.0, 3.0, 7.0, 14.0, 21.0, 84.0, 140.0])
    given = {
        "nothing": (),
        "cancer-vaccine, 6 mg seven times": (subcutaneous("cancer-vaccine", 6.0, "mg", days),),
        "sipuleucel-t, 5e8 cells three times": (cells("sipuleucel-t", 500, 0, 14, 28),),
    }
    at = int(np.argmin(abs(TIMES - 30)))
    rows = ["| Treatment | Indication | T cells, day 31 | response |", "|---|---|---|---|"]
    for name, pool in many.items():
        before = pool.under().state("cd8_blood")[:, at]
        for title, doses in given.items():
            made = pool.under(*doses)
            rise = np.median(made.state("cd8_blood")[:, at] / before)
            rows.append(f"| {title} | {name} | {rise:.2f} × | {made.response.mean():.1%} |")
    return "\n".join(rows)


def besides(every: dict[str, Pool], patients: int | None = None) -> str:
    """Single figures that the page tells in words.   patients: of each cancer of `p21-monocytes`, all otherwise."""
    children = every["b-all"]
    made = children.under(*children.lymphodepletion(), cells("car-t", 100))
    blood, well = made.blood("car"), made.remission
    peak, day = blood.max(axis=1), TIMES[blood.argmax(axis=1)]
    apart = np.exp(np.log(peak[well]).mean() - np.log(peak[~well]).mean())
    low, high = np.quantile(peak, (0.025, 0.975))
    once = every["tnbc"].under(cells("p21-monocytes", 5000)).response.mean()
    rows = [
        "| beside the tables | |",
        "|---|---|",
        f"| 1e8 CAR T cells in leukaemia: days to the peak, median of responders | {np.median(day[well]):.0f} |",
        f"| – peak in responders over that in others, geometric means | {apart:.1f} |",
        f"| – 97.5th over 2.5th centile of the peak | {high / low:.0f} |",
        f"| 5e9 p21 monocytes once, breast: response | {once:.1%} |",
        *_ways(patients),
    ]
    for name in ("prostate", "prostate-minimal"):
        pool = every[name]
        before, after = (pool.under(*doses).hazard("death") for doses in ((), (cells("sipuleucel-t", 500, 0, 14, 28),)))
        lower = [1 - after[:, at].sum() / before[:, at].sum() for at in (int(np.argmin(abs(TIMES - 360))), -1)]
        told = f"{lower[0]:.1%} in a year, {lower[1]:.1%} in 18 months"
        rows.append(f"| sipuleucel-T, {name}: summed hazard of death lower by | {told} |")
    return "\n".join(rows)


def _ways(patients: int | None) -> Iterator[str]:
    """How much smaller the highest dose of the study `p21-monocytes` makes tumours, and through which ways."""
    from opsonin.study import Study, explain_benefit

    study = Study.load("p21-monocytes")
    why = study.file.questions.why
    assert why is not None
    found = explain_benefit(study, why.pathways, outcome="smaller tumour", level=why.level, patients=patients)
    less = -np.expm1(-found.whole.value)  # of logarithms
    yield f"| 5e9 p21 monocytes three times, both cancers of the study: smaller at best by | {less:.1%} |"
    for row in found.table.itertuples():
        yield f"| – of that, {row.pathway} | {row.share:.0%} |"


def main() -> None:
    """Write every table to the standard output."""
    model = Model([*full_core(), *(load_agent(agent) for agent in AGENTS)])
    every = pools(model, "b-all", "tnbc", "pancreas", "gastric", "melanoma", "prostate", "prostate-minimal")
    tables = [
        leukaemia(every["b-all"]),
        barriers({name: every[name] for name in ("tnbc", "pancreas", "gastric")}),
        monocytes(every["tnbc"]),
        vaccines({name: every[name] for name in ("melanoma", "prostate")}),
        besides(every),
    ]
    sys.stdout.write("\n\n".join(tables) + "\n")


if __name__ == "__main__":
    main()
