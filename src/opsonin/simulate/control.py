"""LLVM code that judges a step of LANES patients and sets the length of the next, each lane for itself.

    advance(w)   steps until some lane needs the driver: MASK, a bit for each such lane. Lanes that are not masked have
                 taken their new state or try again with a smaller step; nothing has been taken when it returns.
    keep(w)      takes the new states and times of the lanes that were ACCEPTED

What each lane brings: PROPOSED, the length wished for; STOP, where it must land; NEXT, when something is wanted (an
output); LIMIT of each watched state, whose reaching must be noted; MOST, how many steps there may be; RTOL, ATOL;
BEFORE, the norm of the step before; FRESH, 1 where a lane starts from something new; IDLE, 1 for a lane without a
patient. What it takes away: ACCEPTED, LANDED (0 or 1), REACHED, the time; TAKEN and REJECTED, counts; STIFF, of an
explicit method, how many steps of late were short for stability.

A step is accepted where no state's error estimate exceeds its tolerance. A state that cannot be negative may undershoot
nought by its absolute tolerance at most and becomes nought then, or what grows by itself would grow negative.
The next step is 0.9 NORM^(-1/8) BEFORE^(1/16) times this one: a proportional and integral control (Gustafsson 1991).
"""

from __future__ import annotations

import math

from opsonin.model import codegen_exact
from opsonin.model.codegen import Generated
from opsonin.model.lanes import LANES, MASK, ROW, Lines
from opsonin.simulate.steps import Rows, _parts
from opsonin.simulate.tableaus import Rosenbrock, RungeKutta

STIFF_PRODUCT = 3.0  # of step and fastest rate: near the 3.3 at which the explicit method would become unstable
STIFF_STEPS = 15  # so many steps held short by stability and not by the tolerance: the other method is due
SMALLEST_STEP = 1e-13  # days, and relative to the time
TINY = 1e-150  # smaller values are set to nought: arithmetic on denormal numbers is slow and they mean nothing
BROUGHT = ("PROPOSED", "STOP", "NEXT", "MOST", "BEFORE", "FRESH", "IDLE")
TAKEN = ("ACCEPTED", "LANDED", "REACHED", "TAKEN", "REJECTED", "AGAIN", "STIFF", "MASK")


def add_control(made: Generated, method: Rosenbrock | RungeKutta, watched: tuple[int, ...]) -> None:
    """Add `advance` and `keep`.   watched: states (of w) with a limit; a state may be watched more than once."""
    for name in (*BROUGHT, *TAKEN):
        made.lay(name, 1)
    made.lay("LIMIT", len(watched))
    made.functions += [
        _length(made).function("choose_length", public=False),
        _judge(made).function("judge", public=False),
        _decide(made, watched).function("decide", public=False),
        _keep(made, method).function("keep"),
        _first_length(made, method.order).function("choose_first_length", public=False),
        ADVANCE.format(
            mask=made.first["MASK"],
            fresh=made.first["FRESH"],
            lanes=LANES,
            row=ROW,
            ones=MASK,
            look="call void @look(ptr %w)" if "FOUND" in made.first else "",
            always="" if isinstance(method, Rosenbrock) else "  br i1 %old, label %go, label %begin\n\nbegin:",
        ),
    ]


# an explicit method needs what `begin` finds only for its first step, a Rosenbrock method for every one
ADVANCE = """define void @advance(ptr noalias %w) #0 {{
entry:
  %flags = getelementptr {row}, ptr %w, i64 {fresh}
  %where = getelementptr {row}, ptr %w, i64 {mask}
  br label %again
again:
  %fresh = load {row}, ptr %flags, align 64
  %which = fcmp ogt {row} %fresh, zeroinitializer
  %bits = bitcast {ones} %which to i{lanes}
  %old = icmp eq i{lanes} %bits, 0
{always}
  call void @begin(ptr %w)
  br i1 %old, label %go, label %first
first:
  call void @choose_first_length(ptr %w)
  br label %go
go:
  call void @choose_length(ptr %w)
  call void @try_step(ptr %w)
  call void @judge(ptr %w)
  {look}
  call void @decide(ptr %w)
  %mask = load i64, ptr %where, align 64
  %none = icmp eq i64 %mask, 0
  br i1 %none, label %take, label %done
take:
  call void @keep(ptr %w)
  br label %again
done:
  ret void
}}
"""


def _first_length(made: Generated, order: int) -> Lines:
    """PROPOSED of the lanes that are FRESH, from the first and second derivative (Hairer, Nørsett & Wanner I, II.4).

    The second is J f + df/dt. Only values at this moment enter, so a restart begins like a start. Powers need not be
    exact for the length of a step.
    """
    first, code = made.first, Lines()
    zero, one, infinite = code.number(0.0), code.number(1.0), code.number(math.inf)
    f = [code.load(first["B"] + i) for i in range(made.n_integrated)]
    second: dict[int, str] = {i: code.load(first["FT"] + place) for place, i in enumerate(made.by_time)}
    for i, j in made.jacobian:
        term = code.mul(code.load(first["LU"] + made.elimination.entries[i, j]), f[j])
        second[i] = code.add(second[i], term) if i in second else term
    size = slope = bend = zero
    for i in range(made.n_integrated):
        y = code.unary("fabs", code.load(first["Y"] + i))
        weight = code.div(one, code.add(code.load(first["ATOL"] + i), code.mul(code.load(first["RTOL"]), y)))
        size = code.larger(code.mul(y, weight), size)
        slope = code.larger(code.mul(code.unary("fabs", f[i]), weight), slope)
        if i in second:
            bend = code.larger(code.mul(code.unary("fabs", second[i]), weight), bend)
    span = code.sub(code.load(first["STOP"]), code.load(first["TY"]))
    long = code.select(
        code.compare("ogt", size, code.number(1e-5)),
        code.mul(code.number(0.01), code.div(size, slope)),
        code.number(1e-6),
    )
    steepest = code.smaller(code.larger(slope, bend), code.number(1e300))
    power = code.mul(code.number(-1.0 / order), code.logarithm_of_two(code.mul(code.number(100.0), steepest)))
    h = code.smaller(code.mul(code.number(100.0), long), code.power_of_two(power))
    h = code.select(code.compare("olt", bend, infinite), h, long)
    h = code.select(code.compare("olt", slope, infinite), h, code.number(1e-6))
    h = code.select(code.compare("ogt", slope, code.number(1e-10)), code.smaller(h, span), span)
    fresh = code.compare("ogt", code.load(first["FRESH"]), zero)
    for name, value in (("PROPOSED", h), ("BEFORE", code.number(1e-4)), ("AGAIN", zero), ("FRESH", zero)):
        code.store(first[name], code.select(fresh, value, code.load(first[name])))
    return code


def _length(made: Generated) -> Lines:
    """H: what is proposed, less where it must land; two equal steps rather than one and a splinter."""
    first, code = made.first, Lines()
    t, wished, stop = (code.load(first[name]) for name in ("TY", "PROPOSED", "STOP"))
    left = code.sub(stop, t)
    lands = code.compare("oge", code.add(t, code.mul(code.number(1.02), wished)), stop)
    near = code.compare("ogt", code.add(t, code.mul(code.number(1.9), wished)), stop)
    h = code.select(near, code.mul(code.number(0.5), left), wished)
    h = code.select(lands, left, h)
    code.store(first["H"], h)
    code.store(first["LANDED"], code.select(lands, code.number(1.0), code.number(0.0)))
    code.store(first["REACHED"], code.select(lands, stop, code.add(t, h)))
    return code


def _judge(made: Generated) -> Lines:
    """NORM, the largest ratio of error to tolerance; nan where a number is not finite, inf where a state undershoots.

    The largest ratio is found by products, |e| best_tolerance > best_error tolerance: a division a state would cost
    more than all else here.
    """
    first, code = made.first, Lines()
    zero = code.number(0.0)
    carried = {"worst": zero, "allowed": code.number(1.0), "odd": zero, "below": zero}
    chains = [dict(carried), dict(carried)]  # two searches side by side: one alone waits for its own last result
    for begin, count, bounded in _parts(made):
        odd, half = count % 2, count // 2
        if odd:
            chains[0] = _judged(made, code, str(begin), chains[0], bounded)
        if not half:
            continue
        both = {f"{name}_{n}": value for n, chain in enumerate(chains) for name, value in chain.items()}
        with code.each(half, **both) as loop:
            for n in range(2):
                before = {name: loop.carried[f"{name}_{n}"] for name in carried}
                after = _judged(made, code, _shifted(code, loop.i, begin + odd + n * half), before, bounded)
                loop.following.update({f"{name}_{n}": value for name, value in after.items()})
        chains = [{name: loop.following[f"{name}_{n}"] for name in carried} for n in range(2)]
    ratios = [code.div(chain["worst"], chain["allowed"]) for chain in chains]
    norm = code.larger(ratios[0], ratios[1])
    for chain in chains:
        norm = code.larger(chain["below"], norm)
    norm = code.add(norm, code.add(chains[0]["odd"], chains[1]["odd"]))
    code.store(first["NORM"], norm)
    return code


def _judged(made: Generated, code: Lines, i: str, before: dict[str, str], bounded: bool) -> dict[str, str]:
    """What is found so far, with one state more; what is nearly nought, or below where it cannot be, becomes nought."""
    zero, rows = code.number(0.0), Rows(made, code, i)
    new, error, scale = rows.load("STAGE"), code.unary("fabs", rows.load("B")), rows.load("ATOL")
    size = code.larger(code.unary("fabs", rows.load("Y")), code.unary("fabs", new))
    tolerance = code.add(scale, code.mul(code.load(made.first["RTOL"]), size))
    worse = code.compare("ogt", code.mul(error, before["allowed"]), code.mul(before["worst"], tolerance))
    after = {
        "worst": code.select(worse, error, before["worst"]),
        "allowed": code.select(worse, tolerance, before["allowed"]),
        "odd": code.add(before["odd"], code.mul(code.add(new, error), zero)),
        "below": before["below"],
    }
    nothing = code.compare("olt", code.unary("fabs", new), code.number(TINY))
    if bounded:
        under = code.compare("olt", new, code.neg(scale))
        after["below"] = code.select(under, code.number(math.inf), before["below"])
        nothing = code.both(nothing, code.compare("olt", new, zero), "or")
    rows.store("STAGE", code.select(nothing, zero, new))
    return after


def _shifted(code: Lines, i: str, by: int) -> str:
    return code.make(f"add nuw nsw i64 {i}, {by}") if by else i


def _decide(made: Generated, watched: tuple[int, ...]) -> Lines:
    """Accept or reject, propose the next length, count, and say which lanes need the driver."""
    first, code = made.first, Lines()
    one, zero = code.number(1.0), code.number(0.0)
    norm, tried, wished = (code.load(first[name]) for name in ("NORM", "H", "PROPOSED"))
    size_of_time = code.larger(one, code.unary("fabs", code.load(first["TY"])))
    least = code.mul(code.number(SMALLEST_STEP), size_of_time)
    idle = code.compare("ogt", code.load(first["IDLE"]), zero)
    accepted = code.compare("ole", norm, one)  # false for nan
    known = code.select(code.compare("olt", norm, code.number(math.inf)), norm, one)
    size = code.logarithm_of_two(code.larger(known, code.number(1e-10)))
    history = code.logarithm_of_two(code.load(first["BEFORE"]))
    exponent = code.add(code.mul(code.number(-1 / 8), size), code.mul(code.number(1 / 16), history))
    grow = code.mul(code.number(0.9), code.power_of_two(exponent))
    grow = code.smaller(code.number(6.0), code.larger(code.number(0.2), grow))
    again = code.compare("ogt", code.load(first["AGAIN"]), zero)  # after a rejection a step does not grow
    grow = code.select(again, code.smaller(grow, one), grow)
    longer = code.mul(tried, grow)
    longer = code.select(code.compare("olt", tried, wished), code.larger(wished, longer), longer)
    shrink = code.mul(code.number(0.9), code.power_of_two(code.mul(code.number(-1 / 4), size)))
    shrink = code.select(code.compare("olt", norm, code.number(math.inf)), shrink, code.number(0.25))
    shorter = code.mul(tried, code.larger(code.number(0.1), shrink))
    taken = code.select(accepted, one, zero)
    code.store(first["PROPOSED"], code.select(accepted, longer, shorter))
    remembered = code.larger(norm, code.number(1e-4))
    code.store(first["BEFORE"], code.select(accepted, remembered, code.load(first["BEFORE"])))
    code.store(first["AGAIN"], code.sub(one, taken))
    code.store(first["ACCEPTED"], code.select(idle, zero, taken))
    code.store(first["TAKEN"], code.add(code.load(first["TAKEN"]), taken))
    code.store(first["REJECTED"], code.add(code.load(first["REJECTED"]), code.sub(one, taken)))
    reached = code.load(first["REACHED"])
    asked = code.both(
        code.compare("ogt", code.load(first["LANDED"]), zero),
        code.compare("oge", reached, code.load(first["NEXT"])),
        "or",
    )
    for place, state in enumerate(watched):
        over = code.compare("oge", code.load(first["STAGE"] + state), code.load(first["LIMIT"] + place))
        asked = code.both(asked, over, "or")
    if "FOUND" in made.first:
        asked = code.both(asked, code.compare("ogt", code.load(first["FOUND"]), zero), "or")
    if "STIFFNESS" in first:
        limited = code.compare("ogt", code.load(first["STIFFNESS"]), code.number(STIFF_PRODUCT**2))
        count = code.load(first["STIFF"])
        count = code.select(limited, code.add(count, one), code.mul(code.number(0.8), count))
        count = code.select(accepted, count, code.load(first["STIFF"]))
        code.store(first["STIFF"], count)
        asked = code.both(asked, code.compare("oge", count, code.number(STIFF_STEPS)), "or")
    stuck = code.both(code.compare("olt", shorter, least), _none_of(code, accepted))
    full = code.compare(
        "oge", code.add(code.load(first["TAKEN"]), code.load(first["REJECTED"])), code.load(first["MOST"])
    )
    asked = code.both(code.both(code.both(accepted, asked), stuck, "or"), full, "or")
    asked = code.both(asked, _none_of(code, idle))
    bits = code.make(f"bitcast {MASK} {asked} to i{LANES}")
    number = code.make(f"zext i{LANES} {bits} to i64")
    code.lines.append(f"  store i64 {number}, ptr {code.row(first['MASK'])}, align 64")
    return code


def _none_of(code: Lines, mask: str) -> str:
    return code.both(mask, "splat (i1 true)", "xor")


def _keep(made: Generated, method: Rosenbrock | RungeKutta) -> Lines:
    first, code = made.first, Lines()
    zero = code.number(0.0)
    accepted = code.compare("ogt", code.load(first["ACCEPTED"]), zero)
    pairs = [(made.first["Y"], made.first["STAGE"], made.n_states)]
    pairs += [codegen_exact.at_end_of_step(made, method.c)]
    for kept, new, count in pairs:
        if count:
            with code.each(count) as loop:
                here, there = _shifted(code, loop.i, kept), _shifted(code, loop.i, new)
                code.store(here, code.select(accepted, code.load(there), code.load(here)))
    code.store(first["TY"], code.select(accepted, code.load(first["REACHED"]), code.load(first["TY"])))
    return code
