"""A mixed model whose residual variance differs between groups of rows, such as days: REML by Fisher scoring.

Counts of cells spread more on the day on which they move; one variance for all days would make that day's interval too
narrow. Source: Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.2 (variance functions);
Jennrich & Sampson (1976), Technometrics 18:11 (scoring).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from opsonin.analysis.mixed.blocks import Blocks
from opsonin.analysis.mixed.degrees import Spread, spread
from opsonin.errors import AnalysisError

STEPS = 300
RELEASES = 4  # how often what met a boundary is let go again
# Of the residual variance that all groups have together, the least that one may have. In few subjects the likelihood
# can be highest where one day is all noise-free and the subjects' own levels are that day's values.
LEAST = 0.05
NONE = 1e-9  # of the residual variances: a variance between subjects below this is zero


def unequal_variances(
    data: Blocks, group: Int[np.ndarray, " row"], between: float, within: float
) -> tuple[Float[np.ndarray, " variance"], Spread, bool]:
    """The variance between subjects followed by the residual variance of each group; the derivatives there; whether a
    variance is held at its least value, and then counts as known.

    between, within: those with one residual variance, on the blocks' scale; the search starts from them.
    Raises: AnalysisError where no maximum is found.
    """
    count = int(group.max()) + 1
    least = np.concatenate([[0.0], np.full(count, LEAST * within)])
    gamma = np.concatenate([[max(between, 0.1 * within)], np.full(count, within)])
    for _ in range(RELEASES):
        gamma, here = _climb(data, group, gamma, least)
        released = _released(data, group, gamma, least)
        if (released == gamma).all():
            return gamma, here, bool(_held(gamma, least))
        gamma = released
    return gamma, _at(data, group, gamma, least), bool(_held(gamma, least))


def _climb(data: Blocks, group: np.ndarray, gamma: np.ndarray, least: np.ndarray) -> tuple[np.ndarray, Spread]:
    """Fisher's steps, halved where they do not climb; what meets its least value stays there."""
    here = _at(data, group, gamma, least)
    for _ in range(STEPS):
        step, gain = _step(here, gamma, least), 0.0
        there, trial = here, gamma
        for _half in range(40):
            trial = np.maximum(gamma + step, np.maximum(least, 0.1 * gamma * (least > 0)))
            trial[0] = 0.0 if trial[0] < NONE * trial[1:].max() else trial[0]
            there = _at(data, group, trial, least)
            gain = here.deviance - there.deviance
            if gain >= -1e-11 * abs(here.deviance):
                break
            step = step / 2
        else:
            return gamma, here
        moved = float(np.abs(trial - gamma).max() / gamma.max())
        gamma, here = trial, there
        if moved < 1e-8 and gain < 1e-9:
            return gamma, here
    raise AnalysisError("the variances of the groups of rows could not be found; let all groups have one variance.")


def _released(data: Blocks, group: np.ndarray, gamma: np.ndarray, least: np.ndarray) -> np.ndarray:
    """The variances with those set free that stand at a boundary from which the likelihood rises inwards."""
    if gamma[0] > 0 and not _held(gamma, least):
        return gamma
    inside = gamma.copy()
    inside[0] = max(gamma[0], 1e-6 * float(gamma[1:].min()))
    score = spread(data, inside[:1, None], gamma[1:][group], group, True).score
    at_boundary = np.array([gamma[0] <= 0, *(gamma[1:] <= least[1:])])
    free = at_boundary & (score > 0)
    step = np.concatenate([[0.01 * gamma[1:].min()], 1.5 * least[1:]])
    return np.where(free, step, gamma)


def _held(gamma: np.ndarray, least: np.ndarray) -> tuple[int, ...]:
    """The groups whose residual variance stands at its least value."""
    return tuple(np.flatnonzero(gamma[1:] <= least[1:]).tolist())


def _at(data: Blocks, group: np.ndarray, gamma: np.ndarray, least: np.ndarray) -> Spread:
    return spread(data, gamma[:1, None], gamma[1:][group], group, True, _held(gamma, least))


def _step(here: Spread, gamma: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Fisher's step of the free variances; the others stay."""
    assert here.expected is not None
    held = _held(gamma, least)
    free = np.array([gamma[0] > 0, *(g not in held for g in range(gamma.size - 1))])
    step = np.zeros(gamma.size)
    step[free] = here.expected @ here.score
    return step
