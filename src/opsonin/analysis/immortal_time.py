"""Immortal time avoided by design: what is only known later is never read as if it had been known from the start.

Who has a value of day 15 was alive on day 15, and who responded lived long enough to respond: counted from the start
they seem to live longer even if the value means nothing. So later values are read from a landmark on, or as covariates
that change in time; the naive way is refused unless it is asked for by name, and then its finding says what it is.
Sources: Anderson, Cain & Gelber (1983), J Clin Oncol 1:710; Suissa (2008), Am J Epidemiol 167:492.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.markers import Marker, Question, elapsed_day, read_marker
from opsonin.analysis.response import best_responses
from opsonin.errors import AnalysisError

RESPONSE = re.compile(
    r"(best |objective |overall |tumou?r |confirmed )*(response|responders?|responded)|BOR|BCOR", re.I
)
HITS = ("CR", "PR", "iCR", "iPR")
INSTEAD = (
    "Ask with day = 85, say, for a landmark (who responded by then, among those still at risk), or with time_varying = "
    "true; naive = true gives the naive comparison all the same, and says so."
)


def is_response(name: str) -> bool:
    """Whether a marker's name means the tumour's response."""
    return RESPONSE.fullmatch(name.strip()) is not None


def refuse_naive(asked: Asked, question: Question) -> None:
    """Raises: AnalysisError where a question reads the outcome's own past as if it had been known from the start."""
    if question.naive or question.time_varying or question.day is not None:
        return
    against = [e for e in question.against if e != "response"]
    if against and (is_response(question.marker) or _says_who_responded(asked, question.marker)):
        raise AnalysisError(
            f"responders against non-responders is no fair comparison of {' and '.join(against)}: who responds has "
            "lived long enough to respond, and seems to live longer even if response does nothing (immortal time). "
            f"{INSTEAD}"
        )


def compares_responders(asked: Asked) -> str:
    """Why groups that are compared are no groups of the start: a sentence, or "" where they are."""
    by = asked.groups.by
    if asked.questions.get("naive") or not _groups_are_responders(asked):
        return ""
    return (
        f"Survival is not compared by {by!r}: it says who responded, and who responds has lived long enough to respond "
        '(immortal time). Ask biomarkers = [{ marker = "response", day = 85 }] for a landmark, or with time_varying = '
        "true; naive = true under the questions gives the naive comparison all the same."
    )


def naive_comparison(asked: Asked) -> str:
    """What is wrong with comparing the groups where that was asked for by `naive = true`; "" elsewhere."""
    if not asked.questions.get("naive") or not _groups_are_responders(asked):
        return ""
    return (
        f"Naive, as asked: {asked.groups.by!r} says who responded, and who responds has lived long enough to respond "
        "(immortal time). Do not believe it."
    )


def _groups_are_responders(asked: Asked) -> bool:
    by = asked.groups.by
    if not asked.groups.several or by in ("level", "arm"):
        return False
    return is_response(by.replace("_", " ")) or _same_split(asked.groups.of, _responders(asked))


def marker_asked(asked: Asked, question: Question) -> Marker:
    """The marker of a question; "response" is who responded by the day (ever, where the question is naive).

    Raises: AnalysisError where it cannot be read.
    """
    measured = set(asked.table("measurements")["marker"].dropna().astype(str)) | set(asked.table("subjects").columns)
    if not is_response(question.marker) or question.marker in measured:
        if question.time_varying:
            return _at_any_time(asked, question)
        return read_marker(asked, question.marker, question.day, question.change)
    first, known = response_days(asked), best_responses(asked.table("responses"))
    if question.day is None and not question.time_varying:
        hit = known.isin(["CR", "PR"])
        return Marker(question.marker, hit.astype(float), "", None, False, "response at any time")
    if not len(first) and known.isin(["CR", "PR"]).any():
        raise AnalysisError("the days on which responses were reached are not known, so that no landmark can be set.")
    by = np.inf if question.day is None else elapsed_day(question.day)
    values = (first.reindex(known.index) <= by).astype(float)
    when = "over time" if question.day is None else f"by day {question.day}"
    return Marker(question.marker, values, "", question.day, False, f"response {when}")


def response_days(asked: Asked) -> pd.Series:
    """The elapsed day on which each responder was first seen to respond; who never was is absent."""
    rows = asked.table("responses")
    rows = rows[rows["overall"].astype(str).isin(HITS).to_numpy(dtype=bool) & (rows["day"] > 0).to_numpy(dtype=bool)]
    return rows.groupby("subject_id")["day"].min().astype(float)


def immortal_time(marker: Marker, rows: pd.DataFrame) -> str:
    """What is wrong with a naive comparison, in words."""
    if is_response(marker.name):
        why = "who responded could not have had the event before"
    else:
        day = marker.landmark_day
        total = float(np.clip((rows["day"] + rows["origin_day"]).to_numpy(dtype=float), 0.0, day).sum())
        why = f"the value was known on day {marker.day} only, and nobody with a value had the event before"
        why += f" ({total:,.0f} patient-days that no one could lose)"
    return f"Naive, as asked: times count from the start although {why}; it favours whoever waited. Do not believe it."


def _at_any_time(asked: Asked, question: Question) -> Marker:
    """The marker for a question over time: it needs a value on some day, and none at baseline."""
    try:
        found = read_marker(asked, question.marker, None)
    except AnalysisError as problem:
        if "was not measured at baseline" not in str(problem):
            raise
        found = Marker(question.marker, pd.Series(dtype=float), "", None, False, question.marker)
    return Marker(
        found.name, found.values, found.unit, None, found.log, f"{question.marker} over time", question.change
    )


def _responders(asked: Asked) -> pd.Series:
    return best_responses(asked.table("responses")).isin(["CR", "PR"])


def _says_who_responded(asked: Asked, column: str) -> bool:
    """Whether a column of the subjects is the response under another name."""
    subjects = asked.table("subjects").set_index("subject_id")
    return column in subjects and _same_split(subjects[column], _responders(asked))


def _same_split(of: pd.Series, hit: pd.Series) -> bool:
    """Whether a column parts subjects exactly as responders and others (of whom there must be two or more each)."""
    both = pd.DataFrame({"of": of.astype("string"), "hit": hit}).dropna()
    if len(both) < 4 or both["of"].nunique() != 2 or both["hit"].nunique() != 2:
        return False
    return bool((both.groupby("of")["hit"].nunique() == 1).all()) and int(both["hit"].value_counts().min()) >= 2
