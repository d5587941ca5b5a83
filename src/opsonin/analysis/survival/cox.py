"""Cox's proportional hazards model.

Newton–Raphson with step halving on standardised covariates; ties by Efron, Breslow or exactly; strata; delayed entry;
grouped sandwich variance. Source: Cox (1972), J R Stat Soc B 34:187; Efron (1977), J Am Stat Assoc 72:557; Lin & Wei
(1989), J Am Stat Assoc 84:1074; Therneau & Grambsch (2000), Modeling Survival Data, ch. 3 and 7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from opsonin.analysis.survival.data import checked_level, strata_codes
from opsonin.analysis.survival.design import CoxData, cox_data, new_rows, refuse_redundant
from opsonin.analysis.survival.exact_ties import ExactLikelihood
from opsonin.errors import AnalysisError, MonotoneLikelihoodError

if TYPE_CHECKING:
    from opsonin.analysis.performance.concordance import Concordance
    from opsonin.analysis.survival.prediction import CoxCurves

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
    _data: CoxData = field(repr=False, compare=False)
    _robust_variance: Float[np.ndarray, "covariate covariate"] | None = field(default=None, repr=False, compare=False)
    _cluster: Int[np.ndarray, " n"] | None = field(default=None, repr=False, compare=False)

    @property
    def hazard_ratio(self) -> np.ndarray:
        """exp(coefficient), one per covariate."""
        with np.errstate(over="ignore"):
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
        with np.errstate(over="ignore"):
            return np.exp(np.stack([self.coefficient - width, self.coefficient + width], axis=1))

    def linear_predictor(self, newdata: Any = None) -> np.ndarray:
        """The log hazard ratio against a patient with the mean of every covariate; of the fit's own rows if None.

        newdata: a DataFrame or mapping by covariate, or numbers in the fit's order.
        """
        x = self._data.x if newdata is None else new_rows(newdata, self.names)
        # row by row: a matrix product may round equal patients unequally, which would break their ties
        return ((x - self._data.centre) * self.coefficient).sum(axis=1)

    def residuals(self, kind: str) -> pd.DataFrame:
        """Residuals of the fit: see `opsonin.analysis.survival.residuals`.

        kind: martingale, deviance, score, dfbeta, dfbetas (one row per row of the data), schoenfeld or scaled
        schoenfeld (one row per event, in order of stratum and time).
        """
        from opsonin.analysis.survival.residuals import residuals

        return residuals(self, kind)

    def survival(self, newdata: Any, *, strata: Any = None, interval: str = "log") -> CoxCurves:
        """Predicted survival of new patients with pointwise intervals: see `opsonin.analysis.survival.prediction`."""
        from opsonin.analysis.survival.prediction import predicted_survival

        return predicted_survival(self, newdata, strata=strata, interval=interval)

    def concordance(self) -> Concordance:
        """How well the linear predictor orders the fit's own patients, within strata: apparent, so a little high."""
        from opsonin.analysis.performance.concordance import concordance

        data = self._data
        strata = data.strata if data.strata_labels else None
        order = {"strata": strata, "entry": data.entry, "cluster": self._cluster, "level": self.level}
        return concordance(data.time, data.event, self.linear_predictor(), **order)

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

    covariates: (n,) or (n, k) numbers, or a DataFrame whose column names are used.   entry: a row is at risk after its
    entry and up to its time (delayed entry; rows of `episodes`).   ties: efron, breslow, or exact (discrete time; for
    few tied patients, where it matters).
    Raises: AnalysisError for missing values, no events, or a constant or redundant covariate; MonotoneLikelihoodError
    for a covariate that separates those with from those without the event, whose hazard ratio has no finite estimate.
    """
    level = checked_level(level)
    data = cox_data(time, event, covariates, names, strata, entry, ties)
    if ties == "exact":
        if cluster is not None:
            raise AnalysisError("exact ties have no cluster-robust variance; use ties='efron' with a cluster.")
        model = ExactLikelihood(data.time, data.event, data.scaled, data.strata, data.entry)
    else:
        model = data.likelihood()
    null = model.at(np.zeros(len(data.names)))
    refuse_redundant(null.information, data.names)
    beta, best = _climb(model, null)
    _refuse_runaway(beta, best.information, data.names)
    inverse, back = np.linalg.inv(best.information), np.outer(data.scale, data.scale)
    used, robust, robust_variance, groups = inverse, None, None, None
    if cluster is not None:
        residual = data.likelihood().score_residuals(beta) @ inverse
        groups = strata_codes(cluster, data.time.size)
        summed = np.zeros((int(groups.max()) + 1, beta.size))
        np.add.at(summed, groups, residual)
        used = summed.T @ summed
        rounding = 1e-12 * float((residual**2).sum())  # the sum over all rows is 0 but for it
        if np.linalg.matrix_rank(used, tol=rounding, hermitian=True) < beta.size:
            raise AnalysisError(
                f"the robust variance of {beta.size} coefficients needs more clusters than there are "
                f"(clusters: {summed.shape[0]}); leave out covariates, or the cluster."
            )
        robust, robust_variance = np.sqrt(np.diag(used)) / data.scale, used / back
    df = beta.size
    return CoxFit(
        names=data.names,
        coefficient=beta / data.scale,
        se=np.sqrt(np.diag(inverse)) / data.scale,
        robust_se=robust,
        variance=inverse / back,
        log_likelihood_null=null.value,
        log_likelihood=best.value,
        likelihood_ratio=chi_squared(2 * (best.value - null.value), df),
        wald=chi_squared(float(beta @ np.linalg.solve(used, beta)), df),
        score=chi_squared(float(null.gradient @ np.linalg.solve(null.information, null.gradient)), df),
        n=int(data.time.size),
        events=int(data.event.sum()),
        level=level,
        ties=ties,
        _data=data,
        _robust_variance=robust_variance,
        _cluster=groups,
    )


def chi_squared(statistic: float, df: int) -> Test:
    """The test whose statistic has, where nothing is there, a chi-squared distribution."""
    from scipy.special import chdtrc

    return Test(statistic, df, float(chdtrc(df, max(statistic, 0.0))))


def _climb(model: Any, null: Any):
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
        else:
            break  # nothing is higher: as far as rounding lets one climb
        gain, beta, here = there.value - here.value, beta + step, there
        settled = gain <= 1e-11 * (1 + abs(here.value)) and float(np.abs(step).max()) < 1e-6
        if settled or float(np.abs(beta).max()) > FARTHEST:  # the likelihood is monotone, and the caller says so
            break
    return beta, here


def _refuse_runaway(beta: np.ndarray, information: np.ndarray, labels: list[str]) -> None:
    """Name the covariate in whose direction (alone or with others) the likelihood has gone flat."""
    values, directions = np.linalg.eigh(information)
    label = labels[int(np.argmax(np.abs(directions[:, 0])))]
    if values[0] > RUNAWAY**-2 and float(np.abs(beta).max()) <= FARTHEST:
        return
    if float(np.abs(beta).max()) < 3:
        raise AnalysisError(f"the covariate {label!r} says hardly anything that the others do not; leave it out.")
    raise MonotoneLikelihoodError(
        f"the likelihood is monotone in {label!r}: it separates those with the event from those without, so that its "
        "hazard ratio has no finite estimate; use firth_cox (Firth's penalty keeps it finite), or merge categories."
    )
