"""By which criteria a study judges its patients: one for all, or a table by indication.

What the file leaves out follows the indication: a leukaemia is judged by its marrow, a lymphoma by Lugano, a solid
tumour by RECIST 1.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opsonin.study.problems import near

if TYPE_CHECKING:
    from opsonin.study.file import StudyFile

KNOWN = ("RECIST 1.1", "iRECIST", "Lugano", "marrow")


def read_criteria(value: Any) -> Any:
    """The criteria as the file gives them.   Raises: ValueError for what are none."""
    given = value if isinstance(value, dict) else {"": value}
    for name, one in given.items():
        if one not in KNOWN:
            of = f" of {name!r}" if name else ""
            begin = [name for name in KNOWN if isinstance(one, str) and one and name.lower().startswith(one.lower())]
            close = near(str(one), begin or KNOWN)
            hint = close if "did you mean" in close else ""
            raise ValueError(f"the criteria{of} are {one!r}, but known are {', '.join(KNOWN)}{hint}")
    return value


def check_criteria(file: StudyFile) -> None:
    """Raises: ValueError for criteria of an indication that the study does not enrol."""
    tumour, names = file.assessments.tumour, file.population.indications
    given = None if tumour is None else tumour.criteria
    for name in given if isinstance(given, Mapping) else ():
        if name not in names:
            raise ValueError(
                f"assessments.tumour.criteria are given for {name!r}, which population.indication does not name"
                f"{near(name, names).rstrip('.')}"
            )


def misjudged(file: StudyFile) -> str:
    """What is wrong where an indication is judged by blasts of a marrow that it does not have; empty where none is."""
    from opsonin.patients import indication

    for name, by in criteria_of(file).items():
        own = indication(name).criteria
        if by == "marrow" != own:
            return (
                f"{name!r} cannot be judged by 'marrow', which counts the blasts of an acute leukaemia; write {own!r} "
                "for it, or leave it out"
            )
    return ""


def criteria_of(file: StudyFile) -> dict[str, str]:
    """The criteria of each indication of the study, in order; empty where nobody is scanned."""
    from opsonin.patients import indication

    tumour, names = file.assessments.tumour, file.population.indications
    if tumour is None:
        return {}
    if isinstance(tumour.criteria, str):
        return dict.fromkeys(names, tumour.criteria)
    given = tumour.criteria or {}
    return {name: given[name] if name in given else indication(name).criteria for name in names}


def criteria_words(judged: Mapping[str, str]) -> str:
    """ "Lugano", or "marrow (b-all) and RECIST 1.1 (pancreas)" where indications differ."""
    used = list(dict.fromkeys(judged.values()))
    if len(used) < 2:
        return "".join(used)
    said = [f"{one} ({', '.join(name for name, by in judged.items() if by == one)})" for one in used]
    return f"{', '.join(said[:-1])} and {said[-1]}"
