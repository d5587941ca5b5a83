"""The partial likelihood of Cox's model, its derivatives and score residuals, by cumulative sums over sorted times."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Evaluation(NamedTuple):
    """The log likelihood with its gradient (k,) and information (k, k)."""

    value: float
    gradient: np.ndarray
    information: np.ndarray


class _Stratum:
    """Index arrays of one stratum: rows in order of time, one entry per event ("death") in the order of event times."""

    def __init__(self, rows: np.ndarray, t: np.ndarray, d: np.ndarray, entry: np.ndarray | None, efron: bool):
        self.rows = rows[np.argsort(t[rows], kind="stable")]
        time, event = t[self.rows], d[self.rows]
        self.times, first = np.unique(time[event], return_index=True)
        self.dead = self.rows[event]
        self.of_time = np.searchsorted(self.times, time[event])  # event time index of each death
        rank = np.arange(self.of_time.size) - first[self.of_time]
        self.count = np.bincount(self.of_time, minlength=self.times.size)
        self.fraction = rank / self.count[self.of_time] if efron else np.zeros(self.of_time.size)
        self.from_row = np.searchsorted(time, self.times, side="left")  # at risk: rows from here on …
        self.event_of_row = np.searchsorted(self.times, time, side="right")  # event times up to each row's own
        self.by_entry = self.entry_from = None
        self.entered_of_row = np.zeros(self.rows.size, dtype=np.int64)
        if entry is not None:
            self.by_entry = self.rows[np.argsort(entry[self.rows], kind="stable")]
            # … less those who enter at or after the event time
            self.entry_from = np.searchsorted(entry[self.by_entry], self.times, side="left")
            self.entered_of_row = np.searchsorted(self.times, entry[self.rows], side="right")

    def at_risk(self, values: np.ndarray) -> np.ndarray:
        """Sums of per-row values over each event time's risk set."""
        total = _tail_sums(values[self.rows])[self.from_row]
        if self.by_entry is not None:
            total = total - _tail_sums(values[self.by_entry])[self.entry_from]
        return total

    def dying(self, values: np.ndarray) -> np.ndarray:
        """Sums of per-row values over those dying at each event time."""
        out = np.zeros((self.times.size, *values.shape[1:]))
        np.add.at(out, self.of_time, values[self.dead])
        return out

    def per_death(self, values: np.ndarray) -> np.ndarray:
        """The sums each death is compared with: the risk set less Efron's fraction of the tied."""
        risk, tied = self.at_risk(values)[self.of_time], self.dying(values)[self.of_time]
        fraction = self.fraction.reshape(-1, *([1] * (values.ndim - 1)))
        return risk - fraction * tied


class PartialLikelihood:
    """The log partial likelihood of (time, event) given covariates x (n, k) within strata."""

    def __init__(
        self, t: np.ndarray, d: np.ndarray, x: np.ndarray, strata: np.ndarray, entry: np.ndarray | None, ties: str
    ):
        self.x, self.d = x, d
        self.outer = x[:, :, None] * x[:, None, :]
        groups = (np.flatnonzero(strata == s) for s in np.unique(strata))
        self.strata = [_Stratum(rows, t, d, entry, ties == "efron") for rows in groups if d[rows].any()]

    def at(self, beta: np.ndarray) -> Evaluation:
        """Value, gradient and information at `beta`."""
        linear = self.x @ beta
        risk = np.exp(linear - linear.max())
        value, gradient = 0.0, np.zeros(beta.size)
        information = np.zeros((beta.size, beta.size))
        for s in self.strata:
            s0 = s.per_death(risk)
            mean = s.per_death(risk[:, None] * self.x) / s0[:, None]
            second = s.per_death(risk[:, None, None] * self.outer) / s0[:, None, None]
            value += float((linear[s.dead] - linear.max() - np.log(s0)).sum())
            gradient += (self.x[s.dead] - mean).sum(axis=0)
            information += second.sum(axis=0) - mean.T @ mean
        return Evaluation(value, gradient, information)

    def score_residuals(self, beta: np.ndarray) -> np.ndarray:
        """Each row's share of the gradient, (n, k); they sum to it."""
        linear = self.x @ beta
        risk = np.exp(linear - linear.max())
        out = np.zeros_like(self.x)
        for s in self.strata:
            s0 = s.per_death(risk)
            mean = s.per_death(risk[:, None] * self.x) / s0[:, None]
            m = s.times.size
            hazard, weighted = np.zeros(m), np.zeros((m, beta.size))
            np.add.at(hazard, s.of_time, 1 / s0)
            np.add.at(weighted, s.of_time, mean / s0[:, None])
            total = np.r_[0.0, np.cumsum(hazard)]
            moved = np.vstack([np.zeros(beta.size), np.cumsum(weighted, axis=0)])
            here, before = s.event_of_row, s.entered_of_row
            exposure = (total[here] - total[before])[:, None] * self.x[s.rows] - (moved[here] - moved[before])
            out[s.rows] -= risk[s.rows, None] * exposure
            # those who die keep only 1 − fraction of each tied term, and see the mean of the tied risk sets
            spared, spared_mean, average = np.zeros(m), np.zeros((m, beta.size)), np.zeros((m, beta.size))
            np.add.at(spared, s.of_time, s.fraction / s0)
            np.add.at(spared_mean, s.of_time, (s.fraction / s0)[:, None] * mean)
            np.add.at(average, s.of_time, mean / s.count[s.of_time][:, None])
            at = s.of_time
            out[s.dead] += self.x[s.dead] - average[at]
            out[s.dead] += risk[s.dead, None] * (spared[at][:, None] * self.x[s.dead] - spared_mean[at])
        return out


def logrank_scores(t: np.ndarray, d: np.ndarray, strata: np.ndarray, ties: str = "efron") -> np.ndarray:
    """Each row's log-rank score (its martingale residual without covariates), (n,); they sum to 0 in each stratum.

    For any covariate x the score of Cox's model at 0 is the sum of x times these, which makes permutations cheap.
    """
    out = np.zeros(t.size)
    ones = np.ones(t.size)
    for s in PartialLikelihood(t, d, ones[:, None], strata, None, ties).strata:
        s0 = s.per_death(ones)
        hazard, spared = np.bincount(s.of_time, 1 / s0), np.bincount(s.of_time, s.fraction / s0)
        out[s.rows] -= np.r_[0.0, np.cumsum(hazard)][s.event_of_row]
        out[s.dead] += 1 + spared[s.of_time]
    return out


def _tail_sums(values: np.ndarray) -> np.ndarray:
    """Sums from each row to the end, and a 0 after the last."""
    sums = np.cumsum(values[::-1], axis=0)[::-1]
    return np.concatenate([sums, np.zeros((1, *values.shape[1:]))])
