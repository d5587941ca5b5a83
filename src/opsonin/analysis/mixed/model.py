"""The linear mixed model of repeated measurements: `mixed_model` and its `MixedFit`.

y = Xβ + Zb + ε; each subject has a random intercept, or an intercept and a slope that may be correlated. Source: Laird
& Ware (1982), Biometrics 38:963; Patterson & Thompson (1971), Biometrika 58:545 (REML).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.analysis.mixed.blocks import INTERCEPT, Blocks, blocks
from opsonin.analysis.mixed.degrees import (
    Spread,
    kenward_roger,
    satterthwaite,
    satterthwaite_of_several,
)
from opsonin.analysis.mixed.likelihood import Likelihood
from opsonin.analysis.mixed.search import NONE, NOTHING, best_factor
from opsonin.analysis.mixed.unequal import unequal_variances
from opsonin.analysis.statistics import t_p, t_quantile
from opsonin.errors import AnalysisError

METHODS = ("kenward-roger", "satterthwaite")


class Contrast(NamedTuple):
    """A linear combination of fixed effects, with its degrees of freedom, interval and two-sided p."""

    estimate: float
    se: float
    df: float
    lower: float
    upper: float
    p: float


class FTest(NamedTuple):
    """A test that several contrasts are all zero; `df` are the denominator's degrees of freedom."""

    statistic: float
    contrasts: int
    df: float
    p: float


@dataclass(frozen=True)
class MixedFit:
    """A fitted mixed model.   coefficient, se: of the fixed effects, model based (Kenward and Roger's se: `se_of`).

    covariance: of the random effects.   sigma: residual SD (of all rows together; of each
    group of rows in `sigma_by_group`, where they differ).   random: predictions for each subject, (subject, random).
    singular: a random effect has no variance, two go wholly together, or a group of rows hardly any residual variance;
    such a variance counts as known in the degrees of freedom.
    method: the degrees of freedom that p and intervals use.   left_out: rows without a value.
    """

    names: list[str]
    coefficient: Float[np.ndarray, " fixed"]
    variance: Float[np.ndarray, "fixed fixed"]
    random_names: list[str]
    covariance: Float[np.ndarray, "random random"]
    sigma: float
    sigma_by_group: dict[str, float]
    log_likelihood: float
    reml: bool
    method: str
    level: float
    n: int
    n_subjects: int
    left_out: int
    singular: bool
    subjects: list[str]
    random: Float[np.ndarray, "subject random"]
    residual: Float[np.ndarray, " row"]
    _spread: Spread = field(repr=False, compare=False)
    _unit: Float[np.ndarray, " fixed"] = field(repr=False, compare=False)

    @property
    def se(self) -> np.ndarray:
        """Standard errors of the fixed effects, as if the variances were known."""
        return np.sqrt(np.diag(self.variance))

    def se_of(self, method: str | None = None) -> np.ndarray:
        """Standard errors of the fixed effects as a method has them; Kenward and Roger's are adjusted."""
        return np.array([self.contrast(row, method).se for row in np.eye(len(self.names))])

    def df(self, method: str | None = None) -> np.ndarray:
        """The degrees of freedom of each fixed effect."""
        return np.array([self.contrast(row, method).df for row in np.eye(len(self.names))])

    def contrast(self, weights: Any, method: str | None = None, level: float | None = None) -> Contrast:
        """Σ weight · coefficient. weights: one number a fixed effect, or a dict by name (others are 0).

        Raises: AnalysisError for an unknown name or method, or weights that are all 0.
        """
        row = self._weights(weights)
        how, share = self._method(method), self.level if level is None else level
        scaled = row / self._unit
        covariance = self._spread.covariance(how)
        if how == "satterthwaite":
            df = satterthwaite(self._spread, scaled)
        else:
            df = kenward_roger(self._spread, scaled[None, :])[0]
        estimate, se = float(row @ self.coefficient), math.sqrt(float(scaled @ covariance @ scaled))
        half = t_quantile(0.5 + share / 2, df) * se
        return Contrast(estimate, se, df, estimate - half, estimate + half, t_p(estimate / se, df))

    def test(self, weights: Any, method: str | None = None) -> FTest:
        """The F test that several contrasts are all 0: rows of weights, or names of fixed effects.

        Raises: AnalysisError as `contrast`, and where one row follows from the others.
        """
        rows = [{one: 1.0} if isinstance(one, str) else one for one in weights]
        matrix = np.array([self._weights(row) for row in rows])
        if not rows or np.linalg.matrix_rank(matrix) < len(rows):
            raise AnalysisError("the contrasts of a test must each say something that the others do not.")
        how, scaled = self._method(method), matrix / self._unit
        estimate = matrix @ self.coefficient
        covariance = self._spread.covariance(how)
        if how == "satterthwaite":
            df, factor = satterthwaite_of_several(self._spread, scaled), 1.0
        else:
            df, factor = kenward_roger(self._spread, scaled)
        quadratic = float(estimate @ np.linalg.solve(scaled @ covariance @ scaled.T, estimate))
        statistic = factor * quadratic / len(rows)
        from scipy.special import fdtrc

        return FTest(statistic, len(rows), df, float(fdtrc(len(rows), min(df, 1e12), max(statistic, 0.0))))

    def to_frame(self) -> pd.DataFrame:
        """One row a fixed effect: coefficient, se, df, lower, upper, p by the fit's method."""
        rows = [self.contrast(row) for row in np.eye(len(self.names))]
        frame = pd.DataFrame(rows, columns=pd.Index(Contrast._fields)).rename(columns={"estimate": "coefficient"})
        frame.insert(0, "term", self.names)
        return frame

    def _method(self, method: str | None) -> str:
        how = self.method if method is None else method
        if how not in METHODS:
            raise AnalysisError(f"degrees of freedom {how!r} are unknown; use {' or '.join(map(repr, METHODS))}.")
        if how == "kenward-roger" and not self.reml:
            raise AnalysisError("Kenward and Roger's method needs a fit by REML; use reml=True, or 'satterthwaite'.")
        return how

    def _weights(self, weights: Any) -> np.ndarray:
        if isinstance(weights, dict):
            unknown = [name for name in weights if name not in self.names]
            if unknown:
                raise AnalysisError(
                    f"the model has no fixed effect {unknown[0]!r}; its fixed effects are {', '.join(self.names)}."
                )
            weights = [weights.get(name, 0.0) for name in self.names]
        row = np.asarray(weights, dtype=float)
        if row.shape != (len(self.names),) or not np.isfinite(row).all() or not row.any():
            raise AnalysisError(
                f"a contrast has one finite weight for each of {', '.join(self.names)}, not all 0; shape {row.shape} "
                "was given."
            )
        return row


def mixed_model(
    outcome: Any,
    fixed: Any,
    subject: Any,
    *,
    slope: Any = None,
    unequal: Any = None,
    reml: bool = True,
    intercept: bool = True,
    method: str | None = None,
    level: float = 0.95,
) -> MixedFit:
    """Fit repeated measurements: fixed effects, and random effects that differ between subjects.

    outcome: (row,) numbers.   fixed: (row, k) numbers or a DataFrame, whose names are used; None for the mean alone.
    slope: one column that has a random slope beside each subject's random intercept; None for the intercept alone.
    unequal: labels of rows (the day) whose residual variances differ; REML with a random intercept alone.
    Rows that miss a value are left out and counted.   method: "kenward-roger" (REML's default) or "satterthwaite".
    Raises: AnalysisError for what cannot be fitted: fewer than two subjects or no repeated measurement, a constant
    outcome, a redundant column, words instead of numbers, no residual variance.
    """
    data = blocks(outcome, fixed, subject, slope, intercept)
    model = Likelihood(data, reml)
    factor, _ = best_factor(model)
    factor = np.where(np.abs(factor) < NONE, 0.0, factor)
    if unequal is None:
        return _fit_at(data, model, factor, method, level)
    if not reml or slope is not None:
        raise AnalysisError("unequal variances are fitted by REML and with a random intercept alone.")
    labels, group = data.groups(unequal)
    within = model.at(factor).sigma2
    gamma, found, held = unequal_variances(data, group, float(factor[0, 0] ** 2) * within, within)
    by_group = dict(zip(labels, gamma[1:].tolist(), strict=True))
    fit = _fitted(data, found, gamma[:1, None], gamma[1:][group], by_group, True, method, level)
    return replace(fit, singular=fit.singular or held)


def linear_model(
    outcome: Any, fixed: Any, subject: Any = None, *, intercept: bool = True, level: float = 0.95
) -> MixedFit:
    """Least squares in the form of a mixed model without random effects: for one row a subject.

    Raises: AnalysisError as `mixed_model`.
    """
    who = np.arange(np.size(outcome)) if subject is None else subject
    data = blocks(outcome, fixed, who, None, intercept, repeated=False)
    return _fit_at(data, Likelihood(data, True), np.zeros((1, 1)), "satterthwaite", level)


def _fit_at(data: Blocks, model: Likelihood, factor: np.ndarray, method: str | None, level: float) -> MixedFit:
    point = model.at(factor)
    if point.sigma2 < NOTHING:
        raise AnalysisError(
            "the residual variance is zero: every row lies exactly on the model; look for copied values."
        )
    covariance, noise = factor @ factor.T * point.sigma2, np.full(data.n, point.sigma2)
    found = Spread(data, covariance, noise, np.zeros(data.n, dtype=np.int64), model.reml)
    return _fitted(data, found, covariance, noise, {}, model.reml, method, level)


def _fitted(
    data: Blocks,
    found: Spread,
    covariance: np.ndarray,
    noise: np.ndarray,
    by_group: dict[str, float],
    reml: bool,
    method: str | None,
    level: float,
) -> MixedFit:
    """The fit on the scale of the data as they were given."""
    if not 0 < level < 1:
        raise AnalysisError(f"the level of the intervals is {level:g}; give a share between 0 and 1, such as 0.95.")
    unit, stretch = data.y_scale / data.x_scale, data.y_scale / data.z_scale
    # the scales of y and x come back into the likelihood: of y by each degree of freedom, of x by REML's determinant
    shift = 2 * (data.n - (len(data.fixed_names) if reml else 0)) * math.log(data.y_scale)
    if reml:
        shift += 2 * float(np.log(data.x_scale).sum())
    relative = covariance / float(noise.mean())
    return MixedFit(
        names=data.fixed_names,
        coefficient=found.beta * unit,
        variance=found.phi * np.outer(unit, unit),
        random_names=data.random_names,
        covariance=covariance * np.outer(stretch, stretch),
        sigma=math.sqrt(float(noise.mean())) * data.y_scale,
        sigma_by_group={label: math.sqrt(value) * data.y_scale for label, value in by_group.items()},
        log_likelihood=-(found.deviance + shift) / 2,
        reml=reml,
        method=method or ("kenward-roger" if reml else "satterthwaite"),
        level=level,
        n=data.n,
        n_subjects=len(data.subjects),
        left_out=data.left_out,
        singular=float(np.linalg.det(relative)) <= 1e-10 * float(np.prod(np.diag(relative))),
        subjects=data.subjects,
        random=found.weighed @ covariance * stretch,
        residual=(data.y - data.x @ found.beta) * data.y_scale,
        _spread=found,
        _unit=1 / unit,
    )


__all__ = ["INTERCEPT", "Contrast", "FTest", "MixedFit", "linear_model", "mixed_model"]
