"""What a design does where the truth is known: operating characteristics with their Monte Carlo standard error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from opsonin.designs.truth import Truth

_BY_TARGET = ("right dose", "too toxic dose", "share of patients overdosed", "more than 60 % overdosed")


@dataclass(frozen=True, eq=False)
class Simulated:
    """Trials simulated under one truth, one row each.

    mtd: the dose declared, 0 for none.   patients, dlt: at each dose.   days: how long the trial took, NaN where time
    was not looked at.   backfilled: of the patients those treated beside the escalation; None: nobody.
    """

    design: str
    truth: Truth
    target: float | None
    mtd: Int[np.ndarray, " trial"]
    patients: Int[np.ndarray, "trial dose"]
    dlt: Int[np.ndarray, "trial dose"]
    efficacy: Int[np.ndarray, "trial dose"]
    days: Float[np.ndarray, " trial"]
    backfilled: Int[np.ndarray, "trial dose"] | None = None

    def __len__(self) -> int:
        return len(self.mtd)

    @property
    def select(self) -> Float[np.ndarray, " dose"]:
        """How often each dose is declared."""
        return np.bincount(self.mtd, minlength=self.truth.doses + 1)[1:] / len(self)

    @property
    def none(self) -> float:
        """How often no dose is."""
        return float((self.mtd == 0).mean())

    @property
    def correct(self) -> Bool[np.ndarray, " dose"]:
        """The doses whose true DLT rate is nearest to the target (all of equal distance)."""
        if self.target is None:
            return np.zeros(self.truth.doses, dtype=bool)
        apart = np.abs(self.truth.dlt - self.target)
        return np.isclose(apart, apart.min(), rtol=0, atol=1e-12)

    @property
    def too_toxic(self) -> Bool[np.ndarray, " dose"]:
        """Doses whose true DLT rate is above the target and that are not right."""
        if self.target is None:
            return np.zeros(self.truth.doses, dtype=bool)
        return (self.truth.dlt > self.target + 1e-12) & ~self.correct

    def measures(self) -> dict[str, np.ndarray]:
        """One number a trial for each measure; means and standard errors come from these.

        overdosed 60 %: more than 60 percent of the patients at doses that are too toxic; poor allocation: fewer at a
        right dose than an even split would give (Liu & Yuan 2015, J R Stat Soc C 64:507, section 4.2). Measures that
        hang on which dose is right or too toxic are NaN without a target, poor allocation also where no dose is right.
        """
        total = self.patients.sum(axis=1)
        size = np.maximum(total, 1)
        chosen = np.where(self.mtd > 0, self.mtd - 1, 0)
        over = self.patients @ self.too_toxic / size
        right = self.patients @ self.correct
        measured = {
            "right dose": (self.mtd > 0) & self.correct[chosen],
            "too toxic dose": (self.mtd > 0) & self.too_toxic[chosen],
            "no dose": self.mtd == 0,
            "patients": total,
            "DLTs": self.dlt.sum(axis=1),
            "share of patients overdosed": over,
            "more than 60 % overdosed": over > 0.6,
            "poor allocation": right < total / self.truth.doses if self.correct.any() else np.full(len(self), np.nan),
            "responses": self.efficacy.sum(axis=1),
            "days": self.days,
        }  # fmt: skip
        if self.target is None:
            measured |= {name: np.full(len(self), np.nan) for name in _BY_TARGET}
        if self.backfilled is not None and self.backfilled.any():
            measured["patients on backfill"] = self.backfilled.sum(axis=1)
        return measured

    def summary(self) -> pd.DataFrame:
        """Mean and Monte Carlo standard error of each measure."""
        rows = [(name, *_mean(np.asarray(values, dtype=float))) for name, values in self.measures().items()]
        return pd.DataFrame(rows, columns=pd.Index(["measure", "mean", "se"]))

    def to_frame(self) -> pd.DataFrame:
        """One row a dose: true rate, how often it is declared, patients and DLTs there, with standard errors.

        Where anybody was on backfill, how many of the patients were.
        """
        declared = self.mtd[:, None] == np.arange(1, self.truth.doses + 1)
        columns = {"declared": declared, "patients": self.patients, "dlt": self.dlt}
        made: dict[str, Any] = {"dose": np.arange(1, self.truth.doses + 1), "true_dlt": self.truth.dlt}
        if self.backfilled is not None and self.backfilled.any():
            columns["backfilled"] = self.backfilled
        for name, values in columns.items():
            made[name] = values.mean(axis=0)
            made[f"{name}_se"] = values.std(axis=0, ddof=1) / np.sqrt(len(self)) if len(self) > 1 else np.nan
        return pd.DataFrame(made)


def difference(one: Simulated, other: Simulated) -> pd.DataFrame:
    """One design less another on the same patients: mean difference of each measure with its standard error."""
    mine, theirs = one.measures(), other.measures()
    nobody = np.zeros(len(one))  # on backfill, where one of the designs has none
    rows = [
        (name, *_mean(np.subtract(mine.get(name, nobody), theirs.get(name, nobody), dtype=float)))
        for name in mine | theirs
    ]
    return pd.DataFrame(rows, columns=pd.Index(["measure", "difference", "se"]))


def _mean(values: np.ndarray) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not known.size:
        return float("nan"), float("nan")
    return float(known.mean()), float(known.std(ddof=1) / np.sqrt(known.size)) if known.size > 1 else float("nan")
