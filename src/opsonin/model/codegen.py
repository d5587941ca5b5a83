"""From a symbolic model to Numba source: straight-line code for LANES patients at once, nothing looked up.

All numbers of the patients in work lie in one array w of rows of LANES; what a name stands for is a fixed range of
rows (`Layout`), so that the compiler sees at once which statements touch which numbers, and turns the loop over lanes
around each function's straight-line body into vector instructions. A lane's arithmetic is the same whoever is beside.

    prepare(p, w, lane)   what depends on a patient's constants alone, once a patient: row Q of one lane
    rhs(w)                RATE = dy/dt at STAGE and time TS; U holds what infusions add, in the order of `inputs`
    rhs_jac(w)            F = dy/dt and JAC, the non-zeros of the Jacobian, at Y and time TY, sharing subexpressions
    dfdt(w)               FT = explicit derivative by time at Y (never called where autonomous)
    factor(w)             LU = sparse factors of GINV * I - J, written out (see sparse_lu.py)
    solve(w)              B = solution of LU x = B

One thing is guarded: a state that cannot be negative and stands under a root, fractional power or logarithm is read
as max(y, 0), since a stage within a step may carry it a hair below nought, where the law has no value. All else is
as written: a division by zero gives inf or nan, the solver rejects the step and says so if it cannot go on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from opsonin.errors import ModelError
from opsonin.model import kernel_cache, sparse_lu
from opsonin.model.expressions import FUNCTIONS, Body, Hoist

GENERATOR = "lanes 2"  # part of every kernel's key: raise it when the generated code changes
LANES = 8
DECORATOR = '@njit(cache=True, nogil=True, error_model="numpy", fastmath=False, boundscheck=False)'


@dataclass(frozen=True)
class ModelSource:
    """Generated source of one model.

    text: functions listed in the module's docstring, the sizes N_STATES, N_JACOBIAN, N_LU, N_PREPARED, N_INPUTS, the
    first element of every range of rows (Y, STAGE …), LANES, AUTONOMOUS, ROOTS (a root, fractional power or logarithm
    occurs) and JACOBIAN_ROWS, JACOBIAN_COLUMNS.   inputs: states that doses enter, in the order of U.
    clipped: states that laws read as max(y, 0).
    """

    text: str
    n_states: int
    n_jacobian: int
    n_lu: int
    n_prepared: int
    fill_ins: int
    inputs: tuple[int, ...]
    clipped: tuple[int, ...]
    autonomous: bool


class Layout:
    """Which rows of w hold what: name -> first row. A row is LANES numbers, one a patient."""

    def __init__(self, sizes: dict[str, int]):
        self.first: dict[str, int] = {}
        self.rows = 0
        for name, size in sizes.items():
            self.first[name] = self.rows
            self.rows += size

    def place(self, name: str, i: int = 0) -> str:
        """The text of element i of a range, in the lane `l` of the generated loops."""
        return f"w[{(self.first[name] + i) * LANES} + l]"

    def constants(self) -> list[str]:
        """The first element of every range, and the number of elements, as assignments."""
        return [f"{name} = {row * LANES}" for name, row in self.first.items()] + [f"N_WORK = {self.rows * LANES}"]


def model_source(symbolic: Any) -> ModelSource:
    """Write the functions of a SymbolicModel.

    Raises: ModelError, naming the state whose rate holds something that has no code (an undefined function or name).
    """
    n = len(symbolic.states)
    names = _canonical_names(symbolic)
    rates = [_canonical(expr, names, state) for expr, state in zip(symbolic.rates, symbolic.states, strict=True)]
    jacobian = {
        entry: _canonical(expr, names, symbolic.states[entry[0]]) for entry, expr in sorted(symbolic.jacobian.items())
    }
    by_time = [_canonical(symbolic.time_derivatives.get(i, 0), names, state) for i, state in enumerate(symbolic.states)]
    autonomous = names[symbolic.time.name] not in {symbol for rate in rates for symbol in rate.free_symbols}
    hoist = Hoist({names[name] for name in symbolic.constants})
    rates_left, by_time_left = [hoist(rate) for rate in rates], [hoist(rate) for rate in by_time]
    entries_left = [hoist(expr) for expr in jacobian.values()]
    elimination = sparse_lu.plan(n, jacobian)
    inputs = administered_states(symbolic)
    clipped = _clipped_states(rates, names, symbolic)

    sizes = {"TY": 1, "TS": 1, "H": 1, "INVERSE_H": 1, "GINV": 1, "NORM": 1, "BEFORE": 1, "GROW": 1, "ACCEPTED": 1}
    sizes |= dict.fromkeys(("Y", "STAGE", "RATE", "F", "FT", "B", "NEW", "ATOL", "FLOOR", "SPREAD"), n)
    sizes |= {"Q": max(1, len(hoist.slots)), "U": max(1, len(inputs)), "JAC": len(jacobian), "LU": elimination.size}
    layout = Layout(sizes)
    at_stage = Body(clipped, lambda kind, i: layout.place({"y": "STAGE", "q": "Q", "t": "TS"}[kind], i))
    at_start = Body(clipped, lambda kind, i: layout.place({"y": "Y", "q": "Q", "t": "TY"}[kind], i))
    entering = {state: f" + {layout.place('U', column)}" for column, state in enumerate(inputs)}

    def places(name: str, count: int) -> list[str]:
        return [layout.place(name, i) for i in range(count)]

    constants = {
        "N_STATES": n, "N_JACOBIAN": len(jacobian), "N_INPUTS": len(inputs), "LANES": LANES,
        "AUTONOMOUS": autonomous, "ROOTS": _has_roots(rates), "INPUTS": inputs,
        "JACOBIAN_ROWS": f"np.array({[i for i, _ in jacobian]}, dtype=np.int64)",
        "JACOBIAN_COLUMNS": f"np.array({[j for _, j in jacobian]}, dtype=np.int64)",
    }  # fmt: skip
    text = "\n".join(
        [
            '"""Generated by opsonin.model.codegen; delete freely."""',
            "import math",
            "import numpy as np",
            "from numba import njit",
            *(f"{name} = {value}" for name, value in constants.items()),
            *layout.constants(),
            _function("prepare", "p, w, lane", hoist.lines(f"w[Q + {LANES} * {{}} + lane]")),
            _over_lanes("rhs", at_stage.assign(places("RATE", n), rates_left, entering)),
            _over_lanes(
                "rhs_jac",
                at_start.assign(places("F", n) + places("JAC", len(jacobian)), rates_left + entries_left, entering),
            ),
            _over_lanes("dfdt", at_start.assign(places("FT", n), by_time_left)),
            _over_lanes("factor", sparse_lu.factor_lines(elimination, list(jacobian), layout.place)),
            _over_lanes("solve", sparse_lu.solve_lines(elimination, layout.place)),
            "",
        ]
    )
    return ModelSource(
        text=text,
        n_states=n,
        n_jacobian=len(jacobian),
        n_lu=elimination.size,
        n_prepared=len(hoist.slots),
        fill_ins=elimination.fill_ins,
        inputs=inputs,
        clipped=clipped,
        autonomous=autonomous,
    )


def kernels(symbolic: Any, *drivers: str) -> ModuleType:
    """The compiled-on-first-call module of a model, with the text of drivers (solvers) behind its functions.

    One file on disk per model and drivers.
    """

    def write() -> str:
        return "\n".join([model_source(symbolic).text, *drivers])

    name = kernel_cache.key(GENERATOR, symbolic.content_hash, _also_in_key(symbolic), *drivers)
    return kernel_cache.load(name, write)


def _also_in_key(symbolic: Any) -> str:
    """What the source depends on beside the model's content hash: where doses land, what cannot be negative."""
    return f"{administered_states(symbolic)} {[species.nonnegative for species in symbolic.species_list]}"


def administered_states(symbolic: Any) -> tuple[int, ...]:
    """States that a dose can enter, ascending: the order of `u`."""
    return tuple(sorted({int(landing.species) for landing in symbolic.administrations.values()}))


def _function(name: str, arguments: str, lines: Iterable[str]) -> str:
    body = [f"    {line}" for line in lines] or ["    pass"]
    return "\n".join(["", DECORATOR, f"def {name}({arguments}):", *body])


def _over_lanes(name: str, lines: list[str]) -> str:
    return _function(name, "w", [f"for l in range({LANES}):", *(f"    {line}" for line in lines or ["pass"])])


def _canonical_names(symbolic: Any) -> dict[str, Any]:
    """Plain symbols y0…, p0…, t for the model's names, so that no name of a model can clash with the code."""
    import sympy

    names = {state: sympy.Symbol(f"y{i}", real=True) for i, state in enumerate(symbolic.states)}
    names |= {constant: sympy.Symbol(f"p{i}", real=True) for i, constant in enumerate(symbolic.constants)}
    names[symbolic.time.name] = sympy.Symbol("t", real=True)
    return names


def _canonical(expr: Any, names: dict[str, Any], state: str) -> Any:
    import sympy

    expr = sympy.sympify(expr)
    unknown = sorted(symbol.name for symbol in expr.free_symbols if symbol.name not in names)
    if unknown:
        raise ModelError(f"the rate of {state!r} uses {', '.join(unknown)}, which is no state, constant or 't'.")
    odd = [e for e in expr.atoms(sympy.Function, sympy.Derivative, sympy.Subs) if type(e).__name__ not in FUNCTIONS]
    if odd:
        raise ModelError(f"the rate of {state!r} or its derivative holds {odd[0]}, for which there is no code; "
                         f"write it with {', '.join(sorted(FUNCTIONS))}.")  # fmt: skip
    return expr.xreplace({symbol: names[symbol.name] for symbol in expr.free_symbols})


def _clipped_states(rates: list[Any], names: dict[str, Any], symbolic: Any) -> tuple[int, ...]:
    """Non-negative states in the base of a fractional power or under a logarithm, outside any Max or Abs."""
    import sympy

    inside = set()
    for rate in rates:
        for power in rate.atoms(sympy.Pow):
            if not power.exp.is_integer:
                inside |= _unguarded(power.base)
        for logarithm in rate.atoms(sympy.log):
            inside |= _unguarded(logarithm.args[0])
    return tuple(
        i for i, species in enumerate(symbolic.species_list) if species.nonnegative and names[species.name] in inside
    )


def _has_roots(rates: list[Any]) -> bool:
    import sympy

    return any(not power.exp.is_integer for rate in rates for power in rate.atoms(sympy.Pow)) or any(
        rate.has(sympy.log) for rate in rates
    )


def _unguarded(expr: Any) -> set[Any]:
    """Symbols of an expression outside any Max or Abs, which keep what is under them from being negative."""
    import sympy

    if isinstance(expr, sympy.Max | sympy.Abs):
        return set()
    if expr.is_Symbol:
        return {expr}
    return {symbol for arg in expr.args for symbol in _unguarded(arg)}
