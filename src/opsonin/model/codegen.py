"""From a symbolic model to LLVM code: straight-line functions for LANES patients at once, nothing looked up.

All numbers of the patients in work lie in one array w of rows of LANES; what a name stands for is a fixed range of
rows. They are few, since what a step touches should stay in the processor's nearest cache: rates replace what was at
their place, factors the Jacobian. A lane's arithmetic is the same whoever is beside.

    prepare(w)     Q: what depends on a patient's constants P alone, once a patient
    begin(w)       B = dy/dt and LU = the non-zeros of the Jacobian, each at the place of its factor, at Y and time TY,
                   sharing subexpressions; FT, the explicit derivatives by time where there are any
    rates(w, k)    the rows k = dy/dt at STAGE and time TS
    stage(w, k)    the rows k = solution of (GINV * I - J) k = dy/dt at STAGE and TS + INVERSE_H * B + DH * FT
    start(w, k)    the rows k = solution of (GINV * I - J) k = B + DH * FT
    factor(w)      LU = sparse factors of GINV * I - J, written out (see sparse_lu.py)

U holds what infusions add to rates, in the order of `inputs`. Within w, states that cannot be negative come first, and
those that are advanced exactly (linear_part.py) last: to the functions above these are given numbers that change in
time, so that what depends on them has an explicit derivative by time.

One thing is guarded: a state that cannot be negative and stands under a root, fractional power or logarithm is read
as max(y, 0), since a stage within a step may carry it a hair below nought, where the law has no value; a root's
infinite slope at nought is left out of the Jacobian. All else is
as written: a division by zero gives inf or nan, the solver rejects the step and says so if it cannot go on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from opsonin.model import codegen_events, sparse_lu
from opsonin.model.codegen_names import Canonical, canonical_names, clipped_states, has_roots
from opsonin.model.expressions import Hoist, Value, shared
from opsonin.model.lanes import Lines

SCALARS = ("TY", "TS", "TD", "H", "INVERSE_H", "GINV", "DH", "NORM", "THETA", "RTOL")


@dataclass(eq=False)
class Generated:
    """The functions of one model and where its numbers lie.

    first: the first row of every range: SCALARS of one row; Y, STAGE, DENSE of n_states; B, ATOL of n_integrated; FT
    of by_time; Q (prepared), U, LU, P (constants); further ranges are laid behind with `lay`.
    order: the model's index of each state in w; the first n_bounded cannot be negative, those from n_integrated on are
    advanced exactly.   exact_read: those of them that rates read.   inputs: states (of w) that
    doses enter, in the order of U.   clipped: states that laws read as max(y, 0).   by_time: states whose rate has an
    explicit derivative by time, in the order of FT.   jacobian: its entries.   guards: of events, as expressions.
    """

    n_states: int
    n_bounded: int
    n_integrated: int
    exact_read: tuple[int, ...]
    order: tuple[int, ...]
    inputs: tuple[int, ...]
    clipped: frozenset[int]
    by_time: tuple[int, ...]
    jacobian: tuple[tuple[int, int], ...]
    elimination: sparse_lu.Elimination
    n_prepared: int
    n_constants: int
    first: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    functions: list[str] = field(default_factory=list)
    guards: list[Any] = field(default_factory=list)

    def lay(self, name: str, size: int) -> None:
        """Lay a range of rows behind the others."""
        self.first[name] = self.rows
        self.rows += size

    @property
    def text(self) -> str:
        """All functions."""
        return "\n".join(self.functions)

    def reader(self, code: Lines, states: str, time: str) -> Callable[[str], str]:
        """Reads symbols: y<i> from the range `states`, t from the row `time`, q<i>, p<i>, u<i> from theirs."""

        def read(name: str) -> str:
            if name == "t":
                return code.load(self.first[time])
            ranges = {"y": states, "q": "Q", "p": "P", "u": "U", **codegen_events.READ}
            value = code.load(self.first[ranges[name[0]]] + int(name[1:]))
            if name[0] == "y" and int(name[1:]) in self.clipped:
                return code.larger(value, code.number(0.0))
            return value

        return read


def generate(symbolic: Any, exact: tuple[int, ...] = ()) -> Generated:
    """Write the functions of a SymbolicModel.

    exact: states that are not integrated but advanced exactly.
    Raises: ModelError, naming the state whose rate holds something that has no code (an undefined function or name).
    """
    order, n_bounded = _order(symbolic, exact)
    n_integrated = len(order) - len(exact)
    row = {state: place for place, state in enumerate(order)}
    names = canonical_names(symbolic, row)
    canonical = Canonical(names)
    rates = [canonical(symbolic.rates[state], symbolic.states[state]) for state in order]
    partial = {(row[i], row[j]): canonical(expr, symbolic.states[i]) for (i, j), expr in symbolic.jacobian.items()}
    slopes = {
        row[i]: canonical(expr, symbolic.states[i]) for i, expr in codegen_events.slopes_in_time(symbolic).items()
    }
    inputs = tuple(row[state] for state in administered_states(symbolic))
    _add_slopes_of_exact(slopes, partial, rates, n_integrated, inputs)
    hoist = Hoist({names[name] for name in symbolic.constants})
    rates_left = [hoist(rate) for rate in rates[:n_integrated]]
    slopes_left = {i: hoist(slopes[i]) for i in sorted(slopes) if i < n_integrated}
    entries = {entry: hoist(partial[entry]) for entry in sorted(partial) if max(entry) < n_integrated}
    read = {j for i, j in partial if i < n_integrated <= j}
    made = Generated(
        n_states=len(order),
        n_bounded=n_bounded,
        n_integrated=n_integrated,
        exact_read=tuple(sorted(read)),
        order=order,
        inputs=inputs,
        clipped=clipped_states(rates, n_bounded),
        by_time=tuple(slopes_left),
        jacobian=tuple(entries),
        elimination=sparse_lu.plan(n_integrated, entries),
        n_prepared=len(hoist.slots),
        n_constants=len(symbolic.constants),
    )
    sizes = dict.fromkeys(SCALARS, 1) | dict.fromkeys(("Y", "STAGE", "DENSE"), len(order))
    sizes |= dict.fromkeys(("B", "ATOL"), n_integrated)
    sizes |= {"FT": len(slopes_left), "Q": len(hoist.slots), "U": len(made.inputs), "LU": made.elimination.size}
    for name, size in {**sizes, "P": made.n_constants}.items():
        made.lay(name, size)
    codegen_events.lay_inputs(made, symbolic)
    made.functions += [
        _prepare(made, hoist),
        _begin(made, rates_left, entries, slopes_left, finite=has_roots(rates)),
        _rates(made, rates_left),
        _stage(made, rates_left),
        _start(made),
        _factor(made),
    ]
    codegen_events.add_events(made, symbolic, canonical)
    return made


def _prepare(made: Generated, hoist: Hoist) -> str:
    code = Lines()
    hoist.assign(code, made.reader(code, "Y", "TY"), made.first["Q"])
    return code.function("prepare")


def _begin(
    made: Generated, rates: list[Any], entries: dict[tuple[int, int], Any], slopes: dict[int, Any], finite: bool
) -> str:
    """finite: entries of the Jacobian that are not finite become nought."""
    code = Lines()
    values = _values(code, made.reader(code, "Y", "TY"), [*rates, *entries.values(), *slopes.values()])
    for i in range(made.n_integrated):
        code.store(made.first["B"] + i, _with_infusions(made, code, i, next(values)))
    for entry in entries:
        value = next(values)
        if finite:
            is_finite = code.compare("olt", code.unary("fabs", value), code.number(math.inf))
            value = code.select(is_finite, value, code.number(0.0))
        code.store(made.first["LU"] + made.elimination.entries[entry], value)
    for place, value in enumerate(values):
        code.store(made.first["FT"] + place, value)
    return code.function("begin")


def _rates(made: Generated, rates: list[Any]) -> str:
    code = Lines()
    for i, value in enumerate(_values(code, made.reader(code, "STAGE", "TS"), rates)):
        code.store(i, _with_infusions(made, code, i, value), "%k")
    return code.function("rates", public=False, arguments="ptr noalias %w, ptr %k")


def _stage(made: Generated, rates: list[Any]) -> str:
    code = Lines()
    inverse_h = code.load(made.first["INVERSE_H"])
    right = {}
    for i, value in enumerate(_values(code, made.reader(code, "STAGE", "TS"), rates)):
        history = code.mul(inverse_h, code.load(made.first["B"] + i))
        right[i] = code.add(_with_infusions(made, code, i, value), history)
    _solved(made, code, right)
    return code.function("stage", public=False, arguments="ptr noalias %w, ptr %k")


def _start(made: Generated) -> str:
    code = Lines()
    _solved(made, code, {i: code.load(made.first["B"] + i) for i in range(made.n_integrated)})
    return code.function("start", public=False, arguments="ptr noalias %w, ptr %k")


def _solved(made: Generated, code: Lines, right: dict[int, str]) -> None:
    """The rows %k: the solution for a right-hand side and DH * FT."""
    for place, i in enumerate(made.by_time):
        slope = code.mul(code.load(made.first["DH"]), code.load(made.first["FT"] + place))
        right[i] = code.add(right[i], slope)
    for i, value in sparse_lu.solve(code, made.elimination, made.first, right).items():
        code.store(i, value, "%k")


def _factor(made: Generated) -> str:
    code = Lines()
    sparse_lu.factor(code, made.elimination, made.jacobian, made.first)
    return code.function("factor", public=False)


def _with_infusions(made: Generated, code: Lines, i: int, rate: str) -> str:
    return code.add(rate, code.load(made.first["U"] + made.inputs.index(i))) if i in made.inputs else rate


def _values(code: Lines, read: Callable[[str], str], expressions: Iterable[Any]) -> Iterator[str]:
    """The values of expressions one after another, common subexpressions shared and made when first needed.

    So few numbers wait for their use: there are 32 registers at most.
    """
    common, left = shared(list(expressions))
    value = Value(code, read, dict(common))
    return (value(expr) for expr in left)


def _add_slopes_of_exact(
    slopes: dict[int, Any],
    partial: dict[tuple[int, int], Any],
    rates: list[Any],
    n_integrated: int,
    inputs: tuple[int, ...],
) -> None:
    """Add to the derivative by time of each integrated state what it owes to states that are advanced exactly."""
    import sympy

    for (i, j), entry in partial.items():
        if i < n_integrated <= j:
            infused = sympy.Symbol(f"u{inputs.index(j)}", real=True) if j in inputs else 0
            slopes[i] = slopes.get(i, 0) + entry * (rates[j] + infused)


def _order(symbolic: Any, exact: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """The model's states in the order of w, and how many of the first cannot be negative."""
    integrated = [i for i in range(len(symbolic.states)) if i not in exact]
    bounded = [i for i in integrated if i < len(symbolic.species_list) and symbolic.species_list[i].nonnegative]
    free = [i for i in integrated if i not in bounded]
    return (*bounded, *free, *exact), len(bounded)


def administered_states(symbolic: Any) -> tuple[int, ...]:
    """States that a dose can enter, ascending: the order of `U`."""
    return tuple(sorted({int(landing.species) for landing in symbolic.administrations.values()}))
