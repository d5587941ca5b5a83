"""A decision table of the user's own, as a design like any other."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from opsonin.designs.table import DOWN, HERE, UP, DecisionTable, TableDesign, check_rates, check_size
from opsonin.errors import DesignError

MOVES = {"E": UP, "S": HERE, "D": DOWN, "DU": DOWN}
_MEANING = "E (escalate), S (stay), D (de-escalate) or DU (de-escalate, and never come back)"


@dataclass(frozen=True)
class OwnTable(TableDesign):
    """What to do after each number of DLTs, as a protocol prints it.

    rows: one row for each number of patients at the current dose, 1, 2, …; in it a letter for each number of DLTs from
    0 to all: E escalate, S stay, D de-escalate, DU de-escalate and give the dose and all above it up.   An empty
    row: no decision is made at that number of patients.   target: by which the MTD is selected in the end.
    cohort: patients treated together, the number by which the rows that are needed go up.
    """

    levels: int
    rows: Sequence[Sequence[str]] = ()
    target: float = 0.30
    cohort: int = 3

    def __post_init__(self) -> None:
        check_size(self.levels, self.cohort)
        check_rates(target=self.target)
        if not self.rows:
            raise DesignError("a decision table needs rows, one for each number of patients: 1, 2, ….")
        for number, row in enumerate(self.rows, start=1):
            if not row and number % self.cohort:
                continue
            if len(row) != number + 1:
                raise DesignError(
                    f"row {number} of the decision table has {len(row)} entries; {number} patients can have 0 to "
                    f"{number} DLTs, so that it has {number + 1}."
                )
            wrong = [entry for entry in row if entry not in MOVES]
            if wrong:
                raise DesignError(f"row {number} of the decision table holds {wrong[0]!r}; each entry is {_MEANING}.")

    @classmethod
    def read(cls, path: str | Path, levels: int, target: float = 0.30, cohort: int = 3) -> OwnTable:
        """A table from a CSV file: a line for each number of patients from 1 on, a letter for each number of DLTs.

        Raises: DesignError where the file cannot be read, or its table is wrong (with the line).
        """
        try:
            with Path(path).open(newline="", encoding="utf-8") as file:
                lines = [[entry.strip() for entry in line if entry.strip()] for line in csv.reader(file)]
        except (OSError, UnicodeDecodeError) as problem:
            raise DesignError(f"the decision table {path} cannot be read: {problem}.") from problem
        return cls(levels, tuple(tuple(line) for line in lines), target, cohort)

    @property
    def name(self) -> str:
        return "table"

    def table(self, most: int) -> DecisionTable:
        """Beyond the last row patients are judged by it, at the nearest DLT rate."""
        move = np.zeros((most + 1, most + 1), dtype=np.int64)
        eliminate = np.zeros((most + 1, most + 1), dtype=bool)
        known = [number for number, row in enumerate(self.rows, start=1) if row]
        for patients in range(1, most + 1):
            row_of = max((number for number in known if number <= patients), default=known[0])
            row = self.rows[row_of - 1]
            for dlt in range(patients + 1):
                entry = row[min(round(dlt * row_of / patients), row_of)]
                move[patients, dlt], eliminate[patients, dlt] = MOVES[entry], entry == "DU"
        return DecisionTable(move, eliminate)

    def describe(self) -> str:
        return f"A decision table of the protocol's own, for up to {len(self.rows)} patients at a level."
