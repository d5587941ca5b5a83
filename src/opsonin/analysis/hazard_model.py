"""A proportional hazards model for a cohort of any size: Cox's where it has an answer, Firth's where that runs away.

Source: Cox (1972), J R Stat Soc B 34:187; Heinze & Schemper (2001), Biometrics 57:114 (Firth's penalty where a
covariate separates those with from those without the event).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.analysis.statistics import NAN
from opsonin.analysis.survival import CoxFit, cox
from opsonin.analysis.survival.likelihood import Evaluation
from opsonin.errors import MonotoneLikelihoodError

COX = "Cox model, Efron ties; Wald interval and p"
FIRTH = "Cox model with Firth's penalty, as the likelihood is monotone; profile interval and p"
COX_SOURCE = "Cox 1972, doi:10.1111/j.2517-6161.1972.tb00899.x"
FIRTH_SOURCE = "Heinze & Schemper 2001, doi:10.1111/j.0006-341X.2001.00114.x"


@dataclass(frozen=True)
class HazardModel:
    """Ratios of a fitted model, one entry a covariate.   penalised: Firth's penalty was needed.

    fit: the Cox fit behind it where there is one.
    """

    names: list[str]
    coefficient: Float[np.ndarray, " covariate"]
    lower: Float[np.ndarray, " covariate"]
    upper: Float[np.ndarray, " covariate"]
    p: Float[np.ndarray, " covariate"]
    log_likelihood: float
    log_likelihood_null: float
    penalised: bool
    n: int
    events: int
    level: float
    fit: CoxFit | None = field(default=None, repr=False)
    data: tuple[Any, Any, Any] = field(default=(None, None, None), repr=False)

    @property
    def hazard_ratio(self) -> Float[np.ndarray, " covariate"]:
        """exp(coefficient)."""
        return np.exp(self.coefficient)

    @property
    def method(self) -> str:
        """In words."""
        return FIRTH if self.penalised else COX

    @property
    def reference(self) -> str:
        """Its source."""
        return FIRTH_SOURCE if self.penalised else COX_SOURCE

    def to_frame(self) -> pd.DataFrame:
        """One row a covariate."""
        columns = {"covariate": self.names, "hazard_ratio": self.hazard_ratio, "lower": self.lower, "upper": self.upper}
        return pd.DataFrame(columns | {"p": self.p})

    def block_test(self, names: list[str], without: HazardModel | None) -> tuple[float, int, float, str]:
        """Whether some covariates add to the others: statistic, degrees of freedom, p, and the test in words.

        without: the model of the others, None where there are none. The likelihood ratio; where a penalty was needed,
        the penalised one, both models then with it and the full design's information (as coxphf compares models).
        """
        from scipy.special import chdtrc

        df = len(names)
        if not self.penalised and (without is None or not without.penalised):
            before = self.log_likelihood_null if without is None else without.log_likelihood
            statistic = max(2 * (self.log_likelihood - before), 0.0)
            return statistic, df, float(chdtrc(df, statistic)), "likelihood ratio"
        time, event, x = self.data
        statistic = _penalised_block(time, event, x, [n for n in self.names if n not in names])
        return statistic, df, float(chdtrc(df, statistic)), "penalised likelihood ratio"


def fit_hazards(time: Any, event: Any, x: pd.DataFrame, *, level: float = 0.95, intervals: bool = True) -> HazardModel:
    """Fit the hazard ratios of the columns of `x`.   intervals: without them only the coefficients are found.

    Raises: AnalysisError where there is no event, a value is missing, or a covariate is constant or redundant.
    """
    try:
        fit = cox(time, event, x, level=level)
    except MonotoneLikelihoodError:
        return _firth(time, event, x, level, intervals)
    low, high = fit.interval.T if intervals else np.full((2, len(fit.names)), NAN)
    return HazardModel(
        fit.names, fit.coefficient, low, high, fit.p if intervals else np.full(len(fit.names), NAN),
        fit.log_likelihood, fit.log_likelihood_null, False, fit.n, fit.events, level, fit, (time, event, x),
    )  # fmt: skip


def _firth(time: Any, event: Any, x: pd.DataFrame, level: float, intervals: bool) -> HazardModel:
    """With Firth's penalty; without intervals only its top is found, which is a small part of the work."""
    from opsonin.analysis.profile_likelihood import highest
    from opsonin.analysis.survival.design import cox_data
    from opsonin.analysis.survival.firth import FirthLikelihood, firth_cox

    if intervals:
        fit = firth_cox(time, event, x, level=level)
        low, high = fit.interval.T
        found = (fit.coefficient, low, high, fit.p, fit.log_likelihood, fit.log_likelihood_null)
        return HazardModel(fit.names, *found, True, fit.n, fit.events, level, None, (time, event, x))
    data = cox_data(time, event, x, None, None, None, "efron")
    model, k = FirthLikelihood(data.likelihood()), len(data.names)
    top, empty = highest(model, np.zeros(k)), np.full(k, NAN)
    found = (top.theta / data.scale, empty, empty, empty, top.value, NAN)
    return HazardModel(data.names, *found, True, data.time.size, int(data.event.sum()), level)


class _Held:
    """A penalised likelihood with some of its coefficients held at 0, the penalty still that of all."""

    def __init__(self, model: Any, free: np.ndarray, size: int):
        self.model, self.free, self.size = model, free, size

    def at(self, theta: np.ndarray) -> Evaluation:
        whole = np.zeros(self.size)
        whole[self.free] = theta
        value, gradient, information = self.model.at(whole)
        return Evaluation(value, gradient[self.free], information[np.ix_(self.free, self.free)])


def _penalised_block(time: Any, event: Any, x: pd.DataFrame, others: list[str]) -> float:
    """Twice the fall of the penalised likelihood when all but `others` are 0."""
    from opsonin.analysis.profile_likelihood import highest
    from opsonin.analysis.survival.design import cox_data
    from opsonin.analysis.survival.firth import FirthLikelihood

    data = cox_data(time, event, x, None, None, None, "efron")
    model = FirthLikelihood(data.likelihood())
    free = np.array([k for k, name in enumerate(data.names) if name in others], dtype=np.int64)
    top = highest(model, np.zeros(len(data.names)))
    below = highest(_Held(model, free, len(data.names)), np.zeros(free.size))
    return max(2 * (top.value - below.value), 0.0)


def baseline_hazard(
    time: Float[np.ndarray, " n"], event: np.ndarray, predictor: Float[np.ndarray, " n"], at: float
) -> float:
    """Breslow's cumulative hazard at a time, of a patient whose linear predictor is 0.

    Source: Breslow (1974), Biometrics 30:89.
    """
    order = np.argsort(time, kind="stable")
    risk = np.exp(predictor[order] - predictor.max())
    at_risk = np.cumsum(risk[::-1])[::-1]
    first = np.searchsorted(time[order], time[order], side="left")
    steps = np.asarray(event, dtype=bool)[order] / at_risk[first]
    return float(steps[time[order] <= at].sum()) * math.exp(-float(predictor.max()))
