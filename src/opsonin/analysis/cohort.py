"""A retrospective cohort, from Table 1 to what the markers add: `questions["cohort"]` says which outcome and markers.

The order is that of a paper: who the patients are and what is not known of them, how the markers hang together, each
variable alone, all together, cut-points with the price of the search, and the value added to what the clinic knows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.cohort_data import Cohort, Variable, read_cohort
from opsonin.analysis.cohort_value import added_findings, cut_findings, split_findings
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.hazard_model import HazardModel, fit_hazards
from opsonin.analysis.multiplicity import adjust_p
from opsonin.analysis.statistics import midranks, t_p
from opsonin.analysis.survival import kaplan_meier, logrank, proportional_hazards_test
from opsonin.errors import AnalysisError
from opsonin.units import DAYS_PER_MONTH

BONETT = "Spearman 1904, Am J Psychol 15:72; Bonett & Wright 2000, doi:10.1007/BF02294183"
SPARSE = 10  # events for each coefficient below which a model's estimates are known to stray
FEW = 5  # patients without a value from which on they are compared with the others


def cohort_findings(asked: Asked) -> list[Finding]:
    """Everything asked of a cohort; nothing where the questions name none."""
    if not asked.questions.get("cohort"):
        return []
    cohort = read_cohort(asked)
    found = [
        patients_finding(cohort),
        *_together(asked, cohort),
        *_missing(cohort),
        *_correlations(cohort),
        *_univariable(cohort),
    ]
    found += _multivariable(cohort)
    found += split_findings(cohort)
    found += cut_findings(cohort, asked.seed)
    found += added_findings(cohort, asked.seed)
    return found


def _together(asked: Asked, cohort: Cohort) -> Iterator[Finding]:
    """A word where arms or cohorts are thrown together that nothing adjusts for."""
    groups = asked.groups
    if groups.several and groups.by not in {v.name for v in cohort.clinical}:
        words = f"The patients of {len(groups.labels)} groups ({groups.by}) are analysed together; what differs between"
        yield note("cohort.groups", f"{words} these may stand behind a ratio. Name {groups.by} among the adjustments.")


def patients_finding(cohort: Cohort) -> Finding:
    """How many, how long, how many events; its table is Table 1."""
    rows = cohort.rows
    follow_up = kaplan_meier(rows["day"], ~rows["event"].to_numpy(dtype=bool)).median
    middle, lower, upper = (value / DAYS_PER_MONTH for value in follow_up)
    return Finding(
        f"cohort.{cohort.outcome}.follow_up",
        "all",
        middle,
        lower,
        upper,
        0.95,
        n=len(rows),
        events=int(rows["event"].sum()),
        unit="months",
        method="median follow-up by the reverse Kaplan–Meier curve",
        reference="Schemper & Smith 1996, doi:10.1016/0197-2456(96)00075-X",
        table=table_one(cohort),
    )


def table_one(cohort: Cohort) -> pd.DataFrame:
    """One row a variable or level: variable, level, value in words, missing."""
    rows = []
    for v in cohort.variables:
        raw, lost = v.raw.dropna(), int(v.raw.isna().sum())
        if v.kind == "number":
            low, middle, high = np.quantile(raw.to_numpy(dtype=float), [0.25, 0.5, 0.75])
            unit = f", {v.unit}" if v.unit else ""
            said = f"{middle:.3g} ({low:.3g} to {high:.3g})"
            rows.append({"variable": v.name, "level": f"median (quartiles){unit}", "value": said, "missing": lost})
            continue
        words = raw.map(lambda x: f"{x:g}" if isinstance(x, float) else str(x))
        for k, level in enumerate(v.levels):
            hits = int((words.str.lower() == level.lower()).sum())
            row = {
                "variable": v.name if k == 0 else "",
                "level": level,
                "value": f"{hits} ({100 * hits / len(raw):.0f} %)",
            }
            rows.append(row | {"missing": lost if k == 0 else None})
    return pd.DataFrame(rows, columns=pd.Index(["variable", "level", "value", "missing"]))


def _missing(cohort: Cohort) -> Iterator[Finding]:
    """The share not known of each variable, and whether those fare otherwise; who is left in the model."""
    for v in cohort.variables:
        lost = ~cohort.rows.index.isin(v.known)
        if not lost.any():
            continue
        p, said = math.nan, f"{v.name} is not known in {int(lost.sum())} of {len(lost)}."
        if lost.sum() >= FEW and not lost.all():
            try:
                p = logrank(cohort.rows["day"], cohort.rows["event"], lost.astype(int)).p
                said += " Their outcome differs from the others': what is missing is not missing by chance." * (
                    p < 0.05
                )
            except AnalysisError as problem:
                said += f" Whether they fare otherwise cannot be told: {problem}"
        yield Finding(
            f"cohort.missing.{v.name}", "all", float(lost.mean()), p=p, n=len(lost), unit="proportion",
            method="share of patients without a value; log-rank test of these against the others", note=said,
        )  # fmt: skip
    complete = cohort.complete(cohort.variables)
    if len(complete) < len(cohort.rows):
        words = (
            f"All variables are known in {len(complete)} of {len(cohort.rows)} patients; models of several variables"
        )
        yield note("cohort.missing", f"{words} use these alone (complete cases), and no value is filled in.")


def _correlations(cohort: Cohort) -> Iterator[Finding]:
    """Spearman's correlation of each marker with the other markers and with the numbers and scales of the clinic."""
    others = [v for v in cohort.clinical if v.kind != "category"]
    pairs = [(a, b) for k, a in enumerate(cohort.markers) for b in [*cohort.markers[k + 1 :], *others]]
    for a, b in pairs:
        who = cohort.complete([a, b])
        x, y = (v.terms.loc[who].iloc[:, 0].to_numpy(dtype=float) for v in (a, b))
        if len(who) < 5 or np.ptp(x) == 0 or np.ptp(y) == 0:
            continue
        rho, n = float(np.corrcoef(midranks(x), midranks(y))[0, 1]), len(who)
        half = 1.959964 * math.sqrt((1 + rho**2 / 2) / (n - 3))
        middle = math.atanh(min(max(rho, -1 + 1e-12), 1 - 1e-12))
        p = t_p(rho * math.sqrt((n - 2) / max(1 - rho**2, 1e-12)), n - 2)
        yield Finding(
            "cohort.correlation", f"{a.name} and {b.name}", rho, math.tanh(middle - half), math.tanh(middle + half),
            0.95, p, n, unit="", method="Spearman's rank correlation; interval by Fisher's z", reference=BONETT,
            table=pd.DataFrame({a.name: a.raw.loc[who], b.name: b.raw.loc[who]}),
        )  # fmt: skip


def _univariable(cohort: Cohort) -> list[Finding]:
    """Each variable alone, in all who have it; p adjusted over the markers beside."""
    found: list[Finding] = []
    for v in cohort.variables:
        who = cohort.complete([v])
        found += _ratios(cohort, v, [v], who, "univariable")
    whole = [f for f in found if not f.is_note and f.group in {v.words for v in cohort.markers}]
    adjusted = adjust_p([f.p for f in whole], "holm") if len(whole) > 1 else []
    said = {
        id(f): f"Holm-adjusted over {len(whole)} markers: p {p:.2g}." for f, p in zip(whole, adjusted, strict=False)
    }
    return [_with(f, said.get(id(f), "")) for f in found]


def _multivariable(cohort: Cohort) -> list[Finding]:
    """All variables in one model; a test of each category as a whole; whether hazards are proportional."""
    who = cohort.complete(cohort.variables)
    stem = f"cohort.{cohort.outcome}.multivariable"
    x = cohort.design(cohort.variables, who)
    try:
        model = fit_hazards(cohort.rows.loc[who, "day"], cohort.rows.loc[who, "event"], x)
    except AnalysisError as problem:
        return [note(stem, f"No model of all variables together: {problem}")]
    crowded = model.events < SPARSE * len(model.names)
    said = f"{model.events} events for {len(model.names)} coefficients, fewer than ten each: estimates stray." * crowded
    found = [f for v in cohort.variables for f in _terms(cohort, v, model, "multivariable", said)]
    found += _whole_categories(cohort, model, who)
    return [*found, *_proportional(cohort, model)]


def _whole_categories(cohort: Cohort, model: HazardModel, who: pd.Index) -> Iterator[Finding]:
    for v in cohort.clinical:
        own = [c for c in v.terms.columns if c in model.names]
        if len(own) < 2:
            continue
        rest = cohort.design([o for o in cohort.variables if o is not v], who)
        rows = cohort.rows.loc[who]
        without = fit_hazards(rows["day"], rows["event"], rest) if rest.shape[1] else None
        chi2, df, p, test = model.block_test(own, without)
        yield Finding(
            f"cohort.{cohort.outcome}.multivariable.{v.name}", "all levels", chi2, p=p, n=model.n, events=model.events,
            unit=f"chi-squared on {df} degrees of freedom", method=f"{test} test of {v.name}, the others in the model",
            reference=model.reference,
        )  # fmt: skip


def _proportional(cohort: Cohort, model: HazardModel) -> list[Finding]:
    if model.fit is None:
        return []
    try:
        test = proportional_hazards_test(model.fit)
    except AnalysisError:
        return []
    worst = test.names[int(np.argmin(test.p))]
    said = f"The ratio of {worst} changes most over time (p {test.p.min():.2g})." if test.overall.p < 0.05 else ""
    return [
        Finding(
            f"cohort.{cohort.outcome}.proportional_hazards", "all together", test.overall.statistic, p=test.overall.p,
            n=model.n, events=model.events, unit=f"chi-squared on {test.overall.df} degrees of freedom",
            method="score test that no ratio changes over time",
            reference="Grambsch & Therneau 1994, doi:10.2307/2337123", note=said, table=test.to_frame(),
        )
    ]  # fmt: skip


def _ratios(cohort: Cohort, v: Variable, others: list[Variable], who: pd.Index, kind: str) -> Iterator[Finding]:
    x, rows = cohort.design(others, who), cohort.rows.loc[who]
    try:
        model = fit_hazards(rows["day"], rows["event"], x)
    except AnalysisError as problem:
        yield note(f"cohort.{cohort.outcome}.{kind}.{v.name}", f"No hazard ratio of {v.name}: {problem}")
        return
    yield from _terms(cohort, v, model, kind, "")


def _terms(cohort: Cohort, v: Variable, model: HazardModel, kind: str, said: str) -> Iterator[Finding]:
    """The findings of one variable's terms in a model."""
    for term in (c for c in v.terms.columns if c in model.names):
        k = model.names.index(str(term))
        yield Finding(
            f"cohort.{cohort.outcome}.{kind}.{v.name}", v.words if v.kind != "category" else str(term),
            float(model.hazard_ratio[k]), float(model.lower[k]), float(model.upper[k]), model.level, float(model.p[k]),
            model.n, model.events, "hazard ratio", f"{model.method}; {kind}", model.reference, said, model.to_frame(),
        )  # fmt: skip


def _with(finding: Finding, text: str) -> Finding:
    from opsonin.analysis.findings import with_note

    return with_note(finding, text) if text else finding
