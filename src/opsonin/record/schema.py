"""The record's tables: columns, kinds, keys and accepted words, as data.

Column names are words with their unit where they have one. Times are elapsed days from the start of protocol day 1
(day 1 starts at 0.0, day -1 at -1.0, there is no day 0). Change a table only with a new `SCHEMA_VERSION` and a
migration in `opsonin.record.migrations`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal, get_args

from opsonin.errors import RecordError

SCHEMA_VERSION = 2  # 2: lesions have `perpendicular_mm` and the state "further increase"

Kind = Literal["text", "integer", "number", "flag"]
DTYPES: dict[str, str] = {"text": "string", "integer": "Int64", "number": "float64", "flag": "boolean"}


@dataclass(frozen=True)
class Column:
    """One column: what it holds, whether a row may lack it, and the words or limits it accepts.

    unit: the unit of the numbers where the column fixes one ("" where a `unit` column beside it gives it).
    """

    name: str
    kind: Kind
    optional: bool = False
    choices: tuple[str, ...] = ()
    lower: float | None = None
    upper: float | None = None
    unit: str = ""

    @property
    def dtype(self) -> str:
        """The pandas dtype: text "string", integer "Int64", number "float64", flag "boolean"."""
        return DTYPES[self.kind]


@dataclass(frozen=True)
class Table:
    """One table. key: the columns that tell its rows apart; open: further columns are welcome (covariates)."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    cdisc: str = ""
    open: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column | None:
        """The column of this name, or None."""
        return next((column for column in self.columns if column.name == name), None)


def _text(name: str, *choices: str) -> Column:
    return _column(name, "text", choices=choices)


def _integer(name: str, lower: float | None = None, upper: float | None = None) -> Column:
    return _column(name, "integer", lower=lower, upper=upper)


def _number(name: str, unit: str = "", lower: float | None = None, upper: float | None = None) -> Column:
    return _column(name, "number", unit=unit, lower=lower, upper=upper)


def _flag(name: str) -> Column:
    return _column(name, "flag")


def _column(name: str, kind: Kind, **details) -> Column:
    return Column(name.removesuffix("?"), kind, optional=name.endswith("?"), **details)


Route = Literal[
    "oral",
    "subcutaneous",
    "intravenous bolus",
    "intravenous infusion",
    "intratumoural",
    "intramuscular",
    "transdermal",
    "other",
]
ROUTES: tuple[str, ...] = get_args(Route)
RESPONSES = ("CR", "PR", "SD", "PD", "NE", "iCR", "iPR", "iSD", "iUPD", "iCPD")
LESION_STATES = (
    "measured",
    "too small to measure",
    "not evaluable",
    "absent",
    "present",
    "unequivocal progression",
    "further increase",
)
MILESTONES = (
    "enrolled",
    "first dose",
    "DLT-evaluable",
    "replaced",
    "off treatment",
    "off study",
    "death",
)
_SUBJECT = _text("subject_id")

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "subjects",
            (
                _SUBJECT,
                _text("arm?"),
                _integer("level?", lower=1.0),
                _integer("cohort?"),
                _text("indication?"),
                _text("site?"),
                _number("age_years?", "year", lower=0.0, upper=130.0),
                _text("sex?", "F", "M"),
                _number("weight_kg?", "kg", lower=0.0),
                _number("height_cm?", "cm", lower=0.0),
                _integer("ecog?", lower=0.0, upper=4.0),
                _number("enrolled_day?", "day"),
            ),
            key=("subject_id",),
            cdisc="DM, ADSL",
            open=True,
        ),
        Table(
            "exposures",
            (
                _SUBJECT,
                _text("agent"),
                _number("start_day", "day"),
                _number("end_day?", "day"),
                _number("amount", lower=0.0),
                _text("unit"),
                _text("route", *ROUTES),
                _number("planned_amount?", lower=0.0),
                _text("reason?"),
            ),
            key=("subject_id", "agent", "start_day"),
            cdisc="EX, ADEX",
        ),
        Table(
            "adverse_events",
            (
                _SUBJECT,
                _text("event_id"),
                _text("term"),
                _integer("grade?", lower=1.0, upper=5.0),
                _text("severity?"),
                _number("start_day?", "day"),
                _number("end_day?", "day"),
                _text("related", "yes", "no", "unknown"),
                _flag("serious?"),
                _flag("dlt?"),
                _text("action?"),
            ),
            key=("subject_id", "event_id"),
            cdisc="AE, ADAE",
        ),
        Table(
            "concentrations",
            (
                _SUBJECT,
                _text("analyte"),
                _text("matrix"),
                _number("day", "day"),
                _number("value?"),
                _text("unit"),
                _flag("below_limit"),
                _number("limit?", lower=0.0),
                _text("agent"),
                _number("dose_day?", "day"),
                _number("hours_after_dose?", "hour"),
                _text("period?"),
            ),
            key=("subject_id", "analyte", "matrix", "day"),
            cdisc="PC, ADPC",
        ),
        Table(
            "measurements",
            (
                _SUBJECT,
                _text("marker"),
                _text("compartment"),
                _number("day", "day"),
                _number("value?"),
                _text("unit"),
                _text("method?"),
                _flag("below_limit"),
                _flag("baseline"),
            ),
            key=("subject_id", "marker", "compartment", "day"),
            cdisc="LB, VS, ADLB",
        ),
        Table(
            "lesions",
            (
                _SUBJECT,
                _text("lesion_id"),
                _number("day", "day"),
                _text("kind", "target", "non-target", "new"),
                _text("site?"),
                _flag("lymph_node"),
                _number("diameter_mm?", "mm", lower=0.0),
                _text("state", *LESION_STATES),
                _text("scan_id?"),
                _number("perpendicular_mm?", "mm", lower=0.0),
            ),
            key=("subject_id", "lesion_id", "day"),
            cdisc="TU, TR, ADTR",
        ),
        Table(
            "responses",
            (
                _SUBJECT,
                _text("criteria"),
                _number("day", "day"),
                _flag("best"),
                _text("overall", *RESPONSES),
                _text("target?"),
                _text("non_target?"),
                _flag("new_lesion?"),
                _number("sum_mm?", "mm", lower=0.0),
                _number("nadir_mm?", "mm", lower=0.0),
                _number("change_from_baseline_percent?", "percent"),
                _number("change_from_nadir_percent?", "percent"),
                _flag("confirmed?"),
                _text("source", "derived", "reported"),
                _text("reason?"),
            ),
            key=("subject_id", "criteria", "day", "best"),
            cdisc="RS, ADRS",
        ),
        Table(
            "survival",
            (
                _SUBJECT,
                _text("endpoint"),
                _number("day", "day", lower=0.0),
                _flag("event"),
                _number("origin_day", "day"),
                _text("cause?"),
            ),
            key=("subject_id", "endpoint"),
            cdisc="ADTTE",
        ),
        Table(
            "disposition",
            (
                _SUBJECT,
                _text("milestone", *MILESTONES),
                _number("day", "day"),
                _text("reason?"),
            ),
            key=("subject_id", "milestone"),
            cdisc="DS",
        ),
        Table(
            "products",
            (
                _SUBJECT,
                _text("batch_id"),
                _text("product"),
                _number("collected_day?", "day"),
                _number("released_day?", "day"),
                _number("infused_day?", "day"),
                _number("cells?", "cells", lower=0.0),
                _number("viability_fraction?", lower=0.0, upper=1.0),
                _number("transduced_fraction?", lower=0.0, upper=1.0),
                _text("status", "released", "out of specification", "failed"),
                _text("reason?"),
            ),
            key=("subject_id", "batch_id"),
        ),
        Table(
            "decisions",
            (
                _text("decision_id"),
                _number("day", "day"),
                _integer("cohort?"),
                _text("design"),
                _text("seen"),
                _integer("level_from?", lower=1.0),
                _text("decision", "start", "escalate", "stay", "de-escalate", "stop", "declare", "wait"),
                _integer("level_to?", lower=0.0),
                _text("reason"),
                _text("numbers"),
            ),
            key=("decision_id",),
        ),
    )
}


def table(name: str) -> Table:
    """The table of this name.

    Raises: RecordError, with the nearest names.
    """
    if name in TABLES:
        return TABLES[name]
    raise RecordError(f"the record has no table {name!r}{near(name, TABLES)}; its tables are {', '.join(TABLES)}.")


def near(word: str, known) -> str:
    """' (did you mean "x"?)' with the known words nearest to this one; '' where none is near."""
    known = [str(one) for one in known]
    folded: dict[str, str] = {}
    for one in known:
        folded.setdefault(one.casefold(), one)
    found = [folded[one] for one in difflib.get_close_matches(str(word).casefold(), list(folded), n=3, cutoff=0.6)]
    return f" (did you mean {' or '.join(repr(one) for one in found)}?)" if found else ""
