"""From tubes to the record: every FCS file of a panel gated, counted per µl, and written as measurements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from opsonin.errors import ImportDataError
from opsonin.record.manifest import Manifest
from opsonin.record.read.cells import Reader
from opsonin.record.read.fcs import GatedSample, Strategy
from opsonin.record.read.panel_file import Counting, Panel, read_panel
from opsonin.record.read.study_days import baseline_rows, elapsed
from opsonin.record.read.tabular import read_table
from opsonin.record.schema import near
from opsonin.record.trial_record import TrialRecord

FEW_BEADS = 1000  # bead events below which the count's own error (3 %) is worth a word
METHODS = {
    "beads": "flow cytometry, counting beads",
    "volume": "flow cytometry, volume drawn",
    "lymphocytes": "flow cytometry and haematology analyser",
    "percent": "flow cytometry",
}


@dataclass(frozen=True)
class Gated:
    """What gating gives.   record: subjects and measurements.   gates: every gate of every tube, with the percent of
    its parent.   notes: what the reader should know.
    """

    record: TrialRecord
    gates: pd.DataFrame
    notes: list[str]


def gate_panel(path: str | Path, progress: Callable[[str, int, int], None] | None = None) -> Gated:
    """Gate the tubes of a panel file and count them.

    cv_percent of the gates is Poisson's: 100 / √events. A population without any event is 0.
    Raises: ImportDataError, naming file, row, gate or column, and what to do.
    """
    place = Path(path)
    panel = read_panel(place)
    strategy = Strategy(place.parent / panel.strategy, panel.template)
    reader = Reader(read_table(place.parent / panel.samples), "", tuple(panel.missing))
    samples = _samples(panel, reader)
    rows, gates, notes = [], [], []
    for number, row in enumerate(samples.itertuples(index=False)):
        if progress is not None:
            progress("gating", number, len(samples))
        tube = strategy.gate(place.parent / panel.folder / str(row.file))
        here = f"{place}, {row.file}"
        scale = _per_microlitre(panel.counting, tube, reader, number, here, notes)
        gates.append(_gate_table(tube).assign(file=row.file, subject_id=row.subject_id, day=row.day))
        for marker, population in panel.markers.items():
            value, unit = float(tube.events_in(population.gate, here)), "percent"
            if population.percent_of is None:
                value, unit = value * scale, "cells/µl"
            else:
                whole = tube.events_in(population.percent_of, here)
                if not whole:
                    notes.append(f"{row.file}: {marker} is missing, as the gate {population.percent_of!r} is empty.")
                    continue
                value = 100 * value / whole
            rows.append((row.subject_id, marker, row.day, value, unit))
    if progress is not None:
        progress("gating", len(samples), len(samples))
    measured = pd.DataFrame(rows, columns=pd.Index(["subject_id", "marker", "day", "value", "unit"]))
    tables = {"subjects": _subjects(samples, reader), "measurements": _measurements(measured, panel)}
    manifest = Manifest(
        kind="real",
        title=panel.title or place.stem,
        source=f"{len(samples)} FCS files gated by {panel.strategy}",
        study=place.read_text(encoding="utf-8"),
        notes=notes,
    )
    record = TrialRecord(tables, manifest).validate()
    columns = ["file", "subject_id", "day", "gate", "events", "percent_of_parent", "cv_percent"]
    return Gated(record, pd.concat(gates, ignore_index=True)[columns], notes)


def _samples(panel: Panel, reader: Reader) -> Any:
    """file, subject_id, day (elapsed), and level and arm where they are given; one row a tube."""
    names, there = panel.columns, [str(c) for c in reader.source.frame.columns]
    where = reader.source.file
    if not len(reader.source.frame):
        raise ImportDataError(f"{where} is empty: it has a header and no rows.")
    found: dict[str, Any] = {}
    for column in ("file", "subject_id"):
        found[column] = reader.texts(names.get(column, column))
        lacking = found[column].isna().to_numpy(dtype=bool)
        if lacking.any():
            raise ImportDataError(f"{reader.place(lacking)}: no {column}; every tube needs one.")
    day, protocol_day = names.get("day", "day"), names.get("protocol_day", "protocol_day")
    given = [one for one in (day, protocol_day) if one in there]
    if len(given) != 1:
        raise ImportDataError(
            f"{where} has {'both' if given else 'neither'} {day!r} {'and' if given else 'nor'} {protocol_day!r}; give "
            "one: elapsed days (the first day starts at 0), or protocol days (the first is 1, there is no day 0)"
            f"{near('day', there) if not given else ''}."
        )
    days = reader.numbers(given[0])
    if np.isnan(days).any():
        raise ImportDataError(f"{reader.place(np.isnan(days))}: no {given[0]}; every tube needs one.")
    found["day"] = elapsed(days, reader) if given[0] == protocol_day else days
    if "level" in names or "level" in there:
        found["level"] = reader.numbers(names.get("level", "level"))
    if "arm" in names or "arm" in there:
        found["arm"] = reader.texts(names.get("arm", "arm"))
    frame: Any = pd.DataFrame(found)
    twice = frame.duplicated(["subject_id", "day"], keep=False).to_numpy()
    if twice.any():
        raise ImportDataError(
            f"{reader.place(twice)}: two tubes of one subject and day ({frame['subject_id'][twice].iloc[0]!r}); "
            "leave out the tube that was repeated, or give it the day it was taken."
        )
    return frame


def _per_microlitre(
    counting: Counting, tube: GatedSample, reader: Reader, row: int, where: str, notes: list[str]
) -> float:
    """What one event is worth in cells per µl of blood."""

    def number(key: str) -> float:
        value = getattr(counting, key)
        if not isinstance(value, str):
            return float(value)
        if value.startswith("$"):
            text = tube.metadata.get(value[1:].lower())
            if text is None:
                raise ImportDataError(f"{where}: the file has no keyword {value!r}, which {key} asks for.")
            try:
                found = float(text)
            except ValueError:
                found = float("nan")
        else:
            found = float(reader.numbers(value)[row])
        if not (np.isfinite(found) and found > 0):
            said = "missing" if np.isnan(found) else f"{found:g}"
            raise ImportDataError(f"{where}: {key} (from {value!r}) is {said}; a number above 0 is needed to count.")
        return found

    if counting.method == "percent":
        return float("nan")
    if counting.method == "volume":
        return 1 / number("blood_ul")
    gate = str(counting.gate)
    events = tube.events_in(gate, where)
    if not events:
        raise ImportDataError(f"{where}: no event lies in the gate {gate!r}, by which cells are counted; see the gate.")
    if counting.method == "lymphocytes":
        return number("lymphocytes_per_ul") / events
    if events < FEW_BEADS:
        cv = 100 / events**0.5
        notes.append(f"{tube.file}: only {events} bead events, so that counts carry an error of {cv:.1f} % from them.")
    return number("beads") / events / number("blood_ul")


def _gate_table(tube: GatedSample) -> pd.DataFrame:
    events = dict(zip(tube.gates["gate"], tube.gates["events"], strict=True))
    count = tube.gates["events"].to_numpy(dtype=float)
    whole = np.array([events.get(path.rpartition("/")[0], tube.events) for path in tube.gates["gate"]], dtype=float)
    share = np.divide(100 * count, whole, out=np.full(count.size, np.nan), where=whole > 0)
    error = np.divide(100.0, np.sqrt(count), out=np.full(count.size, np.nan), where=count > 0)
    return tube.gates[["gate", "events"]].assign(percent_of_parent=share, cv_percent=error)


def _subjects(samples: Any, reader: Reader) -> pd.DataFrame:
    columns = [c for c in ("level", "arm") if c in samples]
    for column in columns:
        known = samples.dropna(subset=[column])
        several = known.groupby("subject_id")[column].nunique()
        if (several > 1).any():
            who = several.index[several > 1][0]
            wrong = (samples["subject_id"] == who).to_numpy(dtype=bool)
            raise ImportDataError(f"{reader.place(wrong)}: the subject {who!r} has more than one {column}.")
    return (
        samples.groupby("subject_id", sort=False)[columns].first().reset_index()
        if columns
        else (samples[["subject_id"]].drop_duplicates().reset_index(drop=True))
    )


def _measurements(measured: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    day = measured["day"].to_numpy(dtype=float)
    groups = [measured["subject_id"], measured["marker"]]
    return measured.assign(
        compartment=panel.compartment,
        method=METHODS[panel.counting.method],
        below_limit=False,
        baseline=baseline_rows(groups, day, np.ones(len(measured), dtype=bool)),
    )
