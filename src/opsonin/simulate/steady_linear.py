"""Steady states of linear kinetics, exactly: matrix exponentials over one interval."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import sympy
from jaxtyping import Bool, Float

from opsonin.simulate.trains import Trains, cycle_of

BLOCK = 2048  # trains whose matrices are held at once
SMALL, TERMS = 0.5, 14  # a matrix of this size or less needs so many terms for the last digit
FORGETS = 1e-9  # a motion that fades by less than this in an interval has no steady state


class Affine(NamedTuple):
    """x' = matrix x + source of every train, for the chosen states."""

    matrix: Float[np.ndarray, "row state state"]
    source: Float[np.ndarray, "row state"]


class Answer(NamedTuple):
    """The states at each train's mark, whether they are a steady state, and which fade too slowly where not."""

    state: Float[np.ndarray, "row state"]
    settled: Bool[np.ndarray, " row"]
    lingering: Bool[np.ndarray, "row state"]


def is_affine(symbolic: Any, settling: list[int]) -> bool:
    """Whether the rates of these states are linear in them, and depend on constants alone besides."""
    constants = set(symbolic.constant_symbols)
    if symbolic.events or set(symbolic.time_derivatives) & set(settling):
        return False
    mine = {entry: partial for entry, partial in symbolic.jacobian.items() if entry[0] in settling}
    return all(
        column in settling and partial.free_symbols <= constants for (_, column), partial in mine.items()
    ) and all(_at_nought(symbolic, index).free_symbols <= constants for index in settling)


def _at_nought(symbolic: Any, index: int) -> Any:
    return sympy.sympify(symbolic.rates[index]).xreplace(dict.fromkeys(symbolic.state_symbols, sympy.Integer(0)))


def affine(symbolic: Any, settling: list[int], constants: Float[np.ndarray, "row constant"]) -> Affine:
    """The matrices of every row of constants."""
    size = len(settling)
    place = {state: n for n, state in enumerate(settling)}
    entries = [(i, j, p) for (i, j), p in symbolic.jacobian.items() if i in place]
    key = ("affine", tuple(settling))
    if key not in symbolic.functions:
        wanted = [p for *_, p in entries] + [_at_nought(symbolic, index) for index in settling]
        symbolic.functions[key] = sympy.lambdify([list(symbolic.constant_symbols)], wanted, modules="numpy", cse=True)
    values = symbolic.functions[key](list(constants.T))
    matrix, source = np.zeros((len(constants), size, size)), np.zeros((len(constants), size))
    for (i, j, _), value in zip(entries, values[: len(entries)], strict=True):
        matrix[:, place[i], place[j]] = value
    for n, value in enumerate(values[len(entries) :]):
        source[:, n] = value
    return Affine(matrix, source)


def settle_exactly(
    symbolic: Any, settling: list[int], constants: Float[np.ndarray, "patient constant"], trains: Trains, sourced: Any
) -> Answer:
    """The steady state of each train at its mark.

    sourced: (row,) whether what the model itself produces takes part; without it the answer is that of the doses alone.
    """
    parts = []
    for first in range(0, len(trains.patient), BLOCK):
        rows = np.arange(first, min(first + BLOCK, len(trains.patient)))
        some = trains.chosen(rows)
        system = affine(symbolic, settling, constants[some.patient])
        source = np.where(sourced[rows, None], system.source, 0.0)
        known = np.asarray(np.isfinite(system.matrix).all(axis=(1, 2)) & np.isfinite(source).all(axis=1))
        system = Affine(np.where(known[:, None, None], system.matrix, -np.eye(len(settling))), source)
        made = _settled(system, some, np.searchsorted(settling, some.state))
        state = np.where(known[:, None], made.state, np.nan)  # constants that are no numbers: the solver says so
        parts.append(Answer(state, made.settled | ~known, made.lingering))
    return Answer(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _settled(system: Affine, trains: Trains, landing: np.ndarray) -> Answer:
    rows, size = np.arange(len(landing)), system.source.shape[1]
    cycle = cycle_of(trains)
    unit = np.zeros((len(rows), size))
    unit[rows, landing] = 1.0
    steady = trains.interval == 0
    flow_one, push_one = _flow(system, cycle.turn, unit * cycle.first[:, None])
    flow_two, push_two = _flow(system, trains.interval - cycle.turn, unit * cycle.second[:, None])
    flow = flow_two @ flow_one
    push = (flow_two @ (flow_one @ (unit * cycle.bolus[:, None])[:, :, None] + push_one[:, :, None]))[
        :, :, 0
    ] + push_two
    # an infusion that has always run: its own equation, 0 = matrix x + source + rate
    flow = np.where(steady[:, None, None], np.eye(size) + system.matrix, flow)
    push = np.where(steady[:, None], system.source + unit * cycle.first[:, None], push)
    settled, lingering = _fades(system.matrix, np.where(steady, 1.0, trains.interval))
    before = np.full((len(rows), size), np.nan)
    good = np.flatnonzero(settled)
    before[good] = np.linalg.solve(np.eye(size) - flow[good], push[good][:, :, None])[:, :, 0]
    return Answer(_at_mark(system, trains, cycle, unit, before), settled, lingering)


def _at_mark(system: Affine, trains: Trains, cycle: Any, unit: np.ndarray, before: np.ndarray) -> np.ndarray:
    """From just before an arrival to the moment of the mark (backwards, for NONMEM's continued profile)."""
    elapsed = np.where(trains.interval > 0, trains.elapsed, 0.0)
    back = elapsed < 0
    one = np.where(back, elapsed, np.minimum(elapsed, cycle.turn))
    # backwards, what flows is what flows right after the arrival
    rate = np.where(back & (cycle.turn == 0), cycle.second, cycle.first)
    moved = before + unit * cycle.bolus[:, None]
    for length, speed in ((one, rate), (np.where(back, 0.0, elapsed - one), cycle.second)):
        flow, push = _flow(system, length, unit * speed[:, None])
        moved = (flow @ moved[:, :, None])[:, :, 0] + push
    whole = (trains.interval == 0) | (np.abs(elapsed - trains.interval) < 1e-12)
    return np.where(whole[:, None], before, moved)


def _flow(system: Affine, length: np.ndarray, rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x(length) = flow x(0) + push under a constant rate, of every row."""
    rows, size = system.source.shape
    matrix = np.zeros((rows, size + 1, size + 1))
    matrix[:, :size, :size] = system.matrix
    matrix[:, :size, size] = system.source + rate
    made = exponentials(matrix * length[:, None, None])
    return made[:, :size, :size], made[:, :size, size]


def exponentials(matrices: Float[np.ndarray, "row size size"]) -> Float[np.ndarray, "row size size"]:
    """exp of every matrix: a Taylor series of the matrix halved until it is small, squared as often.

    SciPy takes them one after the other, which for matrices as small as these is much slower.
    """
    size = np.abs(matrices).sum(axis=2).max(axis=1, initial=0.0)
    halvings = np.ceil(np.log2(np.maximum(size, SMALL) / SMALL)).astype(int)
    scaled = matrices * (0.5**halvings)[:, None, None]
    made = np.broadcast_to(np.eye(matrices.shape[1]), matrices.shape)
    for term in range(TERMS, 0, -1):
        made = np.eye(matrices.shape[1]) + scaled @ made / term
    for squaring in range(int(halvings.max(initial=0))):
        made = np.where((squaring < halvings)[:, None, None], made @ made, made)
    return made


def _fades(matrix: np.ndarray, interval: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether every motion fades within the interval, and the states that take part in one that does not."""
    values, vectors = np.linalg.eig(matrix)
    stays = np.asarray(np.real(values) * interval[:, None] > -FORGETS)
    size = np.abs(vectors)
    size = size / np.where(size.max(axis=1, keepdims=True) > 0, size.max(axis=1, keepdims=True), 1.0)
    taking_part = (size > 1e-6) & stays[:, None, :]
    return np.logical_not(stays.any(axis=1)), np.asarray(taking_part.any(axis=2))
