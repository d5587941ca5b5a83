"""Several designs on the same patients: decision tables, operating characteristics, what differs, and pathways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool

from opsonin.designs.base import Design
from opsonin.designs.characteristics import Simulated, difference
from opsonin.designs.draws import Accrual
from opsonin.designs.evidence import GRADES, IMMUNE
from opsonin.designs.pathways import Pathways, pathways
from opsonin.designs.simulation import simulate
from opsonin.designs.table import DOWN, UP, TableDesign
from opsonin.designs.truth import Scenario, Truth
from opsonin.designs.wrappers import Wrapper
from opsonin.errors import DesignError

TOO_HIGH = 1.4  # times the target, from which on a dose is clearly too toxic, as in BOIN's default
STEEP = 0.9  # on the logit scale, from one level to the next, of the standard scenarios (assumed)


@dataclass(frozen=True, eq=False)
class Judged(Simulated):
    """Trials judged by one target for all designs: no dose is right that is clearly too toxic, and where all are, to
    declare none is right."""

    @property
    def correct(self) -> Bool[np.ndarray, " dose"]:
        assert self.target is not None
        return super().correct & (self.truth.dlt < TOO_HIGH * self.target)

    @property
    def too_toxic(self) -> Bool[np.ndarray, " dose"]:
        assert self.target is not None
        return (self.truth.dlt > self.target + 1e-12) & ~self.correct

    def measures(self) -> dict[str, np.ndarray]:
        made = super().measures()
        return made if self.correct.any() else made | {"right dose": self.mtd == 0}


@dataclass(frozen=True, eq=False)
class Comparison:
    """Designs, by the name they go by, under scenarios.

    target: DLT rate by which a dose is right or too toxic, the same for all.   simulated: scenario → design → trials.
    ahead: the first cohorts' pathways; of designs whose outcomes can be listed.
    """

    designs: Mapping[str, Design]
    scenarios: Mapping[str, Truth]
    target: float
    accrual: Accrual
    trials: int
    seed: int
    simulated: Mapping[str, Mapping[str, Simulated]]
    ahead: Mapping[str, Pathways]

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

    Raises: DesignError without designs or scenarios, or where their numbers of doses differ.
    """
    if not designs or not scenarios:
        raise DesignError("a comparison needs at least one design and one scenario.")
    if not 0 < target < 1:
        raise DesignError(f"target is {target:g}; it lies between 0 and 1.")
    coming = accrual or Accrual()
    found = {
        scene: {
            name: _judged(simulate(one, truth, trials, seed, accrual=coming), target) for name, one in designs.items()
        }
        for scene, truth in scenarios.items()
    }
    ahead = {name: pathways(one, cohorts=cohorts) for name, one in designs.items() if not one.needs & {GRADES, IMMUNE}}
    return Comparison(designs, scenarios, target, coming, trials, seed, found, ahead)


def _judged(found: Simulated, target: float) -> Judged:
    same: dict[str, Any] = {part.name: getattr(found, part.name) for part in fields(Simulated)}
    same["target"] = target
    return Judged(**same)


def standard_scenarios(levels: int, target: float, window_days: float = 28.0) -> dict[str, Scenario]:
    """The target at each level in turn, all levels too toxic, and all far below the target.

    DLT rates rise by the same step on the logit scale (assumed).
    """
    middle = np.log(target / (1 - target))
    steps = np.arange(levels)

    def scene(place: float) -> Scenario:
        return Scenario(1 / (1 + np.exp(-(middle + STEEP * (steps - place)))), window_days=window_days)

    made = {f"level {k + 1} is right": scene(k) for k in range(levels)}
    return made | {"all levels too toxic": scene(-1.5), "all levels safe": scene(levels + 1.0)}


def grid_scenarios(rows: int, columns: int, target: float, window_days: float = 28.0) -> dict[str, Scenario]:
    """Truths for two drugs: the target on each diagonal between the lowest and the highest cell, either drug the more
    toxic one, all cells too toxic, and all far below the target.

    On the logit scale both drugs raise DLT rates by the same step from level to level, or one by one and a half and the
    other by half of it (assumed).
    """
    middle = np.log(target / (1 - target))
    row, column = (axis.ravel() for axis in np.indices((rows, columns)))
    highest = rows + columns - 2

    def scene(height: np.ndarray, place: float) -> Scenario:
        rates = 1 / (1 + np.exp(-(middle + STEEP * (height - place))))
        return Scenario(rates, window_days=window_days, columns=columns)

    even = (row + column).astype(float)
    made = {f"diagonal {k + 1} is right": scene(even, k) for k in range(1, highest)}
    for words, height in (("first", 1.5 * row + 0.5 * column), ("second", 0.5 * row + 1.5 * column)):
        made[f"the {words} agent more toxic"] = scene(height, float(np.sort(height)[len(height) // 2]))
    return made | {"all cells too toxic": scene(even, -1.5), "all cells safe": scene(even, highest + 2.0)}


def decision_rows(design: Design, most: int) -> pd.DataFrame:
    """The decisions by DLTs among so many patients at a level, as a protocol prints them.

    Columns: patients, up (DLTs up to which the next cohort goes up), down (from which it goes down), give_up (from
    which the level is not used again); missing where no number of DLTs does. Empty for designs that look beyond the
    current level.
    """
    inner = innermost(design)
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
