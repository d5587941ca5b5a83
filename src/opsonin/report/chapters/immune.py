"""Chapter 5: each cell type over time, and whether the change follows the dose."""

from opsonin.report import words
from opsonin.report.content import Block, Chapter, Drawing
from opsonin.report.context import Context, findings_table, remarks
from opsonin.report.figures import immune as figures
from opsonin.report.figures.composition import composition

NAME, TITLE = "immune", "Immune monitoring"


def chapter(context: Context) -> Chapter:
    """Small multiples and dose proportionality; only markers measured on more than one day."""
    rows = figures.monitored(context.record, context.groups)
    if rows.empty:
        why = (
            "The record holds no measurements."
            if context.record.measurements.empty
            else "Every marker of the record was measured once, so no change can be shown; see Biomarkers."
        )
        return Chapter(NAME, TITLE, absent=why)
    blocks: list[Block] = []
    for figure in (
        figures.changes(context.record, context.groups),
        figures.proportionality(context.record, context.groups, context.named("immune")),
        composition(context.record, context.groups),
    ):
        if figure is not None:
            blocks.append(Drawing(figure))
    blocks += remarks(context, "immune")
    table = findings_table(
        "Change from baseline and dose proportionality, in numbers", context.named("immune"), _name, folded=True
    )
    if table is not None:
        blocks.append(table)
    lead = (
        f"{words.counted(rows['marker'].nunique(), 'marker')} measured on {words.counted(rows['day'].nunique(), 'day')}"
        f" in {words.counted(rows['subject_id'].nunique(), 'patient')}."
    )
    return Chapter(NAME, TITLE, blocks, lead=words.sentence(lead))


def _name(finding) -> str:
    return finding.name.removeprefix("immune.").replace("_", " ").replace(".", ": ")
