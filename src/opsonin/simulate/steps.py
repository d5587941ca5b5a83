"""LLVM code of one step of a method for LANES patients at once, its stages written out.

Every method offers (on the array w described in model/codegen.py):

    try_step(w)       from Y and what `begin` found there, with each lane's step H: STAGE, the new states, and the error
                      estimate in B
    weigh(w)          WEIGHT: what Y, STAGE and the stages K count within the last step, at the fraction THETA of each
                      lane
    dense_states(w)   DENSE: all states there, and their time TD

The stages K lie behind the model's own ranges. How a step is judged, and how long the next one is, says control.py.
"""

from __future__ import annotations

from opsonin.model import codegen_exact
from opsonin.model.codegen import Generated
from opsonin.model.lanes import Lines
from opsonin.simulate.tableaus import Rosenbrock, RungeKutta


def add_step(made: Generated, method: Rosenbrock | RungeKutta) -> None:
    """Add the functions of a method to those of a model."""
    made.lay("STIFFNESS", 1)
    made.lay("WEIGHT", 2 + method.stages)
    made.lay("K", method.stages * made.n_integrated)
    codegen_exact.lay(made, len(codegen_exact.moments(method.c)))
    if isinstance(method, Rosenbrock):
        written, weights = _rosenbrock_step(made, method), _rosenbrock_weights(made, method)
    else:
        written, weights = _explicit_step(made, method), _explicit_weights(made, method)
    made.functions += [
        written.function("try_step", public=False),
        weights.function("weigh"),
        _dense(made, method.stages).function("dense_states"),
    ]


class Rows:
    """Element i of the ranges, in a loop over states."""

    def __init__(self, made: Generated, code: Lines, i: str):
        self.made, self.code, self.i = made, code, i

    def at(self, name: str, stage: int = 0) -> str:
        first = self.made.first[name] + stage * self.made.n_integrated
        return self.code.make(f"add nuw nsw i64 {self.i}, {first}")

    def load(self, name: str, stage: int = 0) -> str:
        return self.code.load(self.at(name, stage))

    def store(self, name: str, value: str, stage: int = 0) -> None:
        self.code.store(self.at(name, stage), value)


def _rosenbrock_step(made: Generated, method: Rosenbrock) -> Lines:
    """The error estimate is the last stage."""
    first, code = made.first, Lines()
    h = code.load(first["H"])
    inverse = code.div(code.number(1.0), h)
    code.store(first["INVERSE_H"], inverse)
    code.store(first["GINV"], code.mul(code.number(1 / method.gamma), inverse))
    code.do("factor")
    given = codegen_exact.Given(made, code, method.c)
    for s in range(method.stages):
        stage = first["K"] + s * made.n_integrated
        code.store(first["DH"], code.mul(code.number(method.d[s]), h))
        if s == 0:
            code.do("start", stage)
            continue
        _argument(made, method, s, code)
        given.at_stage(method.c[s])
        code.store(first["TS"], code.add(code.load(first["TY"]), code.mul(code.number(method.c[s]), h)))
        code.do("stage", stage)
    with code.each(made.n_integrated) as loop:
        rows = Rows(made, code, loop.i)
        last = rows.load("K", method.stages - 1)
        rows.store("STAGE", code.add(rows.load("STAGE"), last))
        rows.store("B", last)
    given.at_end()
    return code


def _argument(made: Generated, method: Rosenbrock, s: int, code: Lines) -> None:
    """The argument of a stage and its history, in one pass over the stages before."""
    row = method.a[s - 1]
    follows = s > 1 and row == (*method.a[s - 2], 1.0)  # the argument is the one before plus its stage
    with code.each(made.n_integrated) as loop:
        rows = Rows(made, code, loop.i)
        stages = [rows.load("K", j) for j in range(s)]
        if follows:
            argument = code.add(rows.load("STAGE"), stages[-1])
        else:
            argument = code.sum_of(list(zip(row, stages, strict=True)), rows.load("Y"))
        rows.store("STAGE", argument)
        rows.store("B", code.sum_of(list(zip(method.c_matrix[s - 1], stages, strict=True))))


def _rosenbrock_weights(made: Generated, method: Rosenbrock) -> Lines:
    """y(θ) = (1-θ) y0 + θ (y1 + (1-θ) Σ_j (Σ_r h_rj θ^r) u_j)."""
    first, code = made.first, Lines()
    theta = code.load(first["THETA"])
    rest = code.sub(code.number(1.0), theta)
    both = code.mul(theta, rest)
    weights = [rest, theta]
    for s in range(method.stages):
        polynomial = code.number(method.dense[-1][s])
        for row in method.dense[-2::-1]:
            polynomial = code.add(code.number(row[s]), code.mul(theta, polynomial))
        weights.append(code.mul(both, polynomial))
    for place, weight in enumerate(weights):
        code.store(first["WEIGHT"] + place, weight)
    return code


def _explicit_step(made: Generated, method: RungeKutta) -> Lines:
    """The error estimate is a sum of all stages. STIFFNESS = (h ρ)², ρ the fastest rate that the last two stages show:
    they are at one time, and their slopes differ by ρ times their arguments' difference (Hairer & Wanner II, IV.2)."""
    first, code = made.first, Lines()
    zero = code.number(0.0)
    h = code.load(first["H"])
    with code.each(made.n_integrated) as loop:
        rows = Rows(made, code, loop.i)
        rows.store("STAGE", rows.load("Y"))
    given = codegen_exact.Given(made, code, method.c)
    for s in range(method.stages - 1):
        given.at_stage(method.c[s])
        _rates_at(made, code, method, s, h)
        with code.each(made.n_integrated) as loop:
            rows = Rows(made, code, loop.i)
            rows.store("STAGE", code.add(rows.load("Y"), code.mul(h, _slope(code, rows, method.a[s]))))
    given.at_stage(1.0)
    last = method.stages - 1
    _rates_at(made, code, method, last, h)
    apart = tuple(x - y for x, y in zip(method.a[-1], (*method.a[-2], 0.0), strict=True))
    with code.each(made.n_integrated, slopes=zero, arguments=zero) as loop:
        rows = Rows(made, code, loop.i)
        rows.store("B", code.mul(h, _slope(code, rows, method.error)))
        size = code.add(rows.load("ATOL"), code.mul(code.load(first["RTOL"]), code.unary("fabs", rows.load("Y"))))
        slope = code.div(code.sub(rows.load("K", last), rows.load("K", last - 1)), size)
        argument = code.div(_slope(code, rows, apart), size)
        loop.following["slopes"] = code.add(loop.carried["slopes"], code.mul(slope, slope))
        loop.following["arguments"] = code.add(loop.carried["arguments"], code.mul(argument, argument))
    code.store(first["STIFFNESS"], code.div(loop.following["slopes"], loop.following["arguments"]))
    given.at_end()
    return code


def _rates_at(made: Generated, code: Lines, method: RungeKutta, s: int, h: str) -> None:
    """The slopes of stage s, at STAGE."""
    moment = code.add(code.load(made.first["TY"]), code.mul(code.number(method.c[s]), h))
    code.store(made.first["TS"], moment)
    code.do("rates", made.first["K"] + s * made.n_integrated)


def _slope(code: Lines, rows: Rows, weights: tuple[float, ...]) -> str:
    return code.sum_of([(weight, rows.load("K", j)) for j, weight in enumerate(weights) if weight])


def _explicit_weights(made: Generated, method: RungeKutta) -> Lines:
    """y(θ) = y0 + h Σ_s b_s(θ) k_s, b_s a polynomial of θ, θ², θ³, θ⁴."""
    first, code = made.first, Lines()
    theta, h = code.load(first["THETA"]), code.load(first["H"])
    weights = [code.number(1.0), code.number(0.0)]
    for row in method.dense:
        polynomial = code.number(row[-1])
        for x in row[-2::-1]:
            polynomial = code.add(code.number(x), code.mul(theta, polynomial))
        weights.append(code.mul(h, code.mul(theta, polynomial)))
    for place, weight in enumerate(weights):
        code.store(first["WEIGHT"] + place, weight)
    return code


def _dense(made: Generated, stages: int) -> Lines:
    """Exactly the new state at the end of the step, and never negative where a state cannot be."""
    first, code = made.first, Lines()
    code.do("weigh")
    theta, zero = code.load(first["THETA"]), code.number(0.0)
    weights = [code.load(first["WEIGHT"] + place) for place in range(2 + stages)]
    ended = code.compare("oge", theta, code.number(1.0))
    for begin, count, bounded in _parts(made):
        with code.each(count) as loop:
            rows = Rows(made, code, code.make(f"add nuw nsw i64 {loop.i}, {begin}"))
            new = rows.load("STAGE")
            value = code.add(code.mul(weights[0], rows.load("Y")), code.mul(weights[1], new))
            for s in range(stages):
                value = code.add(value, code.mul(weights[2 + s], rows.load("K", s)))
            value = code.select(ended, new, value)
            if bounded:
                value = code.select(code.compare("olt", value, zero), zero, value)
            rows.store("DENSE", value)
    codegen_exact.within(made, code, theta)
    code.store(first["TD"], code.add(code.load(first["TY"]), code.mul(theta, code.load(first["H"]))))
    return code


def _parts(made: Generated) -> list[tuple[int, int, bool]]:
    """(first state, how many, cannot be negative) of the two parts of the states that are not empty."""
    parts = [(0, made.n_bounded, True), (made.n_bounded, made.n_integrated - made.n_bounded, False)]
    return [part for part in parts if part[1]]
