"""The response rates of a basket's indications: each alone, and with what it borrows from the others."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opsonin.report import palette, words
from opsonin.report.context import Context
from opsonin.report.figures.base import Figure, label, wrapped
from opsonin.report.figures.canvas import Canvas, scatter

APART = 0.17  # of a row, between the two intervals of an indication


def rates(context: Context) -> Figure | None:
    """One row an indication (and arm): a grey interval alone, a blue one borrowed; None where there is no basket."""
    found = context.named("basket.response_rate")
    if not found:
        return None
    found = sorted(found, key=lambda f: _place(str(f.group), context.groups.labels))
    alone = {str(f.group): _alone(f) for f in found}
    plot = Canvas(96 + 44 * len(found))
    design = context.questions.get("phase_two") or {}
    for key in ("null", "target"):
        if key in design:
            plot.add_vline(x=100 * float(design[key]), line={"color": palette.GREY, "width": 1.2, "dash": "dot"})
    for place, f in enumerate(found):
        own = alone[str(f.group)]
        _interval(plot, place - APART, own["rate"], own["lower"], own["upper"], palette.GREY, f"{f.group}, alone")
        _interval(plot, place + APART, f.estimate, f.lower, f.upper, palette.BLUE, f"{f.group}, borrowed")
        told = words.with_interval(f.estimate, f.lower, f.upper, percent=True)
        label(plot, 1.01, place + APART, told, xref="paper", font={"size": 12})
        counted = f"{int(f.events)} of {int(f.n)}"
        label(plot, 1.01, place - APART, counted, palette.GREY, xref="paper", font={"size": 11})
    highest = max(100 * float(max(f.upper, alone[str(f.group)]["upper"])) for f in found)
    plot.update_xaxes(title_text="objective response, %", range=[0, min(100.0, 1.05 * highest)])
    plot.update_yaxes(
        tickvals=list(range(len(found))),
        ticktext=[wrapped(str(f.group), 34) for f in found],
        range=[len(found) - 0.5, -0.5],
        showgrid=False,
        showline=False,
        ticks="",
    )
    plot.update_layout(margin={"l": 20, "r": 150, "t": 10, "b": 50})
    data = pd.DataFrame([{"group": f.group, "estimate": f.estimate, **alone[str(f.group)]} for f in found])
    return Figure(
        "basket-rates",
        "Response rate of each indication, alone and with what it borrows",
        _caption(context, design),
        plot,
        data,
        [("alone", palette.GREY), ("borrowed", palette.BLUE)],
    )


def _place(group: str, labels: tuple[str, ...]) -> int:
    """Where an arm's rows stand: in the order of the arms everywhere else."""
    return next((k for k, label in enumerate(labels) if group == label or group.startswith(f"{label}, ")), len(labels))


def _alone(finding: Any) -> dict[str, Any]:
    """The row of the finding's table that belongs to its indication."""
    table = finding.table
    name = str(finding.group).split(", ")[-1]
    row = table[table["indication"].astype(str) == name].iloc[0]
    return {key: float(row[key]) for key in ("rate", "lower", "upper")}


def _interval(plot: Canvas, y: float, value: float, low: float, high: float, colour: str, name: str) -> None:
    line = {"color": colour, "width": 2.4}
    plot.add_trace(scatter(x=[100 * low, 100 * high], y=[y, y], mode="lines", line=line, hoverinfo="skip"))
    plot.add_trace(
        scatter(
            x=[100 * value],
            y=[y],
            mode="markers",
            marker={"symbol": "square", "size": 8, "color": colour},
            hovertemplate=f"{words.plot_text(name)}: %{{x:.3g}} %<extra></extra>",
        )
    )


def _caption(context: Context, design: Any) -> str:
    spread = context.named("basket.spread")
    told = [
        f"{'' if f.group == 'all' else f'{f.group}: '}p of equal rates {words.bare_p(f.p)}"
        for f in spread
        if not words.missing(f.p)
    ]
    lines = "dotted: the rates that the design holds apart; " if design else ""
    return words.sentence(
        f"grey: each indication alone, exact interval; blue: learnt together, as far as the rates look alike; {lines}"
        f"{'; '.join(told)}"
    )
