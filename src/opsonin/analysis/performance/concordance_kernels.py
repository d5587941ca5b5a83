"""Concordance of many markers, compiled: two sweeps over time with a Fenwick tree over the marker's ranks.

Source: Fenwick (1994), Softw Pract Exp 24:327; Newson (2006), Stata J 6:497 (trees for rank statistics).
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _add(tree, place, amount):
    while place < tree.size:
        tree[place] += amount
        place += place & -place


@njit(cache=True, nogil=True)
def _sum_to(tree, place):
    total = 0.0
    while place > 0:
        total += tree[place]
        place -= place & -place
    return total


@njit(cache=True, nogil=True)
def _ranks(x):
    """Dense ranks from 1, and how many there are."""
    order = np.argsort(x)
    rank = np.empty(x.size, np.int64)
    last = 0
    for k in range(x.size):
        if k == 0 or x[order[k]] != x[order[k - 1]]:
            last += 1
        rank[order[k]] = last
    return rank, last


@njit(cache=True, nogil=True)
def concordances(t, d, columns, counting):
    """Estimate and standard error of each row of `columns` (marker, patient).

    t, d: in order of time, events before censorings of the same day. counting: what a pair weighs whose earlier member
    is this patient, 0 for the censored. NaN where no pair can be compared.
    """
    n, many = t.size, columns.shape[0]
    end = np.empty(n, np.int64)  # for an event: the first row that outlived it
    start = np.empty(n, np.int64)  # for any row: how many leading rows hold the events that it outlived
    begin = 0
    for k in range(n):
        if k > 0 and t[k] != t[k - 1]:
            begin = k
        if k == begin:
            stop = k
            while stop < n and t[stop] == t[k] and d[stop]:
                stop += 1
        end[k] = stop
        start[k] = begin if d[k] else stop
    estimate, error = np.full(many, np.nan), np.full(many, np.nan)
    above, same, all_of = np.empty(n), np.empty(n), np.empty(n)
    for m in range(many):
        rank, levels = _ranks(columns[m])
        counts, weights = np.zeros(levels + 1), np.zeros(levels + 1)
        at_level = np.zeros(levels + 1)
        # backwards: each event against those who outlived it
        here = n
        concordant = tied = comparable = 0.0
        for k in range(n - 1, -1, -1):
            above[k] = same[k] = all_of[k] = 0.0
            if counting[k] <= 0.0:
                continue
            while here > end[k]:
                here -= 1
                _add(counts, rank[here], 1.0)
                at_level[rank[here]] += 1.0
            level = rank[k]
            same[k] = counting[k] * at_level[level]
            above[k] = counting[k] * _sum_to(counts, level - 1)  # a lower marker that lived longer: concordant
            all_of[k] = counting[k] * (n - end[k])
            concordant += above[k]
            tied += same[k]
            comparable += all_of[k]
        if comparable <= 0.0:
            continue
        at_level[:] = 0.0
        # forwards: each patient against the events that they outlived
        here, total = 0, 0.0
        for k in range(n):
            while here < start[k]:
                if counting[here] > 0.0:
                    _add(weights, rank[here], counting[here])
                    at_level[rank[here]] += counting[here]
                    total += counting[here]
                here += 1
            level = rank[k]
            same[k] += at_level[level]
            above[k] += total - _sum_to(weights, level)
            all_of[k] += total
        c = (concordant + tied / 2) / comparable
        squares = 0.0
        for k in range(n):
            share = (above[k] + same[k] / 2 - c * all_of[k]) / comparable
            squares += share * share
        estimate[m], error[m] = c, np.sqrt(squares)
    return estimate, error
