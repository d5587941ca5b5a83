"""A sparse or dense matrix inside an HDF5 file, read by blocks of cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from opsonin.discovery.libraries import library
from opsonin.errors import DiscoveryError


class H5Rows:
    """Cells × genes in an HDF5 group (data, indices, indptr by cell) or data set; opened at the first block.

    Row r of the file is cell r unless `order` names the rows to take.
    """

    def __init__(self, path: Path, place: str, shape: tuple[int, int], order: np.ndarray | None = None):
        self.path, self.place = path, place
        self._width = shape[1]
        self._order = order
        self._rows = shape[0] if order is None else len(order)
        self._file: Any = None
        self._starts: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return self._rows, self._width

    def taken(self, rows: np.ndarray) -> H5Rows:
        """These rows alone, in the file's order or another."""
        own = np.asarray(rows) if self._order is None else self._order[rows]
        return H5Rows(self.path, self.place, (len(own), self._width), own)

    def rows(self, first: int, last: int) -> csr_matrix:
        """Cells first … last − 1 as float32.

        Raises: DiscoveryError for a file that is cut off or gone.
        """
        try:
            if self._order is None:
                return self._slice(first, last)
            wanted = self._order[first:last]
            if not len(wanted):
                return csr_matrix((0, self._width), dtype=np.float32)
            low, high = int(wanted.min()), int(wanted.max()) + 1
            if high - low <= 4 * len(wanted):  # near each other: one read, then pick
                return _picked(self._slice(low, high), wanted - low)
            return self._scattered(wanted)
        except (OSError, KeyError, ValueError) as problem:
            raise DiscoveryError(
                f"{self.path}: {self.place} cannot be read ({problem}); get the file again."
            ) from problem

    def _slice(self, first: int, last: int) -> csr_matrix:
        group = self._opened()
        if self._starts is None:  # a data set: dense
            return csr_matrix(np.asarray(group[first:last], dtype=np.float32))
        starts = self._starts[first : last + 1]
        a, b = int(starts[0]), int(starts[-1])
        values = np.asarray(group["data"][a:b], dtype=np.float32)
        columns = np.asarray(group["indices"][a:b], dtype=np.int32)
        return csr_matrix((values, columns, (starts - a).astype(np.int64)), shape=(last - first, self._width))

    def _scattered(self, wanted: np.ndarray) -> csr_matrix:
        from scipy.sparse import vstack

        order = np.argsort(wanted, kind="stable")
        runs = np.split(order, np.flatnonzero(np.diff(wanted[order]) > 1) + 1)
        parts = vstack([self._slice(int(wanted[r[0]]), int(wanted[r[-1]]) + 1) for r in runs], format="csr")
        back = np.empty(len(order), dtype=np.int64)
        back[order] = np.arange(len(order))
        return _picked(parts, back)

    def _opened(self) -> Any:
        if self._file is None:
            self._file = library("h5py", "reading HDF5 files").File(self.path, "r")
            found = self._file[self.place]
            if hasattr(found, "keys"):
                self._starts = np.asarray(found["indptr"][:], dtype=np.int64)
        return self._file[self.place]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None}


def _picked(matrix: Any, rows: np.ndarray) -> csr_matrix:
    return csr_matrix(matrix[rows])
