"""Whom a treatment helps: its hazard ratio along the values of a marker."""

from typing import Any

import numpy as np

from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, label, ratio_ticks
from opsonin.report.figures.canvas import Canvas, scatter


def treatment_by_marker(name: str, marker: str, unit: str, finding: Any, log: bool = False) -> Figure | None:
    """The treatment's hazard ratio along a marker, with its 95 % band.

    finding: an interaction whose table holds value, hazard_ratio, lower, upper.   log: draw the marker's axis so.
    None where the table is missing.
    """
    table = getattr(finding, "table", None)
    if table is None or not {"value", "hazard_ratio", "lower", "upper"} <= set(table.columns) or len(table) < 3:
        return None
    rows = table.astype(float)
    log = log and float(rows["value"].min()) > 0
    plot = Canvas(320)
    band = {"x": [*rows["value"], *rows["value"][::-1]], "y": [*rows["upper"], *rows["lower"][::-1]]}
    faint = palette.faded(palette.BLUE, 0.15)
    plot.add_trace(scatter(**band, mode="lines", line={"width": 0}, fill="toself", fillcolor=faint, hoverinfo="skip"))
    plot.add_trace(
        scatter(
            x=rows["value"], y=rows["hazard_ratio"], mode="lines", line={"color": palette.BLUE, "width": 2.4},
            hovertemplate="%{x:.3g}: hazard ratio %{y:.3g}<extra></extra>",
        )
    )  # fmt: skip
    plot.add_hline(y=1, line={"color": palette.GREY, "width": 1.2})
    low = max(float(rows["lower"].min()), float(rows["hazard_ratio"].min()) / 8) / 1.1
    high = min(float(rows["upper"].max()), float(rows["hazard_ratio"].max()) * 8) * 1.1
    low, high = min(low, 0.8), max(high, 1.25)
    ticks, texts = ratio_ticks(low, high)
    one, _, other = str(finding.group).partition(" vs ")
    plot.update_yaxes(type="log", range=[np.log10(low), np.log10(high)], tickvals=ticks, ticktext=texts)
    plot.update_yaxes(title_text=words.plot_text(f"hazard ratio, {one} vs {other}"))
    if log:
        at, said = ratio_ticks(float(rows["value"].min()), float(rows["value"].max()))
        plot.update_xaxes(type="log", tickvals=at, ticktext=said)
    plot.update_xaxes(title_text=words.plot_text(f"{marker}{', ' + unit if unit else ''}"))
    for y, told, side in ((low, f"{one} does better", "bottom"), (high, f"{other} does better", "top")):
        place = {"xref": "paper", "yanchor": side, "font": {"size": 11}}
        label(plot, 0.01, float(np.log10(y)), words.plot_text(told), palette.MUTED, **place)
    plot.update_layout(margin={"t": 14})
    p = words.p_value(finding.p)
    ratio = words.with_interval(finding.estimate, finding.lower, finding.upper)
    told = "Line: the treatment's hazard ratio at each value of the marker, band: 95 % interval. From one step of the "
    told += f"marker to the next it changes by the factor {ratio}{f', {p}' if p else ''}. "
    told += "A line that stays within its own band when laid flat shows no interaction."
    return Figure(f"predictive-{words.code_safe(name)}", f"Whom does {one} help? By {name}", told, plot, rows)
