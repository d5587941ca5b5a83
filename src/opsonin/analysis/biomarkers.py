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
from opsonin.analysis.believability import Arrays, Null, believe, replicate_strengths, shuffle_within
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.markers import Marker, biomarker_questions, read_marker
from opsonin.analysis.predictive import by_arm, split_finding
from opsonin.analysis.response import best_responses
from opsonin.analysis.statistics import two_sided_p
from opsonin.analysis.survival import cox_single_covariate_many, landmark
from opsonin.analysis.survival.likelihood import logrank_scores
from opsonin.analysis.time_to_event import COX_SOURCE, endpoint_table, endpoints, hazard_ratio, hazard_ratio_or_note
from opsonin.errors import AnalysisError
from opsonin.random import uniform

PERMUTATIONS = ((300, 1999), (1500, 499), (10**9, 199))  # up to so many patients, so many permutations
DELONG = "DeLong, DeLong & Clarke-Pearson 1988, doi:10.2307/2531595"
LANDMARK = "Anderson, Cain & Gelber 1983, doi:10.1200/JCO.1983.1.11.710"


def biomarker_data(asked: Asked, marker: Marker, endpoint: str) -> tuple[pd.DataFrame, str]:
    """Those with a value and still at risk when it was sampled; and in words who was left out.

    Columns: subject_id, day (from the sample on, for a marker on a later day), event, group, value, x (scaled).
    """
    rows = endpoint_table(asked.table("survival"), endpoint, asked.groups.of)
    rows["value"] = rows["subject_id"].map(marker.values)
    unmeasured = int(rows["value"].isna().sum())
    rows = rows[rows["value"].notna()].reset_index(drop=True)
    said = f"{unmeasured} without the marker are left out." if unmeasured else ""
    if marker.day is not None:
        rows, sentence = _at_risk_when_sampled(rows, marker.landmark_day)
        said = f"{sentence} {said}".strip()
    rows["x"] = marker.scaled(rows["value"].to_numpy(dtype=float))
    return rows, said


def _at_risk_when_sampled(rows: pd.DataFrame, day: float) -> tuple[pd.DataFrame, str]:
    """Who was still at risk on a day of the trial, with times from that day (or a later origin) on; who was not.

    Without this a patient whose clock began earlier would count as at risk while they could not have had the event.
    """
    since = rows["day"] + rows["origin_day"]
    cut = landmark(since.clip(lower=0.0), rows["event"], day)
    rows = rows.assign(day=since - rows["origin_day"].clip(lower=day))
    return rows[cut.kept].reset_index(drop=True), cut.sentence


def biomarker_findings(asked: Asked) -> list[Finding]:
    """Every question's marker against its endpoints, held against chance."""
    asked_for = biomarker_questions(asked)
    if not asked_for:
        return [note("biomarker", "No biomarker is asked for.")]
    arrays = Arrays(asked.replicates) if asked.replicates is not None else None
    found: list[Finding] = []
    for question in asked_for:
        try:
            marker = read_marker(asked, question.marker, question.day)
        except AnalysisError as problem:
            found.append(note(f"biomarker.{question.marker}", f"{question.marker}: {problem}"))
            continue
        known = endpoints(asked.table("survival"))
        for endpoint in question.against:
            if endpoint not in (*known, "response"):
                there = f"there are {', '.join(known)}" if known else "the record has no times to event"
                found.append(
                    note(f"biomarker.{endpoint}.{marker.name}", f"{marker.words}: no endpoint {endpoint!r}; {there}.")
                )
                continue
            found += _response(asked, marker) if endpoint == "response" else list(_one(asked, marker, endpoint, arrays))
    return found


def _one(asked: Asked, marker: Marker, endpoint: str, arrays: Arrays | None) -> Iterator[Finding]:
    """The findings of one marker and endpoint."""
    stem = f"biomarker.{endpoint}.{marker.name}"
    rows, said = biomarker_data(asked, marker, endpoint)
    if rows["event"].sum() < 2 or rows["x"].nunique() < 2:
        why = f"fewer than two events, or no variation, among {len(rows)}"
        yield note(stem, f"{marker.words} against {endpoint}: {why}. {said}")
        return
    strata = rows["group"].to_numpy(dtype=object)
    several = asked.groups.several
    within = f"; stratified by {asked.groups.by}" if several else ""
    try:
        main = hazard_ratio(rows, rows["x"], f"{stem}.hazard_ratio", "all", strata, f", {marker.step}{within}", said)
    except AnalysisError as problem:  # the permutation test below still stands
        main = Finding(f"{stem}.hazard_ratio", "all", n=len(rows), events=int(rows["event"].sum()), unit="hazard ratio")
        main, said = (
            replace(main, method=f"score test, {marker.step}{within}"),
            f"{said} No estimate: {problem}".strip(),
        )
    scope = f" within {asked.groups.by}" if several else ""
    own = permuted_strengths(rows, asked.seed, f"biomarker {stem}")
    own = replace(own, words=f"{own.words}{scope}")
    draws = own.strengths.size
    if draws and not own.share:
        said = f"{said} No permutation is as strong: p is the smallest that {draws} of them can give.".strip()
    main = replace(
        main,
        p=(1 + round(own.share * draws)) / (1 + draws) if draws else float("nan"),
        method=f"{main.method}; p by {draws} permutations{scope}",
        reference=f"{COX_SOURCE}; {LANDMARK}",
        note=f"{said} Wald p {main.p:.2g}.".strip() if math.isfinite(main.p) else said,
        table=rows,
    )
    yield main
    if several:
        name = f"{stem}.hazard_ratio_unstratified"
        yield hazard_ratio_or_note(rows, rows["x"], name, "all", None, f", {marker.step}")
    yield split_finding(asked, marker, rows, stem, strata)
    if several and not asked.groups.ordered:
        yield from by_arm(asked, marker, rows, stem)
    yield from _beliefs(asked, marker, endpoint, main, rows, own, arrays)


def permuted_strengths(rows: pd.DataFrame, seed: int, purpose: str) -> Null:
    """The strength of x against the outcome, and its strengths with x permuted within the groups.

    The statistic is the stratified score of Cox's model, a sum of x times log-rank scores, over its own SD under
    permutation, so that the test holds at any sample size (Hothorn 2006, doi:10.1198/000313006X118430).
    """
    codes = np.unique(rows["group"].to_numpy(dtype=str), return_inverse=True)[1].reshape(-1)
    scores = logrank_scores(rows["day"].to_numpy(dtype=float), rows["event"].to_numpy(dtype=bool), codes)
    x = rows["x"].to_numpy(dtype=float)
    draws = next(count for most, count in PERMUTATIONS if len(rows) <= most)
    where = uniform(seed, purpose, np.arange(draws), draws=len(rows))
    shape = (draws, len(rows))
    mixed = shuffle_within(np.broadcast_to(codes, shape), np.broadcast_to(x, shape), where) @ scores
    spread = float(np.sqrt(_permutation_variance(x, scores, codes)))
    if spread <= 0:
        return Null(float("nan"), np.array([]), "")
    return Null(float(x @ scores) / spread, np.abs(mixed) / spread, f"of {draws:,} permutations of the marker")


def _permutation_variance(x: np.ndarray, scores: np.ndarray, codes: np.ndarray) -> float:
    """The variance of the sum of x times scores when x is permuted within each stratum."""
    total = 0.0
    for code in np.unique(codes):
        own, score = x[codes == code], scores[codes == code]
        if own.size > 1:
            total += float(own.var(ddof=1) * ((score - score.mean()) ** 2).sum())
    return total


def _beliefs(
    asked: Asked, marker: Marker, endpoint: str, main: Finding, rows: pd.DataFrame, own: Null, arrays: Arrays | None
) -> Iterator[Finding]:
    """The finding held against replicates where there are some, else against its own permutations."""
    if arrays is None:
        yield _believed(main, own)
        return
    strengths = replicate_strengths(
        arrays, marker.name, marker.day, endpoint, marker.landmark_day, marker.log, asked.seed
    )
    codes = np.unique(rows["group"].to_numpy(dtype=str), return_inverse=True)[1]
    test = cox_single_covariate_many(rows["day"], rows["event"], rows["x"], strata=codes.reshape(-1), estimate=False)
    observed = float(test.score_z[0])
    yield _believed(main, strengths.null(observed))
    share, count = strengths.replication(observed)
    if count:
        moral = ": the model itself hardly holds this link" if share < 0.10 else ""
        yield Finding(
            f"{main.name}.replication",
            "all",
            share,
            n=count,
            unit="proportion",
            method="share of replicate trials with an association this way, stronger than 95 % of the permuted",
            note=f"Replicate trials as simulated show it in {100 * share:.0f} %; chance would in about 2.5 %{moral}.",
            table=pd.DataFrame({"trial": arrays.trials, "z": strengths.as_they_came, "permuted_z": strengths.permuted}),
        )


def _believed(main: Finding, null: Null) -> Finding:
    try:
        return believe(main, null)
    except AnalysisError as problem:
        return note(f"{main.name}.believability", str(problem))


def _response(asked: Asked, marker: Marker) -> list[Finding]:
    """The marker against objective response: the area under the ROC curve."""
    best = best_responses(asked.table("responses"))
    best = best[best != "NE"]
    there = marker.values.index.intersection(best.index)
    value, hit = marker.values[there].to_numpy(dtype=float), best[there].isin(["CR", "PR"]).to_numpy()
    name = f"biomarker.response.{marker.name}.auc"
    if hit.sum() < 2 or (~hit).sum() < 2:
        why = f"fewer than two responders or non-responders among {len(there)}"
        return [note(name, f"{marker.words} against response: {why}.")]
    higher = np.sign(value[hit][:, None] - value[~hit][None, :]) / 2 + 0.5
    area = float(higher.mean())
    error = math.sqrt(
        float(higher.mean(axis=1).var(ddof=1)) / hit.sum() + float(higher.mean(axis=0).var(ddof=1)) / (~hit).sum()
    )
    p = two_sided_p((area - 0.5) / error) if error > 0 else math.nan
    low, high = max(0.0, area - 1.959964 * error), min(1.0, area + 1.959964 * error)
    table = pd.DataFrame({"subject_id": there, "value": value, "responder": hit})
    return [
        Finding(
            name,
            "all",
            area,
            low,
            high,
            0.95,
            p,
            len(there),
            int(hit.sum()),
            "area under the ROC curve",
            "chance that a responder's value is higher; DeLong's interval and p",
            DELONG,
            "Responder: CR or PR as best response.",
            table,
        )
    ]
