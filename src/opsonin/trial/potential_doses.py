"""What a pool's virtual patients would show at every dose level, as designs are simulated on: potential outcomes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from opsonin.designs import PotentialDoses
from opsonin.errors import StudyError


class DosesOfPool(NamedTuple):
    """truth: the patients who can be judged at every level.   rows: which of the pool those are.   left_out: the share
    who cannot, as they leave or die within the DLT window at some level; others take their place in a trial.
    dlt, dlt_se: probability of a DLT at each level, and its Monte Carlo standard error for the size of the pool.
    apart, apart_se: how much it rises from each level to the next, on the same patients, with the standard error.
    """

    truth: PotentialDoses
    rows: Int[np.ndarray, " patient"]
    left_out: float
    dlt: Float[np.ndarray, " dose"]
    dlt_se: Float[np.ndarray, " dose"]
    apart: Float[np.ndarray, " step"]
    apart_se: Float[np.ndarray, " step"]


def potential_doses(pool: Any, levels: int | None = None) -> DosesOfPool:
    """Simulate a pool at every dose level (what is simulated already is taken) and keep when DLTs come.

    pool: what `Pool` gives: `plan`, `outcomes(level)`, `weights`.   levels: the lowest so many; all where None.
    Raises: StudyError where nobody can be judged at every level.
    """
    plan = pool.plan
    numbers = range(1, (len(plan.protocol.levels) if levels is None else levels) + 1)
    shown = [pool.outcomes(level) for level in numbers]
    onset = np.stack([one.first_limiting(plan) for one in shown], axis=1)
    judged = np.stack([one.evaluable(plan) for one in shown], axis=1)
    if plan.protocol.replace == "nobody":
        judged = np.ones_like(judged)
    rows = np.flatnonzero(judged.all(axis=1))
    if not len(rows):
        raise StudyError("no virtual patient can be judged for DLT at every level; no design can be compared on them.")
    weights = np.asarray(pool.weights, dtype=float)
    truth = PotentialDoses(onset[rows], window_days=plan.protocol.dlt_window_days, weights=weights[rows])
    toxic = (onset[rows] < plan.protocol.dlt_window_days).astype(float)
    left_out = 1.0 - weights[rows].sum() / weights.sum()
    dlt, dlt_se = _weighted(toxic, weights[rows])
    apart, apart_se = _weighted(np.diff(toxic, axis=1), weights[rows])
    return DosesOfPool(truth, rows, float(left_out), dlt, dlt_se, apart, apart_se)


def _weighted(
    values: Float[np.ndarray, "patient column"], weights: Float[np.ndarray, " patient"]
) -> tuple[Float[np.ndarray, " column"], Float[np.ndarray, " column"]]:
    """Weighted means and their standard errors for a sample with these weights."""
    share = weights / weights.sum()
    mean = share @ values
    return mean, np.sqrt(share**2 @ (values - mean) ** 2)
