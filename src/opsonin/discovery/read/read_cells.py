"""The table of cells, with or without expression: whose they are, what they are called, and how the two are joined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from opsonin.discovery.read.columns import as_source, mapped
from opsonin.discovery.read.expression import Read
from opsonin.discovery.read.mapping import Mapping
from opsonin.errors import DiscoveryError
from opsonin.record.read.tabular import Source

HALF = 0.5


@dataclass(frozen=True)
class Cells:
    """cells: one row per cell.   matrix: their expression, in their order, or None.   notes: (what, reason, count)."""

    cells: pd.DataFrame
    matrix: Any
    notes: list[tuple[str, str, int | None]]


def read_cells(mapping: Mapping, table: Source | None, read: Read | None) -> Cells:
    """Cells of the table, of the expression's own file, or of both joined by the cell's name.

    Cells that one of the two lacks are left out and counted.
    Raises: DiscoveryError where the two have no cell in common, subject or sample is not mapped, or half of the cells
    have no label and nothing says that they may be left out.
    """
    section, notes = mapping.cells, []
    if table is None:
        assert read is not None
        about = read.about if read.about is not None else pd.DataFrame(index=range(len(read.cells)))
        names = pd.Series(read.cells.astype(str), name="cell")
        about = about.reset_index(drop=True)
        if "cell" not in about.columns:
            about = about.assign(cell=names.to_numpy())
        table = as_source(read.file, about)
    frame, keep = mapped(section, table, "cells", mapping.missing)
    if not keep.all():
        notes.append(("left out", "cells that [cells] where does not take", int((~keep).sum())))
    if "cell" not in frame.columns:
        if read is not None and table.file != read.file:
            raise DiscoveryError(
                f"{table.file}: [cells] does not say which column names the cells as {read.file} does "
                f'({read.cells[0]!r} …); write cell = "column".'
            )
        if read is not None:
            frame.insert(0, "cell", read.cells.astype(str)[keep])
        else:
            frame.insert(0, "cell", [f"cell {k + 1}" for k in range(len(frame))])
    frame = _whose(frame, table.file)
    lost = frame["subject"].isna() | frame["sample"].isna() | frame["cell"].isna()
    if lost.all():
        raise DiscoveryError(f"{table.file}: no cell has a subject and a sample; map them in [cells].")
    if lost.any():
        notes.append(("left out", "cells without name, subject or sample", int(lost.sum())))
        frame = frame[~lost].reset_index(drop=True)
    twice = frame["cell"].duplicated()
    if twice.any():
        first = frame["cell"][twice].iloc[0]
        raise DiscoveryError(
            f"{table.file}: the cell {first!r} stands there {int((frame['cell'] == first).sum()):,} times (of "
            f"{int(twice.sum()):,} rows too many); drop rows that repeat, or, where "
            'barcodes repeat between samples, join them: cell = ["sample", "barcode"].'
        )
    matrix = None
    if read is not None:
        frame, matrix, said = _joined(frame, read, table.file)
        notes += said
    notes += _labels(frame, section.unlabelled, table.file)
    return Cells(frame, matrix, notes)


def _whose(frame: pd.DataFrame, file: str) -> pd.DataFrame:
    """Subject and sample, each from the other where only one is mapped: then every subject has one sample."""
    if "subject" not in frame.columns and "sample" not in frame.columns:
        raise DiscoveryError(
            f'{file}: [cells] maps neither subject nor sample, and patients are the unit; write subject = "column", or '
            'constant.subject = "P1" for cells of one patient.'
        )
    if "sample" not in frame.columns:
        frame["sample"] = frame["subject"]
    if "subject" not in frame.columns:
        frame["subject"] = frame["sample"]
    return frame


def _joined(frame: pd.DataFrame, read: Read, file: str) -> tuple[pd.DataFrame, Any, list[tuple[str, str, int | None]]]:
    notes: list[tuple[str, str, int | None]] = []
    if read.cells.duplicated().any():
        raise DiscoveryError(
            f"{read.file}: the cell {read.cells[read.cells.duplicated()][0]!r} stands there twice; rename one, or, "
            'where barcodes repeat between samples, give each its own file: expression = { P1 = "file", P2 = "file" }.'
        )
    at = read.cells.get_indexer(pd.Index(frame["cell"].astype(str)))
    there = at >= 0
    if not there.any():
        raise DiscoveryError(
            f"no cell of {file} ({frame['cell'].iloc[0]!r} …) stands in {read.file} ({read.cells[0]!r} …); map the "
            "column that names the cells as the matrix does ([cells] cell = …)."
        )
    if not there.all():
        notes.append(("left out", f"cells of {file} that {read.file} does not hold", int((~there).sum())))
    without = len(read.cells) - int(there.sum())
    if without:
        notes.append(("left out", f"cells of {read.file} that {file} does not name", without))
    rows = at[there]
    matrix: Any = read.matrix
    if not (len(rows) == len(read.cells) and np.array_equal(rows, np.arange(len(rows)))):
        matrix = matrix[rows] if hasattr(matrix, "indptr") else matrix.taken(rows)
    return frame[there].reset_index(drop=True), matrix, notes


def _labels(frame: pd.DataFrame, unlabelled: str, file: str) -> list[tuple[str, str, int | None]]:
    if "label" not in frame.columns:
        return []
    bare = frame["label"].isna()
    share = float(bare.mean())
    if share == 1.0:
        raise DiscoveryError(f"{file}: every label is empty; map another column, or leave label out to annotate.")
    if share >= HALF and unlabelled == "refuse":
        raise DiscoveryError(
            f"{file}: {int(bare.sum()):,} of {len(frame):,} cells have no label, and shares of the others would not be "
            'those of the samples; leave label out of [cells] to have all annotated, or write unlabelled = "leave out".'
        )
    if not bare.any():
        return []
    return [("note", "cells have no label and are counted in no composition", int(bare.sum()))]
