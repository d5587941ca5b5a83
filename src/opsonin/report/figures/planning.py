"""Figures of a plan: the chance of success against the size of the next trial, for all patients and for chosen ones."""

from typing import Any

import pandas as pd

from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, inside_of, label, wrapped
from opsonin.report.figures.canvas import Canvas, scatter

CURVES = {
    "power": ("if the planned effect is true", palette.BLUE),
    "assurance": ("with what is uncertain counted", palette.VERMILLION),
    "assurance_undoubted": ("… this trial taken at its word", palette.ORANGE),
    "false_positive": ("if there is no effect", palette.GREY),
    "alpha": ("if there is no effect", palette.GREY),
}


def success_curves(endpoint: str, table: pd.DataFrame, ceiling: float, chosen: int | None) -> Figure:
    """Chance of success by size.   ceiling: of any size; chosen: the size that the plan names."""
    plot = Canvas(380)
    columns = [name for name in CURVES if name in table]
    lines = [(name, 100 * table[name].astype(float)) for name in columns]
    _draw(plot, table["n"], [(CURVES[name][0], y, CURVES[name][1]) for name, y in lines], steps="alpha" in table)
    plot.add_hline(y=100 * ceiling, line={"color": palette.VERMILLION, "width": 1, "dash": "dot"})
    label(plot, 0.01, 100 * ceiling, f"chance of any effect {words.share(ceiling)}", palette.VERMILLION, xref="paper",
          yanchor="bottom", font={"size": 11})  # fmt: skip
    if chosen is not None:
        plot.add_vline(x=chosen, line={"color": palette.GREY, "width": 1})
        label(plot, chosen, 3, f"&nbsp;n = {chosen}", palette.MUTED)
    return Figure(
        f"plan-{words.code_safe(endpoint)}",
        f"How likely the next trial is to succeed, {endpoint}",
        "Blue: power, the chance of success if the planned effect is exactly true. Red: assurance, the same averaged "
        "over all effects that this trial leaves possible; it cannot pass the dotted line, the chance that there is an "
        "effect at all. Where red lies below blue, a larger trial buys less than its power promises."
        + (" Steps are those of whole patients." if "alpha" in table else ""),
        plot,
        table,
    )


def enriched_curves(endpoint: str, marker: str, table: pd.DataFrame) -> Figure:
    """The chance of success when all patients are taken, and when those high in a marker are; a panel a reading."""
    readings = list(dict.fromkeys(table["reading"]))
    titles = [words.plot_text(f"if {marker} is {r}" if r in ("predictive", "prognostic") else r) for r in readings]
    plot = Canvas(360, 1, len(readings), titles=titles, share_y="row", spacing=(0.16, 0.1))
    for k, reading in enumerate(readings):
        own = table[table["reading"] == reading]
        lines = [("all", 100 * own["all_comers"], palette.BLUE), ("high only", 100 * own["enriched"], palette.GREEN)]
        _draw(plot, own["n"], lines, False, k + 1)
    plot.update_yaxes(col=1, title_text="chance of success, %")
    return Figure(
        f"plan-{words.code_safe(endpoint)}-{words.code_safe(marker)}",
        f"All patients, or those high in {marker}",
        "Green above blue: choosing patients pays, for the same number of patients in the trial; the table gives how "
        "many have to be screened. A predictive marker tells whom the treatment helps, a prognostic one who does "
        "better anyway.",
        plot,
        table,
    )


def _draw(plot: Canvas, x: Any, lines: list[tuple[str, Any, str]], steps: bool, col: int = 1) -> None:
    shape = "hv" if steps else "linear"
    last = float(x.iloc[-1])
    for name, y, colour in lines:
        plot.add_trace(
            scatter(
                x=x, y=y, mode="lines", line={"color": colour, "width": 2.4, "shape": shape},
                hovertemplate=f"{words.plot_text(name)}: %{{y:.3g}} %, n = %{{x}}<extra></extra>",
            ),
            col=col,
        )  # fmt: skip
    places = inside_of([float(y.iloc[-1]) for _, y, _ in lines], 2, 100, 7)
    for (name, _, colour), place in zip(lines, places, strict=True):
        label(plot, last, place, f"&nbsp;{wrapped(name, 40)}", colour, font={"size": 11}, col=col)
    plot.update_xaxes(title_text="patients", col=col, range=[0, last * 1.02])
    plot.update_yaxes(range=[0, 103], col=col)
    if col == 1:
        plot.update_yaxes(title_text="chance of success, %", col=1)
    plot.update_layout(margin={"r": 190, "l": 60, "t": 30, "b": 54})
