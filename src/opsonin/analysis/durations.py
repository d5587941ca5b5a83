"""When patients responded, progressed and died: from the responses at the visits, for records that only hold those."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

GOOD = ("CR", "PR", "iCR", "iPR")
CALM = (*GOOD, "SD", "iSD")
BAD = ("PD", "iUPD", "iCPD")


def of_one_criteria(responses: pd.DataFrame) -> pd.DataFrame:
    """The rows that count of subjects judged by several criteria: those of the first by name."""
    named = responses["criteria"].astype(str)
    return responses[named == named.groupby(responses["subject_id"].astype(str)).transform("min")]


def response_times(
    responses: pd.DataFrame, survival: pd.DataFrame | None = None, disposition: pd.DataFrame | None = None
) -> pd.DataFrame:
    """One row a subject with a dated visit, or with none because nothing could be evaluated after baseline (NE): who
    died before the first scan has had the event. Days from day 1, NaN for what was not seen.

    Columns: subject_id; response_day (first CR or PR that counts: of those whose best response is one; a confirmed one
    where the best is); progression_day; last_day (last evaluable visit); death_day; resolved (an iUPD that iSD, iPR or
    iCR followed: pseudoprogression).
    Progression is the first PD. By iRECIST it is the first iUPD of the run that iCPD confirmed, or of the run with
    which the visits end (Seymour 2017: an unconfirmed progression that nothing resolved counts from its day).
    Where several criteria were used of a subject, the first by name counts.
    """
    visits = responses[~responses["best"].fillna(False).to_numpy(dtype=bool) & responses["day"].notna()]
    visits = visits.assign(subject_id=visits["subject_id"].astype(str))
    visits = of_one_criteria(visits) if len(visits) else visits
    best = responses[responses["best"].fillna(False).to_numpy(dtype=bool)].sort_values("criteria", kind="stable")
    best = best.assign(subject_id=best["subject_id"].astype(str)).drop_duplicates("subject_id").set_index("subject_id")
    deaths = _deaths(survival, disposition)
    rows = [
        _one(str(subject), own, best.loc[subject] if subject in best.index else None)
        for subject, own in visits.sort_values("day", kind="stable").groupby("subject_id", sort=False)
    ]
    there = {row[0] for row in rows}
    unseen = [str(s) for s, word in best["overall"].astype(str).items() if word == "NE" and str(s) not in there]
    rows += [(subject, np.nan, np.nan, np.nan, False) for subject in unseen]
    names = ["subject_id", "response_day", "progression_day", "last_day", "resolved"]
    table = pd.DataFrame(rows, columns=pd.Index(names))
    table["death_day"] = table["subject_id"].map(deaths).astype(float)
    return table


def _one(subject: str, own: Any, best: Any) -> tuple[str, float, float, float, bool]:
    words, days = own["overall"].astype(str).tolist(), own["day"].astype(float).tolist()
    begins, open_, resolved = np.nan, np.nan, False
    for word, day in zip(words, days, strict=True):
        if word == "PD" or (word == "iCPD" and np.isnan(open_)):
            begins = day
            break
        if word == "iCPD":
            begins = open_
            break
        if word == "iUPD":
            open_ = day if np.isnan(open_) else open_
        elif word in CALM:
            resolved |= not np.isnan(open_)
            open_ = np.nan
    progression = begins if not np.isnan(begins) else open_
    evaluable = [day for word, day in zip(words, days, strict=True) if word != "NE"]
    response = _first_response(own, words, days, best)
    return subject, response, progression, evaluable[-1] if evaluable else np.nan, resolved


def _first_response(own: Any, words: list[str], days: list[float], best: Any) -> float:
    if best is not None and str(best["overall"]) not in GOOD:
        return np.nan
    seen = [word in GOOD for word in words]
    again = own["confirmed"].fillna(False).to_numpy(dtype=bool).tolist()
    asked = best is not None and pd.notna(best["confirmed"]) and bool(best["confirmed"])
    if asked and any(a and b for a, b in zip(seen, again, strict=True)):
        seen = [a and b for a, b in zip(seen, again, strict=True)]
    return days[seen.index(True)] if any(seen) else np.nan


def _deaths(survival: pd.DataFrame | None, disposition: pd.DataFrame | None) -> dict[str, float]:
    """The day of death of each subject known to have died."""
    died: dict[str, float] = {}
    if disposition is not None and len(disposition):
        rows = disposition[disposition["milestone"] == "death"].dropna(subset=["day"])
        died = dict(zip(rows["subject_id"].astype(str), rows["day"].astype(float), strict=True))
    if survival is not None and len(survival):
        rows = survival[(survival["endpoint"] == "OS") & survival["event"].fillna(False).to_numpy(dtype=bool)]
        rows = rows.dropna(subset=["day"])
        day = rows["day"].astype(float) + rows["origin_day"].fillna(0.0).astype(float)
        died |= dict(zip(rows["subject_id"].astype(str), day, strict=True))
    return died


def duration_of_response(times: pd.DataFrame) -> pd.DataFrame:
    """Of the responders: subject_id, day (since the response) until progression or death, event.

    Censored at the last evaluable visit. Source: Eisenhauer 2009, section 4.6.2.
    """
    own = times[times["response_day"].notna()]
    end = own[["progression_day", "death_day"]].min(axis=1)
    event = end.notna()
    until = end.fillna(own["last_day"])
    return pd.DataFrame(
        {
            "subject_id": own["subject_id"],
            "day": (until - own["response_day"]).clip(lower=0.0),
            "event": event,
            "origin_day": own["response_day"],
        }
    ).reset_index(drop=True)


def endpoints_from_visits(times: pd.DataFrame, death_known: bool) -> pd.DataFrame:
    """TTP, and PFS where deaths are known, as rows of the survival table; censored at the last evaluable visit.

    Source: FDA 2018, Clinical Trial Endpoints for the Approval of Cancer Drugs and Biologics.
    """
    last = times["last_day"].fillna(0.0).clip(lower=0.0)
    parts = []
    for endpoint in ("TTP", "PFS") if death_known else ("TTP",):
        happened = times["progression_day"]
        if endpoint == "PFS":
            happened = times[["progression_day", "death_day"]].min(axis=1)
        event = happened.notna()
        cause = np.where(~event, "last visit", np.where(times["progression_day"] == happened, "progression", "death"))
        day = happened.fillna(last).clip(lower=0.0)
        parts.append(
            pd.DataFrame(
                {
                    "subject_id": times["subject_id"],
                    "endpoint": endpoint,
                    "day": day,
                    "event": event,
                    "origin_day": 0.0,
                    "cause": cause,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
