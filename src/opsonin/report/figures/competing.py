"""Figure of competing causes: how many have come to each cause of an endpoint's events, over time."""

from typing import Any

import numpy as np
import pandas as pd

from opsonin.report import palette, words
from opsonin.report.figures.base import Figure
from opsonin.report.figures.canvas import Canvas, scatter
from opsonin.report.figures.survival import endpoint_name, nice_ticks
from opsonin.report.groups import Groups

MOST = 4  # causes drawn, the commonest first


def incidences(record: Any, groups: Groups, endpoint: str) -> Figure | None:
    """Cumulative incidence by cause, one panel a cause and one line a group; none where events have fewer than two."""
    from opsonin.analysis.competing_risks import CENSORED, causes_of
    from opsonin.analysis.survival import cumulative_incidence
    from opsonin.analysis.time_to_event import endpoint_table

    of = groups.of.copy()
    of.index = of.index.astype(str)
    rows = endpoint_table(record.survival, endpoint, of)
    rows = rows[rows["group"].notna() & (rows["day"] >= 0)]
    status = causes_of(record.survival, endpoint, rows)
    causes = [str(c) for c in pd.Series(status[status != CENSORED], dtype=object).value_counts().index]
    if len(causes) < 2:
        return None
    drawn = causes[:MOST]
    labels = ["all patients"] if groups.many else [g for g in groups.labels if (rows["group"] == g).any()]
    days = rows["day"].to_numpy(dtype=float)
    unit, scale = ("months", 30.4375) if days.max() > 200 else ("days", 1.0)
    titles = [words.plot_text(words.capital(cause)) for cause in drawn]
    plot = Canvas(330, 1, len(drawn), titles=titles, share_y="row", spacing=(0.04, 0.1))
    tables = []
    for place, cause in enumerate(drawn, start=1):
        for g in labels:
            own = np.ones(len(rows), dtype=bool) if groups.many else (rows["group"] == g).to_numpy(dtype=bool)
            if not (status[own] == cause).any():
                continue
            curve = cumulative_incidence(days[own], status[own], cause, censored=CENSORED)
            colour = palette.BLUE if groups.many else groups.colours[g]
            _line(plot, curve, colour, scale, g, place)
            tables.append(curve.to_frame().assign(cause=cause, group=g))
        ticks = nice_ticks(float(days.max()) / scale, unit, 5)
        plot.update_xaxes(
            tickvals=ticks, range=[0, float(days.max()) / scale * 1.02], title_text=unit, row=1, col=place
        )
    plot.update_yaxes(range=[0, 102], tickvals=[0, 25, 50, 75, 100])
    plot.update_yaxes(title_text="had it first, %", row=1, col=1)
    counts = words.listed([f"{words.plot_text(c)} {int((status == c).sum())}" for c in causes])
    left = f" The {len(causes) - MOST} rarer causes are not drawn." if len(causes) > MOST else ""
    data = pd.concat(tables).rename(columns={"time": "day"})
    return Figure(
        f"incidence-{words.code_safe(endpoint)}",
        f"{words.capital(endpoint_name(record, endpoint))}: which cause came first",
        f"Cumulative incidence; who had another cause first can no longer have this one. Events: {counts}.{left}",
        plot,
        data[["cause", "group", *[c for c in data.columns if c not in ("cause", "group")]]],
        [] if groups.many else [key for key in groups.key() if key[0] in labels],
    )


def _line(plot: Canvas, curve: Any, colour: str, scale: float | int, group: str, col: int) -> None:
    name = words.plot_text(group)
    plot.add_trace(
        scatter(
            x=np.r_[0.0, curve.time] / scale, y=100 * np.r_[0.0, curve.incidence], mode="lines", name=name,
            line={"color": colour, "width": 2.4, "shape": "hv"},
            hovertemplate=f"{name}: %{{y:.3g}} % at %{{x:.3g}}<extra></extra>",
        ),
        row=1,
        col=col,
    )  # fmt: skip
