"""The search for a cut repeated in thousands of permutations, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

from opsonin.analysis.random_kernels import key_of, shuffle

__all__ = ["key_of", "largest_of_permutations"]


@njit(cache=True, nogil=True)
def largest_of_permutations(scores, ends, back, size, scale, key, permutations):
    """The largest |statistic| over all cuts, for each deal of the scores within blocks of neighbours.

    scores: (n,), patients of a stratum side by side, the block of place i ending before ends[i]. back: where each
    patient, in order of the marker, stands among them. size, scale: as in `Search`.
    """
    n, cuts = scores.size, size.size
    out = np.empty(permutations)
    dealt, unit = np.empty(n), np.empty(n)
    for p in range(permutations):
        dealt[:] = scores
        shuffle(dealt, ends, unit, key, p)
        total, largest, at = 0.0, 0.0, 0
        for c in range(cuts):
            while at < size[c]:
                total += dealt[back[at]]
                at += 1
            largest = max(largest, abs(total * scale[c]))
        out[p] = largest
    return out
