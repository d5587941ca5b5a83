"""Conducting a dose-finding trial: who can be judged, what was seen, what the design says next.

The same code serves a virtual and a real trial: it reads a record's tables, or outcomes as text, and imports neither a
simulator nor a model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from opsonin.criteria.dlt import DltRule, is_dose_limiting
from opsonin.designs import Decision, Design, Outcomes, parse_outcomes
from opsonin.designs.evidence import FOLLOW_UP, GRADES, LOTS, PATIENTS
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
    """What is read of a record."""

    subjects: pd.DataFrame
    adverse_events: pd.DataFrame
    disposition: pd.DataFrame


@dataclass(frozen=True)
class Conduct:
    """A design together with what the protocol counts as an outcome.

    rules: what is dose-limiting; without rules the record's own `dlt` flags count.   window_days: from protocol day 1.
    replace: "not evaluable" leaves patients out who cannot be judged (others take their place), "nobody" counts
    them as without DLT.
    """

    design: Design
    rules: tuple[DltRule, ...] = ()
    window_days: float = 21.0
    replace: Literal["not evaluable", "nobody"] = "not evaluable"

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
        return self.design.decide(known)

    def judge(self, record: Tables, now: float | None = None) -> pd.DataFrame:
        """Each subject with a level, in order of enrolment: subject_id, level, cohort, status, day.

        status: "DLT", "no DLT", "not evaluable" (left before the end of the window without a DLT) or, where `now` (a
        day on the trial's clock) is given, "pending".
        day: when the status was known, on the trial's clock where subjects have an `enrolled_day`, else on their own.
        Raises: DesignError where no subject has a level.
        """
        subjects = record.subjects
        if "level" not in subjects or subjects["level"].isna().all():
            raise DesignError("no subject of this record has a dose level; map `level` in [subjects].")
        table = subjects[subjects["level"].notna()].reset_index(drop=True)
        known = table["subject_id"].astype(str)
        dlt = known.map(self._first_dlt(record.adverse_events)).astype(float).fillna(np.inf).to_numpy()
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
        order = np.argsort(start, kind="stable")
        judged = judged.iloc[order].reset_index(drop=True)
        if judged["cohort"].isna().any():  # each run of one level counts as a cohort
            judged["cohort"] = (judged["level"].diff() != 0).cumsum()
        judged["cohort"] = judged["cohort"].astype(int)
        if now is not None:
            judged.loc[judged["day"] > now, "status"] = "pending"
        return judged[["subject_id", "level", "cohort", "status", "day", "entered"]]

    @property
    def follows(self) -> bool:
        """Whether the design decides while patients are still in their window."""
        return FOLLOW_UP in self.design.needs

    def outcomes(self, judged: pd.DataFrame, now: float | None = None) -> Outcomes:
        """What the design may look at: the subjects whose outcome is known and counts.

        Designs for late toxicity also see those still in their window on the day `now`, with their days of follow-up.
        """
        counted = ["DLT", "no DLT"] if self.replace == "not evaluable" else list(_KNOWN)
        table = judged[judged["status"].isin([*counted, "pending"] if self.follows and now is not None else counted)]
        level, cohort = (table[name].to_numpy(dtype=np.int64) for name in ("level", "cohort"))
        days = None
        pending = (table["status"] == "pending").to_numpy()
        if pending.any() and now is not None:
            so_far = np.maximum(now - table["entered"].to_numpy(dtype=float), 0.0)
            days = np.where(pending, so_far, np.inf)
        return Outcomes(level, (table["status"] == "DLT").to_numpy(), cohort, followed_days=days)

    def next(self, record: Tables, now: float | None = None) -> Decision:
        """What to do next in the trial of this record.

        With patients still in their window (`now` given) the answer is to wait: "stay", with no further patients;
        designs for late toxicity look at how far those have been followed, and answer for themselves.
        Raises: DesignError for designs that look at what is not read from a record yet: give the outcomes as text.
        """
        beyond = sorted(self.design.needs - {FOLLOW_UP, PATIENTS, LOTS})
        if beyond:
            raise DesignError(
                f"the design {self.design.name!r} looks at {' and '.join(beyond)}, which are not read from a record; "
                "give the outcomes as text."
            )
        judged = self.judge(record, now) if len(record.subjects) else _nobody()
        pending = judged[judged["status"] == "pending"]
        if len(pending) and not self.follows:
            level = int(pending["level"].iloc[-1])
            who = ", ".join(pending["subject_id"])
            reason = f"wait: the DLT window of {who} at level {level} is still open"
            return Decision("stay", level, 0, None, reason, {"pending": len(pending)})
        return self.decide(self.outcomes(judged, now))

    def decisions(self, record: Tables) -> pd.DataFrame:
        """The record's `decisions` table, made anew: one decision before the first cohort and one after each."""
        judged = self.judge(record)
        first = float(judged["entered"].min())
        rows = [decision_row(1, first, None, self.design.name, "", None, self.decide(""))]
        for cohort in judged["cohort"].drop_duplicates():
            so_far = judged[judged["cohort"] <= cohort]
            here = so_far[so_far["cohort"] == cohort]
            seen = self.outcomes(so_far)
            made = self.decide(seen)
            level, day = int(here["level"].iloc[-1]), float(here["day"].max())
            rows.append(decision_row(len(rows) + 1, day, int(cohort), self.design.name, seen.text, level, made))
        return decision_table(rows)

    def _first_dlt(self, events: pd.DataFrame) -> dict[Any, Any]:
        """Subject → day of the first DLT within the window."""
        if events.empty:
            return {}
        days = events["start_day"].to_numpy(dtype=float, na_value=np.nan)
        if self.rules:
            grades = events["grade"].to_numpy(dtype=float, na_value=np.nan)
            met = is_dose_limiting(self.rules, events["term"].astype(str).tolist(), grades, days, self.window_days)
        else:
            flagged = (
                events["dlt"].fillna(False).astype(bool).to_numpy() if "dlt" in events else np.zeros(len(days), bool)
            )
            met = flagged & (days >= 0) & (days < self.window_days)
        found = pd.DataFrame({"subject": events["subject_id"].astype(str), "day": days})[met]
        return found.groupby("subject")["day"].min().to_dict()


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
