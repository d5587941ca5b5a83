"""Expressions as NumPy functions over patients: initial states, observables, mass balance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy
from jaxtyping import Bool, Float

from opsonin.errors import ModelError
from opsonin.model.by_numbers import numeric
from opsonin.model.derived import completed
from opsonin.model.parts import Species
from opsonin.model.series import input_columns
from opsonin.model.symbolic import SymbolicModel
from opsonin.model.trace import unknown

if TYPE_CHECKING:
    from opsonin.model.module import Model


def initial_state(
    symbolic: SymbolicModel, constants: Float[np.ndarray, "patient constant"]
) -> Float[np.ndarray, "patient state"]:
    """The state each patient starts from; cumulative hazards start at 0.

    Raises: ModelError naming the species and the patient row where one is negative or no number.
    """
    made = _starts(symbolic, constants)
    for index, species in enumerate(symbolic.species_list):
        column = made[:, index]
        wrong = _impossible(species, column)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise ModelError(
                f"species {species.name!r} starts at {column[row]:.6g} {species.unit} in patient row {row} (and in "
                f"{int(wrong.sum()) - 1} others), but it cannot be {'negative' if column[row] < 0 else 'undefined'}; "
                "look at its `initial` and at the limits of the parameters in it."
            )
    return made


def able_to_start(
    symbolic: SymbolicModel, constants: Float[np.ndarray, "patient constant"]
) -> Bool[np.ndarray, " patient"]:
    """Which patients `initial_state` has a state for: no species below nought, none undefined."""
    made = _starts(symbolic, constants)
    wrong = [_impossible(species, made[:, index]) for index, species in enumerate(symbolic.species_list)]
    return ~np.any(wrong, axis=0) if wrong else np.ones(len(constants), dtype=bool)


def _starts(symbolic: SymbolicModel, constants: np.ndarray) -> np.ndarray:
    values = _values(symbolic, None, None, _columns(symbolic, completed(symbolic, constants)), None)
    return np.stack([np.broadcast_to(value, (len(constants),)) for value in values], axis=-1).astype(float)


def _impossible(species: Species, column: np.ndarray) -> np.ndarray:
    return ~np.isfinite(column) | ((column < 0) if species.nonnegative else False)


def observe(
    symbolic: SymbolicModel,
    names: Sequence[str],
    states: Float[np.ndarray, "patient time state"],
    constants: Float[np.ndarray, "patient constant"],
    times: Float[np.ndarray, "... time"],
    inputs: Mapping[str, Any] | None = None,
) -> Float[np.ndarray, "patient time observable"]:
    """The true values of observables in their units.

    inputs: the values (patient, time) of inputs that are not at their default.
    Raises: ModelError for a name that no module declares.
    """
    for name in names:
        if name not in symbolic.observables:
            raise ModelError(f"observable {name!r} is asked for, {unknown(name, symbolic.observables)}")
    columns = [column[:, None] for column in _columns(symbolic, constants)]
    given = input_columns(symbolic, inputs, states.shape[:2])
    made = np.empty((*states.shape[:2], len(names)))
    for index, name in enumerate(names):
        made[:, :, index] = _values(symbolic, name, states, columns, np.atleast_2d(times), given)[0]
    return made


def typical_initial(symbolic: SymbolicModel) -> Float[np.ndarray, " state"]:
    """The state in which the typical patient starts, unchecked."""
    values = _values(symbolic, None, None, _columns(symbolic, symbolic.typical[None, :]), None)
    return np.array([np.broadcast_to(value, (1,))[0] for value in values], dtype=float)


def mass_balance(model: Model, weights: Mapping[str, float | int]) -> dict[str, float]:
    """What each process that touches these species makes of their weighted sum, per unit of its rate, typically."""
    symbolic = model.symbolic
    known = {part.name: None for part, _ in model.parts(Species)}
    for name in weights:
        if name not in known:
            raise ModelError(f"mass_balance is asked about species {name!r}, {unknown(name, known)}")
    typical = dict(zip(symbolic.constant_symbols, map(sympy.Float, symbolic.typical), strict=True))
    typical |= dict(zip(symbolic.state_symbols, map(sympy.Float, typical_initial(symbolic)), strict=True))
    balance = {}
    for process, ends in symbolic.stoichiometry.items():
        touched = [weights[name] * coefficient for name, coefficient in ends.items() if name in weights]
        if touched:
            total: Any = sympy.Add(*touched).xreplace(typical)
            balance[process] = float(total)
    return balance


def _columns(symbolic: SymbolicModel, constants: Float[np.ndarray, "patient constant"]) -> list[np.ndarray]:
    if constants.shape[1] != len(symbolic.constants):
        raise ModelError(
            f"constants have {constants.shape[1]} columns, but the model has {len(symbolic.constants)}: "
            f"{', '.join(symbolic.constants)}."
        )
    return list(constants.T)


def _values(
    symbolic: SymbolicModel,
    observable: str | None,
    states: Any,
    columns: list[np.ndarray],
    times: Any,
    given: Sequence[np.ndarray] = (),
) -> list[Any]:
    """The values of one observable, or where None the initial values; compiled once for the model."""
    key = "initial" if observable is None else ("observable", observable)
    if key not in symbolic.functions:
        symbolic.functions[key] = _compiled(symbolic, observable)
    used, function = symbolic.functions[key]
    read = {"s": lambda n: states[..., n], "c": lambda n: columns[n], "i": lambda n: given[n], "t": lambda _: times}
    with np.errstate(all="ignore"):
        return function(*(read[kind](n) for kind, n in used))


def _compiled(symbolic: SymbolicModel, observable: str | None) -> tuple[list[tuple[str, int]], Callable[..., Any]]:
    """Where each argument comes from (s: state n, c: constant n, i: input n, t: time), and the NumPy function."""
    expressions = list(symbolic.initial) if observable is None else [symbolic.observables[observable].expression]
    arguments = sorted({symbol for e in expressions for symbol in e.free_symbols}, key=lambda symbol: symbol.name)
    source = {symbolic.time: ("t", 0)}
    source |= {symbol: ("s", n) for n, symbol in enumerate(symbolic.state_symbols)}
    source |= {symbol: ("c", n) for n, symbol in enumerate(symbolic.constant_symbols)}
    source |= {given.symbol: ("i", n) for n, given in enumerate(symbolic.inputs)}
    return [source[symbol] for symbol in arguments], numeric(arguments, expressions)
