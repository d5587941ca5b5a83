"""Whether a response was seen again: the second look that makes it count where response is what a trial is about."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

_EXACT = 1e-9  # days are sums of decimals


def confirmed(
    wanted: Bool[np.ndarray, "patient visit"],
    passed_over: Bool[np.ndarray, "patient visit"],
    days: Float[np.ndarray, "patient visit"],
    minimum_days: float = 28.0,
) -> Bool[np.ndarray, "patient visit"]:
    """Which of the `wanted` visits are followed by another one at least `minimum_days` later, with nothing between.

    passed_over: visits that break no chain (not evaluable, or without a scan).   days: NaN where there was no scan.
    Source: Eisenhauer 2009, section 4.6 (no less than 4 weeks) and Table 3 (not evaluable between the two).
    """
    found = np.zeros(wanted.shape, dtype=bool)
    reach = np.full(len(wanted), -np.inf)  # the last day on which the chain that begins at the next visit is wanted
    for v in range(wanted.shape[1] - 1, -1, -1):
        here = wanted[:, v]
        day = np.where(here, days[:, v], -np.inf)
        found[:, v] = here & (reach >= day + minimum_days - _EXACT)
        reach = np.where(here, np.maximum(reach, day), np.where(passed_over[:, v], reach, -np.inf))
    return found
