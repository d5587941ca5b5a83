"""Biomarkers against endpoints: continuous, split, landmarked at sampling, with permutation within dose level or arm.

Dose moves both a marker and the outcome, so that estimates are stratified by group and permutations stay within it.
Patients whose endpoint came, or who were censored, before the sample are left out and counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.asked_cuts import cuts_not_asked, searched_cut
from opsonin.analysis.believability import Arrays, LookedAt, Null, believe, looked_at, replicate_strengths
from opsonin.analysis.believability.null import draws_for, permutation_sd, shuffle_within
from opsonin.analysis.believability.replicate_trials import InReplicates
from opsonin.analysis.believability.words import short, times, told_ratio
from opsonin.analysis.findings import Finding, note, with_note
from opsonin.analysis.immortal_time import immortal_time, is_response, marker_asked, refuse_naive
from opsonin.analysis.markers import Marker, Question, biomarker_questions
from opsonin.analysis.over_time import over_time_findings
from opsonin.analysis.penalised import COX_SOURCE, finite_hazard_ratio_or_note, stratified_hazard_ratio
from opsonin.analysis.predictive import by_arm, split_finding
from opsonin.analysis.responders.separation import area, area_interval
from opsonin.analysis.response import best_responses
from opsonin.analysis.statistics import Estimate, rank_sum_p
from opsonin.analysis.survival import landmark
from opsonin.analysis.survival.likelihood import logrank_scores
from opsonin.analysis.time_to_event import endpoint_table, endpoints
from opsonin.errors import AnalysisError
from opsonin.random import uniform

RARE = 0.10  # a link that fewer replicate trials show is hardly in the model
DELONG = "DeLong, DeLong & Clarke-Pearson 1988, doi:10.2307/2531595; Mann & Whitney 1947"
LANDMARK = "Anderson, Cain & Gelber 1983, doi:10.1200/JCO.1983.1.11.710"


def biomarker_data(asked: Asked, marker: Marker, endpoint: str, naive: bool = False) -> tuple[pd.DataFrame, str]:
    """Those with a value and still at risk when it was sampled; and in words who was left out.

    Columns: subject_id, day (from the sample on, for a marker on a later day), event, group, value, x (scaled).
    naive: times from the endpoint's origin even so, as if the value had been known then; the words say what is wrong.
    """
    rows = endpoint_table(asked.table("survival"), endpoint, asked.groups.of)
    rows["value"] = rows["subject_id"].map(marker.values)
    lacking = rows["value"].isna()
    said = _unmeasured(rows[lacking], marker)
    rows = rows[~lacking].reset_index(drop=True)
    if naive and (marker.landmark_day > 0 or is_response(marker.name)):
        said = f"{immortal_time(marker, rows)} {said}".strip()
    elif marker.day is not None:
        rows, sentence = at_risk_when_sampled(rows, marker.landmark_day)
        said = f"{sentence} {said}".strip()
    rows["x"] = marker.scaled(rows["value"].to_numpy(dtype=float))
    return rows, said


def _unmeasured(rows: pd.DataFrame, marker: Marker) -> str:
    """Who has no value; of a later day, also how many of them could not have had one any more."""
    if not len(rows):
        return ""
    said = f"{len(rows)} without the marker are left out"
    if marker.landmark_day > 0 and not is_response(marker.name):
        since = (rows["day"] + rows["origin_day"]).clip(lower=0.0)
        cut = landmark(since, rows["event"], marker.landmark_day)
        said += f", {cut.events_before} of them with the event before they could reach it" if cut.events_before else ""
    return f"{said}."


def at_risk_when_sampled(rows: pd.DataFrame, day: float) -> tuple[pd.DataFrame, str]:
    """Who was still at risk on a day of the trial, with times from that day (or a later origin) on; who was not.

    Without this a patient whose clock began earlier would count as at risk while they could not have had the event.
    """
    since = rows["day"] + rows["origin_day"]
    cut = landmark(since.clip(lower=0.0), rows["event"], day)
    rows = rows.assign(day=since - rows["origin_day"].clip(lower=day))
    return rows[cut.kept].reset_index(drop=True), cut.sentence


def biomarker_findings(asked: Asked) -> list[Finding]:
    """Every question's marker against its endpoints, each with how far it can be believed."""
    asked_for = biomarker_questions(asked)
    if not asked_for:
        return [note("biomarker", "No biomarker is asked for.")]
    arrays = Arrays(asked.replicates) if asked.replicates is not None else None
    looked, known = looked_at(asked), endpoints(asked.table("survival"))
    found = list(cuts_not_asked(asked, asked_for))
    for question in asked_for:
        try:
            refuse_naive(asked, question)
            marker = marker_asked(asked, question)
        except AnalysisError as problem:
            found.append(note(f"biomarker.{question.label}", f"{question.marker}: {problem}"))
            continue
        for endpoint in question.against:
            if endpoint not in (*known, "response"):
                there = f"there are {', '.join(known)}" if known else "the record has no times to event"
                said = f"{marker.words}: no endpoint {endpoint!r}; {there}."
                found.append(note(f"biomarker.{endpoint}.{question.label}", said))
            elif endpoint == "response":
                found += _response(asked, marker, question, looked)
            elif question.time_varying:
                found += over_time_findings(asked, marker, question, endpoint)
            else:
                found += _one(asked, marker, question, endpoint, looked, arrays)
    return found


def _one(
    asked: Asked, marker: Marker, question: Question, endpoint: str, looked: LookedAt, arrays: Arrays | None
) -> Iterator[Finding]:
    """The findings of one marker and endpoint."""
    stem = f"biomarker.{endpoint}.{question.label}"
    rows, said = biomarker_data(asked, marker, endpoint, question.naive)
    if rows["event"].sum() < 2 or rows["x"].nunique() < 2:
        why = f"fewer than two events, or no variation, among {len(rows)}"
        yield note(stem, f"{marker.words} against {endpoint}: {why}. {said}")
        return
    strata = rows["group"].to_numpy(dtype=object)
    several = asked.groups.several
    within = f"; stratified by {asked.groups.by}" if several else ""
    main = stratified_hazard_ratio(rows, f"{stem}.hazard_ratio", strata, f", {marker.step}{within}", said)
    scope = f" within {asked.groups.by}" if several else ""
    own = permuted_strengths(rows, asked.seed, f"biomarker {stem}")
    draws = own.strengths.size
    if draws and not own.share:
        main = with_note(main, f"No permutation is as strong: p is the smallest that {draws} of them can give.")
    usual = "Wald" if "Wald" in main.method else "penalised likelihood ratio"
    main = replace(
        main,
        p=(1 + round(own.share * draws)) / (1 + draws) if draws else float("nan"),
        method=f"{main.method}; p by {draws} permutations{scope}",
        reference=f"{main.reference}; {LANDMARK}",
        note=f"{main.note} {usual} p {main.p:.2g}.".strip() if math.isfinite(main.p) else main.note,
        table=rows,
    )
    yield main
    if several:
        name = f"{stem}.hazard_ratio_unstratified"
        yield finite_hazard_ratio_or_note(rows, rows["x"], name, "all", None, f", {marker.step}")
    yield split_finding(asked, marker, rows, stem, strata)
    yield from searched_cut(asked, marker, rows, stem, strata)
    if several and not asked.groups.ordered:
        yield from by_arm(asked, marker, rows, stem)
    yield from _believed(main, looked.null(own.observed, own.strengths if draws else None), asked.seed)
    if arrays is not None and not question.naive:
        yield from _in_replicates(main, replicate_strengths(arrays, marker, endpoint, asked.seed), own.observed, arrays)


def permuted_strengths(rows: pd.DataFrame, seed: int, purpose: str) -> Null:
    """The strength of x against the outcome, and its strengths with x permuted within the groups.

    The statistic is the stratified score of Cox's model, a sum of x times log-rank scores, over its own SD under
    permutation, so that the test holds at any sample size (Hothorn 2006, doi:10.1198/000313006X118430).
    """
    codes = np.unique(rows["group"].to_numpy(dtype=str), return_inverse=True)[1].reshape(-1)
    scores = logrank_scores(rows["day"].to_numpy(dtype=float), rows["event"].to_numpy(dtype=bool), codes)
    x = rows["x"].to_numpy(dtype=float)
    draws = draws_for(len(rows))
    where = uniform(seed, purpose, np.arange(draws), draws=len(rows))
    shape = (draws, len(rows))
    mixed = shuffle_within(np.broadcast_to(codes, shape), np.broadcast_to(x, shape), where) @ scores
    spread = float(permutation_sd(x[:, None], scores, codes)[0])
    if spread <= 0:
        return Null(float("nan"), np.array([]), "")
    return Null(float(x @ scores) / spread, np.abs(mixed) / spread, f"of {draws:,} permutations of the marker")


def _in_replicates(main: Finding, seen: InReplicates, observed: float, arrays: Arrays) -> Iterator[Finding]:
    """How often replicate trials show the link, and how strong it is over all of them."""
    share, count = seen.strengths.replication(observed)
    if not count:
        return
    moral = ": the model itself hardly holds this link" if share < RARE else ""
    yield Finding(
        f"{main.name}.replication",
        "all",
        share,
        n=count,
        unit="proportion",
        method="share of replicate trials with an association this way, stronger than 95 % of the permuted",
        note=f"Replicate trials as simulated show it in {100 * share:.0f} %; chance would in about 2.5 %{moral}.",
        table=pd.DataFrame(
            {"trial": arrays.trials, "z": seen.strengths.as_they_came, "permuted_z": seen.strengths.permuted}
        ),
    )
    if math.isfinite(seen.pooled):
        low, high = (math.exp(seen.pooled + side * 1.959964 * seen.se) for side in (-1, 1))
        ratio = math.log(main.estimate) / seen.pooled if main.estimate > 0 and seen.pooled else math.nan
        told = f"Over {seen.trials:,} replicate trials ({seen.patients:,} patients) the {short(main)} is "
        told += f"{told_ratio(math.exp(seen.pooled))} ({told_ratio(low)} to {told_ratio(high)})"
        if math.isfinite(ratio):
            told += f": this trial's is {times(ratio)}" if ratio > 0 else ": this trial's points the other way"
        yield Finding(
            f"{main.name}.pooled",
            "all",
            math.exp(seen.pooled),
            low,
            high,
            0.95,
            n=seen.patients,
            unit="hazard ratio",
            method=f"Cox model over replicate trials, stratified by trial and level, {main.method.partition(', ')[2]}",
            reference=COX_SOURCE,
            note=f"{told}.",
        )


def _believed(main: Finding, null: Null | None, seed: int) -> list[Finding]:
    try:
        return believe(main, null, seed=seed).findings()
    except AnalysisError as problem:
        return [note(f"{main.name}.believability", str(problem))]


def _response(asked: Asked, marker: Marker, question: Question, looked: LookedAt) -> list[Finding]:
    """The marker against objective response: the area under the ROC curve."""
    best = best_responses(asked.table("responses"))
    best = best[best != "NE"]
    there = marker.values.index.intersection(best.index)
    value, hit = marker.values[there].to_numpy(dtype=float), best[there].isin(["CR", "PR"]).to_numpy()
    name = f"biomarker.response.{question.label}.auc"
    if hit.sum() < 2 or (~hit).sum() < 2:
        why = f"fewer than two responders or non-responders among {len(there)}"
        return [note(name, f"{marker.words} against response: {why}.")]
    responders, others = value[hit], value[~hit]
    auc, error, _ = area(responders, others, np.ones(responders.size), np.ones(others.size))
    within = area_interval(auc, error, responders.size, others.size, 0.95)
    said = "Responder: CR or PR as best response."
    if not error > 0 and np.ptp(value) == 0:
        within = Estimate(auc, math.nan, math.nan)
        said += f" {marker.words} is the same in all, so that there is no interval."
    elif not error > 0:
        said += f" {marker.words} parts responders from others without exception; the interval is Newcombe's."
    table = pd.DataFrame({"subject_id": there, "value": value, "responder": hit})
    main = Finding(
        name,
        "all",
        auc,
        within.lower,
        within.upper,
        0.95,
        rank_sum_p(responders, others),
        len(there),
        int(hit.sum()),
        "area under the ROC curve",
        "chance that a responder's value is higher; DeLong's interval (logit scale), Mann–Whitney p",
        DELONG,
        said,
        table,
    )
    seen = looked.chance.seen
    mine = seen[(seen["endpoint"] == "response") & (seen["marker"] == question.marker)]
    mine = mine[
        (mine["change"] == question.change)
        & (mine["day"].isna() if question.day is None else mine["day"] == question.day)
    ]
    null = looked.null(float(mine["z"].iloc[0])) if len(mine) else None
    return [main, *_believed(main, null, asked.seed)]
