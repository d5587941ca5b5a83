"""A trial of arms in the report: what its phase II design asks and decided, in sentences and as a table of looks."""

from __future__ import annotations

from typing import Any

from opsonin.report import words
from opsonin.report.content import Table
from opsonin.report.context import Context, value_of
from opsonin.report.groups import EVERYONE

DECISIONS = {"stay": "go on", "stop": "stop", "declare": "worth going on with"}
HEADS = {
    "worth_going_on": "worth going on with",
    "stopped_early": "stopped early",
    "objective_rate": "objective response",
    "PFS.hazard_ratio": "PFS, hazard ratio",
    "PFS.significant": "PFS, log-rank p < 0.05",
    "OS.hazard_ratio": "OS, hazard ratio",
    "OS.significant": "OS, log-rank p < 0.05",
}


def has_arms(context: Context) -> bool:
    """Whether the trial enrolled arms and looked for no dose."""
    return bool(context.questions.get("arms"))


def asked(context: Context) -> list[str]:
    """The question of the design, and what arms or indications are compared."""
    questions, labels = context.questions, context.groups.labels
    design = questions.get("phase_two") or {}
    arms = list(questions.get("arms") or ([] if labels == (EVERYONE,) else labels)) or ["the treatment"]
    said = []
    if design:
        what = words.listed(arms, "or")
        poor, good = (words.share(float(design[key])) for key in ("null", "target"))
        name = design.get("design") or design["name"]
        said.append(
            f"Is {what} worth going on with, by the {name} design: a response rate of {poor} is not, one of {good} is?"
        )
    if not context.groups.single:
        shown = words.some_of(labels, context.groups.noun)
        said.append(
            f"How many respond in {shown}, and for how long?"
            if context.groups.noun == "indication"
            else f"How do {shown} compare{_among(questions)}{', randomised' if questions.get('randomised') else ''}?"
        )
    return said or [f"What does {words.listed(arms)} do in {context.patients:,} patients?"]


def _among(questions: Any) -> str:
    """ " in b-all and pancreas", where arms are compared in several indications."""
    indications = questions.get("indications") or []
    return f" in {words.listed(indications)}" if 1 < len(indications) <= 4 else ""


def decided(context: Context) -> list[tuple[str, str]]:
    """The decision about each arm, with how often replicates decide so; the best first."""
    found = sorted(context.named("phase_two.response_rate"), key=lambda f: -float(f.estimate))
    lines = []
    for f in found:
        note = str(f.note)
        verdict = "worth going on with" if note.rstrip(".").endswith(": worth going on with") else "not worth going on"
        if note.rstrip(".").split(": ")[-1].startswith("enrol up"):
            verdict = "not decided yet"
        begin = f"{f.group}: {verdict}."
        text = (
            f"{words.count_of(int(f.events), int(f.n), 'patients')} responded; {value_of(f)} with the looks allowed for"
        )
        often = [g for g in context.named("design.worth_going_on") if g.group == f.group]
        if often:
            many = f"{int(often[0].n):,} "
            text += f"; {words.share(often[0].estimate)} of {many}replicate trials find it worth going on with"
        lines.append((begin[0].upper() + begin[1:], words.sentence(text)))
    return lines


def looks(context: Context) -> Table | None:
    """Every look at the responses, and what followed."""
    decisions = context.record.decisions
    if decisions.empty:
        return None
    rows = [
        ["" if words.missing(row.day) else words.number(row.day), DECISIONS.get(row.decision, row.decision), row.reason]
        for row in decisions.sort_values(["day", "decision_id"], kind="stable").itertuples()
    ]
    rule = str((context.questions.get("phase_two") or {}).get("rule", ""))
    return Table("Looks at the responses, in order", ["trial day", "decision", "reason"], rows, rule, frozenset({0}))


def head(finding: Any) -> str:
    """The heading of a measure over replicate trials, where this module knows one."""
    measure = str(finding.name).removeprefix("design.")
    return HEADS.get(measure, measure.replace("_", " "))
