"""Source of one step of a method for LANES patients at once, its stages written out.

Every method offers the driver (driver.py) the same functions, on the array w described in model/codegen.py:

    step(w)                       from Y with F, JAC, FT and each lane's step H: NEW, and the error estimate in B
    dense(w, theta, h, i, lane)   state i of one lane within its step, theta in (0, 1)
    judge(w, rtol)                NORM: each lane's largest error in units of its tolerance, nan where not finite, inf
                                  where NEW < FLOOR × ATOL (FLOOR is -1 for what cannot be negative, else -inf); a
                                  smaller undershoot becomes nought, or what grows by itself would grow negative.
                                  GROW: the factor for the next step, 0.9 NORM^(-1/8) BEFORE^(1/16): a proportional
                                  and integral control (Gustafsson 1991) with exponents that are square roots
    keep(w)                       Y = NEW in the lanes where ACCEPTED

and the constants ORDER, STAGES and N_ALL, the size of w with the stages K behind the model's own ranges.
Sums over stages are fused into one loop over states, which the compiler turns into vector instructions.
"""

from __future__ import annotations

from opsonin.model.codegen import DECORATOR, LANES
from opsonin.simulate.tableaus import Rosenbrock, RungeKutta

FLAT = f"    for n in range({LANES} * N_STATES):"  # over states and lanes: vectorised where a nested loop is not
LANE = f"    for l in range({LANES}):"


def rosenbrock_source(method: Rosenbrock, n_states: int) -> str:
    """Source of step, dense, judge and keep for a Rosenbrock method and a model of so many states."""
    lines = [
        *_constants(method.order, method.stages),
        DECORATOR,
        "def step(w):",
        LANE,
        "        w[INVERSE_H + l] = 1.0 / w[H + l]",
        f"        w[GINV + l] = {1 / method.gamma!r} * w[INVERSE_H + l]",
        "        w[SPREAD + l] = w[INVERSE_H + l]",
        f"    for n in range({LANES}, {LANES} * N_STATES):",
        f"        w[SPREAD + n] = w[SPREAD + n - {LANES}]  # 1/h once a state, so that the sums below are flat loops",
        "    if not AUTONOMOUS:",
        f"    {FLAT}",
        "            w[FT + n] = w[FT + n] / w[SPREAD + n]  # h df/dt",
        "    factor(w)",
    ]
    last = method.stages - 1
    lines += [FLAT, *_right_hand_side(method, 0, "w[F + n]"), "    solve(w)"]
    for s in range(1, method.stages):
        lines += [  # one pass over the stages so far: the last one is put away, the next argument and its history made
            FLAT,
            f"        k{s - 1} = w[B + n]",
            f"        w[{_stage(s - 1)}] = k{s - 1}",
            *(f"        k{j} = w[{_stage(j)}]" for j in range(s - 1)),
            f"        w[STAGE + n] = {_argument(method, s)}",
            f"        w[B + n] = {_weighted(method.c_matrix[s - 1])}",
            LANE,
            f"        w[TS + l] = w[TY + l] + {method.c[s]!r} * w[H + l]",
            "    rhs(w)",
            FLAT,
            *_right_hand_side(method, s, "w[RATE + n] + w[SPREAD + n] * w[B + n]"),
            "    solve(w)",
        ]
    lines += [
        FLAT,
        f"        w[{_stage(last)}] = w[B + n]",
        "        w[NEW + n] = w[STAGE + n] + w[B + n]",
        "",
        DECORATOR,
        "def dense(w, theta, h, i, lane):",
        f"    n = {LANES} * i + lane",
        "    rest = 1.0 - theta",
    ]
    inner = ""
    for row in range(len(method.dense) - 1, -1, -1):
        lines.append(f"    k{row} = {_sum(method.dense[row]).removeprefix(' + ')}")
        inner = f"k{row}" if not inner else f"k{row} + theta * ({inner})"
    lines.append(f"    return rest * w[Y + n] + theta * (w[NEW + n] + rest * ({inner}))")
    return "\n".join([*lines, *_judge_and_keep(n_states), ""])


def explicit_source(method: RungeKutta, n_states: int) -> str:
    """Source of step, dense, judge and keep for an explicit pair and a model of so many states."""
    lines = [
        *_constants(method.order, method.stages),
        DECORATOR,
        "def step(w):",
        LANE,
        "        w[SPREAD + l] = w[H + l]",
        f"    for n in range({LANES}, {LANES} * N_STATES):",
        f"        w[SPREAD + n] = w[SPREAD + n - {LANES}]",
        FLAT,
        "        w[K + n] = w[F + n]",
    ]
    for s in range(1, method.stages):
        lines += [
            FLAT,
            f"        w[STAGE + n] = w[Y + n] + w[SPREAD + n] * ({_sum(method.a[s - 1]).removeprefix(' + ')})",
            LANE,
            f"        w[TS + l] = w[TY + l] + {method.c[s]!r} * w[H + l]",
            "    rhs(w)",
            FLAT,
            f"        w[{_stage(s)}] = w[RATE + n]",
        ]
    lines += [
        FLAT,
        "        w[NEW + n] = w[STAGE + n]",
        f"        w[B + n] = w[SPREAD + n] * ({_sum(method.error).removeprefix(' + ')})",
        "",
        DECORATOR,
        "def dense(w, theta, h, i, lane):",
        f"    n = {LANES} * i + lane",
        "    slope = 0.0",
    ]
    for s, weights in enumerate(method.dense):
        one, two, three, four = weights
        polynomial = f"theta * ({one!r} + theta * ({two!r} + theta * ({three!r} + theta * {four!r})))"
        lines.append(f"    slope += w[{_stage(s)}] * ({polynomial})")
    lines.append("    return w[Y + n] + h * slope")
    return "\n".join([*lines, *_judge_and_keep(n_states), ""])


def _right_hand_side(method: Rosenbrock, s: int, rates: str) -> list[str]:
    """The lines of a flat loop that make B of stage s."""
    lines = [f"        w[B + n] = {rates}"]
    if method.d[s]:
        lines += ["        if not AUTONOMOUS:", f"            w[B + n] += {method.d[s]!r} * w[FT + n]"]
    return lines


def _argument(method: Rosenbrock, s: int) -> str:
    """The argument of stage s; where it is the one before plus its stage, only that is added."""
    row = method.a[s - 1]
    if s > 1 and row == (*method.a[s - 2], 1.0):
        return f"w[STAGE + n] + k{s - 1}"
    return f"w[Y + n] + {_weighted(row)}"


def _weighted(weights: tuple[float, ...]) -> str:
    """`w0 * k0 + …` without the zeros."""
    return " + ".join(f"k{j}" if x == 1.0 else f"{x!r} * k{j}" for j, x in enumerate(weights) if x)


def _judge_and_keep(n_states: int) -> list[str]:
    """The error norm, and the new state where it is accepted, written out over the states for one vector of lanes."""
    judge = [
        "",
        DECORATOR,
        "def judge(w, rtol):",
        FLAT,
        "        new = w[NEW + n]",
        "        error = abs(w[B + n])",
        "        tolerance = w[ATOL + n] + rtol * max(abs(w[Y + n]), abs(new))",
        "        w[RATE + n] = math.inf if new < w[FLOOR + n] * w[ATOL + n] else error / tolerance",
        "        w[STAGE + n] = 0.0 * new + 0.0 * error  # nought unless something is inf or nan",
        "        new = 0.0 if abs(new) < TINY else new",
        "        w[NEW + n] = 0.0 if new < 0.0 and w[FLOOR + n] > -2.0 else new",
        LANE,
        "        norm = 0.0",
        "        odd = 0.0",
    ]
    for i in range(n_states):
        judge += [
            f"        x = w[RATE + {LANES * i} + l]",
            "        norm = x if x > norm else norm",
            f"        odd += w[STAGE + {LANES * i} + l]",
        ]
    judge += [
        "        norm += odd",
        "        w[NORM + l] = norm",
        "        root = math.sqrt(math.sqrt(math.sqrt(1e-10 if norm < 1e-10 else norm)))",
        "        w[GROW + l] = 0.9 * math.sqrt(math.sqrt(math.sqrt(math.sqrt(w[BEFORE + l])))) / root",
    ]
    keep = ["", DECORATOR, "def keep(w):", LANE, "        accepted = w[ACCEPTED + l] > 0.0"]
    for i in range(n_states):
        y = f"w[Y + {LANES * i} + l]"
        keep.append(f"        {y} = w[NEW + {LANES * i} + l] if accepted else {y}")
    return [*judge, *keep]


def _constants(order: int, stages: int) -> list[str]:
    return [
        "",
        f"ORDER = {order}",
        f"STAGES = {stages}",
        "K = N_WORK",
        f"N_ALL = N_WORK + STAGES * {LANES} * N_STATES",
        "",
    ]


def _stage(s: int) -> str:
    return f"K + {s} * {LANES} * N_STATES + n"


def _sum(weights: tuple[float, ...]) -> str:
    """` + w0 * (stage 0) + …` without the zeros; a weight of one stands alone."""
    stages = [f"w[{_stage(j)}]" for j in range(len(weights))]
    terms = [stage if x == 1.0 else f"{x!r} * {stage}" for x, stage in zip(weights, stages, strict=True) if x]
    return "".join(f" + {term}" for term in terms)
