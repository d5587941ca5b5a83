"""CDISC's spellings of units in the record's: "10^9/L" is 1000 cells/µl, "BEATS/MIN" 1/min, "C" degC."""

from __future__ import annotations

import re

from opsonin.errors import UnitError
from opsonin.units import parse

_SPELLED = {
    "": "dimensionless", "1": "dimensionless", "fraction": "dimensionless", "ratio": "dimensionless",
    "no unit": "dimensionless", "%": "percent", "c": "degC", "f": "degF", "beats/min": "1/min",
    "breaths/min": "1/min", "mmhg": "mmHg", "in": "inch", "u/l": "U/l", "iu/l": "IU/l", "miu": "MIU",
}  # fmt: skip
_CAPITALS = {
    "KG": "kg", "G": "g", "MG": "mg", "UG": "ug", "NG": "ng", "PG": "pg", "L": "l", "DL": "dl", "ML": "ml",
    "UL": "ul", "CM": "cm", "MM": "mm", "MOL": "mol", "MMOL": "mmol", "UMOL": "umol", "NMOL": "nmol", "LB": "lb",
}  # fmt: skip


def cdisc_unit(text: str) -> tuple[str, float] | None:
    """The record's unit and what to multiply values by; None where the unit cannot be read."""
    text = text.strip().replace("**", "^").replace("*", "^") if "10" in text else text.strip()
    counted = _count(text)
    if counted is not None:
        return "cells/µl", counted
    unit = _SPELLED.get(text.casefold())
    if unit is None:
        capitals = text.upper() == text
        tokens = re.split(r"([/*.])", text) if capitals else [text]
        unit = "".join(_CAPITALS.get(token, token) for token in tokens)
        unit = re.sub(r"\bm2\b", "m**2", re.sub(r"\bm3\b", "m**3", unit))
    try:
        parse(unit)
    except UnitError:
        return None
    return unit, 1.0


def _count(text: str) -> float | None:
    """Cells per µl of one unit of a cell count; None where the text is none."""
    word = text.casefold().replace("µ", "u").replace(" ", "")
    found = re.fullmatch(r"(?:10\^(\d+)|([gt])i|k|thou|)(?:cells)?/(l|ul)", word)
    if found is None or word in ("/l",):
        return None
    power, letter, volume = found.groups()
    if power is not None:
        scale = 10.0 ** int(power)
    else:
        scale = {"g": 1e9, "t": 1e12}.get(letter or "", 1e3 if word.startswith(("k", "thou")) else 1.0)
    return scale * (1.0 if volume == "ul" else 1e-6)
