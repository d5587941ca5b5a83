"""Pieces of the record read from files, put together: checked row by row with the places they came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from opsonin.errors import ImportDataError
from opsonin.record.read.rows import LeftOut, rows_said
from opsonin.record.schema import Column, table
from opsonin.record.tables import conform, said


@dataclass(frozen=True)
class Piece:
    """Rows of one table from one section of one file. rows: where each stands in the file; frame: the columns."""

    table: str
    section: str
    file: str
    rows: np.ndarray
    frame: pd.DataFrame
    hints: dict[str, str]  # column -> the mapping's way of putting a word right

    def kept(self, keep: np.ndarray) -> Piece:
        """The rows where `keep` is true."""
        frame = self.frame[keep].reset_index(drop=True)
        return Piece(self.table, self.section, self.file, self.rows[keep], frame, self.hints)


def assemble(pieces: list[Piece], left_out: LeftOut, *, first_of_repeated: bool = False) -> dict[str, pd.DataFrame]:
    """The tables. Rows that lack what every row needs, or whose subject is not known, are left out and reported.

    first_of_repeated: of rows with the same key keep the first and report the others, where the file's standard
    allows them; else they are an error.
    Raises: ImportDataError, naming file, rows and column, for a value out of range, a word that is not accepted and
    a repeated key.
    """
    names = list(dict.fromkeys(piece.table for piece in pieces))
    subjects = [piece for piece in pieces if piece.table == "subjects"]
    made: dict[str, pd.DataFrame] = {}
    known: pd.Index | None = None
    for name in sorted(names, key=lambda one: one != "subjects"):
        whole = [_complete(piece, left_out) for piece in pieces if piece.table == name]
        if name != "subjects" and known is not None and "subject_id" in table(name).names:
            whole = [_of_known_subjects(piece, known, left_out) for piece in whole]
        for piece in whole:
            _check_values(piece)
        whole = _without_repeats(name, whole, left_out, first_of_repeated and name != "subjects")
        filled = [piece.frame for piece in whole if len(piece.frame)]
        if filled:
            made[name] = conform(name, pd.concat([conform(name, frame) for frame in filled]))
        if name == "subjects":
            known = pd.Index(made[name]["subject_id"]) if name in made else pd.Index([])
    if subjects and not len(made.get("subjects", [])):
        raise ImportDataError(f"{subjects[0].file}: no subject could be read; see whether the file holds rows.")
    return made


def _complete(piece: Piece, left_out: LeftOut) -> Piece:
    for column in table(piece.table).columns:
        if column.optional or column.name not in piece.frame.columns or not len(piece.frame):
            continue
        lacking = piece.frame[column.name].isna().to_numpy(dtype=bool)
        if lacking.any():
            source = piece.hints.get(f"from {column.name}", column.name)
            left_out.add(piece.file, piece.section, f"no value of {source}", piece.rows[lacking])
            piece = piece.kept(~lacking)
    return piece


def _of_known_subjects(piece: Piece, known: pd.Index, left_out: LeftOut) -> Piece:
    there = piece.frame["subject_id"].isin(known).to_numpy(dtype=bool)
    left_out.add(piece.file, piece.section, "the subject is not among the record's subjects", piece.rows[~there])
    return piece if there.all() else piece.kept(there)


def _check_values(piece: Piece) -> None:
    for column in table(piece.table).columns:
        if column.name not in piece.frame.columns:
            continue
        values = piece.frame[column.name]
        if column.choices:
            wrong = (values.notna() & ~values.isin(column.choices)).to_numpy(dtype=bool)
            _refuse(piece, column, wrong, f"is not accepted; the record knows {', '.join(column.choices)}")
        elif column.lower is not None or column.upper is not None:
            numbers = values.to_numpy(dtype=float, na_value=np.nan)
            low = -np.inf if column.lower is None else column.lower
            high = np.inf if column.upper is None else column.upper
            with np.errstate(invalid="ignore"):
                _refuse(piece, column, (numbers < low) | (numbers > high), _limits(column))
        if column.kind == "integer":
            numbers = values.to_numpy(dtype=float, na_value=np.nan)
            _refuse(piece, column, ~np.isnan(numbers) & (numbers != np.round(numbers)), "is not a whole number")


def _limits(column: Column) -> str:
    if column.upper is None:
        return "is negative" if column.lower == 0 else f"is below {column.lower:g}"
    return f"is outside {column.lower:g} to {column.upper:g}"


def _refuse(piece: Piece, column: Column, wrong: np.ndarray, why: str) -> None:
    at = np.flatnonzero(wrong)
    if not at.size:
        return
    source = piece.hints.get(f"from {column.name}", "")
    from_where = f" (from {source})" if source and source != column.name else ""
    hint = piece.hints.get(column.name, "correct the file, or leave the rows out with `where`")
    raise ImportDataError(
        f"{piece.file}, {rows_said(piece.rows[at])}, {piece.section}: {piece.table}.{column.name}{from_where} "
        f"{said(piece.frame[column.name].iloc[at[0]])} {why}; {hint}."
    )


def _without_repeats(name: str, pieces: list[Piece], left_out: LeftOut, keep_first: bool) -> list[Piece]:
    key = list(table(name).key)
    filled = [piece for piece in pieces if len(piece.frame)]
    if not filled:
        return filled
    stacked = pd.concat([piece.frame[key] for piece in filled], ignore_index=True)
    where = np.concatenate([np.full(len(piece.frame), number) for number, piece in enumerate(filled)])
    if not keep_first:
        repeated = stacked.duplicated(keep=False).to_numpy()
        if repeated.any():
            values = stacked.iloc[np.flatnonzero(repeated)[0]]
            same = np.flatnonzero((stacked == values).fillna(False).all(axis=1).to_numpy())
            places = []
            for number in dict.fromkeys(where[same].tolist()):
                at = same[where[same] == number] - int(np.flatnonzero(where == number)[0])
                places.append(f"{filled[number].file}, {filled[number].section}, {rows_said(filled[number].rows[at])}")
            words = ", ".join(f"{column} {said(value)}" for column, value in values.items())
            others = int(repeated.sum()) - same.size
            more = f" (and {others} more rows repeat other keys)" if others else ""
            raise ImportDataError(
                f"{' and '.join(places)}: the same {name} key stands more than once ({words}){more}; "
                "correct the file, or make the key unique with further columns or `where`."
            )
        return filled
    later = stacked.duplicated().to_numpy()
    made = []
    for number, piece in enumerate(filled):
        mine = later[where == number]
        reason = f"the {name} key ({', '.join(key)}) stands in an earlier row, which is kept"
        left_out.add(piece.file, piece.section, reason, piece.rows[mine])
        made.append(piece.kept(~mine))
    return made
