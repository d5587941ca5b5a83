"""What a searched cut is worth in patients it was not searched in: cross-validated shrinkage, bootstrap samples."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.analysis.maximally_selected import logrank_scores_of_ranks, search
from opsonin.analysis.statistics import NAN
from opsonin.analysis.survival.cox import cox
from opsonin.analysis.survival.many import cox_single_covariate_many
from opsonin.errors import AnalysisError
from opsonin.random import permutation, uniform

FOLDS, REPEATS = 10, 5  # one division into folds gives a factor that depends on the luck of the division
ONE_SD = 0.158655  # of a normal distribution lies below its mean less one standard deviation


@dataclass(frozen=True)
class Outcome:
    """One score for each patient (high for an event, or an early one), the events and the strata; a binary outcome."""

    scores: Float[np.ndarray, " n"] = field(repr=False)
    event: Bool[np.ndarray, " n"] = field(repr=False)
    strata: Int[np.ndarray, " n"] = field(repr=False)
    kind: ClassVar[str] = "odds ratio"

    def of(self, rows: Int[np.ndarray, " m"]) -> Outcome:
        """The outcome of some patients, each as often as they are named."""
        return Outcome(self.scores[rows], self.event[rows], self.strata[rows])

    def log_ratio(self, x: Float[np.ndarray, " n"]) -> tuple[float, float]:
        """The log ratio per unit of x and its standard error: here Peto's, (observed - expected) / variance.

        Source: Yusuf et al. (1985), Prog Cardiovasc Dis 27:335; the variance is that of permutation within strata.
        """
        top = variance = 0.0
        for s in np.unique(self.strata):
            here = self.strata == s
            m = int(here.sum())
            if m < 2:
                continue
            a, b = self.scores[here] - self.scores[here].mean(), x[here] - x[here].mean()
            top += float(a @ b)
            variance += float(a @ a) * float(b @ b) / (m - 1)
        return (top / variance, 1 / math.sqrt(variance)) if variance > 1e-300 else (NAN, NAN)

    def log_ratios(
        self, rows: Int[np.ndarray, "sample m"], x: Float[np.ndarray, "sample m"]
    ) -> Float[np.ndarray, " sample"]:
        """The log ratio per unit of x in samples of the patients, NaN in x leaving one out; NaN where there is none."""
        return np.array([self._one(which, values) for which, values in zip(rows, x, strict=True)])

    def _one(self, rows: Int[np.ndarray, " m"], x: Float[np.ndarray, " m"]) -> float:
        there = np.isfinite(x)
        return Outcome.log_ratio(self.of(rows[there]), x[there])[0]


@dataclass(frozen=True)
class SurvivalOutcome(Outcome):
    """Times and events: the log ratio is that of hazards."""

    time: Float[np.ndarray, " n"] = field(repr=False)
    kind: ClassVar[str] = "hazard ratio"

    @staticmethod
    def made(
        time: Float[np.ndarray, " n"], event: Bool[np.ndarray, " n"], strata: Int[np.ndarray, " n"]
    ) -> SurvivalOutcome:
        """With the log-rank scores of these patients."""
        return SurvivalOutcome(logrank_scores_of_ranks(time, event, strata), event, strata, time)

    def of(self, rows: Int[np.ndarray, " m"]) -> SurvivalOutcome:
        return SurvivalOutcome.made(self.time[rows], self.event[rows], self.strata[rows])

    def log_ratio(self, x: Float[np.ndarray, " n"]) -> tuple[float, float]:
        """Cox's; Peto's where Cox's is infinite because x separates the patients."""
        try:
            fit = cox(self.time, self.event, x, strata=self.strata)
        except AnalysisError:
            return super().log_ratio(x)
        return float(fit.coefficient[0]), float(fit.se[0])

    def log_ratios(
        self, rows: Int[np.ndarray, "sample m"], x: Float[np.ndarray, "sample m"]
    ) -> Float[np.ndarray, " sample"]:
        fits = cox_single_covariate_many(self.time[rows], self.event[rows], x, strata=self.strata[rows])
        found = fits.coefficient.copy()
        for k in np.flatnonzero(~np.isfinite(found)):
            found[k] = self._one(rows[k], x[k])
        return found


def shrinkage_factor(outcome: Outcome, x: Float[np.ndarray, " n"], between: tuple[float, float], seed: int) -> float:
    """The share of the log ratio that survives cross-validation, 0 to 1.

    Each patient's group and log ratio come from a search among the other nine tenths; the factor is the slope of the
    outcome on these predictions, the mean over five random divisions into ten folds.
    Source: Schumacher, Holländer & Sauerbrei (1997), Stat Med 16:2813; Verweij & van Houwelingen (1993), Stat Med
    12:2305.
    """
    n = x.size
    fold = permutation(seed, "cut-point folds", n, np.arange(REPEATS)) % min(FOLDS, n)
    train, cuts = [], []
    for division in fold:
        for k in range(min(FOLDS, n)):
            train.append(division != k)
            cuts.append(_cut_among(outcome, x, np.flatnonzero(train[-1]), between))
    known, cut = np.array(train), np.array(cuts)
    high = (x[None, :] >= cut[:, None]).astype(float)
    rows = np.broadcast_to(np.arange(n), known.shape)
    effect = np.zeros(cut.size)
    fit = np.flatnonzero(np.isfinite(cut))
    effect[fit] = np.nan_to_num(outcome.log_ratios(rows[fit], np.where(known, high, np.nan)[fit]))
    # against the mean of those it was made from: folds with different cuts have different low groups
    expected = np.where(known, high, 0.0).sum(axis=1) / known.sum(axis=1)
    centred = (high - expected[:, None]) * effect[:, None]
    predicted = np.where(known, 0.0, centred).reshape(REPEATS, -1, n).sum(axis=1)
    slope = np.nan_to_num(outcome.log_ratios(np.broadcast_to(np.arange(n), predicted.shape), predicted))
    return float(min(max(slope.mean(), 0.0), 1.0))


def _cut_among(
    outcome: Outcome, x: Float[np.ndarray, " n"], rows: Int[np.ndarray, " m"], between: tuple[float, float]
) -> float:
    """The cut that these patients choose; NaN where they admit none."""
    part = outcome.of(rows)
    if not part.event.any():
        return NAN
    try:
        found = search(part.scores, x[rows], part.strata, between)
    except AnalysisError:
        return NAN
    return float(found.first_high[found.best])


def bootstrap_cuts(
    outcome: Outcome, x: Float[np.ndarray, " n"], between: tuple[float, float], samples: int, seed: int
) -> tuple[Float[np.ndarray, " sample"], float]:
    """The cut that each bootstrap sample chooses, and the standard deviation of the log ratios at these cuts.

    Samples are drawn within strata; those with no admissible cut are left out. The deviation is half the width of the
    middle 68 %, since a few samples in which a cut separates the patients would give any variance.
    """
    n = x.size
    if not samples:
        return np.empty(0), NAN
    place = np.argsort(outcome.strata, kind="stable")
    _, first, count = np.unique(outcome.strata[place], return_index=True, return_counts=True)
    start, size = np.repeat(first, count), np.repeat(count, count)
    draws = uniform(seed, "cut-point bootstrap", np.arange(samples), draws=n)
    rows = place[start + (draws * size).astype(np.int64)]
    cuts = np.array([_cut_among(outcome, x, sample, between) for sample in rows])
    rows, cuts = rows[np.isfinite(cuts)], cuts[np.isfinite(cuts)]
    if cuts.size < 2:
        return np.empty(0), NAN
    effects = outcome.log_ratios(rows, (x[rows] >= cuts[:, None]).astype(float))
    low, high = np.nanquantile(effects, [ONE_SD, 1 - ONE_SD])
    return cuts, float(high - low) / 2
