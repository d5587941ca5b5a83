"""One trial, virtual or real: the tables every analysis, figure and decision reads."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from pathlib import Path

import pandas as pd

from opsonin.errors import RecordError
from opsonin.record.manifest import Manifest
from opsonin.record.parquet import load_folder, save_folder
from opsonin.record.schema import TABLES, table
from opsonin.record.tables import conform, empty_table, validate, validate_references


class TrialRecord:
    """The tables of a trial, each an attribute (`record.subjects`), and the manifest that says where they come from.

    Tables not given are there with their columns and no row. Every table has the schema's kinds and order.
    """

    subjects: pd.DataFrame
    exposures: pd.DataFrame
    adverse_events: pd.DataFrame
    concentrations: pd.DataFrame
    measurements: pd.DataFrame
    lesions: pd.DataFrame
    responses: pd.DataFrame
    survival: pd.DataFrame
    disposition: pd.DataFrame
    products: pd.DataFrame
    decisions: pd.DataFrame

    def __init__(self, tables: Mapping[str, pd.DataFrame], manifest: Manifest | None = None):
        """Raises: RecordError, for an unknown table or one that does not fit its schema (see `conform`)."""
        for name in tables:
            table(name)
        self.manifest = Manifest() if manifest is None else manifest
        for name in TABLES:
            setattr(self, name, conform(name, tables[name]) if name in tables else empty_table(name))

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by name, empty ones included."""
        return {name: getattr(self, name) for name in TABLES}

    def view(self) -> TrialRecord:
        """The same record in frames of its own, values shared: for another thread, as reading rearranges them."""
        other = copy(self)
        for name, frame in self.tables.items():
            setattr(other, name, frame.copy(deep=False))
        return other

    def validate(self) -> TrialRecord:
        """The record itself, every table checked, and every subject found in `subjects`.

        Raises: RecordError, naming table, column and row.
        """
        for name, frame in self.tables.items():
            if len(frame):
                validate(name, frame)
        validate_references(self.tables)
        return self

    def save(self, folder: str | Path) -> None:
        """Writes the record as a folder of Parquet files and a manifest, replacing an older one all at once.

        Raises: RecordError, where the record does not hold together or the folder holds something else.
        """
        self.validate()
        save_folder(folder, self.tables, self.manifest)

    @classmethod
    def load(cls, folder: str | Path) -> TrialRecord:
        """The record as it was saved.

        Raises: RecordError, where the folder is missing, foreign or damaged, or holds replicates.
        """
        tables, manifest = load_folder(folder)
        if any("trial" in frame.columns for frame in tables.values()):
            raise RecordError(f"{folder} holds replicate trials; read it with Replicates.load.")
        return cls(tables, manifest)

    def equals(self, other: TrialRecord) -> bool:
        """Whether every table has the same columns, kinds and values (the manifests may differ)."""
        return all(frame.equals(other.tables[name]) for name, frame in self.tables.items())

    def __repr__(self) -> str:
        filled = ", ".join(f"{len(frame)} {name}" for name, frame in self.tables.items() if len(frame))
        title = f" {self.manifest.title!r}" if self.manifest.title else ""
        return f"<TrialRecord{title}, {self.manifest.kind}: {filled or 'empty'}>"
