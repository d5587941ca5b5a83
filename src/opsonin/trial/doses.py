"""One dose of a treatment for each patient: flat, by weight or by surface."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from opsonin.errors import StudyError
from opsonin.trial.protocol import Treatment
from opsonin.units import factor

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
        return within_batch(doses, treatment, covariates)
    column = _COLUMN[treatment.basis]
    if column not in covariates:
        raise StudyError(
            f"{treatment.agent} is dosed per {treatment.basis}, but these patients have no {column}; dose it flat."
        )
    return within_batch(doses * covariates[column].to_numpy(dtype=float), treatment, covariates)


def within_batch(doses: Float[np.ndarray, " patient"], treatment: Treatment, covariates: Any) -> np.ndarray:
    """The doses, or what a patient's batch has for each of them where that is less.

    The batch's cells are shared out evenly among the doses of one cycle. Who has no batch gets the dose planned.
    """
    column = batch_column(treatment.agent)
    if column not in covariates:
        return doses
    count = sum(last - first + 1 - (first < 0 < last) for first, last in treatment.blocks) * treatment.times_per_day
    each = covariates[column].to_numpy(dtype=float) / factor(treatment.unit, "cell") / count
    return np.where(np.isnan(each), doses, np.minimum(doses, each))


def batch_column(agent: str) -> str:
    """The baseline column that holds the cells of a patient's batch."""
    return f"{agent.replace('-', '_')}_batch_cells"
