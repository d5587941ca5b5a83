"""How well a signature does in patients it was not made from: nested cross-validation, and cohort by cohort.

Everything is made anew without those it is judged in, the choice of the penalty too. Cross-validation answers for
further patients of the same kind; leaving a cohort out answers for the next hospital.
Source: Varma & Simon (2006), BMC Bioinformatics 7:91 (nested cross-validation); Steyerberg & Harrell (2016), J Clin
Epidemiol 69:245 (internal-external validation by leaving cohorts out).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from opsonin.analysis.findings import Finding
from opsonin.analysis.optimism import Optimism, optimism_corrected
from opsonin.analysis.performance import Calibration
from opsonin.analysis.signature_outcomes import Outcome, Rows, one_thread, outcome_of
from opsonin.analysis.signature_pooling import (
    OWN,
    back_from_logit,
    gain_over,
    judged_in,
    others_beside,
    pooled_over_cohorts,
    slope_of,
)
from opsonin.analysis.signatures import fit_signature, fold_of, mixture_of
from opsonin.analysis.statistics import NAN, Estimate
from opsonin.analysis.survival.data import group_codes
from opsonin.analysis.survival.design import design, standards
from opsonin.errors import AnalysisError

SOURCE = "Varma & Simon 2006, doi:10.1186/1471-2105-7-91; Steyerberg & Harrell 2016, doi:10.1016/j.jclinepi.2015.04.005"


@dataclass(frozen=True)
class SignatureValidation:
    """A signature judged part by part, each by a signature made from the others.

    measure: area under the ROC curve, or concordance. parts: one row a fold or cohort: n, events, penalty, kept (how
    many covariates have a part) and, for the signature and each score beside it, its performance with interval (NaN
    where the part has no comparable pair). linear: each patient's score, made without them. overall: by name the pooled
    performance; gain: how far the signature is above each score beside it, with p. slope: of calibration, 1 is right.
    prediction: by name, where the performance in a further cohort is expected (NaN for folds, or few cohorts).
    """

    kind: str
    how: str
    measure: str
    parts: pd.DataFrame
    linear: Float[np.ndarray, " n"] = field(repr=False)
    part: list[str] = field(repr=False)
    overall: dict[str, Estimate]
    prediction: dict[str, Estimate]
    gain: dict[str, tuple[Estimate, float]]
    slope: Estimate
    calibration: Calibration | None = field(repr=False)
    n: int
    events: int
    level: float

    def to_frame(self) -> pd.DataFrame:
        """One row a part."""
        return self.parts.copy()

    def findings(self, name: str) -> list[Finding]:
        """`<name>.performance` of the signature and of each score beside it, `<name>.gain`, `<name>.slope`."""
        common: dict[str, Any] = {"n": self.n, "events": self.events, "level": self.level, "reference": SOURCE}
        how, made = f"{self.measure}, {self.how}", []
        for who, (value, lower, upper) in self.overall.items():
            ahead = self.prediction[who]
            note = f"In a further cohort between {ahead.lower:.2f} and {ahead.upper:.2f} is to be expected."
            words = note if math.isfinite(ahead.lower) else ""
            made.append(Finding(f"{name}.performance", who, value, lower, upper, method=how, note=words, **common))
        for who, (gap, p) in self.gain.items():
            group = f"{OWN} against {who}"
            made.append(Finding(f"{name}.gain", group, gap.value, gap.lower, gap.upper, p=p, method=how, **common))
        value, lower, upper = self.slope
        note = "Below 1: scores are too extreme, as after fitting too much."
        method = f"calibration slope, {self.how}"
        made.append(Finding(f"{name}.slope", OWN, value, lower, upper, method=method, note=note, **common))
        return [f for f in made if math.isfinite(f.estimate)]


def nested_cross_validation(
    covariates: Any,
    *,
    response: Any = None,
    time: Any = None,
    event: Any = None,
    names: list[str] | None = None,
    strata: Any = None,
    method: str = "ridge",
    mixture: float | None = None,
    folds: int = 5,
    inner: int = 5,
    beside: Mapping[str, Any] | None = None,
    seed: int = 1,
    level: float = 0.95,
) -> SignatureValidation:
    """A signature judged by cross-validation, its penalty chosen anew by `inner` folds within each training part.

    beside: other scores of the same patients (high: response, or an early event) to hold it against.
    Raises: AnalysisError as `signature`.
    """
    outcome = outcome_of(response, time, event, strata)
    if folds < 2 or inner < 2:
        raise AnalysisError(f"{folds} folds with {inner} within each cannot hold anybody out; use two or more of both.")
    code = fold_of(outcome.event, np.arange(outcome.n), folds, seed, "signature nested")
    labels = [f"fold {k + 1}" for k in range(folds)]
    how = f"{folds}-fold cross-validation with the penalty chosen within"
    return _validated(outcome, covariates, names, code, labels, how, method, mixture, inner, beside, seed, level, False)


def leave_one_cohort_out(
    covariates: Any,
    cohort: Any,
    *,
    response: Any = None,
    time: Any = None,
    event: Any = None,
    names: list[str] | None = None,
    method: str = "ridge",
    mixture: float | None = None,
    inner: int = 5,
    beside: Mapping[str, Any] | None = None,
    seed: int = 1,
    level: float = 0.95,
) -> SignatureValidation:
    """A signature judged in each cohort by one made from the other cohorts; pooled by random effects on the log odds.

    Times to an event are stratified by cohort. beside: as in `nested_cross_validation`.
    Raises: AnalysisError as `signature`, and for fewer than three cohorts.
    """
    size = (
        np.asarray(response if response is not None else time).shape[0] if (response is None) != (time is None) else 0
    )
    strata = None if response is not None else cohort
    outcome = outcome_of(response, time, event, strata)
    labels, code = group_codes(cohort, size)
    if len(labels) < 3:
        raise AnalysisError(
            f"leaving one cohort out needs three or more, and there {'is' if len(labels) == 1 else 'are'} "
            f"{len(labels)}; use nested_cross_validation."
        )
    how = f"leaving out one of {len(labels)} cohorts at a time"
    return _validated(outcome, covariates, names, code, labels, how, method, mixture, inner, beside, seed, level, True)


def signature_optimism(
    covariates: Any,
    *,
    response: Any = None,
    time: Any = None,
    event: Any = None,
    names: list[str] | None = None,
    strata: Any = None,
    method: str = "ridge",
    mixture: float | None = None,
    inner: int = 5,
    samples: int = 100,
    seed: int = 1,
) -> Optimism:
    """What a signature's performance in its own patients is worth: corrected by making all of it again in samples.

    Copies of a patient stay in one fold where the penalty is chosen.
    Raises: AnalysisError as `signature` and `optimism_corrected`.
    """
    outcome = outcome_of(response, time, event, strata)
    x, labels = design(covariates, names, outcome.n)
    standards(x, labels)
    alpha = mixture_of(method, mixture)

    def make(rows: Rows) -> Any:
        return fit_signature(outcome, x, labels, rows, method, alpha, None, inner, seed)

    def judge(made: Any, rows: Rows) -> dict[str, float]:
        return {outcome.measure: outcome.discrimination(made.intercept + x[rows] @ made.coefficient, rows).estimate}

    with one_thread():
        return optimism_corrected(make, judge, outcome.n, strata=outcome.event.astype(int), samples=samples, seed=seed)


def _validated(
    outcome: Outcome,
    covariates: Any,
    names: list[str] | None,
    code: Int[np.ndarray, " n"],
    labels: list[str],
    how: str,
    method: str,
    mixture: float | None,
    inner: int,
    beside: Mapping[str, Any] | None,
    seed: int,
    level: float,
    cohorts: bool,
) -> SignatureValidation:
    x, columns = design(covariates, names, outcome.n)
    standards(x, columns)
    alpha, others = mixture_of(method, mixture), others_beside(beside, outcome.n)
    linear, rows = np.zeros(outcome.n), []
    judged: dict[str, list[tuple[float, float]]] = {who: [] for who in (OWN, *others)}
    for k, label in enumerate(labels):
        inside, outside = np.flatnonzero(code != k), np.flatnonzero(code == k)
        with one_thread():
            made = fit_signature(outcome, x, columns, inside, method, alpha, None, inner, seed)
        linear[outside] = made.intercept + x[outside] @ made.coefficient
        row: dict[str, Any] = {"part": label, "n": outside.size, "events": int(outcome.event[outside].sum())}
        row |= {"penalty": made.penalty, "kept": len(made.kept)}
        for who, score in ({OWN: linear} | others).items():
            here = judged_in(outcome, score, outside, level)
            judged[who].append((here[0].value, here[1]))
            row |= {who: here[0].value, f"{who}, lower": here[0].lower, f"{who}, upper": here[0].upper}
        rows.append(row)
    everyone = np.arange(outcome.n)
    overall, prediction = {}, {}
    for who, score in ({OWN: linear} | others).items():
        pooled = pooled_over_cohorts(judged[who], labels, level) if cohorts else None
        overall[who] = (
            back_from_logit(pooled.pooled) if pooled else outcome.discrimination(score, everyone, code).interval
        )
        prediction[who] = back_from_logit(pooled.prediction) if pooled else Estimate(NAN, NAN, NAN)
    gain = {who: gain_over(outcome, linear, score, code, labels, cohorts, level) for who, score in others.items()}
    slope, calibrated = slope_of(outcome, linear, code, level)
    return SignatureValidation(
        outcome.kind,
        how,
        outcome.measure,
        pd.DataFrame(rows),
        linear,
        [labels[k] for k in code],
        overall,
        prediction,
        gain,
        slope,
        calibrated,
        outcome.n,
        int(outcome.event.sum()),
        level,
    )
