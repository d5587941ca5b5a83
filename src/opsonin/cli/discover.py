"""`opsonin discover`: patients' samples, or published tables, to targets, states of cells or plasticity."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from opsonin.cli.discover_tables import QUESTIONS, TABLES, Answered, write_tables
from opsonin.cli.screen import Phases, console, table
from opsonin.errors import DiscoveryError
from opsonin.record.schema import near
from opsonin.results import FINDINGS, MAP, RECORD, REPORT, new_results, refuse_foreign

if TYPE_CHECKING:
    from opsonin.analysis import Findings
    from opsonin.discovery.answers import Answer
    from opsonin.discovery.read.mapping import Mapping
    from opsonin.discovery.samples import Samples
    from opsonin.record import TrialRecord

SHOWN = 10  # findings on the screen
BELIEVED = 3  # of the surest features, of which is said how far they can be believed


def discover_data(data: Path, mapping: str, question: str, out: Path | None, seed: int) -> None:
    """Read what the mapping names, answer the question, and write record, findings, tables and report.

    Raises: DiscoveryError or ImportDataError, naming file, section or column, and what to do.
    """
    if question not in QUESTIONS:
        raise DiscoveryError(f"--question {question!r}{near(question, QUESTIONS)}: it is {', '.join(QUESTIONS)}.")
    from opsonin.discovery.read import mapping_file
    from opsonin.discovery.read.mapping import read_mapping

    path = mapping_file(mapping)
    asked = read_mapping(path)
    if not data.exists():
        raise DiscoveryError(f"{data} is not there; give the data file, or the folder it is in.")
    folder = out or Path("results") / path.stem
    refuse_foreign(folder)
    with Phases() as progress:
        samples = _samples(data, asked, question, progress)
        answered = _answered(question, asked, data, samples, seed, progress)
        record, findings = _recorded(answered, asked, path, question, seed)
        tables = answered.tables()
        with new_results(folder) as fresh:
            record.save(fresh / RECORD)
            findings.save(fresh / FINDINGS)
            write_tables(tables, fresh / TABLES)
            shutil.copyfile(path, fresh / MAP)
            progress("writing the report")
            from opsonin.report import write_report

            write_report(record, findings, fresh / REPORT, tables=tables)
    _conclude(answered, findings, folder)


def _samples(data: Path, asked: Mapping, question: str, progress: Phases) -> Samples | None:
    from opsonin.discovery.read.assemble import assemble
    from opsonin.discovery.read.mapping import names_samples

    own = names_samples(asked) or (data.is_file() and asked.cells.columns) or asked.counts is not None
    if not own:
        if question == "states":
            raise DiscoveryError(
                "the mapping names no samples: [files] has neither expression, cells, counts nor panel, and states are "
                "asked of samples."
            )
        return None
    progress("reading the samples")
    found = assemble(data, asked)
    if found.expression is not None:
        from opsonin.discovery.cell_map import memory_said

        mapped = question == "states" and asked.discovery.map and found.modality == "RNA"
        progress.note(f"{found.n_cells:,} cells, subjects: {found.n_subjects}; {memory_said(found, mapped)}")
    return found


def _answered(
    question: str, asked: Mapping, data: Path, samples: Samples | None, seed: int, progress: Phases
) -> Answered:
    settings = asked.discovery
    if question == "states":
        from opsonin.discovery.states_question import answer_states

        assert samples is not None
        found = answer_states(samples, settings, seed=seed, progress=progress)
        return Answered(found.answer, found.samples, found.methods)
    section = settings.targets if question == "targets" else settings.plasticity
    if section is None:
        raise DiscoveryError(
            f"--question {question} is answered from [discovery.{question}] of the mapping, which is not there; "
            f"docs/discovery-{question}.md shows one."
        )
    own, methods = samples, []
    if samples is not None and settings.baseline:
        from opsonin.discovery.sample_days import before_treatment

        own = samples = before_treatment(samples)
    if samples is not None and samples.expression is not None and samples.modality == "RNA":
        from opsonin.discovery.prepare import prepare

        prepared = prepare(samples, seed, progress, settings.doublets, mapped=False)
        own, methods = _counts_of(samples, prepared.samples), prepared.methods
    progress(question)
    if question == "targets":
        from opsonin.discovery.target_question import answer_targets

        return Answered(answer_targets(section, data, own, seed=seed), own, methods)
    from opsonin.discovery.plasticity_question import answer_plasticity

    return Answered(answer_plasticity(section, data, own, asked=settings, seed=seed), own, methods)


def _counts_of(samples: Samples, kept: Samples) -> Samples:
    """The counts of the cells that hold: pseudobulk adds up counts, not logs."""
    if samples.units != "counts":
        return kept
    keep = samples.cells["cell"].isin(set(kept.cells["cell"])).to_numpy()
    return samples if keep.all() else samples.take(keep).with_(source=kept.source)


def _recorded(answered: Answered, asked: Mapping, path: Path, question: str, seed: int) -> tuple[TrialRecord, Findings]:
    """The record with its features, and findings: the question's, and those of every record's analyses."""
    from opsonin.analysis import Finding, Findings
    from opsonin.discovery.feature_table import COLUMNS, FeatureTable
    from opsonin.discovery.into_record import as_record
    from opsonin.record import Manifest, TrialRecord

    features = answered.answer.features
    if answered.samples is None:
        record = TrialRecord({}, Manifest(kind="real", title=asked.title, source=asked.source))
    else:
        import pandas as pd

        record = as_record(answered.samples, features or FeatureTable(pd.DataFrame(columns=pd.Index(COLUMNS))))
        record.manifest.rows_left_out += _left_out(answered.samples)
    record.manifest.title = asked.title or path.stem
    record.manifest.study = path.read_text(encoding="utf-8")
    record.manifest.seed = seed
    record.manifest.questions["discovery"] = question
    found = Findings(Finding(**row) for row in answered.answer.findings)
    found += [Finding(name=f"note.discovery.{question}", note=note) for note in answered.answer.notes]
    return record, Findings([*found, *_as_every_record(record, answered.answer, seed)])


def _as_every_record(record: TrialRecord, answer: Answer, seed: int) -> list[Any]:
    """What the analyses of every record say: how far the surest features can be believed, and features before treatment
    against times to events.
    """
    features, compared = answer.features, answer.tables.get("states")
    measured = record.measurements
    if features is None or not len(measured):
        return []
    from opsonin.analysis.everything import analyse_part, joined

    parts, questions = [], record.manifest.questions
    before = set(measured[measured["baseline"]]["marker"].astype(str))
    by_response = set(compared["feature"]) if compared is not None and len(record.responses) else set()
    if by_response & before and compared is not None:
        surest = [one for one in compared["feature"] if one in before][:BELIEVED]
        questions["biomarkers"] = [{"marker": one, "against": ["response"]} for one in surest]
        parts += ["response", "biomarker"]
    endpoints = sorted(set(record.survival["endpoint"].astype(str)))
    if endpoints:
        shares = (features.frame["kind"] == "composition") & (features.frame["unit"] == "percent")
        markers = [one for one in features.frame[~shares]["feature"].unique() if one in before]
        questions["screen"] = {"against": endpoints, "markers": markers}
        parts += ["survival", "screen"]
    return list(joined(analyse_part(parts, record, seed=seed))) if parts else []


def _left_out(samples: Samples) -> list[dict[str, Any]]:
    return [
        {
            "file": one["file"],
            "section": "samples",
            "reason": one["reason"],
            "count": int(one["count"] or 1),
            "rows": "",
        }
        for one in samples.source
        if one["what"] == "left out"
    ]


def _said(finding: Any) -> str:
    """A finding's number in words, cells in full."""
    return f"{finding.estimate:,.0f} cells" if finding.unit == "cells" else finding.text()


def _conclude(answered: Answered, findings: Findings, folder: Path) -> None:
    screen = console()
    rows = [(f.name, f.group if f.group != "all" else "", _said(f), "" if f.p != f.p else f"{f.p:.2g}")
            for f in findings.results if f.name.startswith((f"{answered.answer.question}.", "states."))]  # fmt: skip
    if rows:
        screen.print(table("Found", ("finding", "group", "estimate", "p"), rows[:SHOWN], right=["p"]))
        if len(rows) > SHOWN:
            screen.print(f"  and {len(rows) - SHOWN} more in {FINDINGS}")
    for note in answered.answer.notes:
        screen.print(f"  • {escape(note)}", soft_wrap=True)
    for name, place in (("record", RECORD), ("tables", TABLES), ("report", REPORT)):
        screen.print(f"{name:<9} {escape(str(folder / place))}", soft_wrap=True)
