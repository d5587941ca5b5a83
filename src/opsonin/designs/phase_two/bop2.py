"""BOP2: Bayesian monitoring whose boundary is tuned so that error probabilities hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from opsonin.designs.phase_two.binomial import check_rates
from opsonin.designs.phase_two.looks import Looks, rising
from opsonin.errors import DesignError


@dataclass(frozen=True, eq=False)
class Bop2:
    """Stop at n patients where P(rate > p0 | data) < λ (n / most) ^ γ.   looks: the bounds that come of it."""

    looks: Looks
    scale: float
    power_of_n: float
    type1: float
    power: float


def bop2(
    p0: float,
    p1: float,
    looks: Sequence[int],
    alpha: float = 0.10,
    *,
    prior_rate: float | None = None,
    grid: tuple[int, int] = (50, 21),
) -> Bop2:
    """The BOP2 design of one binary endpoint: of the pairs (λ, γ) that keep alpha the one of highest power.

    looks: numbers of patients at every look, the last one the trial's.   prior: Beta(prior_rate, 1 - prior_rate), the
    weight of one patient, at p0 where not given.   grid: values of λ in (0, 1) and of γ in [0, 1] tried.
    Source: Zhou, Lee & Yuan (2017), Stat Med 36:3302, doi:10.1002/sim.7338.
    Raises: DesignError where looks do not rise, or nothing on the grid keeps alpha.
    """
    from scipy.special import betaincc

    check_rates(p0, p1, alpha, 0.5)
    points = rising(looks)
    if not len(points):
        raise DesignError("a BOP2 design needs a look; give numbers of patients that rise, such as [10, 20, 30].")
    rate = p0 if prior_rate is None else prior_rate
    belief = [betaincc(rate + np.arange(n + 1), 1 - rate + n - np.arange(n + 1), p0) for n in points.tolist()]
    best: Bop2 | None = None
    for scale in np.linspace(0.0, 1.0, grid[0] + 1)[1:-1]:
        for gamma in np.linspace(0.0, 1.0, grid[1]):
            wanted = scale * (points / points[-1]) ** gamma
            futile = np.array([int((chance < least).sum()) - 1 for chance, least in zip(belief, wanted, strict=True)])
            if np.any(futile >= points):
                continue
            design = Looks(points, futile)
            error = design.at(p0).go
            power = design.at(p1).go if error <= alpha else -1.0
            if power > (best.power if best else 0.0) + 1e-12:
                best = Bop2(design, float(scale), float(gamma), error, power)
    if best is None:
        raise DesignError(f"no boundary keeps a type I error of {alpha:g} with {points[-1]} patients; allow more.")
    return best
