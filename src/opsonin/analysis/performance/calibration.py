"""Calibration: whether of a hundred patients given a chance of 30 % about thirty have the event.

Source: Cox (1958), Biometrika 45:562 (slope and intercept); Van Calster et al. (2019), BMC Med 17:230; for times to an
event: Royston & Altman (2013), BMC Med Res Methodol 13:33; McLernon et al. (2023), Ann Intern Med 176:105.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from opsonin.analysis.logistic_model import logistic
from opsonin.analysis.performance.brier import chances
from opsonin.analysis.performance.censoring import checked_horizons
from opsonin.analysis.statistics import NAN, Estimate, proportion
from opsonin.analysis.survival.cox import cox
from opsonin.analysis.survival.data import responses
from opsonin.analysis.survival.km import kaplan_meier
from opsonin.errors import AnalysisError

EDGE = 1e-8  # a predicted chance of 0 or 1 has no finite odds


@dataclass(frozen=True)
class Calibration:
    """What was predicted against what happened.

    observed: the share with the event (by a time: Kaplan–Meier). expected: the mean predicted chance.
    ratio: observed / expected, 1 when right on average. intercept: what is to be added to every predicted log odds
    (NaN for times to an event, where the ratio says it). slope: 1 when right, below 1 where high predictions are too
    high and low ones too low, as after fitting too much; on the log odds, or the log cumulative hazard.
    Both are missing (NaN) where predictions separate those with from those without the event, or are all the same.
    groups: one row for each quantile group of the predicted chance.
    """

    observed: Estimate
    expected: float
    ratio: Estimate
    intercept: Estimate
    slope: Estimate
    groups: pd.DataFrame = field(repr=False)
    n: int
    events: int
    level: float

    def to_frame(self) -> pd.DataFrame:
        """One row a group: n, events, predicted, observed, lower, upper."""
        return self.groups.copy()


def calibration(time: Any, event: Any, risk: Any, at: float, *, groups: int = 4, level: float = 0.95) -> Calibration:
    """Predicted chances of the event by `at` against Kaplan–Meier.

    The slope is the coefficient of log(−log(1 − risk)) in a Cox model of the times up to `at`.
    Raises: AnalysisError for unusable data, a risk outside 0 to 1, a time beyond the follow-up, or no event by then.
    """
    t, d, horizon = checked_horizons(time, event, at)
    p = chances(risk, t.size, 1)[:, 0]
    end = float(horizon[0])
    early = d & (t <= end)
    if not early.any():
        raise AnalysisError(f"nobody had the event by {end:g}; there is nothing to compare predictions with.")
    observed = _by_then(t, d, end, level)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    se = float(kaplan_meier(t, d).at(end)["se"].iloc[0])
    expected = float(p.mean())
    width = z * se / observed.value
    inside = np.clip(p, EDGE, 1 - EDGE)
    linear = np.log(-np.log1p(-inside))
    slope = Estimate(NAN, NAN, NAN)
    if linear.std() > 1e-12:
        with suppress(AnalysisError):  # a prediction that separates the patients has no finite slope
            fit = cox(np.minimum(t, end), early, linear, names=["predicted risk"], level=level)
            beta, wide = float(fit.coefficient[0]), z * float(fit.se[0])
            slope = Estimate(beta, beta - wide, beta + wide)
    rows = []
    for g in _quantile_groups(p, groups):
        seen = _by_then(t[g], d[g], end, level)
        rows.append(_row(int(g.sum()), int(early[g].sum()), float(p[g].mean()), seen))
    return Calibration(
        observed,
        expected,
        _ratio(observed.value, expected, width),
        Estimate(NAN, NAN, NAN),
        slope,
        pd.DataFrame(rows),
        t.size,
        int(early.sum()),
        level,
    )


def calibration_response(response: Any, probability: Any, *, groups: int = 4, level: float = 0.95) -> Calibration:
    """Predicted chances of a response (1 or 0) against what happened.

    Raises: AnalysisError where nobody or everybody responded, or a probability lies outside 0 to 1.
    """
    d = responses(response)
    if d.all() or not d.any():
        raise AnalysisError(
            f"calibration needs responders and others; {'everybody' if d.all() else 'nobody'} responded."
        )
    p = chances(probability, d.size, 1)[:, 0]
    z = NormalDist().inv_cdf(0.5 + level / 2)
    inside = np.clip(p, EDGE, 1 - EDGE)
    linear = np.log(inside) - np.log1p(-inside)
    observed, expected = proportion(int(d.sum()), d.size, level), float(p.mean())
    shift, shift_se = _intercept(linear, d)
    slope = Estimate(NAN, NAN, NAN)
    if linear.std() > 1e-12:
        with suppress(AnalysisError):
            fit = logistic(linear, d, level)
            slope = Estimate(fit.slope, fit.lower, fit.upper)
    rows = []
    for g in _quantile_groups(p, groups):
        hits = int(d[g].sum())
        rows.append(_row(int(g.sum()), hits, float(p[g].mean()), proportion(hits, int(g.sum()), level)))
    width = z * math.sqrt((1 - observed.value) / d.sum())
    return Calibration(
        observed,
        expected,
        _ratio(observed.value, expected, width),
        Estimate(shift, shift - z * shift_se, shift + z * shift_se),
        slope,
        pd.DataFrame(rows),
        d.size,
        int(d.sum()),
        level,
    )


def _intercept(linear: Float[np.ndarray, " n"], d: Bool[np.ndarray, " n"]) -> tuple[float, float]:
    """The shift of all log odds at which as many responses are expected as were seen, and its standard error."""
    low, high = -linear.max() - 40.0, -linear.min() + 40.0
    for _ in range(200):
        middle = (low + high) / 2
        chance = np.exp(-np.logaddexp(0.0, -(linear + middle)))
        low, high = (middle, high) if chance.sum() < d.sum() else (low, middle)
    chance = np.exp(-np.logaddexp(0.0, -(linear + low)))
    return float(low), 1 / math.sqrt(float((chance * (1 - chance)).sum()))


def _by_then(t: np.ndarray, d: np.ndarray, at: float, level: float) -> Estimate:
    """1 − Kaplan–Meier with its interval; NaN where nobody was followed that long."""
    row = kaplan_meier(t, d, level=level).at(at).iloc[0]
    return Estimate(*(float(1 - row[key]) for key in ("survival", "upper", "lower")))


def _ratio(observed: float, expected: float, width: float) -> Estimate:
    if expected <= 0:
        return Estimate(math.inf, NAN, NAN)
    ratio = observed / expected
    return Estimate(ratio, ratio * math.exp(-width), ratio * math.exp(width))


def _quantile_groups(p: Float[np.ndarray, " n"], groups: int) -> list[Bool[np.ndarray, " n"]]:
    """Patients by quantiles of the prediction; equal predictions stay together, so that there may be fewer groups."""
    if groups < 1:
        raise AnalysisError(f"{groups} groups of patients cannot be made; ask for one or more.")
    edges = np.unique(np.quantile(p, np.linspace(0, 1, groups + 1)[1:-1], method="inverted_cdf"))
    code = np.searchsorted(edges, p, side="left")
    return [code == g for g in np.unique(code)]


def _row(n: int, events: int, predicted: float, seen: Estimate) -> dict[str, float]:
    values = {"predicted": predicted, "observed": seen.value, "lower": seen.lower, "upper": seen.upper}
    return {"n": n, "events": events} | values
