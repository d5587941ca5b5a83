"""Degrees of freedom of fixed effects in small samples: Satterthwaite, and Kenward and Roger.

Both see the variance as Var(y) = Σ γ_r V_r, linear in the covariances of the random effects and residual variances.
Sources: Satterthwaite (1946), Biometrics Bull 2:110; Fai & Cornelius (1996), J Stat Comput Simul 54:363; Kenward &
Roger (1997), Biometrics 53:983; Halekoh & Højsgaard (2014), J Stat Softw 59:9, section 3 (in the notation used here).
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from opsonin.analysis.mixed.blocks import Blocks

SMALL = 1e-10


class Spread:
    """What is known of the fixed effects' covariance Φ at a set of variances γ, on the blocks' scale.

    beta, phi: the fixed effects there and Φ, (fixed,) and (fixed, fixed).   deviance: −2 log (restricted) likelihood.
    weighed: Z'V⁻¹(y − Xβ) of each subject, (subject, random).

    γ are the free covariances of the random effects, then the residual variance of each group but those `held`. A
    random effect whose variance is zero is taken as absent: at that boundary the estimate does not move. What follows
    from the derivatives is worked out when it is asked for: a search asks most points for their deviance alone.
    """

    def __init__(
        self,
        data: Blocks,
        covariance: Float[np.ndarray, "random random"],
        noise: Float[np.ndarray, " row"],
        group: Int[np.ndarray, " row"],
        reml: bool,
        held: tuple[int, ...] = (),
    ):
        x, p = data.x, data.x.shape[1]
        sets, inverses = data.by_size(), []
        information, right, determinant = np.zeros((p, p)), np.zeros(p), 0.0
        for rows in sets:
            variance = data.z[rows] @ covariance @ data.z[rows].transpose(0, 2, 1)
            variance[:, np.arange(rows.shape[1]), np.arange(rows.shape[1])] += noise[rows]
            inverse = np.linalg.inv(variance)
            weighed_x = inverse @ x[rows]
            inverses.append((rows, inverse, weighed_x))
            information += np.einsum("sri,srj->ij", x[rows], weighed_x)
            right += np.einsum("sri,sr->i", weighed_x, data.y[rows])
            determinant += float(np.linalg.slogdet(variance)[1].sum())
        phi = np.linalg.inv(information)
        self.phi = (phi + phi.T) / 2
        self.beta = self.phi @ right
        residual = data.y - x @ self.beta
        squared, self.weighed = 0.0, np.zeros((len(data.subjects), data.z.shape[1]))
        self._sets = []
        for rows, inverse, weighed_x in inverses:
            weighed_r = (inverse @ residual[rows][:, :, None])[:, :, 0]
            squared += float((residual[rows] * weighed_r).sum())
            self.weighed[np.searchsorted(data.start, rows[:, 0])] = np.einsum("sri,sr->si", data.z[rows], weighed_r)
            self._sets.append((rows, inverse, weighed_x, weighed_r))
        self.deviance = determinant + squared + (data.n - p if reml else data.n) * math.log(2 * math.pi)
        if reml:
            self.deviance += float(np.linalg.slogdet(information)[1])
        self._data, self._covariance, self._group, self._reml, self._held = data, covariance, group, reml, held

    @cached_property
    def slopes(self) -> Float[np.ndarray, "parameter fixed fixed"]:
        """dΦ/dγ: V⁻¹ falls by V⁻¹V_rV⁻¹, so that Φ rises."""
        return np.einsum("ij,rjk,kl->ril", self.phi, self._sums.first, self.phi)

    @cached_property
    def observed(self) -> Float[np.ndarray, "parameter parameter"]:
        """The inverse of the log likelihood's observed information of γ."""
        sums = self._sums
        quadratic = sums.squares - sums.pulls @ self.phi @ sums.pulls.T  # y'P V_r P V_s P y
        return _inverse(quadratic - (self._projected if self._reml else sums.traces) / 2)

    @cached_property
    def expected(self) -> Float[np.ndarray, "parameter parameter"] | None:
        """The inverse of the expected information (None by ML)."""
        return _inverse(self._projected / 2) if self._reml else None

    @cached_property
    def score(self) -> Float[np.ndarray, " parameter"]:
        """The derivative of the log likelihood."""
        trace = self._sums.trace
        if self._reml:
            trace = trace - np.einsum("ij,rji->r", self.phi, self._sums.first)  # tr P V_r
        return (self._sums.pull - trace) / 2

    @cached_property
    def adjusted(self) -> Float[np.ndarray, "fixed fixed"] | None:
        """Kenward and Roger's covariance of the fixed effects (None by ML)."""
        if self.expected is None:
            return None
        phi, first = self.phi, self._sums.first
        between = self._sums.second - np.einsum("rij,jk,skl->rsil", first, phi, first)
        spare = np.einsum("rs,rsij->ij", self.expected, between)
        return phi + 2 * phi @ ((spare + spare.T) / 2) @ phi

    @cached_property
    def _projected(self) -> np.ndarray:
        """tr P V_r P V_s."""
        first = self._sums.first
        crossed = np.einsum("rij,sji->rs", first @ self.phi, first @ self.phi)
        doubled = np.einsum("ij,rsji->rs", self.phi, self._sums.second)
        return self._sums.traces - 2 * doubled + crossed

    @cached_property
    def _sums(self) -> _Sums:
        data, group, p = self._data, self._group, self.phi.shape[0]
        parts = _parts(self._covariance)
        groups = [g for g in range(int(group.max()) + 1) if g not in self._held]
        count = len(parts) + len(groups)
        made = _Sums(
            *(np.zeros((count, *shape)) for shape in ((p, p), (count, p, p), (count,), (), (p,), (), (count,)))
        )
        for rows, inverse, weighed_x, weighed_r in self._sets:
            zi, size = data.z[rows], rows.shape[1]
            matrices = np.array(
                [zi @ part @ zi.transpose(0, 2, 1) for part in parts]
                + [np.eye(size) * (group[rows] == g)[:, :, None] for g in groups]
            )  # V_r of each subject: (parameter, subject, row, row)
            moved_x = matrices @ weighed_x  # V_r V⁻¹X
            moved_r = (matrices @ weighed_r[:, :, None])[..., 0]
            ratio = inverse @ matrices
            wide = weighed_x.reshape(-1, p)
            long = moved_x.reshape(count, -1, p)
            made.first[:] += wide.T @ long
            tall = long.transpose(1, 0, 2).reshape(-1, count * p)
            back = (inverse @ moved_x).reshape(count, -1, p).transpose(1, 0, 2).reshape(-1, count * p)
            made.second[:] += (tall.T @ back).reshape(count, p, count, p).transpose(0, 2, 1, 3)
            made.pulls[:] += moved_r.reshape(count, -1) @ wide
            made.pull[:] += moved_r.reshape(count, -1) @ weighed_r.ravel()
            made.trace[:] += np.einsum("rsii->r", ratio)
            made.traces[:] += ratio.reshape(count, -1) @ ratio.swapaxes(-1, -2).reshape(count, -1).T
            made.squares[:] += moved_r.reshape(count, -1) @ (inverse @ moved_r[..., None]).reshape(count, -1).T
        return made

    def covariance(self, method: str) -> np.ndarray:
        """The covariance of the fixed effects that a method tests with."""
        return self.adjusted if method == "kenward-roger" and self.adjusted is not None else self.phi


class _Sums(NamedTuple):
    """Over all subjects, with u_r = V_r V⁻¹r and r = y − Xβ."""

    first: np.ndarray  # X'V⁻¹ V_r V⁻¹X, (parameter, fixed, fixed)
    second: np.ndarray  # X'V⁻¹ V_r V⁻¹ V_s V⁻¹X, (parameter, parameter, fixed, fixed)
    traces: np.ndarray  # tr V⁻¹V_r V⁻¹V_s
    trace: np.ndarray  # tr V⁻¹V_r
    pulls: np.ndarray  # X'V⁻¹ u_r
    pull: np.ndarray  # r'V⁻¹u_r
    squares: np.ndarray  # u_r'V⁻¹u_s


def satterthwaite(found: Spread, contrast: Float[np.ndarray, " fixed"]) -> float:
    """Degrees of freedom of one contrast: 2 v² / Var(v) with v its variance, by the delta method."""
    variance = float(contrast @ found.phi @ contrast)
    gradient = found.slopes @ contrast @ contrast
    spread_of_it = float(gradient @ found.observed @ gradient)
    return 2 * variance**2 / spread_of_it if spread_of_it > 0 else float("inf")


def satterthwaite_of_several(found: Spread, contrasts: Float[np.ndarray, "contrast fixed"]) -> float:
    """Denominator degrees of freedom of an F test, from those of its independent contrasts (Fai & Cornelius 1996)."""
    values, directions = np.linalg.eigh(contrasts @ found.phi @ contrasts.T)
    kept = values > SMALL * values.max()
    each = np.array([satterthwaite(found, direction @ contrasts) for direction in directions.T[kept]])
    if each.size == 1:
        return float(each[0])
    if np.ptp(each) < 1e-8 * each.max():
        return float(each.mean())
    if (each <= 2).any():
        return 2.0
    total = float((each / (each - 2)).sum())
    return 2 * total / (total - each.size)


def kenward_roger(found: Spread, contrasts: Float[np.ndarray, "contrast fixed"]) -> tuple[float, float]:
    """Denominator degrees of freedom of an F test with Kenward and Roger's covariance, and the factor of F."""
    assert found.expected is not None
    count = contrasts.shape[0]
    middle = contrasts.T @ np.linalg.solve(contrasts @ found.phi @ contrasts.T, contrasts)
    moved = middle @ found.slopes  # Θ Φ P_r Φ
    one = np.einsum("rii->r", moved)
    a1 = float(one @ found.expected @ one)
    a2 = float(np.einsum("rs,rij,sji->", found.expected, moved, moved))
    if a2 <= 0:
        return float("inf"), 1.0
    b = (a1 + 6 * a2) / (2 * count)
    g = ((count + 1) * a1 - (count + 4) * a2) / ((count + 2) * a2)
    c = 3 * count + 2 * (1 - g)
    c1, c2, c3 = g / c, (count - g) / c, (count + 2 - g) / c
    expectation = 1 / (1 - a2 / count) if a2 != count else float("inf")
    if count == 1:  # the general form, reduced: it is 0/0 where the degrees of freedom are two or fewer
        return 2 / a2, 1.0
    variance = 2 / count * (1 + c1 * b) / ((1 - c2 * b) ** 2 * (1 - c3 * b))
    rho = variance / (2 * expectation**2)
    degrees = 4 + (count + 2) / (count * rho - 1)
    return degrees, degrees / (expectation * (degrees - 2))


def _parts(covariance: np.ndarray) -> list[np.ndarray]:
    """The derivatives of the random effects' covariance; none for an effect without variance."""
    size = covariance.shape[0]
    there = np.diag(covariance) > 0
    whole = size == 1 or float(np.linalg.det(covariance)) > SMALL * float(np.prod(np.diag(covariance)))
    made = []
    for i in range(size):
        for j in range(i, size):
            if not (there[i] and there[j]):
                continue
            part = np.zeros((size, size))
            part[i, j] = part[j, i] = 1.0
            made.append(part)
    if there.all() and not whole:  # a correlation of ±1, G = vv': v moves, and nothing beside it
        direction = np.sqrt(np.diag(covariance)) * np.where(covariance[0] < 0, -1.0, 1.0)
        return [np.outer(e, direction) + np.outer(direction, e) for e in np.eye(size)]
    return made


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """The inverse; along directions in which nothing is known, zero."""
    scale = np.sqrt(np.maximum(np.abs(np.diag(matrix)), 1e-300))
    values, directions = np.linalg.eigh(matrix / np.outer(scale, scale))
    kept = values > SMALL * max(float(values.max()), 1e-300)
    inverse = (directions[:, kept] / values[kept]) @ directions[:, kept].T
    return inverse / np.outer(scale, scale)
