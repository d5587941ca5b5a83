"""Which patients' linear parts are advanced exactly, and by which exponentials."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from opsonin.model.linear_part import Modes, linear_part, modes
from opsonin.simulate.compiled import EXACT

CHUNK = 256  # patients that a thread takes at a time


def exact_modes(symbolic: Any, constants: np.ndarray, threads: int = 1) -> Modes:
    """The modes of each patient's linear part; none of a model that has no such part."""
    part = linear_part(symbolic)
    if not part:
        nothing = np.zeros((len(constants), 0))
        return Modes(nothing, nothing[:, :, None], nothing[:, :, None], np.zeros(len(constants), dtype=bool))
    chunks = np.array_split(constants, max(1, -(-len(constants) // CHUNK)))
    if threads == 1:
        found = [modes(symbolic, part, rows) for rows in chunks]
    else:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(lambda rows: modes(symbolic, part, rows), chunks))
    arrays = ([each.rates for each in found], [each.shapes for each in found], [each.back for each in found])
    rates, shapes, back = (np.concatenate(each) for each in arrays)
    return Modes(rates, shapes, back, np.concatenate([each.good for each in found]))


def with_exact(methods: list[str], found: Modes) -> list[str]:
    """The methods, "exact " before those of patients whose linear part can be taken apart."""
    return [EXACT + method if fine else method for method, fine in zip(methods, found.good.tolist(), strict=True)]
