"""Response rates of a basket's indications, each with what it borrows from the others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from opsonin import random
from opsonin.analysis.statistics import proportion
from opsonin.errors import AnalysisError

SOURCE = "Berry 2013, Clin Trials 10:720; spread's prior as Neuenschwander 2016, Pharm Stat 15:123"
METHOD = (
    "hierarchical model: log-odds normal between indications, mean N(logit 0.2, 2), spread half-normal(1); quadrature; "
    "posterior median, middle 95 %"
)
MEAN, MEAN_SD, SPREAD_SD = float(np.log(0.2 / 0.8)), 2.0, 1.0
DRAWS = 4999


class Rate(NamedTuple):
    """Posterior median and middle 95 %."""

    estimate: float
    lower: float
    upper: float


@dataclass(frozen=True, eq=False)
class Basket:
    """What a basket says.   rates: of each indication;   spread: standard deviation of the log-odds between them.

    above: probability that each rate exceeds `threshold` (NaN without one).   p: of equal rates, by permutation of the
    responses over all patients.   alone: each rate with its exact interval, borrowing nothing.
    """

    names: tuple[str, ...]
    responses: Int[np.ndarray, " indication"]
    patients: Int[np.ndarray, " indication"]
    rates: tuple[Rate, ...]
    alone: tuple[Rate, ...]
    spread: Rate
    above: Float[np.ndarray, " indication"]
    p: float

    def to_frame(self) -> pd.DataFrame:
        """One row an indication."""
        rows = zip(self.names, self.responses, self.patients, self.alone, self.rates, self.above, strict=True)
        return pd.DataFrame(
            [
                {
                    "indication": name,
                    "responses": int(hits),
                    "patients": int(n),
                    "rate": own.estimate,
                    "lower": own.lower,
                    "upper": own.upper,
                    "borrowed": rate.estimate,
                    "borrowed_lower": rate.lower,
                    "borrowed_upper": rate.upper,
                    "above_threshold": float(above),
                }
                for name, hits, n, own, rate, above in rows
            ]
        )


def basket(
    names: list[str], responses: list[int], patients: list[int], threshold: float | None = None, seed: int = 1
) -> Basket:
    """The response rates of several indications under one treatment, learnt together.

    Rates that look alike borrow much from one another, rates that differ little: the spread is learnt too.
    Everything is summed over a grid (no random numbers but the permutations').
    Source: Berry, Broglio, Groshen & Berry (2013), Clin Trials 10:720, doi:10.1177/1740774513497539.
    Raises: AnalysisError for fewer than two indications, or numbers that are no responses of so many patients.
    """
    hits, n = np.asarray(responses, dtype=np.int64), np.asarray(patients, dtype=np.int64)
    if len(names) < 2 or hits.shape != n.shape or len(names) != len(n):
        raise AnalysisError("a basket has two indications or more, each with responses and patients.")
    if np.any(n < 1) or np.any(hits < 0) or np.any(hits > n):
        raise AnalysisError("an indication of a basket has 1 patient or more, and 0 to all of them respond.")
    grid = _Grid.make()
    each = np.exp(_log_likelihood(grid.odds, hits, n))  # (indication, odds)
    cells = grid.between.reshape(-1, len(grid.odds))  # (mean and spread, odds)
    marginal = (cells @ each.T).T.reshape(len(n), *grid.between.shape[:2])  # (indication, mean, spread)
    log_all = np.log(np.maximum(marginal, 1e-300)).sum(axis=0) + grid.log_prior
    weight = np.exp(log_all - log_all.max())
    share = 1 / (1 + np.exp(-grid.odds))
    rates, above = [], []
    for k in range(len(n)):
        others = weight / np.maximum(marginal[k], 1e-300)
        density = (others.ravel() @ cells) * each[k]
        rates.append(_summary(share, density))
        above.append(np.nan if threshold is None else 1 - float(np.interp(threshold, share, _below(density))))
    return Basket(
        tuple(names),
        hits,
        n,
        tuple(rates),
        tuple(Rate(*proportion(int(y), int(size))) for y, size in zip(hits, n, strict=True)),
        _summary(grid.spread, weight.sum(axis=0)),
        np.array(above),
        same_rates(hits, n, seed),
    )


class _Grid(NamedTuple):
    """odds: log-odds of a response;   between: (mean, spread, odds) their distribution between indications;
    log_prior: (mean, spread)."""

    odds: np.ndarray
    spread: np.ndarray
    between: np.ndarray
    log_prior: np.ndarray

    @classmethod
    @cache
    def make(cls) -> _Grid:
        odds = np.arange(-9.0, 7.01, 0.05)
        mean = np.linspace(MEAN - 4 * MEAN_SD, MEAN + 4 * MEAN_SD, 81)
        spread = np.linspace(0.025, 4 * SPREAD_SD, 80)
        z = (odds[None, None, :] - mean[:, None, None]) / spread[None, :, None]
        between = np.exp(-0.5 * (z - np.abs(z).min(axis=2, keepdims=True)) * (z + np.abs(z).min(axis=2, keepdims=True)))
        between /= between.sum(axis=2, keepdims=True)
        log_prior = -0.5 * ((mean[:, None] - MEAN) / MEAN_SD) ** 2 - 0.5 * (spread[None, :] / SPREAD_SD) ** 2
        return cls(odds, spread, between, log_prior)


def _log_likelihood(odds: np.ndarray, hits: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Of each indication at every log-odds, up to a constant."""
    log_p, log_q = -np.logaddexp(0.0, -odds), -np.logaddexp(0.0, odds)
    found = hits[:, None] * log_p + (n - hits)[:, None] * log_q
    return found - found.max(axis=1, keepdims=True)


def _summary(values: np.ndarray, density: np.ndarray) -> Rate:
    """Median and middle 95 % of a density on rising values, each cell's mass spread evenly around its value."""
    low, middle, high = np.interp([0.025, 0.5, 0.975], _below(density), values)
    return Rate(float(middle), float(low), float(high))


def _below(density: np.ndarray) -> np.ndarray:
    """The probability below each value, half of its own cell included."""
    return (np.cumsum(density) - 0.5 * density) / density.sum()


def same_rates(hits: np.ndarray, n: np.ndarray, seed: int) -> float:
    """The chance that equal rates differ as much as these: responses dealt out over all patients anew."""
    whole, all_hits = int(n.sum()), int(hits.sum())
    if all_hits in (0, whole):
        return 1.0
    edges = np.concatenate([[0], np.cumsum(n)])

    def statistic(dealt: np.ndarray) -> np.ndarray:
        return ((dealt - n * all_hits / whole) ** 2 / n).sum(axis=-1)

    order = random.permutation(seed, "basket", whole, np.arange(DRAWS))
    responded = order < all_hits
    dealt = np.add.reduceat(responded, edges[:-1], axis=1)
    seen = statistic(hits[None, :])[0]
    return float((1 + (statistic(dealt) >= seen - 1e-9).sum()) / (1 + DRAWS))
