"""The posterior of the two-parameter logistic dose–toxicity curve, by quadrature, for many trials at once.

logit rate(dose) = α + exp(β) · x, x = log(dose / reference), (α, β) bivariate normal. The posterior of each trial has a
lattice of its own: first around the mode, then around mean and covariance on the first lattice. Sums over a lattice
(the trapezoidal rule) converge faster than any power of its step for smooth densities that vanish at its ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

# nodes and the standard deviations that they span: of β, whose posterior is longer to the left, and of α given β
FIRST = (21, -6.0, 6.0), (21, -6.0, 6.0)
FINAL = (57, -12.0, 8.0), (45, -7.5, 7.5)
BLOCK = 48  # trials at once: so that the arrays stay in the processor's cache
SCORING = 40  # steps towards the mode at most


@dataclass(frozen=True, eq=False)
class LogisticPrior:
    """(α, β) ~ N(mean, covariance), at covariates x = log(dose / reference); the same for all trials, or one each."""

    x: Float[np.ndarray, " dose"]
    mean: Float[np.ndarray, "*trial parameter"]
    covariance: Float[np.ndarray, "*trial parameter parameter"]

    def of(self, trials: slice, count: int) -> LogisticPrior:
        """Of some trials, `count` in number, one each."""
        mean, covariance = self.mean, self.covariance
        if mean.ndim == 2:
            return LogisticPrior(self.x, mean[trials], covariance[trials])
        size = len(mean)
        shapes = (count, size), (count, size, size)
        return LogisticPrior(self.x, np.broadcast_to(mean, shapes[0]), np.broadcast_to(covariance, shapes[1]))


@dataclass(frozen=True, eq=False)
class Lattice:
    """Posteriors of a block of trials.   alpha, weight: axes (trial, value of β, value of α), weights sum to 1.

    log_evidence: of the probability of the outcomes before they were seen, in any one order.
    """

    x: Float[np.ndarray, " dose"]
    beta: Float[np.ndarray, "trial row"]
    alpha: Float[np.ndarray, "trial row node"]
    weight: Float[np.ndarray, "trial row node"]
    log_evidence: Float[np.ndarray, " trial"]

    def moments(self) -> tuple[Float[np.ndarray, "trial parameter"], Float[np.ndarray, "trial parameter parameter"]]:
        """Mean and covariance of (α, β)."""
        mass = self.weight.sum(axis=2)
        mean_a, mean_b = (self.weight * self.alpha).sum(axis=(1, 2)), (mass * self.beta).sum(axis=1)
        da, db = self.alpha - mean_a[:, None, None], self.beta - mean_b[:, None]
        first = (self.weight * da).sum(axis=2)
        aa, ab = (self.weight * da * da).sum(axis=(1, 2)), (first * db).sum(axis=1)
        bb = (mass * db * db).sum(axis=1)
        return np.stack([mean_a, mean_b], axis=1), np.stack([aa, ab, ab, bb], axis=1).reshape(-1, 2, 2)

    def rates(self) -> tuple[Float[np.ndarray, "trial dose"], Float[np.ndarray, "trial dose"]]:
        """Mean and standard deviation of the DLT rate at each dose."""
        mean, sd = (np.empty((len(self.beta), len(self.x))) for _ in range(2))
        for dose, x in enumerate(self.x):
            rate = _expit(self.alpha + (np.exp(self.beta) * x)[:, :, None])
            mean[:, dose] = (self.weight * rate).sum(axis=(1, 2))
            sd[:, dose] = np.sqrt((self.weight * (rate - mean[:, dose, None, None]) ** 2).sum(axis=(1, 2)))
        return mean, sd

    def below(self, cuts: Float[np.ndarray, "#trial #dose cut"]) -> Float[np.ndarray, "trial dose cut"]:
        """P(rate < cut) at each dose; cuts on the scale of the rate.

        For given β that is P(α < a bound): the distribution function of α along each row at its nodes by the
        trapezoidal rule with its first correction (Euler–Maclaurin), between them by the cubic of values and slopes.
        """
        w = self.weight
        slope = np.zeros_like(w)
        slope[:, :, 2:-2] = (w[:, :, :-4] - 8 * w[:, :, 1:-3] + 8 * w[:, :, 3:-1] - w[:, :, 4:]) / 12
        cumulative = np.cumsum(w, axis=2) - 0.5 * w - slope / 12
        bound = np.log(cuts / (1 - cuts))[:, None] - (np.exp(self.beta)[:, :, None] * self.x)[:, :, :, None]
        step = (self.alpha[:, :, 1] - self.alpha[:, :, 0])[:, :, None, None]
        place = (bound - self.alpha[:, :, 0][:, :, None, None]) / step
        trials, rows, last = w.shape[0], w.shape[1], w.shape[2] - 1
        place = np.clip(place, 0, last).reshape(trials, rows, -1)
        cell = np.minimum(place.astype(np.int64), last - 1)
        t = place - cell
        left, right = (np.take_along_axis(cumulative, at, axis=2) for at in (cell, cell + 1))
        up, down = (np.take_along_axis(w, at, axis=2) for at in (cell, cell + 1))
        rise = right - left
        value = left + t * (up + t * (3 * rise - 2 * up - down + t * (up + down - 2 * rise)))
        summed = value.sum(axis=1).reshape(trials, len(self.x), -1)
        return np.clip(summed, 0.0, 1.0)


def posteriors(
    prior: LogisticPrior, patients: Int[np.ndarray, "trial dose"], dlt: Int[np.ndarray, "trial dose"]
) -> Iterator[Lattice]:
    """The posteriors of trials with these counts, block by block."""
    for first in range(0, len(patients), BLOCK):
        block = slice(first, first + BLOCK)
        n, r = (counts[block].astype(float) for counts in (patients, dlt))
        here = prior.of(block, len(n))
        centre, spread = _mode(here, n, r)
        mean, covariance = _lattice(here, n, r, centre, spread, *FIRST).moments()
        yield _lattice(here, n, r, mean, covariance, *FINAL)


def log_evidence(
    prior: LogisticPrior, patients: Float[np.ndarray, "trial dose"], dlt: Float[np.ndarray, "trial dose"]
) -> Float[np.ndarray, " trial"]:
    """The logarithm of the probability of such outcomes in any one order, on a small lattice around the mode."""
    here = prior.of(slice(None), len(patients))
    return _lattice(here, patients, dlt, *_mode(here, patients, dlt), *FIRST).log_evidence


def _lattice(
    prior: LogisticPrior,
    n: np.ndarray,
    r: np.ndarray,
    centre: Float[np.ndarray, "trial parameter"],
    spread: Float[np.ndarray, "trial parameter parameter"],
    rows: tuple[int, float, float],
    nodes: tuple[int, float, float],
) -> Lattice:
    u, v = np.linspace(rows[1], rows[2], rows[0]), np.linspace(nodes[1], nodes[2], nodes[0])
    sd_b = np.sqrt(spread[:, 1, 1])
    along = spread[:, 0, 1] / sd_b  # α moves with β so that rows stay where the posterior is
    across = np.sqrt(spread[:, 0, 0] - along**2)
    beta = centre[:, 1, None] + sd_b[:, None] * u
    alpha = (centre[:, 0, None] + along[:, None] * u)[:, :, None] + across[:, None, None] * v
    weight = _log_density(prior, n, r, alpha, beta[:, :, None])
    top = weight.max(axis=(1, 2), keepdims=True)
    np.exp(weight - top, out=weight)
    total = weight.sum(axis=(1, 2), keepdims=True)
    weight /= total
    area = sd_b * (u[1] - u[0]) * across * (v[1] - v[0]) / (2 * np.pi * np.sqrt(np.linalg.det(prior.covariance)))
    return Lattice(prior.x, beta, alpha, weight, (top + np.log(total))[:, 0, 0] + np.log(area))


def _log_density(prior: LogisticPrior, n: np.ndarray, r: np.ndarray, alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Up to a constant; n and r (trial, dose), alpha and beta (trial, …)."""
    lift = (slice(None),) + (None,) * (alpha.ndim - 1)
    precision = np.linalg.inv(prior.covariance)
    aa, ab, bb = precision[:, 0, 0][lift], precision[:, 0, 1][lift], precision[:, 1, 1][lift]
    a, b = alpha - prior.mean[:, 0][lift], beta - prior.mean[:, 1][lift]
    found = -0.5 * (aa * a * a + 2 * ab * a * b + bb * b * b)
    slope = np.exp(beta)
    for dose in np.flatnonzero(n.any(axis=0)):
        logit = alpha + slope * prior.x[dose]
        found += r[:, dose][lift] * logit
        found -= n[:, dose][lift] * (np.maximum(logit, 0) + np.log1p(np.exp(-np.abs(logit))))
    return found


def _mode(prior: LogisticPrior, n: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mode and inverse information of each posterior, by Fisher scoring with halved steps."""
    precision = np.linalg.inv(prior.covariance)
    at = prior.mean.copy()
    value = _log_density(prior, n, r, at[:, 0], at[:, 1])
    for _ in range(SCORING):
        slope, information = _score(prior, precision, n, r, at)
        move = np.linalg.solve(information, slope[:, :, None])[:, :, 0]
        for _ in range(30):
            there = at + move
            new = _log_density(prior, n, r, there[:, 0], there[:, 1])
            worse = new < value - 1e-12 * (1 + np.abs(value))
            if not worse.any():
                break
            move[worse] *= 0.5
        at, value = np.where(worse[:, None], at, there), np.where(worse, value, new)
        if np.abs(move).max(initial=0) < 1e-6:
            break
    return at, np.linalg.inv(_score(prior, precision, n, r, at)[1])


def _score(
    prior: LogisticPrior, precision: np.ndarray, n: np.ndarray, r: np.ndarray, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Gradient of the log density, and prior precision plus expected information."""
    by_beta = np.exp(at[:, 1, None]) * prior.x
    rate = _expit(at[:, 0, None] + by_beta)
    rest, known = r - n * rate, n * rate * (1 - rate)
    slope = np.stack([rest.sum(axis=1), (rest * by_beta).sum(axis=1)], axis=1)
    slope -= ((at - prior.mean)[:, None] @ precision)[:, 0]
    aa, ab, bb = known.sum(axis=1), (known * by_beta).sum(axis=1), (known * by_beta**2).sum(axis=1)
    return slope, np.stack([aa, ab, ab, bb], axis=1).reshape(-1, 2, 2) + precision


def _expit(logit: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(logit, -700, 700)))
