"""Monitoring by predictive probability: would the trial, if it went on to the end, succeed?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from opsonin.designs.phase_two.binomial import check_rates
from opsonin.designs.phase_two.looks import Looks, rising
from opsonin.errors import DesignError


def predictive_probability(
    responses: int, patients: int, most: int, p0: float, confidence: float, prior: tuple[float, float] = (0.5, 0.5)
) -> float:
    """P(the posterior probability of a rate above p0 exceeds `confidence` after `most` patients, given what is seen).

    prior: of a beta distribution.
    Source: Lee & Liu (2008), Clin Trials 5:93, doi:10.1177/1740774508089279, equation (1).
    """
    if not 0 <= responses <= patients <= most:
        raise DesignError(
            f"{responses} responses in {patients} of {most} patients cannot be; each is at most the next."
        )
    return float(_chances(patients, most, p0, confidence, prior)[responses])


def _chances(
    patients: int, most: int, p0: float, confidence: float, prior: tuple[float, float]
) -> Float[np.ndarray, " responses"]:
    """The predictive probability for 0 … patients responses."""
    from scipy.special import betaincc, betaln, gammaln

    a, b = prior
    left = most - patients
    more, seen = np.arange(left + 1), np.arange(patients + 1)[:, None]
    ways = gammaln(left + 1) - gammaln(more + 1) - gammaln(left - more + 1)
    chance = np.exp(
        ways + betaln(a + seen + more, b + patients - seen + left - more) - betaln(a + seen, b + patients - seen)
    )
    success = betaincc(a + seen + more, b + most - seen - more, p0) > confidence
    return (chance * success).sum(axis=1)


def predictive_probability_design(
    p0: float,
    p1: float,
    most: int,
    looks: Sequence[int],
    alpha: float = 0.05,
    beta: float = 0.1,
    *,
    prior: tuple[float, float] = (0.5, 0.5),
    grid: int = 40,
) -> tuple[Looks, float, float]:
    """A design that stops for futility where the predictive probability is below θ_L, with the final threshold θ_T.

    looks: numbers of patients at interim looks.   The pair (θ_L, θ_T) of highest power among those that keep the error
    probabilities at `most` patients; returns (the looks' bounds, θ_L, θ_T).
    Source: Lee & Liu (2008), section 3.
    Raises: DesignError where looks do not rise, or no pair keeps them: more patients are needed.
    """
    check_rates(p0, p1, alpha, beta)
    points = np.array([*(n for n in rising(looks) if n < most), most], dtype=np.int64)
    best: tuple[float, Looks, float, float] | None = None
    for final in np.linspace(0.80, 0.995, grid):
        chances = [_chances(int(n), most, p0, float(final), prior) for n in points]
        for futility in np.concatenate([[0.0], np.geomspace(0.001, 0.4, grid)]):
            bounds = np.array([int((chance < max(futility, 1e-12)).sum()) - 1 for chance in chances])
            bounds[-1] = int((chances[-1] < 0.5).sum()) - 1
            if bounds[-1] >= most:
                continue
            design = Looks(points, np.minimum(bounds, points - 1))
            if design.at(p0).go > alpha:
                continue
            power = design.at(p1).go
            if power >= 1 - beta and (best is None or power > best[0] + 1e-12):
                best = power, design, float(futility), float(final)
    if best is None:
        raise DesignError(f"no thresholds keep alpha {alpha:g} and beta {beta:g} with {most} patients; allow more.")
    return best[1:]
