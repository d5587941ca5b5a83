"""Counts to log-normalised values: log(1 + 10,000 × count / total), in memory or block by block."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from opsonin.discovery.progress import Progress, silent
from opsonin.discovery.samples import OnDisk, Samples
from opsonin.errors import DiscoveryError

TOTAL = 10_000.0
METHOD = "Normalisation: counts of a cell divided by their total, times 10,000, natural log of 1 + value."


class LogRows:
    """Expression on disk, normalised as it is read.   scale: 10,000 / total of every cell."""

    def __init__(self, counts: OnDisk, scale: np.ndarray):
        self._counts, self._scale = counts, scale

    @property
    def shape(self) -> tuple[int, int]:
        return self._counts.shape

    def rows(self, first: int, last: int) -> csr_matrix:
        """Cells first … last − 1, normalised."""
        return logs(self._counts.rows(first, last), self._scale[first:last])

    def taken(self, rows: np.ndarray) -> LogRows:
        """These cells alone."""
        return LogRows(self._counts.taken(rows), self._scale[rows])


def logs(counts: csr_matrix, scale: np.ndarray) -> csr_matrix:
    """log(1 + count × scale of its cell)."""
    each = np.repeat(scale, np.diff(counts.indptr))
    return csr_matrix((np.log1p(counts.data * each).astype(np.float32), counts.indices, counts.indptr), counts.shape)


def totals(samples: Samples, progress: Progress = silent) -> np.ndarray:
    """Total counts of every cell, (cells,)."""
    found = np.zeros(samples.n_cells)
    for rows, part in samples.chunks():
        found[rows] = np.asarray(part.sum(axis=1)).ravel()
        progress("adding up counts", rows.stop, samples.n_cells)
    return found


def normalised(samples: Samples, total: np.ndarray | None = None, progress: Progress = silent) -> Samples:
    """The same with log-normalised expression; what is so already stays.   total: of every cell, where known.

    Raises: DiscoveryError for cells without any count, as they have no share of anything.
    """
    if samples.units == "log-normalised":
        return samples
    if samples.units != "counts" or samples.expression is None:
        raise DiscoveryError("these samples have no counts to normalise; give expression in [files].")
    sums = totals(samples, progress) if total is None else np.asarray(total, dtype=float)
    bare = int((sums <= 0).sum())
    if bare:
        raise DiscoveryError(
            f"{bare:,} of {samples.n_cells:,} cells have no count at all and cannot be normalised; run quality control "
            "first, which leaves them out and says so."
        )
    scale = TOTAL / sums
    own: Any = samples.expression
    made = LogRows(own, scale) if samples.on_disk else logs(own, scale)
    return replace(samples, expression=made, units="log-normalised")
