"""`analyse`: every analysis a record's tables permit, and in words what could not be done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from opsonin.analysis.asked import Asked, ask
from opsonin.analysis.biomarkers import biomarker_findings
from opsonin.analysis.exposure_response import exposure_response_findings
from opsonin.analysis.findings import Finding, Findings, note
from opsonin.analysis.immune import immune_findings
from opsonin.analysis.pharmacokinetics import pharmacokinetic_findings
from opsonin.analysis.phase_two import phase_two_findings
from opsonin.analysis.response import response_findings
from opsonin.analysis.safety import safety_findings
from opsonin.analysis.screen_findings import screen_findings
from opsonin.analysis.time_to_event import survival_findings
from opsonin.analysis.trial_flow import flow_findings, operating_characteristics
from opsonin.analysis.tumour_growth import growth_findings
from opsonin.errors import AnalysisError

if TYPE_CHECKING:
    from opsonin.record import Replicates, TrialRecord

Part = dict[str, list[Finding]]  # chapter → its findings

CHAPTERS: dict[str, Callable[[Asked], list[Finding]]] = {
    "groups": lambda asked: _without_group(asked),
    "trial": flow_findings,
    "phase_two": phase_two_findings,
    "design": operating_characteristics,
    "safety": safety_findings,
    "pk": pharmacokinetic_findings,
    "pk.exposure": exposure_response_findings,
    "immune": immune_findings,
    "response": response_findings,
    "tumour": growth_findings,
    "survival": survival_findings,
    "biomarker": biomarker_findings,
    "screen": screen_findings,
    "cohort": lambda asked: _cohort(asked),
    "synergy": lambda asked: _synergy(asked),
    "why": lambda asked: [],  # takes simulating again: a study adds it
}
# chapters that look at replicate trials; the others do with the record
OF_REPLICATES = ("design", "biomarker", "synergy")
OF_POTENTIAL = ("pk",)  # and those that look at the same subjects without an agent


def _without_group(asked: Asked) -> list[Finding]:
    missing = int(asked.groups.of.isna().sum())
    if not missing:
        return []
    words = f"Subjects without {asked.groups.by}: {missing}; they count among all, and in no comparison."
    return [note("groups", words)]


def _cohort(asked: Asked) -> list[Finding]:
    """Loaded where it is asked for, as most trials are no cohorts."""
    if not asked.questions.get("cohort"):
        return []
    from opsonin.analysis.cohort import cohort_findings

    return cohort_findings(asked)


def _synergy(asked: Asked) -> list[Finding]:
    """Loaded where it is asked for."""
    if not asked.questions.get("synergy"):
        return []
    from opsonin.analysis.synergies import synergy_findings

    return synergy_findings(asked)


def analyse(
    record: TrialRecord | Any,
    replicates: Replicates | Any = None,
    potential: Mapping[str, Any] | None = None,
    questions: Mapping[str, Any] | None = None,
    seed: int = 1,
) -> Findings:
    """Every finding the record permits, chapter by chapter; what could not be done stands in `Findings.notes`.

    replicates: further trials of the same study, for operating characteristics and believability.  potential: records
    of the same subjects with one agent left out, by agent.  questions: win over those of the manifest.
    seed: of permutations.  Raises: AnalysisError where the questions do not fit (an unknown column to compare by).
    """
    return joined(analyse_part(CHAPTERS, record, replicates, potential, questions, seed))


def analyse_part(
    chapters: Iterable[str],
    record: TrialRecord | Any,
    replicates: Replicates | Any = None,
    potential: Mapping[str, Any] | None = None,
    questions: Mapping[str, Any] | None = None,
    seed: int = 1,
) -> Part:
    """The findings of some chapters, by chapter, as `analyse` has them: for who shares the chapters out."""
    asked = ask(record, questions, replicates, potential, seed)
    if not len(asked.table("subjects")):
        raise AnalysisError("the record has no subjects, so that there is nothing to analyse.")
    asked.groups  # noqa: B018  - a wrong `compare` or `reference` is an error of the whole request, not of one chapter
    found: Part = {}
    for chapter in chapters:
        try:
            found[chapter] = CHAPTERS[chapter](asked)
        except AnalysisError as problem:
            found[chapter] = [note(chapter, f"The chapter {chapter} could not be analysed: {problem}")]
    return found


def joined(part: Part) -> Findings:
    """The findings of all chapters, in their order."""
    return Findings([finding for chapter in CHAPTERS for finding in part.get(chapter, ())])
