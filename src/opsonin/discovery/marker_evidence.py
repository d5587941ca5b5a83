"""Evidence of markers for cell types: scores, and what scores random genes of the same table would give.

A gene counts by how much of it a cell has against cells that express it (0 to 1), so that no loud gene drowns the
others. A type's score is the mean over its positive genes less the mean over its negative ones. What chance gives is
seen by handing the same cell the same table with its genes exchanged at random: the best score, and the lead of the
best over the second, that come of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_matrix

from opsonin.random import permutation

FULL = 0.9  # quantile of a gene's positive values that counts as wholly expressed
TOGETHER = 4_000_000  # numbers of the permuted scores held at once
ALIKE = 1e-6


class Evidence(NamedTuple):
    """Of each unit (cell or pool of cells) among some types.

    best, second: places of the types, −1 where there is none.   strength: of the best, in standard deviations of what
    exchanged genes give.   lead: over the second's, over 0 where there is one type alone.   p_strength, p_lead: how
    often a table of exchanged genes gives as much.
    """

    best: np.ndarray
    second: np.ndarray
    strength: np.ndarray
    lead: np.ndarray
    p_strength: np.ndarray
    p_lead: np.ndarray


def log_normalised(counts: csr_matrix, library: np.ndarray, total: float = 10_000.0) -> csr_matrix:
    """log(1 + counts per `total`), by the cells' library sizes; a cell without counts stays empty."""
    size = np.where(library > 0, library, 1.0)
    found: Any = counts.astype(np.float32, copy=True)
    found.data *= np.repeat(total / size, np.diff(found.indptr)).astype(np.float32)
    np.log1p(found.data, out=found.data)
    return found


def levels(values: csr_matrix) -> csr_matrix:
    """Values (cell, gene) as shares of what cells that express the gene have, at most 1.

    values: log-normalised, 0 where absent; a gene's 0.9 quantile among positive values counts as 1.
    """
    columns: Any = values.tocsc(copy=True).astype(np.float32)
    columns.data = np.maximum(columns.data, 0)
    for gene in range(columns.shape[1]):
        own = columns.data[columns.indptr[gene] : columns.indptr[gene + 1]]
        positive = own[own > 0]
        if positive.size:
            np.minimum(own / np.quantile(positive, FULL), 1.0, out=own)
    columns.eliminate_zeros()
    return columns.tocsr()


def evidence(
    level: Float[np.ndarray, "unit gene"], weight: Float[np.ndarray, "type gene"], permutations: int, seed: int
) -> Evidence:
    """How strongly each unit's genes speak for the best of some types, and how often exchanged genes do as much.

    weight: a row a type, over all genes of the table that were measured, those of other types included: these are the
    genes exchanged. A score counts in standard deviations of what exchange gives, as the mean of few genes strays
    further than that of many. Time grows with units × types × permutations.
    """
    units, kinds = level.shape[0], weight.shape[0]
    centre, spread = exchange_moments(level, weight)
    strengths = (level @ weight.T - centre) / spread
    best, second, strength, lead = _leaders(strengths.astype(np.float32))
    p = np.ones((2, units))
    if units and kinds:
        order = permutation(seed, "marker genes", weight.shape[1], np.arange(permutations))
        exchanged = np.ascontiguousarray(weight[:, order].transpose(2, 1, 0).reshape(weight.shape[1], -1), np.float32)
        step = max(1, TOGETHER // exchanged.shape[1])
        for first in range(0, units, step):
            rows = slice(first, first + step)
            drawn = (level[rows].astype(np.float32) @ exchanged).reshape(-1, permutations, kinds)
            drawn = (drawn - centre[rows, None].astype(np.float32)) / spread[rows, None].astype(np.float32)
            if kinds > 1:
                top = np.partition(drawn, kinds - 2, axis=2)[:, :, -2:]
                highest, ahead = top[:, :, 1], top[:, :, 1] - top[:, :, 0]
            else:
                highest, ahead = drawn[:, :, 0], drawn[:, :, 0]
            p[0, rows] = 1 + (highest >= strength[rows, None] - ALIKE).sum(axis=1)
            p[1, rows] = 1 + (ahead >= lead[rows, None] - ALIKE).sum(axis=1)
        p /= permutations + 1
    return Evidence(best, second, strength, lead, p[0], p[1])


def exchange_moments(level: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (unit, type) of a score over all orders of the genes, exactly.

    Source: Hoeffding (1951), Ann Math Stat 22:558: the linear permutation statistic.
    """
    genes = weight.shape[1]
    centre = level.mean(axis=1)[:, None] * weight.sum(axis=1)[None, :]
    own = (weight**2).sum(axis=1) - weight.sum(axis=1) ** 2 / genes
    spread = np.sqrt(level.var(axis=1)[:, None] * own[None, :] * genes / max(1, genes - 1))
    return centre, np.where(spread > 0, spread, 1.0)


def _leaders(strengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Places of best and second type, the best one's strength, and its lead."""
    units, kinds = strengths.shape
    nobody = np.full(units, -1)
    if not kinds:
        return nobody, nobody, np.zeros(units, np.float32), np.zeros(units, np.float32)
    order = np.argsort(-strengths, axis=1, kind="stable")
    most = np.take_along_axis(strengths, order[:, :1], axis=1)[:, 0]
    if kinds == 1:
        return order[:, 0], nobody, most, most
    after = np.take_along_axis(strengths, order[:, 1:2], axis=1)[:, 0]
    return order[:, 0], order[:, 1], most, most - after
