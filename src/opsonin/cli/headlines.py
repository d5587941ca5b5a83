"""The few most important findings, in the words of the report's first page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsonin.analysis import Findings
    from opsonin.record import Replicates, TrialRecord


def headlines(record: TrialRecord, findings: Findings, replicates: Replicates | None) -> list[str]:
    """What the report's summary says was found, a sentence each; and what could not be derived, with the reason."""
    from opsonin.analysis.derived import completed
    from opsonin.record.species import said, species_of
    from opsonin.report.chapters.summary import found
    from opsonin.report.context import Context
    from opsonin.report.groups import grouped

    count = None if replicates is None else len(replicates.trials)
    made = completed(record, record.manifest.questions)  # the report, too, reads what follows from the lesions
    lines = found(Context(made.record, findings, grouped(made.record), count))
    species = species_of(made.record.manifest.questions)
    return [*made.problems, *(said(f"{strong} {rest}".strip(), species) for strong, rest in lines)]
