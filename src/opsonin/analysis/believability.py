"""How often chance alone looks this good: a finding held against a null in which the link is broken.

The null is made by permuting a marker among patients of the same dose level (or arm), within replicate trials of the
same study where there are any, else within the trial's own patients, so that what the dose does to both stays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from opsonin.analysis.findings import Finding
from opsonin.analysis.immune import protocol_day
from opsonin.analysis.statistics import proportion
from opsonin.analysis.survival import cox_single_covariate_many
from opsonin.errors import AnalysisError
from opsonin.random import uniform

Grid = Float[np.ndarray, "trial slot"]
Strata = Int[np.ndarray, "trial slot"]
SOURCE = "permutation within strata: Good 2005, Permutation, Parametric and Bootstrap Tests of Hypotheses, 3rd ed."


@dataclass(frozen=True)
class Null:
    """Strengths (|z|) of an association that chance makes, and the one observed.   words: how the null was made."""

    observed: float
    strengths: Float[np.ndarray, " draw"]
    words: str

    @property
    def share(self) -> float:
        """How often the null is at least as strong as the observed."""
        return float((self.strengths >= abs(self.observed) - 1e-9).mean())


def believe(finding: Finding, null: Null) -> Finding:
    """How often the null looks at least as good as the finding, in numbers and in plain words.

    Raises: AnalysisError where the null is empty.
    """
    known = null.strengths[np.isfinite(null.strengths)]
    if not known.size or not math.isfinite(null.observed):
        raise AnalysisError(f"{finding.name} cannot be held against chance: no null data set allows the test.")
    null = replace(null, strengths=known)
    hits = round(null.share * known.size)
    value, lower, upper = proportion(hits, known.size)
    many = "none looks" if not hits else f"{_percent(value)} look"
    words = f"{null.words[0].upper()}{null.words[1:]}, {many} at least this good: {verdict(value)}."
    return Finding(
        name=f"{finding.name}.believability",
        group=finding.group,
        estimate=value,
        lower=lower,
        upper=upper,
        level=0.95,
        n=int(known.size),
        events=hits,
        unit="proportion",
        method="share of null data sets with an association (score statistic, two-sided) at least as strong",
        reference=SOURCE,
        note=words,
        table=pd.DataFrame({"null_strength": known, "observed": abs(null.observed)}),
    )


def verdict(share: float) -> str:
    """What a share of null data sets that look as good means, in words."""
    if share < 0.01:
        return "chance hardly makes this"
    if share < 0.05:
        return "chance seldom makes this"
    if share < 0.20:
        return "chance could have made this"
    return "this is what chance looks like"


@dataclass(frozen=True)
class Arrays:
    """Replicate trials as arrays of trial and slot; absent slots are NaN or −1."""

    replicates: Any

    @cached_property
    def trials(self) -> Int[np.ndarray, " trial"]:
        """The numbers of the trials."""
        return np.asarray(self.replicates.trials)

    @cached_property
    def _subjects(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, pd.Index, int]:
        """Trial index and slot of each subject row; sorted keys to find them; the ids; the number of slots."""
        rows = self.replicates.table("subjects")
        trial = np.searchsorted(self.trials, rows["trial"].to_numpy())
        text = rows["subject_id"].astype("category").cat
        ids = pd.Index(text.categories.astype(str))
        starts = np.searchsorted(trial, np.arange(self.trials.size))
        slot = np.arange(trial.size) - starts[trial]
        key = trial * len(ids) + text.codes.to_numpy().astype(np.int64)
        return trial, slot, key, ids, int(slot.max(initial=-1)) + 1

    def grid(self, rows: pd.DataFrame, values: Any, empty: float = math.nan) -> Grid:
        """Values of a table's rows (at most one a subject) in (trial, slot)."""
        trial, slot, key, ids, slots = self._subjects
        out = np.full((self.trials.size, slots), empty, dtype=float)
        if not len(rows):
            return out
        text = rows["subject_id"].astype("category").cat
        code = ids.get_indexer(text.categories.astype(str))[text.codes.to_numpy()]
        own = np.searchsorted(self.trials, rows["trial"].to_numpy()) * len(ids) + code
        order = np.argsort(key)
        where = order[np.minimum(np.searchsorted(key[order], own), key.size - 1)]
        found = (key[where] == own) & (code >= 0)
        out[trial[where[found]], slot[where[found]]] = np.asarray(values, dtype=float)[found]
        return out

    @cached_property
    def level(self) -> Strata:
        """The dose level of each patient; −1 where the slot is empty, 0 where there is no level."""
        rows = self.replicates.table("subjects")
        return self.grid(rows, rows["level"].astype("Float64").fillna(0).to_numpy(dtype=float), -1.0).astype(np.int64)

    def marker(self, name: str, day: int | None) -> Grid:
        """A marker on a protocol day; on its baseline where day is None."""
        rows = self.replicates.table("measurements")
        rows = rows[(rows["marker"] == name).to_numpy(dtype=bool)]
        if day is None:
            rows = rows[rows["baseline"].fillna(False).to_numpy(dtype=bool)]
        else:
            rows = rows[protocol_day(rows["day"]) == day]
        value = np.where(
            rows["below_limit"].fillna(False).to_numpy(dtype=bool), 0.0, rows["value"].to_numpy(dtype=float)
        )
        return self.grid(rows, value)

    def endpoint(self, name: str) -> tuple[Grid, Bool[np.ndarray, "trial slot"]]:
        """Times (days from origin, NaN where missing) and events of an endpoint."""
        rows = self.replicates.table("survival")
        rows = rows[(rows["endpoint"] == name).to_numpy(dtype=bool)]
        event = self.grid(rows, rows["event"].fillna(False).to_numpy(dtype=bool), 0.0)
        return self.grid(rows, rows["day"].to_numpy(dtype=float)), event > 0.5


def shuffle_within(strata: Strata, values: Grid, draws: Grid) -> Grid:
    """Each row's values permuted among the slots of the same stratum. draws: uniform numbers in (0, 1)."""
    there, anyhow = np.argsort(strata, axis=1, kind="stable"), np.argsort(strata + draws, axis=1, kind="stable")
    out = np.empty_like(values)
    np.put_along_axis(out, there, np.take_along_axis(values, anyhow, axis=1), axis=1)
    return out


@dataclass(frozen=True)
class ReplicateStrengths:
    """Score statistics of a marker in replicate trials: as they came, and with the marker permuted within level."""

    as_they_came: Float[np.ndarray, " trial"]
    permuted: Float[np.ndarray, " trial"]

    def null(self, observed: float) -> Null:
        """The null of permuted replicates against an observed statistic."""
        count = int(np.isfinite(self.permuted).sum())
        return Null(
            observed, np.abs(self.permuted), f"of {count:,} replicate trials with the marker permuted within dose level"
        )

    def replication(self, direction: float) -> tuple[float, int]:
        """How often replicates are stronger than 95 % of the null and in this direction; and of how many."""
        known = self.as_they_came[np.isfinite(self.as_they_came)]
        chance = np.abs(self.permuted[np.isfinite(self.permuted)])
        if not known.size or not chance.size:
            return math.nan, 0
        enough = (np.abs(known) > np.quantile(chance, 0.95)) & (np.sign(known) == np.sign(direction))
        return float(enough.mean()), int(known.size)


def replicate_strengths(
    arrays: Arrays, marker: str, day: int | None, endpoint: str, landmark_day: float, log: bool, seed: int
) -> ReplicateStrengths:
    """A marker against an endpoint in every replicate, stratified by level, landmarked as in the trial."""
    x, (time, event) = arrays.marker(marker, day), arrays.endpoint(endpoint)
    if log:
        x = np.log2(np.maximum(x, floor_of(x)))
    time = np.where(np.isfinite(x) & (time > landmark_day), time, np.nan)
    strata = np.where(np.isfinite(time), arrays.level, np.iinfo(np.int32).max)
    came = cox_single_covariate_many(time, event, x, strata=strata, estimate=False).score_z
    draws = uniform(seed, f"believability {marker} {day} {endpoint}", arrays.trials, draws=x.shape[1])
    mixed = shuffle_within(strata, x, draws)
    permuted = cox_single_covariate_many(time, event, mixed, strata=strata, estimate=False).score_z
    return ReplicateStrengths(came, permuted)


def floor_of(values: np.ndarray) -> float:
    """Half the smallest positive value: what stands for 0 on a log scale."""
    positive = values[np.isfinite(values) & (values > 0)]
    return float(positive.min()) / 2 if positive.size else 1.0


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"
