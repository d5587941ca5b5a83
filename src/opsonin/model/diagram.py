"""What a model's picture shows: things, and arrows between them, few enough to be read.

A state is a box that also names what is made of nothing or lost to nothing in it, and what a clinic measures of it. A
process between states is an arrow, through a small box of its own where anything else acts on it. What acts on a
process from outside a state acts, in the picture, on the state: what speeds its loss lowers it. A signal that
leads from one thing to one other is an arrow with the signal's name; one with more ends is a thing.
`dot.py` writes it for Graphviz.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from opsonin.model.diagram_words import own_words, series, short_name, within, words
from opsonin.model.influences import Influences, Signs
from opsonin.model.parts import (
    Administration,
    Event,
    Hazard,
    Input,
    Modulation,
    Observable,
    Process,
    Quantity,
    Signal,
    Species,
)

if TYPE_CHECKING:
    from opsonin.model.module import Model

Kind = Literal["state", "process", "signal", "agent", "hazard", "measured", "input", "event", "quantity"]


@dataclass
class Node:
    """A thing in the picture.   made, lost: processes from and to outside.   measured: observables of it alone."""

    key: str
    kind: Kind
    label: str
    module: str
    tooltip: str = ""
    made: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    measured: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Arrow:
    """kind: flow (material), acts (with a sign: +1 raises, -1 lowers, 0 either), dose, seen.   both: runs both ways."""

    start: str
    end: str
    kind: Literal["flow", "acts", "dose", "seen"]
    sign: int = 0
    label: str = ""
    tooltip: str = ""
    both: bool = False
    head: bool = True


@dataclass
class Diagram:
    """Modules (name, title) in order, nodes by key, and arrows in order."""

    modules: list[tuple[str, str]]
    nodes: dict[str, Node]
    arrows: list[Arrow]


def diagram(model: Model) -> Diagram:
    """The picture of the model, not laid out."""
    return _Drawing(model).drawn()


class _Drawing:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.written = model.symbolic.written
        self.nodes: dict[str, Node] = {}
        self.arrows: dict[tuple[Any, ...], Arrow] = {}
        self.modulations = [
            (f"modulation {number} of {part.signal}", part, module)
            for number, (part, module) in enumerate(model.parts(Modulation))
        ]
        own = {f"process {p.name}": {name for name, _, _ in p.stoichiometry} for p, _ in model.parts(Process)}
        own |= {f"hazard {p.name}": set() for p, _ in model.parts(Hazard)}
        own |= {f"event {p.name}, when": set(p.do) for p, _ in model.parts(Event)}
        own |= {key: set() for key, _, _ in self.modulations}
        self.known = known = Influences(model)
        self.meeting, through_all = known.meeting_points(own)
        laws = [*(key for key in own if key not in through_all), *(f"quantity {name}" for name in self.meeting)]
        self.signs = known.signs(laws, self.meeting)
        self.signs |= known.signs([*sorted(through_all), *(f"observable {p.name}" for p, _ in model.parts(Observable))])

    def drawn(self) -> Diagram:
        self._states()
        self._doses()
        for process, module in self.model.parts(Process):
            self._process(process, module)
        self._hazards()
        self._events()
        self._observables()
        self._quantities()
        self._signals()
        modules = [(m.name, m.title or m.name) for m in self.model.modules]
        return Diagram(modules, self.nodes, list(self.arrows.values()))

    def _states(self) -> None:
        parts = self.model.parts(Species)
        short = [short_name(part) for part, _ in parts]
        for (part, module), label in zip(parts, short, strict=True):
            text = label if short.count(label) == 1 else words(part.name)
            self._node(part.name, "state", text, module, f"{part.name}, {part.unit}")
        for part, module in self.model.parts(Input):
            self._node(part.name, "input", words(part.name), module, f"given from outside, {part.unit}")

    def _doses(self) -> None:
        for part, module in self.model.parts(Administration):
            agent = self._node(f"agent {part.agent}", "agent", part.agent, module, "doses")
            self._arrow(Arrow(agent.key, part.into, "dose", label=part.route, tooltip=part.name))

    def _process(self, process: Process, module: str) -> None:
        consumed = [name for name, sign, _ in process.stoichiometry if sign < 0]
        produced = [name for name, sign, _ in process.stoichiometry if sign > 0]
        acting = {n: s for n, s in self.signs[f"process {process.name}"].items() if n not in consumed}
        tip = f"{process.name}: {self.written[f'process {process.name}']}"
        if consumed and produced:
            self._conversion(process, module, consumed, produced, acting, tip)
            return
        for name in consumed or produced:
            state, direction = self.nodes[name], 1 if produced else -1
            (state.made if produced else state.lost).append(within(own_words(process.name, name), module))
            self._act(Signs({n: s * direction for n, s in acting.items() if n != name}), name, tip)

    def _conversion(
        self, process: Process, module: str, consumed: list[str], produced: list[str], acting: Signs, tip: str
    ) -> None:
        ends = (tuple(consumed), tuple(produced))
        name = within(own_words(process.name, *consumed, *produced), module)
        back = next((key for key in self.arrows if key[:3] == ("flow", *reversed(ends))), None)
        if len(consumed) == len(produced) == 1 and not acting:
            if back is not None:  # there and back again: one arrow with two heads
                there = self.arrows.pop(back)
                label, tips = f"{there.label} / {name}", f"{there.tooltip}\n{tip}"
                self._arrow(Arrow(there.start, there.end, "flow", label=label, tooltip=tips, both=True))
                return
            self._arrow(Arrow(consumed[0], produced[0], "flow", label=name, tooltip=tip))
            return
        node = self._node(f"process {process.name}", "process", name, module, tip)
        for start in consumed:
            self._arrow(Arrow(start, node.key, "flow", head=False))
        for end in produced:
            self._arrow(Arrow(node.key, end, "flow"))
        self._act(acting, node.key, tip)

    def _hazards(self) -> None:
        """Hazards that the same things drive are one node."""
        alike: dict[tuple[Any, ...], list[Hazard]] = {}
        for part, module in self.model.parts(Hazard):
            drivers = self._drivers(self.signs[f"hazard {part.name}"])
            alike.setdefault((module, *sorted(drivers.items())), []).append(part)
        for (module, *drivers), parts in alike.items():
            names = "\n".join(words(part.term) for part in parts)
            tip = "\n".join(f"{part.name}: {self.written[f'hazard {part.name}']}" for part in parts)
            node = self._node(f"hazard {parts[0].name}", "hazard", names, module, tip)
            self._act(dict(drivers), node.key, tip)

    def _drivers(self, signs: Signs) -> Signs:
        """Signals of one hazard alone replaced by what modulates them: its name would say the hazard's again."""
        found: Signs = {}
        for name, sign in signs.items():
            behind = [self.signs[key] for key, part, _ in self.modulations if part.signal == name]
            readers = [key for key, each in self.signs.items() if name in each]
            if len(readers) == 1 and behind:
                for each in behind:
                    for source, other in each.items():
                        found[source] = _both(found.get(source), sign * other)
            elif behind or name not in self.known.signals:
                found[name] = _both(found.get(name), sign)
        return found

    def _events(self) -> None:
        for part, module in self.model.parts(Event):
            node = self._node(f"event {part.name}", "event", words(part.name), module, part.meaning)
            self._act(self.signs[f"event {part.name}, when"], node.key, "")
            for species in part.do:
                self._arrow(Arrow(node.key, species, "acts", 0, tooltip=f"{part.name} sets {species}"))

    def _observables(self) -> None:
        """Those of one state stand in its box; those of the same several states are one node."""
        alike: dict[tuple[str, ...], list[str]] = {}
        for part, module in self.model.parts(Observable):
            states = [n for n in self.signs[f"observable {part.name}"] if self._is_state(n)]
            if len(states) == 1:
                self.nodes[states[0]].measured.append(part.name)
            else:
                alike.setdefault((module, *states), []).append(part.name)
        for (module, *states), names in alike.items():
            node = self._node(f"measured {names[0]}", "measured", "\n".join(series(names)), module, "measured")
            for state in states:
                self._arrow(Arrow(state, node.key, "seen"))

    def _quantities(self) -> None:
        modules = {part.name: module for part, module in self.model.parts(Quantity)}
        modulating = {name for key, _, _ in self.modulations for name in self.signs[key]}
        for name in reversed(self.meeting):  # each before those it is made of
            if name in modulating or any(arrow.start == name for arrow in self.arrows.values()):
                tip = f"{name} = {self.written[f'quantity {name}']}"
                self._node(name, "quantity", words(name), modules[name], tip)
                self._act(self.signs[f"quantity {name}"], name, tip)

    def _signals(self) -> None:
        """Signals that something modulates and something reads; one that leads from one thing to one is an arrow."""
        modulated = {part.signal for _, part, _ in self.modulations}
        for part, module in self.model.parts(Signal):
            if part.name not in modulated:
                self._remove(lambda arrow, name=part.name: arrow.start == name)
                continue
            self._node(part.name, "signal", words(part.name), module, part.meaning)
            seen = [p.name for p, _ in self.model.parts(Observable) if part.name in self.signs[f"observable {p.name}"]]
            self.nodes[part.name].measured.extend(seen)
        for key, part, _ in self.modulations:
            self._act(self.signs[key], part.signal, f"{part.signal}: {part.meaning or self.written[key]}")
        signals = [key for key, node in self.nodes.items() if node.kind == "signal"]
        for _ in signals:  # a signal that nobody reads leaves with what modulates it, which may be another signal
            for name in signals:
                leads = name in self.nodes and any(arrow.start == name for arrow in self.arrows.values())
                if name in self.nodes and not leads and not self.nodes[name].measured:
                    self._remove(lambda arrow, name=name: arrow.end == name)
                    del self.nodes[name]
        for name in signals:
            self._shorten(name)

    def _shorten(self, signal: str) -> None:
        if signal not in self.nodes:
            return
        into = [arrow for arrow in self.arrows.values() if arrow.end == signal]
        out = [arrow for arrow in self.arrows.values() if arrow.start == signal]
        if len(into) == len(out) == 1 and not self.nodes[signal].measured:
            self._remove(lambda arrow: signal in (arrow.start, arrow.end))
            del self.nodes[signal]
            label = ", ".join(filter(None, (into[0].label, words(signal), out[0].label)))
            tip = f"{into[0].tooltip}\n{out[0].tooltip}"
            self._arrow(Arrow(into[0].start, out[0].end, "acts", into[0].sign * out[0].sign, label, tip))

    def _remove(self, which: Callable[[Arrow], bool]) -> None:
        self.arrows = {key: arrow for key, arrow in self.arrows.items() if not which(arrow)}

    def _act(self, signs: Signs, end: str, tip: str, label: str = "") -> None:
        for name, sign in signs.items():
            if name != end:
                self._arrow(Arrow(name, end, "acts", sign, label, tip))

    def _arrow(self, arrow: Arrow) -> None:
        """Keeps one arrow for all that act on the same thing in the same direction."""
        key = _key(arrow)
        known = self.arrows.get(key)
        if known is not None and arrow.tooltip and arrow.tooltip not in known.tooltip:
            tips = f"{known.tooltip}\n{arrow.tooltip}".strip()
            labels = known.label if arrow.label in known.label else f"{known.label}, {arrow.label}".strip(", ")
            arrow = replace(known, label=labels, tooltip=tips)
        self.arrows[key] = arrow

    def _node(self, key: str, kind: Kind, label: str, module: str, tooltip: str) -> Node:
        return self.nodes.setdefault(key, Node(key, kind, within(label, module), module, tooltip))

    def _is_state(self, name: str) -> bool:
        return name in self.nodes and self.nodes[name].kind == "state"


def _key(arrow: Arrow) -> tuple[Any, ...]:
    return (arrow.kind, (arrow.start,), (arrow.end,), arrow.sign, arrow.head, arrow.both)


def _both(one: int | None, other: int) -> int:
    return other if one is None or one == other else 0
