"""Foreign tables read as a mapping file says: one row a subject (wide) or one row a measurement (long)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from opsonin.errors import ImportDataError
from opsonin.record.manifest import Manifest
from opsonin.record.read.assemble import Piece, assemble
from opsonin.record.read.cells import Reader, matches
from opsonin.record.read.long import long_piece, one_unit_each
from opsonin.record.read.mapping_file import Mapping, Marker, Response, Section, Survival, read_mapping
from opsonin.record.read.quantities import checked, factor_to
from opsonin.record.read.rows import LeftOut
from opsonin.record.read.study_days import baseline_rows, elapsed
from opsonin.record.read.tabular import Source, read_table
from opsonin.record.schema import near
from opsonin.record.trial_record import TrialRecord

CRITERIA = "RECIST 1.1"


def read_mapped(data: Path, mapping_path: Path) -> TrialRecord:
    """The record of a file or folder by its mapping.

    Raises: ImportDataError, naming file, row, section or key, and what to do.
    """
    mapping = read_mapping(mapping_path)
    return _Reading(data, mapping, mapping_path).record()


class _Reading:
    """One reading: the files opened so far, the rows left out, what to note."""

    def __init__(self, data: Path, mapping: Mapping, path: Path):
        if not data.exists():
            raise ImportDataError(f"{data} is not there; give the data file, or the folder it is in.")
        self.data, self.mapping, self.path = data, mapping, path
        self.sources: dict[Path, Source] = {}
        self.left_out = LeftOut()
        self.notes: list[str] = []

    def record(self) -> TrialRecord:
        mapping = self.mapping
        pieces = [self.whole_table("subjects", section, "[subjects]") for section in mapping.subjects]
        pieces += [self.survival(name, one) for name, many in mapping.survival.items() for one in many]
        pieces += [self.response(name, one) for name, many in mapping.responses.items() for one in many]
        pieces += [self.marker(name, one) for name, many in mapping.markers.items() for one in many]
        pieces += [self.whole_table(n, one, f"[table.{n}]") for n, many in mapping.table.items() for one in many]
        if mapping.ignore_case:
            pieces = self.spelt_alike(pieces)
        tables = assemble(one_unit_each(pieces), self.left_out)
        questions = dict(mapping.analysis)
        if any(one.responder for many in mapping.responses.values() for one in many):
            questions["responder_only"] = True
            self.note("responses: a responder flag says CR or PR or neither; 1 is written as PR and 0 as SD, so that "
                      "only the objective response rate can be read from them.")  # fmt: skip
        self.check_questions(tables)
        manifest = Manifest(
            kind="real",
            title=mapping.title or self.data.name,
            source=mapping.source,
            study=self.path.read_text(encoding="utf-8"),
            questions=questions,
            rows_left_out=self.left_out.entries(),
            notes=self.notes,
        )
        return TrialRecord(tables, manifest).validate()

    def spelt_alike(self, pieces: list[Piece]) -> list[Piece]:
        """The pieces with every subject spelt as in [subjects], whatever the case elsewhere.

        Raises: ImportDataError where two subjects differ by case alone.
        """
        own: dict[str, str] = {}
        for piece in pieces:
            if piece.table != "subjects":
                continue
            for one in piece.frame["subject_id"].dropna().astype(str):
                if own.setdefault(one.casefold(), one) != one:
                    raise ImportDataError(
                        f"{self.path}: the subjects {own[one.casefold()]!r} and {one!r} differ by case alone; leave "
                        "ignore_case out, or put one of them right."
                    )
        for piece in pieces:
            ids = piece.frame.get("subject_id")
            if ids is None:
                continue
            alike = ids.astype("string").str.casefold().map(own).astype("string").fillna(ids)
            respelt = int((alike != ids).fillna(False).sum())
            if respelt:
                piece.frame["subject_id"] = alike
                self.note(f"{piece.section} of {piece.file}: {respelt} subjects are spelt with other capitals there.")
        return pieces

    def note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    def opened(self, section: Section, name: str) -> Reader:
        """The section's file, the rows that its `where` picks."""
        path = self.file_of(section, name)
        if path not in self.sources:
            self.sources[path] = read_table(path, encoding=self.mapping.encoding, delimiter=self.mapping.delimiter)
        source = self.sources[path]
        if not len(source.frame):
            raise ImportDataError(f"{path} is empty: it has a header and no rows; get the file again.")
        if section.where:
            keep = np.ones(len(source.frame), dtype=bool)
            for column, accepted in section.where.items():
                keep &= matches(source, column, accepted, name)
            words = " and ".join(f"{k} = {' or '.join(map(str, v))}" for k, v in section.where.items())
            self.note(f"{name} takes {int(keep.sum())} of the {keep.size} rows of {source.file} ({words}).")
            source = source.taken(keep)
        return Reader(source, name, tuple(self.mapping.missing), self.mapping.decimal)

    def file_of(self, section: Section, name: str) -> Path:
        if self.data.is_file():
            own = section.file if section.file != self.mapping.file else None
            return self.data.parent / own if own else self.data
        file = section.file or self.mapping.file
        if file is None:
            raise ImportDataError(f'{self.path}, {name}: write file = "…"; {self.data} is a folder of several files.')
        return self.data / file

    def subject_ids(self, reader: Reader, section: Section) -> pd.Series:
        return reader.texts(section.subject_id or self.mapping.subjects[0].subject_id or "subject_id")

    def piece(self, table: str, reader: Reader, columns: dict[str, Any], hints: dict[str, str]) -> Piece:
        frame = pd.DataFrame(columns, index=range(len(reader.source.rows)))
        return Piece(table, reader.section, reader.source.file, reader.source.rows, frame, hints)

    def whole_table(self, table: str, section: Any, name: str) -> Piece:
        reader = self.opened(section, name)
        default = self.mapping.subjects[0].subject_id
        return long_piece(table, section, reader, default, f"{self.path}, {name}")

    def survival(self, endpoint: str, section: Survival) -> Piece:
        name = f"[survival.{endpoint}]"
        reader = self.opened(section, name)
        scale = factor_to(section.unit, "day", f"{self.path}, {name}")
        columns = {
            "subject_id": self.subject_ids(reader, section),
            "endpoint": endpoint,
            "day": reader.numbers(section.time) * scale,
            "event": _events(reader, section),
            "origin_day": section.origin_day,
        }
        if section.cause:
            columns["cause"] = reader.texts(section.cause, section.rename.get("cause")).where(columns["event"])
        how = section.censored or section.event or (section.event_when.column if section.event_when else "")
        hints = {"from day": section.time, "from event": how}
        return self.piece("survival", reader, columns, hints)

    def response(self, kind: str, section: Response) -> Piece:
        name = f"[responses.{kind}]"
        reader = self.opened(section, name)
        if kind == "visits" and section.day is None:
            raise ImportDataError(f"{self.path}, {name}: day is missing; name the column of the visits' days.")
        if section.criteria is None:
            self.note(f"{name}: the criteria are not given and taken to be {CRITERIA}.")
        columns: dict[str, Any] = {
            "subject_id": self.subject_ids(reader, section),
            "criteria": section.criteria or CRITERIA,
            "day": _days(reader, section, f"{self.path}, {name}"),
            "best": kind == "best",
            "source": "reported",
        }
        if section.overall:
            columns["overall"] = reader.texts(section.overall, section.rename.get("overall"))
        else:
            responded = reader.flags(str(section.responder), section.rename.get("responder"))
            columns["overall"] = responded.map({True: "PR", False: "SD"}).astype("string")
            words = {True: "responder: CR or PR", False: "no responder: neither CR nor PR"}
            columns["reason"] = responded.map(words).astype("string")
        if section.confirmed:
            columns["confirmed"] = reader.flags(section.confirmed, section.rename.get("confirmed"))
        put_right = 'put words right with rename.overall = { "their word" = "PR" }'
        hints = {"from overall": section.overall or str(section.responder), "overall": put_right}
        return self.piece("responses", reader, columns, hints | {"from day": section.day or ""})

    def marker(self, marker: str, section: Marker) -> Piece:
        name = f'[markers."{marker}"]'
        reader = self.opened(section, name)
        subjects = self.subject_ids(reader, section)
        day = _days(reader, section, f"{self.path}, {name}")
        value = reader.numbers(section.value)
        missing = np.isnan(value)
        self.left_out.add(reader.source.file, name, f"no value of {section.value}", reader.source.rows[missing])
        columns: dict[str, Any] = {
            "subject_id": subjects,
            "marker": marker,
            "compartment": section.compartment,
            "day": day,
            "value": value,
            "unit": checked(section.unit, f"{self.path}, {name}"),
            "method": section.method or pd.NA,
            "below_limit": False,
            "baseline": True,
        }
        if section.baseline:
            columns["baseline"] = reader.flags(section.baseline)
        elif section.day:
            columns["baseline"] = baseline_rows([subjects], day, ~missing)
        hints = {"from value": section.value, "from day": section.day or ""}
        return self.piece("measurements", reader, columns, hints).kept(~missing)

    def check_questions(self, tables: dict[str, pd.DataFrame]) -> None:
        """[analysis] asks for what the record has."""
        asked, where = self.mapping.analysis, f"{self.path}, [analysis]"
        subjects, measurements = tables["subjects"], tables.get("measurements")
        compare = asked.get("compare")
        if compare is not None and compare not in subjects.columns:
            raise ImportDataError(f"{where}: subjects have no column {compare!r}{near(compare, subjects.columns)}.")
        strata = asked.get("strata") or []
        for column in [strata] if isinstance(strata, str) else strata:
            if column not in subjects.columns:
                raise ImportDataError(
                    f"{where}: subjects have no column {column!r} to stratify by{near(column, subjects.columns)}."
                )
        reference = asked.get("reference")
        if compare is not None and reference is not None:
            groups = sorted(subjects[compare].dropna().astype(str).unique())
            if str(reference) not in groups:
                raise ImportDataError(
                    f"{where}: no subject has {compare} = {reference!r}{near(reference, groups)}; "
                    f"there are {', '.join(groups) or 'none'}."
                )
        markers = [] if measurements is None else sorted(measurements["marker"].unique())
        # a marker of the mapping without any value is asked in vain, and the analysis says so
        known = [*markers, *self.mapping.markers, *subjects.columns]
        for marker in [*asked.get("markers", []), *asked.get("cut", {}), *asked.get("search_cut", [])]:
            if marker not in known:
                raise ImportDataError(f"{where}: there is no marker {marker!r}{near(marker, known)}.")


def _events(reader: Reader, section: Survival) -> pd.Series:
    """Events as flags; missing where the file says nothing."""
    if section.event_when is not None:
        words = reader.texts(section.event_when.column)
        happened = matches(reader.source, section.event_when.column, section.event_when.values, reader.section)
        return pd.Series(happened, dtype="boolean").mask(words.isna())
    flags = reader.flags(str(section.event or section.censored), section.rename.get("event"))
    return flags if section.event else ~flags


def _days(reader: Reader, section: Response | Marker, where: str) -> np.ndarray:
    """The day of each row; 0.0 where no column tells it."""
    if section.day is None:
        return np.zeros(len(reader.source.rows))
    days = reader.numbers(section.day)
    if "day" in section.protocol_days:
        return elapsed(days, reader)
    return days * factor_to(section.units.get("day", "day"), "day", where)
