"""Dose-transition pathways as a picture: cohorts from left to right, one box a state, equal states merged."""

from __future__ import annotations

from html import escape

import numpy as np

from opsonin.designs import ACTIONS, Pathways
from opsonin.designs.pathways import counts_texts

TALL = 40  # states of one cohort that are drawn at most; later cohorts are left to the table
_WIDE, _HIGH, _ROW, _GAP, _TOP = 176, 24, 32, 96, 44
_SHADES = ("#9ecae1", "#fdd49e", "#fc8d59", "#d7301f", "#990000", "#67000d", "#3f0008")  # lines, by DLTs in the cohort
_FILL = {
    "escalate": "#d9f0d3",
    "stay": "#f5f7f9",
    "start": "#f5f7f9",
    "de-escalate": "#fde0c5",
    "stop": "#f4c7c3",
    "declare": "#d6e4f5",
    "wait": "#eeeeee",
}


def pathway_tree(found: Pathways, title: str = "") -> str:
    """An SVG image as text: DLTs of patients by level in each box, then where the next patients go."""
    drawn = next((k for k, stage in enumerate(found.stages) if len(stage.paths) > TALL), len(found.stages))
    stages = found.stages[: max(drawn, 1)]
    tallest = max(len(stage.paths) for stage in stages)
    width, height = len(stages) * (_WIDE + _GAP) - _GAP + 16, _TOP + tallest * _ROW + 34
    places = [_heights(len(stage.paths), tallest) for stage in stages]
    parts = [_header(width, height, title)]
    for k in range(len(stages)):
        words = "so far" if k == 0 else f"cohort {k}"
        parts.append(f'<text x="{_left(k)}" y="{_TOP - 12}" class="h">{words}</text>')
    for k, links in enumerate(found.links[: len(stages) - 1]):
        for origin, shown, to in zip(links.origin, links.outcome, links.to, strict=True):
            x, y = _left(k) + _WIDE, places[k][origin] + _HIGH / 2
            far, other = _left(k + 1), places[k + 1][to] + _HIGH / 2
            cohort = found.shown[shown]
            bend = (x + far) / 2
            parts.append(
                f'<path d="M{x} {y:.1f} C{bend} {y:.1f} {bend} {other:.1f} {far} {other:.1f}" '
                f'stroke="{_SHADES[min(cohort.dlt, len(_SHADES) - 1)]}"><title>{cohort.text}</title></path>'
            )
    for k, stage in enumerate(stages):
        for row, (text, y) in enumerate(zip(counts_texts(stage.evidence, found.design), places[k], strict=True)):
            parts.append(_box(found, k, row, text, y))
    parts.append(_legend(height, found))
    return "\n".join([*parts, "</svg>"])


def _left(stage: int) -> int:
    return 8 + stage * (_WIDE + _GAP)


def _heights(states: int, tallest: int) -> list[float]:
    """Boxes of a column, spread over the height of the tallest one."""
    step = tallest * _ROW / states
    return [_TOP + (k + 0.5) * step - _HIGH / 2 for k in range(states)]


def _box(found: Pathways, stage: int, row: int, text: str, y: float) -> str:
    made = found.stages[stage].decisions
    action, level, mtd = ACTIONS[int(made.action[row])], int(made.level[row]), int(made.mtd[row])
    sought = "".join(word[0].upper() for word in found.design.seeks.split())  # MTD, OBD
    goes = (
        f"{sought} {found.design.dose_label(mtd)}"
        if mtd
        else f"→ {found.design.dose_label(level)}"
        if level
        else action
    )
    short = text if len(text) <= 22 else "… " + text[-20:].split(", ", 1)[-1]
    x = _left(stage)
    return (
        f'<g><title>{escape(text)}: {action}</title><rect x="{x}" y="{y:.1f}" width="{_WIDE}" height="{_HIGH}" rx="3" '
        f'fill="{_FILL[action]}"/><text x="{x + 6}" y="{y + 16:.1f}">{escape(short)}</text>'
        f'<text x="{x + _WIDE - 6}" y="{y + 16:.1f}" class="to">{goes}</text></g>'
    )


def _header(width: float, height: float, title: str) -> str:
    style = (
        "text{font:12px Inter,'Segoe UI','Helvetica Neue',Arial,'Liberation Sans',sans-serif;fill:#1b1f24}"
        ".h{font-weight:600;fill:#57606a}.to{text-anchor:end;font-weight:600}"
        "rect{stroke:#c4cbd3}path{fill:none;stroke-width:1.4}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(title or "dose-transition pathways")}"><style>{style}</style>'
        f'<text x="8" y="16" style="font-weight:700">{escape(title)}</text>'
    )


def _legend(height: float, found: Pathways) -> str:
    """What the colours of the lines say."""
    most = int(np.max([cohort.dlt for cohort in found.shown], initial=0))
    parts, x = [], 8
    for dlt in range(most + 1):
        shade = _SHADES[min(dlt, len(_SHADES) - 1)]
        parts.append(f'<path d="M{x} {height - 12} h22" stroke="{shade}" style="stroke-width:3"/>')
        parts.append(f'<text x="{x + 27}" y="{height - 8}">{dlt} DLT{"" if dlt == 1 else "s"}</text>')
        x += 92
    return "".join(parts)
