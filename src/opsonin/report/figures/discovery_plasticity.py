"""Figures of plasticity: clones before and after, growth rates by line, and shared genes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, label, ratio_ticks, wrapped
from opsonin.report.figures.canvas import Canvas, bar, scatter

MOST_SETS, BINS = 25, 40


def clones(table: pd.DataFrame, verdict: str = "") -> Figure | None:
    """Every clone's reads before and after."""
    if not {"before", "after"} <= set(table.columns) or not len(table):
        return None
    before, after = table["before"].astype(float) + 0.5, table["after"].astype(float) + 0.5
    common = table["common"].astype(str).eq("True") if "common" in table.columns else pd.Series(True, table.index)
    plot = Canvas(460)
    for name, mask, colour in (("rare", ~common, palette.PALE), ("common", common, palette.BLUE)):
        plot.add_trace(
            scatter(
                x=before[mask], y=after[mask], mode="markers", marker={"size": 4, "color": colour, "opacity": 0.7},
                hovertemplate=f"{name} clone: %{{x:.3g}} before, %{{y:.3g}} after<extra></extra>",
            )
        )  # fmt: skip
    ends = [float(min(before.min(), after.min())), float(max(before.max(), after.max()))]
    share = float(after.sum() / before.sum())
    plot.add_trace(scatter(x=ends, y=[one * share for one in ends], mode="lines", hoverinfo="skip",
                           line={"color": palette.GREY, "dash": "dot", "width": 1.4}))  # fmt: skip
    ticks, texts = ratio_ticks(ends[0], ends[1])
    plot.update_xaxes(type="log", title_text="reads before (+ ½)", tickvals=ticks, ticktext=texts)
    plot.update_yaxes(type="log", title_text="reads after (+ ½)", tickvals=ticks, ticktext=texts)
    told = f" The verdict: {verdict}." if verdict else ""
    return Figure(
        "discovery-clones",
        f"{int(common.sum()):,} common clones before and after",
        "On the dotted line a clone keeps its share. Selection of a few would leave a few points above it and most at "
        f"the bottom; a change that most cells undergo leaves a cloud along it.{told}",
        plot,
        table,
        [("common clones", palette.BLUE), ("rare ones", palette.PALE)],
    )


def growth(rates: pd.DataFrame, lines: pd.DataFrame) -> Figure | None:
    """Growth rates of each line's colonies, with the two states where they are the better account."""
    if not {"line", "rate"} <= set(rates.columns) or not len(rates):
        return None
    names = [str(one) for one in lines["line"]]
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    low, high = (float(v) for v in np.nanquantile(rates["rate"].astype(float), [0.002, 0.998]))
    edges = np.linspace(low, high, BINS + 1)
    plot = Canvas(60 + 170 * rows, rows, columns, titles=[wrapped(name, 30) for name in names], spacing=(0.06, 0.16))
    for place, name in enumerate(names):
        row, column = place // columns + 1, place % columns + 1
        own = rates[rates["line"].astype(str) == name]["rate"].astype(float).dropna()
        counts, _ = np.histogram(np.clip(own, low, high), edges)
        told = lines[lines["line"].astype(str) == name].iloc[0]
        two = int(told["states"]) == 2
        plot.add_trace(bar(x=(edges[:-1] + edges[1:]) / 2, y=counts, hoverinfo="x+y",
                           marker={"color": palette.SKY if two else palette.PALE}), row, column)  # fmt: skip
        plot.add_vline(x=0, line={"color": palette.INK, "width": 1}, row=row, col=column)
        if two:
            for mean in (float(told["slow"]), float(told["fast"])):
                plot.add_vline(
                    x=mean, line={"color": palette.VERMILLION, "width": 1.6, "dash": "dot"}, row=row, col=column
                )
        plot.update_xaxes(range=[low, high], row=row, col=column)
    plot.update_layout(bargap=0.05, margin={"l": 50, "t": 34})
    plot.update_yaxes(title_text="colonies", col=1)
    for column in range(1, columns + 1):
        last = rows if (rows - 1) * columns + column <= len(names) else rows - 1
        plot.update_xaxes(title_text="growth rate", row=last, col=column)
    split = [str(one) for one, states in zip(lines["line"], lines["states"], strict=True) if int(states) == 2]
    said = f"Two states account better for {words.listed(split)} (blue; dotted: their means)." if split else (
        "No line needs two states."
    )  # fmt: skip
    return Figure(
        "discovery-growth",
        f"Growth rates of {len(rates):,} colonies under the drug",
        f"Left of the black line a colony shrinks. {said} One state with tails or skew was allowed for. The outermost "
        "bars hold all rates beyond. Unit: that of the table; per hour where rates were taken from counts.",
        plot,
        rates,
    )


def overlaps(table: pd.DataFrame) -> Figure | None:
    """How many genes each set shares with those that changed, over what chance gives."""
    if not {"set", "fold", "p"} <= set(table.columns) or not len(table):
        return None
    own = table.sort_values("p", kind="stable").head(MOST_SETS)
    plot = Canvas(90 + 26 * len(own))
    plot.add_vline(x=1, line={"color": palette.GREY, "width": 1.2})
    level = own["q"] if "q" in own.columns else own["p"]
    for place, (row, q) in enumerate(zip(own.to_dict("records"), level, strict=True)):
        colour = palette.BLUE if float(q) <= 0.05 and float(row["fold"]) > 1 else palette.GREY
        fold = max(float(row["fold"]), 0.05)
        hover = f"{words.plot_text(row['set'])}: %{{x:.2f}}<extra></extra>"
        plot.add_trace(scatter(x=[fold], y=[place], mode="markers", hovertemplate=hover,
                               marker={"symbol": "square", "size": 10, "color": colour}))  # fmt: skip
        told = f"{int(row['shared'])} of {int(row['genes']):,}; p {words.number(row['p'], 2)}"
        label(plot, 1.01, place, told, xref="paper", font={"size": 11.5})
    ends = (min(0.5, float(own["fold"].clip(lower=0.05).min()) / 1.2), max(2.0, float(own["fold"].max()) * 1.2))
    ticks, texts = ratio_ticks(*ends)
    plot.update_xaxes(type="log", range=[float(np.log10(one)) for one in ends], tickvals=ticks, ticktext=texts,
                      title_text="shared genes over those expected by chance")  # fmt: skip
    plot.update_yaxes(tickvals=list(range(len(own))), ticktext=[wrapped(str(one), 44) for one in own["set"]],
                      range=[len(own) - 0.4, -0.6], showgrid=False)  # fmt: skip
    plot.update_layout(margin={"l": 20, "r": 180, "t": 14})
    return Figure(
        "discovery-overlap",
        f"Genes of residual disease and persister programmes: {len(own)} of {len(table)} sets",
        "Right of 1: more shared genes than chance gives; blue: at a false discovery rate of 5 %. Agreement with a "
        "set of genes that go down in another system's persisters speaks against one common programme. The number of "
        "all genes that could have been in both is assumed; the table holds p for other numbers.",
        plot,
        table,
    )
