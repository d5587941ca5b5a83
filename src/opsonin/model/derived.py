"""Constants that follow from others: computed once for each patient, then as good as given.

A chain of balances at baseline put into every rate would make the equations too large to differentiate; as constants
they are numbers by the time the equations are used. Their derivatives by what is given follow by the chain rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import ModelError

if TYPE_CHECKING:
    from opsonin.model.symbolic import SymbolicModel


def in_order(definitions: dict[Any, Any]) -> list[Any]:
    """The derived symbols, each after those it is made of. Raises: ModelError naming a circle."""
    order: list[Any] = []
    path: list[Any] = []

    def visit(symbol: Any) -> None:
        if symbol in order:
            return
        if symbol in path:
            circle = [s.name for s in [*path[path.index(symbol) :], symbol]]
            raise ModelError(f"derived constants are defined in a circle: {' → '.join(circle)}.")
        path.append(symbol)
        for inner in sorted(definitions[symbol].free_symbols, key=lambda s: s.name):
            if inner in definitions:
                visit(inner)
        path.pop()
        order.append(symbol)

    for symbol in definitions:
        visit(symbol)
    return order


def completed(
    symbolic: SymbolicModel, constants: Float[np.ndarray, "patient given"]
) -> Float[np.ndarray, "patient constant"]:
    """The constants with the derived ones computed, whatever stood in their columns.

    constants: in the model's order, with or without columns for the derived ones.
    Raises: ModelError for another number of columns.
    """
    if not symbolic.derived:
        return constants
    given = [n for n in range(len(symbolic.constants)) if n not in symbolic.derived]
    if constants.shape[1] not in (len(given), len(symbolic.constants)):
        raise ModelError(
            f"constants have {constants.shape[1]} columns, but the model has {len(given)} beside its "
            f"{len(symbolic.derived)} derived ones: {', '.join(symbolic.constants[n] for n in given)}."
        )
    made = np.empty((len(constants), len(symbolic.constants)))
    made[:, given] = constants if constants.shape[1] == len(given) else constants[:, given]
    with np.errstate(all="ignore"):
        values = _function(symbolic, given)(*(made[:, n] for n in given))
    for n, value in zip(symbolic.derived, values, strict=True):
        made[:, n] = value
    return made


def _function(symbolic: SymbolicModel, given: Sequence[int]) -> Callable[..., list[Any]]:
    """NumPy's way from the given constants to the derived ones, each subexpression once."""
    if "derived" not in symbolic.functions:
        put_in: dict[Any, Any] = {}
        for n, expression in symbolic.derived.items():
            put_in[symbolic.constant_symbols[n]] = expression
        symbolic.functions["derived"] = _Chain([symbolic.constant_symbols[n] for n in given], put_in)
    return symbolic.functions["derived"]


class _Chain:
    """Definitions evaluated one after the other; called with a value for each argument, gives a value for each."""

    def __init__(self, arguments: Sequence[Any], definitions: dict[Any, Any]) -> None:
        from opsonin.model.by_numbers import numeric  # loads SymPy

        self.links: list[tuple[list[int], Callable[..., list[Any]]]] = []
        place = {symbol: n for n, symbol in enumerate(arguments)}
        for symbol, expression in definitions.items():
            used = sorted(expression.free_symbols, key=lambda s: s.name)
            self.links.append(([place[s] for s in used], numeric(used, [expression])))
            place[symbol] = len(place)

    def __call__(self, *values: Any) -> list[Any]:
        known = list(values)
        for used, function in self.links:
            known.append(function(*(known[n] for n in used))[0])
        return known[len(values) :]
