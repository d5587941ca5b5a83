"""Which patients' linear parts are advanced exactly, and by which exponentials."""

from __future__ import annotations

from typing import Any

import numpy as np

from opsonin.model.linear_part import linear_part, modes
from opsonin.simulate.compiled import EXACT

ModeArrays = tuple[np.ndarray, np.ndarray, np.ndarray]  # rates (patient, mode), shapes and back (patient, mode, mode)


def with_exact(symbolic: Any, constants: np.ndarray, methods: list[str]) -> tuple[list[str], ModeArrays]:
    """The methods, "exact " before those of patients whose linear part can be taken apart, and the parts' modes."""
    part = linear_part(symbolic)
    if not part:
        nothing = np.zeros((len(constants), 0))
        return methods, (nothing, nothing[:, :, None], nothing[:, :, None])
    found = modes(symbolic, part, constants)
    named = [EXACT + method if good else method for method, good in zip(methods, found.good.tolist(), strict=True)]
    return named, (found.rates, found.shapes, found.back)
