"""Through which pathways a treatment does its good: the benefit shared out, drawn."""

import math
from collections.abc import Iterable
from typing import Any

from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, label
from opsonin.report.figures.canvas import bar, scatter
from opsonin.report.figures.why import named, rows_of_names

SUMS = ("whole", "together")


def shared_out(findings: Iterable[Any]) -> Figure | None:
    """Each pathway's part of the benefit as a bar, with what it does alone and what is lost without it as marks."""
    found = list(findings)
    every = named(found, "why.pathway.", ".benefit")
    rows = every[~every["name"].isin(SUMS)].sort_values("estimate", ascending=False, kind="stable")
    whole = every[every["name"] == "whole"]
    if len(rows) == 0 or len(whole) == 0:
        return None
    for part in ("alone", "needed"):
        rows[part] = rows["name"].map(named(found, "why.pathway.", f".{part}").set_index("name")["estimate"])
    plot = rows_of_names(rows["name"].tolist())
    total = whole.iloc[0]
    places = decimals(float(total["estimate"]))
    at = list(range(len(rows)))
    error = {"type": "data", "array": rows["upper"] - rows["estimate"], "arrayminus": rows["estimate"] - rows["lower"]}
    plot.add_trace(
        bar(
            x=rows["estimate"],
            y=at,
            orientation="h",
            marker={"color": palette.lighter(palette.GREEN, 0.35)},
            error_x={**error, "color": palette.MUTED, "thickness": 1.2, "width": 3},
            hovertemplate="%{x:.3g}<extra></extra>",
        )
    )
    for part, symbol, told in (("alone", "circle-open", "alone"), ("needed", "diamond", "lost without it")):
        marker = {"size": 9, "symbol": symbol, "color": palette.INK, "line": {"width": 1.6}}
        hover = f"{told}: %{{x:.3g}}<extra></extra>"
        plot.add_trace(scatter(x=rows[part], y=at, mode="markers", marker=marker, hovertemplate=hover))
    for place, (_, row) in enumerate(rows.iterrows()):
        told = _with_interval(row, places)
        label(plot, 1.01, place, f"{told}{_of_whole(row['note'])}", xref="paper", font={"size": 12})
    plot.add_vline(x=0, line={"color": palette.GREY, "width": 1})
    plot.update_xaxes(title_text="part of the benefit")
    plot.update_layout(bargap=0.45, margin={"r": 190, "l": 20, "t": 26})
    caption = (
        f"The whole benefit is {_with_interval(total, places)} "
        f"({total['note']}). Bars share it out: what each pathway adds, averaged over all orders of adding them. "
        "Circles: what it does alone; diamonds: what is lost without it. Where these lie far apart, pathways need one "
        "another or stand in for one another."
    )
    return Figure("why-pathways", "Through which pathways the treatment works", caption, plot, rows)


def decimals(whole: float) -> int:
    """Decimals that give the whole three digits: its parts have as many, since a part of nearly none needs no more."""
    return max(0, 2 - math.floor(math.log10(abs(whole)))) if whole and math.isfinite(whole) else 2


def _with_interval(row: Any, places: int) -> str:
    value, low, high = (_rounded(float(row[column]), places) for column in ("estimate", "lower", "upper"))
    return f"{value} ({low} to {high})" if words.MINUS in low + high else f"{value} ({low}–{high})"


def _rounded(value: float, places: int) -> str:
    if not math.isfinite(value):
        return words.number(value)
    return words.rounded(round(value, places) + 0.0, places).replace("-", words.MINUS)  # + 0.0: no minus before nought


def _of_whole(note: str) -> str:
    """ "; 43 %", where a share of the whole could be told."""
    part = note.partition(" % of the whole")[0]
    return f"; {part}{words.NBSP}%" if note.endswith(" % of the whole") else ""
