"""A model's picture in Graphviz' language: modules as clusters, colours from Okabe and Ito, a legend, tooltips."""

from __future__ import annotations

import html
from textwrap import wrap
from typing import TYPE_CHECKING

from opsonin.model.diagram import Arrow, Diagram, Node, diagram
from opsonin.model.diagram_words import series

if TYPE_CHECKING:
    from opsonin.model.module import Model

RAISES, LOWERS, EITHER = "#00805E", "#D55E00", "#7A7A7A"  # Okabe–Ito's green darkened, to be seen as a thin line
FLOW, DOSE, QUIET = "#222222", "#0072B2", "#8A8A8A"
HEADS = {1: ("normal", RAISES), -1: ("tee", LOWERS), 0: ("odiamond", EITHER)}
WIDE = 22  # characters of a line in a box

GRAPH = """digraph model {
  graph [rankdir=TB, nodesep=0.09, ranksep=0.4, splines=true, concentrate=false, compound=true,
    fontname="Arial", fontsize=13, bgcolor="white", pad=0.2, labelloc=b, labeljust=l];
  node [fontname="Arial", fontsize=12, shape=box, style="filled,rounded", fillcolor="white",
    color="#555555", margin="0.10,0.05", height=0.3];
  edge [fontname="Arial", fontsize=10, fontcolor="#444444", arrowsize=0.7];"""


def dot(model: Model, title: str = "") -> str:
    """The model's diagram as a Graphviz graph, for any renderer. The same model gives the same text."""
    return written(diagram(model), title)


def written(drawn: Diagram, title: str = "") -> str:
    """A diagram as a Graphviz graph."""
    names = {key: f"n{number}" for number, key in enumerate(drawn.nodes)}
    lines = [GRAPH, f"  label={_legend(title)};"]
    inside: dict[str, list[Node]] = {name: [] for name, _ in drawn.modules}
    for node in drawn.nodes.values():
        if node.kind == "signal":
            lines.append(f"  {names[node.key]} {_attributes(node)};")
        else:
            inside[node.module].append(node)
    for number, (module, title) in enumerate(drawn.modules):
        if inside[module]:
            lines.append(f"  subgraph cluster_{number} {{")
            lines.append(f'    label="{_plain(title)}"; labelloc=t; labeljust=l; fontcolor="#333333"; fontsize=13;')
            lines.append('    style="rounded,filled"; color="#C8D0D6"; fillcolor="#F4F6F8"; margin=7;')
            lines += [f"    {names[node.key]} {_attributes(node)};" for node in inside[module]]
            lines.append("  }")
    lines += [f"  {names[a.start]} -> {names[a.end]} {_arrow(a)};" for a in drawn.arrows]
    return "\n".join([*lines, "}"]) + "\n"


def _attributes(node: Node) -> str:
    tip = f'tooltip="{_plain(node.tooltip)}"'
    if node.kind == "state":
        return f"[label={_lines(node)}, {tip}]"
    label = f"label={_lines(node)}" if node.measured else f'label="{_plain(node.label)}"'
    style = {
        "process": f'shape=box, style="filled", fontsize=10, color="{FLOW}", penwidth=0.8, height=0.2',
        "signal": 'style="filled", fillcolor="#FFF3BF", color="#B59A1B", fontsize=11',
        "quantity": 'style="filled,rounded,dashed", fontsize=11',
        "agent": f'shape=ellipse, style="filled", fillcolor="{DOSE}", color="{DOSE}", fontcolor="white"',
        "hazard": f'style="filled", fillcolor="#FBE6D9", color="{LOWERS}", fontsize=11',
        "measured": f'shape=note, style="filled", fillcolor="#EAF4FB", color="{DOSE}", fontsize=10',
        "input": f'shape=parallelogram, style="filled", fillcolor="#EAF4FB", color="{DOSE}"',
        "event": 'shape=diamond, style="filled", fillcolor="#F6E6F0", color="#A9497F", fontsize=11, margin="0,0"',
    }[node.kind]
    return f"[{label}, {style}, {tip}]"


def _lines(node: Node) -> str:
    """The node's name, what is made of nothing (+) and lost to nothing (−), and what is measured of it."""
    names = [html.escape(line) for line in wrap(node.label, WIDE)]
    rows = [f"<b>{name}</b>" if node.kind == "state" else name for name in names]
    for sign, names in (("+", node.made), ("−", node.lost)):
        rows += [f'<font point-size="9" color="#666666">{line}</font>' for line in _wrapped(sign, names)]
    rows += [f'<font point-size="9" color="{DOSE}">{line}</font>' for line in _wrapped("•", series(node.measured))]
    return f"<{'<br/>'.join(rows)}>"


def _wrapped(sign: str, names: list[str]) -> list[str]:
    """The names after their sign, in lines of about WIDE characters."""
    lines: list[str] = []
    for name in names:
        if lines and len(lines[-1]) + len(name) <= WIDE:
            lines[-1] += f", {name}"
        else:
            lines.append(f"{sign} {name}")
    return [html.escape(line) for line in lines]


def _arrow(arrow: Arrow) -> str:
    label = f', label=" {_plain(arrow.label)} "' if arrow.label else ""  # spaces keep the words off the line
    label += f', tooltip="{_plain(arrow.tooltip)}", labeltooltip="{_plain(arrow.tooltip)}"' if arrow.tooltip else ""
    if arrow.kind == "acts":
        head, colour = HEADS[arrow.sign]
        return f'[color="{colour}", fontcolor="{colour}", arrowhead={head}{label}]'
    if arrow.kind == "dose":
        return f'[color="{DOSE}", fontcolor="{DOSE}", penwidth=1.8{label}]'
    if arrow.kind == "seen":
        return f'[color="{DOSE}", style=dotted, arrowhead=none{label}]'
    ends = ", dir=both" if arrow.both else "" if arrow.head else ", arrowhead=none"
    return f'[color="{FLOW}", penwidth=1.8{ends}, weight=4{label}]'


def _legend(title: str) -> str:
    parts = [
        f'<font color="{FLOW}"><b>→</b> flow of material</font>',
        f'<font color="{RAISES}"><b>→</b> raises</font>',
        f'<font color="{LOWERS}"><b>–|</b> lowers</font>',
        f'<font color="{EITHER}"><b>–◊</b> either</font>',
        f'<font color="{DOSE}"><b>→</b> dose &#160; • measured</font>',
        '<font color="#666666">+ made &#160; − lost, in a state’s box</font>',
        '<font color="#806A00">yellow: signal</font>',
        f'<font color="{LOWERS}">red: hazard</font>',
    ]
    head = f"<b>{html.escape(title)}</b> &#160; &#160; " if title else ""
    return f'<{head}<font point-size="12">{" &#160; &#160; ".join(parts)}</font>>'


def _plain(text: str) -> str:
    """Text inside a quoted string of DOT."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
