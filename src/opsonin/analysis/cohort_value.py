"""Cut-points of a cohort's markers with their price, and what the markers add to the clinic's own score."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from opsonin.analysis.added_value import AddedValue, Judged, value_added
from opsonin.analysis.cohort_data import Cohort, Variable
from opsonin.analysis.cutpoint import cut_point
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.hazard_model import HazardModel, baseline_hazard, fit_hazards
from opsonin.analysis.performance.calibration import calibration
from opsonin.analysis.performance.decision_curve import decision_curve
from opsonin.analysis.performance.roc import standard_error
from opsonin.analysis.survival import kaplan_meier, logrank
from opsonin.errors import AnalysisError
from opsonin.units import DAYS_PER_MONTH

HORIZONS = (12, 24, 36, 60, 84, 120)  # months
HARRELL = "Harrell, Lee & Mark 1996, doi:10.1002/(SICI)1097-0258(19960229)15:4<361::AID-SIM168>3.0.CO;2-4"
NOMA = "Noma et al. 2021, doi:10.1002/sim.9148"
ALL = "all markers"
MANY = 600  # patients beyond which optimism is slight and samples are dear: fewer, and for all markers together alone
SAMPLES = (200, 40)


def split_findings(cohort: Cohort) -> Iterator[Finding]:
    """Each marker, high against low at its median, which was chosen without a look at the outcome."""
    for v in cohort.markers:
        who = cohort.complete([v])
        rows = cohort.rows.loc[who].assign(value=v.raw.loc[who].astype(float))
        middle = float(rows["value"].median())
        rows["high"] = rows["value"] >= middle
        name = f"cohort.{cohort.outcome}.median_split.{v.name}"
        try:
            model = fit_hazards(rows["day"], rows["event"], pd.DataFrame({v.name: rows["high"].astype(float)}))
            p = logrank(rows["day"], rows["event"], rows["high"].astype(int)).p
        except AnalysisError as problem:
            yield note(name, f"{v.name} at its median: {problem}")
            continue
        yield Finding(
            name, f"high (≥ {middle:.4g} {v.unit})".replace(" )", ")"), float(model.hazard_ratio[0]),
            float(model.lower[0]), float(model.upper[0]), model.level, p, model.n, model.events, "hazard ratio",
            f"{model.method.partition(';')[0]}; log-rank p", model.reference,
            "The median depends on who was sampled.", rows.reset_index(),
        )  # fmt: skip


def cut_findings(cohort: Cohort, seed: int) -> Iterator[Finding]:
    """The cut that parts the outcome best, with the p and the ratio that are left after the search."""
    for v in cohort.markers:
        who = cohort.complete([v])
        rows = cohort.rows.loc[who]
        name = f"cohort.{cohort.outcome}.{v.name}"
        try:
            found = cut_point(rows["day"], rows["event"], v.raw.loc[who].to_numpy(dtype=float), seed=seed)
        except AnalysisError as problem:
            yield note(name, f"No cut of {v.name} was searched: {problem}")
            continue
        yield from found.findings(name, unit=v.unit)


def added_findings(cohort: Cohort, seed: int) -> list[Finding]:
    """What all markers add to the clinical variables, then each alone, in those in whom all are known."""
    who = cohort.complete(cohort.variables)
    rows, base = cohort.rows.loc[who], cohort.design(cohort.clinical, who)
    large = len(who) > MANY
    sets: list[tuple[str, list[Variable]]] = [(ALL, cohort.markers)]
    sets += [(v.name, [v]) for v in cohort.markers] if len(cohort.markers) > 1 else []
    found: list[Finding] = []
    for name, markers in sets:
        stem = f"cohort.{cohort.outcome}.added.{name}"
        try:
            more = cohort.design(markers, who)
            samples = 0 if large and name != ALL else SAMPLES[large]
            value = value_added(rows["day"], rows["event"], base, more, samples=samples, seed=seed)
        except AnalysisError as problem:
            found.append(note(stem, f"The added value of {name} cannot be told: {problem}"))
            continue
        found += _value(cohort, name, stem, value)
        if name == ALL:
            found += _predictions(cohort, rows, pd.concat([base, more], axis=1), base, value)
    return found


def _value(cohort: Cohort, name: str, stem: str, value: AddedValue) -> Iterator[Finding]:
    to = " and ".join(v.name for v in cohort.clinical) or "nothing"
    what = f"{name} added to {to}"
    yield Finding(
        f"{stem}.likelihood_ratio", what, value.statistic, p=value.p, n=value.n, events=value.events,
        unit=f"chi-squared on {value.df} degree{'s' * (value.df > 1)} of freedom", method=f"{value.test} test",
        reference=value.full_model.reference,
    )  # fmt: skip
    failed = f" {value.failed} of {value.samples} samples gave no model." if value.failed and not value.said else ""
    for measure, group, judged in (
        ("concordance", f"{to} alone", value.base),
        ("concordance", f"{to} with {name}", value.full),
        ("concordance_gain", what, value.gain),
        ("calibration_slope", f"{to} alone", value.base_slope),
        ("calibration_slope", f"{to} with {name}", value.full_slope),
    ):
        if not cohort.clinical and group.endswith(" alone"):
            continue
        yield _judged(f"{stem}.{measure}", group, judged, value, failed)


def _judged(name: str, group: str, judged: Judged, value: AddedValue, failed: str) -> Finding:
    estimate, lower, upper = judged.corrected
    corrected = math.isfinite(estimate)
    method = f"corrected for optimism by {value.samples} bootstrap samples" if corrected else "apparent, not corrected"
    said = f"Apparent {judged.apparent:.3g}, optimism {judged.optimism:.3g}.{failed}" if corrected else value.said
    return Finding(
        name, group, estimate if corrected else judged.apparent, lower, upper, 0.95, n=value.n, events=value.events,
        unit="", method=f"{name.rpartition('.')[2].replace('_', ' ')}, "
        f"{method}", reference=f"{HARRELL}; {NOMA}", note=said, table=value.to_frame(),
    )  # fmt: skip


def horizon(cohort: Cohort, rows: pd.DataFrame) -> float:
    """Days: as asked, else the latest usual time at which a fifth is still at risk; else the median time."""
    if cohort.at_months is not None:
        return cohort.at_months * DAYS_PER_MONTH
    day, event = rows["day"].to_numpy(dtype=float), rows["event"].to_numpy(dtype=bool)
    fine = [
        m * DAYS_PER_MONTH
        for m in HORIZONS
        if (day > m * DAYS_PER_MONTH).mean() >= 0.2 and (event & (day <= m * DAYS_PER_MONTH)).sum() >= 5
    ]
    return fine[-1] if fine else float(np.median(day))


def _predictions(
    cohort: Cohort, rows: pd.DataFrame, full_x: pd.DataFrame, base_x: pd.DataFrame, value: AddedValue
) -> list[Finding]:
    """Calibration and net benefit of both models at one time, in the patients they were made from."""
    at = horizon(cohort, rows)
    day, event = rows["day"].to_numpy(dtype=float), rows["event"].to_numpy(dtype=bool)
    models: list[tuple[str, HazardModel, pd.DataFrame]] = [("with markers", value.full_model, full_x)]
    if value.base_model is not None:
        models.insert(0, ("clinical", value.base_model, base_x))
    when, found, curves = f"{at / DAYS_PER_MONTH:.3g} months", [], {}
    for name, model, x in models:
        predictor = x.to_numpy(dtype=float) @ model.coefficient
        risk = -np.expm1(-baseline_hazard(day, event, predictor, at) * np.exp(predictor))
        stem = f"cohort.{cohort.outcome}"
        try:
            held = calibration(day, event, risk, at, groups=3)
            curves[name] = decision_curve(day, event, risk, at)
        except AnalysisError as problem:
            found.append(note(f"{stem}.calibration", f"No calibration at {when}: {problem}"))
            continue
        found.append(
            Finding(
                f"{stem}.calibration", f"{name}, by {when}", *held.ratio, 0.95, n=held.n, events=held.events,
                unit="ratio", method="observed (Kaplan–Meier) over predicted risk, in the patients of the model",
                reference="Royston & Altman 2013, doi:10.1186/1471-2288-13-33",
                note="Right on average by construction; whether high and low are right is the slope's to say.",
                table=held.groups,
            )
        )  # fmt: skip
    if len(curves) == 2:
        found.append(_net_benefit(cohort, curves, day, event, at, when))
    return found


def _net_benefit(cohort: Cohort, curves: dict, day: np.ndarray, event: np.ndarray, at: float, when: str) -> Finding:
    """The gain in net benefit at the threshold that is nearest to the share with the event."""
    clinical, marked = curves["clinical"], curves["with markers"]
    share = 1 - float(kaplan_meier(day, event).at(at)["survival"].iloc[0])
    k = int(np.argmin(np.abs(clinical.threshold - share)))
    difference = marked.influence[:, k] - clinical.influence[:, k]
    gain, se = float(marked.benefit[k] - clinical.benefit[k]), standard_error(difference)
    table = clinical.to_frame()[["threshold", "everyone", "benefit"]].rename(columns={"benefit": "clinical"})
    return Finding(
        f"cohort.{cohort.outcome}.net_benefit_gain", f"threshold {clinical.threshold[k]:.0%}, by {when}", gain,
        gain - 1.959964 * se, gain + 1.959964 * se, 0.95, n=int(day.size), events=int(event.sum()), unit="per patient",
        method="net benefit of treating by the model with markers, less that of the clinical one; not corrected",
        reference="Vickers & Elkin 2006, doi:10.1177/0272989X06295361",
        table=table.assign(with_markers=marked.benefit),
    )  # fmt: skip
