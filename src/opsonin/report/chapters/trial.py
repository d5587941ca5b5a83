"""Chapter 2: who was enrolled, the path of decisions, and what the design would do if the trial were repeated."""

from typing import Any

from opsonin.report import phase_two, words
from opsonin.report.content import Block, Chapter, Drawing, Table
from opsonin.report.context import Context, findings_table, pivot
from opsonin.report.figures import basket
from opsonin.report.figures import trial as figures
from opsonin.report.groups import level_names, short_names

NAME, TITLE = "trial", "The trial"
CONTRASTS = (".hazard_ratio", ".significant")  # of one arm against another, over replicate trials


def chapter(context: Context) -> Chapter:
    """Patients, decisions and operating characteristics."""
    blocks: list[Block] = [_patients(context)]
    for figure in (figures.flow(context.record, context.groups), figures.staircase(context.record)):
        if figure is not None:
            blocks.append(Drawing(figure))
    decisions = phase_two.looks(context) if phase_two.has_arms(context) else _decisions(context)
    if decisions is not None:
        blocks.append(decisions)
    indications = basket.rates(context)
    if indications is not None:
        blocks.append(Drawing(indications))
    chosen = figures.chosen_doses(context.findings, context.record, context.sought)
    if chosen is not None:
        blocks.append(Drawing(chosen))
    blocks += _operating(context)
    return Chapter(NAME, TITLE, blocks, lead=_lead(context))


def _operating(context: Context) -> list[Table]:
    """Over replicate trials, by level: how often declared, patients treated, toxicities."""
    heads = {
        "mtd_selected": "declared MTD" if context.sought == "maximum tolerated dose" else "declared",
        "patients": "patients a trial",
        "dlt": "patients with a DLT",
        "dlt_rate": "DLT rate",
    }

    arms = phase_two.has_arms(context)

    def head(finding: Any) -> str:
        measure = str(finding.name).removeprefix("design.")
        return phase_two.head(finding) if arms else heads.get(measure, measure.replace("_", " "))

    found = context.named("design")
    by_level = [f for f in found if f.group != "all"]
    whole = [f for f in found if f.group == "all"]
    shares = "shares: with their Monte Carlo interval."
    if arms:
        between = [f for f in by_level if f.name.endswith(CONTRASTS)]
        by_level = [f for f in by_level if f not in between]
        noun, mean = context.groups.noun, "Patients and responses"
        order = [name for label in context.groups.labels for name in _with_indications(context, label)]
        compared = pivot(
            "Arms compared, over replicate trials",
            between,
            head,
            (),
            f"Hazard ratios: median and middle 95 %; {shares}",
        )
    else:
        noun, mean, compared = "dose level", "Patients and toxicities", None
        order = list(level_names(context.record).values())
    table = pivot(
        f"Operating characteristics over replicate trials, by {noun}",
        by_level,
        head,
        order,
        f"{mean}: mean and middle 95 % of trials{'' if arms else f'; {shares}'}",
    )
    every = findings_table("Over whole replicate trials: mean and middle 95 % of trials", whole, head, counted="trials")
    return [item for item in (table, compared, every) if item is not None]


def _with_indications(context: Context, label: str) -> list[str]:
    """A group's own name, and with each indication, as findings of a basket of several arms have it."""
    return [label, *(f"{label}, {name}" for name in context.questions.get("indications") or [])]


def _lead(context: Context) -> str:
    groups, record = context.groups, context.record
    begin = f"{words.counted(context.patients, 'patient')} in {words.counted(len(groups.labels), groups.noun)}"
    if groups.single:
        begin = words.counted(context.patients, "patient")
    missing = [
        f"{what} ({why})"
        for what, why, empty in (
            ("the flow of patients", "no disposition", record.disposition.empty),
            ("a path of decisions", "no dose decisions", record.decisions.empty and not phase_two.has_arms(context)),
        )
        if empty
    ]
    return words.sentence(begin) + (f" The record does not hold {words.listed(missing, 'or')}." if missing else "")


def _patients(context: Context) -> Table:
    """Baseline by group: the number, and median (range) or share of what is known."""
    subjects, groups = context.record.subjects, context.groups
    of = groups.label(subjects["subject_id"].astype(str))
    labels = [name for name in groups.labels if (of == name).any()]
    parts = [subjects[(of == name).to_numpy()] for name in labels]
    rows = [["patients", *(f"{len(part):,}" for part in parts)]]
    for column, title in (
        ("age_years", "age, years: median (range)"),
        ("weight_kg", "weight, kg: median (range)"),
        ("height_cm", "height, cm: median (range)"),
    ):
        if column in subjects and subjects[column].notna().any():
            rows.append([title, *(_range(part[column]) for part in parts)])
    if "sex" in subjects and subjects["sex"].notna().any():
        rows.append(
            ["female", *(words.count_of(int((p["sex"] == "F").sum()), int(p["sex"].notna().sum())) for p in parts)]
        )
    if "ecog" in subjects and subjects["ecog"].notna().any():
        for grade in sorted(subjects["ecog"].dropna().unique()):
            cells = (words.count_of(int((p["ecog"] == grade).sum()), int(p["ecog"].notna().sum())) for p in parts)
            rows.append([f"ECOG {int(grade)}", *cells])
    if len(labels) > 4:  # many groups read better down the page than across it
        titles = [row[0] for row in rows]
        turned = [[name, *(row[k + 1] for row in rows)] for k, name in enumerate(labels)]
        return Table(
            "Patients at baseline", [groups.noun, *titles], turned, "", frozenset(range(1, len(rows) + 1)), small=True
        )
    return Table("Patients at baseline", ["", *labels], rows, "", frozenset(range(1, len(labels) + 1)))


def _range(values) -> str:
    known = values.dropna().astype(float)
    if known.empty:
        return "–"
    return f"{words.number(known.median())} ({words.between(known.min(), known.max())})"


def _letters(seen: Any) -> str:
    """What the letters and signs of these outcomes stand for; of those that not every design uses, only what occurs."""
    said = ["T for a dose-limiting toxicity"]
    if seen.str.contains("[EB]").any():
        said += ["E for a response", "B for both", "N for neither"]
    else:
        said.append("N for none")
    if seen.str.contains("g").any():
        said.append("g for the worst grade")
    if seen.str.contains("@").any():
        said.append("@ for the days followed so far, where that was not the whole window")
    if seen.str.contains("[+]").any():
        said.append("+ for patients treated beside the cohorts")
    return ", ".join(said)


def _decisions(context: Context) -> Table | None:
    """Every decision with what was seen and why; each row can be checked by hand against the protocol."""
    decisions = context.record.decisions
    if decisions.empty:
        return None
    names = level_names(context.record)
    short = short_names(names.values())

    def level(value) -> str:
        if words.missing(value):
            return "–"
        name = names.get(int(value), f"level {int(value)}")
        return short.get(name, name).replace(" ", words.NBSP) if int(value) else "none"

    rows = []
    for row in decisions.sort_values(["day", "decision_id"], kind="stable").itertuples():
        day = "" if words.missing(row.day) else words.number(row.day)
        cells = [day, row.seen, level(row.level_from), row.decision, level(row.level_to), row.reason]
        rows.append(["" if cell is None or cell is not cell or str(cell) == "<NA>" else str(cell) for cell in cells])
    return Table(
        "Decisions, in order",
        ["trial day", "seen", "from", "decision", "to", "reason"],
        rows,
        f"Seen: the dose level of each cohort, then a letter a patient: {_letters(decisions['seen'].astype(str))}.",
        frozenset({0}),
        small=True,
    )
