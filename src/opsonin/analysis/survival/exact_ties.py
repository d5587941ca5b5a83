"""The exact (discrete) partial likelihood: each event time against every set of as many patients of its risk set.

For d deaths among r at risk the denominator sums exp(β · sum of x) over all sets of d of the r. With e(j) the sum over
all sets of j of those seen so far, one more patient of risk w gives e(j) + w e(j−1): a recursion of r·d steps, not of
"r choose d". Here it carries log e(j) with the mean and the covariance of the sum of x over a random set, so that
nothing overflows. Without delayed entry risk sets grow towards earlier times, and one pass serves all event times.

Source: Cox (1972), J R Stat Soc B 34:187, section 6; Gail, Lubin & Rubinstein (1981), Biometrika 68:703.
"""

from __future__ import annotations

import numpy as np

from opsonin.analysis.survival.likelihood import Evaluation


class ExactLikelihood:
    """The log exact partial likelihood of (time, event) given covariates x (n, k) within strata."""

    def __init__(self, t: np.ndarray, d: np.ndarray, x: np.ndarray, strata: np.ndarray, entry: np.ndarray | None):
        self.x = x
        self.passes: list[_Pass] = []
        for s in np.unique(strata):
            rows = np.flatnonzero(strata == s)
            times = np.unique(t[rows[d[rows]]])[::-1]
            if entry is None:
                self.passes += [_Pass.growing(rows, t, d, times)] if times.size else []
            else:
                at_risk = (rows[(t[rows] >= time) & (entry[rows] < time)] for time in times)
                self.passes += [
                    _Pass(there, [(there.size, there[d[there] & (t[there] == time)])])
                    for there, time in zip(at_risk, times, strict=True)
                ]

    def at(self, beta: np.ndarray) -> Evaluation:
        """Value, gradient and information at `beta`."""
        linear = self.x @ beta
        value, gradient = 0.0, np.zeros(beta.size)
        information = np.zeros((beta.size, beta.size))
        for one in self.passes:
            sets = _Sets(max(dead.size for _, dead in one.reads), beta.size)
            seen = 0
            for upto, dead in one.reads:
                for row in one.rows[seen:upto]:
                    sets.add(float(linear[row]), self.x[row])
                seen = upto
                value += float(linear[dead].sum() - sets.log_total[dead.size])
                gradient += self.x[dead].sum(axis=0) - sets.mean[dead.size]
                information += sets.covariance[dead.size]
        return Evaluation(value, gradient, information)


class _Pass:
    """Rows in the order in which they join, and when to read: (rows joined by then, those who die)."""

    def __init__(self, rows: np.ndarray, reads: list[tuple[int, np.ndarray]]):
        self.rows, self.reads = rows, reads

    @classmethod
    def growing(cls, rows: np.ndarray, t: np.ndarray, d: np.ndarray, times: np.ndarray) -> _Pass:
        """The risk sets of a stratum without delayed entry, from the last event time to the first."""
        ordered = rows[np.argsort(-t[rows], kind="stable")]
        joined = np.searchsorted(-t[ordered], -times, side="right")
        dying = [ordered[d[ordered] & (t[ordered] == time)] for time in times]
        return cls(ordered, list(zip(joined.tolist(), dying, strict=True)))


class _Sets:
    """All sets of 0 … `most` of the patients added so far, weighted by the product of their risks.

    log_total (set size,); mean (set size, k) and covariance (set size, k, k) of the sum of x over a random set.
    """

    def __init__(self, most: int, k: int):
        self.log_total = np.full(most + 1, -np.inf)
        self.log_total[0] = 0.0
        self.mean = np.zeros((most + 1, k))
        self.covariance = np.zeros((most + 1, k, k))
        self.count = 0

    def add(self, log_risk: float, x: np.ndarray) -> None:
        """One more patient, who is in a set of j (made of sets of j − 1 without them) or not."""
        top = min(self.count + 1, self.log_total.size - 1)
        without, within = self.log_total[1 : top + 1], self.log_total[:top] + log_risk
        total = np.logaddexp(without, within)
        share = np.exp(within - total)  # the chance that a set of j holds the new patient
        apart = self.mean[:top] + x - self.mean[1 : top + 1]
        a, b = share[:, None], share[:, None, None]
        between = (b * (1 - b)) * apart[:, :, None] * apart[:, None, :]
        self.covariance[1 : top + 1] += b * (self.covariance[:top] - self.covariance[1 : top + 1]) + between
        self.mean[1 : top + 1] += a * apart
        self.log_total[1 : top + 1] = total
        self.count += 1
