"""What a core's vector units can do at most, and how many operations generated code asks of them."""

import ctypes
import re
import time

import numpy as np

from opsonin.model import machine_code
from opsonin.model.lanes import LANES, ROW

CHAINS = 14  # independent sums, so that none waits for its own last result
ROUNDS = 300_000


def peak() -> float:
    """Fused multiply-adds of this core in GFLOP/s (two a lane and instruction), the best of twenty runs."""
    chains = range(CHAINS)
    lines = [f"  %a{k} = load {ROW}, ptr %w, align 64" for k in chains]
    lines += [f"  %m = load {ROW}, ptr %w, align 64", "  br label %loop", "loop:"]
    lines += ["  %i = phi i64 [ 0, %entry ], [ %j, %loop ]"]
    lines += [f"  %p{k} = phi {ROW} [ %a{k}, %entry ], [ %y{k}, %loop ]" for k in chains]
    lines += [
        f"  %y{k} = call {ROW} @llvm.fma.v{LANES}f64({ROW} %p{k}, {ROW} %m, {ROW} splat (double {k}.25))"
        for k in chains
    ]
    lines += ["  %j = add i64 %i, 1", f"  %more = icmp ult i64 %j, {ROUNDS}", "  br i1 %more, label %loop, label %end"]
    lines += ["end:", f"  %s0 = fadd {ROW} %y0, %y1"]
    lines += [f"  %s{k} = fadd {ROW} %s{k - 1}, %y{k + 1}" for k in range(1, CHAINS - 1)]
    lines += [f"  store {ROW} %s{CHAINS - 2}, ptr %w, align 64", "  ret void"]
    code = machine_code.in_memory("\n".join(["define void @peak(ptr %w) #0 {", "entry:", *lines, "}", ""]))
    room = np.full(4 * LANES, 0.5)
    skip = (-(room.ctypes.data // 8)) % LANES
    run = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(code.address("peak"))
    best = np.inf
    for _ in range(20):
        room[:] = 0.5
        began = time.thread_time()
        run(room[skip:].ctypes.data)
        best = min(best, time.thread_time() - began)
    return 2 * LANES * CHAINS * ROUNDS / best / 1e9


def operations(text: str, functions: tuple[str, ...]) -> int:
    """Floating-point operations of one lane in one call of each of the functions, with what they call.

    A sum, product, division or root counts as one, a fused product and sum as two; comparisons and choices as none.
    """
    bodies = {
        match[1]: match[2].splitlines()
        for match in re.finditer(r"^define [^@]*@(\w+)\([^{]*{\n(.*?)^}", text, re.S | re.M)
    }
    known: dict[str, int] = {}

    def of(function: str) -> int:
        if function not in known:
            known[function] = _count(bodies.get(function, []), of)
        return known[function]

    return sum(of(function) for function in functions)


def _count(lines: list[str], of) -> int:
    """The operations of a function's lines, those within its loops as often as they run."""
    total, inside = 0, 0
    looping = False
    for line in lines:
        if re.match(r"loop\d+:", line):
            looping, inside = True, 0
        if turns := re.search(r"icmp ult i64 %next\d+, (\d+)", line):
            total, looping = total + inside * int(turns[1]), False
        here = 0
        if re.search(r" = f(add|sub|mul|div|neg) ", line) or ".sqrt." in line:
            here = 1
        elif "@llvm.fma." in line:
            here = 2
        elif called := re.search(r"call [^@]*@(\w+)\(", line):
            here = of(called[1])
        inside, total = (inside + here, total) if looping else (inside, total + here)
    return total
