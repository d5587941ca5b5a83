"""Survival findings: medians per group, hazard ratios between groups, log-rank tests, for every endpoint."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.asked import STANDARD, Asked
from opsonin.analysis.competing_risks import competing_findings
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.penalised import finite_hazard_ratio_or_note
from opsonin.analysis.survival import kaplan_meier, logrank
from opsonin.analysis.survival_contrasts import dose_trend, pair_findings
from opsonin.errors import AnalysisError
from opsonin.record.species import HUMAN, species_of
from opsonin.units import DAYS_PER_MONTH

MILESTONES = (6, 12, 24)  # months
KM = "Kaplan–Meier; log-log interval"
KM_SOURCE = "Kaplan & Meier 1958, doi:10.1080/01621459.1958.10501452; Brookmeyer & Crowley 1982, doi:10.2307/2530286"
RANK_SOURCE = "Mantel 1966, Cancer Chemother Rep 50:163"


def unit_of(endpoint: str, species: str = HUMAN) -> tuple[str, float]:
    """The unit an endpoint is reported in, and its length in days: months for the usual ones of people, else days."""
    return ("months", DAYS_PER_MONTH) if endpoint in STANDARD and species == HUMAN else ("days", 1.0)


def endpoints(survival: pd.DataFrame) -> list[str]:
    """The endpoints of a survival table: the usual ones in their order, then the others by name."""
    there = set(survival["endpoint"].dropna().astype(str))
    return [e for e in STANDARD if e in there] + sorted(there - set(STANDARD))


def endpoint_table(survival: pd.DataFrame, endpoint: str, of: pd.Series | None = None) -> pd.DataFrame:
    """One row a subject of an endpoint: subject_id, day, origin_day, event, and group (missing where none) by `of`.

    Raises: AnalysisError naming a subject that has the endpoint twice.
    """
    rows = survival[(survival["endpoint"] == endpoint).to_numpy(dtype=bool, na_value=False)]
    rows = rows[rows["day"].notna() & rows["event"].notna()]
    again = rows.duplicated([c for c in ("trial", "subject_id") if c in rows])
    if again.any():
        who = str(rows.loc[again, "subject_id"].iloc[0])
        raise AnalysisError(f"the subject {who!r} has {endpoint} more than once; a patient counts once, keep one row.")
    out = pd.DataFrame(
        {
            "subject_id": rows["subject_id"].astype(str).to_numpy(),
            "day": rows["day"].to_numpy(dtype=float),
            "event": rows["event"].to_numpy(dtype=bool),
            "origin_day": rows["origin_day"].fillna(0.0).to_numpy(dtype=float),
        }
    )
    if of is not None:
        out["group"] = out["subject_id"].map(of)
    return out


def survival_findings(asked: Asked) -> list[Finding]:
    """Medians, hazard ratios and log-rank tests of every endpoint; a note where there are none."""
    table = asked.table("survival")
    if not len(table):
        return [note("survival", "No times to event: the record has no survival table.")]
    return [_called(asked, endpoint, f) for endpoint in endpoints(table) for f in one_endpoint(asked, endpoint)]


def _called(asked: Asked, endpoint: str, finding: Finding) -> Finding:
    """The finding, its note opening with what the record calls the endpoint, where it says."""
    from opsonin.analysis.immortal_time import naive_comparison

    name = asked.endpoint_name(endpoint)
    if finding.name.endswith((".hazard_ratio", ".logrank")):
        finding = replace(finding, note=f"{naive_comparison(asked)} {finding.note}".strip())
    if endpoint in STANDARD or name == endpoint:
        return finding
    return replace(finding, note=f"{endpoint}: {name}. {finding.note}".strip())


def one_endpoint(asked: Asked, endpoint: str) -> list[Finding]:
    """The findings of one endpoint; groups that only the outcome made (responders) are not compared."""
    # imported here, since it reads responses, whose times are read in this module
    from opsonin.analysis.immortal_time import compares_responders

    rows = endpoint_table(asked.table("survival"), endpoint, asked.groups.of)
    unfair, species = compares_responders(asked), species_of(asked.questions)
    if unfair and len(rows):
        return [median_finding(rows, endpoint, "all", species=species), note(f"survival.{endpoint}", unfair)]
    there = [label for label in asked.groups.labels if (rows["group"] == label).any()]
    found = [median_finding(rows, endpoint, label, species=species) for label in there]
    if asked.groups.several and len(rows):
        found.append(median_finding(rows, endpoint, "all", species=species))
    if species == HUMAN:
        found += _milestones(rows, endpoint, [f.group for f in found])
    everyone, rows = rows, rows[rows["group"].notna()]
    if rows["group"].nunique() < 2 or not asked.groups.compared:
        return [*found, *competing_findings(asked, everyone, endpoint, None)]
    strata = _strata(asked, rows)
    found += _contrasts(asked, rows, endpoint, strata)
    found += _logrank(asked, rows, endpoint, strata)
    return [*found, *competing_findings(asked, everyone, endpoint, strata)]


def _logrank(asked: Asked, rows: pd.DataFrame, endpoint: str, strata: Any) -> list[Finding]:
    """The log-rank test between all groups, or a note that says why there is none."""
    try:
        test = logrank(rows["day"], rows["event"], rows["group"], strata=strata)
    except AnalysisError as problem:
        return [note(f"survival.{endpoint}.logrank", f"No log-rank test of {endpoint}: {problem}")]
    return [
        Finding(
            name=f"survival.{endpoint}.logrank",
            group=" vs ".join(test.groups) if len(test.groups) == 2 else f"{len(test.groups)} groups",
            estimate=test.chi2,
            p=test.p,
            n=len(rows),
            events=int(rows["event"].sum()),
            unit=f"chi-squared on {test.df} degree{'s' if test.df > 1 else ''} of freedom",
            method="log-rank test" + (f", stratified by {_strata_names(asked)}" if strata is not None else ""),
            reference=RANK_SOURCE,
            table=test.to_frame(),
        )
    ]


def median_finding(
    rows: pd.DataFrame, endpoint: str, group: str, name: str | None = None, species: str = HUMAN
) -> Finding:
    """The median of one group ("all" takes every row)."""
    own = rows if group == "all" else rows[rows["group"] == group]
    curve = kaplan_meier(own["day"], own["event"])
    unit, days = unit_of(endpoint, species)
    median, lower, upper = (value / days for value in curve.median)
    reached = "" if math.isfinite(median) else "The median is not reached."
    return Finding(
        name=name or f"survival.{endpoint}.median",
        group=group,
        estimate=median,
        lower=lower,
        upper=upper,
        level=curve.level,
        n=curve.n,
        events=curve.n_events,
        unit=unit,
        method=KM,
        reference=KM_SOURCE,
        note=reached,
        table=curve.to_frame(),
    )


def _milestones(rows: pd.DataFrame, endpoint: str, labels: list[str]) -> list[Finding]:
    """The share still free of a usual endpoint at 6, 12 and 24 months, where a group was followed so long."""
    if endpoint not in STANDARD:
        return []
    found = []
    for label in labels:
        own = rows if label == "all" else rows[rows["group"] == label]
        curve = kaplan_meier(own["day"], own["event"])
        at = curve.at([months * DAYS_PER_MONTH for months in MILESTONES])
        for months, row in zip(MILESTONES, at.to_dict("records"), strict=True):
            if row["at_risk"] > 0 and math.isfinite(row["survival"]):
                found.append(
                    Finding(
                        name=f"survival.{endpoint}.rate_{months}_months",
                        group=label,
                        estimate=row["survival"],
                        lower=row["lower"] if row["survival"] < 1 else math.nan,  # Greenwood's variance of 0 would
                        upper=row["upper"] if row["survival"] < 1 else math.nan,  # claim that nobody ever will
                        level=curve.level,
                        n=curve.n,
                        events=curve.n_events,
                        unit="proportion",
                        method=f"{KM}; {int(row['at_risk'])} still at risk",
                        reference=KM_SOURCE,
                    )
                )
    return found


def _contrasts(asked: Asked, rows: pd.DataFrame, endpoint: str, strata: Any) -> list[Finding]:
    """Hazard ratios against the reference; for dose levels one ratio per level instead, since levels are small."""
    name, found, pairs = f"survival.{endpoint}.hazard_ratio", [], []
    what = f", stratified by {_strata_names(asked)}" if strata is not None else ""
    if asked.groups.ordered:
        place = rows["group"].map({label: k for k, label in enumerate(asked.groups.labels)})
        tries = [("per dose level", np.ones(len(rows), dtype=bool), place.to_numpy(dtype=float))]
    else:
        there = set(rows["group"])
        silent = [label for label in asked.groups.labels if label not in there]
        if silent:
            found.append(
                note(name, f"{endpoint} is not recorded in {', '.join(silent)}; no hazard ratio is given there.")
            )
        pairs = [pair for pair in asked.groups.contrasts() if set(pair) <= there]
        own = rows["group"].to_numpy(dtype=object)
        tries = [(f"{a} vs {b}", np.isin(own, [a, b]), (own == a).astype(float)) for a, b in pairs]
    for number, (group, kept, covariate) in enumerate(tries):
        within = strata[kept] if strata is not None else None
        ratio = finite_hazard_ratio_or_note(rows[kept], covariate[kept], name, group, within, what)
        if asked.groups.ordered:
            found += [ratio, *dose_trend(rows[kept], endpoint, covariate[kept], within, asked.seed)]
        else:
            unit = unit_of(endpoint, species_of(asked.questions))
            found += pair_findings(rows[kept], endpoint, pairs[number], unit, within, ratio)
    return found


def _strata(asked: Asked, rows: pd.DataFrame) -> np.ndarray | None:
    """The strata the questions name, one text a row of `rows`; None where none are asked for."""
    columns = asked.questions.get("strata")
    if not columns:
        return None
    columns = [columns] if isinstance(columns, str) else list(columns)
    subjects = asked.table("subjects").set_index("subject_id")
    missing = [c for c in columns if c not in subjects.columns]
    if missing:
        raise AnalysisError(f"subjects have no column {missing[0]!r} to stratify by.")
    joined = subjects[columns].astype("string").fillna("missing").agg(" / ".join, axis=1)
    return rows["subject_id"].map(joined).to_numpy(dtype=object)


def _strata_names(asked: Asked) -> str:
    columns = asked.questions.get("strata") or []
    return columns if isinstance(columns, str) else ", ".join(columns)
