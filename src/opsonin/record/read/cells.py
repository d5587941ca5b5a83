"""Cells of a foreign table as text, numbers and yes or no; what cannot be read is named with its row."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from opsonin.errors import ImportDataError
from opsonin.record.read.rows import rows_said
from opsonin.record.read.tabular import Source

SHOWN = 8
DATE = re.compile(r"\d{1,4}([-/.])(\d{1,2}|[A-Za-z]{3,9})\1\d{2,4}([T ].*)?")


@dataclass(frozen=True)
class Reader:
    """How one section's cells are read. missing: marks of a missing value; names: words to replace, old -> new."""

    source: Source
    section: str = ""
    missing: tuple[str, ...] = ()
    decimal: str = "."
    _read: dict[str, pd.Series] = field(default_factory=dict, repr=False, compare=False)

    def texts(self, column: str | list[str], names: Mapping[str, Any] | None = None) -> pd.Series:
        """A column as text ("string"), several joined with "/": trimmed; empty cells and missing marks are missing.

        3.0 reads "3" where the file holds numbers and not text.
        Raises: ImportDataError, for a column that is not there.
        """
        if isinstance(column, list):
            first, *others = [self.texts(one) for one in column]
            for other in others:
                first = first + "/" + other
            return first
        if column not in self._read:
            words = _each(self.source.column(column, self.section), _text)
            self._read[column] = words.mask(words.isin(["", *self.missing]))
        return renamed(self._read[column], names or {})

    def numbers(self, column: str, names: Mapping[str, Any] | None = None, also: Sequence[str] = ()) -> np.ndarray:
        """A column as numbers, NaN where missing and where the cell is one of the words `also`.

        Raises: ImportDataError, naming file, column, row and text, where a cell holds text or an infinite number.
        """
        words = self.texts(column, names)
        words = words.mask(words.isin(list(also)))
        readable = words.str.replace(self.decimal, ".", regex=False) if self.decimal != "." else words
        values = pd.to_numeric(readable, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        wrong = words.notna().to_numpy() & ~np.isfinite(values)
        if wrong.any():
            word = words[wrong].iloc[0]
            where = f"{self.place(wrong)}: {word!r} in column {column!r} is"
            if DATE.fullmatch(word.strip()):
                raise ImportDataError(
                    f"{where} a date, where a number is wanted; count the days from each patient's origin (first dose, "
                    "enrolment) in a column of its own, and name that."
                )
            raise ImportDataError(
                f"{where} not a number; correct it, or name it in the mapping if it marks a missing value "
                f'(missing = ["{word}"]).'
            )
        return values

    def flags(self, column: str, names: Mapping[str, Any] | None = None) -> pd.Series:
        """A column of 0 and 1 (also true/false, yes/no, Y/N) as "boolean", missing where missing.

        Raises: ImportDataError, naming file, column, row and text, for anything else.
        """
        words = self.texts(column, names)
        known = _each(words, lambda word: _TRUTH.get(word.casefold(), "?"))
        wrong = (known == "?").to_numpy(dtype=bool, na_value=False)
        if wrong.any():
            raise ImportDataError(
                f"{self.place(wrong)}: {words[wrong].iloc[0]!r} in column {column!r} is neither 0 nor 1; "
                "correct it, or put it right with rename or event_when."
            )
        return (known == "1").astype("boolean").mask(known.isna())

    def place(self, wrong: np.ndarray) -> str:
        """The file, the rows where `wrong` is true and the section, to open a message."""
        section = f", {self.section}" if self.section else ""
        return f"{self.source.file}, {rows_said(self.source.rows[wrong])}{section}"


def matches(source: Source, column: str, accepted: Iterable[Any], section: str) -> np.ndarray:
    """Which rows have one of the accepted values in a column (texts compare as text, numbers as numbers).

    Raises: ImportDataError, where an accepted value stands in no row, with the values that do.
    """
    words = Reader(source, section).texts(column)
    found = words.dropna().unique()
    keep = np.zeros(len(words), dtype=bool)
    for value in accepted:
        same = [word for word in found if alike(word, value)]
        if not same:
            shown = ", ".join(repr(str(word)) for word in sorted(found)[:SHOWN]) or "nothing"
            raise ImportDataError(f"{source.file}: no row has {column} = {value!r} ({section}); it holds {shown}.")
        keep |= words.isin(same).to_numpy(dtype=bool)
    return keep


def renamed(words: pd.Series, names: Mapping[str, Any]) -> pd.Series:
    """Text with the given words replaced; others stay."""
    if not names:
        return words
    return _each(words, lambda word: next((str(new) for old, new in names.items() if alike(word, old)), word))


def alike(word: Any, value: Any) -> bool:
    """Whether a cell's text says the same as a value of the mapping: "0.0" is 0, "TRUE" is true, "MSK1" is "MSK1"."""
    if pd.isna(word):
        return False
    if isinstance(value, bool):
        return str(word).casefold() == str(value).casefold()
    said = str(value)
    if word == said:
        return True
    try:
        return float(word) == float(said)
    except ValueError:
        return False


_TRUTH = {"1": "1", "1.0": "1", "true": "1", "yes": "1", "y": "1", "0": "0", "0.0": "0", "false": "0", "no": "0"}
_TRUTH["n"] = "0"


def _each(cells: pd.Series, read: Callable[[Any], Any]) -> pd.Series:
    """`read` once for each different cell."""
    codes, uniques = pd.factorize(cells, use_na_sentinel=True)
    words = np.array([read(one) for one in uniques] + [pd.NA], dtype=object)
    return pd.Series(words[codes], dtype="string")


def _text(cell: Any) -> str:
    if isinstance(cell, bytes):
        return cell.decode("latin-1").strip()
    if isinstance(cell, float | np.floating):
        return str(int(cell)) if float(cell).is_integer() else repr(float(cell))
    if isinstance(cell, pd.Timestamp | datetime.datetime):
        return cell.isoformat(sep=" ") if cell.time() != datetime.time() else cell.date().isoformat()
    return str(cell).strip()
