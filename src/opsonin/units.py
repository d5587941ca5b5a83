"""The one unit registry: pint's, with the counts and activities of immunology added.

Cells, copies, mutations, lesions, viruses (by plaques or by genomes) and international units are
dimensions of their own, so that a count of cells is never added to a mass and an activity converts
to a mass only through a specific activity.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from opsonin.errors import UnitError

if TYPE_CHECKING:
    import pint

DEFINITIONS = (
    "cell = [cell_count] = cell = cells",
    "copy = [copy_count] = copy = copies",
    "mutation = [mutation_count] = mutation = mutations",
    "lesion = [lesion_count] = lesion = lesions",
    "megabase = [genome_length] = Mb_genome = megabases",
    "IU = [biological_activity] = IU = international_unit",
    "MIU = 1e6 * IU",
    "PFU = [plaque_count] = PFU = plaque_forming_unit = plaque_forming_units",
    "viral_genome = [genome_count] = vg = viral_genomes",
)
DAYS_PER_MONTH = 30.4375  # the record's month: a mean month of the Julian year


@cache
def registry() -> pint.UnitRegistry:
    """The registry, made on first use (pint takes a while to import)."""
    import pint

    made = pint.UnitRegistry(cache_folder=":auto:")
    for definition in DEFINITIONS:
        made.define(definition)
    return made


@cache
def parse(unit: str) -> Any:
    """The pint unit of a text such as "ng/ml", "cells/µl" or "percent".

    Raises: UnitError, quoting the text.
    """
    try:
        return registry().Unit(_spelled(unit))
    except Exception as problem:  # pint raises half a dozen types for unreadable text
        raise UnitError(
            f"the unit {unit!r} cannot be read ({problem}); write it as 'ng/ml', 'cells/µl', 'MIU', 'percent'."
        ) from problem


@cache
def factor(unit: str, to: str) -> float:
    """What a value in `unit` is multiplied by to be in `to`.

    Raises: UnitError where the two have different dimensions or an offset (degrees Celsius).
    """
    try:
        one = registry().Quantity(1.0, parse(unit)).to(parse(to))
        two = registry().Quantity(2.0, parse(unit)).to(parse(to))
    except UnitError:
        raise
    except Exception as problem:
        raise UnitError(f"{unit!r} cannot be converted to {to!r}: {problem}.") from problem
    if abs(two.magnitude - 2 * one.magnitude) > 1e-9 * abs(one.magnitude):
        raise UnitError(f"{unit!r} and {to!r} differ by an offset; give the value in {to!r}.")
    return float(one.magnitude)


def same_dimension(unit: str, other: str) -> bool:
    """Whether two units measure the same kind of thing."""
    return bool(parse(unit).dimensionality == parse(other).dimensionality)


def _spelled(unit: str) -> str:
    text = unit.strip()
    if text in ("", "1"):
        return "dimensionless"
    return "percent" if text == "%" else text.replace("%", "percent").replace("\u03bc", "µ")
