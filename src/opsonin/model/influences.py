"""Which way things act on each other: whether a law rises or falls with what it reads.

Signs are found by numbers, not by algebra: every law is evaluated at many states of the typical patient, with one thing
raised a little at a time. That takes milliseconds for a whole model and is right for what a reader asks; a law that
rises here and falls there has the sign 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from opsonin.model.by_numbers import Numbers
from opsonin.model.parts import Input, Quantity, Signal

if TYPE_CHECKING:
    from opsonin.model.module import Model

POINTS = 48
RAISED = 1.001
Signs = dict[str, int]  # name of a species, signal, input or kept quantity -> +1 raises, -1 lowers, 0 either


class Influences:
    """What the laws of a model depend on, seen through quantities."""

    def __init__(self, model: Model) -> None:
        self.symbolic = model.symbolic
        self.quantities = [quantity.name for quantity, _ in model.parts(Quantity)]
        self.signals = {signal.name: signal.combine for signal, _ in model.parts(Signal)}
        self.varying = {*self.symbolic.species, *self.signals, *(part.name for part, _ in model.parts(Input))}
        self.direct = {key: {s.name for s in law.free_symbols} for key, law in self.symbolic.written.items()}

    def read(self, key: str, kept: Iterable[str] = ()) -> set[str]:
        """The species, signals and inputs that a law depends on, and those quantities of `kept` that it meets."""
        found: set[str] = set()
        waiting = list(self.direct[key])
        quantities = set(self.quantities)
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found.add(name)
            if name in quantities and name not in kept:
                waiting += self.direct[f"quantity {name}"]
        return found & (self.varying | set(kept))

    def meeting_points(self, own: Mapping[str, set[str]]) -> tuple[list[str], set[str]]:
        """Quantities in which several things meet to act on several others: drawn as things, they spare many arrows.

        own: for every law that may read them, the states it is about. A law about a state that the quantity is made
        of is seen through it, or the state would seem to act on itself.   Gives the quantities, each after those it is
        made of, and the laws that are seen through all of them.
        """
        kept: list[str] = []
        through_all: set[str] = set()
        for name in self._ordered():
            key = f"quantity {name}"
            beneath = self.read(key)
            reading = {law for law in own if name in self.read(law, (*kept, name))}
            about_itself = {law for law in reading if own[law] & beneath}
            sources, readers = len(self.read(key, kept)), len(reading) - len(about_itself)
            if sources * readers > sources + readers:
                kept.append(name)
                through_all |= about_itself
        return kept, through_all

    def signs(self, keys: Iterable[str], kept: Iterable[str] = ()) -> dict[str, Signs]:
        """For each key of `SymbolicModel.written` what its law depends on (see `read`), with signs.

        A quantity of `kept` counts as a thing of its own, that nothing else changes.
        """
        keys, kept = list(keys), list(kept)
        reads = {key: sorted(self.read(key, kept)) for key in keys}
        names = sorted({name for each in reads.values() for name in each})
        row = {name: n for n, name in enumerate(names, 1)}  # row 0: nothing raised
        numbers = Numbers(self._points(row))
        for name in self._ordered():
            value = np.array(np.broadcast_to(numbers.of(self.symbolic.written[f"quantity {name}"]), numbers.shape))
            if name in kept:
                value = np.where(np.isfinite(value[:1]), value[:1], 1.0).repeat(len(value), 0)
                if name in row:
                    value[row[name]] *= RAISED
            numbers.set(name, value)
        signs: dict[str, Signs] = {}
        for key in keys:
            values = np.broadcast_to(numbers.of(self.symbolic.written[key]), numbers.shape)
            with np.errstate(invalid="ignore"):
                change = values - values[0]
            change = np.where(np.isfinite(change) & (np.abs(change) > 1e-12 * np.abs(values[0])), change, 0.0)
            signs[key] = {name: _sign(change[row[name]]) for name in reads[key]}
        return signs

    def _ordered(self) -> list[str]:
        """Quantities, each after those it is made of."""
        done: dict[str, None] = {}

        def visit(name: str) -> None:
            if name not in done:
                for inner in self.quantities:
                    if inner in self.direct[f"quantity {name}"]:
                        visit(inner)
                done[name] = None

        for name in self.quantities:
            visit(name)
        return list(done)

    def _points(self, row: Mapping[str, int]) -> dict[str, Any]:
        """Values of all that varies, (1 + len(row), POINTS), each raised in its own row; constants as they are."""
        random = np.random.default_rng(0)
        scale = dict(zip(self.symbolic.species, self.symbolic.absolute_scale, strict=False))
        scale |= {each.name: abs(each.default) or 1.0 for each in self.symbolic.inputs}
        values: dict[str, Any] = dict(zip(self.symbolic.constants, self.symbolic.typical, strict=True))
        shape = (len(row) + 1, POINTS)
        values[str(self.symbolic.time)] = np.broadcast_to(random.uniform(0.0, 100.0, POINTS), shape)
        for name in sorted(self.varying):
            low, high = (-2.0, 0.0) if self.signals.get(name) == "sum" else (-1.5, 1.0)
            made = np.tile(scale.get(name, 1.0) * 10.0 ** random.uniform(low, high, POINTS), (shape[0], 1))
            if name in row:
                made[row[name]] *= RAISED
            values[name] = made
        return values


def _sign(change: np.ndarray) -> int:
    return int(bool((change > 0).any())) - int(bool((change < 0).any()))
