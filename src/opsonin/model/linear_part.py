"""The part of a model that is linear with constant coefficients and depends on nothing else: advanced exactly.

Absorption and disposition of most drugs are such a part: dx/dt = A x + u, with A of a patient's constants alone and u
the rates of infusions. With A = V diag(λ) V⁻¹ its solution is a sum of exponentials at any time, so that neither the
fast absorption after a dose nor the slow washout asks for a step; the rest of the model sees x(t) as given.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

FEWEST = 2  # states from which on it pays: for one, exponentials at every stage cost more than the state
APART = 3e-8  # relative distance to which equal rates are moved apart; the answer moves by as much
WORST_CONDITION = 1e9  # of V: rounding errors grow by it


def linear_part(symbolic: Any) -> tuple[int, ...]:
    """The states of the linear part; empty where it is too small to pay.

    Every state of it decays by itself, its rate is linear in states of the part with coefficients of constants alone,
    and its sign is no matter of a law (it cannot be negative).
    """
    if "linear part" not in symbolic.functions:
        symbolic.functions["linear part"] = _found(symbolic)
    return symbolic.functions["linear part"]


def _found(symbolic: Any) -> tuple[int, ...]:
    constants = set(symbolic.constant_symbols)
    index = {symbol: i for i, symbol in enumerate(symbolic.state_symbols)}
    by_row: dict[int, dict[int, Any]] = {}
    for (i, j), entry in symbolic.jacobian.items():
        by_row.setdefault(i, {})[j] = entry
    part = set()
    for i, species in enumerate(symbolic.species_list):
        row, rate = by_row.get(i, {}), symbolic.rates[i]
        used = rate.free_symbols - constants
        if species.nonnegative and i in row and used <= set(index):
            linear = all(entry.free_symbols <= constants for entry in row.values())
            if linear and rate.xreplace(dict.fromkeys(used, 0)) == 0:
                part.add(i)
    while True:
        outside = {i for i in part if not set(by_row[i]) <= part}
        if not outside:
            return tuple(sorted(part)) if len(part) >= FEWEST else ()
        part -= outside


class Modes:
    """The exponential modes of each patient's linear part.

    rates: λ, all below nought (1/day).   shapes: V, (patient, state, mode).   back: its inverse.
    good: whose part could be taken apart so; the others are integrated whole.
    """

    def __init__(self, rates: np.ndarray, shapes: np.ndarray, back: np.ndarray, good: np.ndarray):
        self.rates: Float[np.ndarray, "patient mode"] = rates
        self.shapes: Float[np.ndarray, "patient state mode"] = shapes
        self.back: Float[np.ndarray, "patient mode state"] = back
        self.good: Bool[np.ndarray, " patient"] = good

    def of(self, rows: np.ndarray) -> Modes:
        """Those of some patients."""
        return Modes(self.rates[rows], self.shapes[rows], self.back[rows], self.good[rows])


def modes(symbolic: Any, part: tuple[int, ...], constants: Float[np.ndarray, "patient constant"]) -> Modes:
    """Take the linear part of every patient apart.

    Where two rates are equal there are no such modes: the diagonal is moved by APART, relative, and tried again.
    """
    matrix = _matrix(symbolic, part, constants)
    size = len(part)
    finite: Any = np.isfinite(matrix).all(axis=(1, 2))
    matrix = np.where(finite[:, None, None], matrix, -np.eye(size) * np.arange(1, size + 1))
    rates, shapes, back, condition = _taken_apart(matrix)
    close: np.ndarray = ~(condition < 1e-3 / APART)
    if close.any():
        moved = matrix[close]
        moved[:, range(size), range(size)] *= 1.0 + APART * np.arange(size)
        rates[close], shapes[close], back[close], condition[close] = _taken_apart(moved)
    good = finite & (condition < WORST_CONDITION) & (rates < 0).all(axis=1)
    rates[~good], shapes[~good], back[~good] = -1.0, np.eye(size), np.eye(size)
    return Modes(rates, shapes, back, good)


def _taken_apart(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues, eigenvectors, their inverse and its condition (in the 1-norm, cheap and as telling here).

    Where eigenvalues are not real the condition is infinite. A patient's numbers do not depend on the others'.
    """
    rates, shapes = np.linalg.eig(matrix)
    complex_ones = ~np.isreal(rates).all(axis=1)
    rates, shapes = np.real(rates).copy(), np.real(shapes).copy()
    shapes[complex_ones] = np.eye(matrix.shape[1])
    with np.errstate(all="ignore"):
        try:
            back = np.linalg.inv(shapes)
        except np.linalg.LinAlgError:  # one patient's exactly equal rates: numpy gives up on all of them
            back = np.array([_inverse(one) for one in shapes])
        condition = np.abs(shapes).sum(axis=1).max(axis=1) * np.abs(back).sum(axis=1).max(axis=1)
    condition[complex_ones] = np.inf
    return rates, shapes, back, condition


def _inverse(matrix: np.ndarray) -> np.ndarray:
    try:
        return np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        return np.full_like(matrix, np.inf)


def _matrix(symbolic: Any, part: tuple[int, ...], constants: np.ndarray) -> np.ndarray:
    """A of every patient, (patient, state, state)."""
    place = {state: n for n, state in enumerate(part)}
    entries = {(i, j): expr for (i, j), expr in symbolic.jacobian.items() if i in place}
    key = "matrix of the linear part"
    if key not in symbolic.functions:
        import sympy

        symbolic.functions[key] = sympy.lambdify(
            [list(symbolic.constant_symbols)], list(entries.values()), "numpy", cse=True
        )
    matrix = np.zeros((len(constants), len(part), len(part)))
    with np.errstate(all="ignore"):
        values = symbolic.functions[key](constants.T)
    for (i, j), value in zip(entries, values, strict=True):
        matrix[:, place[i], place[j]] = value
    return matrix
