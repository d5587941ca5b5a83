"""Which patients' linear parts are advanced exactly, and by which exponentials."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from opsonin.model.linear_part import linear_part, modes
from opsonin.simulate.compiled import EXACT

ModeArrays = tuple[np.ndarray, np.ndarray, np.ndarray]  # rates (patient, mode), shapes and back (patient, mode, mode)


CHUNK = 256  # patients that a thread takes at a time


def with_exact(
    symbolic: Any, constants: np.ndarray, methods: list[str], threads: int = 1
) -> tuple[list[str], ModeArrays]:
    """The methods, "exact " before those of patients whose linear part can be taken apart, and the parts' modes."""
    part = linear_part(symbolic)
    if not part:
        nothing = np.zeros((len(constants), 0))
        return methods, (nothing, nothing[:, :, None], nothing[:, :, None])
    chunks = np.array_split(constants, max(1, -(-len(constants) // CHUNK)))
    if threads == 1:
        found = [modes(symbolic, part, rows) for rows in chunks]
    else:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(lambda rows: modes(symbolic, part, rows), chunks))
    good = np.concatenate([each.good for each in found]).tolist()
    named = [EXACT + method if fine else method for method, fine in zip(methods, good, strict=True)]
    arrays = ([each.rates for each in found], [each.shapes for each in found], [each.back for each in found])
    rates, shapes, back = (np.concatenate(each) for each in arrays)
    return named, (rates, shapes, back)
