"""Sparse LU factors written out as straight-line code, for one pattern known in advance.

The Rosenbrock solver factorises W = I/(gamma h) - J at every step. J of a model of 30 states has a few
entries in a row, always the same ones, so the elimination is planned once (which pivot next, which entries
fill in) and then written as one instruction an operation: no loops, no indices, no zeros multiplied.

There is no pivoting for size: the diagonal carries 1/(gamma h), which grows as the step shrinks, so a step
that meets a bad pivot ends in a large or non-finite error estimate and is repeated with a smaller h.
The order is Markowitz's (1957): the diagonal entry with the least (row count - 1) x (column count - 1).
States that nothing else depends on (cumulative hazards, drug eliminated) have an empty column: they go first among
equals and need no multiplier.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from opsonin.model.lanes import Lines

Entry = tuple[int, int]


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


def factor(code: Lines, elimination: Elimination, jacobian: Iterable[Entry], first: dict[str, int]) -> None:
    """Turn the Jacobian's entries, each at its own place in LU, into the factors of GINV * I - J.

    jacobian: its non-zeros; what else LU holds is not read.   first: the first row of every range.
    """
    ginv, given = code.load(first["GINV"]), set(jacobian)
    current: dict[Entry, str] = {}

    def entry(i: int, j: int) -> str | None:
        """What stands at (i, j) so far; None for nothing. Read when first needed, so that few numbers wait."""
        if (i, j) not in current and (i, j) in given:
            read = code.load(first["LU"] + elimination.entries[i, j])
            current[i, j] = code.sub(ginv, read) if i == j else code.neg(read)
        return current.get((i, j), ginv if i == j else None)

    for step, pivot in enumerate(elimination.order):
        inverse = code.div(code.number(1.0), entry(pivot, pivot) or ginv)
        row = {j: entry(pivot, j) for j in elimination.upper[step]}
        code.store(first["LU"] + elimination.entries[pivot, pivot], inverse)
        for j, value in row.items():
            code.store(first["LU"] + elimination.entries[pivot, j], value or "")
        for i in elimination.lower[step]:
            multiplier = code.mul(entry(i, pivot) or "", inverse)
            for j, value in row.items():
                before, product = entry(i, j), code.mul(multiplier, value or "")
                current[i, j] = code.sub(before, product) if before else code.neg(product)
            code.store(first["LU"] + elimination.entries[i, pivot], multiplier)


def solve(code: Lines, elimination: Elimination, first: dict[str, int], right: dict[int, str]) -> dict[int, str]:
    """The solution of LU x = right, state -> value."""
    entries, order = elimination.entries, elimination.order
    value = dict(right)
    for step, pivot in enumerate(order):
        for i in elimination.lower[step]:
            value[i] = code.sub(value[i], code.mul(code.load(first["LU"] + entries[i, pivot]), value[pivot]))
    for step in range(len(order) - 1, -1, -1):
        pivot = order[step]
        for j in elimination.upper[step]:
            value[pivot] = code.sub(value[pivot], code.mul(code.load(first["LU"] + entries[pivot, j]), value[j]))
        value[pivot] = code.mul(value[pivot], code.load(first["LU"] + entries[pivot, pivot]))
    return value
