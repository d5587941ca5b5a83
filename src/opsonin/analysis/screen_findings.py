"""The screen as a chapter: every marker of a record (or those named) against endpoints and response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.biomarkers import at_risk_when_sampled
from opsonin.analysis.findings import Finding, note, with_note
from opsonin.analysis.immune import protocol_day
from opsonin.analysis.markers import Marker, named, wants_log
from opsonin.analysis.response import best_responses
from opsonin.analysis.screening import screen, screen_response
from opsonin.analysis.time_to_event import endpoint_table, endpoints
from opsonin.errors import AnalysisError


class Wanted(NamedTuple):
    """One screen: markers (None: all) at baseline (day None) or on a protocol day, against endpoints."""

    against: tuple[str, ...]
    markers: tuple[str, ...] | None
    day: int | None


def screen_findings(asked: Asked) -> list[Finding]:
    """The screens that the questions ask for; nothing where they ask for none."""
    question = asked.questions.get("screen")
    if not question:
        return []
    wanted = _wanted(question)
    known = (*endpoints(asked.table("survival")), "response")
    try:
        markers = screened_markers(asked, wanted)
    except AnalysisError as problem:
        return [note("screen", f"No screen: {problem}")]
    found: list[Finding] = []
    for endpoint in wanted.against:
        if endpoint not in known:
            found.append(note(f"screen.{endpoint}", f"No screen against {endpoint!r}; there are {', '.join(known)}."))
            continue
        try:
            found += _one(asked, wanted, markers, endpoint)
        except AnalysisError as problem:
            found.append(note(f"screen.{endpoint}", f"No screen against {endpoint}: {problem}"))
    return found


def screened_markers(asked: Asked, wanted: Wanted) -> list[Marker]:
    """Every marker measured at baseline, or on the day, with its scale.

    Raises: AnalysisError where none was measured then, or naming one that is not there.
    """
    rows: Any = named(asked.table("measurements"))
    there = sorted(map(str, rows["name"].unique()))
    missing = [m for m in wanted.markers or () if m not in there]
    if missing:
        raise AnalysisError(f"no marker is called {missing[0]!r}; there are {', '.join(there[:12]) or 'none'}.")
    if wanted.markers is not None:
        rows = rows[rows["name"].isin(wanted.markers)]
    if wanted.day is None:
        flagged = rows["baseline"].fillna(False).astype(bool)
        marked = rows["name"].isin(rows.loc[flagged, "name"].unique())
        rows = rows[flagged | (~marked & (rows["day"] <= 0))]
    else:
        rows = rows[protocol_day(rows["day"]) == wanted.day]
    when = "at baseline" if wanted.day is None else f"on day {wanted.day}"
    rows = rows[rows["number"].notna()]
    if not len(rows):
        raise AnalysisError(f"no marker was measured {when}.")
    rows = rows.sort_values("day", kind="stable").drop_duplicates(["subject_id", "name"], keep="last")
    found = []
    for name, own in rows.groupby("name", observed=True):
        values = pd.Series(own["number"].to_numpy(dtype=float), index=own["subject_id"].to_numpy(dtype=object))
        log = wants_log(values.to_numpy(dtype=float))
        found.append(Marker(str(name), values, str(own["unit"].iloc[0]), wanted.day, log, f"{name} {when}"))
    return found


def _wanted(question: Any) -> Wanted:
    if isinstance(question, Mapping):
        markers, day = question.get("markers"), question.get("day")
        return Wanted(tuple(question["against"]), tuple(markers) if markers else None, day)
    return Wanted((question,) if isinstance(question, str) else tuple(question), None, None)


def _one(asked: Asked, wanted: Wanted, markers: list[Marker], endpoint: str) -> list[Finding]:
    """The findings of one endpoint."""
    said = ""
    if endpoint == "response":
        best = best_responses(asked.table("responses"))
        best = best[best != "NE"]
        rows = pd.DataFrame({"subject_id": best.index.astype(str), "hit": best.isin(["CR", "PR"]).to_numpy()})
        rows["group"] = rows["subject_id"].map(asked.groups.of)
    else:
        rows = endpoint_table(asked.table("survival"), endpoint, asked.groups.of)
        if wanted.day is not None:
            rows, said = at_risk_when_sampled(rows, markers[0].landmark_day)
    adjust, kept, gone = _adjusted(asked, rows)
    rows, adjust = rows[kept], None if adjust is None else adjust[kept]
    ids = rows["subject_id"].to_numpy(dtype=object)
    table = pd.DataFrame({m.name: m.scaled(m.values.reindex(ids).to_numpy(dtype=float)) for m in markers})
    options: dict[str, Any] = {"adjust": adjust, "seed": asked.seed}
    if asked.groups.several:
        options["strata"] = rows["group"].astype(str).to_numpy()
    if endpoint == "response":
        found = screen_response(rows["hit"].to_numpy(dtype=float), table, **options)
    else:
        found = screen(rows["day"].to_numpy(dtype=float), rows["event"].to_numpy(dtype=bool), table, **options)
    listed = found.findings(endpoint, {m.name: m.step for m in markers})
    columns = asked.questions.get("adjust") or []
    beside = f"Adjusted for {', '.join([columns] if isinstance(columns, str) else columns)}." if len(columns) else ""
    words = " ".join(part for part in (said, beside, gone) if part)
    return [with_note(listed[0], words) if words else listed[0], *listed[1:]]


def _adjusted(asked: Asked, rows: pd.DataFrame) -> tuple[pd.DataFrame | None, np.ndarray, str]:
    """The covariates the questions name, who has them all, and in words who has not."""
    columns = asked.questions.get("adjust") or []
    columns = [columns] if isinstance(columns, str) else list(columns)
    if not columns:
        return None, np.ones(len(rows), dtype=bool), ""
    subjects = asked.table("subjects").set_index("subject_id")
    missing = [c for c in columns if c not in subjects.columns]
    if missing:
        there = ", ".join(c for c in subjects.columns if subjects[c].notna().any())
        raise AnalysisError(f"subjects have no column {missing[0]!r} to adjust for; filled columns are {there}.")
    table = subjects.reindex(rows["subject_id"].to_numpy(dtype=object))[columns].reset_index(drop=True)
    for column in columns:
        if pd.api.types.is_numeric_dtype(table[column]):
            table[column] = table[column].to_numpy(dtype=float, na_value=np.nan)
    kept = table.notna().all(axis=1).to_numpy(dtype=bool)
    gone = int((~kept).sum())
    return table, kept, f"{gone} without one of them are left out." if gone else ""
