"""A marker over time: each measurement counts from its own day until the next one (a time-varying covariate).

Nobody is judged by a value before it was known, and nobody is left out for having the event early.
Source: Andersen & Gill (1982), Ann Stat 10:1100; Therneau & Grambsch (2000), Modeling Survival Data, section 3.7.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.believability import believe
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.immortal_time import is_response, response_days
from opsonin.analysis.markers import Marker, Question, at_day, floor_of, named, parts_of_quotient, wants_log
from opsonin.analysis.survival import cox, firth_cox
from opsonin.analysis.survival.episodes import Episodes, episodes
from opsonin.analysis.time_to_event import endpoint_table
from opsonin.errors import AnalysisError

LONG_AGO = -1e6  # a day before anybody's start
SOURCE = "Andersen & Gill 1982, doi:10.1214/aos/1176345976"


def episodes_of(asked: Asked, question: Question, endpoint: str) -> Episodes:
    """Follow-up split where a marker's value changes; its rows hold `value` and the subject's group.

    Times count from the endpoint's origin; a subject enters when first measured, a responder responds from that day on.
    Raises: AnalysisError where nobody has a value while at risk.
    """
    outcomes = endpoint_table(asked.table("survival"), endpoint, asked.groups.of).drop_duplicates("subject_id")
    if is_response(question.marker):
        first = response_days(asked)
        before = pd.DataFrame({"subject_id": sorted(set(asked.table("responses")["subject_id"])), "day": LONG_AGO})
        after = pd.DataFrame({"subject_id": first.index, "day": first.to_numpy(), "value": 1.0})
        series = pd.concat([before.assign(value=0.0), after], ignore_index=True)
    else:
        series = _series(asked, question)
    origin = series["subject_id"].map(outcomes.set_index("subject_id")["origin_day"])
    series = series.assign(day=series["day"] - origin).dropna(subset=["day"])
    return episodes(outcomes.drop(columns="origin_day"), series)


def _series(asked: Asked, question: Question) -> pd.DataFrame:
    """Every value of the marker with the day from which it counts; as change from baseline where that is asked."""
    rows: Any = named(asked.table("measurements"))
    there = {str(one) for one in rows["name"].unique()}
    pair = parts_of_quotient(question.marker, there)
    key = ["subject_id", "day"]
    parts = [
        rows.loc[(rows["name"] == part).to_numpy(dtype=bool), [*key, "number", "baseline"]].dropna(subset=["number"])
        for part in (pair or (question.marker,))
    ]
    own = parts[0]
    if pair:
        own = own.merge(parts[1][[*key, "number"]], on=key, suffixes=("", "_under"))
        low = floor_of(own["number_under"].to_numpy(dtype=float))
        own["number"] = own["number"] / own["number_under"].clip(lower=low)
    if question.change:
        base = at_day(own, None).set_index("subject_id")["number"]
        before, low = own["subject_id"].map(base), floor_of(own["number"].to_numpy(dtype=float))
        own = own.assign(
            number=own["number"].clip(lower=low) / before.clip(lower=low)
            if question.change == "ratio"
            else own["number"] - before
        ).dropna(subset=["number"])
    own = own.drop_duplicates(key, keep="last").rename(columns={"number": "value"})
    return own[[*key, "value"]].astype({"day": float})


def _fitted(rows: pd.DataFrame, x: np.ndarray, strata: np.ndarray | None) -> tuple[Any, float, str]:
    """The model, its likelihood ratio p and its name; with Firth's penalty where the likelihood is monotone."""
    try:
        fit = cox(rows["exit"], rows["event"], x, entry=rows["entry"], strata=strata, names=["marker"])
    except AnalysisError as problem:
        if "monotone" not in str(problem):
            raise
        firth = firth_cox(rows["exit"], rows["event"], x, entry=rows["entry"], strata=strata, names=["marker"])
        return firth, float(firth.p[0]), "Cox model with Firth's penalty"
    return fit, fit.likelihood_ratio.p, "Cox model"


def over_time_findings(asked: Asked, marker: Marker, question: Question, endpoint: str) -> list[Finding]:
    """The hazard ratio of the value as it was last measured, with how far it can be believed."""
    name = f"biomarker.{endpoint}.{question.label}.hazard_ratio"
    who = f"{marker.words} against {endpoint}"
    try:
        split = episodes_of(asked, question, endpoint)
    except AnalysisError as problem:
        return [note(name, f"{who}: {problem}")]
    rows = split.rows
    if int(rows["event"].sum()) < 2 or rows["value"].nunique() < 2:
        return [note(name, f"{who}: fewer than two events, or no variation.")]
    value = rows["value"].to_numpy(dtype=float)
    x, step = value, "after against before response"
    if not is_response(question.marker):
        log = question.change == "ratio" or wants_log(value)
        spread = float(value.std(ddof=1))
        x = np.log2(np.maximum(value, floor_of(value))) if log else value / spread
        step = "per doubling" if log else f"per SD ({spread:.3g} {marker.unit})".replace(" )", ")")
    strata = rows["group"].to_numpy(dtype=object) if asked.groups.several else None
    try:
        fit, p, how = _fitted(rows, x, strata)
    except AnalysisError as problem:
        return [note(name, f"{who}: {problem}")]
    within = f"; stratified by {asked.groups.by}" if strata is not None else ""
    lower, upper = (float(v) for v in fit.interval[0])
    main = Finding(
        name,
        "all",
        float(fit.hazard_ratio[0]),
        lower,
        upper,
        fit.level,
        p,
        split.subjects,
        fit.events,
        "hazard ratio",
        f"{how}, with a covariate that changes at each measurement, {step}{within}; likelihood ratio p",
        SOURCE,
        f"{split.sentence} A value counts from its day until the next one ({len(rows)} episodes).",
        rows.assign(x=x).rename(columns={"group": "stratum"}),
    )
    if not math.isfinite(main.estimate):
        return [main]
    return [main, *believe(main, seed=asked.seed).findings()]
