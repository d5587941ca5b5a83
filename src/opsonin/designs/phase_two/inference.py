"""What a finished two-stage trial says about the response rate, its early look taken into account."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from opsonin.designs.phase_two.binomial import pmf
from opsonin.errors import DesignError


@dataclass(frozen=True)
class TwoStageInference:
    """estimate: uniformly minimum variance unbiased;   p: of p0, one-sided;   lower, upper: exact limits, each on one
    side at 1 - alpha;   upper_by_p: the rate whose p is 1 - alpha, which other software gives as upper limit; it leaves
    out what was observed and so covers less than it says;   naive: responses over patients, which is biased."""

    estimate: float
    p: float
    lower: float
    upper: float
    upper_by_p: float
    naive: float
    alpha: float


def two_stage_inference(responses: int, r1: int, n1: int, n: int, p0: float, alpha: float = 0.05) -> TwoStageInference:
    """Estimate, p and limits; outcomes are ordered by the unbiased estimate.

    responses: in all; r1 or fewer mean that the trial stopped after n1 patients.
    Source: Jung & Kim (2004), Stat Med 23:881, doi:10.1002/sim.1653; Koyama & Chen (2008), Stat Med 27:3145.
    Raises: DesignError for numbers that no such trial can have.
    """
    if not (0 <= r1 < n1 < n and 0 <= responses <= n and 0 < p0 < 1 and 0 < alpha < 0.5):
        raise DesignError(
            f"a two-stage trial has 0 <= r1 < n1 < n and 0 to n responses; r1 = {r1}, n1 = {n1}, n = {n}, "
            f"{responses} responses, p0 = {p0:g}, alpha = {alpha:g} were given."
        )
    stopped = responses <= r1
    treated = n1 if stopped else n

    def at_least(p: float) -> float:
        early, end = _early(r1, n1, p), _ends(r1, n1, n, p)
        return float(early[responses:].sum() + end.sum()) if stopped else float(end[responses:].sum())

    def at_most(p: float) -> float:
        early, end = _early(r1, n1, p), _ends(r1, n1, n, p)
        return float(early[: responses + 1].sum()) if stopped else float(early.sum() + end[: responses + 1].sum())

    full, none = responses == treated, responses == 0
    return TwoStageInference(
        _unbiased(responses, r1, n1, n),
        at_least(p0),
        0.0 if none else _solve(lambda p: at_least(p) - alpha),
        1.0 if full else _solve(lambda p: alpha - at_most(p)),
        0.0 if none else _solve(lambda p: at_least(p) - 1 + alpha),
        responses / treated,
        alpha,
    )


def _early(r1: int, n1: int, p: float) -> Float[np.ndarray, " count"]:
    """P(the trial stops early with 0 … r1 responses)."""
    return pmf(n1, p)[: r1 + 1]


def _ends(r1: int, n1: int, n: int, p: float) -> Float[np.ndarray, " count"]:
    """P(the trial goes on and ends with 0 … n responses)."""
    first = pmf(n1, p)
    first[: r1 + 1] = 0.0
    return np.convolve(first, pmf(n - n1, p))


def _unbiased(responses: int, r1: int, n1: int, n: int) -> float:
    from scipy.special import binom

    if responses <= r1:
        return responses / n1
    n2 = n - n1
    first = np.arange(max(r1 + 1, responses - n2), min(n1, responses) + 1)
    second = binom(n2, responses - first)
    return float((binom(n1 - 1, first - 1) * second).sum() / (binom(n1, first) * second).sum())


def _solve(rising: object) -> float:
    from scipy.optimize import brentq

    return float(brentq(rising, 1e-12, 1 - 1e-12, xtol=1e-12))  # type: ignore[arg-type]
