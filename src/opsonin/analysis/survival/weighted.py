"""Weighted log-rank tests and their maximum, for curves that part late, early or cross.

The G(ρ,γ) family weights the events by S(t−)^ρ (1 − S(t−))^γ, S being the pooled Kaplan–Meier curve of the stratum:
(0, 0) is the log-rank test, (0, 1) looks at late, (1, 0) at early, (1, 1) at middle differences. The max-combo test
takes the largest of several and pays for the choice with their joint distribution.
Source: Harrington & Fleming (1982), Biometrika 69:553; Fleming & Harrington (1991), Counting Processes and Survival
Analysis, ch. 7; Tarone (1981), Biometrics 37:79, for the maximum of correlated rank tests; Karrison (2016), Stata J
16:678.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.analysis.statistics import two_sided_p
from opsonin.analysis.survival.data import checked, group_codes, strata_codes
from opsonin.analysis.survival.logrank import curve_before, weight
from opsonin.errors import AnalysisError

WEIGHTS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
FLAT = 1e-10  # eigenvalues of the correlation below this, of the largest, are 0: such weights depend on the others


@dataclass(frozen=True)
class MaxCombo:
    """The largest of several weighted log-rank tests of two groups.

    statistic: the largest |z|.  z, p: of each test, z > 0 where the second group has more events than expected.
    correlation: of the z if the curves are the same.  p_joint: that the largest of them is this large by chance alone.
    """

    groups: list[str]
    weights: Float[np.ndarray, "test 2"]
    z: Float[np.ndarray, " test"]
    p: Float[np.ndarray, " test"]
    correlation: Float[np.ndarray, "test test"]
    statistic: float
    p_joint: float
    n: int
    events: int

    @property
    def strongest(self) -> tuple[float, float]:
        """ρ and γ of the test with the largest |z|."""
        rho, gamma = self.weights[int(np.argmax(np.abs(self.z)))]
        return float(rho), float(gamma)

    def to_frame(self) -> pd.DataFrame:
        """One row a test: rho, gamma, z, p (of this test alone)."""
        return pd.DataFrame({"rho": self.weights[:, 0], "gamma": self.weights[:, 1], "z": self.z, "p": self.p})


def max_combo(time: Any, event: Any, group: Any, *, weights: Any = WEIGHTS, strata: Any = None) -> MaxCombo:
    """Compare two groups (in sorted order) by the strongest of several G(ρ,γ) tests.   weights: pairs (ρ, γ).

    Raises: AnalysisError where there are not two groups, or one of the tests has no variance.
    """
    t, d, _ = checked(time, event)
    names, code = group_codes(group, t.size)
    if len(names) != 2:
        raise AnalysisError(f"a max-combo test compares two groups; there are {len(names)}: {', '.join(names[:6])}.")
    pairs = np.atleast_2d(np.asarray(weights, dtype=float))
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not (np.isfinite(pairs).all() and (pairs >= 0).all()):
        raise AnalysisError("the weights of a max-combo test are pairs (ρ, γ) of numbers from 0, such as (0, 1).")
    score, covariance = np.zeros(len(pairs)), np.zeros((len(pairs), len(pairs)))
    stratum = strata_codes(strata, t.size)
    for s in np.unique(stratum):
        here = stratum == s
        u, v = _one_stratum(t[here], d[here], code[here] == 1, pairs)
        score, covariance = score + u, covariance + v
    variance = np.diag(covariance)
    if not (variance > 0).all():
        rho, gamma = pairs[int(np.argmin(variance))]
        raise AnalysisError(
            f"the test with ρ = {rho:g} and γ = {gamma:g} has no variance: no event it weights falls while both "
            f"{names[0]} and {names[1]} are at risk."
        )
    z = score / np.sqrt(variance)
    correlation = covariance / np.sqrt(np.outer(variance, variance))
    largest = float(np.abs(z).max())
    alone = np.array([two_sided_p(float(one)) for one in z])
    joint = chance_of_maximum(largest, correlation)
    return MaxCombo(names, pairs, z, alone, correlation, largest, joint, int(t.size), int(d.sum()))


def _one_stratum(t: np.ndarray, d: np.ndarray, second: np.ndarray, pairs: np.ndarray):
    """Observed less expected events of the second group under each weighting, and their covariance."""
    times = np.unique(t[d])
    risk = (t.size - np.searchsorted(np.sort(t), times)).astype(float)
    own_risk = (np.count_nonzero(second) - np.searchsorted(np.sort(t[second]), times)).astype(float)
    deaths = np.bincount(np.searchsorted(times, t[d]), minlength=times.size).astype(float)
    own = np.bincount(np.searchsorted(times, t[d & second]), minlength=times.size).astype(float)
    before = curve_before(deaths, risk)
    w = np.stack([weight(before, rho, gamma) for rho, gamma in pairs])
    share = own_risk / risk
    spread = deaths * share * (1 - share) * np.where(risk > 1, risk - deaths, 0.0) / np.maximum(risk - 1, 1.0)
    return w @ (own - deaths * share), (w * spread) @ w.T


def chance_of_maximum(largest: float, correlation: Float[np.ndarray, "test test"]) -> float:
    """The chance that the largest |z| of standard normals with this correlation is at least `largest`.

    With z = L u, u standard normal of dimension r = rank: max|z| is the length of u times h(direction), where h is the
    largest |projection| of a direction on the rows of L. The length is chi distributed and independent of the
    direction, so that the chance is the mean over directions of P(χ_r ≥ largest / h): exact for r = 1, a quadrature
    over the circle and the sphere for r = 2 and 3 (relative error below 1e-4), 2¹⁷ lattice points above (about 0.1 %).
    """
    from scipy.special import gammaincc

    values, vectors = np.linalg.eigh(correlation)
    kept = values > FLAT * values[-1]
    root = vectors[:, kept] * np.sqrt(values[kept])
    rank = int(kept.sum())
    if largest <= 0:
        return 1.0
    direction, share = _directions(rank)
    # einsum and sum instead of @: thousands of short rows are not worth waking the threads of a matrix library
    furthest = np.abs(np.einsum("dr,tr->dt", direction, root)).max(axis=1)
    tail = gammaincc(rank / 2, (largest / np.maximum(furthest, 1e-300)) ** 2 / 2)
    return float(min(1.0, (share * tail).sum()))


@cache
def _directions(rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Directions in `rank` dimensions and their weights, which sum to 1; one of each opposite pair is enough."""
    if rank == 1:
        return np.ones((1, 1)), np.ones(1)
    if rank == 2:
        angle = (np.arange(4000) + 0.5) * math.pi / 4000
        return np.stack([np.cos(angle), np.sin(angle)], axis=1), np.full(4000, 1 / 4000)
    if rank == 3:
        nodes, weights = np.polynomial.legendre.leggauss(120)
        height, share = (nodes + 1) / 2, weights / 2  # the upper half of the sphere: area is uniform in height
        angle = (np.arange(240) + 0.5) * 2 * math.pi / 240
        ring = np.sqrt(1 - height**2)
        x, y = ring[:, None] * np.cos(angle), ring[:, None] * np.sin(angle)
        z = np.broadcast_to(height[:, None], x.shape)
        return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1), np.repeat(share / 240, 240)
    from scipy.special import ndtri

    # Richtmyer's lattice: multiples of the roots of primes fill the unit cube evenly, and always in the same way
    primes = [p for p in range(2, 200) if all(p % q for q in range(2, p))][:rank]
    points = np.outer(np.arange(1, 2**17 + 1), np.sqrt(primes)) % 1.0
    normal = ndtri(np.clip(points, 1e-12, 1 - 1e-12))
    return normal / np.sqrt((normal**2).sum(axis=1, keepdims=True)), np.full(len(points), 1 / len(points))
