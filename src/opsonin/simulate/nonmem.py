"""Event tables in NONMEM's form: one row a dose, an observation or a reset, in order, with NONMEM's column names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin import units
from opsonin.errors import ImportDataError, RegimenError
from opsonin.model.derived import completed
from opsonin.simulate.landings import landed, unit_factor
from opsonin.simulate.nonmem_rows import COLUMNS, Rows, checked
from opsonin.simulate.orders import PERIODIC, Orders, resolve
from opsonin.simulate.schedule import Schedule

if TYPE_CHECKING:
    import pandas as pd

OBSERVATION, DOSE, OTHER, RESET, RESET_DOSE = 0, 1, 2, 3, 4
MODELLED_RATE, MODELLED_DURATION = -1, -2
Compartments = Mapping[int, tuple[str, str]] | Mapping[str, tuple[str, str]] | Mapping[int | str, tuple[str, str]]


@dataclass(frozen=True)
class Observations:
    """Moments at which a patient is looked at: events 0 and 2 of the table.

    times: days, increasing, padded with inf.   after: whether the doses of that very moment have been given, as the
    order of the rows says (additional and lagged doses come before an observation of the same time).
    rows: of the table, -1 where padded.   column: for every row of the table, its column here, -1 for others.
    """

    times: Float[np.ndarray, "patient time"]
    after: Bool[np.ndarray, "patient time"]
    column: Int[np.ndarray, " row"]


@dataclass(frozen=True)
class EventTable:
    """A table that has been read and checked.

    rows: its columns, with times in days.   subjects: in order of appearance; a subject's place is the patient row.
    frame: the table as it was given.
    """

    name: str
    rows: Rows
    subjects: tuple[str, ...]
    frame: pd.DataFrame
    time_unit: str

    def __len__(self) -> int:
        return len(self.subjects)

    def constants(self, model: Any, covariates: Mapping[str, str]) -> Float[np.ndarray, "patient constant"]:
        """The model's typical constants, with columns of the table in place of some: {column: constant}.

        Values are in the constant's unit, and are those of a subject's first row.
        Raises: ImportDataError for a column that is missing, is no number, or changes within a subject although the
        model's equations depend on it; RegimenError for a constant the model does not have.
        """
        symbolic = model.symbolic
        made = np.tile(symbolic.typical, (len(self), 1))
        lasting = _lasting(symbolic)
        first = np.searchsorted(self.rows.patient, np.arange(len(self)))
        for column, constant in covariates.items():
            values = self._numbers(column)
            place = _constant(symbolic, constant)
            changed = np.flatnonzero(values != values[first][self.rows.patient])
            if len(changed) and constant in lasting:
                raise ImportDataError(
                    f"{self.rows.where(changed[0])}, column {column}: subject {self._subject(changed[0])} has "
                    f"{values[changed[0]]:g} after {values[first][self.rows.patient[changed[0]]]:g}, but the model's "
                    f"equations hold {constant!r} constant; only what administrations alone depend on may change from "
                    "dose to dose."
                )
            made[:, place] = values[first]
        return completed(symbolic, made)

    def schedule(
        self,
        model: Any,
        constants: Float[np.ndarray, "patient constant"],
        compartments: Compartments,
        *,
        covariates: Mapping[str, str] | None = None,
        amount_unit: str | None = None,
        settling: Sequence[str] | None = None,
        beyond_interval: str = PERIODIC,
    ) -> Schedule:
        """Every dose, reset and steady state of the table.

        compartments: {CMT: (agent, route)}, the administration that a dose into it stands for.
        covariates: {column: constant}; bioavailability, lag, modelled rate and duration of a dose use the values of
        its own row.   amount_unit: of AMT; where None the unit of the species it lands in (or of its unit factor).
        settling, beyond_interval: see `resolve`; "continued" is NONMEM's own reading of a lag longer than II.
        Raises: ImportDataError naming file, row and column.
        """
        symbolic, rows = model.symbolic, self.rows
        which = np.flatnonzero(rows.evid >= DOSE)
        which = which[rows.evid[which] != OTHER]
        own = constants[rows.patient[which]]
        for column, constant in (covariates or {}).items():
            own[:, _constant(symbolic, constant)] = self._numbers(column)[which]
        dose = rows.evid[which] != RESET
        place = self._places(symbolic, which, dose, compartments)
        amount, duration, lag = (np.zeros(len(which)) for _ in range(3))
        for number, name in enumerate(symbolic.administrations):
            here = np.flatnonzero(dose & (place == number))
            if len(here):
                made = self._lengths(symbolic, name, which[here], own[here], amount_unit)
                amount[here], duration[here], lag[here] = made
        orders = Orders(
            rows.patient[which], rows.time[which], place, amount, duration, lag, rows.interval[which],
            rows.additional[which], np.minimum(rows.steady[which], 2) * dose, rows.evid[which] >= RESET, dose,
        )  # fmt: skip
        return resolve(orders, len(self), beyond_interval=beyond_interval, settling=settling)

    def observations(self) -> Observations:
        """When each patient is looked at."""
        rows = self.rows
        seen = np.flatnonzero((rows.evid == OBSERVATION) | (rows.evid == OTHER))
        # a row is "before" where a dose or reset of the same subject and time comes later in the table
        doses = np.flatnonzero((rows.evid != OBSERVATION) & (rows.evid != OTHER))
        last: dict[tuple[int, float], int] = {(int(rows.patient[d]), float(rows.time[d])): int(d) for d in doses}
        after = np.array([last.get((int(rows.patient[r]), float(rows.time[r])), -1) < r for r in seen], dtype=bool)
        patient, time = rows.patient[seen], rows.time[seen]
        new = np.ones(len(seen), dtype=bool)  # several rows of one moment share a column
        new[1:] = (np.diff(patient) != 0) | (np.diff(time) != 0) | (np.diff(after.astype(int)) != 0)
        begins = np.searchsorted(patient[new], np.arange(len(self)))
        number = np.arange(int(new.sum())) - begins[patient[new]]
        shape = (len(self), int(np.bincount(patient[new], minlength=len(self)).max(initial=0)))
        times, flags = np.full(shape, np.inf), np.zeros(shape, dtype=bool)
        times[patient[new], number], flags[patient[new], number] = time[new], after[new]
        column = np.full(len(rows.patient), -1, dtype=np.int64)
        column[seen] = number[np.cumsum(new) - 1]
        return Observations(times, flags, column)

    def _subject(self, row: Any) -> str:
        return self.subjects[int(self.rows.patient[row])]

    def _numbers(self, column: str) -> np.ndarray:
        import pandas as pd

        named = {str(name).lower(): name for name in self.frame.columns}
        if column.lower() not in named:
            known = ", ".join(str(name) for name in self.frame.columns)
            raise ImportDataError(f"{self.name} has no column {column!r}; its columns: {known}.")
        values = pd.to_numeric(self.frame[named[column.lower()]], errors="coerce").to_numpy(float)
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            text = self.frame[named[column.lower()]].iloc[int(wrong[0])]
            raise ImportDataError(f"{self.rows.where(wrong[0])}, column {column}: {text!r} is not a number.")
        return values

    def _places(self, symbolic: Any, which: np.ndarray, dose: np.ndarray, compartments: Compartments) -> np.ndarray:
        known = list(symbolic.administrations)
        named = {str(key): value for key, value in compartments.items()}
        for key, value in named.items():
            if tuple(value) not in known:
                listed = ", ".join(f"{agent} by {route}" for agent, route in known) or "none"
                raise RegimenError(f"compartment {key}: the model does not give {value!r}; its doses: {listed}.")
        places = np.zeros(len(which), dtype=np.int64)
        for n in np.flatnonzero(dose):
            text = self.rows.compartment[which[n]]
            if text == "0" and len(named) == 1:
                text = next(iter(named))
            if text not in named:
                raise ImportDataError(
                    f"{self.rows.where(which[n])}, column CMT: a dose into compartment {text}, but `compartments` says "
                    f"where doses into {', '.join(named) or 'none'} land."
                )
            places[n] = known.index(tuple(named[text]))
        return places

    def _lengths(
        self, symbolic: Any, name: tuple[str, str], which: np.ndarray, own: np.ndarray, amount_unit: str | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What arrives of each dose of one administration, for how many days, and after how many.

        The rate of an infusion is what RATE says, whatever the bioavailable fraction: the duration shrinks with it.
        """
        made = landed(symbolic, name, own)
        what = ", ".join(name)
        needed = symbolic.administrations[name].dose_unit
        scale = made.factor * (1.0 if amount_unit is None else unit_factor(what, amount_unit, needed))
        amount = self.rows.amount[which] * scale * made.fraction
        given = self.rows.rate[which]
        rate = given * scale / units.factor(self.time_unit, "day")  # per day
        for code, law, word in ((MODELLED_RATE, made.rate, "rate"), (MODELLED_DURATION, made.duration, "duration")):
            asked = np.flatnonzero(given == code)
            if len(asked) and law is None:
                raise ImportDataError(
                    f"{self.rows.where(which[asked[0]])}, column RATE: {code} asks for a modelled {word}, but the "
                    f"administration {what} has no `{word}`."
                )
        if made.rate is not None:
            rate = np.where(given == MODELLED_RATE, made.rate, rate)
        duration = np.where(rate > 0, amount / np.where(rate > 0, rate, 1.0), 0.0)
        if made.duration is not None:
            duration = np.where(given == MODELLED_DURATION, made.duration, duration)
        endless = (self.rows.steady[which] > 0) & (self.rows.interval[which] == 0)
        return np.where(endless, np.maximum(rate, 0.0), amount), np.where(endless, 0.0, duration), made.lag


def read_events(
    source: str | Path | pd.DataFrame, *, time_unit: str = "h", columns: Mapping[str, str] | None = None
) -> EventTable:
    """Read and check an event table.

    source: a CSV file, or a table.   time_unit: of TIME, II and (with the amount's) RATE.
    columns: {NONMEM's name: the table's name} where they differ; upper and lower case do not matter.
    ID and TIME are needed. AMT, RATE, II, ADDL, SS, CMT are 0 where missing, blank or "."; EVID is 1 where AMT or RATE
    is not 0, 2 where MDV is 1, else 0. Times count from the table's own 0, which is day 0.
    Raises: ImportDataError naming file, row and column; UnitError for the unit.
    """
    import pandas as pd

    name = "the event table"
    if isinstance(source, str | Path):
        name = str(source)
        try:
            frame = pd.read_csv(source, dtype=str, keep_default_na=False, skipinitialspace=True)
        except (OSError, ValueError, UnicodeDecodeError) as problem:
            raise ImportDataError(f"{name}: the event table cannot be read ({problem}).") from problem
    else:
        frame = source
    wanted = {key.upper(): value for key, value in (columns or {}).items()}
    unknown = sorted(set(wanted) - set(COLUMNS))
    if unknown:
        raise ImportDataError(f"{name}: {unknown[0]} is no column of an event table; they are {', '.join(COLUMNS)}.")
    rows, subjects = checked(frame, name, isinstance(source, str | Path), wanted, units.factor(time_unit, "day"))
    return EventTable(name, rows, subjects, frame, time_unit)


def _constant(symbolic: Any, constant: str) -> int:
    if constant not in symbolic.constants:
        raise RegimenError(f"the model has no constant {constant!r}; it has {', '.join(symbolic.constants)}.")
    return symbolic.constants.index(constant)


def _lasting(symbolic: Any) -> set[str]:
    """The constants that equations, initial values or observables depend on."""
    laws = [*symbolic.rates, *symbolic.initial, *(observed.expression for observed in symbolic.observables.values())]
    return {symbol.name for law in laws for symbol in getattr(law, "free_symbols", ())}
