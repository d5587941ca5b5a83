"""What a pool's virtual patients would show at every dose level, as designs are simulated on: potential outcomes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from opsonin.designs import PotentialDoses
from opsonin.designs.evidence import EFFICACY, GRADES
from opsonin.errors import StudyError
from opsonin.trial.endpoints import Seen, immune_effect, look


class DosesOfPool(NamedTuple):
    """truth: the patients who can be judged at every level.   rows: which of the pool those are.   left_out: the share
    who cannot, as they leave or die within the DLT window at some level; others take their place in a trial.
    dlt, dlt_se: probability of a DLT at each level, and its Monte Carlo standard error for the size of the pool.
    apart, apart_se: how much it rises from each level to the next, on the same patients, with the standard error.
    response, response_se: as for DLTs, where the protocol says until when a response counts.
    immune, immune_se: the mean immune effect at each level among those of whom it is known, where the protocol has one.
    """

    truth: PotentialDoses
    rows: Int[np.ndarray, " patient"]
    left_out: float
    dlt: Float[np.ndarray, " dose"]
    dlt_se: Float[np.ndarray, " dose"]
    apart: Float[np.ndarray, " step"]
    apart_se: Float[np.ndarray, " step"]
    response: Float[np.ndarray, " dose"] | None = None
    response_se: Float[np.ndarray, " dose"] | None = None
    immune: Float[np.ndarray, " dose"] | None = None
    immune_se: Float[np.ndarray, " dose"] | None = None


def potential_doses(pool: Any, levels: int | None = None) -> DosesOfPool:
    """Simulate a pool at every dose level (what is simulated already is taken) and keep what designs look at: days of
    DLTs and responses, worst grades, and the immune effect (with the assay's error, one reading of each patient).

    pool: what `Pool` gives: `plan`, `outcomes(level)`, `weights`, `seed`.   levels: the lowest so many; all where None.
    Raises: StudyError where nobody can be judged at every level, or the immune effect is not measured.
    """
    plan, protocol = pool.plan, pool.plan.protocol
    numbers = range(1, (len(protocol.levels) if levels is None else levels) + 1)
    responds = protocol.response_days is not None and len(plan.lesions) > 0
    needs = frozenset({EFFICACY, GRADES} if responds else {GRADES})
    outcomes = [pool.outcomes(level) for level in numbers]
    shown = [look(plan, one, needs) for one in outcomes]
    judged = np.stack([one.evaluable for one in shown], axis=1)
    if protocol.replace == "nobody":
        judged = np.ones_like(judged)
    rows = np.flatnonzero(judged.all(axis=1))
    if not len(rows):
        raise StudyError("no virtual patient can be judged for DLT at every level; no design can be compared on them.")
    weights = np.asarray(pool.weights, dtype=float)
    everyone = np.arange(len(weights))
    effect = None
    if protocol.immune_effect is not None:
        read = [immune_effect(plan, one, everyone, pool.seed, pool.seed) for one in outcomes]
        effect = np.stack(read, axis=1)[rows]
    own = weights[rows]
    truth = _truth(plan, [Seen(*(column[rows] for column in one)) for one in shown], effect, own, responds)
    toxic = (truth.onset < protocol.dlt_window_days).astype(float)
    more: dict[str, np.ndarray] = {}
    if truth.response_onset is not None:
        more["response"], more["response_se"] = _weighted(np.isfinite(truth.response_onset).astype(float), own)
    if effect is not None:
        more["immune"], more["immune_se"] = _known(effect, own)
    left_out = 1.0 - own.sum() / weights.sum()
    dlt, dlt_se = _weighted(toxic, own)
    apart, apart_se = _weighted(np.diff(toxic, axis=1), own)
    return DosesOfPool(truth, rows, float(left_out), dlt, dlt_se, apart, apart_se, **more)


def _truth(
    plan: Any, shown: list[Seen], effect: np.ndarray | None, weights: np.ndarray, responds: bool
) -> PotentialDoses:
    def by_level(name: str) -> np.ndarray:
        return np.stack([getattr(one, name) for one in shown], axis=1)

    return PotentialDoses(
        by_level("dlt"),
        by_level("response") if responds else None,
        effect,
        by_level("grade"),
        plan.protocol.dlt_window_days,
        weights,
        plan.protocol.response_days if responds else 56.0,
        by_level("settled") if responds else None,
    )


def _weighted(
    values: Float[np.ndarray, "patient column"], weights: Float[np.ndarray, " patient"]
) -> tuple[Float[np.ndarray, " column"], Float[np.ndarray, " column"]]:
    """Weighted means and their standard errors for a sample with these weights."""
    share = weights / weights.sum()
    mean = share @ values
    return mean, np.sqrt(share**2 @ (values - mean) ** 2)


def _known(
    values: Float[np.ndarray, "patient column"], weights: Float[np.ndarray, " patient"]
) -> tuple[Float[np.ndarray, " column"], Float[np.ndarray, " column"]]:
    """The same of those whose value is known, column by column; NaN where nobody's is."""
    found = np.full((2, values.shape[1]), np.nan)
    for column in range(values.shape[1]):
        known = ~np.isnan(values[:, column])
        if weights[known].sum() > 0:
            found[:, [column]] = _weighted(values[known, column][:, None], weights[known])
    return found[0], found[1]
