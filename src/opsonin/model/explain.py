"""The model for readers: equations, tables and the diagram, all plain JSON values."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import sympy
from sympy.printing.latex import LatexPrinter

from opsonin.model.dot import dot
from opsonin.model.parts import (
    Administration,
    Covariate,
    Event,
    Hazard,
    Input,
    Modulation,
    Observable,
    Parameter,
    Process,
    Quantity,
    Signal,
    Species,
)

if TYPE_CHECKING:
    from opsonin.model.module import Model


def explain(model: Model) -> dict[str, Any]:
    """Tables (lists of rows) by title: modules, parameters, covariates, inputs, species, quantities, processes,
    signals, events, hazards, observables, administrations, equations and diagram. Laws are shown as written."""
    symbolic = model.symbolic

    def law(key: str) -> dict[str, str]:
        return {"equation": str(symbolic.written[key]), "latex": latex(symbolic.written[key])}

    return {
        "modules": [{"name": m.name, "title": m.title, "source": m.source} for m in model.modules],
        "parameters": [_parameter(part, module) for part, module in model.parts(Parameter)],
        "covariates": [
            {"name": c.name, "meaning": c.meaning, "typical": float(c.typical), "unit": c.unit, "module": module}
            for c, module in model.parts(Covariate)
        ],
        "inputs": [
            {
                "name": i.name,
                "meaning": i.meaning,
                "default": float(i.default),
                "unit": i.unit,
                "interpolation": i.interpolation,
                "module": module,
            }
            for i, module in model.parts(Input)
        ],
        "species": [
            {
                "name": s.name,
                "meaning": s.meaning,
                "unit": s.unit,
                "initial": str(symbolic.written[f"initial {s.name}"]) if callable(s.initial) else f"{s.initial:g}",
                "module": module,
            }
            for s, module in model.parts(Species)
        ],
        "quantities": [
            {"name": q.name, "meaning": q.meaning, "unit": q.unit, **law(f"quantity {q.name}"), "module": module}
            for q, module in model.parts(Quantity)
        ],
        "processes": [
            {
                "name": p.name,
                "meaning": p.meaning,
                **law(f"process {p.name}"),
                "consumes": _ends(p, -1),
                "produces": _ends(p, +1),
                "module": module,
            }
            for p, module in model.parts(Process)
        ],
        "signals": _signals(model),
        "events": [_event(event, module, law) for event, module in model.parts(Event)],
        "hazards": [
            {
                "name": h.name,
                "term": h.term,
                "role": h.role,
                "grades": {str(grade): float(share) for grade, share in h.grades.items()},
                "dlt": h.dlt,
                "meaning": h.meaning,
                **law(f"hazard {h.name}"),
                "module": module,
            }
            for h, module in model.parts(Hazard)
        ],
        "observables": [
            {
                "name": o.name,
                "table": o.table,
                "unit": o.unit,
                "where": o.matrix if o.table == "concentrations" else o.compartment,
                "assay_cv": None if o.assay is None else float(o.assay.cv),
                "lower_limit": None if o.assay is None or o.assay.lower_limit is None else float(o.assay.lower_limit),
                "meaning": o.meaning,
                **law(f"observable {o.name}"),
                "module": module,
            }
            for o, module in model.parts(Observable)
        ],
        "administrations": [
            {"agent": a.agent, "route": a.route, "into": a.into, "meaning": a.meaning, "module": module}
            for a, module in model.parts(Administration)
        ],
        "equations": [{"state": state, "latex": text} for state, text in equations(model)],
        "diagram": diagram_edges(model),
        "dot": dot(model),
    }


def equations(model: Model) -> list[tuple[str, str]]:
    """(state, LaTeX of its differential equation) with quantities and signals by name, not put in."""
    symbolic = model.symbolic
    sums: dict[str, Any] = {name: sympy.Integer(0) for name in symbolic.species}
    for process in symbolic.stoichiometry:
        for species, coefficient in _written_coefficients(model, process).items():
            sums[species] += coefficient * symbolic.written[f"process {process}"]
    lines = [(name, rf"\frac{{d}}{{dt}} {_name(name)} = {latex(total)}") for name, total in sums.items()]
    for hazard in symbolic.hazards:
        rate = latex(symbolic.written[f"hazard {hazard}"])
        lines.append((f"cumulative {hazard}", rf"\frac{{d}}{{dt}} H_{{{_name(hazard)}}} = {rate}"))
    return lines


def diagram_edges(model: Model) -> list[dict[str, str]]:
    """Arrows {"from", "to", "kind", "label"}. Kinds: flow (species → species; "" is outside), dose (agent → species),
    modulates (module → signal), sets (event → species), influences (species, input or signal → process or event
    that it is no part of)."""
    symbolic = model.symbolic
    given = {part.name for part, _ in model.parts(Signal, Input)}
    quantities = {quantity.name for quantity, _ in model.parts(Quantity)}
    edges = []
    for part, _ in model.parts(Administration):
        edges.append(_edge(part.agent, part.into, "dose", part.route))
    for process, _ in model.parts(Process):
        consumed = [name for name, sign, _ in process.stoichiometry if sign < 0] or [""]
        produced = [name for name, sign, _ in process.stoichiometry if sign > 0] or [""]
        edges += [_edge(a, b, "flow", process.name) for a in consumed for b in produced]
        for name in _influences(symbolic.written, f"process {process.name}", quantities):
            if name in given or (name in symbolic.species and name not in consumed):
                edges.append(_edge(name, process.name, "influences", ""))
    for event, _ in model.parts(Event):
        edges += [_edge(event.name, species, "sets", "") for species in event.do]
        for name in _influences(symbolic.written, f"event {event.name}, when", quantities):
            if name in given or name in symbolic.species:
                edges.append(_edge(name, event.name, "influences", ""))
    for modulation, module in model.parts(Modulation):
        edges.append(_edge(module, modulation.signal, "modulates", modulation.meaning))
    return edges


def latex(expression: Any) -> str:
    """The expression in LaTeX, names upright and in words."""
    return _Latex({"mul_symbol": "dot"}).doprint(expression)


class _Latex(LatexPrinter):
    def _print_Symbol(self, expr: Any, style: str = "plain") -> str:
        return _name(expr.name)


def _name(name: str) -> str:
    if len(name) == 1:
        return name
    words = re.sub("[_ ]+", r"\\ ", name)
    return rf"\mathrm{{{words}}}"


def _written_coefficients(model: Model, process: str) -> dict[str, Any]:
    """The net coefficient of each species as the author gave it, without unit factors."""
    part = next(part for part, _ in model.parts(Process) if part.name == process)
    net: dict[str, Any] = {}
    for n, (species, sign, coefficient) in enumerate(part.stoichiometry):
        written = model.symbolic.written.get(f"process {process}, coefficient {n}", coefficient)
        net[species] = net.get(species, sympy.Integer(0)) + sign * sympy.sympify(written)
    return net


def _influences(written: dict[str, Any], key: str, quantities: set[str]) -> list[str]:
    """Names a law depends on, seen through quantities."""
    found: dict[str, None] = {}
    waiting = sorted(symbol.name for symbol in written[key].free_symbols)
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = None
            if name in quantities:
                waiting += sorted(symbol.name for symbol in written[f"quantity {name}"].free_symbols)
    return list(found)


def _parameter(part: Parameter, module: str) -> dict[str, Any]:
    return {
        "name": part.name,
        "meaning": part.meaning,
        "value": float(part.value),
        "unit": part.unit,
        "spread": "" if part.spread is None else str(part.spread),
        "lower": None if part.lower is None else float(part.lower),
        "upper": None if part.upper is None else float(part.upper),
        "kind": part.kind,
        "source": part.source,
        "module": module,
    }


def _event(event: Event, module: str, law: Callable[[str], dict[str, str]]) -> dict[str, Any]:
    """What brings the event about, and what it makes of which species."""
    return {
        "name": event.name,
        "meaning": event.meaning,
        **law(f"event {event.name}, when"),
        "direction": {1: "rises through 0", -1: "falls through 0", 0: "passes 0"}[event.direction],
        "do": [
            {"species": species, **(law(f"event {event.name}, do {n}") if callable(value) else _plain(value))}
            for n, (species, value) in enumerate(event.do.items())
        ],
        "module": module,
    }


def _plain(value: float | int) -> dict[str, str]:
    return {"equation": f"{value:g}", "latex": f"{value:g}"}


def _signals(model: Model) -> list[dict[str, Any]]:
    """Every signal: what it comes to, and the modules that modulate it and how."""
    written = model.symbolic.written
    contributions: dict[str, list[dict[str, str]]] = {}
    laws: dict[str, list[Any]] = {}
    for number, (modulation, module) in enumerate(model.parts(Modulation)):
        law = written[f"modulation {number} of {modulation.signal}"]
        laws.setdefault(modulation.signal, []).append(law)
        row = {"module": module, "equation": str(law), "latex": latex(law), "meaning": modulation.meaning}
        contributions.setdefault(modulation.signal, []).append(row)
    combined = {
        signal.name: (sympy.Mul if signal.combine == "product" else sympy.Add)(*laws.get(signal.name, []))
        for signal, _ in model.parts(Signal)
    }
    return [
        {
            "name": signal.name,
            "meaning": signal.meaning,
            "combine": signal.combine,
            "unit": signal.unit,
            "equation": str(combined[signal.name]),
            "latex": latex(combined[signal.name]),
            "module": module,
            "modulations": contributions.get(signal.name, []),
        }
        for signal, module in model.parts(Signal)
    ]


def _ends(process: Process, sign: int) -> list[str]:
    return [species for species, direction, _ in process.stoichiometry if direction == sign]


def _edge(start: str, end: str, kind: str, label: str) -> dict[str, str]:
    return {"from": start, "to": end, "kind": kind, "label": label}
