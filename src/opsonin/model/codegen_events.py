"""LLVM code of what changes a model from outside or at once: inputs in its laws, guards and jumps of its events.

    guards(w)   GUARD: the guard of every event at the states DENSE and time TD
    jumps(w)    JUMP: the new values of all events there, in the order of `jumps`
    look(w)     at some fractions of a step that is accepted, whether an event is due: FOUND, the first fraction where
                one is (else 0), and LOOKED, the one before; SIDE, the guards there, or at the end where none is due

An input is a row GIVEN where it is held; where it is drawn in lines GIVEN + SLOPE (t - SINCE). The driver sets these
rows at every break of a series, which is a stop of the solver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsonin.errors import ModelError
from opsonin.model import codegen_exact
from opsonin.model.expressions import Value, shared
from opsonin.model.lanes import Lines

if TYPE_CHECKING:
    from opsonin.model.codegen import Generated

LOOKS = (0.25, 0.5, 0.75, 1.0)  # fractions of a step at which guards are looked at
READ = {"i": "GIVEN", "s": "SLOPE", "b": "SINCE"}  # ranges of the symbols i<k>, s<k>, b0


def input_names(symbolic: Any) -> dict[str, Any]:
    """What stands in generated code for each input, by name, and for the slope in time of each drawn in lines."""
    import sympy

    names: dict[str, Any] = {}
    since, time = sympy.Symbol("b0", real=True), sympy.Symbol("t", real=True)
    for k, given in enumerate(symbolic.inputs):
        value, slope = sympy.Symbol(f"i{k}", real=True), sympy.Symbol(f"s{k}", real=True)
        names[given.name] = value + slope * (time - since) if given.interpolation == "linear" else value
        names[_slope(given.name)] = slope
    return names


def slopes_in_time(symbolic: Any) -> dict[int, Any]:
    """i -> the derivative of rate i by time, directly and by way of the inputs that are drawn in lines."""
    import sympy

    slopes = dict(symbolic.time_derivatives)
    for (i, k), partial in symbolic.input_derivatives.items():
        given = symbolic.inputs[k]
        if given.interpolation == "linear":
            slopes[i] = slopes.get(i, sympy.Integer(0)) + partial * sympy.Symbol(_slope(given.name), real=True)
    return slopes


def lay_inputs(made: Generated, symbolic: Any) -> None:
    """Lay the rows of the inputs."""
    made.lay("GIVEN", len(symbolic.inputs))
    made.lay("SLOPE", len(symbolic.inputs))
    made.lay("SINCE", min(1, len(symbolic.inputs)))


def jumps(symbolic: Any) -> list[tuple[int, int]]:
    """(event, state) of every new value that an event gives, events in order."""
    return [(n, state) for n, event in enumerate(symbolic.events) for state in event.assignments]


def add_events(made: Generated, symbolic: Any, canonical: Any) -> None:
    """Add `guards` and `jumps`.

    canonical(expression, what): the expression in the symbols of generated code.
    Raises: ModelError, naming the event whose laws hold something that has no code.
    """
    guards = [_of_event(event, event.guard, canonical) for event in symbolic.events]
    values = [
        _of_event(symbolic.events[n], symbolic.events[n].assignments[state], canonical) for n, state in jumps(symbolic)
    ]
    made.guards = guards
    for name, size in {"GUARD": len(guards), "SIDE": len(guards), "JUMP": len(values)}.items():
        made.lay(name, size)
    made.functions += [_evaluated(made, guards, "GUARD", "guards"), _evaluated(made, values, "JUMP", "jumps")]
    if guards:
        made.lay("FOUND", 1)
        made.lay("LOOKED", 1)


def add_look(made: Generated, symbolic: Any, stages: int) -> None:
    """Add `look` where there is any event, when steps and their control have their places.   stages: of the method."""
    if symbolic.events:
        made.functions.append(_look(made, [event.direction for event in symbolic.events], stages))


def _of_event(event: Any, expression: Any, canonical: Any) -> Any:
    try:
        return canonical(expression, event.name)
    except ModelError as problem:
        raise ModelError(f"event {event.name!r}: {problem}") from problem


def _evaluated(made: Generated, expressions: list[Any], name: str, function: str) -> str:
    code = Lines()
    value = Value(code, made.reader(code, "DENSE", "TD"))
    common, left = shared(expressions) if expressions else ([], [])
    for symbol, expression in common:
        value.known[symbol] = value(expression)
    for place, expression in enumerate(left):
        code.store(made.first[name] + place, value(expression))
    return code.function(function)


def _look(made: Generated, directions: list[int], stages: int) -> str:
    """Only the states that guards read are interpolated; the last digits may differ from DENSE, which decides."""
    first, code = made.first, Lines()
    zero = code.number(0.0)
    accepted = code.compare("ole", code.load(first["NORM"]), code.number(1.0))
    found = looked = zero
    for before, theta in zip((0.0, *LOOKS), LOOKS, strict=False):
        code.store(first["THETA"], code.number(theta))
        code.do("weigh")
        guards = _guards_within(made, code, theta, stages)
        due = "splat (i1 false)"
        for n, direction in enumerate(directions):
            due = code.both(due, _passed(code, code.load(first["SIDE"] + n), guards[n], direction), "or")
        still = code.both(accepted, code.compare("oeq", found, zero))
        here = code.both(still, due)
        found = code.select(here, code.number(theta), found)
        looked = code.select(here, code.number(before), looked)
        on = code.both(still, code.both(due, "splat (i1 true)", "xor"))
        for n in range(len(directions)):
            code.store(first["SIDE"] + n, code.select(on, guards[n], code.load(first["SIDE"] + n)))
    code.store(first["FOUND"], found)
    code.store(first["LOOKED"], looked)
    return code.function("look", public=False)


def _guards_within(made: Generated, code: Lines, theta: float, stages: int) -> list[str]:
    """The guards at a fraction of the step, whose WEIGHT is there; at its end those of the new states."""
    first = made.first
    others = made.reader(code, "STAGE", "REACHED")
    weights = [code.load(first["WEIGHT"] + place) for place in range(2 + stages)]
    modes = codegen_exact.decayed(made, code, code.mul(code.number(theta), code.load(first["H"])))

    def read(name: str) -> str:
        if theta == 1.0 or name[0] not in "yt":
            return others(name)
        if name == "t":
            return code.add(code.load(first["TY"]), code.mul(code.number(theta), code.load(first["H"])))
        i = int(name[1:])
        if i >= made.n_integrated:
            return codegen_exact.one_within(made, code, i, modes)
        value = code.mul(weights[0], code.load(first["Y"] + i))
        value = code.add(value, code.mul(weights[1], code.load(first["STAGE"] + i)))
        for s in range(stages):
            value = code.add(value, code.mul(weights[2 + s], code.load(first["K"] + s * made.n_integrated + i)))
        return code.larger(value, code.number(0.0)) if i < made.n_bounded else value

    value = Value(code, read)
    common, left = shared(made.guards)
    for symbol, expression in common:
        value.known[symbol] = value(expression)
    return [value(expression) for expression in left]


def _passed(code: Lines, before: str, after: str, direction: int) -> str:
    """Where a guard has passed nought in its direction, or is no longer a number."""
    zero = code.number(0.0)
    passed = code.compare("uno", after, after)
    if direction >= 0:
        rising = code.both(code.compare("olt", before, zero), code.compare("oge", after, zero))
        passed = code.both(passed, rising, "or")
    if direction <= 0:
        falling = code.both(code.compare("ogt", before, zero), code.compare("ole", after, zero))
        passed = code.both(passed, falling, "or")
    return passed


def _slope(name: str) -> str:
    return f"slope of {name}"
