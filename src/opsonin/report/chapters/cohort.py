"""The report of a retrospective cohort: who the patients are, the markers against the outcome, and what they add."""

from typing import Any

from opsonin.report import words
from opsonin.report.content import Block, Chapter, Drawing, Table, Text
from opsonin.report.context import Context, findings_table, remarks
from opsonin.report.figures import cohort as figures
from opsonin.report.figures.survival import curves

NAMES = {"patients": "Patients", "markers": "Markers and outcome", "value": "Added value"}


class Room:
    """One chapter, as `write_report` calls it. It has no name of its own, so it is never drawn ahead."""

    NAME = ""

    def __init__(self, make: Any):
        self.chapter = make


def outcome_of(context: Context) -> str:
    """The endpoint that the cohort was asked about."""
    named = [f.name for f in context.findings if f.name.startswith("cohort.") and f.name.endswith(".follow_up")]
    return named[0].split(".")[1] if named else "PFS"


def patients(context: Context) -> Chapter:
    """Table 1, what is not known, and how the markers hang together."""
    outcome, blocks = outcome_of(context), []
    follow = next((f for f in context.findings if f.name == f"cohort.{outcome}.follow_up"), None)
    lead = ""
    if follow is not None and follow.table is not None:
        told = words.with_interval(follow.estimate, follow.lower, follow.upper)
        lead = f"{follow.n} patients, {follow.events} with the event of {outcome}; median follow-up {told} months."
        rows = [
            [str(r["variable"]), _level(r["level"]), str(r["value"]), "" if words.missing(r["missing"]) else _few(r)]
            for r in follow.table.to_dict("records")
        ]
        blocks.append(Table("The patients", ["", "", "", "not known"], rows, "", frozenset({2, 3}), small=True))
    missing = [f for f in context.named("cohort.missing") if f.note]
    blocks += [Text(words.sentence(f"{f.note} {_other(f)}"), quiet=True) for f in missing]
    blocks += remarks(context, "cohort")
    correlations = context.named("cohort.correlation")
    drawn = [figures.pairs(f) for f in correlations]
    blocks += [Drawing(figure) for figure in drawn if figure is not None][:4]
    table = findings_table("Correlations", correlations, lambda f: "Spearman's ρ")
    return Chapter("patients", NAMES["patients"], [*blocks, *([table] if table else [])], lead=lead)


def _level(level: Any) -> str:
    return str(level).replace("**2", "²").replace("**3", "³")


def _few(row: dict) -> str:
    return f"{int(row['missing'])}" if row["missing"] else "–"


def _other(finding: Any) -> str:
    return f"Against the others: log-rank {words.p_value(finding.p)}." if words.p_value(finding.p) else ""


def markers(context: Context) -> Chapter:
    """Curves, ratios alone and together, curves by marker, cut-points with their price."""
    outcome = outcome_of(context)
    stem = f"cohort.{outcome}"
    alone = context.named(f"{stem}.univariable")
    together = [f for f in context.named(f"{stem}.multivariable") if f.unit == "hazard ratio"]
    blocks: list[Block] = []
    whole = curves(context.record, context.groups, outcome)
    drawn = [whole, figures.ratios(alone, together, outcome)]
    drawn += [figures.split_curves(context.record, f, outcome) for f in context.named(f"{stem}.median_split")]
    cuts = {f.name.rpartition(".")[0]: f for f in context.ending(stem, "searched_cut")}
    for ratio in context.ending(stem, "searched_ratio"):
        drawn.append(figures.cut_profile(ratio, cuts[ratio.name.rpartition(".")[0]]))
    blocks += [Drawing(figure) for figure in drawn if figure is not None]
    tests = [f for f in context.named(f"{stem}.multivariable", f"{stem}.proportional_hazards") if f not in together]
    searched = context.ending(stem, "searched_cut", "searched_ratio")
    for title, part in (
        ("Each variable alone", alone),
        ("All variables in one model", together),
        ("Further tests", tests),
        ("Cut-points: at the median, and searched (the ratio shrunken, p after the search)",
         [*context.named(f"{stem}.median_split"), *searched]),
    ):  # fmt: skip
        table = findings_table(title, part, _name)
        if table is not None:
            blocks.append(table)
    notes = dict.fromkeys(f.note for f in together if f.note)
    return Chapter("markers", NAMES["markers"], [*blocks, *(Text(words.sentence(t), quiet=True) for t in notes)])


def value(context: Context) -> Chapter:
    """The likelihood ratio, concordance corrected for optimism, calibration and net benefit."""
    outcome = outcome_of(context)
    stem = f"cohort.{outcome}"
    added = context.named(f"{stem}.added")
    if not added:
        return Chapter("value", NAMES["value"], absent="What the markers add could not be told; see the notes.")
    order = [f for f in added if f.name.endswith(".concordance")]
    drawn = [figures.concordances(order), figures.calibration(context.named(f"{stem}.calibration"))]
    drawn += [figures.net_benefit(f) for f in context.named(f"{stem}.net_benefit_gain")]
    blocks: list[Block] = [Drawing(figure) for figure in drawn if figure is not None]
    shown = _once([f for f in added if not f.name.endswith(".calibration_slope")])
    slopes = _once([f for f in added if f.name.endswith(".calibration_slope")])
    for title, part in (
        ("What the markers add", shown),
        ("Calibration slopes in new patients (1 is right; below 1 predictions are too extreme)", slopes),
    ):
        table = findings_table(title, part, lambda f: f.name.rpartition(".")[2].replace("_", " "))
        if table is not None:
            blocks.append(table)
    told = dict.fromkeys(f.note.partition("Apparent")[0] or f.note for f in shown if "sample" in f.note)
    blocks += [Text(words.sentence(t), quiet=True) for t in told if not t.startswith("Apparent")]
    lead = "The clinical variables first, then the same with the markers, in those patients in whom all are known."
    return Chapter("value", NAMES["value"], blocks, lead=lead)


def _once(findings: list[Any]) -> list[Any]:
    """The clinical model stands beside every marker; once is enough."""
    seen, out = set(), []
    for f in findings:
        key = (f.name.rpartition(".")[2], f.group)
        if key not in seen:
            out.append(f)
        seen.add(key)
    return out


def _name(finding: Any) -> str:
    last = finding.name.rpartition(".")[2].replace("_", " ")
    if "searched" in last:
        return f"{finding.name.rpartition('.')[0].split('.', 2)[2]}: {last}"
    if str(finding.group) == "all levels":
        return f"{finding.name.split('.multivariable.')[1]}, as a whole"
    return "" if "variable." in finding.name else finding.name.split(".", 2)[2].replace("_", " ").replace(".", ", ")


ROOMS = (Room(patients), Room(markers), Room(value))
