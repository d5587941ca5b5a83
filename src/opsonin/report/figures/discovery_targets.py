"""Figures of targets: the ranking with its intervals, and the parts that each score is made of."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, ratio_ticks
from opsonin.report.figures.canvas import Canvas, scatter

PARTS = {
    "state": "sets the state apart",
    "consistency": "found again",
    "resistance": "linked with resistance",
    "blood": "free of normal blood",
    "organs": "free of vital organs",
}
FIRST = 20
BEHIND = {"resistance": "log_odds", "blood": "blood_highest", "organs": "vital_highest"}  # NaN: not measured
ENDS = ("lower", "upper", "weights_lower", "weights_upper")


def ranking(table: pd.DataFrame) -> Figure | None:
    """The first candidates with the intervals of their ranks."""
    if not {"rank", "lower", "upper"} <= set(table.columns):
        return None
    own = table.sort_values("rank", kind="stable").head(FIRST)
    plot = Canvas(90 + 25 * len(own))
    for place, row in enumerate(own.to_dict("records")):
        name = words.plot_text(row["gene"])
        ends = {"mode": "lines", "hoverinfo": "skip"}
        plot.add_trace(scatter(x=[row["lower"], row["upper"]], y=[place, place],
                               line={"color": palette.BLUE, "width": 2.4}, **ends))  # fmt: skip
        if {"weights_lower", "weights_upper"} <= set(row):
            plot.add_trace(scatter(x=[row["weights_lower"], row["weights_upper"]], y=[place + 0.24, place + 0.24],
                                   line={"color": palette.ORANGE, "width": 2}, **ends))  # fmt: skip
        hover = f"{name}: %{{x}}<extra></extra>"
        plot.add_trace(scatter(x=[row["rank"]], y=[place], mode="markers", hovertemplate=hover,
                               marker={"symbol": "square", "size": 9, "color": palette.INK}))  # fmt: skip
    widest = float(own[[one for one in (*ENDS, "rank") if one in own.columns]].to_numpy(dtype=float).max())
    ticks, texts = ratio_ticks(1, widest)
    plot.update_xaxes(type="log", title_text="rank (logarithmic scale)", tickvals=ticks, ticktext=texts,
                      range=[-0.05, float(np.log10(widest)) + 0.05])  # fmt: skip
    plot.update_yaxes(tickvals=list(range(len(own))), ticktext=[words.plot_text(one) for one in own["gene"]],
                      range=[len(own) - 0.4, -0.6], showgrid=False)  # fmt: skip
    plot.update_layout(margin={"l": 20, "r": 30, "t": 14})
    return Figure(
        "discovery-ranking",
        f"The first {len(own)} of {len(table)} candidates, and how sure their order is",
        "Square: the rank. Blue: 95 % of ranks when patients, cohorts and sources are drawn anew. Orange: 95 % of "
        "ranks over all ways to weigh the parts. Where intervals overlap, the order between two genes is not known. A "
        "square left of its blue line is luck that the resampling does not repeat: the gene's place is worse.",
        plot,
        table,
        [("data drawn anew", palette.BLUE), ("weights drawn", palette.ORANGE)],
    )


def parts(table: pd.DataFrame) -> Figure | None:
    """What each score is made of: gene by part, 0 to 1."""
    there = [part for part in PARTS if part in table.columns]
    if not there:
        return None
    own = table.sort_values("rank", kind="stable").head(FIRST)
    plot = Canvas(120 + 25 * len(own))
    shades = [stop for _, stop in palette.SHADES]
    for column, part in enumerate(there):
        values = own[part].astype(float).clip(0, 1)
        known = measured(own, part)
        plot.add_trace(
            scatter(
                x=[column] * len(own), y=list(range(len(own))), mode="markers+text",
                marker={"symbol": "square", "size": 22, "color": [palette.mix(shades, 0.75 * v) if there else "#FFFFFF"
                                                                  for v, there in zip(values, known, strict=True)]},
                text=[f"{v:.2f}" if there else "?" for v, there in zip(values, known, strict=True)],
                textfont={"size": 9.5, "color": palette.INK},
                hovertemplate=f"{PARTS[part]}: %{{text}}<extra></extra>",
            )
        )  # fmt: skip
    heads = [PARTS[part].replace(" ", "<br>", 1) for part in there]
    plot.update_xaxes(tickvals=list(range(len(there))), ticktext=heads, range=[-0.6, len(there) - 0.4], side="top",
                      showgrid=False)  # fmt: skip
    plot.update_yaxes(tickvals=list(range(len(own))), ticktext=[words.plot_text(one) for one in own["gene"]],
                      range=[len(own) - 0.4, -0.6], showgrid=False)  # fmt: skip
    plot.update_layout(margin={"l": 20, "t": 60, "b": 10})
    return Figure(
        "discovery-parts",
        "What each score is made of",
        "Each part runs from 0 to 1 on a scale of its own meaning, dark being good. The score is their weighted "
        "geometric mean, so that a flaw in one part cannot be paid for by plenty of another."
        + _unknown_counts_as(own, there),
        plot,
        own[["gene", "rank", "score", *there]],
    )


def measured(table: pd.DataFrame, part: str) -> list[bool]:
    """For which genes anything stands behind a part; all, where the table has no column of it."""
    behind = BEHIND.get(part, "")
    return table[behind].notna().tolist() if behind in table.columns else [True] * len(table)


def _unknown_counts_as(table: pd.DataFrame, there: list[str]) -> str:
    lacking = {part: [not known for known in measured(table, part)] for part in there}
    values = sorted({round(float(v), 2) for part, rows in lacking.items() for v in table[part][rows]})
    if not values:
        return ""
    return f" A question mark stands where nobody measured; it counts as {words.listed(f'{v:.2f}' for v in values)}."
