"""Dose proportionality by the power model, with a random subject where subjects were measured more than once.

value = α · dose^β, in logarithms a straight line whose slope β is 1 where value and dose are proportional. Source:
Gough et al. (1995), Drug Inf J 29:1039; Smith et al. (2000), Pharm Res 17:1278 (mixed model, 90 % interval, limits).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.mixed import MixedFit, linear_model, mixed_model
from opsonin.analysis.statistics import t_p
from opsonin.errors import AnalysisError

SOURCE = "Smith 2000, doi:10.1023/A:1026451721686; Kenward & Roger 1997, doi:10.2307/2533558"
FAIR = (0.8, 1.25)  # limits of the ratio of dose-normalised values between the highest and the lowest dose


@dataclass(frozen=True)
class DoseProportionality:
    """The exponent β with its interval.   dose_ratio: highest / lowest dose.   limits: between which β is proportional.

    verdict: "proportional" where the interval lies within the limits, "not proportional" where it lies outside them,
    else "inconclusive".   normalised: value / dose at the highest dose over that at the lowest, with its interval.
    proportional_to: the ratio of doses up to which the interval shows proportionality (ρ₁ of Smith 2000).
    """

    exponent: float
    lower: float
    upper: float
    level: float
    df: float
    p_proportional: float
    dose_ratio: float
    limits: tuple[float, float]
    verdict: str
    normalised: tuple[float, float, float]
    proportional_to: float
    n: int
    n_subjects: int
    fit: MixedFit = field(repr=False, compare=False)

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        names = ("exponent", "lower", "upper", "level", "df", "p_proportional", "dose_ratio", "verdict", "n")
        return pd.DataFrame([{name: getattr(self, name) for name in names}])


def dose_proportionality(
    value: Any,
    dose: Any,
    subject: Any = None,
    occasion: Any = None,
    *,
    level: float = 0.90,
    fair: tuple[float, float] = FAIR,
) -> DoseProportionality:
    """Whether values (AUC, Cmax, a count of cells) grow in proportion to the dose.

    value, dose: positive numbers, one a row.   subject: who was measured; needed where anyone was measured twice.
    occasion: labels (a day, a period) that each have a level of their own.   fair: limits of the normalised ratio.
    Raises: AnalysisError for values or doses that are not positive, fewer than two doses, or a model that cannot be
    fitted.
    """
    y, x = _logarithms(value, "value"), _logarithms(dose, "dose")
    if y.shape != x.shape:
        raise AnalysisError(f"there are {y.size} values but {x.size} doses; give one dose a value.")
    if not 0 < fair[0] < 1 < fair[1]:
        raise AnalysisError(f"the limits {fair} of the normalised ratio must lie on either side of 1.")
    known = np.isfinite(y) & np.isfinite(x)
    if known.sum() < 3 or np.ptp(x[known]) <= 0:
        raise AnalysisError("dose proportionality needs three or more values at two or more doses.")
    fixed = pd.DataFrame({"log dose": x})
    if occasion is not None:
        labels = pd.Series(np.asarray(occasion, dtype=object)).astype(str)
        if labels.size != y.size:
            raise AnalysisError(f"there are {y.size} values but {labels.size} occasions.")
        for label in sorted(set(labels[known]))[1:]:
            fixed[f"occasion {label}"] = (labels == label).to_numpy(dtype=float)
    who = np.arange(y.size) if subject is None else np.asarray(subject, dtype=object)
    repeated = who.size == y.size and pd.Series(who[known]).duplicated().any()
    fit = mixed_model(y, fixed, who, level=level) if repeated else linear_model(y, fixed, who, level=level)
    slope = fit.contrast({"log dose": 1.0})
    ratio = math.exp(float(np.ptp(x[known])))
    limits = proportional_limits(ratio, fair)
    farthest = max(1 - slope.lower, slope.upper - 1)
    return DoseProportionality(
        slope.estimate,
        slope.lower,
        slope.upper,
        level,
        slope.df,
        t_p((slope.estimate - 1) / slope.se, slope.df),
        ratio,
        limits,
        verdict(slope.lower, slope.upper, limits),
        (ratio ** (slope.estimate - 1), ratio ** (slope.lower - 1), ratio ** (slope.upper - 1)),
        fair[1] ** (1 / farthest) if farthest > 0 else math.inf,
        fit.n,
        fit.n_subjects,
        fit,
    )


def proportional_limits(dose_ratio: float, fair: tuple[float, float] = FAIR) -> tuple[float, float]:
    """The exponents at which the normalised ratio over a range of doses meets its limits (Smith 2000, equation 4)."""
    if not dose_ratio > 1:
        raise AnalysisError(f"the highest dose is {dose_ratio:g} times the lowest; two different doses are needed.")
    return 1 + math.log(fair[0]) / math.log(dose_ratio), 1 + math.log(fair[1]) / math.log(dose_ratio)


def verdict(lower: float, upper: float, limits: tuple[float, float]) -> str:
    """What an interval of the exponent says."""
    if limits[0] <= lower and upper <= limits[1]:
        return "proportional"
    return "not proportional" if upper < limits[0] or lower > limits[1] else "inconclusive"


def _logarithms(values: Any, what: str) -> np.ndarray:
    """Natural logarithms; missing stays missing."""
    try:
        numbers = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as problem:
        raise AnalysisError(f"the {what} of dose proportionality must be numbers ({problem}).") from None
    wrong = np.flatnonzero(~(numbers > 0) & ~np.isnan(numbers))
    if wrong.size:
        raise AnalysisError(
            f"the {what} {numbers.flat[wrong[0]]:g} of row {wrong[0] + 1} has no logarithm; leave such rows out."
        )
    return np.log(numbers)
