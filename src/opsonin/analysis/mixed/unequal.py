"""A mixed model whose residual variance differs between groups of rows, such as days: REML by Fisher scoring.

Counts of cells spread more on the day on which they move; one variance for all days would make that day's interval too
narrow. Source: Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.2 (variance functions);
Jennrich & Sampson (1976), Technometrics 18:11 (scoring).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from opsonin.analysis.mixed.blocks import Blocks
from opsonin.analysis.mixed.degrees import Spread
from opsonin.errors import AnalysisError

STEPS = 100
HALVES = 30
FLAT = 1e-12  # an eigenvalue below this, of the largest, is none
AFAR = 4  # steps by the expected information alone
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
    """Fisher's steps, then Newton's: by the expected information from afar, by the observed one near the top, where
    Fisher's may swing about it. Steps that do not climb are halved; what meets its least value stays there.
    """
    here = _at(data, group, gamma, least)
    for count in range(STEPS):
        newton = count >= AFAR and _curved(here.observed)
        inverses = [here.observed, here.expected] if newton else [here.expected]
        for inverse in inverses:
            trial, there = _uphill(data, group, gamma, least, here, _step(here, inverse, gamma, least))
            if there is not here:
                break
        if there is here:  # no step climbs: this is the top
            return gamma, here
        moved = float(np.abs(trial - gamma).max() / gamma.max())
        gain = here.deviance - there.deviance
        gamma, here = trial, there
        if moved < 1e-8 and gain < 1e-9:
            return gamma, here
    raise AnalysisError("the variances of the groups of rows could not be found; let all groups have one variance.")


def _curved(inverse: np.ndarray) -> bool:
    """Whether an inverse information says something of every direction: not beside a saddle."""
    values = np.linalg.eigvalsh(inverse)
    return bool(values[0] > FLAT * values[-1])


def _uphill(
    data: Blocks, group: np.ndarray, gamma: np.ndarray, least: np.ndarray, here: Spread, step: np.ndarray
) -> tuple[np.ndarray, Spread]:
    """The first of a step and its halves that raises the likelihood; where none does, where it was."""
    for _ in range(HALVES):
        trial = np.maximum(gamma + step, np.maximum(least, 0.1 * gamma * (least > 0)))
        trial[0] = 0.0 if trial[0] < NONE * trial[1:].max() else trial[0]
        if not (trial != gamma).any():
            break
        there = _at(data, group, trial, least)
        if there.deviance < here.deviance:
            return trial, there
        step = step / 2
    return gamma, here


def _released(data: Blocks, group: np.ndarray, gamma: np.ndarray, least: np.ndarray) -> np.ndarray:
    """The variances with those set free that stand at a boundary from which the likelihood rises inwards."""
    if gamma[0] > 0 and not _held(gamma, least):
        return gamma
    inside = gamma.copy()
    inside[0] = max(gamma[0], 1e-6 * float(gamma[1:].min()))
    score = Spread(data, inside[:1, None], gamma[1:][group], group, True).score
    at_boundary = np.array([gamma[0] <= 0, *(gamma[1:] <= least[1:])])
    free = at_boundary & (score > 0)
    step = np.concatenate([[0.01 * gamma[1:].min()], 1.5 * least[1:]])
    return np.where(free, step, gamma)


def _held(gamma: np.ndarray, least: np.ndarray) -> tuple[int, ...]:
    """The groups whose residual variance stands at its least value."""
    return tuple(np.flatnonzero(gamma[1:] <= least[1:]).tolist())


def _at(data: Blocks, group: np.ndarray, gamma: np.ndarray, least: np.ndarray) -> Spread:
    return Spread(data, gamma[:1, None], gamma[1:][group], group, True, _held(gamma, least))


def _step(here: Spread, inverse: np.ndarray | None, gamma: np.ndarray, least: np.ndarray) -> np.ndarray:
    """The step of the free variances by an inverse information; the others stay."""
    assert inverse is not None
    held = _held(gamma, least)
    free = np.array([gamma[0] > 0, *(g not in held for g in range(gamma.size - 1))])
    step = np.zeros(gamma.size)
    step[free] = inverse @ here.score
    return step
