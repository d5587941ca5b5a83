"""`opsonin why`: who of a study's virtual patients responds, what separates them, what would have turned the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from opsonin.cli.screen import Phases, console, table
from opsonin.errors import StudyError
from opsonin.results import FINDINGS, RECORD, REPORT, STUDY, new_results, refuse_foreign

if TYPE_CHECKING:
    from opsonin.record import TrialRecord
    from opsonin.study import Explained, Study

PATIENTS = "patients.csv"
SHOWN = 8  # quantities and parameters in the terminal
HOW = 'write "name: parameter = responders, other = 0.5"'


def study_why(
    name: str,
    changes: Sequence[str],
    outcome: str,
    level: int,
    early: int | None,
    out: Path | None,
    seed: int,
    threads: int | None,
) -> None:
    """Print what was found; with `out` write the findings, the patients and a report there.

    Raises: StudyError for changes that cannot be read and whatever `explain_response` refuses.
    """
    from opsonin.study import Study, explain_response

    wanted = dict(read_change(text) for text in changes)
    if len(wanted) < len(changes):
        raise StudyError("two changes have the same name; give each a name of its own.")
    if out is not None:
        refuse_foreign(out)
    study = Study.load(name)
    with Phases() as progress:
        progress("building the model", 0, 0)
        found = explain_response(
            study, wanted, outcome=outcome, level=level, early=early, seed=seed, threads=threads, progress=progress
        )
        if out is not None:
            progress("writing the report", 0, 0)
            asked = {"outcome": outcome, "level": level, "early": early, "change": list(changes)}
            _write(study, found, out, seed, asked)
    _say(study, found, level)
    if out is not None:
        console().print(f"\nreport    {escape(str(out / REPORT))}", soft_wrap=True)


def read_change(text: str) -> tuple[str, dict[str, float | str]]:
    """A mechanism and what it changes, from "slower growth: tumour_growth_rate = responders".

    Raises: StudyError where it cannot be read.
    """
    name, colon, rest = text.partition(":")
    parts: dict[str, float | str] = {}
    for part in rest.split(","):
        parameter, equals, how = (piece.strip() for piece in part.partition("="))
        if not (name.strip() and colon and parameter and equals and how):
            raise StudyError(f"the change {text!r} cannot be read; {HOW}.")
        try:
            parts[parameter] = float(how)
        except ValueError:
            parts[parameter] = how
    return name.strip(), parts


def _write(study: Study, found: Explained, out: Path, seed: int, asked: dict[str, Any]) -> None:
    from opsonin.report import write_report

    record = _record(study, seed, asked)
    with new_results(out) as fresh:
        record.save(fresh / RECORD)
        found.findings.save(fresh / FINDINGS)
        found.patients.to_csv(fresh / PATIENTS, index=False)
        (fresh / STUDY).write_text(study.text, encoding="utf-8")
        write_report(record, found.findings, fresh / REPORT)


def _record(study: Study, seed: int, asked: dict[str, Any]) -> TrialRecord:
    """The pool as subjects of a record: nobody was enrolled in an arm, so it holds nothing else."""
    from opsonin.record import TrialRecord
    from opsonin.study.provenance import manifest, why_of
    from opsonin.study.run import _patients

    patients = _patients(study, seed)
    subjects = patients.covariates.assign(subject_id=[f"V{k + 1:05d}" for k in range(len(patients))])
    about = manifest(study, study.built, seed)
    for question in ("compare", "reference", "strata"):
        about.questions.pop(question, None)
    about.questions.pop("why_of", None)
    about.questions |= {"explain": asked, **why_of(study.built.protocol, asked["level"])}
    return TrialRecord({"subjects": subjects}, about)


def _say(study: Study, found: Explained, level: int) -> None:
    from opsonin.record.species import said
    from opsonin.report import words
    from opsonin.report.figures import why as figures

    screen, findings = console(), found.findings.results
    rate = findings.get("why.response.rate")
    screen.print(f"[bold]{escape(study.file.title)}[/bold]")
    told = words.with_interval(rate.estimate, rate.lower, rate.upper, percent=True)
    where = study.built.protocol.levels[level - 1].name
    left = f" ({found.left_out} more could not be judged)" if found.left_out else ""
    whom = said("virtual patients", study.built.species)
    screen.print(escape(f"{where}, {rate.note}: {rate.events:,} of {rate.n:,} {whom}, {told}{left}."))
    for title, prefix, ending, percent in (
        ("What separates them (area)", "why.separation.", ".auc", False),
        ("Share of the variance", "why.variance.", ".share", True),
        ("Turned by one change", "why.counterfactual.", ".turned", True),
        ("What holds back the others", "why.resistance.", ".share", True),
    ):
        rows = figures.named(findings, prefix, ending)
        whole = prefix in ("why.counterfactual.", "why.resistance.")
        _table(title, rows if whole else rows.head(SHOWN), percent)
    for assumed in findings.named("why.variance.assumed"):
        if not math.isfinite(assumed.estimate):
            screen.print(f"\nWhat assumed parameters account for together is not told: {assumed.note}.", soft_wrap=True)
            continue
        ends = (
            min(max(x, 0.0), 1.0) for x in (assumed.estimate, assumed.lower, assumed.upper)
        )  # a sum of noisy shares
        told = words.with_interval(*ends, percent=True)
        screen.print(f"\nParameters that are assumed account for {told} of the variance.")
    for text in found.findings.notes:
        screen.print(f"\n{escape(text)}", soft_wrap=True)


def _table(title: str, rows: Any, percent: bool) -> None:
    from opsonin.report import words

    if not len(rows):
        return
    beside = rows["group"] if set(rows["group"]) != {"all"} else rows["note"].map(_known)
    grouped = bool(beside.astype(bool).any())
    lines = [
        (
            str(row["name"]),
            *([str(beside.loc[place])] if grouped else []),
            words.with_interval(row["estimate"], row["lower"], row["upper"], percent=percent),
        )
        for place, row in rows.iterrows()
    ]
    heads = ("", *([""] if grouped else []), "estimate (95 % interval)")
    console().print()
    console().print(table(title, heads, lines, right=heads[-1:]))


def _known(source: str) -> str:
    """How a parameter is known, by its source; empty where the note is none."""
    first = source.partition(":")[0].strip().lower()
    return {"assumed": "assumed", "calibrated to": "calibrated"}.get(first, "")
