"""What every figure shares: its title, caption and data beside the drawing, and one quiet layout."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from opsonin.report import palette
from opsonin.report.figures.canvas import Canvas
from opsonin.report.words import plot_text


@dataclass(frozen=True)
class Figure:
    """A drawing and what a reader needs to read it.

    name: stable, unique in the report; ids and file names come from it.   title: what it shows.
    caption: what to see.   data: the drawn values, for download as CSV.   key: (label, colour) shown above the drawing.
    """

    name: str
    title: str
    caption: str
    plot: Canvas
    data: pd.DataFrame
    key: list[tuple[str, str]] = field(default_factory=list)


def label(plot: Canvas, x: Any, y: Any, text: str, colour: str = palette.INK, **place: Any) -> None:
    """Words on the drawing, without an arrow; `x` and `y` in data units unless `place` says otherwise.

    On a logarithmic axis Plotly wants the logarithm of the place: pass it so.
    """
    options: dict[str, Any] = {"showarrow": False, "xanchor": "left", "yanchor": "middle", "font": {"size": 12}}
    options.update(place)
    options["font"] = {**options["font"], "color": colour}
    plot.add_annotation(x=x, y=y, text=text, **options)


def across(plot: Canvas, y: float | int, row: int, column: int, colour: str = palette.GREY) -> None:
    """A dotted reference line across one panel."""
    place: dict[str, Any] = {"row": row, "col": column}
    plot.add_hline(y=y, line={"color": colour, "width": 1, "dash": "dot"}, **place)


def spread_apart(places: list[float], gap: float | int) -> list[float]:
    """`places` moved as little as possible so that neighbours are at least `gap` apart; order is kept.

    Used to keep direct labels at line ends from overlapping.
    """
    order = np.argsort(np.asarray(places, dtype=float), kind="stable")
    blocks: list[list[float]] = []  # [sum of wished places less their offsets, members]
    for index in order:
        blocks.append([float(places[index]), 1.0])
        while len(blocks) > 1 and _end(blocks[-2], gap) + gap > _start(blocks[-1], gap):
            total, members = blocks.pop()
            blocks[-1] = [blocks[-1][0] + total, blocks[-1][1] + members]
    out = [0.0] * len(places)
    at = 0
    for block in blocks:
        for step in range(int(block[1])):
            out[int(order[at])] = _start(block, gap) + step * gap
            at += 1
    return out


def _start(block: list[float], gap: float | int) -> float:
    return block[0] / block[1] - gap * (block[1] - 1) / 2


def _end(block: list[float], gap: float | int) -> float:
    return _start(block, gap) + gap * (block[1] - 1)


def wrapped(text: str, width: int = 26) -> str:
    """A long name on two or more lines of about `width` letters, escaped for Plotly."""
    lines: list[str] = [""]
    for word in str(text).split():
        if lines[-1] and len(lines[-1]) + len(word) + 1 > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(plot_text(line) for line in lines)


LADDERS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9))


def ratio_ticks(low: float | int, high: float | int, most: int = 7) -> tuple[list[float | int], list[str]]:
    """Ticks for a logarithmic axis within [low, high]: three to `most` round numbers."""
    inside: list[float | int] = []
    for bases in LADDERS:
        steps = [base * 10.0**power for power in range(-9, 10) for base in bases]
        found = [step for step in steps if low * 0.999 <= step <= high * 1.001]
        if len(found) > most and len(inside) > 1:
            break
        inside = found
        if len(inside) >= min(4, most - 1):
            break
    return inside, [f"{step:,.10g}" for step in inside]


def inside_of(places: list[float], low: float | int, high: float | int, gap: float | int) -> list[float]:
    """`places` spread apart and kept within [low, high], for labels at the ends of curves that end at an axis."""
    wide = spread_apart(places, gap)
    order = sorted(range(len(wide)), key=lambda k: wide[k])
    for before, k in zip([None, *order], order, strict=False):
        floor = low if before is None else wide[before] + gap
        wide[k] = max(wide[k], floor)
    for after, k in zip([None, *order[::-1]], order[::-1], strict=False):
        ceiling = high if after is None else wide[after] - gap
        wide[k] = min(wide[k], ceiling)
    return wide
