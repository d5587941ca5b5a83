"""What the values of a matrix are: counts, or logs of normalised values. What is said is held against the values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from opsonin.discovery.read.expression import Read
from opsonin.discovery.samples import Units
from opsonin.errors import DiscoveryError

LOOKED_AT, PLACES = 2_000, 8  # cells, and parts of a file on disk that they are taken from
MOST_LOG = 30.0  # no logarithm of a normalised value is above this
LOG2 = "log2(value + 1) is taken"
FRACTIONS = 1e-3  # of the values may be no whole numbers in counts


def with_units(read: Read, said: str | None, bulk: bool, round_: bool = False) -> tuple[Read, Units]:
    """The same with its units: "counts" or "log-normalised".

    said: "counts", "normalised" (TPM, CPM: log2(value + 1) is taken), "log-normalised", or None: told by the values.
    round_: expected counts (RSEM, corrected for ambient RNA) are rounded.
    Raises: DiscoveryError where the values are something else than said, scaled, or normalised without a logarithm.
    """
    matrix: Any = read.matrix
    if not matrix.shape[0]:
        raise DiscoveryError(f"{read.file} holds no cells; give the file before they were filtered away.")
    values = _looked_at(matrix)
    if not np.isfinite(values).all():
        raise DiscoveryError(f"{read.file} holds values that are not finite; write 0 where nothing was found.")
    if not values.size or not np.any(values):
        if not hasattr(matrix, "indptr") or not matrix.nnz or not np.any(matrix.data):
            raise DiscoveryError(
                f"{read.file}: every value is zero{'' if hasattr(matrix, 'indptr') else f' in {LOOKED_AT:,} cells'}; "
                "give the matrix before it was filtered or scaled, or another layer."
            )
        values = np.asarray(matrix.data, dtype=float)
    low, high = float(values.min()), float(values.max())
    fractions = float(np.mean(values != np.rint(values)))
    whole = fractions <= FRACTIONS
    if low < 0 and not (bulk and said == "log-normalised"):
        what = "scaled" if not bulk else "logs of values near zero"
        remedy = (
            'write units = "log-normalised"' if bulk else "give counts or log-normalised values before they were scaled"
        )
        raise DiscoveryError(f"{read.file} holds values below zero ({low:.3g}): {what}; {remedy}{_other(read)}.")
    units = said or ("counts" if whole else "log-normalised" if high <= MOST_LOG else "normalised")
    if units == "counts" and round_:
        return _rounded(read, matrix), "counts"
    if units == "counts" and not whole:
        raise DiscoveryError(
            f"{read.file} is said to hold counts, but {100 * fractions:.0f} % of its values are no whole numbers "
            f"(largest {high:.3g}): they were normalised; give the counts{_other(read)}, write "
            f'units = "{"log-normalised" if high <= MOST_LOG else "normalised"}" in [expression], or round = true for '
            "expected counts."
        )
    if units == "log-normalised" and (high > MOST_LOG or (whole and high > 15)):
        raise DiscoveryError(
            f"{read.file} is said to hold log-normalised values, but they go up to {high:.5g}"
            f'{" and are whole numbers" if whole else ""}; write units = "{"counts" if whole else "normalised"}".'
        )
    notes = list(read.notes)
    if said is None:
        notes.append(f"units are not said; the values look like {_words(units, whole, high)}{_other(read)}")
    if units == "normalised":
        if said is None and not bulk:
            raise DiscoveryError(
                f"{read.file} holds values up to {high:.4g} that are no whole numbers: normalised without a logarithm "
                '(TPM, CPM) or expected counts; write units = "normalised", or units = "counts" with round = true, in '
                f"[expression]{_other(read)}."
            )
        notes.append(LOG2)
        return replace(read, matrix=_logged(read, matrix), notes=notes), "log-normalised"
    return replace(read, notes=notes), "counts" if units == "counts" else "log-normalised"


def _looked_at(matrix: Any) -> np.ndarray:
    """The values of up to 2,000 cells from all over the file, as one part may hold others than the next: all values of
    a matrix in memory that are below zero or not finite are among them.
    """
    cells = matrix.shape[0]
    if hasattr(matrix, "indptr"):
        few = matrix if cells <= LOOKED_AT else matrix[np.linspace(0, cells - 1, LOOKED_AT).astype(int)]
        data = matrix.data
        if not data.size or (data.min() >= 0 and np.isfinite(data.max())):  # no copy of a large matrix
            return few.data.astype(float)
        return np.concatenate([few.data, data[~(np.isfinite(data) & (data >= 0))]]).astype(float)
    if cells <= LOOKED_AT:
        return np.asarray(matrix.rows(0, cells).data, dtype=float)
    each = LOOKED_AT // PLACES
    firsts = np.linspace(0, cells - each, PLACES).astype(int)
    return np.concatenate([matrix.rows(int(one), int(one) + each).data for one in firsts]).astype(float)


def _words(units: str, whole: bool, high: float) -> str:
    return f"{units} ({'whole numbers' if whole else 'fractions'} up to {high:.4g})"


def _other(read: Read) -> str:
    layers = [*read.extra.get("layers", []), *(["raw"] if read.extra.get("raw") else [])]
    return f" (the file has layers: {', '.join(layers)}; write layer = …)" if layers else ""


def _in_memory(read: Read, matrix: Any) -> Any:
    if hasattr(matrix, "indptr"):
        return matrix.copy()
    raise DiscoveryError(
        f"{read.file} is read by blocks, and its values would have to be changed first; save it with counts or "
        "log-normalised values."
    )


def _logged(read: Read, matrix: Any) -> Any:
    own = _in_memory(read, matrix)
    own.data = np.log2(own.data + 1).astype(np.float32)
    return own


def _rounded(read: Read, matrix: Any) -> Read:
    own = _in_memory(read, matrix)
    own.data = np.rint(own.data).astype(np.float32)
    own.eliminate_zeros()
    return replace(read, matrix=own, notes=[*read.notes, "expected counts are rounded to whole numbers"])
