"""What every analysis is given: the record with its groups, the questions, the replicates and the seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from opsonin.analysis.comparison import Groups, groups, level_names
from opsonin.errors import AnalysisError
from opsonin.record.questions import wrong_question

if TYPE_CHECKING:
    from opsonin.record import Replicates, TrialRecord

NAMES = {
    "OS": "overall survival",
    "PFS": "progression-free survival",
    "TTP": "time to progression",
    "DOR": "duration of response",
    "RFS": "relapse-free survival",
    "DFS": "disease-free survival",
    "EFS": "event-free survival",
}
STANDARD = tuple(NAMES)  # endpoints reported in months; others in days


@dataclass(frozen=True)
class Asked:
    """One request for findings. potential: records of the same subjects with one agent left out, by agent.

    derived: in words, what of the record was derived from its other tables;   underived: what could not be, and why.
    """

    record: Any
    questions: Mapping[str, Any]
    replicates: Any = None
    potential: Mapping[str, Any] | None = None
    seed: int = 1
    derived: tuple[str, ...] = ()
    underived: tuple[str, ...] = ()

    @cached_property
    def groups(self) -> Groups:
        """The groups that are compared."""
        return groups(self.record.subjects, self.questions)

    @cached_property
    def levels(self) -> dict[int, str]:
        """The names of the dose levels, empty where the record has none."""
        return level_names(self.record.subjects, self.questions)

    def endpoint_name(self, endpoint: str) -> str:
        """What an endpoint is called in words."""
        return endpoint_name(self.questions, endpoint)

    def table(self, name: str) -> Any:
        """A table of the record with subject_id as plain text."""
        frame = getattr(self.record, name)
        return frame.assign(subject_id=frame["subject_id"].astype(str)) if "subject_id" in frame else frame


def endpoint_name(questions: Mapping[str, Any] | None, endpoint: str) -> str:
    """What an endpoint is called: by the record (`endpoint_names`), else the usual words, else as it is written."""
    own = dict((questions or {}).get("endpoint_names") or {})
    return str(own.get(endpoint) or NAMES.get(endpoint, endpoint))


def ask(
    record: TrialRecord,
    questions: Mapping[str, Any] | None = None,
    replicates: Replicates | None = None,
    potential: Mapping[str, Any] | None = None,
    seed: int = 1,
) -> Asked:
    """The request; questions given here win over the record's own, key by key.

    Raises: AnalysisError for a question of the wrong kind, with the right one.
    """
    whole = dict(getattr(record.manifest, "questions", None) or {}) | dict(questions or {})
    wrong = wrong_question(whole)
    if wrong:
        raise AnalysisError(f"of the questions, {wrong}")
    from opsonin.analysis.derived import completed

    made = completed(record, whole)
    return Asked(made.record, whole, replicates, potential, seed, made.derived, made.problems)
