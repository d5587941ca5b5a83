"""Subjects on backfill: treated beside the cohorts, which a record tells by cohort 0."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from opsonin.designs import Decision, Design, Outcomes


def on_backfill(design: Design, judged: pd.DataFrame) -> pd.Series:
    """Which judged subjects are on backfill; nobody where the design has none."""
    return (judged["cohort"] == 0) & design.backfills


def opens_by_response(design: Design) -> bool:
    """Whether the design opens levels to backfill by the responses seen."""
    return design.backfills and bool(getattr(design, "responses", False))


def with_open_levels(waits: Decision, design: Design, seen: Outcomes) -> Decision:
    """A decision to wait for the cohort at `waits.level`, with the levels open to backfill meanwhile."""
    if not design.backfills or waits.level is None:
        return waits
    known = replace(design.evidence(seen), current=np.array([waits.level]))
    open_ = tuple((np.flatnonzero(design.open_to_backfill(known)[0]) + 1).tolist())
    told = ", ".join(design.dose_name(level) for level in open_) or "no level"
    numbers = waits.numbers | {"open_to_backfill": list(open_)}
    return replace(waits, reason=f"{waits.reason}; open to backfill: {told}", numbers=numbers, backfill=open_)


def known_by(judged: pd.DataFrame, beside: pd.Series, cohort: int) -> tuple[pd.DataFrame, float]:
    """The subjects who had come by the day on which a cohort had been judged, as they were known then; and the day.

    beside: who is on backfill.
    """
    escalated = (judged["cohort"] <= cohort) & ~beside
    day = float(judged.loc[escalated, "day"].max())
    table = judged[escalated | (beside & (judged["entered"] <= day))].copy()
    table.loc[table["day"] > day, "status"] = "pending"
    return table, day
