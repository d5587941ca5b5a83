"""Many replicate trials: the record's tables with a leading `trial`, held as arrays and categories."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from opsonin.errors import RecordError
from opsonin.record.manifest import Manifest
from opsonin.record.parquet import load_folder, save_folder
from opsonin.record.schema import Kind, table
from opsonin.record.tables import blank, cast, duplicates, empty_table, shaped
from opsonin.record.trial_record import TrialRecord


class Replicates:
    """The rows of many trials, sorted by `trial` (a whole number, usually from 1); text is categorical.

    Made for millions of rows: columns that have the right kind already are taken as they are.
    """

    def __init__(self, tables: Mapping[str, pd.DataFrame], manifest: Manifest | None = None):
        """Raises: RecordError, for an unknown table, one without `trial`, or one that does not fit its schema."""
        self.manifest = Manifest() if manifest is None else manifest
        self._tables = {name: _conform(name, frame) for name, frame in tables.items()}

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables given, by name."""
        return dict(self._tables)

    @property
    def trials(self) -> np.ndarray:
        """The numbers of the trials, ascending."""
        numbers = [frame["trial"].unique() for frame in self._tables.values()]
        return np.unique(np.concatenate(numbers)) if numbers else np.array([], dtype=np.int64)

    def table(self, name: str) -> pd.DataFrame:
        """The rows of every trial, the `trial` column first; without rows where the table was not given."""
        if name in self._tables:
            return self._tables[name]
        return _conform(name, empty_table(name).assign(trial=np.array([], dtype=np.int64)))

    def trial(self, number: int) -> TrialRecord:
        """One trial as a record of its own.

        Raises: RecordError, where no table has this trial.
        """
        cut: dict[str, pd.DataFrame] = {}
        for name, frame in self._tables.items():
            first, last = np.searchsorted(frame["trial"].to_numpy(), [number, number + 1])
            cut[name] = frame.iloc[first:last].drop(columns="trial")
        if not any(len(frame) for frame in cut.values()):
            raise RecordError(f"there is no trial {number} among these {len(self.trials)} replicates.")
        return TrialRecord(cut, dataclasses.replace(self.manifest, tables={}))

    def view(self) -> Replicates:
        """The same replicates in frames of their own, values shared: for another thread, as reading rearranges them."""
        other = copy(self)
        other._tables = {name: frame.copy(deep=False) for name, frame in self._tables.items()}
        return other

    def validate(self) -> Replicates:
        """The replicates themselves, once every key is unique within its trial.

        Raises: RecordError, naming table and rows.
        """
        for name, frame in self._tables.items():
            repeated = duplicates(frame, ["trial", *table(name).key])
            if repeated:
                raise RecordError(f"replicates, {name}: {repeated}.")
        return self

    def save(self, folder: str | Path) -> None:
        """Writes a folder of Parquet files and a manifest, replacing older replicates all at once."""
        save_folder(folder, self._tables, self.manifest)

    @classmethod
    def load(cls, folder: str | Path) -> Replicates:
        """The replicates as they were saved.

        Raises: RecordError, where the folder is missing, foreign or damaged, or holds a single record.
        """
        tables, manifest = load_folder(folder)
        if any("trial" not in frame.columns for frame in tables.values()):
            raise RecordError(f"{folder} holds one trial; read it with TrialRecord.load.")
        return cls(tables, manifest)

    def __repr__(self) -> str:
        filled = ", ".join(f"{len(frame)} {name}" for name, frame in self._tables.items() if len(frame))
        return f"<Replicates of {len(self.trials)} trials: {filled or 'empty'}>"


def _conform(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows by trial, `trial` first, text as categories."""
    if "trial" not in frame.columns:
        raise RecordError(f"replicates, {name}: column 'trial' is missing.")
    trial = frame["trial"].to_numpy(dtype=np.int64)
    made = pd.DataFrame({"trial": trial} | shaped(name, frame.drop(columns="trial"), _cast, _blank), copy=False)
    if np.any(np.diff(trial) < 0):
        return made.iloc[np.argsort(trial, kind="stable")].reset_index(drop=True)
    return made


def _cast(name: str, column: str, kind: Kind, series: pd.Series) -> pd.Series:
    return _categories(series) if kind == "text" else cast(name, column, kind, series)


def _blank(kind: Kind, length: int) -> pd.Series:
    if kind == "text":
        codes: Any = np.full(length, -1, dtype=np.int8)
        return pd.Series(pd.Categorical.from_codes(codes, categories=pd.Index([], dtype=object)))
    return blank(kind, length)


def _categories(series: pd.Series) -> pd.Series:
    """The column as categories of sorted words, without unused ones, so that equal columns are stored alike."""
    if not isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype("string").astype("category")
    words = [str(word) for word in series.cat.categories]
    codes = series.cat.codes.to_numpy()
    used = np.flatnonzero(np.bincount(codes + 1, minlength=len(words) + 1)[1:])
    order = sorted(used.tolist(), key=lambda place: words[place])
    new = np.full(len(words) + 1, -1, dtype=np.int32)
    new[order] = np.arange(len(order))  # the last stays −1, for what is missing
    kind = pd.CategoricalDtype(pd.Index([words[place] for place in order], dtype=object))
    return pd.Series(pd.Categorical.from_codes(new[codes], dtype=kind))  # pyright: ignore[reportArgumentType] its stub
