"""One CDISC file: its columns by standard names, study days from dates, rows left out with their reason."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from opsonin.errors import ImportDataError
from opsonin.record.read.assemble import Piece
from opsonin.record.read.cells import Reader
from opsonin.record.read.rows import LeftOut
from opsonin.record.read.study_days import elapsed, in_days
from opsonin.record.schema import near

MISSING = ("", ".", "NA", "NaN")


@dataclass
class Notes:
    """What a reading has to say beside the tables: rows left out, remarks, the endpoints' full names."""

    left_out: LeftOut = field(default_factory=LeftOut)
    remarks: list[str] = field(default_factory=list)
    endpoints: dict[str, str] = field(default_factory=dict)

    def remark(self, sentence: str) -> None:
        """Adds a sentence once."""
        if sentence not in self.remarks:
            self.remarks.append(sentence)


@dataclass(frozen=True)
class Domain:
    """The rows of one file. start: each subject's first dose as a date, indexed by USUBJID."""

    name: str
    reader: Reader
    start: pd.Series
    notes: Notes

    @property
    def size(self) -> int:
        return len(self.reader.source.rows)

    def has(self, *names: str) -> str | None:
        """The first of the columns that is there and not all missing."""
        there = self.reader.source.frame.columns
        return next((one for one in names if one in there and self.reader.texts(one).notna().any()), None)

    def need(self, *columns: str) -> None:
        """Says which columns the file cannot do without; "A|B" for either.

        Raises: ImportDataError, naming file and column, with the nearest names.
        """
        there = self.reader.source.frame.columns
        for names in columns:
            if not set(names.split("|")) & set(there):
                raise ImportDataError(
                    f"{self.reader.source.file} has no column {' or '.join(names.split('|'))}, which {self.name} needs"
                    f"{near(names.split('|')[0], there)}; its columns are {', '.join(there)}."
                )

    def texts(self, *names: str) -> pd.Series:
        """The first of the columns that is filled, as text; missing throughout where none is."""
        found = self.has(*names)
        return self.reader.texts(found) if found else pd.Series([pd.NA] * self.size, dtype="string")

    def words(self, *names: str) -> pd.Series:
        """As `texts`, with words that are all capitals in small letters."""
        text = self.texts(*names)
        return text.where(text.isna() | (text != text.str.upper()), text.str.lower())

    def numbers(self, *names: str) -> np.ndarray:
        """The first of the columns that is filled, as numbers; NaN throughout where none is."""
        found = self.has(*names)
        return self.reader.numbers(found) if found else np.full(self.size, np.nan)

    def flags(self, *names: str) -> pd.Series:
        """The first of the columns that is filled, as flags; missing throughout where none is."""
        found = self.has(*names)
        return self.reader.flags(found) if found else pd.Series([pd.NA] * self.size, dtype="boolean")

    def dates(self, *names: str) -> pd.Series:
        """The first of the columns that is filled, as dates and times; partial dates ("2014-01") are missing."""
        text = self.texts(*names)
        return pd.to_datetime(text.where(text.str.len() >= 10), format="ISO8601", errors="coerce")

    def days(self, study_days: tuple[str, ...], dates: tuple[str, ...], by_clock: bool = False) -> np.ndarray:
        """Elapsed days of each row: from the study day, else from the date; the other way round with `by_clock`."""
        counted = self.numbers(*study_days)
        counted = elapsed(np.where(counted == 0, np.nan, counted))
        since = np.full(self.size, np.nan)
        first = self.subjects.map(self.start)
        for name in dates:
            here = in_days(self.dates(name) - first)
            since = np.where(np.isnan(since), here, since)
        one, other = (since, counted) if by_clock else (counted, since)
        return np.where(np.isnan(one), other, one)

    @property
    def subjects(self) -> pd.Series:
        return self.reader.texts("USUBJID")

    def without(self, gone: pd.Series | np.ndarray, reason: str, section: str) -> Domain:
        """The other rows; those where `gone` is true are reported with the reason."""
        gone = np.asarray(pd.Series(gone).fillna(False), dtype=bool)
        source = self.reader.source
        self.notes.left_out.add(source.file, section, reason, source.rows[gone])
        kept = Reader(source.taken(~gone), self.reader.section, self.reader.missing)
        return Domain(self.name, kept, self.start, self.notes)

    def piece(self, table: str, columns: dict[str, object], **sources: str) -> Piece:
        """The rows as a piece of a table; sources: record column = the column it comes from, for messages."""
        frame = pd.DataFrame(columns, index=range(self.size))
        hints = {f"from {column}": source for column, source in sources.items()}
        return Piece(table, table, self.reader.source.file, self.reader.source.rows, frame, hints)
