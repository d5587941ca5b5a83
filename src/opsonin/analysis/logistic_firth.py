"""Logistic regression with Firth's penalty: odds ratios that stay finite, and nearly unbiased, in small samples.

The log likelihood plus half the log determinant of its information; intervals and p from the profile of that. Source:
Firth (1993), Biometrika 80:27; Heinze & Schemper (2002), Stat Med 21:2409, whose program is R's logistf.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.profile_likelihood import ProfiledFit, highest, profile
from opsonin.analysis.survival.cox import chi_squared
from opsonin.analysis.survival.data import checked_level
from opsonin.analysis.survival.design import design, standards
from opsonin.analysis.survival.likelihood import Evaluation
from opsonin.errors import AnalysisError


@dataclass(frozen=True)
class FirthLogisticFit(ProfiledFit):
    """log odds = intercept + sum of coefficient · covariate; the intercept comes first in every array.

    p, lower and upper (log odds) by profiles of the penalised likelihood.   likelihood_ratio: of all covariates
    together.   se: from the information of the augmented data (each patient weighs 1 + leverage, as in logistf); where
    the penalty matters it says little.   log_likelihood: penalised.
    """

    @property
    def odds_ratio(self) -> np.ndarray:
        """exp(coefficient), one per term."""
        return self._ratio

    def to_frame(self) -> pd.DataFrame:
        """One row a term."""
        return self._frame("odds_ratio")


def firth_logistic(
    event: Any, covariates: Any, *, names: list[str] | None = None, level: float = 0.95
) -> FirthLogisticFit:
    """Fit the log odds of an event on one or more covariates.

    event: 0 or 1 (or booleans), one per row.   covariates: (n,) or (n, k) numbers, or a DataFrame.
    Raises: AnalysisError for missing values, an event that nobody or everybody had, or a constant or redundant
    covariate.
    """
    level, y = checked_level(level), _outcome(event)
    x, labels = design(covariates, names, y.size)
    who = "nobody" if not y.any() else "everybody" if y.all() else ""
    if who:
        raise AnalysisError(f"a logistic model needs patients with and without the event; {who} had it.")
    centre, scale = standards(x, labels)
    ones = np.ones((y.size, 1))
    model = FirthLogisticLikelihood(np.hstack([ones, (x - centre) / scale]), y)
    zero = np.zeros(x.shape[1] + 1)
    _refuse_redundant(model.design, labels)
    top = highest(model, zero)
    null = _without_covariates(model)
    profiles = [profile(model, top, k, level) for k in range(1, zero.size)]
    # the intercept is where every covariate is 0, and not at its mean: the same likelihood on uncentred columns
    around_zero = FirthLogisticLikelihood(np.hstack([ones, x / scale]), y)
    back = np.eye(zero.size)
    back[0, 1:] = -centre / scale
    moved = highest(around_zero, back @ top.theta)
    profiles.insert(0, profile(around_zero, moved, 0, level))
    units = np.r_[1.0, scale]
    variance = back @ np.linalg.inv(model.augmented(top.theta)) @ back.T / np.outer(units, units)
    return FirthLogisticFit(
        names=["intercept", *labels],
        coefficient=back @ top.theta / units,
        se=np.sqrt(np.diag(variance)),
        lower=np.array([one.lower for one in profiles]) / units,
        upper=np.array([one.upper for one in profiles]) / units,
        p=np.array([chi_squared(one.chi2, 1).p for one in profiles]),
        variance=variance,
        log_likelihood_null=null + float(np.log(scale).sum()),
        log_likelihood=top.value + float(np.log(scale).sum()),
        likelihood_ratio=chi_squared(2 * (top.value - null), x.shape[1]),
        n=int(y.size),
        events=int(y.sum()),
        level=level,
    )


class FirthLogisticLikelihood:
    """The penalised log likelihood of y (n,) given a design (n, p) whose first column is 1."""

    def __init__(self, design: np.ndarray, y: np.ndarray):
        self.design, self.y = design, y.astype(float)

    def augmented(self, theta: np.ndarray) -> np.ndarray:
        """The information when the penalty is written as data: every patient counts 1 + leverage times."""
        x = self.design
        weight = _weight(x @ theta)
        leverage = weight * ((x @ np.linalg.inv((x * weight[:, None]).T @ x)) * x).sum(axis=1)
        return (x * (weight * (1 + leverage))[:, None]).T @ x

    def at(self, theta: np.ndarray) -> Evaluation:
        """Penalised value and gradient; the information is the plain likelihood's. −∞ where that is singular."""
        x = self.design
        eta = x @ theta
        p, weight = np.exp(-np.logaddexp(0.0, -eta)), _weight(eta)
        information = (x * weight[:, None]).T @ x
        if np.linalg.eigvalsh(information)[0] <= 1e-14 * np.trace(information):
            return Evaluation(-math.inf, x.T @ (self.y - p), information)
        leverage = weight * ((x @ np.linalg.inv(information)) * x).sum(axis=1)
        value = float(self.y @ eta - np.logaddexp(0.0, eta).sum() + 0.5 * np.linalg.slogdet(information)[1])
        return Evaluation(value, x.T @ (self.y - p + leverage * (0.5 - p)), information)


def _weight(eta: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0.0, eta) - np.logaddexp(0.0, -eta))


def _without_covariates(model: FirthLogisticLikelihood) -> float:
    """The highest value with every slope 0; the penalty still sees the covariates (as in logistf)."""
    p = model.design.shape[1]

    class Alone:
        def at(self, theta: np.ndarray) -> Evaluation:
            full = model.at(np.r_[theta, np.zeros(p - 1)])
            return Evaluation(full.value, full.gradient[:1], full.information[:1, :1])

    return highest(Alone(), np.zeros(1)).value


def _outcome(event: Any) -> np.ndarray:
    y = np.asarray(event)
    try:
        numbers = y.astype(float)
    except (TypeError, ValueError) as problem:
        raise AnalysisError(f"the event of a logistic model is 0 or 1, not text ({problem}).") from problem
    wrong = ~np.isin(numbers, (0.0, 1.0))
    if numbers.ndim != 1 or wrong.any():
        where = int(np.flatnonzero(wrong)[0]) if numbers.ndim == 1 else 0
        raise AnalysisError(
            f"the event of row {where + 1} is {y.flat[where]}; give 1 (event) or 0 (none) for each row."
        )
    return numbers == 1.0


def _refuse_redundant(design: np.ndarray, labels: list[str]) -> None:
    for k, label in enumerate(labels):
        if np.linalg.matrix_rank(design[:, : k + 2], tol=1e-7 * math.sqrt(design.shape[0])) < k + 2:
            raise AnalysisError(f"the covariate {label!r} says nothing that the others do not; leave it out.")
