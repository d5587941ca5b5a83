"""Figures of features against groups of patients: every difference with its interval, and each patient's value."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, label, wrapped
from opsonin.report.figures.canvas import Canvas, scatter

MOST, STRIPS = 30, 6  # features in the forest; features drawn patient by patient
HOLDS = 0.05


def differences(table: pd.DataFrame, first: str, second: str) -> Figure | None:
    """How often a patient of the first group lies above one of the second, the surest features first."""
    own = table[table["above"].notna()].sort_values("p", kind="stable").head(MOST)
    if not len(own):
        return None
    plot = Canvas(90 + 27 * len(own))
    plot.add_vline(x=50, line={"color": palette.GREY, "width": 1.2})
    for place, row in enumerate(own.to_dict("records")):
        at, colour = 100 * float(row["above"]), palette.BLUE if row["p_bh"] <= HOLDS else palette.GREY
        line = {"mode": "lines", "line": {"color": colour, "width": 2}, "hoverinfo": "skip"}
        plot.add_trace(scatter(x=[50, at], y=[place, place], **line))
        hover = f"{words.plot_text(row['feature'])}: {at:.0f} %<extra></extra>"
        plot.add_trace(scatter(x=[at], y=[place], mode="markers", hovertemplate=hover,
                               marker={"symbol": "square", "size": 10, "color": colour}))  # fmt: skip
        told = f"{words.with_interval(row['difference'], row['lower'], row['upper'])}; p {words.bare_p(row['p'])}"
        label(plot, 1.01, place, told, xref="paper", font={"size": 11.5})
    axis = f"% of pairs with {first} above {second}"
    plot.update_xaxes(range=[0, 100], title_text=words.plot_text(axis))
    plot.update_yaxes(tickvals=list(range(len(own))), ticktext=[wrapped(str(one), 44) for one in own["feature"]],
                      range=[len(own) - 0.4, -0.6], showgrid=False)  # fmt: skip
    plot.update_layout(margin={"l": 20, "r": 240, "t": 14})
    left = len(table) - len(own)
    more = f" {left} further features stand in the table." if left > 0 else ""
    return Figure(
        "discovery-differences",
        f"{words.capital(first)} against {second}, feature by feature",
        "50 %: no difference; 0 % or 100 %: the feature parts the groups. Blue: holds at a false discovery rate of 5 % "
        "over all features, by permutation of patients. To the right the difference of means with its 95 % interval, "
        f"in the feature's own unit.{more}",
        plot,
        table,
    )


def strips(
    features: pd.DataFrame,
    states: pd.DataFrame,
    first: str,
    second: str,
    group: str = "response",
    at_depth: bool = False,
) -> Figure | None:
    """Each patient's value of the surest features, by group.

    at_depth: log-ratios were compared at equally many cells, while the table of features holds those of all cells.
    """
    if group not in features.columns:
        return None
    names = [one for one in states.sort_values("p", kind="stable")["feature"] if one in set(features["feature"])][
        :STRIPS
    ]
    known = features[features[group].isin([first, second]) & features["value"].notna()]
    if not names or not len(known):
        return None
    columns = min(3, len(names))
    lines = -(-len(names) // columns)
    plot = Canvas(60 + 230 * lines, lines, columns, titles=[wrapped(one, 26) for one in names], spacing=(0.09, 0.22))
    colours = {first: palette.BLUE, second: palette.VERMILLION}
    drawn = []
    for place, name in enumerate(names):
        row, column = place // columns + 1, place % columns + 1
        own = known[known["feature"] == name].groupby(["subject", group], sort=True)["value"].mean().reset_index()
        drawn.append(own.assign(feature=name))
        for k, one in enumerate((first, second)):
            mine = own[own[group] == one]
            spread = np.linspace(-0.22, 0.22, len(mine)) if len(mine) > 1 else np.zeros(len(mine))
            shift = spread[np.argsort(np.argsort(mine["subject"].astype(str).to_numpy()))] if len(mine) else spread
            plot.add_trace(
                scatter(
                    x=k + shift, y=mine["value"], mode="markers",
                    marker={"size": 7, "color": colours[one], "opacity": 0.75},
                    text=[words.plot_text(s) for s in mine["subject"]],
                    hovertemplate="%{text}: %{y:.3g}<extra></extra>",
                ),
                row,
                column,
            )  # fmt: skip
            if len(mine):
                at = float(mine["value"].median())
                plot.add_trace(scatter(x=[k - 0.3, k + 0.3], y=[at, at], mode="lines", hoverinfo="skip",
                                       line={"color": palette.INK, "width": 2}), row, column)  # fmt: skip
        units = known[known["feature"] == name]["unit"].dropna()
        unit = words.unit_name(units.iloc[0]) if len(units) and units.iloc[0] else ""
        plot.update_yaxes(title_text=words.plot_text("%" if unit == "percent" else unit), row=row, col=column)
        plot.update_xaxes(tickvals=[0, 1], ticktext=[words.plot_text(first), words.plot_text(second)],
                          range=[-0.6, 1.6], row=row, col=column)  # fmt: skip
    plot.update_layout(margin={"l": 60, "t": 50})
    return Figure(
        "discovery-patients",
        "The surest features, patient by patient",
        "One dot a patient (the mean of several samples), the line is the median. Chosen for being the surest of all, "
        "they look stronger here than they will in new patients."
        + (" Log-ratios here are of all cells; the comparison took equally many of each sample." if at_depth else ""),
        plot,
        pd.concat(drawn, ignore_index=True),
    )
