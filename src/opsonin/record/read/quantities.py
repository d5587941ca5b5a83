"""Units of foreign numbers: what to multiply by, said with the place where the unit stands."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from opsonin.errors import ImportDataError, UnitError
from opsonin.record.schema import near
from opsonin.units import DAYS_PER_MONTH, factor, parse

# the words foreign files use for time, in days; plain numbers, so that a day stays exactly a day
DAYS = {"day": 1.0, "week": 7.0, "month": DAYS_PER_MONTH, "year": 365.25, "hour": 1 / 24, "minute": 1 / 1440}
KNOWN = ("days", "weeks", "months", "years", "hours", "minutes", "mm", "cm", "kg", "g/l", "g/dl", "mg/l", "ng/ml")
KNOWN += ("percent", "dimensionless", "mutations", "mutations/megabase", "cells/µl", "IU/ml", "MIU", "mg", "µg/ml")


def factor_to(unit: str, target: str, where: str) -> float:
    """What numbers in `unit` are multiplied by to be in `target`.

    Raises: ImportDataError, opening with `where`, for a unit that cannot be read or has another dimension.
    """
    given, wanted = _time(unit), _time(target)
    if given and wanted:
        return DAYS[given] / DAYS[wanted]
    checked(unit, where)
    try:
        return float(f"{factor(unit, target):.14g}")  # pint's 999.9999999999999 is 1000
    except UnitError as problem:
        raise ImportDataError(f"{where}: {problem}") from problem


def checked(unit: str, where: str) -> str:
    """The unit itself, once it can be read.

    Raises: ImportDataError, opening with `where`, with the nearest units.
    """
    try:
        parse(unit)
    except UnitError as problem:
        raise ImportDataError(
            f"{where}: the unit {unit!r} cannot be read{near(unit, KNOWN)}; write it as 'ng/ml', 'cells/µl', 'months'."
        ) from problem
    return unit


def one_unit(
    names: pd.Series, units: pd.Series, values: np.ndarray, others: tuple[np.ndarray, ...], where: str
) -> tuple[pd.Series, np.ndarray, tuple[np.ndarray, ...]]:
    """Numbers brought to the first unit that each name (marker, analyte) has, with further numbers in the same unit.

    Raises: ImportDataError, naming the marker and both units, where one cannot be converted.
    """
    pairs = pd.DataFrame({"name": names, "unit": units})
    first = pairs.dropna().drop_duplicates("name").set_index("name")["unit"]
    target = pairs["name"].map(first)
    scale = np.ones(len(pairs))
    for name, unit in pairs[(pairs["unit"] != target).fillna(False)].dropna().drop_duplicates().itertuples(index=False):
        place = f"{where}: {name} is given in {first[name]!r} and in {unit!r}"
        same = (pairs["name"] == name) & (pairs["unit"] == unit)
        scale[same.fillna(False).to_numpy(dtype=bool)] = factor_to(str(unit), str(first[name]), place)
    return target.astype("string"), values * scale, tuple(other * scale for other in others)


def _time(unit: str) -> str | None:
    word = re.sub(r"s$", "", unit.strip().casefold())
    return word if word in DAYS else None
