"""`opsonin decide`: what the design says now, why, and what follows from everything the next cohort may show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.markup import escape

from opsonin.cli.screen import console, table
from opsonin.errors import StudyError
from opsonin.results import REPORT, record_folder

if TYPE_CHECKING:
    from rich.table import Table

    from opsonin.conduct import Advice, Conduct
    from opsonin.designs import Decision, Design, Outcomes


def decide_next(
    study: str, folder: Path | None, outcomes: str | None, design: str | None, day: float | None, write: bool
) -> None:
    """Print the decision; where a record is given and `write`, add it to the record's decisions.

    Raises: StudyError where neither or both of record and outcomes are given; DesignError for outcomes that cannot be
    read; RecordError for a folder without a record.
    """
    if (folder is None) == (outcomes is None):
        given = "both were given" if folder is not None else "neither was given"
        raise StudyError(f'decide needs either --record FOLDER or --outcomes "1NNN 2NTN"; {given}.')
    if outcomes is not None and day is not None:
        raise StudyError("--day goes with --record; in outcomes write days of follow-up as 2N@14d.")
    from opsonin.conduct import advise
    from opsonin.designs import parse_outcomes
    from opsonin.study import Study
    from opsonin.study.dose_finding import level_names, study_conduct, study_design

    read = Study.load(study)
    conduct = study_conduct(read, study_design(read, None if design is None else _asked(design)))
    levels = level_names(read)
    if folder is None:
        columns = getattr(conduct.design, "columns", None)
        _say(read.file.title, conduct, advise(conduct, parse_outcomes(outcomes or "", columns)), levels)
        return
    _on_record(read.file.title, conduct, folder, day, write, levels)


def _asked(design: str) -> dict[str, Any]:
    """One design as `design compare` takes it, such as "crm" or "boin(backfill=12)"."""
    from opsonin.study.asked_designs import read_designs

    made = list(read_designs(design).values())
    if len(made) > 1:
        raise StudyError(f"decide asks one design; {len(made)} were given: {design!r}.")
    return made[0]


def _on_record(title: str, conduct: Conduct, folder: Path, day: float | None, write: bool, levels: list[str]) -> None:
    from opsonin.conduct import advise_on, with_decision
    from opsonin.record import TrialRecord

    where = record_folder(folder)
    record = TrialRecord.load(where)
    advice = advise_on(conduct, record, day)
    _say(title, conduct, advice, levels)
    if not write:
        return
    today = day if day is not None else float(advice.subjects["day"].max()) if len(advice.subjects) else 0.0
    decisions = with_decision(record.decisions, advice, conduct.design.name, today)
    screen = console()
    if decisions is None:
        screen.print("\nThe record's last decision is this one already; nothing was written.")
        return
    tables = {name: frame for name, frame in record.tables.items() if len(frame)} | {"decisions": decisions}
    TrialRecord(tables, record.manifest).save(where)
    stale = f"; {where.parent / REPORT} was written before it" if (where.parent / REPORT).is_file() else ""
    screen.print(f"\nwritten   decision {decisions['decision_id'].iloc[-1]} into {escape(str(where))}{escape(stale)}")


def _say(title: str, conduct: Conduct, advice: Advice, levels: list[str]) -> None:
    screen, made = console(), advice.decision
    screen.print(f"[bold]{escape(title)}[/bold]")
    screen.print(escape(conduct.design.describe()), soft_wrap=True)
    screen.print(f"\nseen      {escape(advice.seen.text or 'no patients yet')}", soft_wrap=True)
    if len(advice.subjects):
        status = advice.subjects["status"].value_counts()
        told = [f"{many} {name}" for name, many in status.items()]
        if "response" in advice.subjects:
            many = int((advice.subjects["response"] & (advice.subjects["status"] != "not evaluable")).sum())
            told.append(f"{many} with response")
        screen.print(f"subjects  {', '.join(told)}")
    screen.print(
        f"decision  [bold]{escape(in_words(made, levels, conduct.design, advice.seen))}[/bold]", soft_wrap=True
    )
    screen.print(f"because   {escape(made.reason)}", soft_wrap=True)
    over = untried(made, conduct.design, advice.seen)
    if over:
        from opsonin.report.words import listed

        told = f"nobody has been treated at {listed(conduct.design.dose_name(level) for level in over)}"
        told += "; the design's option no_skipping = true goes over no level"
        screen.print(f"caution   {escape(told)}", soft_wrap=True)
    if len(advice.next_cohort):
        screen.print()
        screen.print(_next(advice, levels, conduct.design))
        if advice.assumed:
            screen.print(f"where {escape(advice.assumed)}")
    if len(advice.prior):
        screen.print()
        screen.print(_prior(advice, conduct.design))
        says = "would decide otherwise" if advice.prior_matters else "would decide the same"
        screen.print(f"{'Another prior' if advice.prior_matters else 'Every other prior'} {says}.")


def in_words(made: Decision, levels: list[str], design: Design, seen: Outcomes) -> str:
    """A decision as a sentence, with the dose by name.   seen: what it follows."""
    if made.action == "wait" or (made.level is not None and not made.patients):
        return "wait: treat nobody yet"
    if made.mtd is not None:
        return f"declare {_named(made.mtd, levels, design)}, the {design.seeks}"
    if made.level is None:
        return "stop the trial: no level is declared"
    who = "patient" if made.patients == 1 else "patients"
    elsewhere = made.action == "stay" and len(seen) and seen.level[~seen.beside][-1:] != made.level
    if elsewhere:  # of two agents: more of one, less of the other
        return f"move: treat {made.patients} {who} at {_named(made.level, levels, design)}"
    how = {"start": "start", "stay": "stay", "escalate": "go up", "de-escalate": "go down"}[made.action]
    return f"{how}: treat {made.patients} {who} at {_named(made.level, levels, design)}"


def untried(made: Decision, design: Design, seen: Outcomes) -> list[int]:
    """Levels of one agent below the one decided on and above the highest tried, where nobody was treated."""
    if getattr(design, "columns", None) is not None or made.level is None or not made.patients or not len(seen):
        return []
    return list(range(int(seen.level.max()) + 1, made.level))


def _named(level: int, levels: list[str], design: Design) -> str:
    """ "level 2, interleukin-2 6 MIU", or "2x3, …" of two agents."""
    return f"{design.dose_name(level)}, {levels[level - 1]}" if level <= len(levels) else design.dose_name(level)


def _next(advice: Advice, levels: list[str], design: Design) -> Table:
    heads = ("outcome", "then", "level", "patients", "because")
    rows = []
    for row in advice.next_cohort.to_dict("records"):
        level = row["mtd"] if pd.isna(row["level"]) else row["level"]
        named = "" if pd.isna(level) else f"{design.dose_label(int(level))}  {levels[int(level) - 1]}"
        rows.append((row["outcome"], row["decision"], named, str(row["patients"] or ""), row["reason"]))
    return table("For every outcome of the next cohort", heads, rows, right=["patients"])


def _prior(advice: Advice, design: Design) -> Table:
    rows = [
        (
            row["prior"],
            row["decision"],
            "" if pd.isna(row["level"]) else design.dose_label(int(row["level"])),
            row["reason"],
        )
        for row in advice.prior.to_dict("records")
    ]
    return table("Under other priors", ("prior", "decision", "level", "because"), rows)
