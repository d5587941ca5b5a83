"""Straight-line LLVM code on rows of LANES numbers, one a patient: what generated functions are written with.

A row is `<8 x double>`, so that the processor's vector instructions come from the code itself and from no optimiser's
guess; a processor with shorter vectors does a row in two or four pieces. All rows of a kernel lie in one array w. A
product and the sum it goes into may become one instruction (`contract`), nothing else is rearranged, so a lane's
arithmetic is the same whoever is beside it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

LANES = 8
ROW = f"<{LANES} x double>"
MASK = f"<{LANES} x i1>"
WHOLE = f"<{LANES} x i64>"
ALIGNED = 8 * LANES  # bytes of a row


class Lines:
    """The lines of one function. Methods take and give names of values; the same operation twice is done once."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.known: dict[str, str] = {}
        self.count = 0

    def fresh(self) -> str:
        """A name nobody has."""
        self.count += 1
        return f"%v{self.count}"

    def make(self, operation: str) -> str:
        """The value of an operation without side effects."""
        if operation not in self.known:
            self.known[operation] = name = self.fresh()
            self.lines.append(f"  {name} = {operation}")
        return self.known[operation]

    def number(self, x: float) -> str:
        """The same number in every lane."""
        return f"splat (double {literal(x)})"

    def row(self, r: int | str, base: str = "%w") -> str:
        """The address of a row of w, or of the rows behind another address."""
        return self.make(f"getelementptr {ROW}, ptr {base}, i64 {r}")

    def load(self, r: int | str, base: str = "%w") -> str:
        """What a row holds now."""
        address, name = self.row(r, base), self.fresh()
        self.lines.append(f"  {name} = load {ROW}, ptr {address}, align {ALIGNED}")
        return name

    def store(self, r: int | str, value: str, base: str = "%w") -> None:
        """Put a value into a row."""
        self.lines.append(f"  store {ROW} {value}, ptr {self.row(r, base)}, align {ALIGNED}")

    def add(self, a: str, b: str) -> str:
        return self.make(f"fadd contract {ROW} {a}, {b}")

    def sub(self, a: str, b: str) -> str:
        return self.make(f"fsub contract {ROW} {a}, {b}")

    def mul(self, a: str, b: str) -> str:
        return self.make(f"fmul contract {ROW} {a}, {b}")

    def div(self, a: str, b: str) -> str:
        return self.make(f"fdiv {ROW} {a}, {b}")

    def neg(self, a: str) -> str:
        return self.make(f"fneg {ROW} {a}")

    def fused(self, a: str, b: str, c: str) -> str:
        """a b + c in one rounding."""
        return self.make(f"call {ROW} @llvm.fma.v{LANES}f64({ROW} {a}, {ROW} {b}, {ROW} {c})")

    def unary(self, name: str, a: str) -> str:
        """One of LLVM's own functions: sqrt, fabs, floor, ceil, roundeven."""
        return self.make(f"call {ROW} @llvm.{name}.v{LANES}f64({ROW} {a})")

    def called(self, name: str, *arguments: str) -> str:
        """A function of this kernel from rows to a row."""
        return self.make(f"call {ROW} @{name}({', '.join(f'{ROW} {a}' for a in arguments)})")

    def compare(self, how: str, a: str, b: str) -> str:
        """A mask. how: LLVM's names, as olt, ogt, uno."""
        return self.make(f"fcmp {how} {ROW} {a}, {b}")

    def both(self, a: str, b: str, how: str = "and") -> str:
        """A mask of two: "and", "or", "xor"."""
        return self.make(f"{how} {MASK} {a}, {b}")

    def select(self, mask: str, yes: str, no: str) -> str:
        """`yes` where the mask holds, else `no`."""
        return self.make(f"select {MASK} {mask}, {ROW} {yes}, {ROW} {no}")

    def larger(self, a: str, b: str) -> str:
        """The larger of the two, b where one is nan."""
        return self.select(self.compare("ogt", a, b), a, b)

    def smaller(self, a: str, b: str) -> str:
        """The smaller of the two, b where one is nan."""
        return self.select(self.compare("olt", a, b), a, b)

    def sum_of(self, terms: list[tuple[float, str]], start: str | None = None) -> str:
        """start + Σ factor · value, the terms added one after another."""
        total = start
        for factor, value in terms:
            if factor == 0.0:
                continue
            term = value if factor == 1.0 else self.mul(self.number(factor), value)
            total = term if total is None else self.add(total, term)
        return self.number(0.0) if total is None else total

    def do(self, function: str, *rows: int) -> None:
        """Call a function on w, and on the addresses of rows."""
        addresses = [f"ptr {self.row(r)}" for r in rows]
        self.lines.append(f"  call void @{function}({', '.join(['ptr %w', *addresses])})")

    def power_of_two(self, x: str) -> str:
        """2^x within 0.3 %, for |x| < 1000: enough for the length of a step."""
        whole = self.unary("floor", x)
        f = self.sub(x, whole)
        bits = self.make(f"fptosi {ROW} {whole} to {WHOLE}")
        bits = self.make(f"add {WHOLE} {bits}, splat (i64 1023)")
        scale = self.make(f"bitcast {WHOLE} {self.make(f'shl {WHOLE} {bits}, splat (i64 52)')} to {ROW}")
        series = self.add(self.number(0.6565), self.mul(self.number(0.3435), f))
        return self.mul(scale, self.add(self.number(1.0), self.mul(f, series)))

    def logarithm_of_two(self, x: str) -> str:
        """log2(x) within 0.09, for x > 0: linear between powers of two."""
        bits = self.make(f"bitcast {ROW} {x} to {WHOLE}")
        steps = self.make(f"sitofp {WHOLE} {bits} to {ROW}")
        return self.sub(self.mul(steps, self.number(2.0**-52)), self.number(1023.0))

    @contextmanager
    def each(self, count: int, **start: str) -> Iterator[Loop]:
        """A loop over 0 … count - 1; no code at all where count is 0. What is made inside is not known outside.

        start: values carried round; inside, `carried` holds them and the next ones go into `following`, where the last
        ones are found after the loop.
        """
        before, nothing = dict(self.known), len(self.lines)
        self.count += 1
        k = self.count
        loop = Loop(f"%i{k}", {name: f"%{name}{k}" for name in start}, {})
        self.lines += [f"  br label %before{k}", f"before{k}:", f"  br label %loop{k}", f"loop{k}:"]
        head = len(self.lines)
        yield loop
        self.known = before
        if count == 0:  # the code below runs its body before it looks at the counter
            del self.lines[nothing:]
            loop.following.update(start)
            return
        self.lines[head:head] = [
            f"  {loop.i} = phi i64 [ 0, %before{k} ], [ %next{k}, %loop{k} ]",
            *(
                f"  {loop.carried[name]} = phi {ROW} [ {value}, %before{k} ], [ {loop.following[name]}, %loop{k} ]"
                for name, value in start.items()
            ),
        ]
        self.lines += [
            f"  %next{k} = add nuw nsw i64 {loop.i}, 1",
            f"  %more{k} = icmp ult i64 %next{k}, {count}",
            f"  br i1 %more{k}, label %loop{k}, label %after{k}",
            f"after{k}:",
        ]

    def function(self, name: str, public: bool = True, arguments: str = "ptr noalias %w") -> str:
        """The whole function."""
        kind = "define void" if public else "define internal void"
        return "\n".join([f"{kind} @{name}({arguments}) #0 {{", "entry:", *self.lines, "  ret void", "}", ""])


class Loop(NamedTuple):
    """i: the counter's name.   carried, following: name -> value of what is carried round, now and next time."""

    i: str
    carried: dict[str, str]
    following: dict[str, str]


def literal(x: float) -> str:
    """A double as LLVM reads it without rounding."""
    return "0x" + struct.pack(">d", float(x)).hex().upper()
