"""Cox's proportional hazards model.

Newton–Raphson with step halving on standardised covariates; ties by Efron or Breslow; strata; delayed entry; grouped
sandwich variance. Source: Cox (1972), J R Stat Soc B 34:187; Efron (1977), J Am Stat Assoc 72:557; Lin & Wei (1989), J
Am Stat Assoc 84:1074; Therneau & Grambsch (2000), Modeling Survival Data, ch. 3 and 7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.analysis.survival.data import checked, strata_codes
from opsonin.analysis.survival.likelihood import PartialLikelihood
from opsonin.errors import AnalysisError

STEPS = 40
FARTHEST = 30.0  # a coefficient this large, per SD of the covariate, is on its way to infinity
RUNAWAY = 60.0  # a standard error this large, per SD of the covariate, is no estimate: the likelihood is monotone


class Test(NamedTuple):
    """A chi-squared test that all coefficients are 0."""

    statistic: float
    df: int
    p: float


@dataclass(frozen=True)
class CoxFit:
    """A fitted Cox model. se: model based; robust_se: grouped sandwich where clusters were given, else None.

    z, p and the intervals use the robust standard error where there is one.
    """

    names: list[str]
    coefficient: Float[np.ndarray, " covariate"]
    se: Float[np.ndarray, " covariate"]
    robust_se: Float[np.ndarray, " covariate"] | None
    variance: Float[np.ndarray, "covariate covariate"]
    log_likelihood_null: float
    log_likelihood: float
    likelihood_ratio: Test
    wald: Test
    score: Test
    n: int
    events: int
    level: float
    ties: str

    @property
    def hazard_ratio(self) -> np.ndarray:
        """exp(coefficient), one per covariate."""
        return np.exp(self.coefficient)

    @property
    def z(self) -> np.ndarray:
        """coefficient / standard error."""
        return self.coefficient / (self.se if self.robust_se is None else self.robust_se)

    @property
    def p(self) -> np.ndarray:
        """Two-sided Wald p, one per covariate."""
        return np.array([math.erfc(abs(z) / math.sqrt(2)) for z in self.z])

    @property
    def interval(self) -> np.ndarray:
        """Limits of the hazard ratio, shape (covariate, 2)."""
        width = NormalDist().inv_cdf(0.5 + self.level / 2) * (self.se if self.robust_se is None else self.robust_se)
        return np.exp(np.stack([self.coefficient - width, self.coefficient + width], axis=1))

    def to_frame(self) -> pd.DataFrame:
        """One row a covariate."""
        low, high = self.interval.T
        return pd.DataFrame(
            {
                "covariate": self.names,
                "coefficient": self.coefficient,
                "se": self.se,
                "hazard_ratio": self.hazard_ratio,
                "lower": low,
                "upper": high,
                "p": self.p,
            }
        )


def cox(
    time: Any,
    event: Any,
    covariates: Any,
    *,
    names: list[str] | None = None,
    strata: Any = None,
    entry: Any = None,
    cluster: Any = None,
    ties: str = "efron",
    level: float = 0.95,
) -> CoxFit:
    """Fit the hazard ratio of each covariate.

    covariates: (n,) or (n, k) numbers, or a DataFrame whose column names are used.
    Raises: AnalysisError for missing values, no events, a constant or redundant covariate, or a monotone likelihood
    (a covariate that separates those with from those without the event, whose hazard ratio has no finite estimate).
    """
    t, d, start = checked(time, event, entry)
    x, labels = _design(covariates, names, t.size)
    if not d.any():
        raise AnalysisError("a Cox model needs at least one event; all times are censored.")
    if ties not in ("efron", "breslow"):
        raise AnalysisError(f"ties {ties!r} is unknown; use 'efron' or 'breslow'.")
    centre, scale = x.mean(axis=0), x.std(axis=0)
    flat = scale <= 1e-12 * np.maximum(np.abs(centre), 1e-300)
    if flat.any():
        raise AnalysisError(
            f"the covariate {labels[int(np.flatnonzero(flat)[0])]!r} is the same for everyone; leave it out."
        )
    scaled = (x - centre) / scale
    model = PartialLikelihood(t, d, scaled, strata_codes(strata, t.size), start, ties)
    null = model.at(np.zeros(x.shape[1]))
    _refuse_redundant(null.information, labels)
    beta, best = _climb(model, null)
    _refuse_runaway(beta, best.information, labels)
    inverse = np.linalg.inv(best.information)
    variance = inverse / np.outer(scale, scale)
    used, robust = inverse, None
    if cluster is not None:
        residual = model.score_residuals(beta) @ inverse
        groups = strata_codes(cluster, t.size)
        summed = np.zeros((int(groups.max()) + 1, beta.size))
        np.add.at(summed, groups, residual)
        used = summed.T @ summed
        robust = np.sqrt(np.diag(used)) / scale
    df = beta.size
    return CoxFit(
        names=labels,
        coefficient=beta / scale,
        se=np.sqrt(np.diag(variance)),
        robust_se=robust,
        variance=variance,
        log_likelihood_null=null.value,
        log_likelihood=best.value,
        likelihood_ratio=_test(2 * (best.value - null.value), df),
        wald=_test(float(beta @ np.linalg.solve(used, beta)), df),
        score=_test(float(null.gradient @ np.linalg.solve(null.information, null.gradient)), df),
        n=int(t.size),
        events=int(d.sum()),
        level=level,
        ties=ties,
    )


def _climb(model: PartialLikelihood, null):
    """Newton's method, halving any step that does not raise the log likelihood."""
    beta, here = np.zeros(null.gradient.size), null
    for _ in range(STEPS):
        step = np.linalg.lstsq(here.information, here.gradient, rcond=None)[0]
        longest = float(np.abs(step).max())
        step = step * min(1.0, 5.0 / longest) if longest > 0 else step
        for _half in range(30):
            there = model.at(beta + step)
            if math.isfinite(there.value) and there.value >= here.value - 1e-12 * abs(here.value):
                break
            step = step / 2
        gain, beta, here = there.value - here.value, beta + step, there
        settled = gain <= 1e-11 * (1 + abs(here.value)) and float(np.abs(step).max()) < 1e-6
        if settled or float(np.abs(beta).max()) > FARTHEST:  # the likelihood is monotone, and the caller says so
            break
    return beta, here


def _test(statistic: float, df: int) -> Test:
    from scipy.special import chdtrc

    return Test(statistic, df, float(chdtrc(df, max(statistic, 0.0))))


def _design(covariates: Any, names: list[str] | None, n: int) -> tuple[np.ndarray, list[str]]:
    if isinstance(covariates, pd.DataFrame):
        names = names or [str(c) for c in covariates.columns]
    x = np.asarray(covariates, dtype=float)
    x = x[:, None] if x.ndim == 1 else x
    if x.shape[0] != n or x.ndim != 2 or x.shape[1] == 0:
        raise AnalysisError(f"covariates have one row per time: {n} times, but covariates of shape {x.shape}.")
    labels = list(names) if names is not None else [f"x{i + 1}" for i in range(x.shape[1])]
    if len(labels) != x.shape[1]:
        raise AnalysisError(f"there are {x.shape[1]} covariates but {len(labels)} names.")
    for column, label in zip(x.T, labels, strict=True):
        if not np.isfinite(column).all():
            raise AnalysisError(
                f"the covariate {label!r} misses {int((~np.isfinite(column)).sum())} values; leave those rows out."
            )
    return x, labels


def _refuse_runaway(beta: np.ndarray, information: np.ndarray, labels: list[str]) -> None:
    """Name the covariate in whose direction (alone or with others) the likelihood has gone flat."""
    values, directions = np.linalg.eigh(information)
    label = labels[int(np.argmax(np.abs(directions[:, 0])))]
    if values[0] > RUNAWAY**-2 and float(np.abs(beta).max()) <= FARTHEST:
        return
    if float(np.abs(beta).max()) < 3:
        raise AnalysisError(f"the covariate {label!r} says hardly anything that the others do not; leave it out.")
    raise AnalysisError(
        f"the likelihood is monotone in {label!r}: it separates those with the event from those without, "
        "so that its hazard ratio has no finite estimate; drop it, merge categories, or use a Firth model."
    )


def _refuse_redundant(information: np.ndarray, labels: list[str]) -> None:
    """Name a covariate that the others give already (or that never varies within a risk set)."""
    tolerance = 1e-9 * max(1.0, float(np.trace(information)))
    for k, label in enumerate(labels):
        if np.linalg.matrix_rank(information[: k + 1, : k + 1], tol=tolerance) < k + 1:
            raise AnalysisError(f"the covariate {label!r} says nothing that the others do not; leave it out.")
