"""Expression as text: dense tables with cells or genes in rows (also as R writes them), and long ones; also gz."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix, csr_matrix, vstack

from opsonin.discovery.memory import refuse_beyond
from opsonin.discovery.read.expression import Read
from opsonin.discovery.read.genes import COMMON
from opsonin.errors import DiscoveryError
from opsonin.record.schema import near

SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t"}
ROWS = 500  # read at once
UNPACKED = 4  # bytes of text in a byte of gzip, roughly
_ROW_NAMES = "row name"


def read_dense(
    path: Path,
    orientation: str | None = None,
    ignore: Sequence[str] = (),
    delimiter: str | None = None,
    known_cells: pd.Index | None = None,
) -> Read:
    """A table of values with a header.

    orientation: "cells in rows" or "genes in rows"; told from the names where left out, and said.   ignore: columns
    that are neither genes nor the row's name (with cells in rows they are kept as what the file says of its cells).
    A header one shorter than the rows, as R writes it, is understood.
    Raises: DiscoveryError for a table that is missing, empty, not numbers, or whose direction cannot be told.
    """
    separator = delimiter or separator_of(path)
    header, first = _head(path, separator)
    short = len(first) == len(header) + 1  # R's write.table: no name above the row names
    names = [_ROW_NAMES, *header] if short else header
    repeated = pd.Index(names)[pd.Index(names).duplicated()]
    if len(first) != len(names):
        raise DiscoveryError(f"{path}: the header has {len(header)} fields and the first row {len(first)}; mend it.")
    texts = [name for name, cell in zip(names, first, strict=True) if not _number(cell)]
    aside = [name for name in names if name in ignore or (short and name == _ROW_NAMES)]
    lacking = [name for name in ignore if name not in names]
    if lacking:
        raise DiscoveryError(f"{path} has no column {lacking[0]!r}, which ignore names{near(lacking[0], names)}.")
    row_name = texts[0] if texts and texts[0] not in aside else (_ROW_NAMES if short else None)
    own = [] if row_name is None else [row_name]
    told: list[str] = list(dict.fromkeys([*own, *texts, *aside]))
    numbers = [name for name in names if name not in told]
    if not numbers:
        raise DiscoveryError(f"{path} holds no numbers in its first row; is its delimiter {separator!r}?")
    size = path.stat().st_size * (UNPACKED if path.name.endswith(".gz") else 1)
    refuse_beyond(2 * size, f"{path.name} as a table", "convert it to h5ad (by cells), which is read by blocks.")
    if len(repeated.intersection(told)):
        twice = repeated.intersection(told)[0]
        raise DiscoveryError(f"{path}: column {twice!r}, which holds no values, stands more than once in the header; "
                             "rename one.")  # fmt: skip
    about, matrix = _values(path, separator, names, told)
    numbered = [f"row {k + 1}" for k in range(len(about))]
    rows = pd.Index(numbered if row_name is None else about[row_name].astype(str))
    columns = pd.Index(numbers)
    notes: list[str] = []
    if orientation is None:
        orientation, why = _direction(path, rows, columns, known_cells)
        notes.append(f"read with {orientation}, as {why}")
    if orientation == "cells in rows":
        mine = rows if known_cells is not None and rows.isin(known_cells).any() else _unlike(rows)
        return Read(path.name, matrix, mine, columns, about, None, notes)
    return Read(path.name, csr_matrix(matrix.T), columns, rows, None, None, notes)


def read_long(path: Path, columns: dict[str, str], delimiter: str | None = None) -> Read:
    """A sparse table: one value in a row, with its cell and its gene.

    Raises: DiscoveryError for a column that is not there, a value that is no number, or a pair given twice.
    """
    wanted = {key: columns.get(key, key) for key in ("cell", "gene", "value")}
    try:
        frame = pd.read_csv(path, sep=delimiter or separator_of(path), usecols=[*wanted.values()],
                            dtype={wanted["cell"]: "category", wanted["gene"]: "category"})  # fmt: skip
    except (ValueError, OSError, EOFError, zlib.error) as problem:
        raise DiscoveryError(
            f"{path} cannot be read as a sparse table ({_line(problem)}); it needs the columns "
            f"{', '.join(wanted.values())}; name others in [expression] long = {{ cell = …, gene = …, value = … }}."
        ) from problem
    values = pd.to_numeric(frame[wanted["value"]], errors="coerce")
    if values.isna().any():
        raise DiscoveryError(f"{path}, row {int(np.flatnonzero(values.isna())[0]) + 2}: the value is not a number.")
    cell, gene = (pd.Categorical(frame[wanted[key]]) for key in ("cell", "gene"))
    shape = (len(cell.categories), len(gene.categories))
    places = cell.codes.astype(np.int64) * shape[1] + gene.codes
    if pd.Series(places).duplicated().any():
        raise DiscoveryError(f"{path}: some pairs of cell and gene stand there more than once; sum them first.")
    made = coo_matrix((values.to_numpy(dtype=np.float32), (cell.codes, gene.codes)), shape=shape)
    return Read(path.name, csr_matrix(made), pd.Index(cell.categories.astype(str)),
                pd.Index(gene.categories.astype(str)))  # fmt: skip


def separator_of(path: Path) -> str:
    """By the ending of the name, .gz apart.

    Raises: DiscoveryError for a file that is missing, or of another kind.
    """
    if not path.is_file():
        beside = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DiscoveryError(f"{path} is not there{near(path.name, beside)}.")
    ending = Path(path.name.lower().removesuffix(".gz")).suffix
    if ending not in SEPARATORS:
        raise DiscoveryError(
            f"{path}: a {ending or 'nameless'} file cannot be read as a table; save it as .csv or .tsv (also .gz), "
            ".mtx, .h5 (10x) or .h5ad."
        )
    return SEPARATORS[ending]


def _head(path: Path, separator: str) -> tuple[list[str], list[str]]:
    try:
        zipped = path.name.endswith(".gz")
        with gzip.open(path, "rt", newline="") if zipped else path.open(newline="") as stream:
            rows = csv.reader(stream, delimiter=separator)
            header = [name.strip() for name in next(rows, [])]
            first = next(rows, [])
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as problem:
        raise DiscoveryError(f"{path} cannot be read ({_line(problem)}); get the file again.") from problem
    if not header or not first:
        raise DiscoveryError(f"{path} is empty: it has no header, or no rows.")
    if len(header) == 1 and len(first) == 1:
        raise DiscoveryError(f"{path} has one column when split at {separator!r}; name its delimiter in the mapping.")
    return header, first


def _values(path: Path, separator: str, names: list[str], told: list[str]) -> tuple[pd.DataFrame, csr_matrix]:
    """What is no value (`told`), and the values, by column; several columns may have one name."""
    places = list(range(len(names)))
    kinds: Any = {place: (str if names[place] in told else np.float32) for place in places}
    aside, own = [names.index(name) for name in told], [place for place in places if names[place] not in told]
    try:
        about, parts = [], []
        with pd.read_csv(path, sep=separator, header=None, names=places, skiprows=1, dtype=kinds,
                         chunksize=max(1, ROWS), index_col=False) as blocks:  # fmt: skip
            for block in blocks:
                about.append(block[aside].set_axis(told, axis=1))
                values = block[own].to_numpy(dtype=np.float32)
                if not np.isfinite(values).all():
                    row, column = np.argwhere(~np.isfinite(values))[0]
                    what = "no value" if np.isnan(values[row, column]) else "a value that is not finite"
                    raise DiscoveryError(
                        f"{path}, row {int(block.index[row]) + 2}: {what} in column {names[own[column]]!r}; write 0 "
                        "where nothing was found, or leave the gene out."
                    )
                parts.append(csr_matrix(values))
    except (OSError, EOFError, zlib.error) as problem:
        raise DiscoveryError(f"{path} cannot be read to its end ({_line(problem)}); get the file again.") from problem
    except ValueError as problem:
        if isinstance(problem, DiscoveryError):
            raise
        raise DiscoveryError(
            f"{path} is not all numbers ({_line(problem)}); name the columns that are no genes in [expression] "
            "ignore = […]."
        ) from problem
    return pd.concat(about, ignore_index=True), csr_matrix(vstack(parts, format="csr"))


def _direction(path: Path, rows: pd.Index, columns: pd.Index, cells: pd.Index | None) -> tuple[str, str]:
    if cells is not None and len(cells):
        down, across = rows.isin(cells).sum(), columns.isin(cells).sum()
        if down != across and max(down, across):
            return ("cells in rows" if down > across else "genes in rows"), "the cells' names stand there"
    down, across = (sum(str(one).upper() in COMMON for one in names) for names in (rows, columns))
    if down != across:
        return ("genes in rows" if down > across else "cells in rows"), "genes known to everybody stand there"
    raise DiscoveryError(
        f'{path}: cannot tell whether its rows are cells or genes; write orientation = "cells in rows" or '
        '"genes in rows" in [expression].'
    )


def _unlike(names: pd.Index) -> pd.Index:
    """Row names that repeat (a sample's name in every row) are numbered; those of cells stay, to be named."""
    if not names.duplicated().any():
        return names
    series = pd.Series(names.astype(str))
    return pd.Index(series + "/" + (series.groupby(series).cumcount() + 1).astype(str))


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell.strip() in ("", "NA")
    return True


def _line(problem: BaseException) -> str:
    return " ".join(str(problem).split())[:200] or type(problem).__name__
