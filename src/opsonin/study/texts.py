"""The three little languages of a study file: doses ("18 MIU/m2"), protocol days ("-21 to 14"), durations ("6 weeks").

Each is read into a frozen value that can say itself again in words. Reading raises ValueError with what was
wrong and what to write; `opsonin.study.file` adds the file and the field.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Literal

from opsonin.errors import UnitError
from opsonin.units import DAYS_PER_MONTH

Basis = Literal["flat", "kg", "m2"]
_NUMBER = r"[+-]?(?:\d+(?:[.,]\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_DAYS_IN = {
    "minute": 1 / 1440,
    "min": 1 / 1440,
    "hour": 1 / 24,
    "h": 1 / 24,
    "day": 1.0,
    "d": 1.0,
    "week": 7.0,
    "month": DAYS_PER_MONTH,
    "year": 12 * DAYS_PER_MONTH,
}
FURTHEST = 10_000  # days from protocol day 1: 27 years
_PER = {"kg": "kg", "m2": "m2", "m²": "m2", "m^2": "m2", "m**2": "m2"}


@dataclass(frozen=True)
class Dose:
    """One dose.   amount: in `unit`, per patient (flat), per kg of weight or per m² of body surface."""

    amount: float
    unit: str
    basis: Basis = "flat"

    @property
    def text(self) -> str:
        per = {"flat": "", "kg": "/kg", "m2": "/m²"}[self.basis]
        return f"{self.amount:g} {self.unit}{per}"

    @classmethod
    def read(cls, text: object) -> Dose:
        """From "400 mg", "10 mg/kg" or "18 MIU/m2".

        Raises: ValueError where there is no number, no unit, an unreadable unit or a negative amount.
        """
        if isinstance(text, int | float) and not isinstance(text, bool):
            raise ValueError(f"the dose {text!r} has no unit; write it as text, such as '{text:g} mg'")
        if not isinstance(text, str):
            raise ValueError(f"a dose is a text such as '400 mg' or '18 MIU/m2', not {_kind(text)}")
        match = re.fullmatch(rf"\s*({_NUMBER})\s*(.*?)\s*", text)
        if match is None:
            raise ValueError(f"the dose {text!r} cannot be read; write a number and a unit, such as '400 mg'")
        if not match[2]:
            raise ValueError(f"the dose {text!r} has no unit; write for example '{match[1]} mg' or '{match[1]} MIU/m2'")
        amount = _number(match[1], text)
        if amount < 0:
            raise ValueError(f"the dose {text!r} is negative; a dose is 0 or more")
        unit, basis = _basis(match[2])
        _readable(unit, text)
        return cls(amount, unit, basis)


@dataclass(frozen=True)
class Days:
    """Protocol days as blocks of first and last day; day −1 is followed by day 1."""

    blocks: tuple[tuple[int, int], ...]

    @property
    def first(self) -> int:
        return self.blocks[0][0]

    @property
    def last(self) -> int:
        return self.blocks[-1][1]

    @property
    def text(self) -> str:
        return ", ".join(say_day(a) if a == b else f"{say_day(a)} to {say_day(b)}" for a, b in self.blocks)

    @property
    def count(self) -> int:
        return sum(int(elapsed(b) - elapsed(a)) + 1 for a, b in self.blocks)

    @classmethod
    def read(cls, given: object) -> Days:
        """From "-21 to 14", "1, 8, 15", "1 to 5, 8 to 12", 9 or [1, 8, 15].

        Raises: ValueError for text that cannot be read, day 0, a range backwards, or days out of order.
        """
        if isinstance(given, int) and not isinstance(given, bool):
            parts = [str(given)]
        elif isinstance(given, list) and given and all(isinstance(d, int) and not isinstance(d, bool) for d in given):
            parts = [str(d) for d in given]
        elif isinstance(given, str):
            parts = given.split(",")
        else:
            raise ValueError(f"days are a text such as '1 to 14' or '1, 8, 15', not {_kind(given)}")
        blocks = tuple(_block(part, str(given)) for part in parts)
        for (_, last), (first, _) in itertools.pairwise(blocks):
            if first <= last:
                raise ValueError(f"the days {given!r} go back or overlap at day {first}; list them in order, each once")
        return cls(blocks)


@dataclass(frozen=True)
class Duration:
    """A length of time.   days: in days;   text: as it was written."""

    days: float
    text: str

    @classmethod
    def read(cls, text: object) -> Duration:
        """From "21 days", "6 weeks", "24 months" (30.4375 days each), "90 minutes".

        Raises: ValueError where number or unit is missing, or the length is not above 0.
        """
        if isinstance(text, int | float) and not isinstance(text, bool):
            raise ValueError(f"the duration {text!r} has no unit; write it as text, such as '{text:g} days'")
        if not isinstance(text, str):
            raise ValueError(f"a duration is a text such as '21 days' or '6 weeks', not {_kind(text)}")
        match = re.fullmatch(rf"\s*({_NUMBER})\s*([A-Za-z]+)\s*", text)
        if match is None:
            raise ValueError(f"the duration {text!r} cannot be read; write a number and a unit, such as '21 days'")
        unit = match[2].lower()
        scale = _DAYS_IN.get(unit) or _DAYS_IN.get(unit.removesuffix("s"))
        if scale is None:
            raise ValueError(
                f"the duration {text!r} has the unit {match[2]!r}; use minutes, hours, days, weeks, months or years"
            )
        days = _number(match[1], text) * scale
        if days <= 0:
            raise ValueError(f"the duration {text!r} is not above 0")
        if days > FURTHEST:
            raise ValueError(f"the duration {text!r} is too long; the longest is {FURTHEST:,} days")
        return cls(days, text.strip())


def elapsed(protocol_day: int) -> float:
    """Days from the start of protocol day 1 to the start of a protocol day: 1 → 0.0, −1 → −1.0."""
    return float(protocol_day - 1 if protocol_day > 0 else protocol_day)


def say_day(protocol_day: int) -> str:
    """A day number with a true minus sign."""
    return f"−{-protocol_day}" if protocol_day < 0 else str(protocol_day)


def read_day(given: object) -> int:
    """One protocol day. Raises: ValueError for day 0 and for anything but a whole number."""
    if isinstance(given, bool) or not isinstance(given, int):
        raise ValueError(f"a protocol day is a whole number such as 15, not {given!r}")
    if given == 0:
        raise ValueError("there is no day 0: day −1 is followed by day 1; write -1 or 1")
    if abs(given) > FURTHEST:
        raise ValueError(f"day {say_day(given)} is too far away; protocol days lie within {FURTHEST:,} days of day 1")
    return given


def _block(part: str, whole: str) -> tuple[int, int]:
    match = re.fullmatch(r"\s*([+-]?\d+)\s*(?:to\s*([+-]?\d+)\s*)?", part.replace("−", "-"))
    if match is None:
        raise ValueError(f"the days {whole!r} cannot be read; write '9', '1 to 14', '-21 to 14' or '1, 8, 15'")
    first = read_day(int(match[1]))
    last = first if match[2] is None else read_day(int(match[2]))
    if last < first:
        raise ValueError(f"the days {whole!r} run backwards; write '{last} to {first}'")
    return first, last


def _basis(unit: str) -> tuple[str, Basis]:
    """ "MIU/m2" → ("MIU", "m2")."""
    head, slash, per = unit.rpartition("/")
    if slash and per.strip() in _PER:
        return head.strip(), "kg" if _PER[per.strip()] == "kg" else "m2"
    return unit, "flat"


def _readable(unit: str, text: str) -> None:
    from opsonin.units import parse

    try:
        dimensionless = parse(unit).dimensionless
    except UnitError:
        raise ValueError(
            f"the dose {text!r} has the unit {unit!r}, which is not known; write 'mg', 'g', 'MIU', 'cells', 'PFU', "
            "'vg', and for doses by weight or body surface 'mg/kg' or 'MIU/m2'"
        ) from None
    if dimensionless:
        raise ValueError(f"the dose {text!r} has no unit of amount; write 'mg', 'MIU', 'cells' …")


def _number(digits: str, text: str) -> float:
    if "," in digits:
        raise ValueError(f"{text!r} has a comma in its number; write a point for decimals and nothing for thousands")
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number in {text!r} is too large")
    return value


def _kind(value: object) -> str:
    names = {bool: "true or false", dict: "a table", list: "a list", int: "a number", float: "a number", str: "a text"}
    return names.get(type(value), f"a {type(value).__name__}")
