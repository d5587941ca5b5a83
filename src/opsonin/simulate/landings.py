"""What an administration makes of a dose in each patient: the share that arrives, its lag, its modelled length."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from opsonin import units
from opsonin.errors import RegimenError, UnitError

Rows = Float[np.ndarray, " row"]


class Landed(NamedTuple):
    """One value a row of constants.

    fraction: the share that arrives.   factor: species amount of one dose unit, all of which arrives.
    lag: days.   duration: days, rate: species amount per day, where the model has them.
    """

    fraction: Rows
    factor: Rows
    lag: Rows
    duration: Rows | None
    rate: Rows | None


def landed(symbolic: Any, name: tuple[str, str], constants: Float[np.ndarray, "row constant"]) -> Landed:
    """The laws of one administration, for every row of constants.

    Raises: RegimenError naming the administration, the law and the row where a value makes no sense.
    """
    landing = symbolic.administrations[name]
    found: dict[str, Any] = {}
    for field, lowest in (("fraction", 0.0), ("unit_factor", 0.0), ("lag", 0.0), ("duration", 0.0), ("rate", 1e-300)):
        law = getattr(landing, field)
        if law is None:
            found[field] = np.ones(len(constants)) if field == "unit_factor" else None
            continue
        values = _values(symbolic, (name, field), law, constants)
        wrong = np.flatnonzero(~((values >= lowest) & np.isfinite(values)))
        if len(wrong):
            raise RegimenError(
                f"{name[0]}, {name[1]}: {_what(field)} comes to {values[wrong[0]]:g} in patient row {wrong[0]}; look "
                f"at the administration's `{field}`."
            )
        found[field] = values
    return Landed(*(found[field] for field in ("fraction", "unit_factor", "lag", "duration", "rate")))


def _values(symbolic: Any, key: Any, law: Any, constants: np.ndarray) -> Rows:
    import sympy

    from opsonin.model.by_numbers import numeric

    expression = sympy.sympify(law)
    used = sorted(expression.free_symbols, key=lambda symbol: symbol.name)
    key = ("landing", key)
    if key not in symbolic.functions:
        symbolic.functions[key] = numeric(used, [expression])
    columns = [constants[:, symbolic.constants.index(symbol.name)] for symbol in used]
    with np.errstate(all="ignore"):
        (value,) = symbolic.functions[key](*columns)
    return np.array(np.broadcast_to(np.asarray(value, float), (len(constants),)))


def _what(field: str) -> str:
    return {
        "fraction": "the fraction that arrives",
        "unit_factor": "the amount of one dose unit",
        "lag": "the lag in days",
        "duration": "the duration in days",
        "rate": "the rate per day",
    }[field]


def unit_factor(what: str, unit: str, needed: str) -> float:
    """What a dose in `unit` is multiplied by to be in the unit the model needs."""
    try:
        return units.factor(unit, needed)
    except UnitError as problem:
        raise RegimenError(
            f"{what}: a dose in {unit!r} cannot be given where the model needs {needed!r} or a unit of the same kind "
            f"({problem})"
        ) from problem
