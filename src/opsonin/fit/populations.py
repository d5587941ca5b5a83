"""Which populations of virtual patients the published figures leave possible: a Bayesian fit without new simulation.

A pool was drawn from standard normal scores of its parameters. Another population, with the means of the scores
shifted and their spreads changed, is the same pool under other weights, the ratio of the two densities. So the
likelihood of published figures can be had for thousands of candidate populations from one simulation of the pool; the
candidates are drawn from the prior, then nearer and nearer to the posterior, and weighted for having been drawn so.
Source: importance sampling, Rubin (1988), Bayesian Statistics 3:395 (resampling); Cornuet et al. (2012), Scand J Stat
39:798 (adaptive multiple importance sampling); tempering of early rounds: Koblents & Míguez (2015), Stat Comput 25:407.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import FitError
from opsonin.fit.reference import Normal
from opsonin.fit.targets import Target, log_likelihood
from opsonin.fit.weights import effective_sample_size, matrix
from opsonin.random import normal, uniform

FEWEST = 25.0  # candidates whose weights leave fewer effective patients are out of the pool's reach
BLOCK = 4_000_000  # numbers in memory at once
DEFENCE = 0.2  # share of later draws that still come from the prior, so that no tail is forgotten
INFLATION = 1.5  # of the adapted covariance: too narrow a proposal is worse than too wide a one


@dataclass(frozen=True)
class Populations:
    """Candidate populations with their posterior weights.

    shift: of each score's mean, in standard deviations of the pool.   spread: of each score, as a factor.
    weights: posterior, adding up to 1.   summaries: of each candidate, (candidate, target).
    patients: the weights (mean 1) of the pool's patients under the posterior's mean population.
    effective: candidates of equal weight that the posterior is worth.   effective_patients: of `patients`.
    typical_patients: effective patients within one likely candidate, the posterior's weighted mean.
    out_of_reach: share of the prior whose populations the pool cannot stand for (fewer than 25 effective patients).
    """

    shift: Float[np.ndarray, "candidate score"]
    spread: Float[np.ndarray, "candidate score"]
    weights: Float[np.ndarray, " candidate"]
    summaries: Float[np.ndarray, "candidate target"]
    patients: Float[np.ndarray, " n"]
    effective: float
    effective_patients: float
    typical_patients: float
    out_of_reach: float
    scores: Float[np.ndarray, "n score"] = field(repr=False)

    def draw(self, count: int, seed: int = 1) -> Float[np.ndarray, "count n"]:
        """Patient weights (mean 1 each) of `count` populations drawn from the posterior (systematic resampling)."""
        chosen = self._chosen(count, seed)
        return len(self.scores) * _patient_weights(self.scores, self.shift[chosen], self.spread[chosen])

    def predict(
        self, values: Any, *, level: float = 0.95, draws: int = 1000, trial: int | None = None, seed: int = 1
    ) -> Float[np.ndarray, "quantity 3"]:
        """The mean of values over a population: posterior mean and credible interval, a row for each quantity.

        values: (n,) or (n, quantity), of the pool's patients, such as response under a drug that was not fitted to.
        trial: None for the population itself; else what a trial of so many patients would show, its patients drawn
        too.   Raises: FitError where values do not belong to the pool's patients.
        """
        x = matrix(values, "values")
        if len(x) != len(self.scores):
            raise FitError(f"{len(x)} values for a pool of {len(self.scores)} patients; give one each.")
        chosen = self._chosen(draws, seed)
        found = np.concatenate([w @ x for w in self._blocks(chosen)])
        if trial is not None:
            at = uniform(seed, "trial of a drawn population", np.arange(draws), draws=trial)
            rows = iter(at)
            for k, w in enumerate(w for block in self._blocks(chosen) for w in block):
                picked = np.searchsorted(np.cumsum(w), next(rows) * (1 - 1e-12))
                found[k] = x[np.minimum(picked, len(x) - 1)].mean(axis=0)
        tail = (1 - level) / 2
        low, high = np.quantile(found, [tail, 1 - tail], axis=0)
        return np.column_stack([found.mean(axis=0), low, high])

    def _blocks(self, chosen: np.ndarray) -> Any:
        step = max(1, BLOCK // len(self.scores))
        for first in range(0, len(chosen), step):
            some = chosen[first : first + step]
            yield _patient_weights(self.scores, self.shift[some], self.spread[some])

    def _chosen(self, count: int, seed: int) -> np.ndarray:
        """Systematic resampling: one uniform number for all (Carpenter, Clifford & Fearnhead 1999, IEE Proc 146:2)."""
        if count < 1:
            raise FitError(f"{count} populations cannot be drawn.")
        at = (np.arange(count) + uniform(seed, "resampling of populations", 0)[0]) / count
        return np.minimum(np.searchsorted(np.cumsum(self.weights), at), len(self.weights) - 1)


def populations(
    scores: Any,
    features: Any,
    targets: Sequence[Target],
    *,
    shift_sd: float = 1.0,
    spread_sd: float = 0.0,
    candidates: int = 1000,
    rounds: int = 5,
    seed: int = 1,
) -> Populations:
    """The populations that published figures leave possible.

    scores: (n, score), independent standard normal scores of the parameters that may differ from what was assumed, as
    `normal_scores` makes them. features: (n, target), as for `tilt`: a figure is a weighted mean of its
    feature. shift_sd: prior standard deviation of a mean's shift, in standard deviations of the pool; spread_sd: of the
    logarithm of a spread's factor, 0 to leave spreads alone. candidates: drawn in each of `rounds`.
    A figure's likelihood is widened by the Monte Carlo error that the candidate's weights leave.
    Raises: FitError where shapes do not fit, scores are not as described, or the pool reaches no likely population.
    """
    z, x = _scores(scores), matrix(features, "features")
    if len(x) != len(z) or x.shape[1] != len(targets):
        raise FitError(
            f"{len(z)} patients and {len(targets)} targets need features of shape {(len(z), len(targets))}, not "
            f"{x.shape}."
        )
    if not shift_sd > 0 or spread_sd < 0 or candidates < 50 or rounds < 1:
        raise FitError("populations need shift_sd above 0, spread_sd of 0 or more, 50 candidates and one round.")
    size = z.shape[1] * (2 if spread_sd else 1)
    prior = Normal(np.zeros(size), np.diag([shift_sd**2] * z.shape[1] + [spread_sd**2] * (size - z.shape[1])))
    drawn, likelihood, proposals = np.empty((0, size)), np.empty(0), []
    summaries, within = np.empty((0, len(targets))), np.empty(0)
    proposal = prior
    for number in range(rounds):
        fresh = _drawn(proposal, prior, candidates, number, seed)
        told, worth = _summaries(z, x, *_unpacked(fresh, z.shape[1]), targets)
        drawn, proposals = np.concatenate([drawn, fresh]), [*proposals, proposal]
        likelihood, within = np.concatenate([likelihood, told[0]]), np.concatenate([within, worth])
        summaries = np.concatenate([summaries, told[1]])
        if not np.isfinite(likelihood).any():
            raise FitError(
                "no candidate population is within the pool's reach; use a smaller shift_sd, fewer scores or a larger "
                "pool."
            )
        posterior = _weights(drawn, likelihood, prior, proposals)
        proposal = _adapted(drawn, posterior, prior)
    shift, spread = _unpacked(drawn, z.shape[1])
    kept = posterior > 1e-12
    shift, spread, posterior = shift[kept], spread[kept], posterior[kept] / posterior[kept].sum()
    mean = np.zeros(len(z))
    step = max(1, BLOCK // len(z))
    for first in range(0, len(posterior), step):
        part = slice(first, first + step)
        mean += posterior[part] @ _patient_weights(z, shift[part], spread[part])
    return Populations(
        shift, spread, posterior, summaries[kept], mean * len(z),
        float(effective_sample_size(posterior)), float(effective_sample_size(mean)),
        float(posterior @ within[kept]), float((within[:candidates] < FEWEST).mean()), z,
    )  # fmt: skip


def _drawn(proposal: Normal, prior: Normal, count: int, number: int, seed: int) -> np.ndarray:
    """Candidates of one round: from the adapted proposal, and a share from the prior."""
    z = normal(seed, "candidate populations", number, np.arange(count), draws=proposal.mean.size)
    where = np.arange(count) < DEFENCE * count
    near = proposal.mean + z @ np.linalg.cholesky(proposal.covariance).T
    return np.where(where[:, None], prior.mean + z @ np.linalg.cholesky(prior.covariance).T, near)


def _weights(drawn: np.ndarray, likelihood: np.ndarray, prior: Normal, proposals: list[Normal]) -> np.ndarray:
    """Posterior weights of all candidates so far, over the mixture of all that they were drawn from."""
    far = prior.log_density(drawn)
    parts = [np.logaddexp(math.log(DEFENCE) + far, math.log1p(-DEFENCE) + q.log_density(drawn)) for q in proposals]
    mixture = np.logaddexp.reduce(parts, axis=0) - math.log(len(parts))
    logs = likelihood + far - mixture
    w = np.exp(logs - logs[np.isfinite(logs)].max())
    return w / w.sum()


def _adapted(drawn: np.ndarray, weights: np.ndarray, prior: Normal) -> Normal:
    """The next proposal: mean and covariance of the candidates, their weights flattened until enough of them count."""
    enough = min(max(10.0 * drawn.shape[1], 0.02 * len(drawn)), float((weights > 0).sum()))
    w, power = weights, 1.0
    while float(effective_sample_size(w)) < enough and power > 1e-3:
        power *= 0.8
        w = np.where(weights > 0, weights, 1.0) ** power * (weights > 0)
        w = w / w.sum()
    mean = w @ drawn
    gap = drawn - mean
    covariance = INFLATION * (gap * w[:, None]).T @ gap + 1e-6 * prior.covariance
    return Normal(mean, covariance)


def _summaries(
    z: np.ndarray, x: np.ndarray, shift: np.ndarray, spread: np.ndarray, targets: Sequence[Target]
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Each candidate's log likelihood (−∞ out of reach) and summaries, and its effective patients."""
    means, errors, worth = [], [], []
    step = max(1, BLOCK // len(z))
    for first in range(0, len(shift), step):
        w = _patient_weights(z, shift[first : first + step], spread[first : first + step])
        mean = w @ x
        squares = w**2
        # Σ w² (x − mean)², without an array of candidates by patients by targets
        error = squares @ x**2 - 2 * mean * (squares @ x) + mean**2 * squares.sum(axis=1)[:, None]
        means.append(mean)
        errors.append(np.sqrt(np.maximum(error, 0.0)))
        worth.append(1 / squares.sum(axis=1))
    mean, error, effective = np.concatenate(means), np.concatenate(errors), np.concatenate(worth)
    likelihood = log_likelihood(targets, mean, error)
    return (np.where(effective >= FEWEST, likelihood, -np.inf), mean), effective


def _patient_weights(z: np.ndarray, shift: np.ndarray, spread: np.ndarray) -> Float[np.ndarray, "candidate n"]:
    """The ratio of a candidate's density to the pool's at each patient, adding up to 1."""
    precision = spread**-2
    logs = (0.5 * (1 - precision)) @ (z**2).T + (shift * precision) @ z.T
    w = np.exp(logs - logs.max(axis=1, keepdims=True))
    return w / w.sum(axis=1, keepdims=True)


def _unpacked(drawn: np.ndarray, scores: int) -> tuple[np.ndarray, np.ndarray]:
    """Shifts and spreads of candidates; spreads are 1 where they are left alone."""
    shift = drawn[:, :scores]
    return shift, np.exp(drawn[:, scores:]) if drawn.shape[1] > scores else np.ones_like(shift)


def _scores(scores: Any) -> np.ndarray:
    z = matrix(scores, "scores")
    mean, sd = z.mean(axis=0), z.std(axis=0)
    odd = np.flatnonzero((np.abs(mean) > 0.3) | (sd < 0.6) | (sd > 1.4))
    if odd.size:
        k = int(odd[0])
        raise FitError(
            f"column {k + 1} of the scores has mean {mean[k]:.2g} and standard deviation {sd[k]:.2g}; standard normal "
            "scores are needed, such as those of `normal_scores`."
        )
    if z.shape[1] > 1:
        together = np.abs(np.corrcoef(z.T) - np.eye(z.shape[1]))
        if together.max() > max(0.2, 6 / math.sqrt(len(z))):
            i, j = np.unravel_index(int(together.argmax()), together.shape)
            raise FitError(
                f"columns {min(i, j) + 1} and {max(i, j) + 1} of the scores are correlated ({together.max():.2f}); "
                "make them with `normal_scores(…, independent=True)`."
            )
    return z
