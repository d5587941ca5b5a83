"""The posterior of EffTox's six-parameter model by quadrature, the same numbers every time, of many trials at once.

Toxicity (two parameters) and efficacy (three) are integrated on grids over their normal priors, in steps of which the
trapezoidal rule is exact but for rounding; what their association changes, which is little, is added from pairs of
points that stand for equal parts of the two posteriors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from opsonin.designs.evidence import Evidence
from opsonin.errors import DesignError

STEP, SLOPE_STEP = 0.5, 0.7  # of the logit, up to so many patients; half of it for four times as many
FEW = 20
REACH = 5.0  # prior standard deviations
LEAST = -80.0  # the logarithm of a weight taken for nothing
REPRESENTATIVES = 48  # points that stand for a posterior where the association is averaged
TOGETHER = 64  # states worked out at once: memory


class Prior(NamedTuple):
    """Normal priors (mean, standard deviation), x the logarithm of the dose less the mean of the doses' logarithms.

    logit P(toxicity) = tox_0 + tox_1 x;   logit P(response) = eff_0 + eff_1 x + eff_2 x²;   association: ψ, by which
    P(response and toxicity) exceeds the product by P(1 - P)Q(1 - Q) tanh(ψ / 2).
    """

    tox_0: tuple[float, float]
    tox_1: tuple[float, float]
    eff_0: tuple[float, float]
    eff_1: tuple[float, float]
    eff_2: tuple[float, float]
    association: tuple[float, float]


class Curves(NamedTuple):
    """Posterior means and chances at each dose; tables (trial, dose)."""

    toxicity: Float[np.ndarray, "trial dose"]
    efficacy: Float[np.ndarray, "trial dose"]
    tolerable: Float[np.ndarray, "trial dose"]
    effective: Float[np.ndarray, "trial dose"]


class _Grid:
    """One of the two regressions on a grid over its prior.

    chance: the event's probability at each node and dose;   over: how much of a node's cell lies above the limit, such
    that sums over nodes are exact for smooth densities (the indefinite integral of their sinc series: Stenger 1993,
    Numerical Methods Based on Sinc and Analytic Functions, section 4.5).
    """

    def __init__(self, x: np.ndarray, prior: tuple[tuple[float, float], ...], limit: float, finer: float):
        from scipy.special import sici

        mean, spread = np.array([m for m, _ in prior]), np.array([s for _, s in prior])
        steps = np.minimum(0.5, [STEP / spread[0], SLOPE_STEP / (spread[1] * max(np.abs(x).max(), 0.1))]) / finer
        axes = [step * np.arange(-np.ceil(REACH / step), np.ceil(REACH / step) + 1) for step in steps]
        z = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
        z = z[(z * z).sum(axis=1) <= REACH**2]
        weight = -0.5 * (z * z).sum(axis=1)
        logit = (mean[0] + spread[0] * z[:, :1]) + (mean[1] + spread[1] * z[:, 1:]) * x
        if len(prior) == 3:  # the curvature hardly moves from its prior: three points
            nodes, weights = np.polynomial.hermite_e.hermegauss(3)
            bends = (mean[2] + spread[2] * nodes)[:, None, None] * x**2
            logit = (logit + bends).reshape(-1, len(x))
            weight = (np.log(weights)[:, None] + weight).ravel()
        self.weight = weight
        self.chance = 1.0 / (1.0 + np.exp(-logit))
        self.logs = np.concatenate([-np.logaddexp(0, -logit), -np.logaddexp(0, logit)], axis=1).T
        cells = (logit - np.log(limit / (1 - limit))) / (steps[0] * spread[0])
        self.over = 0.5 + sici(np.pi * cells)[0] / np.pi

    def posterior(
        self, events: Int[np.ndarray, "trial dose"], patients: Int[np.ndarray, "trial dose"]
    ) -> Float[np.ndarray, "trial node"]:
        """The weight of each node."""
        log = np.concatenate([events, patients - events], axis=1).astype(float) @ self.logs
        log += self.weight
        log -= log.max(axis=1, keepdims=True)
        np.maximum(log, LEAST, out=log)  # numbers below the smallest normal ones are slow
        np.exp(log, out=log)
        log /= log.sum(axis=1, keepdims=True)
        return log

    @staticmethod
    def representatives(weight: Float[np.ndarray, "trial node"]) -> Int[np.ndarray, "trial point"]:
        """Nodes that stand for equal parts of each posterior, in the order of the grid."""
        places = (np.arange(REPRESENTATIVES) + 0.5) / REPRESENTATIVES
        total = np.cumsum(weight, axis=1)
        found = [np.searchsorted(row, places) for row in total]
        return np.minimum(np.array(found), weight.shape[1] - 1)


class EffToxPosterior:
    """The posterior at given doses.

    x: the logarithm of each dose less their mean.   toxicity, efficacy: the limits that chances are asked of.
    """

    def __init__(self, x: Float[np.ndarray, " dose"], prior: Prior, toxicity: float, efficacy: float):
        self.x, self.prior, self.limits = x, prior, (toxicity, efficacy)
        self._kept: dict[int, tuple[_Grid, _Grid]] = {}

    def _grids(self, fineness: int) -> tuple[_Grid, _Grid]:
        """The grids for up to FEW · 2^fineness patients: posteriors are narrower the more there are."""
        if fineness not in self._kept:
            toxic = (self.prior.tox_0, self.prior.tox_1)
            good = (self.prior.eff_0, self.prior.eff_1, self.prior.eff_2)
            finer = 2.0 ** (fineness / 2)
            self._kept[fineness] = (
                _Grid(self.x, toxic, self.limits[0], finer),
                _Grid(self.x, good, self.limits[1], finer),
            )
        return self._kept[fineness]

    def curves(self, seen: Evidence) -> Curves:
        """The posterior of each trial.

        Raises: DesignError where responses are not known.
        """
        if seen.efficacy is None or seen.both is None:
            raise DesignError("EffTox needs each patient's response; write outcomes as '1NTEB'.")
        doses = len(self.x)
        states = np.concatenate([seen.patients, seen.dlt, seen.efficacy, seen.both], axis=1)
        distinct, back = np.unique(states, axis=0, return_inverse=True)
        total = distinct[:, :doses].sum(axis=1)
        fineness = np.ceil(np.log2(np.maximum(total, FEW) / FEW)).astype(int)
        made = np.zeros((4, len(distinct), doses))
        for fine in np.unique(fineness).tolist():
            rows = np.flatnonzero(fineness == fine)
            for k in range(0, len(rows), TOGETHER):
                here = rows[k : k + TOGETHER]
                made[:, here] = self._curves(distinct[here], doses, self._grids(fine))
        return Curves(*made[:, back.reshape(-1)])

    def _curves(self, states: Int[np.ndarray, "state number"], doses: int, grids: tuple[_Grid, _Grid]) -> np.ndarray:
        patients, dlt, efficacy, both = (states[:, k * doses : (k + 1) * doses] for k in range(4))
        toxic, good = grids
        weights = toxic.posterior(dlt, patients), good.posterior(efficacy, patients)
        found = [
            np.stack([weight @ grid.chance, weight @ grid.over]) for weight, grid in zip(weights, grids, strict=True)
        ]
        if self.prior.association != (0.0, 0.0):
            points = [grid.representatives(weight) for grid, weight in zip(grids, weights, strict=True)]
            ratio = self._association(
                np.stack([patients - dlt - efficacy + both, dlt - both, efficacy - both, both]),
                toxic.chance[points[0]],
                good.chance[points[1]],
            )
            for k, (grid, point) in enumerate(zip(grids, points, strict=True)):
                share = ratio.mean(axis=2 - k)  # over the points of the other one
                excess = (share / share.mean(axis=1, keepdims=True) - 1.0)[..., None]
                found[k] = found[k] + np.stack(
                    [(excess * table[point]).mean(axis=1) for table in (grid.chance, grid.over)]
                )
        (rate, over), (response, above) = found
        return np.clip(np.round([rate, response, 1.0 - over, above], 10), 0.0, 1.0)

    def _association(
        self,
        cells: Int[np.ndarray, "outcome state dose"],
        toxicity: Float[np.ndarray, "state point dose"],
        efficacy: Float[np.ndarray, "state other dose"],
    ) -> Float[np.ndarray, "state point other"]:
        """The likelihood over that without association, averaged over the prior of ψ.

        cells: numbers with neither, toxicity alone, response alone, and both.
        """
        mean, spread = self.prior.association
        nodes, weights = np.polynomial.hermite_e.hermegauss(3)
        total = 0.0
        for node, weight in zip(nodes, weights / weights.sum(), strict=True):
            strength = np.tanh((mean + spread * node) / 2)
            log = np.zeros((*toxicity.shape[:2], efficacy.shape[1]))
            for outcome, dose in zip(*np.nonzero(cells.any(axis=1)), strict=True):
                sign = 1.0 if outcome in (0, 3) else -1.0
                other = 1.0 - toxicity[..., dose] if outcome in (1, 3) else toxicity[..., dose]
                reverse = 1.0 - efficacy[..., dose] if outcome in (2, 3) else efficacy[..., dose]
                part = np.log1p(sign * strength * other[:, :, None] * reverse[:, None, :])
                log += cells[outcome, :, dose][:, None, None] * part
            total = total + weight * np.exp(log)
        return np.asarray(total)
