"""Cox's model with Firth's penalty: hazard ratios that stay finite, and nearly unbiased, in small or separated samples.

The log partial likelihood plus half the log determinant of its information; intervals and p from the profile of that,
as the likelihood is far from a parabola where the penalty matters. Source: Firth (1993), Biometrika 80:27; Heinze &
Schemper (2001), Biometrics 57:114, whose program is R's coxphf.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.profile_likelihood import ProfiledFit, highest, profile
from opsonin.analysis.survival.cox import chi_squared
from opsonin.analysis.survival.data import checked_level
from opsonin.analysis.survival.design import CoxData, cox_data, refuse_redundant
from opsonin.analysis.survival.likelihood import Evaluation, PartialLikelihood
from opsonin.errors import AnalysisError


@dataclass(frozen=True)
class FirthCoxFit(ProfiledFit):
    """A fitted model; p, lower and upper by profiles of the penalised likelihood.

    se: from the information at the estimate; where the penalty matters it, and `wald_p`, say little.
    log_likelihood: penalised.
    """

    ties: str

    @property
    def hazard_ratio(self) -> np.ndarray:
        """exp(coefficient), one per covariate."""
        return self._ratio

    @property
    def wald_p(self) -> np.ndarray:
        """Two-sided p of coefficient / se, for comparison."""
        return np.array([math.erfc(abs(z) / math.sqrt(2)) for z in self.coefficient / self.se])

    def to_frame(self) -> pd.DataFrame:
        """One row a covariate."""
        return self._frame("hazard_ratio")


def firth_cox(
    time: Any,
    event: Any,
    covariates: Any,
    *,
    names: list[str] | None = None,
    strata: Any = None,
    entry: Any = None,
    ties: str = "efron",
    level: float = 0.95,
) -> FirthCoxFit:
    """Fit the hazard ratio of each covariate with Firth's penalty, which a covariate that separates the events needs.

    Arguments as of `cox`; R's coxphf has ties="breslow".
    Raises: AnalysisError for missing values, no events, exact ties, or a constant or redundant covariate.
    """
    if ties == "exact":
        raise AnalysisError("Firth's penalty goes with Efron's or Breslow's ties; use ties='efron'.")
    level = checked_level(level)
    data = cox_data(time, event, covariates, names, strata, entry, ties)
    data, zero = _measured_in_risk_sets(data), np.zeros(len(data.names))
    model = FirthLikelihood(data.likelihood())
    null, top = model.at(zero), highest(model, zero)
    profiles = [profile(model, top, k, level) for k in range(zero.size)]
    variance = np.linalg.inv(top.information) / np.outer(data.scale, data.scale)
    units = float(np.log(data.scale).sum())  # the determinant in the covariates' own units
    return FirthCoxFit(
        names=data.names,
        coefficient=top.theta / data.scale,
        se=np.sqrt(np.diag(variance)),
        lower=np.array([one.lower for one in profiles]) / data.scale,
        upper=np.array([one.upper for one in profiles]) / data.scale,
        p=np.array([chi_squared(one.chi2, 1).p for one in profiles]),
        variance=variance,
        log_likelihood_null=null.value + units,
        log_likelihood=top.value + units,
        likelihood_ratio=chi_squared(2 * (top.value - null.value), zero.size),
        n=int(data.time.size),
        events=int(data.event.sum()),
        level=level,
        ties=ties,
    )


def _measured_in_risk_sets(data: CoxData) -> CoxData:
    """Centred and scaled by those at risk together at an event: an outlier who never is must not set the measure.

    Raises: AnalysisError naming a covariate that is redundant, or never differs within a risk set.
    """
    moments = list(data.likelihood().moments(np.zeros(len(data.names))))
    information = np.sum([m.covariance.sum(axis=0) for m in moments], axis=0)
    refuse_redundant(information, data.names)
    middle = np.concatenate([m.mean for m in moments]).mean(axis=0)
    spread = np.sqrt(np.diag(information) / data.event.sum())
    return replace(data, centre=data.centre + middle * data.scale, scale=data.scale * spread)


class FirthLikelihood:
    """A log partial likelihood plus half the log determinant of its information; −∞ where that is singular."""

    def __init__(self, plain: PartialLikelihood):
        self.plain = plain

    def at(self, theta: np.ndarray) -> Evaluation:
        """Penalised value and gradient; the information is the plain likelihood's.

        ∂ information / ∂ β is the third central moment of the risk sets. Its trace with A, the inverse information,
        needs only the covariance of x with (x − mean)' A (x − mean), so that no three-way array is ever made.
        """
        plain, x = self.plain, self.plain.x
        moments = list(plain.moments(theta))
        linear, k = x @ theta, theta.size
        value, gradient, information = 0.0, np.zeros(k), np.zeros((k, k))
        for m in moments:
            dead = m.stratum.dead
            with np.errstate(divide="ignore", invalid="ignore"):
                value += float((linear[dead] - m.shift - np.log(m.s0)).sum())
                gradient += (x[dead] - m.mean).sum(axis=0)
                information += m.covariance.sum(axis=0)
        if not np.isfinite(information).all() or np.linalg.eigvalsh(information)[0] <= 1e-14 * np.trace(information):
            return Evaluation(-math.inf, gradient, information)
        inverse = np.linalg.inv(information)
        size = ((x @ inverse) * x).sum(axis=1)
        for m in moments:
            both = np.column_stack([size, size[:, None] * x]) * m.risk[:, None]
            both = m.stratum.per_death(both) / m.s0[:, None]
            tilt = ((m.mean @ inverse)[:, None, :] @ m.covariance)[:, 0]
            gradient += 0.5 * (both[:, 1:] - both[:, :1] * m.mean - 2 * tilt).sum(axis=0)
        return Evaluation(value + 0.5 * float(np.linalg.slogdet(information)[1]), gradient, information)
