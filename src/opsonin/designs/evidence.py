"""What has been seen in many trials at once: the sufficient statistics that designs declare, one row a trial."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.designs.outcomes import Outcomes
from opsonin.errors import DesignError

# what a design may look at beside counts of patients and DLTs, which all do
FOLLOW_UP, EFFICACY, GRADES, IMMUNE, PATIENTS = "follow-up", "efficacy", "grades", "immune", "patients"
LOTS = "lots"  # numbers by which ties are broken
NEEDS = (FOLLOW_UP, EFFICACY, GRADES, IMMUNE, PATIENTS, LOTS)


@dataclass(frozen=True, eq=False)
class Patients:
    """The single patients of each trial, in order of entry, for designs that need them.

    dose: 0 where a trial has no such patient (yet).   weight: the part of the DLT window that has been followed, 1 for
    who had a DLT.   time: the part of the window that has passed, until the DLT for who had one.
    grade: of the worst toxicity, -1 unknown.   immune: NaN unknown.
    efficacy_weight: the part of the efficacy window that has been followed, 1 for who responded; None: all of it.
    """

    dose: Int[np.ndarray, "trial patient"]
    dlt: Bool[np.ndarray, "trial patient"]
    weight: Float[np.ndarray, "trial patient"]
    time: Float[np.ndarray, "trial patient"]
    efficacy: Bool[np.ndarray, "trial patient"]
    grade: Int[np.ndarray, "trial patient"]
    immune: Float[np.ndarray, "trial patient"]
    efficacy_weight: Float[np.ndarray, "trial patient"] | None = None

    def take(self, rows: Int[np.ndarray, " chosen"] | Bool[np.ndarray, " trial"]) -> Patients:
        """The patients of some trials."""
        chosen: dict[str, Any] = {f.name: a[rows] for f in fields(self) if (a := getattr(self, f.name)) is not None}
        return replace(self, **chosen)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Counts at each dose, and what else the design declared in `needs`; None where it did not.

    patients: treated, those still in their window too.   dlt: known so far.   current: dose of the last cohort, 0 none.
    last_patients, last_dlt: of the last cohort.
    pending: without a DLT so far, and not yet followed to the end;   followed: the sum of their parts of the window.
    efficacy, both: with a response; with response and DLT.   efficacy_pending, efficacy_followed: as for toxicity, in
    the window of efficacy.
    score: the sum of graded toxicity scores (see the design).   moderate: patients with a toxicity of grade 2 or more.
    immune, immune_squared, immune_known: sums of the immune endpoint and its square, and of how many.
    individuals: the single patients.   lot: a uniform number for each trial, new at each decision, to break ties.
    backfilled: of the patients those treated beside the escalation, at doses below its own;   backfilled_dlt: of these
    those with a DLT; None where there are none.
    """

    patients: Int[np.ndarray, "trial dose"]
    dlt: Int[np.ndarray, "trial dose"]
    current: Int[np.ndarray, " trial"]
    last_patients: Int[np.ndarray, " trial"] | None = None
    last_dlt: Int[np.ndarray, " trial"] | None = None
    pending: Int[np.ndarray, "trial dose"] | None = None
    followed: Float[np.ndarray, "trial dose"] | None = None
    efficacy: Int[np.ndarray, "trial dose"] | None = None
    both: Int[np.ndarray, "trial dose"] | None = None
    efficacy_pending: Int[np.ndarray, "trial dose"] | None = None
    efficacy_followed: Float[np.ndarray, "trial dose"] | None = None
    score: Float[np.ndarray, "trial dose"] | None = None
    moderate: Int[np.ndarray, "trial dose"] | None = None
    immune: Float[np.ndarray, "trial dose"] | None = None
    immune_squared: Float[np.ndarray, "trial dose"] | None = None
    immune_known: Int[np.ndarray, "trial dose"] | None = None
    individuals: Patients | None = None
    lot: Float[np.ndarray, " trial"] | None = None
    backfilled: Int[np.ndarray, "trial dose"] | None = None
    backfilled_dlt: Int[np.ndarray, "trial dose"] | None = None

    def __len__(self) -> int:
        return len(self.current)

    @property
    def doses(self) -> int:
        """How many doses, or cells of a combination, there are."""
        return self.patients.shape[1]

    @cached_property
    def total(self) -> Int[np.ndarray, " trial"]:
        """Patients treated in each trial."""
        return self.patients.sum(axis=1)

    @property
    def escalated(self) -> Int[np.ndarray, " trial"]:
        """Patients of the cohorts by which the dose is found, without those treated beside them."""
        return self.total if self.backfilled is None else self.total - self.backfilled.sum(axis=1)

    @cached_property
    def highest(self) -> Int[np.ndarray, " trial"]:
        """The highest dose tried, 0 for none."""
        numbers = np.arange(1, self.doses + 1)
        return np.where(self.patients > 0, numbers, 0).max(axis=1, initial=0)

    @cached_property
    def trials(self) -> Int[np.ndarray, " trial"]:
        """0, 1, … for indexing with a dose of each trial."""
        return np.arange(len(self))

    def at(self, name: str, dose: Int[np.ndarray, " trial"]) -> np.ndarray:
        """A table's value at one dose of each trial (1 the lowest)."""
        return getattr(self, name)[self.trials, dose - 1]

    def take(self, rows: Int[np.ndarray, " chosen"] | Bool[np.ndarray, " trial"]) -> Evidence:
        """The evidence of some trials."""
        chosen: dict[str, Any] = {
            f.name: a[rows] for f in fields(self) if isinstance(a := getattr(self, f.name), np.ndarray)
        }
        if self.individuals is not None:
            chosen["individuals"] = self.individuals.take(rows)
        return replace(self, **chosen)


def evidence(
    seen: Outcomes,
    levels: int,
    window_days: float | None = None,
    score: np.ndarray | None = None,
    efficacy_window_days: float | None = None,
) -> Evidence:
    """The evidence of one trial.

    window_days: of the DLT window, by which days of follow-up become parts of it.   score: of each grade 0 … 5.
    efficacy_window_days: likewise of responses; without it all of them are known.
    Raises: DesignError where a patient was treated above the highest level, or days of follow-up are given without a
    window to hold them against.
    """
    patients, dlt = seen.counts(levels)
    weight, time = np.ones(len(seen)), np.ones(len(seen))
    if seen.followed_days is not None:
        if window_days is None:
            raise DesignError(
                f"the outcomes {seen.text!r} hold days of follow-up, but the design waits until everybody's window has "
                "closed; use one for late toxicity (tite-boin, tite-crm), or leave the days out."
            )
        time = np.minimum(seen.followed_days / window_days, 1.0)
        weight = np.where(seen.dlt, 1.0, time)
    open_ = weight < 1.0
    beside = seen.beside
    last = _last_cohort(seen, np.flatnonzero(~beside))
    response = np.zeros(len(seen), dtype=bool) if seen.efficacy is None else seen.efficacy
    grade = np.full(len(seen), -1, dtype=np.int64) if seen.grade is None else seen.grade
    response_weight = np.ones(len(seen))
    if seen.followed_days is not None and efficacy_window_days is not None:
        response_weight = np.where(response, 1.0, np.minimum(seen.followed_days / efficacy_window_days, 1.0))
    awaited = response_weight < 1.0
    immune = np.full(len(seen), np.nan) if seen.immune is None else seen.immune
    known = ~np.isnan(immune)

    def summed(values: np.ndarray) -> np.ndarray:
        return np.bincount(seen.level - 1, weights=values, minlength=levels).astype(float)[None]

    if score is not None and np.any(grade < 0):
        who = int(np.flatnonzero(grade < 0)[0]) + 1
        raise DesignError(
            f"patient {who} of the outcomes {seen.text!r} has no grade, and this design scores grades; write the "
            "worst one of each, as in '1Ng1Tg3'."
        )
    points = np.zeros(len(seen)) if score is None else np.where(grade >= 0, score[np.maximum(grade, 0)], 0.0)
    return Evidence(
        patients[None],
        dlt[None],
        np.array([seen.level[last][-1] if last.any() else 0], dtype=np.int64),
        np.array([int(last.sum())], dtype=np.int64),
        np.array([int(seen.dlt[last].sum())], dtype=np.int64),
        seen.count(levels, open_)[None],
        summed(np.where(open_, weight, 0.0)),
        seen.count(levels, response)[None],
        seen.count(levels, response & seen.dlt)[None],
        seen.count(levels, awaited)[None],
        summed(np.where(awaited, response_weight, 0.0)),
        summed(points),
        seen.count(levels, grade >= 2)[None],
        summed(np.where(known, immune, 0.0)),
        summed(np.where(known, immune, 0.0) ** 2),
        seen.count(levels, known)[None],
        Patients(
            seen.level[None],
            seen.dlt[None],
            weight[None],
            time[None],
            response[None],
            grade[None],
            immune[None],
            response_weight[None],
        ),
        backfilled=seen.count(levels, beside)[None] if beside.any() else None,
        backfilled_dlt=seen.count(levels, beside & seen.dlt)[None] if beside.any() else None,
    )


def _last_cohort(seen: Outcomes, escalated: Int[np.ndarray, " escalated"]) -> Bool[np.ndarray, " patient"]:
    """Who belongs to the last cohort, of those through whom the dose is found."""
    last = np.zeros(len(seen), dtype=bool)
    if not len(escalated):
        return last
    cohort = seen.cohorts[escalated]
    if seen.cohort is None:  # runs of a level: the last run only
        cohort = np.cumsum(np.diff(cohort, prepend=cohort[0]) != 0)
    last[escalated[cohort == cohort[-1]]] = True
    return last


def from_counts(
    patients: Int[np.ndarray, "trial dose"], dlt: Int[np.ndarray, "trial dose"], current: Int[np.ndarray, " trial"]
) -> Evidence:
    """The evidence of trials of which only counts and the last dose are known; nobody is still followed.

    Raises: DesignError where there are more DLTs than patients, or a negative number of either.
    """
    wrong = (dlt > patients) | (dlt < 0)
    if wrong.any():
        trial, dose = (int(n) for n in np.argwhere(wrong)[0])
        raise DesignError(
            f"{int(dlt[trial, dose])} DLTs in {int(patients[trial, dose])} patients at level {dose + 1}; there are at "
            "most as many DLTs as patients."
        )
    return Evidence(patients, dlt, current)
