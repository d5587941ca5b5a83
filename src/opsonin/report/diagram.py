"""A Graphviz graph becomes an SVG picture, by a program that is installed; nothing is fetched.

Two programs can draw it. `graphviz-pure` (PyPI, the extra "diagram") is a port of Graphviz in one file: it needs no
system package, brings the metrics of its fonts and so gives the same bytes on every machine. `dot` of Graphviz itself
is taken where that is missing. Where neither is installed the graph is still text that any Graphviz draws.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from xml.etree import ElementTree

from opsonin.errors import ReportError

PROGRAMS = ("graphviz-pure", "dot")
SECONDS = 60
SVG = "http://www.w3.org/2000/svg"
KEPT = ("svg", "g", "a", "text", "polygon", "polyline", "path", "ellipse")  # what Graphviz draws with
FONTS = "Arial, 'Liberation Sans', Helvetica, sans-serif"  # the first two are of the same widths
HINT = (
    "pip install 'opsonin[diagram]' brings one, or install Graphviz from your system's packages; a name that ends in "
    ".dot needs neither"
)


def program() -> str | None:
    """The path of a program that can draw a graph, None where there is none."""
    beside = str(Path(sysconfig.get_path("scripts")))  # of this Python, also where that is not on the search path
    for name in PROGRAMS:
        found = shutil.which(name, path=beside) or shutil.which(name)
        if found is not None:
            return found
    return None


def svg(dot: str, described: str = "Flow diagram of the model") -> str:
    """The graph laid out and drawn: an SVG element that scales with its frame, with tooltips.

    described: for readers who do not see it.   Raises: ReportError where no program draws, or it cannot.
    """
    tool = program()
    if tool is None:
        raise ReportError(f"no program that draws diagrams was found; {HINT}.")
    try:
        ran = subprocess.run(
            [tool, "-Tsvg"], input=dot.encode(), capture_output=True, timeout=SECONDS, check=False, env=_environment()
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise ReportError(f"{tool} did not draw the diagram: {problem}; {HINT}.") from problem
    if ran.returncode or b"<svg" not in ran.stdout:
        said = ran.stderr.decode(errors="replace").strip().splitlines()
        raise ReportError(f"{tool} did not draw the diagram: {said[-1] if said else 'it said nothing'}; {HINT}.")
    return _cleaned(ran.stdout, described)


def write_diagram(dot: str, path: str | Path) -> Path:
    """Writes the graph as .svg, or as .dot for other programs. Raises: ReportError."""
    target = Path(path)
    if target.suffix not in (".svg", ".dot", ".gv"):
        raise ReportError(f"a diagram is written as .svg or .dot, not {target.name!r}; choose one of these endings.")
    text = svg(dot) + "\n" if target.suffix == ".svg" else dot
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise ReportError(
            f"the diagram {target} cannot be written: {problem.strerror}; choose another place."
        ) from problem
    return target


def _environment() -> dict[str, str]:
    """Numbers with a point, whatever the user's language."""
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def _cleaned(made: bytes, described: str) -> str:
    """Only shapes and text: no links, no scripts, no names of nodes as tooltips, no word of the program's version."""
    root = ElementTree.fromstring(made)
    _clean(root)
    width, height = (float(root.get(side, "0").removesuffix("pt")) for side in ("width", "height"))
    for side in ("width", "height"):
        root.attrib.pop(side, None)
    root.set("role", "img")
    root.set("aria-label", described)
    root.set("style", f"width:100%;max-width:{width * 4 / 3:.0f}px;aspect-ratio:{width:g}/{height:g}")
    ElementTree.register_namespace("", SVG)
    return ElementTree.tostring(root, encoding="unicode")


def _clean(element: ElementTree.Element) -> None:
    tip = ""
    for name in list(element.attrib):
        if name.endswith("}title"):  # a tooltip: Graphviz writes it as a link's, browsers show a title element's
            tip = element.attrib.pop(name).replace("\\n", "\n").strip()
        elif name.startswith(("{", "on")) or name == "id":
            element.attrib.pop(name)
    if "font-family" in element.attrib:
        element.set("font-family", FONTS)
    for child in list(element):
        kind = re.sub(r"^\{.*\}", "", child.tag) if isinstance(child.tag, str) else ""
        if kind not in KEPT:
            element.remove(child)
            continue
        if kind == "a":
            child.tag = f"{{{SVG}}}g"
        _clean(child)
    if tip:
        title = ElementTree.Element(f"{{{SVG}}}title")
        title.text = tip
        element.insert(0, title)
