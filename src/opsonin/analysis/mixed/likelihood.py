"""The likelihood of a linear mixed model, the fixed effects and the residual variance profiled out.

Var(y) = σ² H, H = I + Z G Z' with G = Λ Λ' per subject, Λ lower triangular. Source: Bates, Mächler, Bolker & Walker
(2015), J Stat Softw 67:1, sections 3.4–3.6 (profiled deviance and REML criterion); the inverse and determinant of H by
Woodbury's identity; the gradient by d log|H| = tr(H⁻¹ dH).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from opsonin.analysis.mixed.blocks import Blocks


class Point(NamedTuple):
    """The criterion at one Λ.   deviance: −2 log (restricted) likelihood.   gradient: with respect to Λ, (q, q).

    beta: fixed effects.   unscaled: (X'H⁻¹X)⁻¹.   sigma2: residual variance.   All on the blocks' scale.
    """

    deviance: float
    gradient: Float[np.ndarray, "random random"]
    beta: Float[np.ndarray, " fixed"]
    unscaled: Float[np.ndarray, "fixed fixed"]
    sigma2: float


class Likelihood:
    """The cross-products of a data set, from which the criterion is evaluated."""

    def __init__(self, data: Blocks, reml: bool):
        self.reml, self.n, self.fixed, self.random = reml, data.n, data.x.shape[1], data.z.shape[1]
        y = data.y[:, None]
        self.zz, self.zx = data.summed(data.z, data.z), data.summed(data.z, data.x)
        self.zy = data.summed(data.z, y)[:, :, 0]
        self.xx, self.xy, self.yy = data.x.T @ data.x, data.x.T @ data.y, float(data.y @ data.y)
        self.degrees = self.n - self.fixed if reml else self.n
        # the least-squares residual, off which all later sums of squares are taken: no digits cancel
        self.centre = np.linalg.lstsq(data.x, data.y, rcond=None)[0]
        residual = data.y - data.x @ self.centre
        self.zr = data.summed(data.z, residual[:, None])[:, :, 0]
        self.xr, self.rr = data.x.T @ residual, float(residual @ residual)

    def at(self, factor: Float[np.ndarray, "random random"]) -> Point:
        """The criterion for G = factor factor'."""
        inner = np.eye(self.random) + factor.T @ self.zz @ factor
        determinant = float(np.linalg.slogdet(inner)[1].sum())
        shrink = factor @ np.linalg.solve(inner, np.broadcast_to(factor.T, inner.shape))  # H⁻¹ = I − Z shrink Z'
        shrunk_x, shrunk_r = shrink @ self.zx, np.einsum("sij,sj->si", shrink, self.zr)
        information = self.xx - np.einsum("sri,srj->ij", self.zx, shrunk_x)
        score = self.xr - np.einsum("sri,sr->i", self.zx, shrunk_r)
        unscaled = np.linalg.inv(information)
        unscaled = (unscaled + unscaled.T) / 2
        step = unscaled @ score
        squares = max(self.rr - float((self.zr * shrunk_r).sum()) - float(score @ step), 1e-300)
        sigma2 = squares / self.degrees
        deviance = determinant + self.degrees * (1 + math.log(2 * math.pi * sigma2))
        if self.reml:
            deviance += float(np.linalg.slogdet(information)[1])
        # Z'H⁻¹Z, Z'H⁻¹X and Z'H⁻¹(y − Xβ) of each subject
        weighed_z = self.zz - self.zz @ shrink @ self.zz
        weighed_x = self.zx - self.zz @ shrunk_x
        weighed_r = self.zr - np.einsum("sij,sj->si", self.zz, shrunk_r) - weighed_x @ step
        slope = weighed_z.sum(axis=0) - np.einsum("si,sj->ij", weighed_r, weighed_r) / sigma2
        if self.reml:
            slope = slope - np.einsum("sri,ij,stj->rt", weighed_x, unscaled, weighed_x)
        return Point(deviance, 2 * slope @ factor, self.centre + step, unscaled, sigma2)

    def deviances(self, thetas: Float[np.ndarray, " point"]) -> Float[np.ndarray, " point"]:
        """The criterion of a single random effect for many values of its Λ at once, as `at` has it one by one."""
        variance, size, right = thetas[:, None] ** 2, self.zz[:, 0, 0], self.zr[:, 0]
        inner = 1 + variance * size
        shrink = variance / inner  # (point, subject)
        across = self.zx[:, 0, :]
        information = self.xx - np.einsum("ts,si,sj->tij", shrink, across, across)
        score = self.xr - (shrink * right) @ across
        step = np.linalg.solve(information, score[:, :, None])[:, :, 0]
        squares = np.maximum(self.rr - shrink @ right**2 - (score * step).sum(axis=1), 1e-300)
        deviance = np.log(inner).sum(axis=1) + self.degrees * (1 + np.log(2 * math.pi * squares / self.degrees))
        return deviance + np.linalg.slogdet(information)[1] if self.reml else deviance
