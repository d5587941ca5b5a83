"""exp, log and power of a row in vector instructions, as LLVM functions that generated code calls.

LLVM would call the C library once a lane; a Hill function with a fractional exponent would then cost more than all
else. The error is below 2 units in the last place for exp and log, and |y log x| times that for x^y.
Sources: exp by reduction to |r| <= log(2)/2 and a series to r^13; log as in FreeBSD's e_log.c (the polynomial of Remez
type in s = f/(2 + f) for 1 + f within a root of two of 1).
"""

from __future__ import annotations

import math

from opsonin.model.lanes import LANES, ROW, WHOLE, Lines

LN2_HIGH = float.fromhex("0x1.62e42feep-1")  # the first 33 bits of log 2, so that k × this is exact
LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
LOG_SERIES = (  # source: FreeBSD msun e_log.c, Lg1 to Lg7
    6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01,
    1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01,
)  # fmt: skip
SCALARS = ("sin", "cos", "tan", "sinh", "cosh", "tanh", "atan", "erf")  # the C library's, once a lane
INTRINSICS = ("sqrt", "fabs", "floor", "ceil", "roundeven")


def functions() -> str:
    """Definitions of @exp_row, @decay_row (exp for x <= 0, to 1e-13), @log_row, @pow_row and @<name>_row for SCALARS.

    With declarations of what they use.
    """
    double = f"{ROW} @llvm.{{}}.v{LANES}f64({ROW})"
    text = [f"declare {double.format(name)}" for name in INTRINSICS]
    text += [f"declare {ROW} @llvm.fma.v{LANES}f64({ROW}, {ROW}, {ROW})"]
    text += [f"declare double @{name}(double)" for name in SCALARS]
    return "\n".join([*text, _exp(), _decay(), _log(), _power(), *(_scalar(name) for name in SCALARS)])


def _row_function(name: str, arguments: str, body: Lines, result: str) -> str:
    head = f"define internal {ROW} @{name}({arguments}) #0 {{"
    return "\n".join([head, "entry:", *body.lines, f"  ret {ROW} {result}", "}", ""])


def _exp() -> str:
    """exp(x) = 2^k exp(r), x = k log 2 + r; the power of two in two factors, which reach denormal numbers too."""
    code = Lines()
    number, x = code.number, "%x"
    k = code.unary("roundeven", code.mul(x, number(1 / math.log(2))))
    k = code.larger(k, number(-1080.0))
    k = code.smaller(k, number(1030.0))  # nan goes to the bound; it comes back through r
    r = code.fused(k, number(-LN2_HIGH), x)
    r = code.fused(k, number(-LN2_LOW), r)
    series = number(1 / math.factorial(13))
    for n in range(12, -1, -1):
        series = code.fused(series, r, number(1 / math.factorial(n)))
    whole = code.make(f"fptosi {ROW} {k} to {WHOLE}")
    half = code.make(f"ashr {WHOLE} {whole}, splat (i64 1)")
    rest = code.make(f"sub {WHOLE} {whole}, {half}")
    for part in (half, rest):
        biased = code.make(f"add {WHOLE} {part}, splat (i64 1023)")
        bits = code.make(f"shl {WHOLE} {biased}, splat (i64 52)")
        series = code.mul(series, code.make(f"bitcast {WHOLE} {bits} to {ROW}"))
    result = code.select(code.compare("ogt", x, number(709.79)), number(math.inf), series)
    result = code.select(code.compare("olt", x, number(-745.2)), number(0.0), result)
    return _row_function("exp_row", f"{ROW} %x", code, result)


def _decay() -> str:
    """exp(x) for x <= 0 to a relative 1e-13, which is shorter; nought from -708 on."""
    code = Lines()
    number, x = code.number, "%x"
    k = code.larger(code.unary("roundeven", code.mul(x, number(1 / math.log(2)))), number(-1021.0))
    r = code.fused(k, number(-LN2_LOW), code.fused(k, number(-LN2_HIGH), x))
    series = number(1 / math.factorial(11))
    for n in range(10, -1, -1):
        series = code.fused(series, r, number(1 / math.factorial(n)))
    biased = code.make(f"add {WHOLE} {code.make(f'fptosi {ROW} {k} to {WHOLE}')}, splat (i64 1023)")
    bits = code.make(f"shl {WHOLE} {biased}, splat (i64 52)")
    value = code.mul(series, code.make(f"bitcast {WHOLE} {bits} to {ROW}"))
    result = code.select(code.compare("olt", x, number(-707.0)), number(0.0), value)
    return _row_function("decay_row", f"{ROW} %x", code, result)


def _log() -> str:
    """log(x) = k log 2 + log(1 + f), 1 + f within a root of two of 1; denormal numbers are scaled first."""
    code = Lines()
    number, x = code.number, "%x"
    tiny = code.compare("olt", x, number(2.2250738585072014e-308))
    scaled = code.select(tiny, code.mul(x, number(2.0**54)), x)
    bits = code.make(f"bitcast {ROW} {scaled} to {WHOLE}")
    # 0x3FE6A09E… is the root of a half: adding its distance from 1 carries into the exponent just there
    shifted = code.make(f"add {WHOLE} {bits}, splat (i64 {0x3FF0000000000000 - 0x3FE6A09E667F3BCD})")
    exponent = code.make(f"ashr {WHOLE} {shifted}, splat (i64 52)")
    biased = code.make(f"sub {WHOLE} {exponent}, splat (i64 1023)")
    k = code.make(f"sitofp {WHOLE} {biased} to {ROW}")
    k = code.sub(k, code.select(tiny, number(54.0), number(0.0)))
    mantissa = code.make(f"and {WHOLE} {shifted}, splat (i64 {0x000FFFFFFFFFFFFF})")
    back = code.make(f"add {WHOLE} {mantissa}, splat (i64 {0x3FE6A09E667F3BCD})")
    f = code.sub(code.make(f"bitcast {WHOLE} {back} to {ROW}"), number(1.0))
    s = code.div(f, code.add(number(2.0), f))
    z = code.mul(s, s)
    series = number(LOG_SERIES[-1])
    for coefficient in LOG_SERIES[-2::-1]:
        series = code.fused(series, z, number(coefficient))
    series = code.mul(series, z)
    half = code.mul(code.mul(f, f), number(0.5))
    low = code.fused(k, number(LN2_LOW), code.mul(s, code.add(half, series)))
    value = code.fused(k, number(LN2_HIGH), code.add(code.sub(low, half), f))
    value = code.select(code.compare("oeq", x, number(math.inf)), number(math.inf), value)
    value = code.select(code.compare("oeq", x, number(0.0)), number(-math.inf), value)
    good = code.compare("oge", x, number(0.0))
    return _row_function("log_row", f"{ROW} %x", code, code.select(good, value, number(math.nan)))


def _power() -> str:
    """x^y for x >= 0 as exp(y log x); 1 where y is nought."""
    code = Lines()
    value = code.called("exp_row", code.mul("%y", code.called("log_row", "%x")))
    one = code.compare("oeq", "%y", code.number(0.0))
    return _row_function("pow_row", f"{ROW} %x, {ROW} %y", code, code.select(one, code.number(1.0), value))


def _scalar(name: str) -> str:
    code = Lines()
    result = "poison"
    for lane in range(LANES):
        x = code.make(f"extractelement {ROW} %x, i64 {lane}")
        y = code.make(f"call double @{name}(double {x})")
        result = code.make(f"insertelement {ROW} {result}, double {y}, i64 {lane}")
    return _row_function(f"{name}_row", f"{ROW} %x", code, result)
