"""The partial likelihood of Cox's model, its derivatives and score residuals, by cumulative sums over sorted times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

DENSE = 4_000_000  # with delayed entry, up to so many (event time, row) pairs, risk sets are added up one by one: what
# has entered less what has left loses all digits where one patient's risk outweighs the others'


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
        self.by_entry = self.entry_from = self.member = None
        self.entered_of_row = np.zeros(self.rows.size, dtype=np.int64)
        if entry is not None:
            self.by_entry = self.rows[np.argsort(entry[self.rows], kind="stable")]
            # … less those who enter at or after the event time
            self.entry_from = np.searchsorted(entry[self.by_entry], self.times, side="left")
            self.entered_of_row = np.searchsorted(self.times, entry[self.rows], side="right")
            if self.times.size * self.rows.size <= DENSE:
                later = entry[self.rows][None, :] < self.times[:, None]
                self.member = ((time[None, :] >= self.times[:, None]) & later).astype(float)

    def at_risk(self, values: np.ndarray) -> np.ndarray:
        """Sums of per-row values over each event time's risk set."""
        if self.member is not None:
            flat = values[self.rows].reshape(self.rows.size, -1)
            return (self.member @ flat).reshape(self.times.size, *values.shape[1:])
        total = _tail_sums(values[self.rows])[self.from_row]
        if self.by_entry is not None:
            total = total - _tail_sums(values[self.by_entry])[self.entry_from]
        return total

    def dying(self, values: np.ndarray) -> np.ndarray:
        """Sums of per-row values over those dying at each event time."""
        return self.per_time(values[self.dead])

    def per_time(self, values: np.ndarray) -> np.ndarray:
        """Sums of per-death values (death, …) over each event time."""
        out = np.zeros((self.times.size, *values.shape[1:]))
        np.add.at(out, self.of_time, values)
        return out

    def per_death(self, values: np.ndarray) -> np.ndarray:
        """The sums each death is compared with: the risk set less Efron's fraction of the tied."""
        risk, tied = self.at_risk(values)[self.of_time], self.dying(values)[self.of_time]
        fraction = self.fraction.reshape(-1, *([1] * (values.ndim - 1)))
        return risk - fraction * tied


class Moments(NamedTuple):
    """What each death of a stratum is compared with: the weighted mean and covariance of its (thinned) risk set.

    s0: sums of risks, on the scale of `risk` (n,), which is exp(x β) less the stratum's highest, `shift`.
    mean: (death, k).   covariance: (death, k, k).
    """

    stratum: _Stratum
    risk: np.ndarray
    shift: float
    s0: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray


class PartialLikelihood:
    """The log partial likelihood of (time, event) given covariates x (n, k) within strata."""

    def __init__(
        self, t: np.ndarray, d: np.ndarray, x: np.ndarray, strata: np.ndarray, entry: np.ndarray | None, ties: str
    ):
        self.x, self.d = x, d
        self.outer = x[:, :, None] * x[:, None, :]
        groups = (np.flatnonzero(strata == s) for s in np.unique(strata))
        self.strata = [_Stratum(rows, t, d, entry, ties == "efron") for rows in groups if d[rows].any()]

    def moments(self, beta: np.ndarray) -> Iterator[Moments]:
        """Per stratum. Far out, where risks underflow, sums are 0 and moments not finite; nothing is raised."""
        linear = self.x @ beta
        for s in self.strata:
            shift = float(linear[s.rows].max())
            risk = np.zeros(linear.size)
            risk[s.rows] = np.exp(linear[s.rows] - shift)
            s0 = s.per_death(risk)
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                mean = s.per_death(risk[:, None] * self.x) / s0[:, None]
                second = s.per_death(risk[:, None, None] * self.outer) / s0[:, None, None]
                yield Moments(s, risk, shift, s0, mean, second - mean[:, :, None] * mean[:, None, :])

    def at(self, beta: np.ndarray) -> Evaluation:
        """Value, gradient and information at `beta`; a value that is not finite says that `beta` is too far out."""
        linear = self.x @ beta
        value, gradient = 0.0, np.zeros(beta.size)
        information = np.zeros((beta.size, beta.size))
        for m in self.moments(beta):
            dead = m.stratum.dead
            with np.errstate(divide="ignore", invalid="ignore"):
                value += float((linear[dead] - m.shift - np.log(m.s0)).sum())
                gradient += (self.x[dead] - m.mean).sum(axis=0)
                information += m.covariance.sum(axis=0)
        return Evaluation(value, gradient, information)

    def score_residuals(self, beta: np.ndarray) -> np.ndarray:
        """Each row's share of the gradient, (n, k); they sum to it."""
        out = np.zeros_like(self.x)
        for m in self.moments(beta):
            s, at, risk = m.stratum, m.stratum.of_time, m.risk
            hazard = np.bincount(at, 1 / m.s0)
            weighted = s.per_time(m.mean / m.s0[:, None])
            total = np.r_[0.0, np.cumsum(hazard)]
            moved = np.vstack([np.zeros(beta.size), np.cumsum(weighted, axis=0)])
            here, before = s.event_of_row, s.entered_of_row
            exposure = (total[here] - total[before])[:, None] * self.x[s.rows] - (moved[here] - moved[before])
            out[s.rows] -= risk[s.rows, None] * exposure
            # those who die keep only 1 − fraction of each tied term, and see the mean of the tied risk sets
            spared = np.bincount(at, s.fraction / m.s0)
            spared_mean = s.per_time((s.fraction / m.s0)[:, None] * m.mean)
            average = s.per_time(m.mean / s.count[at][:, None])
            out[s.dead] += self.x[s.dead] - average[at]
            out[s.dead] += risk[s.dead, None] * (spared[at][:, None] * self.x[s.dead] - spared_mean[at])
        return out

    def martingale_residuals(self, beta: np.ndarray) -> np.ndarray:
        """Events seen less events expected, (n,); they sum to 0 in each stratum."""
        out = np.zeros(self.x.shape[0])
        for m in self.moments(beta):
            s, at = m.stratum, m.stratum.of_time
            total = np.r_[0.0, np.cumsum(np.bincount(at, 1 / m.s0))]
            out[s.rows] -= m.risk[s.rows] * (total[s.event_of_row] - total[s.entered_of_row])
            out[s.dead] += 1 + m.risk[s.dead] * np.bincount(at, s.fraction / m.s0)[at]
        return out


def logrank_scores(t: np.ndarray, d: np.ndarray, strata: np.ndarray, ties: str = "efron") -> np.ndarray:
    """Each row's log-rank score (its martingale residual without covariates), (n,); they sum to 0 in each stratum.

    For any covariate x the score of Cox's model at 0 is the sum of x times these, which makes permutations cheap.
    """
    return PartialLikelihood(t, d, np.zeros((t.size, 1)), strata, None, ties).martingale_residuals(np.zeros(1))


def _tail_sums(values: np.ndarray) -> np.ndarray:
    """Sums from each row to the end, and a 0 after the last."""
    sums = np.cumsum(values[::-1], axis=0)[::-1]
    return np.concatenate([sums, np.zeros((1, *values.shape[1:]))])
