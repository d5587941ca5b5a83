"""Several designs on the same patients: decision tables, operating characteristics, what differs, and pathways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool

from opsonin.designs.base import Design
from opsonin.designs.boin_comb import BoinComb
from opsonin.designs.characteristics import Simulated, difference
from opsonin.designs.draws import Accrual
from opsonin.designs.evidence import EFFICACY, GRADES, IMMUNE
from opsonin.designs.pathways import Pathways, pathways
from opsonin.designs.simulation import simulate
from opsonin.designs.table import DOWN, UP, TableDesign
from opsonin.designs.truth import Truth
from opsonin.designs.waterfall import Waterfall
from opsonin.designs.wrappers import Wrapper
from opsonin.errors import DesignError

TOO_HIGH = 1.4  # times the target, from which on a dose is clearly too toxic, as in BOIN's default


@dataclass(frozen=True)
class Worth:
    """What patients' outcomes are worth: a response alone 100, a DLT alone 0, neither `good`, and both `bad`.

    least: the lowest response rate that is acceptable.
    """

    good: float = 40.0
    bad: float = 60.0
    least: float = 0.25

    def of(self, dlt: np.ndarray, efficacy: np.ndarray) -> np.ndarray:
        """The mean worth at DLT and response rates that are independent of each other."""
        neither, both, alone = (1 - dlt) * (1 - efficacy), dlt * efficacy, (1 - dlt) * efficacy
        return self.good * neither + self.bad * both + 100 * alone


@dataclass(frozen=True, eq=False)
class Judged(Simulated):
    """Trials judged by one target for all designs: no dose is right that is clearly too toxic, and where all are, to
    declare none is right.   worth: by which a dose is best; None where responses are not looked at."""

    worth: Worth | None = None

    @property
    def correct(self) -> Bool[np.ndarray, " dose"]:
        assert self.target is not None
        return super().correct & (self.truth.dlt < TOO_HIGH * self.target)

    @property
    def too_toxic(self) -> Bool[np.ndarray, " dose"]:
        assert self.target is not None
        return (self.truth.dlt > self.target + 1e-12) & ~self.correct

    @property
    def best(self) -> Bool[np.ndarray, " dose"]:
        """The doses worth most, of those neither clearly too toxic nor with too few responses."""
        rates = getattr(self.truth, "efficacy", None)
        if self.worth is None or rates is None or self.target is None:
            return np.zeros(self.truth.doses, dtype=bool)
        allowed = (self.truth.dlt < TOO_HIGH * self.target) & (rates >= self.worth.least)
        value = np.where(allowed, self.worth.of(self.truth.dlt, rates), -np.inf)
        return allowed & np.isclose(value, value.max(initial=-np.inf), rtol=0, atol=1e-9)

    def measures(self) -> dict[str, np.ndarray]:
        made = super().measures()
        if not self.correct.any():
            made["right dose"] = self.mtd == 0
        if self.worth is not None and getattr(self.truth, "efficacy", None) is not None:
            chosen = self.best[np.maximum(self.mtd, 1) - 1] & (self.mtd > 0)
            made["best dose"] = chosen if self.best.any() else self.mtd == 0
        return made


@dataclass(frozen=True, eq=False)
class Comparison:
    """Designs, by the name they go by, under scenarios.

    target: DLT rate by which a dose is right or too toxic, the same for all.   simulated: scenario → design → trials.
    ahead: the first cohorts' pathways; of designs whose outcomes can be listed.   worth: by which doses are best, where
    a design looks at responses.
    """

    designs: Mapping[str, Design]
    scenarios: Mapping[str, Truth]
    target: float
    accrual: Accrual
    trials: int
    seed: int
    simulated: Mapping[str, Mapping[str, Simulated]]
    ahead: Mapping[str, Pathways]
    worth: Worth | None = None

    def characteristics(self) -> pd.DataFrame:
        """One row a scenario, design and measure: mean and Monte Carlo standard error."""
        parts = [
            found.summary().assign(scenario=scene, design=name)
            for scene, row in self.simulated.items()
            for name, found in row.items()
        ]
        table = pd.concat(parts, ignore_index=True)
        return table[["scenario", "design", "measure", "mean", "se"]]

    def by_dose(self) -> pd.DataFrame:
        """One row a scenario, design and dose: true DLT rate, how often declared, patients and DLTs, with errors."""
        parts = [
            found.to_frame().assign(scenario=scene, design=name)
            for scene, row in self.simulated.items()
            for name, found in row.items()
        ]
        table = pd.concat(parts, ignore_index=True)
        first = ["scenario", "design"]
        return table[first + [name for name in table if name not in first]]

    def differences(self) -> pd.DataFrame:
        """Every design less the first one on the same patients: scenario, design, measure, difference, se."""
        first = next(iter(self.designs))
        parts = [
            difference(found, row[first]).assign(scenario=scene, design=name, less=first)
            for scene, row in self.simulated.items()
            for name, found in row.items()
            if name != first
        ]
        columns = ["scenario", "design", "less", "measure", "difference", "se"]
        return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=pd.Index(columns))


def compare_designs(
    designs: Mapping[str, Design],
    scenarios: Mapping[str, Truth],
    target: float,
    trials: int = 2000,
    seed: int = 1,
    accrual: Accrual | None = None,
    cohorts: int = 3,
) -> Comparison:
    """Simulate every design under every scenario on the same patients, and follow its first cohorts.

    Where a design looks at responses, doses are also judged by what outcomes are worth to the first such design.
    Raises: DesignError without designs or scenarios, where their numbers of doses differ, or where a design looks at
    what a truth does not have.
    """
    if not designs or not scenarios:
        raise DesignError("a comparison needs at least one design and one scenario.")
    if not 0 < target < 1:
        raise DesignError(f"target is {target:g}; it lies between 0 and 1.")
    for name, one in designs.items():
        for scene, truth in scenarios.items():
            _check_shows(name, one, scene, truth)
    coming, worth = accrual or Accrual(), _worth(designs)
    found = {
        scene: {
            name: _judged(simulate(one, truth, trials, seed, accrual=coming), target, worth)
            for name, one in designs.items()
        }
        for scene, truth in scenarios.items()
    }
    ahead = {name: pathways(one, cohorts=cohorts) for name, one in designs.items() if not one.needs & {GRADES, IMMUNE}}
    return Comparison(designs, scenarios, target, coming, trials, seed, found, ahead, worth)


_SHOWN = {EFFICACY: ("efficacy", "response_onset"), GRADES: ("grades", "grade"), IMMUNE: ("immune",)}


def _check_shows(name: str, design: Design, scene: str, truth: Truth) -> None:
    """Raises: DesignError for a design that looks at what patients of a truth do not show."""
    for need, places in _SHOWN.items():
        if need in design.needs and all(getattr(truth, place, None) is None for place in places):
            what = {EFFICACY: "responses", GRADES: "grades", IMMUNE: "an immune effect"}[need]
            raise DesignError(
                f"the design {name!r} looks at {what}, which patients of the truth {scene!r} do not show; give them in "
                "a scenario, or compare it under others."
            )


def _worth(designs: Mapping[str, Design]) -> Worth | None:
    """What outcomes are worth to the first design that looks at responses; None without one."""
    asked = next((one for one in designs.values() if EFFICACY in one.needs), None)
    if asked is None:
        return None
    usual = Worth()
    values = (getattr(asked, name, None) for name in ("good", "bad", "efficacy"))
    good, bad, least = (
        float(value) if isinstance(value, int | float) else default
        for value, default in zip(values, (usual.good, usual.bad, usual.least), strict=True)
    )
    return Worth(good, bad, least)


def _judged(found: Simulated, target: float, worth: Worth | None) -> Judged:
    same: dict[str, Any] = {part.name: getattr(found, part.name) for part in fields(Simulated)}
    same["target"] = target
    return Judged(**same, worth=worth)


def decision_rows(design: Design, most: int) -> pd.DataFrame:
    """The decisions by DLTs among so many patients at a level, as a protocol prints them.

    Columns: patients, up (DLTs up to which the next cohort goes up), down (from which it goes down), give_up (from
    which the level is not used again); missing where no number of DLTs does. Empty for designs that look beyond the
    current level.
    """
    inner = innermost(design)
    if isinstance(inner, Waterfall):
        inner = inner.whole
    inner = inner.single if isinstance(inner, BoinComb) else inner  # by the cell's own counts, as of one drug
    columns = ["patients", "up", "down", "give_up"]
    if not isinstance(inner, TableDesign):
        return pd.DataFrame(columns=pd.Index(columns))
    table = inner.table(most)
    rows = []
    for patients in range(1, most + 1):
        move, gone = table.move[patients, : patients + 1], table.eliminate[patients, : patients + 1]
        up, down, out = np.flatnonzero(move == UP), np.flatnonzero((move == DOWN) | gone), np.flatnonzero(gone)
        rows.append(
            (
                patients,
                up.max() if len(up) else None,
                down.min() if len(down) else None,
                out.min() if len(out) else None,
            )
        )
    return pd.DataFrame(rows, columns=pd.Index(columns)).astype("Int64")


def innermost(design: Design) -> Design:
    """The design without the rules around it."""
    while isinstance(design, Wrapper):
        design = design.inner
    return design
