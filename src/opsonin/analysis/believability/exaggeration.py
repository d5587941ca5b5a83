"""How exaggerated a finding of this size must be expected to be, and how often it points the wrong way.

Of small trials only those that happen to overshoot show p < 0.05. Type M error: how much too strong such a finding is;
type S error: how often its direction is wrong; over a range of true links, since none is known.
Source: Gelman & Carlin (2014), Perspect Psychol Sci 9:641.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from opsonin.analysis.believability.null import permutation_sd
from opsonin.analysis.survival import cox_single_covariate_many
from opsonin.analysis.survival.likelihood import logrank_scores
from opsonin.random import uniform

STRENGTHS = (1.1, 1.25, 1.5, 2.0, 3.0, 5.0)  # true hazard ratios per SD of the marker that are tried
SIMULATED = 600  # trials simulated for each
SMALL = 60  # up to so many patients trials are simulated; beyond, the normal approximation is as good
COLUMNS = ["true_log_hazard_ratio", "power", "type_s", "exaggeration", "power_strongest", "exaggeration_strongest"]


class Survivors(NamedTuple):
    """Those analysed: days, events, the marker on its scale, a code for the level or arm; all (patient,)."""

    time: Float[np.ndarray, " patient"]
    event: Bool[np.ndarray, " patient"]
    x: Float[np.ndarray, " patient"]
    strata: Int[np.ndarray, " patient"]

    @property
    def spread(self) -> float:
        """The SD of the marker within its strata, weighted by patients."""
        total = sum(float(((own := self.x[self.strata == s]) - own.mean()) @ (own - own.mean())) for s in self._codes)
        free = max(self.x.size - len(self._codes), 1)
        return math.sqrt(total / free)

    @property
    def scores(self) -> Float[np.ndarray, " patient"]:
        """Log-rank scores within the strata."""
        return logrank_scores(self.time, self.event, self.strata)

    @property
    def information(self) -> float:
        """What the data say about the log hazard ratio if it is near 0: one over its squared standard error."""
        return float(permutation_sd(self.x[:, None], self.scores, self.strata)[0]) ** 2

    @property
    def _codes(self) -> np.ndarray:
        return np.unique(self.strata)


class Errors(NamedTuple):
    """power: share of trials beyond the critical value.   type_s: of those, share with the wrong sign.

    mean, median: of |estimate| / |true effect| among those beyond.
    """

    power: float
    type_s: float
    mean: float
    median: float


def type_m_and_s(effect: float, se: float, critical: float = 1.959964) -> Errors:
    """Type M and S errors of a normal estimate: the true effect, its standard error, the |z| from which it counts.

    Source: Lu, Qiu & Deng (2019), Br J Math Stat Psychol 72:1 (closed forms of Gelman & Carlin's simulation).
    """
    from statistics import NormalDist

    normal, shift = NormalDist(), abs(effect) / se
    right, wrong = normal.cdf(shift - critical), normal.cdf(-shift - critical)
    power = right + wrong
    total = shift * (right - wrong) + normal.pdf(critical - shift) + normal.pdf(critical + shift)
    low, high = critical, critical + shift + 10.0
    for _ in range(80):  # the median of |z| beyond the critical value, by halving
        middle = (low + high) / 2
        beyond = normal.cdf(shift - middle) + normal.cdf(-shift - middle)
        low, high = (middle, high) if beyond > power / 2 else (low, middle)
    if not shift > 0:  # of no link at all every finding is infinitely too strong
        return Errors(power, wrong / power, math.inf, math.inf)
    return Errors(power, wrong / power, total / power / shift, low / shift)


def exaggeration_table(
    data: Survivors, critical: float, critical_strongest: float, effects: Float[np.ndarray, " effect"], seed: int
) -> pd.DataFrame:
    """One row a true log hazard ratio: power, type S error and typical (median) exaggeration of what passes for found.

    critical: the |z| of this association alone that counts; critical_strongest: that of the strongest of all looked at.
    """
    small = data.x.size <= SMALL
    rows = [(_simulated if small else _approximate)(data, critical, critical_strongest, b, seed) for b in effects]
    return pd.DataFrame(rows, columns=pd.Index(COLUMNS))


def _approximate(data: Survivors, critical: float, strongest: float, effect: float, seed: int) -> tuple[float, ...]:
    se = 1 / math.sqrt(data.information)
    one, best = type_m_and_s(effect, se, critical), type_m_and_s(effect, se, strongest)
    return effect, one.power, one.type_s, one.median, best.power, best.median


def _simulated(data: Survivors, critical: float, strongest: float, effect: float, seed: int) -> tuple[float, ...]:
    x = trials_under(data, effect, SIMULATED, seed)
    z = x @ data.scores / math.sqrt(data.information)
    found = np.abs(z) >= critical - 1e-9
    if not found.any():
        return effect, 0.0, math.nan, math.nan, 0.0, math.nan
    fit = cox_single_covariate_many(data.time, data.event, x[found], strata=data.strata)
    size = np.where(fit.monotone, np.inf, np.abs(fit.coefficient)) / (abs(effect) or 1e-300)
    best = np.abs(z[found]) >= strongest - 1e-9
    return (
        effect,
        float(found.mean()),
        float((np.sign(z[found]) != np.sign(effect)).mean()),
        _middle(size),
        float(best.sum()) / SIMULATED,
        _middle(size[best]),
    )


def _middle(size: np.ndarray) -> float:
    """The lower median, which stays finite unless more than half are not."""
    known = np.sort(size[~np.isnan(size)])
    return float(known[(known.size - 1) // 2]) if known.size else math.nan


def trials_under(data: Survivors, effect: float, trials: int, seed: int) -> Float[np.ndarray, "trial patient"]:
    """Markers of simulated trials with a true log hazard ratio: the same times, events, levels and marker values.

    At each event the patient is drawn from those still at risk in the stratum with the chances of Cox's model, at each
    censoring with equal ones; so the trial keeps its size and its events, and only who had them is new.
    Source: Cox (1972), section 5: the conditional probability that it is this patient, given that there is an event.
    """
    numbers = uniform(seed, "believability: trials", np.arange(trials), draws=data.x.size)
    risk = np.exp(np.clip(effect * (data.x - data.x.mean()), -50.0, 50.0))
    out = np.empty((trials, data.x.size))
    everyone = np.arange(trials)
    for code in np.unique(data.strata):
        own = np.flatnonzero(data.strata == code)
        order = own[np.lexsort((~data.event[own], data.time[own]))]
        left = np.ones((trials, own.size))
        for place in order:
            weight = left * (risk[own] if data.event[place] else 1.0)
            upto = np.cumsum(weight, axis=1)
            chosen = (upto <= numbers[:, place, None] * upto[:, -1:]).sum(axis=1)
            out[:, place] = data.x[own[chosen]]
            left[everyone, chosen] = 0.0
    return out
