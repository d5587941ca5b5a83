"""The same marker in replicate trials: how often they show the link, and how strong it is in the model that made them.

A virtual trial can be lucky. Its replicates say what trials of this size show as simulated, what they would show with
the link broken (the marker permuted within dose level), and, all pooled, how strong the link truly is in the model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from opsonin.analysis.believability.null import Null, shuffle_within
from opsonin.analysis.immune import protocol_day
from opsonin.analysis.markers import Marker, floor_of, named, parts_of_quotient
from opsonin.analysis.survival import cox, cox_single_covariate_many
from opsonin.errors import AnalysisError
from opsonin.random import uniform

Grid = Float[np.ndarray, "trial slot"]
Strata = Int[np.ndarray, "trial slot"]
POOLED = 60  # replicate trials pooled into one estimate: enough for two digits


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

    def reading(self, marker: Marker) -> Grid:
        """A marker as the trial's own was read: its day, quotient and change, on the same scale."""
        there = {str(name) for name in self._measurements["name"].unique()}
        pair = parts_of_quotient(marker.name, there)

        def on(day: int | None) -> Grid:
            if pair is None:
                return self.marker(marker.name, day)
            over, under = (self.marker(part, day) for part in pair)
            return over / np.where(under > 0, under, floor_of(under))

        x = on(marker.day)
        if marker.change == "difference":
            return marker.scaled(x - on(None))
        if marker.change == "ratio":
            base = on(None)
            low = floor_of(np.concatenate([x, base]))
            return np.log2(np.maximum(x, low) / np.maximum(base, low))
        return np.log2(np.maximum(x, floor_of(x))) if marker.log else marker.scaled(x)

    @cached_property
    def _measurements(self) -> Any:
        return named(self.replicates.table("measurements"))

    def marker(self, name: str, day: int | None) -> Grid:
        """A marker on a protocol day; on its baseline where day is None."""
        rows = self._measurements
        rows = rows[(rows["name"] == name).to_numpy(dtype=bool)]
        if day is None:
            rows = rows[rows["baseline"].fillna(False).to_numpy(dtype=bool)]
        else:
            rows = rows[protocol_day(rows["day"]) == day]
        return self.grid(rows, rows["number"].to_numpy(dtype=float))

    def endpoint(self, name: str) -> tuple[Grid, Bool[np.ndarray, "trial slot"]]:
        """Times (days from origin, NaN where missing) and events of an endpoint."""
        rows = self.replicates.table("survival")
        rows = rows[(rows["endpoint"] == name).to_numpy(dtype=bool)]
        event = self.grid(rows, rows["event"].fillna(False).to_numpy(dtype=bool), 0.0)
        return self.grid(rows, rows["day"].to_numpy(dtype=float)), event > 0.5


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


class InReplicates(NamedTuple):
    """What replicate trials say of one marker and endpoint.   pooled: the log hazard ratio over all, and its standard
    error; NaN where there is none.   patients: behind it.
    """

    strengths: ReplicateStrengths
    pooled: float
    se: float
    patients: int
    trials: int


def replicate_strengths(arrays: Arrays, marker: Marker, endpoint: str, seed: int) -> InReplicates:
    """A marker against an endpoint in every replicate, stratified by level, landmarked as in the trial."""
    x, (time, event) = arrays.reading(marker), arrays.endpoint(endpoint)
    time = np.where(np.isfinite(x) & (time > marker.landmark_day), time, np.nan)
    strata = np.where(np.isfinite(time), arrays.level, np.iinfo(np.int32).max)
    came = cox_single_covariate_many(time, event, x, strata=strata, estimate=False).score_z
    draws = uniform(seed, f"believability {marker.name} {marker.day} {endpoint}", arrays.trials, draws=x.shape[1])
    mixed = shuffle_within(strata, x, draws)
    permuted = cox_single_covariate_many(time, event, mixed, strata=strata, estimate=False).score_z
    return InReplicates(ReplicateStrengths(came, permuted), *_pooled(time, event, x, strata))


def _pooled(time: Grid, event: np.ndarray, x: Grid, strata: Strata) -> tuple[float, float, int, int]:
    """One hazard ratio over trials and levels, each with a baseline hazard of its own."""
    time, event, x, strata = time[:POOLED], event[:POOLED], x[:POOLED], strata[:POOLED]
    there = np.isfinite(time) & np.isfinite(x)
    trial = np.broadcast_to(np.arange(time.shape[0])[:, None], time.shape)
    codes = (trial * (int(strata[there].max(initial=0)) + 2) + strata)[there]
    try:
        fit = cox(time[there], event[there], x[there], strata=codes)
    except AnalysisError:
        return math.nan, math.nan, int(there.sum()), time.shape[0]
    return float(fit.coefficient[0]), float(fit.se[0]), int(there.sum()), time.shape[0]
