"""One dose of a treatment for each patient: flat, by weight or by surface."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from opsonin.errors import StudyError
from opsonin.trial.protocol import Treatment

_COLUMN = {"kg": "weight_kg", "m2": "bsa_m2"}


def dose_amounts(
    treatment: Treatment, levels: int | Int[np.ndarray, " patient"], covariates: Any
) -> Float[np.ndarray, " patient"]:
    """In the treatment's unit, for patients with these baseline columns (one row each).

    levels: of all, or of each.   Raises: StudyError where weight or surface is needed and not known.
    """
    each = np.broadcast_to(np.asarray(levels), (len(covariates),))
    doses = np.empty(len(covariates))
    for number in np.unique(each).tolist():
        doses[each == number] = treatment.dose(number)
    if treatment.basis == "flat":
        return doses
    column = _COLUMN[treatment.basis]
    if column not in covariates:
        raise StudyError(
            f"{treatment.agent} is dosed per {treatment.basis}, but these patients have no {column}; dose it flat."
        )
    return doses * covariates[column].to_numpy(dtype=float)
