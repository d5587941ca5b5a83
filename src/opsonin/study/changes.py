"""The same virtual patients with some parameters changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool

from opsonin.errors import StudyError

if TYPE_CHECKING:
    from opsonin.patients import VirtualPatients

RESPONDERS = "responders"
Change = float | int | str


def check_changes(changes: Mapping[str, Mapping[str, Change]], symbolic: Any) -> None:
    """Raises: StudyError naming the mechanism and the parameter that cannot be changed.

    symbolic: the model's; what it derives from other parameters cannot be changed by itself.
    """
    from opsonin.model.trace import unknown

    constants: Sequence[str] = symbolic.constants
    derived = {constants[k] for k in symbolic.derived}
    for name, parts in changes.items():
        if not parts:
            raise StudyError(f"the mechanism {name!r} changes no parameter.")
        for parameter, how in parts.items():
            if parameter not in constants:
                raise StudyError(f"{name!r} changes {parameter!r}, {unknown(parameter, dict.fromkeys(constants))}")
            if parameter in derived:
                raise StudyError(f"{name!r} changes {parameter!r}, which follows from other parameters; change those.")
            number = isinstance(how, int | float) and not isinstance(how, bool)
            if how != RESPONDERS and not (number and np.isfinite(float(how)) and float(how) >= 0):
                raise StudyError(
                    f'{name!r} changes {parameter!r} by {how!r}; give a factor of 0 or more, or "{RESPONDERS}".'
                )


def changed_patients(
    patients: VirtualPatients,
    parts: Mapping[str, Change],
    symbolic: Any,
    good: Bool[np.ndarray, " patient"],
    known: Bool[np.ndarray, " patient"],
) -> VirtualPatients:
    """The same patients with some parameters changed, at every site of a patient who has several.

    What follows from these, such as where the patient stands at baseline, is computed anew: they have always been so.
    Raises: StudyError where the median responder is asked for and nobody responds.
    """
    from opsonin.model.derived import completed

    made = np.array(patients.constants)
    constants = list(symbolic.constants)
    changes = [
        (at, how)
        for parameter, how in parts.items()
        for at, name in enumerate(constants)
        if name == parameter or name.startswith(f"{parameter}_at_site_")
    ]
    for at, how in changes:
        column = made[:, at]
        if not isinstance(how, str):
            column *= float(how)
            continue
        yes, no = column[known & good], column[known & ~good]
        if not len(yes) or not len(no):
            raise StudyError("nobody, or everybody, responds; the median responder cannot be taken as an example.")
        middle = float(np.median(yes))
        column[:] = np.maximum(column, middle) if _higher(yes, no) else np.minimum(column, middle)
    return replace(patients, constants=completed(symbolic, made))


def _higher(yes: np.ndarray, no: np.ndarray) -> bool:
    """Whether responders have the higher values more often than not."""
    ordered = np.sort(no)
    below = np.searchsorted(ordered, yes, "left") + np.searchsorted(ordered, yes, "right")
    return float(below.mean()) >= len(no)
