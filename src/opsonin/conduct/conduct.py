"""Conducting a dose-finding trial: who can be judged, what was seen, what the design says next.

The same code serves a virtual and a real trial: it reads a record's tables, or outcomes as text, and imports neither a
simulator nor a model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from opsonin.conduct.beside import known_by, on_backfill, opens_by_response, with_open_levels
from opsonin.conduct.endpoints import Endpoints, immune_values, response_days, worst_grades
from opsonin.conduct.waiting import awaited, until_measured, wait_for
from opsonin.criteria.dlt import DltRule, is_dose_limiting
from opsonin.designs import Decision, Design, Outcomes, parse_outcomes
from opsonin.designs.evidence import EFFICACY, FOLLOW_UP, GRADES, IMMUNE
from opsonin.errors import DesignError

COLUMNS = (
    "decision_id",
    "day",
    "cohort",
    "design",
    "seen",
    "level_from",
    "decision",
    "level_to",
    "reason",
    "numbers",
)
_LEAVES = ("off treatment", "off study", "death")


@runtime_checkable
class Tables(Protocol):
    """What is read of a record.

    Designs that look at more than toxicity read `responses` (or `lesions`) and `measurements` too.
    """

    subjects: pd.DataFrame
    adverse_events: pd.DataFrame
    disposition: pd.DataFrame


@dataclass(frozen=True)
class Conduct:
    """A design together with what the protocol counts as an outcome.

    rules: what is dose-limiting; without rules the record's own `dlt` flags count.   window_days: from protocol day 1.
    replace: "not evaluable" leaves patients out who cannot be judged (others take their place), "nobody" counts
    them as without DLT.   endpoints: what counts beside toxicity, for designs that look at it.
    """

    design: Design
    rules: tuple[DltRule, ...] = ()
    window_days: float = 21.0
    replace: Literal["not evaluable", "nobody"] = "not evaluable"
    endpoints: Endpoints = field(default_factory=Endpoints)

    def decide(self, seen: Outcomes | str) -> Decision:
        """The decision after these outcomes, given as `Outcomes` or as text such as "1NNN 2NTN".

        Raises: DesignError where the text cannot be read or names a level the design does not have.
        """
        known = parse_outcomes(seen, getattr(self.design, "columns", None)) if isinstance(seen, str) else seen
        if GRADES in self.design.needs and len(known) and (known.grade is None or (known.grade < 0).any()):
            raise DesignError(
                f"the design {self.design.name!r} looks at the worst grade of every patient, which {known.text!r} does "
                "not hold; write it behind each letter, such as 1Ng0Ng1Tg3."
            )
        if IMMUNE in self.design.needs and len(known) and known.immune is None:
            raise DesignError(
                f"the design {self.design.name!r} looks at an immune effect, which outcomes as text do not hold; read "
                "them from a record."
            )
        if known.beside.any() and not self.design.backfills:
            raise DesignError(
                f"the outcomes {known.text!r} hold patients on backfill, which the design {self.design.name!r} does "
                "not have; give it backfill = 12, or leave the + out."
            )
        return self.design.decide(known)

    def judge(self, record: Tables, now: float | None = None) -> pd.DataFrame:
        """Each subject with a level, in order of enrolment: subject_id, level, cohort, status, day, entered.

        status: "DLT", "no DLT", "not evaluable" (left before the end of the window without a DLT) or, where `now` (a
        day on the trial's clock) is given, "pending"; who came later is left out, and for designs for late outcomes,
        which are asked for whoever comes, who came on that very day too.
        day: when the status was known, on the trial's clock where subjects have an `enrolled_day`, else on their own.
        Where the design looks at more: `response` and `responded_day` (of the response, or when none could come any
        more), `grade` (the worst in the window), `immune` and `immune_day`.
        Raises: DesignError where no subject has a level.
        """
        subjects = record.subjects
        if "level" not in subjects or subjects["level"].isna().all():
            raise DesignError("no subject of this record has a dose level; map `level` in [subjects].")
        here = subjects["level"].notna()
        if now is not None and "enrolled_day" in subjects:  # of a whole record, those who had come by then
            came = subjects["enrolled_day"].astype(float)
            here &= ~(came >= now if self.follows else came > now)  # who comes today is whom a late design is asked for
        table = subjects[here].reset_index(drop=True)
        known = table["subject_id"].astype(str)
        events = record.adverse_events
        met = self._limiting(events)
        dlt = known.map(_first_day(events, met)).astype(float).fillna(np.inf).to_numpy()
        left = known.map(_first_leaving(record.disposition)).astype(float).fillna(np.inf).to_numpy()
        start = _clock(table, record.disposition)
        judged = pd.DataFrame(
            {
                "subject_id": known,
                "level": table["level"].astype(int),
                "status": np.where(
                    np.isfinite(dlt), "DLT", np.where(left < self.window_days, "not evaluable", "no DLT")
                ),
                "day": start + np.minimum(np.minimum(dlt, left), self.window_days),
                "entered": start,
            }
        )
        judged["cohort"] = table["cohort"].astype("Int64") if "cohort" in table else pd.NA
        beside = self._beside_toxicity(record, known, start, met)
        judged = judged.assign(**beside)
        order = np.argsort(start, kind="stable")
        judged = judged.iloc[order].reset_index(drop=True)
        if judged["cohort"].isna().any():  # each run of one level counts as a cohort
            judged["cohort"] = (judged["level"].diff() != 0).cumsum()
        judged["cohort"] = judged["cohort"].astype(int)
        if now is not None:
            judged.loc[judged["day"] > now, "status"] = "pending"
        return judged[["subject_id", "level", "cohort", "status", "day", "entered", *beside]]

    def _beside_toxicity(
        self, record: Any, subjects: pd.Series, start: np.ndarray, limiting: np.ndarray
    ) -> dict[str, np.ndarray]:
        """The further columns of `judge` that the design needs; days on the trial's clock."""
        needs, name, made = self.design.needs, self.design.name, {}
        if EFFICACY in needs or opens_by_response(self.design):
            found, known = response_days(record, subjects, self.endpoints, name)
            made |= {"response": np.isfinite(found), "responded_day": start + known}
        if GRADES in needs:
            made["grade"] = worst_grades(record, subjects, limiting, self.window_days)
        if IMMUNE in needs:
            value, day = immune_values(record, subjects, self.endpoints, name)
            made |= {"immune": value, "immune_day": start + day}
        return made

    @property
    def follows(self) -> bool:
        """Whether the design decides while patients are still in their window."""
        return FOLLOW_UP in self.design.needs

    def outcomes(self, judged: pd.DataFrame, now: float | None = None) -> Outcomes:
        """What the design may look at: the subjects whose outcome is known and counts.

        Designs for late toxicity or late response also see those still in their window on the day `now`, with their
        days of follow-up.
        """
        counted = ["DLT", "no DLT"] if self.replace == "not evaluable" else list(_KNOWN)
        beside = on_backfill(self.design, judged)
        followed = (judged["status"] == "pending") & (self.follows | beside) & (now is not None)
        table = judged[judged["status"].isin(counted) | followed]
        level, cohort = (table[name].to_numpy(dtype=np.int64) for name in ("level", "cohort"))
        today = np.inf if now is None else now
        open_ = (table["status"] == "pending").to_numpy()
        more: dict[str, Any] = {}
        if "response" in table:
            there = (table["responded_day"] <= today).to_numpy()
            more["efficacy"] = table["response"].to_numpy(dtype=bool) & there
            open_ = open_ | (~there & self.follows & (EFFICACY in self.design.needs))
        if GRADES in self.design.needs:
            more["grade"] = table["grade"].to_numpy(dtype=np.int64)
        if IMMUNE in self.design.needs:
            known = (table["immune_day"] <= today).to_numpy()
            more["immune"] = np.where(known, table["immune"].to_numpy(dtype=float), np.nan)
        if open_.any() and now is not None:
            so_far = np.maximum(now - table["entered"].to_numpy(dtype=float), 0.0)
            more["followed_days"] = np.where(open_, so_far, np.inf)
        if beside.any():
            more["backfill"] = beside[table.index].to_numpy()
        columns = getattr(self.design, "columns", None)
        return Outcomes(level, (table["status"] == "DLT").to_numpy(), cohort, columns=columns, **more)

    def next(self, record: Tables, now: float | None = None) -> Decision:
        """What to do next in the trial of this record.

        With subjects still in their window (`now` given), or whose response is still awaited by a design that looks at
        it, the answer is to wait: "stay", with no further patients; designs for late outcomes look at how far those
        have been followed, and answer for themselves.
        Raises: DesignError where the record does not hold what the design looks at.
        """
        judged = self.judge(record, now) if len(record.subjects) else _nobody()
        open_ = awaited(self, judged, now)
        if len(open_):
            return with_open_levels(wait_for(self.design, open_), self.design, self.outcomes(judged, now))
        return until_measured(self, self.decide(self.outcomes(judged, now)), judged, now)

    def decisions(self, record: Tables) -> pd.DataFrame:
        """The record's `decisions` table, made anew: one decision before the first cohort and one after each."""
        judged = self.judge(record)
        first = float(judged["entered"].min())
        rows = [decision_row(1, first, None, self.design.name, "", None, self.decide(""))]
        beside = on_backfill(self.design, judged)
        for cohort in judged.loc[~beside, "cohort"].drop_duplicates():
            so_far = judged[(judged["cohort"] <= cohort) & ~beside]
            here = so_far[so_far["cohort"] == cohort]
            seen = self.outcomes(so_far)
            if beside.any():
                seen = self.outcomes(*known_by(judged, beside, cohort))
            made = self.decide(seen)
            known = [name for name in ("day", "responded_day", "immune_day") if name in here]
            level, day = int(here["level"].iloc[-1]), float(here[known].to_numpy(dtype=float).max())
            rows.append(decision_row(len(rows) + 1, day, int(cohort), self.design.name, seen.text, level, made))
        return decision_table(rows)

    def _limiting(self, events: pd.DataFrame) -> np.ndarray:
        """Which adverse events are dose-limiting, within the window."""
        if events.empty:
            return np.zeros(0, dtype=bool)
        days = events["start_day"].to_numpy(dtype=float, na_value=np.nan)
        if self.rules:
            grades = events["grade"].to_numpy(dtype=float, na_value=np.nan)
            met = is_dose_limiting(self.rules, events["term"].astype(str).tolist(), grades, days, self.window_days)
            return np.asarray(met, dtype=bool)
        flagged = events["dlt"].fillna(False).astype(bool).to_numpy() if "dlt" in events else np.zeros(len(days), bool)
        return flagged & (days >= 0) & (days < self.window_days)


def _first_day(events: pd.DataFrame, which: np.ndarray) -> dict[Any, Any]:
    """Subject → day of the first of these events."""
    if events.empty:
        return {}
    chosen = events[which]
    return chosen["start_day"].astype(float).groupby(chosen["subject_id"].astype(str)).min().to_dict()


_KNOWN = ["DLT", "no DLT", "not evaluable"]


def decision_row(
    number: int, day: float, cohort: int | None, design: str, seen: str, level_from: int | None, made: Decision
) -> dict[str, Any]:
    """One row of `decisions`.   day: on the trial's clock;   level_from: where the last cohort was treated."""
    return {
        "decision_id": f"D{number:02d}",
        "day": day,
        "cohort": cohort,
        "design": design,
        "seen": seen,
        "level_from": level_from,
        "decision": made.action,
        "level_to": made.mtd if made.stop else made.level,
        "reason": made.reason,
        "numbers": json.dumps(made.numbers | {"next_patients": made.patients}),
    }


def decision_table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Rows as the record's table, columns in order."""
    table = pd.DataFrame(list(rows), columns=list(COLUMNS))
    whole: Iterable[str] = ("cohort", "level_from", "level_to")
    return table.astype(dict.fromkeys(whole, "Int64"))


def _first_leaving(disposition: pd.DataFrame) -> dict[Any, Any]:
    """Subject → first day off treatment, off study or dead."""
    rows = disposition[disposition["milestone"].isin(_LEAVES)] if len(disposition) else disposition
    if rows.empty:
        return {}
    days = rows["day"].astype(float).groupby(rows["subject_id"].astype(str)).min()
    return days.to_dict()


def _clock(subjects: pd.DataFrame, disposition: pd.DataFrame) -> np.ndarray:
    """Each subject's protocol day 1 on the trial's clock: the day of enrolment and what lay between; 0.0 unknown."""
    if "enrolled_day" not in subjects:
        return np.zeros(len(subjects))
    enrolled = disposition[disposition["milestone"] == "enrolled"] if len(disposition) else disposition
    own = (
        dict(zip(enrolled["subject_id"].astype(str), enrolled["day"].astype(float), strict=True))
        if len(enrolled)
        else {}
    )
    lead = subjects["subject_id"].astype(str).map(own).astype(float).fillna(0.0).to_numpy()
    return subjects["enrolled_day"].astype(float).fillna(0.0).to_numpy() - lead


def _nobody() -> pd.DataFrame:
    return pd.DataFrame(columns=["subject_id", "level", "cohort", "status", "day", "entered"])
