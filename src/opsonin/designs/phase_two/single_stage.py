"""Exact single-stage designs: so many patients, and the drug is worth going on with above so many responses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from opsonin.designs.phase_two.binomial import above, check_rates
from opsonin.errors import DesignError


class SingleStage(NamedTuple):
    """n patients; more than r responses reject p0."""

    n: int
    r: int
    type1: float
    type2: float


def single_stage(
    p0: float, p1: float, alpha: float = 0.05, beta: float = 0.1, *, solutions: int = 1, most: int = 500
) -> list[SingleStage]:
    """The designs of fewest patients with P(X > r | p0) ≤ alpha and P(X ≤ r | p1) ≤ beta, by rising n.

    r: the smallest with that alpha. A larger n may fail again, since numbers of responses are whole.
    Source: A'Hern (2001), Stat Med 20:859, doi:10.1002/sim.721.
    Raises: DesignError for rates that make no test, or where `most` patients are not enough.
    """
    check_rates(p0, p1, alpha, beta)
    found: list[SingleStage] = []
    for n in range(1, most + 1):
        error = above(n, p0)
        r = int(np.argmax(error <= alpha))
        power = float(above(n, p1)[r])
        if 1 - power <= beta:
            found.append(SingleStage(n, r, float(error[r]), 1 - power))
            if len(found) == solutions:
                return found
    raise DesignError(f"no single-stage design of at most {most} patients has these error probabilities; allow more.")
