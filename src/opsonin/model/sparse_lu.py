"""Sparse LU factors written out as straight-line code, for one pattern known in advance.

The Rosenbrock solver factorises W = I/(gamma h) - J at every step. J of a model of 30 states has a few
entries in a row, always the same ones, so the elimination is planned once (which pivot next, which entries
fill in) and then printed as one assignment an operation: no loops, no indices, no zeros multiplied.

There is no pivoting for size: the diagonal carries 1/(gamma h), which grows as the step shrinks, so a step
that meets a bad pivot ends in a large or non-finite error estimate and is repeated with a smaller h.
The order is Markowitz's (1957): the diagonal entry with the least (row count - 1) x (column count - 1).
States that nothing else depends on (cumulative hazards, drug eliminated) have an empty column: they go first among
equals and need no multiplier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

Entry = tuple[int, int]
Place = Callable[[str, int], str]


@dataclass(frozen=True)
class Elimination:
    """The plan for one pattern.

    order: pivots, first eliminated first.   entries: position in the work array of every non-zero of L and U
    (the diagonal holds 1/pivot).   fill_ins: how many of them are not in the pattern itself.
    """

    order: tuple[int, ...]
    entries: dict[Entry, int]
    lower: tuple[tuple[int, ...], ...]  # for each pivot in order: the rows below it with an entry in its column
    upper: tuple[tuple[int, ...], ...]  # for each pivot in order: the columns right of it with an entry in its row
    fill_ins: int

    @property
    def size(self) -> int:
        return len(self.entries)


def plan(size: int, pattern: Iterable[Entry]) -> Elimination:
    """Choose the order and find the fill-ins for a matrix with these non-zeros (the diagonal always counts)."""
    rows: list[set[int]] = [{i} for i in range(size)]
    columns: list[set[int]] = [{i} for i in range(size)]
    for i, j in pattern:
        rows[i].add(j)
        columns[j].add(i)
    entries = sorted((i, j) for i in range(size) for j in rows[i])
    left = set(range(size))
    order, lower, upper, fill_ins = [], [], [], 0
    while left:
        pivot = min(left, key=lambda k: ((len(rows[k]) - 1) * (len(columns[k]) - 1), len(columns[k]), k))
        left.remove(pivot)
        below, right = sorted(columns[pivot] - {pivot}), sorted(rows[pivot] - {pivot})
        for i in below:
            rows[i].discard(pivot)
            for j in right:
                if j not in rows[i]:
                    rows[i].add(j)
                    columns[j].add(i)
                    entries.append((i, j))
                    fill_ins += 1
        for j in right:
            columns[j].discard(pivot)
        order.append(pivot)
        lower.append(tuple(below))
        upper.append(tuple(right))
    positions = {entry: position for position, entry in enumerate(entries)}
    return Elimination(tuple(order), positions, tuple(lower), tuple(upper), fill_ins)


def factor_lines(elimination: Elimination, jacobian: list[Entry], place: Place) -> list[str]:
    """Statements that fill LU with the factors of GINV * I - J.

    jacobian: its non-zeros in the order of JAC.   place(name, i): the text of element i of a range.
    """
    ginv = "ginv"
    current: dict[Entry, str] = {}
    lines = [f"{ginv} = {place('GINV', 0)}"]
    for position, (i, j) in enumerate(jacobian):
        name = f"a{i}_{j}"
        lines.append(f"{name} = {ginv} - {place('JAC', position)}" if i == j else f"{name} = -{place('JAC', position)}")
        current[i, j] = name
    for i in elimination.order:
        current.setdefault((i, i), ginv)
    for step, pivot in enumerate(elimination.order):
        inverse = f"v{pivot}"
        lines.append(f"{inverse} = 1.0 / {current[pivot, pivot]}")
        lines.append(f"{place('LU', elimination.entries[pivot, pivot])} = {inverse}")
        for j in elimination.upper[step]:
            lines.append(f"{place('LU', elimination.entries[pivot, j])} = {current[pivot, j]}")
        for i in elimination.lower[step]:
            multiplier = f"l{i}_{pivot}"
            lines.append(f"{multiplier} = {current[i, pivot]} * {inverse}")
            lines.append(f"{place('LU', elimination.entries[i, pivot])} = {multiplier}")
            for j in elimination.upper[step]:
                name = f"a{i}_{j}_{step}"  # a fresh name: the compiler need not look for versions of a variable
                product = f"{multiplier} * {current[pivot, j]}"
                lines.append(f"{name} = {current[i, j]} - {product}" if (i, j) in current else f"{name} = -{product}")
                current[i, j] = name
    return lines


def solve_lines(elimination: Elimination, place: Place) -> list[str]:
    """Statements that overwrite B with the solution of LU x = B."""
    entries, order = elimination.entries, elimination.order
    value = {i: f"b{i}" for i in order}
    lines = [f"b{i} = {place('B', i)}" for i in sorted(order)]
    for step, pivot in enumerate(order):
        for i in elimination.lower[step]:
            name = f"b{i}_{step}"
            lines.append(f"{name} = {value[i]} - {place('LU', entries[i, pivot])} * {value[pivot]}")
            value[i] = name
    for step in range(len(order) - 1, -1, -1):
        pivot = order[step]
        terms = "".join(f" - {place('LU', entries[pivot, j])} * {value[j]}" for j in elimination.upper[step])
        inverse = place("LU", entries[pivot, pivot])
        name = f"x{pivot}"
        lines.append(
            f"{name} = ({value[pivot]}{terms}) * {inverse}" if terms else f"{name} = {value[pivot]} * {inverse}"
        )
        lines.append(f"{place('B', pivot)} = {name}")
        value[pivot] = name
    return lines
