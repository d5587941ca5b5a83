"""The rows of an event table as numbers, each checked, so that whoever reads on may trust them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from opsonin.errors import ImportDataError

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("ID", "TIME", "AMT", "EVID", "CMT", "RATE", "II", "ADDL", "SS", "MDV")
ACTS = (1, 3, 4)  # the EVID of rows that change a patient's state
APART = 2e-9  # days between the doses of one moment where somebody looked in between


class Rows(NamedTuple):
    """One entry a row. time, interval: days.   rate: as given (per time unit, or −1, −2).   where(row) names it."""

    patient: Int[np.ndarray, " row"]
    time: Float[np.ndarray, " row"]
    evid: Int[np.ndarray, " row"]
    amount: Float[np.ndarray, " row"]
    rate: Float[np.ndarray, " row"]
    interval: Float[np.ndarray, " row"]
    additional: Int[np.ndarray, " row"]
    steady: Int[np.ndarray, " row"]
    compartment: list[str]
    name: str
    from_file: bool

    def where(self, row: Any) -> str:
        """The name of a row for messages: file and line, or table and row."""
        return _place(self.name, self.from_file, int(row))


class Column(NamedTuple):
    """Numbers of one column and how to speak of it."""

    values: np.ndarray
    name: str


def _place(name: str, from_file: bool, row: int) -> str:
    return f"{name}, line {row + 2}" if from_file else f"{name}, row {row + 1}"


def checked(
    frame: pd.DataFrame, name: str, from_file: bool, columns: Mapping[str, str], days: float
) -> tuple[Rows, tuple[str, ...]]:
    """The rows, and the subjects in order of appearance. days: in one unit of TIME.

    Raises: ImportDataError naming file, row and column.
    """
    reader = _Reader(frame, name, from_file, columns)
    identity = reader.text("ID", needed=True)
    time = reader.numbers("TIME", needed=True)
    amount, rate = reader.numbers("AMT"), reader.numbers("RATE")
    interval, additional = reader.numbers("II"), reader.whole("ADDL")
    steady, compartment = reader.whole("SS"), reader.text("CMT")
    evid = _evid(reader, amount, rate)
    subjects = tuple(dict.fromkeys(identity))
    number = {subject: n for n, subject in enumerate(subjects)}
    patient = np.array([number[subject] for subject in identity], dtype=np.int64)
    if not len(patient):
        raise ImportDataError(f"{name}: the event table has no row.")
    again = np.flatnonzero(np.diff(patient) < 0)
    if len(again):
        row = int(again[0]) + 1
        reader.wrong(row, "ID", f"subject {identity[row]} comes again after others; keep a subject's rows together")
    back = np.flatnonzero((np.diff(time) < 0) & (np.diff(patient) == 0))
    if len(back):
        row = int(back[0]) + 1
        more = "; let the clock run on over a reset" if evid[row] >= 3 else ""
        reader.wrong(row, "TIME", f"{time[row]:g} comes after {time[row - 1]:g} of the same subject{more}")
    _check_doses(reader, evid, amount, rate, interval, additional, steady)
    compartment = [text.removesuffix(".0") or "0" for text in compartment]
    for row in np.flatnonzero((evid == 1) | (evid == 4)):
        if compartment[row].startswith("-"):
            reader.wrong(int(row), "CMT", f"{compartment[row]} would switch a compartment off, which is not supported")
    return Rows(
        patient,
        time * days + APART * _layers(patient, time, evid),
        evid,
        amount,
        rate,
        interval * days,
        additional,
        steady,
        compartment,
        name,
        from_file,
    ), subjects


def _layers(patient: np.ndarray, time: np.ndarray, evid: np.ndarray) -> np.ndarray:
    """How many rounds of "events, then a look" came before each row at its moment: doses after a look come later."""
    layer = np.zeros(len(time), dtype=np.int64)
    acted = looked = False
    for row in range(1, len(time)):
        if patient[row] != patient[row - 1] or time[row] != time[row - 1]:
            acted = looked = False
            continue
        before = evid[row - 1] in ACTS
        acted, looked = acted or before, looked or (acted and not before)
        layer[row] = layer[row - 1]
        if looked and evid[row] in ACTS:
            layer[row] += 1
            acted = looked = False
    return layer


class _Reader:
    """Columns by NONMEM's names, as numbers, with messages that say where."""

    def __init__(self, frame: pd.DataFrame, name: str, from_file: bool, columns: Mapping[str, str]) -> None:
        self.frame, self.name, self.from_file = frame, name, from_file
        present = {str(column).strip().upper(): column for column in reversed(list(frame.columns))}
        self.found = {}
        for wanted in COLUMNS:
            given = columns.get(wanted, wanted)
            if given.upper() in present:
                self.found[wanted] = present[given.upper()]
            elif wanted in columns:
                raise ImportDataError(f"{name} has no column {given!r} for {wanted}; it has {self._listed()}.")

    def _listed(self) -> str:
        return ", ".join(str(column) for column in self.frame.columns) or "none"

    def text(self, wanted: str, needed: bool = False) -> list[str]:
        """A column as text, "" where missing."""
        if wanted not in self.found:
            if needed:
                raise ImportDataError(f"{self.name} has no column {wanted}; it has {self._listed()}.")
            return [""] * len(self.frame)
        column = self.frame[self.found[wanted]]
        texts = ["" if value is None or value != value else str(value).strip() for value in column]
        texts = ["" if text == "." else text for text in texts]
        if needed and "" in texts:
            self.wrong(texts.index(""), wanted, "it is empty")
        return texts

    def numbers(self, wanted: str, needed: bool = False) -> np.ndarray:
        """A column as finite numbers, 0 where missing."""
        made = np.zeros(len(self.frame))
        for row, text in enumerate(self.text(wanted, needed)):
            if text:
                try:
                    made[row] = float(text)
                except ValueError:
                    self.wrong(row, wanted, f"{text!r} is not a number")
        bad = np.flatnonzero(~np.isfinite(made))
        if len(bad):
            self.wrong(int(bad[0]), wanted, f"{made[bad[0]]} is not a finite number")
        return made

    def whole(self, wanted: str) -> np.ndarray:
        """A column as whole numbers."""
        values = self.numbers(wanted)
        bad = np.flatnonzero(values != np.round(values))
        if len(bad):
            self.wrong(int(bad[0]), wanted, f"{values[bad[0]]:g} is not a whole number")
        return values.astype(np.int64)

    def wrong(self, row: int, column: str, what: str) -> None:
        """Raises: ImportDataError."""
        given = self.found.get(column, column)
        raise ImportDataError(f"{_place(self.name, self.from_file, row)}, column {given}: {what}.")


def _evid(reader: _Reader, amount: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """EVID, or what AMT, RATE and MDV say where there is no such column."""
    if "EVID" not in reader.found:
        unseen = reader.whole("MDV") == 1
        return np.where((amount != 0) | (rate != 0), 1, np.where(unseen, 2, 0)).astype(np.int64)
    evid = reader.whole("EVID")
    bad = np.flatnonzero((evid < 0) | (evid > 4))
    if len(bad):
        value = int(evid[bad[0]])
        more = "; this is rxode2's coding, write 1 with CMT and RATE" if value > 100 else ""
        reader.wrong(int(bad[0]), "EVID", f"{value} is none of 0, 1, 2, 3, 4{more}")
    return evid


def _check_doses(
    reader: _Reader, evid: np.ndarray, amount: np.ndarray, rate: np.ndarray, interval: np.ndarray,
    additional: np.ndarray, steady: np.ndarray,
) -> None:  # fmt: skip
    dose = (evid == 1) | (evid == 4)
    endless = (steady > 0) & (interval == 0)
    names = ["observation", "dose", "other event", "reset", "reset with dose"]

    def refuse(mask: np.ndarray, column: str, values: np.ndarray, what: str) -> None:
        rows = np.flatnonzero(mask)
        if len(rows):
            row = int(rows[0])
            reader.wrong(row, column, what.format(value=f"{values[row]:g}", event=names[int(evid[row])]))

    refuse(amount < 0, "AMT", amount, "{value} is negative")
    refuse(~dose & (amount > 0), "AMT", amount, "an {event} (EVID) has an amount, {value}; a dose has EVID 1 or 4")
    refuse(dose & (rate < 0) & ~np.isin(rate, (-1, -2)), "RATE", rate, "{value}; below 0 only -1 and -2 mean something")
    refuse(interval < 0, "II", interval, "{value} is negative")
    refuse(dose & (additional < 0), "ADDL", additional, "{value}; doses until a steady state are asked for by SS")
    refuse(dose & ~np.isin(steady, (0, 1, 2, 3)), "SS", steady, "{value} is none of 0, 1, 2, 3")
    refuse(dose & (amount == 0) & (steady == 0), "AMT", amount, "a {event} has no amount")
    refuse(dose & (additional > 0) & (interval == 0), "II", interval, "{value}, but ADDL asks for more doses")
    refuse(dose & endless & (amount > 0), "II", interval, "{value}, but SS asks for doses given at an interval")
    refuse(dose & endless & (rate == -2), "RATE", rate, "{value}: an infusion that has always run has no duration")
    refuse(dose & endless & (additional > 0), "ADDL", additional, "{value} doses after an infusion that has always run")
    refuse(dose & (amount == 0) & ~endless, "AMT", amount, "a steady state of doses at an interval has no amount")
