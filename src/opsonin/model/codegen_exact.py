"""LLVM code for the states that are advanced exactly, as sums of exponentials (model/linear_part.py).

x_j(t + τ) = CONSTANT_j + Σ_k SHAPE_jk Z_k exp(LAMBDA_k τ): CONSTANT is where running infusions drive the states, Z the
modes at the beginning of the step. The driver sets them wherever doses or events change the states (driver_exact.py);
LAMBDA and SHAPE are the patient's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsonin.model.lanes import Lines

if TYPE_CHECKING:
    from opsonin.model.codegen import Generated


def lay(made: Generated, moments: int) -> None:
    """Lay the ranges of the exact states behind the others.   moments: different times within a step."""
    size = made.n_states - made.n_integrated
    for name in ("LAMBDA", "Z", "CONSTANT"):
        made.lay(name, size)
    made.lay("SHAPE", size * size)
    made.lay("MODES", size * moments)


def moments(fractions: tuple[float, ...]) -> list[float]:
    """The different times of a method's stages after the beginning of a step, the end last."""
    return sorted({c for c in fractions if c > 0.0} | {1.0})


class Given:
    """The exact states as a step of a method needs them. All modes are made at once: each is a chain of dependent
    operations, and side by side they wait for nothing."""

    def __init__(self, made: Generated, code: Lines, fractions: tuple[float, ...]):
        self.made, self.code = made, code
        self.size = made.n_states - made.n_integrated
        self.moments = moments(fractions)
        if self.size:
            h = code.load(made.first["H"])
            for n, c in enumerate(self.moments):
                for k, mode in enumerate(decayed(made, code, code.mul(code.number(c), h))):
                    code.store(made.first["MODES"] + n * self.size + k, mode)

    def at_stage(self, c: float) -> None:
        """Put those that rates read into STAGE, at the fraction c of the step."""
        if c == 0.0:
            for j in self.made.exact_read:
                self.code.store(self.made.first["STAGE"] + j, self.code.load(self.made.first["Y"] + j))
        else:
            _store(self.made, self.code, "STAGE", self.made.exact_read, self._modes(c))

    def at_end(self) -> None:
        """Put all of them into STAGE at the end of the step."""
        every = range(self.made.n_integrated, self.made.n_states)
        _store(self.made, self.code, "STAGE", every, self._modes(1.0))

    def _modes(self, c: float) -> list[str]:
        first = self.made.first["MODES"] + self.moments.index(c) * self.size
        return [self.code.load(first + k) for k in range(self.size)]


def at_end_of_step(made: Generated, fractions: tuple[float, ...]) -> tuple[int, int, int]:
    """First row of Z, first row of the modes at the end of a step, and their number."""
    size = made.n_states - made.n_integrated
    return made.first["Z"], made.first["MODES"] + size * (len(moments(fractions)) - 1), size


def within(made: Generated, code: Lines, theta: str) -> None:
    """Put all of them into DENSE at the fraction theta of the step, a value."""
    if made.n_states == made.n_integrated:
        return
    first = made.first
    ended = code.compare("oge", theta, code.number(1.0))
    every = range(made.n_integrated, made.n_states)
    _store(made, code, "DENSE", every, decayed(made, code, code.mul(theta, code.load(first["H"]))))
    for j in every:
        new = code.load(first["STAGE"] + j)
        code.store(first["DENSE"] + j, code.select(ended, new, code.load(first["DENSE"] + j)))


def decayed(made: Generated, code: Lines, time: str) -> list[str]:
    """The modes some time after the beginning of the step."""
    modes = []
    for k in range(made.n_states - made.n_integrated):
        decay = code.called("decay_row", code.mul(code.load(made.first["LAMBDA"] + k), time))
        modes.append(code.mul(code.load(made.first["Z"] + k), decay))
    return modes


def one_within(made: Generated, code: Lines, state: int, modes: list[str]) -> str:
    """A state from the modes; what rounding leaves below nought becomes nought."""
    place = state - made.n_integrated
    value = code.load(made.first["CONSTANT"] + place)
    for k, mode in enumerate(modes):
        value = code.add(value, code.mul(code.load(made.first["SHAPE"] + place * len(modes) + k), mode))
    return code.larger(value, code.number(0.0))


def _store(made: Generated, code: Lines, name: str, states: range | tuple[int, ...], modes: list[str]) -> None:
    """The states from the modes, into a range."""
    for j in states:
        code.store(made.first[name] + j, one_within(made, code, j, modes))
