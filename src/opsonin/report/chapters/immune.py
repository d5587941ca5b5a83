"""Chapter 5: each cell type over time, whether the change follows the dose, and whether it parts by outcome."""

from opsonin.report import words
from opsonin.report.content import Block, Chapter, Drawing
from opsonin.report.context import Context, findings_table, remarks
from opsonin.report.figures import immune as figures
from opsonin.report.figures import immune_courses as courses
from opsonin.report.figures.composition import composition

NAME, TITLE = "immune", "Immune monitoring"
MODELS = ("mean_change", "course_by_group", "dose_exponent", "course_by_outcome")


def chapter(context: Context) -> Chapter:
    """Small multiples, dose, outcome and composition; only markers measured on more than one day."""
    rows = figures.monitored(context.record, context.groups)
    if rows.empty:
        why = (
            "The record holds no measurements."
            if context.record.measurements.empty
            else "Every marker of the record was measured once, so no change can be shown; see Biomarkers."
        )
        return Chapter(NAME, TITLE, absent=why)
    found = context.named("immune")
    blocks: list[Block] = []
    for figure in (
        figures.changes(context.record, context.groups, rows),
        figures.proportionality(context.record, context.groups, found, rows),
        courses.dose_exponents(context.record, found),
        courses.courses_by_outcome(context.record, context.groups, found, rows),
        composition(context.record, context.groups),
        courses.composition_ratios(context.groups, found),
    ):
        if figure is not None:
            blocks.append(Drawing(figure))
    blocks += remarks(context, "immune")
    parts = [f for f in found if f.name.startswith("immune.composition.")]
    modelled = [f for f in found if f.name.rpartition(".")[2] in MODELS]
    plain = [f for f in found if f not in parts and f not in modelled]
    trend, dose = (", and its trend with the dose", ", dose") if context.groups.ordered else ("", "")
    for title, own in (
        (f"Change from baseline day by day{trend}, in numbers", plain),
        (f"Mixed models over all days: means{dose} and outcome, in numbers", modelled),
        ("Composition as ratios of cell types, in numbers", parts),
    ):
        table = findings_table(title, own, _name, folded=True)
        if table is not None:
            blocks.append(table)
    lead = (
        f"{words.counted(rows['marker'].nunique(), 'marker')} measured on {words.counted(rows['day'].nunique(), 'day')}"
        f" in {words.counted(rows['subject_id'].nunique(), 'patient')}."
    )
    return Chapter(NAME, TITLE, blocks, lead=words.sentence(lead))


def _name(finding) -> str:
    return finding.name.removeprefix("immune.").replace("_", " ").replace(".", ": ")
