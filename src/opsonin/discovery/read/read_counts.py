"""Tables of cells by sample and label, without the cells themselves: counts, or percents where only those are given."""

from __future__ import annotations

import pandas as pd

from opsonin.discovery.read.columns import mapped
from opsonin.discovery.read.mapping import Counts, Mapping
from opsonin.errors import DiscoveryError
from opsonin.record.read.cells import Reader
from opsonin.record.read.tabular import Source
from opsonin.record.schema import near


def read_counts(
    mapping: Mapping, table: Source
) -> tuple[pd.DataFrame, pd.DataFrame, list[tuple[str, str, int | None]]]:
    """Counts (samples × labels), the samples' own columns, and what was left out.

    Raises: DiscoveryError for a sample given twice, a count below zero, or no column to count.
    """
    section = mapping.counts
    assert section is not None
    frame, keep = mapped(section, table, "counts", mapping.missing)
    notes: list[tuple[str, str, int | None]] = []
    if not keep.all():
        notes.append(("left out", "samples that [counts] where does not take", int((~keep).sum())))
    if "sample" not in frame.columns:
        if "subject" not in frame.columns:
            raise DiscoveryError(f'{table.file}: [counts] maps neither sample nor subject; write sample = "column".')
        frame["sample"] = frame["subject"]
    labels = _labels(section, table, notes)
    reader = Reader(table.taken(keep), "[counts]", ("", *mapping.missing))
    values = pd.DataFrame({label: reader.numbers(label) for label in labels})
    lost = frame["sample"].isna().to_numpy() | values.isna().all(axis=1).to_numpy()
    if lost.any():
        notes.append(("left out", "samples without name or counts", int(lost.sum())))
        frame, values = frame[~lost].reset_index(drop=True), values[~lost].reset_index(drop=True)
    if not len(frame):
        raise DiscoveryError(f"{table.file}: no sample has counts.")
    twice = frame["sample"].duplicated()
    if twice.any():
        raise DiscoveryError(f"{table.file}: the sample {frame['sample'][twice].iloc[0]!r} stands there twice.")
    if (values < 0).any(axis=None):
        label = values.columns[(values < 0).any()][0]
        raise DiscoveryError(f"{table.file}: {label!r} is below zero; counts and percents are not.")
    if section.unit == "percent" and (values.sum(axis=1) > 100.5).any():
        worst = frame["sample"][values.sum(axis=1).idxmax()]
        raise DiscoveryError(
            f"{table.file}: the percents of {worst!r} add up to {values.sum(axis=1).max():.1f}; leave columns that are "
            "sums of others out ([counts] ignore = […])."
        )
    if section.unit == "cells":
        fractions = values.notna() & (values != values.round())
        if fractions.any(axis=None):
            label = values.columns[fractions.any()][0]
            raise DiscoveryError(
                f'{table.file}: {label!r} holds fractions, not cells; write unit = "percent" in [counts], or leave the '
                "column out (ignore)."
            )
    values = _named(section, values, table)
    bare = int(values.isna().sum().sum())
    if bare:
        notes.append(("note", "counts are missing and are taken as 0; leave a label that was not counted out", bare))
    values.index = pd.Index(frame["sample"].astype(str), name="sample")
    return values.fillna(0.0), frame, notes


def _named(section: Counts, values: pd.DataFrame, table: Source) -> pd.DataFrame:
    """Columns by the names that `rename.label` gives them; those of one name are added up."""
    names = section.rename.get("label", {})
    lost = next((name for name in names if name not in values.columns), None)
    if lost is not None:
        raise DiscoveryError(
            f"{table.file}: [counts] rename.label names {lost!r}, which is not counted{near(lost, values.columns)}."
        )
    named = values.rename(columns=names)
    return named.T.groupby(level=0, sort=False).sum(min_count=1).T if named.columns.has_duplicates else named


def _labels(section: Counts, table: Source, notes: list[tuple[str, str, int | None]]) -> list[str]:
    there = [str(one) for one in table.frame.columns]
    for name in (*section.labels, *section.ignore):
        if name not in there:
            raise DiscoveryError(f"{table.file} has no column {name!r}, which [counts] names{near(name, there)}.")
    if section.labels:
        return section.labels
    used: set[str] = set(section.where)
    for value in section.columns.values():
        used |= set(value if isinstance(value, list) else [value])
    labels = [name for name in there if name not in used and name not in section.ignore]
    if not labels:
        raise DiscoveryError(f"{table.file}: no column is left to count; name them in [counts] labels = […].")
    if section.ignore:
        notes.append(("left out", f"columns that are no labels: {', '.join(section.ignore)}", None))
    return labels
