"""The probability that a finding is real, as a curve over how probable it was before the trial.

The evidence is a Bayes factor: how much better the data fit if there is a link, of the sizes that links have, than if
there is none. Sources: Jeffreys (1961), Theory of Probability, ch. 5; Wakefield (2009), Genet Epidemiol 33:79 (from an
estimate and its standard error); Wacholder (2004), J Natl Cancer Inst 96:434 and Colquhoun (2017), R Soc Open Sci
4:171085 (false positive report probability and risk).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from opsonin.analysis.believability.exaggeration import Survivors
from opsonin.analysis.survival.likelihood import PartialLikelihood

EFFECT_SD = 0.5  # assumed: of the log hazard ratio per SD of real markers; two thirds lie between 0.61 and 1.65
PRIORS = (0.01, 0.05, 0.10, 0.25, 0.50, 0.75)
FAVOURABLE = np.geomspace(0.1, 3.0, 25)  # SDs of effects tried for the most favourable one


class Evidence(NamedTuple):
    """bayes_factor: for a link over none.   favourable: its largest value over all sizes that links might have.

    shrunken: the effect (log hazard ratio) to expect if the link is real.   sd: of that effect.
    effect_sd: the assumed SD of effects.
    """

    bayes_factor: float
    favourable: float
    shrunken: float
    sd: float
    effect_sd: float


def probability_real(bayes_factor: float, prior: Any) -> Any:
    """The probability of a link after the data, of the one before them (a number or an array).

    One less this is the false positive risk.
    """
    before = np.asarray(prior, dtype=float)
    return before * bayes_factor / (before * bayes_factor + 1 - before)


def prior_needed(bayes_factor: float, wanted: float = 0.95) -> float:
    """How probable a link must have been beforehand for a probability of `wanted` after the data (Matthews 2001)."""
    odds = wanted / (1 - wanted) / max(bayes_factor, 1e-300)
    return odds / (1 + odds)


def evidence_of_estimate(estimate: float, se: float, effect_sd: float = EFFECT_SD) -> Evidence:
    """From an effect and its standard error: 0 ± se without a link, spread by `effect_sd` more with one."""

    def factor(sd: float) -> float:
        share = sd**2 / (sd**2 + se**2)
        return math.sqrt(1 - share) * math.exp(min(0.5 * (estimate / se) ** 2 * share, 700.0))

    share = effect_sd**2 / (effect_sd**2 + se**2)
    best = max(factor(float(sd)) for sd in FAVOURABLE * effect_sd / EFFECT_SD)
    bayes = factor(effect_sd)
    return Evidence(bayes, max(best, bayes), share * estimate, math.sqrt(share) * se, effect_sd)


def evidence_of_data(data: Survivors, effect_sd: float = EFFECT_SD) -> Evidence:
    """From the partial likelihood itself, which needs no normal approximation and no finite estimate.

    effect_sd: of the log hazard ratio per SD of the marker within its strata.
    """
    spread = data.spread
    model = PartialLikelihood(
        data.time, data.event, (data.x - data.x.mean())[:, None] / spread, data.strata, None, "efron"
    )
    mode, width = _posterior_mode(model, effect_sd)
    far = max(6 * effect_sd, 6 * float(FAVOURABLE[-1]))
    grid = np.union1d(np.linspace(-far, far, 121), mode + width * np.linspace(-8.0, 8.0, 121))
    value = _values(model, grid) - _values(model, np.zeros(1))
    likelihood = np.exp(np.clip(value, None, 700.0))

    def averaged(sd: float, what: np.ndarray) -> float:
        density = np.exp(-0.5 * (grid / sd) ** 2) / (sd * math.sqrt(2 * math.pi))
        return float(np.trapezoid(likelihood * density * what, grid))

    one = np.ones_like(grid)
    bayes = averaged(effect_sd, one)
    mean = averaged(effect_sd, grid) / bayes
    sd = math.sqrt(max(averaged(effect_sd, (grid - mean) ** 2) / bayes, 0.0))
    best = max(averaged(float(s), one) for s in FAVOURABLE)
    return Evidence(bayes, max(best, bayes), mean / spread, sd / spread, effect_sd / spread)


def _values(model: PartialLikelihood, grid: np.ndarray) -> np.ndarray:
    """The log partial likelihood of one covariate at many coefficients, all at once."""
    linear = model.x[:, :1] * grid[None, :]
    top = linear.max(axis=0)
    risk, total = np.exp(linear - top), np.zeros(grid.size)
    for stratum in model.strata:
        total += (linear[stratum.dead] - top - np.log(stratum.per_death(risk))).sum(axis=0)
    return total


def _posterior_mode(model: PartialLikelihood, effect_sd: float) -> tuple[float, float]:
    """The most probable effect under the assumed spread of effects, and the width of its peak; by Newton's method."""
    at = 0.0
    here = model.at(np.zeros(1))
    for _ in range(50):
        information = float(here.information[0, 0]) + effect_sd**-2
        step = (float(here.gradient[0]) - at / effect_sd**2) / information
        at += min(max(step, -1.0), 1.0)
        here = model.at(np.array([at]))
        if abs(step) < 1e-8:
            break
    return at, 1 / math.sqrt(float(here.information[0, 0]) + effect_sd**-2)


def curve(bayes_factor: float, favourable: float) -> pd.DataFrame:
    """The probability after the data over the one before: columns prior, probability, at_best."""
    prior = np.r_[np.geomspace(0.001, 0.1, 21)[:-1], np.linspace(0.1, 0.99, 90)]
    return pd.DataFrame(
        {
            "prior": prior,
            "probability": probability_real(bayes_factor, prior),
            "at_best": probability_real(favourable, prior),
        }
    )
