"""Forest plots: ratios with their intervals, drawn and in words."""

from typing import Any

import numpy as np
import pandas as pd

from opsonin.report import palette, words
from opsonin.report.figures.base import label, ratio_ticks, wrapped
from opsonin.report.figures.canvas import Canvas, scatter


def forest(
    names: list[str],
    rows: pd.DataFrame,
    axis: str,
    band: tuple[float, float] | None = None,
    colours: list[str] | None = None,
) -> Any:
    """A forest plot on a logarithmic axis, each interval also in words.   rows: columns estimate, lower, upper."""
    estimate = rows["estimate"].astype(float)
    lower, upper = (rows[end].astype(float).fillna(estimate) for end in ("lower", "upper"))
    finite = pd.concat([estimate, lower[lower > 0], upper[np.isfinite(upper)]])
    low, high = min(finite.min(), (band or (0.9,))[0]) / 1.15, max(finite.max(), (band or (1.1,))[-1]) * 1.15
    low, high = max(low, estimate.min() / 20), min(high, estimate.max() * 20)
    labels = [wrapped(name, 46) for name in names]
    plot = Canvas(86 + (38 if any("<br>" in text for text in labels) else 30) * len(rows))
    if band:
        plot.add_band(band[0], band[1], "#EEF1F4")
    plot.add_vline(x=1, line={"color": palette.GREY, "width": 1.2})
    for place in range(len(rows)):
        colour = colours[place] if colours else palette.BLUE
        ends = [max(float(lower.iloc[place]), low), min(float(upper.iloc[place]), high)]
        plot.add_trace(
            scatter(x=ends, y=[place, place], mode="lines", line={"color": colour, "width": 2.4}, hoverinfo="skip")
        )
        plot.add_trace(
            scatter(
                x=[estimate.iloc[place]],
                y=[place],
                mode="markers",
                marker={"symbol": "square", "size": 9, "color": colour},
                hovertemplate=f"{words.plot_text(names[place])}: %{{x:.3g}}<extra></extra>",
            )
        )
        told = words.with_interval(estimate.iloc[place], rows["lower"].iloc[place], rows["upper"].iloc[place])
        label(plot, 1.01, place, told, xref="paper", font={"size": 12})
    ticks, texts = ratio_ticks(low, high)
    if band:
        ticks = sorted({*band, *(tick for tick in ticks if all(abs(np.log(tick / end)) > 0.12 for end in band))})
        texts = [f"{tick:.2f}" if tick in band else f"{tick:g}" for tick in ticks]
    plot.update_xaxes(
        type="log", range=[np.log10(low), np.log10(high)], title_text=axis, tickvals=ticks, ticktext=texts
    )
    plot.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=labels,
        range=[len(rows) - 0.4, -0.6],
        showgrid=False,
        tickfont={"size": 12.5, "color": palette.INK},
    )
    plot.update_layout(margin={"r": 150, "l": 20, "t": 14})
    return plot
