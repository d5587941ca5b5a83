"""Source of one step of a method, its stages written out over the states of a model.

Every method offers the driver (driver.py) the same three functions:

    begin(t, y, q, u, k, f, ft, jac)                       what a step needs of its starting point
    step(t, h, y, q, u, k, f, ft, jac, lu, stage, new, err)  the new value and the error estimate
    dense(theta, h, i, y, new, k)                             state i inside the step, theta in (0, 1)

Sums over stages are fused into one loop over the states, which the compiler turns into vector instructions.
"""

from __future__ import annotations

from opsonin.model.codegen import DECORATOR
from opsonin.simulate.tableaus import Rosenbrock, RungeKutta


def rosenbrock_source(method: Rosenbrock) -> str:
    """Source of begin, step and dense of a Rosenbrock method, and its constants."""
    lines = [
        "",
        f"ORDER = {method.order}",
        f"STAGES = {method.stages}",
        "FIRST_SAME_AS_LAST = False",
        DECORATOR,
        "def begin(t, y, q, u, k, f, ft, jac):",
        "    rhs_jac(t, y, q, u, f, jac)",
        "    if ROOTS:  # a root has an infinite slope at nought: left out, the error estimate decides",
        "        for i in range(N_JACOBIAN):",
        "            if not abs(jac[i]) < math.inf:",
        "                jac[i] = 0.0",
        "    if not AUTONOMOUS:",
        "        dfdt(t, y, q, ft)",
        "",
        DECORATOR,
        "def step(t, h, y, q, u, k, f, ft, jac, lu, stage, new, err):",
        f"    factor(jac, {1 / method.gamma!r} / h, lu)",
        "    b = 1.0 / h",
    ]
    last = method.stages - 1
    for s in range(method.stages):
        if s == 0:
            at = "f[i]"
        else:
            target = "new" if s == last else "stage"
            lines += [
                "    for i in range(N_STATES):",
                f"        {target}[i] = y[i]{_sum(method.a[s - 1], 'k')}",
                f"    rhs(t + {method.c[s]!r} * h, {target}, q, u, err)",
            ]
            at = "err[i]"
        history = _sum(method.c_matrix[s - 1], "k").removeprefix(" + ") if s else ""
        previous = f" + b * ({history})" if history else ""
        drift = (
            f"        if not AUTONOMOUS:\n            k[{s}, i] += {method.d[s]!r} * h * ft[i]" if method.d[s] else ""
        )
        lines += ["    for i in range(N_STATES):", f"        k[{s}, i] = {at}{previous}"]
        lines += [drift] if drift else []
        lines.append(f"    solve(lu, k[{s}])")
    lines += [
        "    for i in range(N_STATES):",
        f"        err[i] = k[{last}, i]",
        "        new[i] += err[i]",
        "",
        DECORATOR,
        "def dense(theta, h, i, y, new, k):",
        "    rest = 1.0 - theta",
    ]
    inner = ""
    for row in range(len(method.dense) - 1, -1, -1):
        combination = _sum(method.dense[row], "k").removeprefix(" + ")
        lines.append(f"    k{row} = {combination}")
        inner = f"k{row}" if not inner else f"k{row} + theta * ({inner})"
    lines.append(f"    return rest * y[i] + theta * (new[i] + rest * ({inner}))")
    return "\n".join([*lines, ""])


def explicit_source(method: RungeKutta) -> str:
    """Source of begin, step and dense of an explicit pair, and its constants."""
    lines = [
        "",
        f"ORDER = {method.order}",
        f"STAGES = {method.stages}",
        "FIRST_SAME_AS_LAST = True",
        DECORATOR,
        "def begin(t, y, q, u, k, f, ft, jac):",
        "    rhs(t, y, q, u, f)",
        "",
        DECORATOR,
        "def step(t, h, y, q, u, k, f, ft, jac, lu, stage, new, err):",
        "    for i in range(N_STATES):",
        "        k[0, i] = f[i]",
    ]
    last = method.stages - 1
    for s in range(1, method.stages):
        target = "new" if s == last else "stage"
        combination = _sum(method.a[s - 1], "k").removeprefix(" + ")
        lines += [
            "    for i in range(N_STATES):",
            f"        {target}[i] = y[i] + h * ({combination})",
            f"    rhs(t + {method.c[s]!r} * h, {target}, q, u, k[{s}])",
        ]
    lines += [
        "    for i in range(N_STATES):",
        f"        err[i] = h * ({_sum(method.error, 'k').removeprefix(' + ')})",
        "",
        DECORATOR,
        "def dense(theta, h, i, y, new, k):",
        "    slope = 0.0",
    ]
    for s, weights in enumerate(method.dense):
        one, two, three, four = weights
        poly = f"theta * ({one!r} + theta * ({two!r} + theta * ({three!r} + theta * {four!r})))"
        lines.append(f"    slope += k[{s}, i] * ({poly})")
    lines.append("    return y[i] + h * slope")
    return "\n".join([*lines, ""])


def _sum(weights: tuple[float, ...], name: str) -> str:
    """` + w0 * k[0, i] + …` without the zeros; a weight of one stands alone."""
    terms = [f"{name}[{j}, i]" if w == 1.0 else f"{w!r} * {name}[{j}, i]" for j, w in enumerate(weights) if w]
    return "".join(f" + {term}" for term in terms)
