"""The report of discovery: what was asked and found, from the findings and the plain tables that discovery wrote."""

from typing import Any

from opsonin.report import words
from opsonin.report.chapters.cohort import Room
from opsonin.report.content import Block, Chapter, Lines, Numbers
from opsonin.report.context import Context, findings_table

ASKED = {
    "states": "Which kinds and states of cells are in whose samples, and which of them go with response?",
    "targets": "Which molecules of these cells could a therapy aim at, and how sure is their order?",
    "plasticity": "Do cells survive therapy because few were selected, or because most changed?",
}
SHOWN = 20


def summary(context: Context) -> Chapter:
    """What was asked, what was found, and what to know before believing it."""
    question = str(context.questions["discovery"])
    found = context.named(question)
    blocks: list[Block] = []
    if context.patients:
        blocks.append(Numbers(_numbers(context)))
    blocks.append(Lines([("", ASKED.get(question, question))], "What was asked"))
    told = context.notes("discovery")
    if told:
        blocks.append(Lines([("", words.sentence(text)) for text in told], "What to know"))
    table = findings_table("What was found", found[:SHOWN], lambda f: f.name.partition(".")[2].replace("_", " "))
    if table is not None:
        blocks.append(table)
    return Chapter("summary", "Summary", blocks)


def _numbers(context: Context) -> list[tuple[str, str]]:
    out = [(f"{context.patients}", "patients")]
    cells = context.named("states.cells")
    if cells:
        out.append((f"{int(cells[0].estimate):,}", "cells that hold"))
    return out


ROOMS: tuple[Any, ...] = (Room(summary),)
