"""Writes the document on a comparison of designs: one HTML file, one Word file, CSV tables and the pathways' JSON."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from opsonin.designs.comparison import Comparison, decision_rows
from opsonin.errors import ReportError
from opsonin.report.dose_finding.content import DECISIONS, About, Block, Grid, Heading, Image, Words, document
from opsonin.version import __version__

HTML, WORD = "comparison.html", "comparison.docx"
TABLES = ("operating_characteristics", "by_dose", "differences", "decision_table", "pathways")


def write_comparison(found: Comparison, about: About, folder: Path, word: bool | None = None) -> list[Path]:
    """Write everything into a folder, which is made where it is missing, and give the files.

    word: whether to write the Word file; where None, if python-docx is installed.
    Raises: ReportError where the folder cannot be written, or Word is asked for without python-docx.
    """
    docx = _docx(word)
    blocks = document(found, about)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [_put(folder / HTML, as_html(blocks, about))]
        for name, table in tables(found).items():
            written.append(_put(folder / f"{name}.csv", table.to_csv(index=False)))
        trees = {name: ahead.to_json() for name, ahead in found.ahead.items()}
        written.append(_put(folder / "pathways.json", json.dumps(trees, indent=1, allow_nan=False)))
        if docx is not None:
            made = as_word(blocks, about, docx)
            made.save(str(folder / WORD))
            written.insert(1, folder / WORD)
    except OSError as problem:
        raise ReportError(
            f"the comparison cannot be written to {folder}: {problem.strerror or problem}; choose another folder."
        ) from problem
    return written


def tables(found: Comparison) -> dict[str, Any]:
    """The tables by name, as they are written."""
    import pandas as pd

    rows = [decision_rows(one, DECISIONS).assign(design=name) for name, one in found.designs.items()]
    rows = [table for table in rows if len(table)] or rows[:1]
    ahead = [paths.to_frame().assign(design=name) for name, paths in found.ahead.items()]
    made = (
        found.characteristics(),
        found.by_dose(),
        found.differences(),
        pd.concat(rows, ignore_index=True),
        pd.concat(ahead, ignore_index=True) if ahead else pd.DataFrame(),
    )
    return dict(zip(TABLES, made, strict=True))


def as_html(blocks: list[Block], about: About) -> str:
    """One page that needs no network."""
    from importlib.resources import files

    style = (files("opsonin.report") / "templates" / "report.css").read_text(encoding="utf-8")
    body = "\n".join(_html(block) for block in blocks)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{escape(about.title)}: dose finding</title>'
        f"<style>{style}\n{_STYLE}</style></head><body><main><header>"
        f"<h1>{escape(about.title)}</h1><p class='lead'>Dose-finding designs compared for the protocol</p>"
        f"<p class='source'>{escape(about.source)}</p></header>\n{body}\n"
        f"<footer><p class='source'>Opsonin {__version__}. Research software; not a medical device.</p></footer>"
        "</main></body></html>\n"
    )


_STYLE = """
main { width: 1080px; }
table { border-collapse: collapse; font-size: 14px; margin: 0 0 20px; }
caption { text-align: left; font-weight: 600; padding: 12px 0 6px; }
th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
td.right, th.right { text-align: right; white-space: nowrap; padding: 4px 0 4px 16px; }
figure { margin: 18px 0; overflow-x: auto; }
figcaption { font-weight: 600; padding-bottom: 6px; }
"""


def _html(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h2>{escape(block.text)}</h2>"
    if isinstance(block, Words):
        return f"<p>{escape(block.text)}</p>"
    if isinstance(block, Image):
        return f"<figure><figcaption>{escape(block.caption)}</figcaption>{block.svg}</figure>"
    sides = _sides(block)
    heads = "".join(f'<th scope="col"{side}>{escape(head)}</th>' for head, side in zip(block.heads, sides, strict=True))
    rows = "\n".join(
        "<tr>" + "".join(f"<td{side}>{escape(cell)}</td>" for cell, side in zip(row, sides, strict=True)) + "</tr>"
        for row in block.rows
    )
    return (
        f"<table><caption>{escape(block.caption)}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>\n{rows}\n</tbody></table>"
    )


def _sides(grid: Grid) -> list[str]:
    """Columns of numbers to the right."""
    return [
        ' class="right"' if grid.right and k and all(not row[k][:1].isalpha() for row in grid.rows) else ""
        for k in range(len(grid.heads))
    ]


def as_word(blocks: list[Block], about: About, docx: Any) -> Any:
    """The document in Word, on wide pages; pictures are left to the HTML file."""
    made = docx.Document()
    for section in made.sections:
        section.orientation = docx.enum.section.WD_ORIENT.LANDSCAPE
        section.page_width, section.page_height = section.page_height, section.page_width
    made.core_properties.title = f"{about.title}: dose finding"
    made.add_heading(about.title, level=0)
    if about.source:
        made.add_paragraph(about.source)
    for block in blocks:
        if isinstance(block, Heading):
            made.add_heading(block.text, level=1)
        elif isinstance(block, Words):
            made.add_paragraph(block.text)
        elif isinstance(block, Image):
            made.add_heading(block.caption, level=2)
            made.add_paragraph(f"The picture stands in {HTML}.")
        else:
            _word_table(made, block, docx)
    made.add_paragraph(f"Opsonin {__version__}. Research software; not a medical device.")
    return made


def _word_table(made: Any, grid: Grid, docx: Any) -> None:
    made.add_paragraph(grid.caption).runs[0].bold = True
    table = made.add_table(rows=1, cols=len(grid.heads), style="Light List Accent 1")
    for cell, head in zip(table.rows[0].cells, grid.heads, strict=True):
        cell.text = head
    for row in grid.rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    for row in table.rows:
        for cell in row.cells:
            for run in cell.paragraphs[0].runs:
                run.font.size = docx.shared.Pt(9)


def _docx(word: bool | None) -> Any:
    """The library that writes Word files; None where it is not wanted, or not there."""
    if word is False:
        return None
    try:
        import docx
        import docx.enum.section
        import docx.shared
    except ImportError:
        if word is None:
            return None
        raise ReportError("Word files need python-docx: install opsonin[word].") from None
    return docx


def _put(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
