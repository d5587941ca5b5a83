"""Figures of chapter 4: each patient's exposure against toxicity and against the change of the markers asked about."""

from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.statistics import t_quantile
from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, across, ratio_ticks, wrapped
from opsonin.report.figures.canvas import Canvas, scatter
from opsonin.report.groups import Groups

MOST = 6  # panels of one analyte
POINTS = 61  # of a fitted curve


def exposure_response(record: Any, groups: Groups) -> list[Figure]:
    """One figure an escalated analyte: a panel for each kind of toxicity, then one for each marker."""
    from opsonin.analysis import ask, exposure_responses

    by_analyte: dict[str, list[Any]] = {}
    for one in exposure_responses(ask(record)):
        if one.fit is not None:
            by_analyte.setdefault(one.exposure.analyte, []).append(one)
    return [_figure(analyte, found[:MOST], groups) for analyte, found in by_analyte.items()]


def _figure(analyte: str, found: list[Any], groups: Groups) -> Figure:
    columns = min(3, len(found))
    lines = -(-len(found) // columns)
    plot = Canvas(
        90 + 250 * lines, lines, columns, titles=[wrapped(_title(one), 34) for one in found],
        spacing=(0.09, min(0.3, 0.36 / lines)),
    )  # fmt: skip
    for place, one in enumerate(found):
        row, column = place // columns + 1, place % columns + 1
        (_toxicity if "event" in one.rows else _change)(plot, one, groups, row, column)
        low, high = float(one.rows["exposure"].min()) / 1.12, float(one.rows["exposure"].max()) * 1.12
        ticks, texts = ratio_ticks(low, high, 5)
        plot.update_xaxes(
            type="log", range=[np.log10(low), np.log10(high)], tickvals=ticks, ticktext=texts,
            title_text=words.plot_text(f"{one.exposure.what}, {one.exposure.unit}"), row=row, col=column,
        )  # fmt: skip
    plot.update_layout(margin={"l": 66, "t": 44})
    data = pd.concat([one.rows.assign(outcome=one.outcome, when=one.when) for one in found], ignore_index=True)
    exposure = found[0].exposure
    return Figure(
        f"pk-exposure-response-{words.code_safe(analyte)}",
        f"Does the effect follow the exposure to {analyte}?",
        _caption(found, groups),
        plot,
        data.rename(columns={"exposure": f"{exposure.measure} ({exposure.unit})"}),
        groups.key(),
    )


def _title(one: Any) -> str:
    return words.capital(one.outcome.removeprefix("a ").removeprefix("an ")) + (f", {one.when}" if one.when else "")


def _toxicity(plot: Canvas, one: Any, groups: Groups, row: int, column: int) -> None:
    """Patients with the event above, those without below, and the fitted probability with its interval."""
    fit: Any = one.fit
    at = _along(one)
    middle, low, high = fit.probability(np.log2(at))
    _band(plot, at, low, high, row, column)
    plot.add_trace(scatter(x=at, y=middle, mode="lines", line={"color": palette.INK, "width": 2.2}), row, column)
    event = one.rows["event"].to_numpy(dtype=bool)
    order = one.rows["exposure"].rank(method="first").to_numpy(dtype=float)
    aside = (order * 0.618034) % 1 * 0.07
    _points(plot, one.rows, np.where(event, 1.02 + aside, -0.02 - aside), groups, row, column, "%{x:.3g}")
    plot.update_yaxes(
        range=[-0.13, 1.13], tickvals=[0, 0.25, 0.5, 0.75, 1], ticktext=["0", "25", "50", "75", "100"],
        title_text="patients with it, %" if column == 1 else None, row=row, col=column,
    )  # fmt: skip


def _change(plot: Canvas, one: Any, groups: Groups, row: int, column: int) -> None:
    """Value over baseline against exposure, both logarithmic, and the fitted line with the interval of its mean."""
    rows, at = one.rows, _along(one)
    x, y = np.log2(rows["exposure"].to_numpy(dtype=float)), np.log2(rows["fold"].to_numpy(dtype=float))
    middle = one.fit.intercept + one.fit.slope * np.log2(at)
    spread = float(((y - one.fit.intercept - one.fit.slope * x) ** 2).sum()) / (x.size - 2)
    away = 1 / x.size + (np.log2(at) - x.mean()) ** 2 / float(((x - x.mean()) ** 2).sum())
    half = t_quantile(0.975, x.size - 2) * np.sqrt(spread * away)
    _band(plot, at, 2.0 ** (middle - half), 2.0 ** (middle + half), row, column)
    line = {"color": palette.INK, "width": 2.2}
    plot.add_trace(scatter(x=at, y=2.0**middle, mode="lines", line=line, hoverinfo="skip"), row, column)
    _points(plot, rows, rows["fold"], groups, row, column, "× %{y:.3g} at %{x:.3g}")
    low, high = min(float(rows["fold"].min()), 0.9) / 1.15, max(float(rows["fold"].max()), 1.1) * 1.15
    ticks, texts = ratio_ticks(low, high, 5)
    plot.update_yaxes(
        type="log", range=[np.log10(low), np.log10(high)], tickvals=ticks, ticktext=texts, title_text="× baseline",
        row=row, col=column,
    )  # fmt: skip
    across(plot, 1, row, column)


def _along(one: Any) -> np.ndarray:
    return np.geomspace(float(one.rows["exposure"].min()), float(one.rows["exposure"].max()), POINTS)


def _band(plot: Canvas, at: np.ndarray, low: np.ndarray, high: np.ndarray, row: int, column: int) -> None:
    x, y = np.concatenate([at, at[::-1]]), np.concatenate([high, low[::-1]])
    line, fill = {"width": 0}, palette.faded(palette.GREY, 0.22)
    plot.add_trace(
        scatter(x=x, y=y, mode="lines", line=line, fill="toself", fillcolor=fill, hoverinfo="skip"), row, column
    )


def _points(plot: Canvas, rows: Any, y: Any, groups: Groups, row: int, column: int, says: str) -> None:
    colours = [groups.colours.get(str(name), palette.GREY) for name in rows["group"]]
    plot.add_trace(
        scatter(
            x=rows["exposure"], y=y, mode="markers", text=rows["subject_id"].map(words.plot_text),
            marker={"size": 8, "color": colours, "opacity": 0.85, "line": {"width": 0.8, "color": "white"}},
            hovertemplate=f"%{{text}}: {says}<extra></extra>",
        ),
        row,
        column,
    )  # fmt: skip


def _caption(found: list[Any], groups: Groups) -> str:
    who = "One dot a patient" if groups.single else f"One dot a patient, coloured by {groups.noun}"
    parts = [f"{who}; the line is the fitted model with its 95 % interval, drawn where there are patients."]
    events = [one for one in found if "event" in one.rows]
    if events:
        parts.append("Patients with the event stand at the top, those without at the bottom.")
    parts += [f"{_title(one)}: {_verdict(one)}." for one in found]
    undrawn = [f"{words.counted(one.missed, 'patient')} with {one.outcome}" for one in events if one.missed]
    if undrawn:
        parts.append(f"Without an exposure on {found[0].exposure.period}, and so not drawn: {words.listed(undrawn)}.")
    if len(groups.labels) > 1 and groups.ordered:
        parts.append("Exposure goes with the dose, and these curves do not tell the two apart.")
    return " ".join(parts)


def _verdict(one: Any) -> str:
    """The direction as the interval says it; the numbers stand in the table."""
    fit = one.fit
    way = "rises with" if fit.lower > 0 else "falls with" if fit.upper < 0 else "is not shown to follow"
    separated = ", but the data are separated: its size is not known" if getattr(fit, "separated", False) else ""
    return f"{way} the exposure{separated}"
