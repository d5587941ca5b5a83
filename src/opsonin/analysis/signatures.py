"""Signatures: several markers in one score, shrunken because they are many, the penalty chosen by cross-validation.

Source: Hoerl & Kennard (1970), Technometrics 12:55 (ridge); Tibshirani (1996), J R Stat Soc B 58:267 (lasso); Zou &
Hastie (2005), J R Stat Soc B 67:301 (elastic net); Simon et al. (2011), J Stat Softw 39(5) (Cox's model).
How well a signature does is for `nested_cross_validation` and `leave_one_cohort_out` to say, not for its own patients.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from opsonin.analysis.signature_outcomes import Outcome, Rows, one_thread, outcome_of
from opsonin.analysis.survival.design import design, new_rows, standards
from opsonin.errors import AnalysisError
from opsonin.random import uniform

METHODS = {"ridge": 0.0, "elastic-net": 0.5, "lasso": 1.0}
PENALTIES = 20


@dataclass(frozen=True)
class Signature:
    """A score: intercept + Σ coefficient × covariate, the log odds of response or the log relative hazard.

    coefficient: per unit of each covariate.   scale: the SD by which it was standardised.   penalty, mixture: λ and α.
    tuning: for each penalty tried its cross-validated deviance per patient, its standard error and how many markers it
    keeps; empty where the penalty was given.
    """

    kind: str
    method: str
    names: list[str]
    coefficient: Float[np.ndarray, " k"]
    intercept: float
    scale: Float[np.ndarray, " k"]
    penalty: float
    mixture: float
    tuning: pd.DataFrame = field(repr=False)
    n: int
    events: int

    @property
    def kept(self) -> list[str]:
        """The covariates that have a part in the score."""
        return [name for name, b in zip(self.names, self.coefficient, strict=True) if b != 0]

    def score(self, newdata: Any) -> Float[np.ndarray, " row"]:
        """The score of further patients: a DataFrame or mapping by name, or numbers in the order of `names`.

        Raises: AnalysisError naming a covariate that is missing.
        """
        return self.intercept + new_rows(newdata, self.names) @ self.coefficient

    def probability(self, newdata: Any) -> Float[np.ndarray, " row"]:
        """The chance of a response of further patients.

        Raises: AnalysisError for a signature of survival, whose score says who comes first and not when.
        """
        if self.kind != "response":
            raise AnalysisError(
                "a signature of survival gives a relative hazard; fit a Cox model on its score for times."
            )
        return np.exp(-np.logaddexp(0.0, -self.score(newdata)))

    def to_frame(self) -> pd.DataFrame:
        """One row a covariate: coefficient per unit and per SD."""
        columns = {"covariate": self.names, "coefficient": self.coefficient, "per_sd": self.coefficient * self.scale}
        return pd.DataFrame(columns)


def signature(
    covariates: Any,
    *,
    response: Any = None,
    time: Any = None,
    event: Any = None,
    names: list[str] | None = None,
    strata: Any = None,
    method: str = "ridge",
    mixture: float | None = None,
    penalty: float | None = None,
    folds: int = 10,
    seed: int = 1,
) -> Signature:
    """A penalised score of `covariates` (n, k) for a response, or for times to an event.

    method: "ridge" (keeps all, shrinks all), "lasso" (keeps few) or "elastic-net" (between, or by `mixture` from 0 to
    1). Covariates are standardised first, so that one penalty fits all. penalty: λ; left out, that with the lowest
    deviance over `folds`, responders and events spread evenly over them.
    Raises: AnalysisError for missing values, a covariate that is text or the same for everyone (each named), no or too
    few events, or an unknown method.
    """
    outcome = outcome_of(response, time, event, strata)
    x, labels = design(covariates, names, outcome.n)
    standards(x, labels)  # names a covariate that is the same for everyone
    alpha = mixture_of(method, mixture)
    _refuse_few(outcome, folds if penalty is None else 2)
    with one_thread():
        return fit_signature(outcome, x, labels, np.arange(outcome.n), method, alpha, penalty, folds, seed)


def mixture_of(method: str, mixture: float | None) -> float:
    """The share of the lasso in the penalty.

    Raises: AnalysisError for an unknown method, or a mixture outside 0 to 1.
    """
    if method not in METHODS:
        raise AnalysisError(f"the method {method!r} is unknown; use one of {', '.join(METHODS)}.")
    if mixture is None:
        return METHODS[method]
    if method != "elastic-net" or not 0 <= mixture <= 1:
        raise AnalysisError(f"mixture {mixture:g}: the elastic net alone takes one, from 0 (ridge) to 1 (lasso).")
    return float(mixture)


def fit_signature(
    outcome: Outcome,
    x: Float[np.ndarray, "n k"],
    labels: list[str],
    rows: Rows,
    method: str,
    alpha: float,
    penalty: float | None,
    folds: int,
    seed: int,
) -> Signature:
    """The signature of some rows; a covariate that does not vary among them has no part. Copies stay in one fold."""
    if penalty is not None and not (np.isfinite(penalty) and penalty > 0):
        raise AnalysisError(f"the penalty {penalty:g} is not a positive number; leave it out to have it chosen.")
    z, centre, scale = standardised(x, rows)
    tuning = pd.DataFrame(columns=["penalty", "deviance", "se", "kept"], dtype=float)
    if penalty is None:
        tuning = _tuned(outcome, x, rows, alpha, _penalties(outcome, rows, z, alpha), folds, seed)
        at = int(tuning["deviance"].to_numpy().argmin())
        path = tuning["penalty"].to_numpy()[: at + 1]
        penalty = float(path[-1])
    else:
        path = np.array([penalty])
    intercepts, betas = outcome.path(rows, z, path, alpha)
    beta = betas[-1] / scale
    intercept = float(intercepts[-1] - centre @ beta) if outcome.kind == "response" else 0.0
    events = int(outcome.event[rows].sum())
    return Signature(outcome.kind, method, labels, beta, intercept, scale, penalty, alpha, tuning, rows.size, events)


def standardised(x: np.ndarray, rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns of mean 0 and SD 1 in these rows, their means and SDs; a constant column becomes 0, with SD 1."""
    own = x[rows]
    centre, scale = own.mean(axis=0), own.std(axis=0)
    scale = np.where(scale > 1e-12 * np.maximum(np.abs(centre), 1e-300), scale, 1.0)
    z = (own - centre) / scale
    return np.where(np.ptp(own, axis=0) > 0, z, 0.0), centre, scale


def fold_of(event: np.ndarray, rows: Rows, folds: int, seed: int, purpose: str) -> Int[np.ndarray, " m"]:
    """The fold of each of `rows`: those with the event spread evenly, then the others; copies of a row together."""
    own, place = np.unique(rows, return_inverse=True)
    order = np.lexsort((uniform(seed, purpose, own)[:, 0], ~event[own]))
    code = np.empty(own.size, dtype=np.int64)
    code[order] = np.arange(own.size) % folds
    return code[place.reshape(-1)]


def _penalties(outcome: Outcome, rows: Rows, z: np.ndarray, alpha: float) -> Float[np.ndarray, " penalty"]:
    """From the penalty that leaves (nearly) nothing, downwards."""
    top = outcome.steepest(rows, z) / max(alpha, 0.01)
    if not top > 0:
        raise AnalysisError(
            "no covariate says anything of the outcome in these patients; there is no signature to tune."
        )
    lowest = 1e-4 if alpha < 0.1 else 1e-2 if z.shape[0] > z.shape[1] else 5e-2
    return np.geomspace(top, lowest * top, PENALTIES)


def _tuned(
    outcome: Outcome, x: np.ndarray, rows: Rows, alpha: float, penalties: np.ndarray, folds: int, seed: int
) -> pd.DataFrame:
    """The cross-validated deviance per patient of each penalty."""
    code = fold_of(outcome.event, rows, folds, seed, "signature folds")
    lost, size = np.zeros((folds, penalties.size)), np.bincount(code, minlength=folds)
    kept = np.zeros(penalties.size)
    for fold in range(folds):
        inside, outside = rows[code != fold], rows[code == fold]
        if not outside.size:
            continue
        z, centre, scale = standardised(x, inside)
        intercepts, betas = outcome.path(inside, z, penalties, alpha)
        linear = intercepts + ((x - centre) / scale) @ betas.T
        lost[fold] = [outcome.deviance(outside, inside, linear[:, k]) for k in range(penalties.size)]
        kept += (betas != 0).sum(axis=1) / folds
    mean = lost.sum(axis=0) / size.sum()
    used = size > 0
    each = lost[used] / size[used, None]
    se = each.std(axis=0, ddof=1) / np.sqrt(used.sum())
    return pd.DataFrame({"penalty": penalties, "deviance": mean, "se": se, "kept": kept})


def _refuse_few(outcome: Outcome, folds: int) -> None:
    events, others = int(outcome.event.sum()), int((~outcome.event).sum())
    what = "responders" if outcome.kind == "response" else "events"
    if folds < 2:
        raise AnalysisError(f"{folds} folds cannot hold anybody out; use two or more.")
    if events < folds or (outcome.kind == "response" and others < folds):
        said = f"{events} {what}" + (f" and {others} others" if outcome.kind == "response" else "")
        raise AnalysisError(
            f"{said} among {outcome.n} patients are too few for {folds} folds; ask for fewer folds, give the penalty, "
            "or use one marker alone (firth_logistic, firth_cox)."
        )
