"""Everything a report looks at: each marker, day and endpoint; and the strongest association that chance makes of it.

Who shows the best of a hundred associations must ask how good the best of a hundred is when there are none. Source:
Westfall & Young (1993), Resampling-Based Multiple Testing, section 2.3 (the null of the maximum, single step).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from opsonin.analysis.asked import Asked
from opsonin.analysis.believability.null import Null, draws_for, induced, permutation_sd, permutations_within
from opsonin.analysis.immortal_time import marker_asked
from opsonin.analysis.immune import protocol_day
from opsonin.analysis.markers import (
    Question,
    at_day,
    biomarker_questions,
    elapsed_day,
    floor_of,
    named,
    wants_log,
)
from opsonin.analysis.response import best_responses
from opsonin.analysis.survival.likelihood import logrank_scores
from opsonin.analysis.time_to_event import endpoint_table, endpoints
from opsonin.errors import AnalysisError

RESPONSE = "response"
CONDITIONAL = ("DOR",)  # endpoints that only responders have: no marker of everybody can be set against them
SHARED = 0.5  # a day on which fewer of a marker's patients were sampled is no day that the report looked at


class Column(NamedTuple):
    """One marker on one day (None: baseline), on its scale; NaN where a patient has none."""

    marker: str
    day: int | None
    change: str
    x: np.ndarray


class Outcome(NamedTuple):
    """One endpoint of every patient: days from its origin, NaN where unknown; for response, the event alone."""

    endpoint: str
    time: np.ndarray
    event: np.ndarray
    origin: np.ndarray


class Chance(NamedTuple):
    """Under shuffled patients, the strongest |z| of each draw; and the associations with their own strengths."""

    strongest: Float[np.ndarray, " draw"]
    seen: pd.DataFrame


@dataclass(frozen=True)
class LookedAt:
    """The markers, days and endpoints of a record, patient by patient.   scope: "level", "arm" … or "" for one group.

    strata: a code for each patient's dose level or arm.   seed: of the permutations.
    """

    columns: list[Column]
    outcomes: list[Outcome]
    strata: Int[np.ndarray, " patient"]
    scope: str
    seed: int

    @property
    def words(self) -> str:
        """How many markers, days and endpoints: "10 markers on 4 days against OS, PFS and TTP"."""
        markers, days = {c.marker for c in self.columns}, {c.day for c in self.columns}
        many = f"{len(markers)} marker{'s' if len(markers) > 1 else ''}"
        when = f" on {len(days)} days" if len(days) > 1 else ""
        against = [o.endpoint for o in self.outcomes]
        *first, last = against or ["nothing"]
        return f"{many}{when} against {', '.join(first)}{' and ' if first else ''}{last}"

    @cached_property
    def chance(self) -> Chance:
        """Every association's own strength, and of each permutation of the patients the strongest of them all."""
        draws = draws_for(self.strata.size)
        exchange = permutations_within(self.strata, draws, self.seed, "believability: patients")
        strongest, seen = np.zeros(draws), []
        for outcome, kept, scores, members in self._sets():
            x = np.stack([self.columns[k].x[kept] for k in members], axis=1)
            spread = permutation_sd(x, scores, self.strata[kept])
            usable = spread > 1e-9 * np.maximum(np.abs(x).max(axis=0), 1e-300) * np.abs(scores).max(initial=0.0)
            if not usable.any():
                continue
            x, spread = x[:, usable] - x[:, usable].mean(axis=0), spread[usable]
            z = scores @ x / spread
            of = induced(exchange, kept)
            for block in np.array_split(np.arange(draws), max(1, draws * max(kept.sum(), z.size) // 4_000_000)):
                np.maximum.at(strongest, block, np.abs(scores[of[block]] @ x / spread).max(axis=1))
            for k, strength in zip(np.array(members)[usable], z, strict=True):
                c = self.columns[k]
                seen.append((outcome.endpoint, c.marker, c.day, c.change, int(kept.sum()), float(strength)))
        frame = pd.DataFrame(seen, columns=pd.Index(["endpoint", "marker", "day", "change", "n", "z"]))
        return Chance(strongest, frame)

    def null(self, observed: float, alone: np.ndarray | None = None) -> Null:
        """The null of the strongest, against one association's strength."""
        chance, within = self.chance, f" within {self.scope}" if self.scope else ""
        told = f"of {chance.strongest.size:,} permutations of the patients{within}"
        return Null(observed, chance.strongest, told, max(len(chance.seen), 1), alone)

    def _sets(self) -> Iterator[tuple[Outcome, Bool[np.ndarray, " patient"], np.ndarray, list[int]]]:
        """For each endpoint, the columns that share their patients: who they are, and their scores of the outcome."""
        for outcome in self.outcomes:
            alike: dict[tuple[float | None, bytes], list[int]] = {}
            for k, column in enumerate(self.columns):
                there = np.isfinite(column.x) & np.isfinite(outcome.time)
                landmark = None if column.day is None or outcome.endpoint == RESPONSE else elapsed_day(column.day)
                if landmark is not None:
                    there &= outcome.time + outcome.origin > landmark
                alike.setdefault((landmark, there.tobytes()), []).append(k)
            for (landmark, key), members in alike.items():
                kept = np.frombuffer(key, dtype=bool)
                scores = self._scores(outcome, kept, landmark)
                if scores is not None:
                    yield outcome, kept, scores, members

    def _scores(self, outcome: Outcome, kept: np.ndarray, landmark: float | None) -> np.ndarray | None:
        """Log-rank scores of those kept, or response less its mean in the stratum; None where there is nothing."""
        event, strata = outcome.event[kept], self.strata[kept]
        if event.sum() < 2:
            return None
        if outcome.endpoint == RESPONSE:
            share = np.bincount(strata, event) / np.maximum(np.bincount(strata), 1)
            return event - share[strata]
        time = outcome.time[kept]
        if landmark is not None:
            origin = outcome.origin[kept]
            time = time + origin - np.maximum(origin, landmark)
        return logrank_scores(time, event, strata)


def looked_at(asked: Asked) -> LookedAt:
    """What the report of this request looks at: every measured marker on every shared day, and what was asked besides.

    With the question `searched = "asked"` only what the questions name: for a protocol that fixed them beforehand.
    """
    ids = pd.Index(asked.table("subjects")["subject_id"])
    label = asked.groups.of.reindex(ids).astype(object)
    strata = np.unique(label.where(label.notna(), "").to_numpy().astype(str), return_inverse=True)[1].reshape(-1)
    questions = biomarker_questions(asked)
    only = asked.questions.get("searched") == "asked"
    columns = {} if only else {(c.marker, c.day, c.change): c for c in _measured(asked, ids, questions)}
    for q in (q for q in questions if not q.time_varying):
        key = (q.marker, q.day, q.change)
        try:
            marker = marker_asked(asked, q)
        except AnalysisError:
            continue  # the question's own finding says why it cannot be read
        values = marker.values.reindex(ids).to_numpy(dtype=float)
        columns[key] = Column(*key, marker.scaled(values))
    against = {e for q in questions for e in q.against} if only else None
    outcomes = [o for o in _outcomes(asked, ids) if against is None or o.endpoint in against]
    scope = asked.groups.by if asked.groups.several else ""
    return LookedAt(list(columns.values()), outcomes, strata, scope, asked.seed)


def _measured(asked: Asked, ids: pd.Index, questions: list[Question]) -> Iterator[Column]:
    """Every marker at baseline and on each day that half of its patients share; changes where any is asked for."""
    rows: Any = named(asked.table("measurements"))
    rows = rows[rows["number"].notna()]
    changes = sorted({q.change for q in questions if q.change})
    for name, own in rows.groupby("name", sort=True, observed=True):
        base, patients = at_day(own, None), own["subject_id"].nunique()
        first = _place(base, ids)
        if len(base):
            yield Column(str(name), None, "", _scaled(first))
        sampled = protocol_day(own["day"])
        is_base = own.index.isin(base.index)
        for day in sorted(set(sampled[~is_base])):
            here = at_day(own[~is_base & (sampled == day)], int(day))
            if len(here) < SHARED * patients:
                continue
            x = _place(here, ids)
            yield Column(str(name), int(day), "", _scaled(x))
            for change in changes if len(base) and day > 1 else []:
                if change == "difference":
                    yield Column(str(name), int(day), change, x - first)
                elif not ((x < 0).any() or (first < 0).any()):  # NaN is not below 0
                    low = floor_of(np.concatenate([x, first]))
                    yield Column(str(name), int(day), change, np.log2(np.maximum(x, low) / np.maximum(first, low)))


def _place(rows: Any, ids: pd.Index) -> np.ndarray:
    out = np.full(len(ids), np.nan)
    where = ids.get_indexer(rows["subject_id"])
    out[where[where >= 0]] = rows["number"].to_numpy(dtype=float)[where >= 0]
    return out


def _scaled(x: np.ndarray) -> np.ndarray:
    return np.log2(np.maximum(x, floor_of(x))) if wants_log(x[np.isfinite(x)]) else x


def _outcomes(asked: Asked, ids: pd.Index) -> Iterator[Outcome]:
    table = asked.table("survival")
    for endpoint in (e for e in endpoints(table) if e not in CONDITIONAL):
        rows = endpoint_table(table, endpoint).drop_duplicates("subject_id").set_index("subject_id").reindex(ids)
        event = rows["event"].astype("boolean").fillna(False).to_numpy(dtype=bool)
        yield Outcome(endpoint, rows["day"].to_numpy(dtype=float), event, rows["origin_day"].fillna(0.0).to_numpy())
    best = best_responses(asked.table("responses"))
    best = best[best != "NE"]
    hit = best.isin(["CR", "PR"]).reindex(ids)
    if hit.sum() > 1 and (~hit.dropna().astype(bool)).sum() > 1:
        known = np.where(hit.notna(), 0.0, np.nan)
        event = hit.astype("boolean").fillna(False).to_numpy(dtype=bool)
        yield Outcome(RESPONSE, known, event, np.zeros(len(ids)))
