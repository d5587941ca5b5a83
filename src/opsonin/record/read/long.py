"""One section of a mapping as rows of a table: `column = "source column"`, constants, units, protocol days."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opsonin.errors import ImportDataError
from opsonin.record.read.assemble import Piece
from opsonin.record.read.cells import Reader
from opsonin.record.read.mapping_file import Columned
from opsonin.record.read.quantities import checked, factor_to, one_unit
from opsonin.record.read.study_days import baseline_rows, elapsed
from opsonin.record.schema import Column, Table, near, table
from opsonin.record.tables import blank


def long_piece(name: str, section: Columned, reader: Reader, subject_id: Any, where: str) -> Piece:
    """The rows of one table that a section gives. subject_id: the columns, where the section does not name them.

    Raises: ImportDataError, naming file, row, section, column and what to do.
    """
    schema = table(name)
    columns: dict[str, Any] = {}
    asked = section.columns
    for key in ("protocol_days", "rename", "units"):
        for column in getattr(section, key):
            if column not in asked:
                raise ImportDataError(f"{where}: {key} names {column!r}{near(column, asked)}, which is not mapped.")
    if "subject_id" in schema.names and "subject_id" not in section.constant:
        columns["subject_id"] = reader.texts(section.subject_id or subject_id)
    for column, source in asked.items():
        columns[column] = _column(schema, column, source, section, reader, where)
    for column, value in section.constant.items():
        columns[column] = value
    frame = pd.DataFrame(columns, index=range(len(reader.source.rows)))
    if section.below:
        frame["below_limit"] = reader.texts(asked["value"]).isin(section.below) | frame.get("below_limit", False)
    _fill(schema, frame, reader)
    lacking = [c.name for c in schema.columns if not c.optional and c.name not in frame.columns]
    if lacking:
        raise ImportDataError(
            f'{where}: {lacking[0]} is not mapped, and every row needs it; write {lacking[0]} = "source column", or '
            f"constant.{lacking[0]} = … for the same value in every row."
        )
    if "unit" in schema.names:
        for unit in frame["unit"].dropna().unique():
            at = (frame["unit"] == unit).fillna(False).to_numpy(dtype=bool)
            checked(str(unit), reader.place(at))
    hints = {f"from {column}": str(source) for column, source in asked.items()}
    hints |= {c.name: f'put words right with rename.{c.name} = {{ "their word" = "{c.choices[0]}" }}'
              for c in schema.columns if c.choices}  # fmt: skip
    piece = Piece(name, reader.section, reader.source.file, reader.source.rows, frame, hints)
    return piece.kept(~frame.duplicated().to_numpy()) if section.repeated else piece


def one_unit_each(pieces: list[Piece]) -> list[Piece]:
    """The pieces with each marker and each analyte in the first unit it has; the rows' numbers converted.

    Raises: ImportDataError, naming the marker and both units, where one cannot be converted.
    """
    for name, called, further in (("measurements", "marker", []), ("concentrations", "analyte", ["limit"])):
        mine = [piece for piece in pieces if piece.table == name]
        if not mine:
            continue
        columns = [called, "unit", "value", *further]
        stacked = pd.concat([piece.frame.reindex(columns=columns) for piece in mine], ignore_index=True)
        numbers = {one: stacked[one].to_numpy(dtype=float, na_value=np.nan) for one in ("value", *further)}
        others = tuple(numbers[one] for one in further)
        file = ", ".join(dict.fromkeys(piece.file for piece in mine))
        unit, value, others = one_unit(stacked[called], stacked["unit"], numbers["value"], others, file)
        made = {"unit": unit, "value": pd.Series(value)} | {
            one: pd.Series(other) for one, other in zip(further, others, strict=True)
        }
        first = 0
        for piece in mine:
            rows = slice(first, first + len(piece.frame))
            first += len(piece.frame)
            for column, values in made.items():
                if column in piece.frame.columns:
                    piece.frame[column] = values.iloc[rows].to_numpy()
    return pieces


def _column(schema: Table, name: str, source: Any, section: Columned, reader: Reader, where: str) -> Any:
    column = schema.column(name)
    names = section.rename.get(name)
    unit = section.units.get(name)
    if column is None:
        return _covariate(reader, source, names)
    if column.kind == "text":
        return reader.texts(source, names)
    if isinstance(source, list):
        raise ImportDataError(f"{where}: {name} takes one column, not {len(source)}; only texts are joined.")
    if column.kind == "flag":
        return reader.flags(source, names)
    numbers = reader.numbers(source, names, section.below if name == "value" else ())
    if name in section.protocol_days:
        return elapsed(numbers, reader)
    return numbers * factor_to(unit, _unit(column, where), f"{where}, units.{name}") if unit else numbers


def _unit(column: Column, where: str) -> str:
    if column.unit:
        return column.unit
    raise ImportDataError(f"{where}: {column.name} has no unit of its own to convert to; map the column `unit`.")


def _covariate(reader: Reader, source: Any, names: dict[str, str] | None) -> Any:
    """A further column of subjects: numbers where every cell is one, else text."""
    words = reader.texts(source, names)
    values = pd.to_numeric(words, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return values if (np.isfinite(values) | words.isna().to_numpy()).all() and len(values) else words


def _fill(schema: Table, frame: pd.DataFrame, reader: Reader) -> None:
    """What follows from the other columns where a section does not say it."""
    given = frame.columns

    def fill(column: str, values: Any) -> None:
        if column in schema.names and column not in given:
            frame[column] = values

    if schema.name == "adverse_events":
        fill("event_id", pd.Series(reader.source.rows).astype("string"))
        fill("related", "unknown")
    if schema.name == "concentrations" and "value" in given and "limit" in given:
        fill("below_limit", (frame["value"] < frame["limit"]).to_numpy(dtype=bool))
    fill("below_limit", False)
    if schema.name == "concentrations" and "analyte" in given:
        fill("agent", frame["analyte"])
    if schema.name == "measurements" and {"marker", "day", "value"} <= set(given):
        fill("compartment", "not stated")
        groups = [frame[one].astype("string") for one in ("subject_id", "marker", "compartment")]
        days = frame["day"].to_numpy(dtype=float, na_value=np.nan)
        fill("baseline", baseline_rows(groups, days, frame["value"].notna().to_numpy()))
    if schema.name == "lesions":
        fill("lymph_node", False)
        if "diameter_mm" in given:
            state = blank("text", len(frame))
            state[(frame["diameter_mm"] > 0).to_numpy()] = "measured"
            state[(frame["diameter_mm"] == 0).to_numpy()] = "absent"
            frame["state"] = frame["state"].fillna(state) if "state" in given else state
    if schema.name == "responses":
        fill("best", False)
        fill("criteria", "RECIST 1.1")
        fill("source", "reported")
    fill("origin_day", 0.0)
