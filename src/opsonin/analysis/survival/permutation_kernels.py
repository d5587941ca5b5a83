"""Compiled: log-rank statistics of shuffled group labels. Imported only where thousands are wanted."""

from __future__ import annotations

import numpy as np
from numba import njit

from opsonin.analysis.random_kernels import shuffle


@njit(cache=True, nogil=True)
def shuffled_sums(scores, labels, last, groups, key, first, permutations):
    """Sums of scores by group, (permutations, groups), under shuffled labels.

    scores, labels: rows stratum by stratum; last: where the stratum of each row ends.  first: number of the first
    permutation, so that any batch gives the same rows.
    """
    out = np.zeros((permutations, groups))
    drawn, unit = np.empty_like(labels), np.empty(labels.size)
    for b in range(permutations):
        drawn[:] = labels
        shuffle(drawn, last, unit, key, first + b)
        for i in range(labels.size):
            out[b, drawn[i]] += scores[i]
    return out


@njit(cache=True, nogil=True)
def shuffled_logranks(event, opens, labels, last, weight, groups, key, first, permutations):
    """Weighted observed less expected events (permutations, groups) and their variance (…, groups, groups).

    Rows stratum by stratum in order of time.  opens: 2 for the first row of a stratum, 1 for the first of a time, else
    0.  weight: of the events at the time of each row.
    """
    score, variance = np.zeros((permutations, groups)), np.zeros((permutations, groups, groups))
    drawn, unit = np.empty_like(labels), np.empty(labels.size)
    risk, dead = np.zeros(groups), np.zeros(groups)
    for b in range(permutations):
        drawn[:] = labels
        shuffle(drawn, last, unit, key, first + b)
        risk[:] = 0.0
        dead[:] = 0.0
        all_risk, all_dead = 0.0, 0.0
        for i in range(labels.size - 1, -1, -1):
            g = drawn[i]
            risk[g] += 1.0
            all_risk += 1.0
            if event[i]:
                dead[g] += 1.0
                all_dead += 1.0
            if opens[i] > 0 and all_dead > 0.0:
                w = weight[i]
                spread = w * w * all_dead * (all_risk - all_dead) / max(all_risk - 1.0, 1.0)
                for j in range(groups):
                    share = risk[j] / all_risk
                    score[b, j] += w * (dead[j] - all_dead * share)
                    variance[b, j, j] += spread * share
                    for m in range(groups):
                        variance[b, j, m] -= spread * share * risk[m] / all_risk
                    dead[j] = 0.0
                all_dead = 0.0
            if opens[i] == 2:
                risk[:] = 0.0
                all_risk = 0.0
    return score, variance


@njit(cache=True, nogil=True)
def shuffled_products(scores, x, last, key, first, permutations):
    """The sum of scores times shuffled x, (permutations,); `last` as for the others."""
    out = np.zeros(permutations)
    drawn, unit = np.empty_like(x), np.empty(x.size)
    for b in range(permutations):
        drawn[:] = x
        shuffle(drawn, last, unit, key, first + b)
        for i in range(x.size):
            out[b] += scores[i] * drawn[i]
    return out
