"""A report about mice: its chapters with the right nouns, but for what sources say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from opsonin.record.species import HUMAN, said
from opsonin.report.content import Block, Chapter, Drawing, Lines, Table

SOURCED = ("Assumed parameters", "Calibrated parameters", "Published parameters", "Methods and references")
OF_SOURCES = ("What is assumed that matters most", "Assumptions")


def told_of(chapter: Chapter, species: str) -> Chapter:
    """The chapter with its nouns. Sources, equations, code and pictures stay as they are."""
    if species == HUMAN:
        return chapter
    return replace(
        chapter,
        title=said(chapter.title, species),
        lead=said(chapter.lead, species),
        absent=said(chapter.absent, species),
        blocks=[_block(block, species) for block in chapter.blocks],
    )


def _block(block: Block, species: str) -> Block:
    if isinstance(block, Table):
        rows = block.rows
        if not block.title.startswith(SOURCED):
            rows = [[_cell(cell, species) for cell in row] for row in rows]
        columns = [said(column, species) for column in block.columns]
        return replace(
            block,
            title=said(block.title, species),
            columns=columns,
            rows=rows,
            caption=said(block.caption, species),
        )
    if isinstance(block, Lines):
        if block.title.startswith(OF_SOURCES):
            return block
        lines = [(said(strong, species), said(rest, species)) for strong, rest in block.lines]
        return replace(block, title=said(block.title, species), lines=lines)
    if isinstance(block, Drawing):
        figure = block.figure
        title, caption = said(figure.title, species), said(figure.caption, species)
        return replace(block, figure=replace(figure, title=title, caption=caption))
    if block.kind == "numbers":
        numbers: Any = [(number, said(what, species)) for number, what in block.numbers]  # type: ignore[union-attr]
        return replace(block, numbers=numbers)
    if block.kind == "text":
        return replace(block, text=said(block.text, species))  # type: ignore[union-attr]
    return block


def _cell(cell: Any, species: str) -> Any:
    return said(cell, species) if isinstance(cell, str) else cell
