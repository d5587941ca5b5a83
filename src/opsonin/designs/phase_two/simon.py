"""Simon's two-stage designs: stop after the first stage where the drug shows too little."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opsonin.designs.phase_two.binomial import above, check_rates, pmf
from opsonin.errors import DesignError


class Simon(NamedTuple):
    """Stop after n1 patients with r1 responses or fewer; at the end more than r responses in n reject p0.

    en_p0: expected patients where the rate is p0;   pet_p0: probability of early termination there.
    """

    r1: int
    n1: int
    r: int
    n: int
    en_p0: float
    pet_p0: float
    type1: float
    power: float


class SimonDesigns(NamedTuple):
    """optimal: fewest expected patients at p0;   minimax: fewest patients at most (then fewest expected);
    admissible: all that some weighting of the two prefers, by rising n."""

    optimal: Simon
    minimax: Simon
    admissible: tuple[Simon, ...]


def simon(p0: float, p1: float, alpha: float = 0.05, beta: float = 0.1, *, most: int = 180) -> SimonDesigns:
    """Optimal, minimax and admissible two-stage designs, by exact enumeration.

    Source: Simon (1989), Control Clin Trials 10:1, doi:10.1016/0197-2456(89)90015-9; for admissible ones Jung, Lee, Kim
    & George (2004), Stat Med 23:561, doi:10.1002/sim.1600.
    Raises: DesignError for rates that make no test, or where `most` patients are not enough.
    """
    check_rates(p0, p1, alpha, beta)
    best: dict[int, Simon] = {}
    least = np.inf
    for n in range(2, most + 1):
        found = _best_of(n, p0, p1, alpha, beta, least if best else np.inf)
        if found is not None:
            best[n] = found
            least = min(least, found.en_p0)
        if best and n > least and n - min(best) > 60:  # an expectation below `least` has n1 below it, and n far above
            break
    if not best:
        raise DesignError(f"no two-stage design of at most {most} patients has these error probabilities; allow more.")
    every = [best[n] for n in sorted(best)]
    minimax, optimal = every[0], min(every, key=lambda design: design.en_p0)
    return SimonDesigns(optimal, minimax, tuple(_hull([d for d in every if d.n <= optimal.n])))


def _best_of(n: int, p0: float, p1: float, alpha: float, beta: float, below: float) -> Simon | None:
    """The design of n patients with fewest expected ones, if that is below a number."""
    chosen: Simon | None = None
    for n1 in range(1, n):
        if n1 >= below:
            break
        n2 = n - n1
        first0, first1 = pmf(n1, p0), pmf(n1, p1)
        stopped0, stopped1 = np.cumsum(first0), np.cumsum(first1)
        expected = n1 + (1 - stopped0) * n2
        r1 = np.flatnonzero((stopped1 <= beta) & (expected < below))  # stopping alone must leave the power
        if not r1.size:
            continue
        error, power = _rejecting(first0, above(n2, p0), n), _rejecting(first1, above(n2, p1), n)
        for early in r1[::-1].tolist():  # the fewest expected patients first
            enough = np.flatnonzero((error[:, early] <= alpha) & (power[:, early] >= 1 - beta))
            if enough.size:
                r = int(enough[0])
                below = float(expected[early])
                chosen = Simon(
                    early, n1, r, n, below, float(stopped0[early]), float(error[r, early]), float(power[r, early])
                )
                break
    return chosen


def _rejecting(first: np.ndarray, second: np.ndarray, n: int) -> np.ndarray:
    """P(more than r1 responses at first and more than r in all), row r, column r1."""
    n1 = len(first) - 1
    need = np.arange(n)[:, None] - np.arange(n1 + 1)  # more than so many are needed in the second stage
    tail = np.where(need < 0, 1.0, second[np.clip(need, 0, len(second) - 1)])
    joint = first * tail
    return np.cumsum(joint[:, ::-1], axis=1)[:, ::-1] - joint


def _hull(designs: list[Simon]) -> list[Simon]:
    """The lower convex hull of (n, expected patients), from the minimax to the optimal design."""
    kept: list[Simon] = []
    for design in designs:
        if kept and design.en_p0 >= kept[-1].en_p0:
            continue
        while len(kept) > 1 and _turns_up(kept[-2], kept[-1], design):
            kept.pop()
        kept.append(design)
    return kept


def _turns_up(a: Simon, b: Simon, c: Simon) -> bool:
    """Whether b lies on or above the line from a to c."""
    return (b.en_p0 - a.en_p0) * (c.n - a.n) >= (c.en_p0 - a.en_p0) * (b.n - a.n)
