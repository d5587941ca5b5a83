"""Columns of a section, as the mapping names them: read, renamed, cut by a pattern, and filtered."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from opsonin.discovery.read.mapping import Columned, Mapping
from opsonin.errors import DiscoveryError
from opsonin.record.read.cells import Reader, alike, matches, renamed
from opsonin.record.read.tabular import Source, read_table
from opsonin.record.schema import near

TEXTS = ("cell", "subject", "sample", "time", "tissue", "tumour_type", "label", "treatment", "response", "group")


def opened(mapping: Mapping, path: Path) -> Source:
    """A table by the ending of its name."""
    return read_table(path, encoding=mapping.encoding, delimiter=mapping.delimiter)


def as_source(file: str, frame: pd.DataFrame) -> Source:
    """What an expression file says of its cells, as a table like any other."""
    return Source(file, frame.reset_index(drop=True), np.arange(1, len(frame) + 1))


def mapped(section: Columned, source: Source, name: str, missing: list[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """The section's columns, and which rows of the table its `where` takes.

    Texts are texts; other columns are numbers where every cell is one.
    Raises: ImportDataError for a column or value that is not there; DiscoveryError for a pattern that fits nothing.
    """
    keep = np.ones(len(source.frame), dtype=bool)
    for column, accepted in section.where.items():
        keep &= matches(source, column, accepted, f"[{name}] where")
    own = source.taken(keep)
    reader = Reader(own, f"[{name}]", ("", *missing))
    made: dict[str, pd.Series] = {}
    for target, column in section.columns.items():
        words = reader.texts(column)
        if target in section.rename:
            words = _renamed(words, section.rename[target], source, column, name, missing)
        if target in section.pattern:
            words = _cut(words, section.pattern[target], f"{source.file}, [{name}]: the pattern of {target}")
        made[target] = words if target in TEXTS else _numbers(words)
    frame = pd.DataFrame(made, index=range(len(own.frame)))
    for target, value in section.constant.items():
        frame[target] = value
    for target in frame.columns.intersection(list(TEXTS)):
        frame[target] = plain(frame[target])
    return frame, keep


def first_of(frame: pd.DataFrame, key: str, columns: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """One row for each value of `key`: the columns that are one value within it; the names of those that are not."""
    if not columns:
        return frame[[key]].drop_duplicates().reset_index(drop=True), []
    grouped = frame.groupby(key, sort=False, observed=True)[columns]
    several = (grouped.nunique(dropna=True) > 1).any()
    whole = [column for column in columns if not several[column]]
    return grouped.first()[whole].reset_index(), [column for column in columns if several[column]]


def categorical(frame: pd.DataFrame) -> pd.DataFrame:
    """Texts as categories: a hundred thousand cells name a few samples."""
    made = frame.copy()
    for column in made.columns:
        if column != "cell" and made[column].dtype == object:
            made[column] = pd.Categorical(made[column])
    return made


def plain(words: pd.Series) -> pd.Series:
    """Texts as Python holds them, None where missing."""
    return pd.Series([None if pd.isna(one) else one for one in words], index=words.index, dtype=object)


def _renamed(
    words: pd.Series, names: dict[str, str], source: Source, column: str | list[str], section: str, missing: list[str]
) -> pd.Series:
    """The words by their new names.

    Raises: DiscoveryError for one that stands nowhere in the column, as what is misspelt would stay as it was.
    """
    there = set(Reader(source, f"[{section}]", ("", *missing)).texts(column).dropna())  # also of rows not taken
    lost = next((one for one in names if not any(alike(word, one) for word in there)), None)
    if lost is not None:
        raise DiscoveryError(f"{source.file}, [{section}] rename: {lost!r} does not stand in {column}"
                             f"{near(lost, there)}; it holds {', '.join(sorted(there)[:8])}.")  # fmt: skip
    return renamed(words, names)


def _cut(words: pd.Series, pattern: str, where: str) -> pd.Series:
    found = words.str.extract(re.compile(pattern), expand=False)
    lost = found.isna() & words.notna()
    if lost.any():
        raise DiscoveryError(f"{where} does not fit {words[lost].iloc[0]!r} ({int(lost.sum()):,} of {len(words):,}).")
    return found


def _numbers(words: pd.Series) -> pd.Series:
    values = pd.to_numeric(words, errors="coerce")
    if words.notna().any() and not (values.isna() & words.notna()).any():
        return values.astype(float)
    return plain(words)
