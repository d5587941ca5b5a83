"""Foreign tables as they stand in their files: CSV, TSV (also gzipped), Parquet and SAS transport."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from opsonin.errors import ImportDataError
from opsonin.record.schema import near

DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t"}
READABLE = "CSV, TSV (also .gz), Parquet and SAS transport (.xpt)"


@dataclass(frozen=True)
class Source:
    """One foreign table. rows: where each row stands in the file, as a person counts.

    Text files: the line (header = 1); Parquet and transport files: the record (first = 1). Text cells come as they
    are, as text; an empty one is "".
    """

    file: str
    frame: pd.DataFrame
    rows: np.ndarray

    def column(self, name: str, section: str = "") -> pd.Series:
        """The cells of a column.

        Raises: ImportDataError, naming file and column, with the nearest names.
        """
        if name in self.frame.columns:
            return self.frame[name]
        asked = f", which {section} asks for" if section else ""
        raise ImportDataError(
            f"{self.file} has no column {name!r}{asked}{near(name, self.frame.columns)}; "
            f"its columns are {', '.join(map(str, self.frame.columns))}."
        )

    def taken(self, keep: np.ndarray) -> Source:
        """The rows where `keep` is true."""
        return Source(self.file, self.frame[keep].reset_index(drop=True), self.rows[keep])


def read_table(
    path: Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    columns: Container[str] | None = None,
    fallback: str | None = None,
) -> Source:
    """Reads one file by the ending of its name. columns: keep these alone, as far as they are there.

    encoding: of a text file, UTF-8 where not given; fallback: tried where UTF-8 fails.
    Raises: ImportDataError, naming the file and what is wrong with it: missing, empty, truncated, of an unknown
    format, in another encoding, or with lines of another length than the header.
    """
    if not path.is_file():
        beside = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
        raise ImportDataError(f"{path} is not there{near(path.name, beside)}; give a file of the formats {READABLE}.")
    ending = _ending(path)
    if path.stat().st_size == 0:
        raise ImportDataError(f"{path} is empty (0 bytes); get the file again.")
    if ending == ".parquet":
        frame = _parquet(path)
    elif ending == ".xpt":
        from opsonin.record.read.xport import read_transport

        frame = read_transport(path)
    elif ending in DELIMITERS:
        return _text(path, _decoded(path, encoding, fallback), delimiter or DELIMITERS[ending], columns)
    else:
        raise ImportDataError(f"{path}: a {ending or 'nameless'} file cannot be read; save it as one of {READABLE}.")
    if columns is not None:
        frame = frame[[one for one in frame.columns if one in columns]]
    return Source(path.name, frame, np.arange(1, len(frame) + 1))


def _ending(path: Path) -> str:
    name = path.name.lower()
    return Path(name.removesuffix(".gz")).suffix


def _parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path).read().to_pandas()
    except (pa.ArrowException, OSError) as problem:
        raise ImportDataError(
            f"{path} is not a whole Parquet file: it was truncated or is something else ({problem}); get it again."
        ) from problem


def _decoded(path: Path, encoding: str | None, fallback: str | None) -> str:
    try:
        content = path.read_bytes()
        if path.name.lower().endswith(".gz"):
            content = gzip.decompress(content)
    except (gzip.BadGzipFile, EOFError, zlib.error) as problem:
        raise ImportDataError(f"{path} is not a whole gzip file ({problem}); get it again.") from problem
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = encoding or "utf-16"
    elif b"\x00" in content[:4096]:
        raise ImportDataError(f"{path} is binary, not text; save it as one of {READABLE}.")
    try:
        return content.decode(encoding or "utf-8-sig")
    except LookupError as problem:
        raise ImportDataError(f"{path}: there is no encoding {encoding!r}; write 'utf-8' or 'latin-1'.") from problem
    except UnicodeDecodeError as problem:
        if fallback:
            return content.decode(fallback)
        line = content[: problem.start].count(b"\n") + 1
        raise ImportDataError(
            f"{path}, line {line}: the text is not {encoding or 'UTF-8'} (byte {content[problem.start]:#04x}); "
            'save the file as UTF-8, or write encoding = "latin-1" in the mapping.'
        ) from problem


def _text(path: Path, text: str, delimiter: str, wanted: Container[str] | None) -> Source:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    words: dict[str, str] = {}  # one copy of each word, however often it stands in the file
    cells: list[list[str]] = []
    rows: list[int] = []
    header: list[str] | None = None
    kept: list[int] = []
    try:
        for fields in lines:
            if not fields or (len(fields) == 1 and not fields[0].strip()):
                continue
            if header is None:
                header = _header(path, fields)
                kept = [i for i, name in enumerate(header) if wanted is None or name in wanted]
                cells = [[] for _ in kept]
                continue
            if len(fields) != len(header):
                raise ImportDataError(
                    f"{path}, row {lines.line_num}: {len(fields)} fields, but the header has {len(header)}; the line "
                    f"is cut off or a text with {delimiter!r} in it lacks its quotes."
                )
            rows.append(lines.line_num)
            for store, index in zip(cells, kept, strict=True):
                word = fields[index]
                store.append(words.setdefault(word, word))
    except csv.Error as problem:
        raise ImportDataError(f"{path}, row {lines.line_num}: {problem}; the file was cut off or damaged.") from problem
    if header is None:
        raise ImportDataError(f"{path} is empty: it has neither a header nor rows; get the file again.")
    names = [header[index] for index in kept]
    frame = pd.DataFrame({name: pd.Series(store, dtype=object) for name, store in zip(names, cells, strict=True)})
    return Source(path.name, frame, np.array(rows, dtype=np.int64))


def _header(path: Path, fields: list[str]) -> list[str]:
    names = [field.strip() for field in fields]
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    if repeated:
        raise ImportDataError(f"{path}: the header names column {repeated[0]!r} more than once; rename one of them.")
    return names
