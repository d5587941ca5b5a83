"""Figures of chapter 6, second half: Kaplan–Meier curves with numbers at risk, and hazard ratios."""

from typing import Any

import numpy as np
import pandas as pd

from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, across, inside_of, label, wrapped
from opsonin.report.figures.canvas import Canvas, scatter
from opsonin.report.figures.forest import forest
from opsonin.report.groups import Groups, short_names

FIRST = ("OS", "PFS", "TTP", "DOR", "RFS")  # the order in which a clinician reads them


def endpoints(record: Any) -> list[str]:
    """The record's endpoints, overall and progression-free survival first."""
    present = [str(name) for name in record.survival["endpoint"].dropna().unique()] if len(record.survival) else []
    known = [name for name in FIRST if name in present]
    return known + sorted(set(present) - set(known))


def endpoint_name(record: Any, endpoint: str) -> str:
    """What an endpoint is called: by the record, else the usual words."""
    from opsonin.analysis.asked import endpoint_name as asked

    return asked(record.manifest.questions, endpoint)


def curves(record: Any, groups: Groups, endpoint: str) -> Figure | None:
    """Kaplan–Meier curves of one endpoint; panels in place of one picture where there are many groups."""
    part = record.survival[record.survival["endpoint"] == endpoint]
    rows = pd.DataFrame(
        {
            "subject_id": part["subject_id"].astype(str),
            "group": groups.label(part["subject_id"].astype(str)),
            "day": part["day"].astype(float),
            "event": part["event"].astype("boolean"),
        }
    ).dropna()
    rows = rows[rows["day"] >= 0]
    if len(rows) < 2:
        return None
    return curves_of(
        rows,
        groups,
        name=f"survival-{words.code_safe(endpoint)}",
        title=words.capital(endpoint_name(record, endpoint)) + ("" if groups.single else f", by {groups.noun}"),
        axis=axis_title(record, endpoint),
    )


def axis_title(record: Any, endpoint: str) -> str:
    """What the vertical axis of an endpoint's curves shows, in percent."""
    return f"{endpoint_name(record, endpoint)}, %" if endpoint in ("OS", "PFS", "RFS") else "without the event, %"


def curves_of(rows: pd.DataFrame, groups: Groups, *, name: str, title: str, axis: str) -> Figure:
    """The figure of columns group, day, event, for groups that need not be the record's own (a marker high and low)."""
    from opsonin.analysis.survival import kaplan_meier

    labels = [g for g in groups.labels if (rows["group"] == g).any()]
    fits = {g: kaplan_meier(*_times(rows, g)) for g in labels}
    in_months = float(rows["day"].max()) > 200
    unit, scale = ("months", 30.4375) if in_months else ("days", 1.0)
    draw = _one_panel if len(labels) <= 5 else _panels
    plot = draw(fits, groups, scale, unit, axis)
    data = pd.concat([fit.to_frame().assign(group=g) for g, fit in fits.items()])
    first = ["group"]
    data = data[first + [c for c in data.columns if c not in first]].rename(columns={"time": "day"})
    return Figure(name, title, _caption(fits, scale, unit), plot, data)


def _times(rows: pd.DataFrame, group: str) -> tuple[np.ndarray, np.ndarray]:
    part = rows[rows["group"] == group]
    return part["day"].to_numpy(dtype=float), part["event"].to_numpy(dtype=bool)


def _one_panel(fits: dict[str, Any], groups: Groups, scale: float, unit: str, axis: str) -> Any:
    labels, short = list(fits), short_names(fits)
    risk_height = 22 * len(labels) + 26
    plot = Canvas(
        360 + risk_height, 2, 1, share_x="column", spacing=(0.0, 56 / (300 + risk_height)),
        row_heights=[300 / (300 + risk_height), risk_height / (300 + risk_height)],
    )  # fmt: skip
    ends = []
    for g in labels:
        colour = groups.colours[g]
        _steps(plot, fits[g], colour, scale, g, band=len(labels) <= 2, row=1, col=1)
        ends.append((float(fits[g].time[-1]) / scale, 100 * float(fits[g].survival[-1])))
    longest = max(x for x, _ in ends)
    if len(labels) > 1:
        told = [wrapped(short[g], 20) for g in labels]
        lines = max(text.count("<br>") + 1 for text in told)
        heights = inside_of([y for _, y in ends], 2.5, 99, 6.0 * lines)
        for g, text, y in zip(labels, told, heights, strict=True):
            label(plot, 1.012, y, f"<b>{text}</b>", groups.colours[g], xref="paper", yref="y")
    across(plot, 50, 1, 1, palette.PALE)
    ticks = nice_ticks(longest, unit)
    _numbers_at_risk(plot, fits, groups, ticks, scale)
    plot.update_yaxes(range=[0, 102], title_text=axis, tickvals=[0, 25, 50, 75, 100], row=1, col=1)
    plot.update_xaxes(tickvals=ticks, range=[-longest * 0.02, longest * 1.02], showticklabels=True)
    plot.update_xaxes(title_text=unit, row=1, col=1, title_standoff=4)
    plot.update_layout(
        margin={
            "r": 20 if len(labels) == 1 else min(40 + 8 * max(map(len, short.values())), 170),
            "t": 12,
            "b": 8,
            "l": 20,
        }
    )
    return plot


def _steps(plot: Any, fit: Any, colour: str, scale: float, name: str, band: bool, row: int, col: int) -> None:
    x = np.r_[0.0, fit.time] / scale
    y = 100 * np.r_[1.0, fit.survival]
    place = {"row": row, "col": col}
    if band:
        low, high = (100 * np.r_[1.0, pd.Series(end).ffill().fillna(1.0)] for end in (fit.lower, fit.upper))
        for edge, fill in ((high, None), (low, "tonexty")):
            plot.add_trace(
                scatter(
                    x=x, y=edge, mode="lines", line={"width": 0, "shape": "hv"}, fill=fill, hoverinfo="skip",
                    fillcolor=palette.faded(colour, 0.13),
                ),
                **place,
            )  # fmt: skip
    plot.add_trace(
        scatter(
            x=x, y=y, mode="lines", line={"color": colour, "width": 2.4, "shape": "hv"}, name=words.plot_text(name),
            hovertemplate=f"{words.plot_text(name)}: %{{y:.3g}} % at %{{x:.3g}}<extra></extra>",
        ),
        **place,
    )  # fmt: skip
    where = fit.censored > 0
    plot.add_trace(
        scatter(
            x=fit.time[where] / scale, y=100 * fit.survival[where], mode="markers", hoverinfo="skip",
            marker={"symbol": "line-ns", "size": 7, "line": {"width": 1.2, "color": colour}},
        ),
        **place,
    )  # fmt: skip


def _numbers_at_risk(plot: Any, fits: dict[str, Any], groups: Groups, ticks: list[float], scale: float) -> None:
    labels = list(fits)
    for line, g in enumerate(labels):
        at_risk = fits[g].at(np.array(ticks) * scale)["at_risk"].to_numpy()
        plot.add_trace(
            scatter(
                x=ticks, y=[line] * len(ticks), mode="text", text=[f"{int(n):,}" for n in at_risk], hoverinfo="skip",
                textfont={"size": 12, "color": groups.colours[g]}, cliponaxis=False,
            ),
            row=2,
            col=1,
        )  # fmt: skip
    names = [wrapped(g, 24) for g in labels] if len(labels) > 1 else ["at risk"]
    plot.update_yaxes(
        tickvals=list(range(len(labels))), ticktext=names, range=[len(labels) - 0.4, -1.1], showgrid=False,
        showline=False, ticklen=14, tickcolor="rgba(0,0,0,0)", row=2, col=1,
        tickfont={"size": 12, "color": palette.INK},
    )  # fmt: skip
    plot.update_xaxes(showline=False, ticks="", tickfont={"color": "rgba(0,0,0,0)"}, row=2, col=1)
    label(plot, 0, 1.0, "<b>Number at risk</b>", xref="paper", yref="y2 domain", yanchor="top", font={"size": 12})


STEPS = {
    "months": (1, 2, 3, 6, 12, 24, 36, 60, 120),
    "days": (1, 2, 5, 7, 14, 30, 60, 90, 180, 365),
}


def nice_ticks(longest: float | int, unit: str, most: int = 8) -> list[float]:
    """Round ticks from 0 to `longest`, at most `most` steps: whole years and quarters, weeks and months."""
    step = next((step for step in STEPS[unit] if longest / step <= most), max(longest / most, 1.0))
    return [float(x) for x in np.arange(0, longest * 1.02, step)]


def _panels(fits: dict[str, Any], groups: Groups, scale: float, unit: str, axis: str) -> Any:
    """Small multiples: each group's curve in colour over all others in grey, its number and median beside it."""
    labels = list(fits)
    columns = 4 if len(labels) > 6 else 3
    lines = -(-len(labels) // columns)
    titles = []
    for g in labels:
        titles.append(f"{wrapped(g, 22)} (n = {fits[g].n:,})")
    plot = Canvas(
        70 + 180 * lines, lines, columns, titles=titles, share_y="row", share_x="all",
        spacing=(0.03, min(0.3, 0.32 / lines)),
    )  # fmt: skip
    xs: list[Any] = []
    ys: list[Any] = []
    for g in labels:
        xs += [0.0, *(fits[g].time / scale), None]
        ys += [100.0, *(100 * fits[g].survival), None]
    longest = max(float(fit.time[-1]) for fit in fits.values()) / scale
    for place, g in enumerate(labels):
        row, col = place // columns + 1, place % columns + 1
        plot.add_trace(
            scatter(
                x=xs, y=ys, mode="lines", line={"color": palette.PALE, "width": 1, "shape": "hv"}, hoverinfo="skip"
            ),
            row=row,
            col=col,
        )
        _steps(plot, fits[g], palette.BLUE, scale, g, band=True, row=row, col=col)
        told = f"median {_median_words(fits[g], scale, unit, bracket=False)}"
        label(plot, longest, 98, told, palette.BLUE, xanchor="right", yanchor="top", row=row, col=col)
    plot.update_yaxes(range=[0, 102], tickvals=[0, 50, 100])
    plot.update_xaxes(tickvals=nice_ticks(longest, unit, 4), range=[0, longest * 1.01])
    for col in range(1, columns + 1):
        last = lines if (lines - 1) * columns + col <= len(labels) else lines - 1
        if last:
            plot.update_xaxes(title_text=unit, showticklabels=True, row=last, col=col)
    for row in range(1, lines + 1):
        plot.update_yaxes(title_text=axis.split(",")[0] + ", %" if len(axis) < 16 else "%", row=row, col=1)
    plot.update_layout(margin={"l": 56, "r": 10, "t": 34})
    return plot


def _median_words(fit: Any, scale: float, unit: str, bracket: bool = True) -> str:
    middle = fit.median
    if words.missing(middle.estimate):
        return "not reached"
    told = [None if words.missing(x) else float(x) / scale for x in middle]
    text = words.with_interval(told[0], told[1], told[2]) if bracket else words.number(told[0])
    return f"{text} {unit}"


def _caption(fits: dict[str, Any], scale: float, unit: str) -> str:
    few = len(fits) <= 5
    medians = [(g, _median_words(fit, scale, unit)) for g, fit in fits.items()]
    if len(fits) == 1:
        told = f"Median {medians[0][1]}"
    elif few:
        told = "Medians: " + "; ".join(f"{g} {median}" for g, median in medians)
    else:
        reached = [(float(fit.median.estimate), g) for g, fit in fits.items() if not words.missing(fit.median.estimate)]
        told = "Each panel sets one group in blue over all others in grey; "
        told += f"{len(reached)} of {len(fits)} reach their median"
        if reached:
            low, high = min(reached), max(reached)
            ends = [f"{words.number(days / scale)} {unit} ({g})" for days, g in (low, high)]
            told += f", from {ends[0]} to {ends[1]}"
    shading = ", shading 95 % intervals" if len(fits) <= 2 or not few else ""
    events = sum(fit.n_events for fit in fits.values())
    patients = sum(fit.n for fit in fits.values())
    seen = f"{words.numbered(events, 'event')} in {words.numbered(patients, 'patient')}"
    return f"{words.sentence(told)} {seen}; ticks mark censored patients{shading}."


def hazard_ratios(findings: list[Any], groups: Groups) -> Figure | None:
    """Forest plot of the hazard ratios between groups, by endpoint."""
    chosen = [f for f in findings if f.name.startswith("survival.") and f.name.endswith("hazard_ratio")]
    chosen = [f for f in chosen if not words.missing(f.estimate) and float(f.estimate) > 0]
    if not chosen:
        return None
    names = [
        f"{f.name.split('.')[1]}: {f.group}" if f.group not in ("all", "") else f.name.split(".")[1] for f in chosen
    ]
    rows = pd.DataFrame(
        {
            "ratio of": names, "estimate": [f.estimate for f in chosen], "lower": [f.lower for f in chosen],
            "upper": [f.upper for f in chosen], "p": [f.p for f in chosen], "n": [f.n for f in chosen],
            "events": [f.events for f in chosen],
        }
    )  # fmt: skip
    apart = [
        f"{name} ({words.with_interval(f.estimate, f.lower, f.upper)})"
        for name, f in zip(names, chosen, strict=True)
        if not words.missing(f.lower) and (float(f.lower) > 1 or float(f.upper) < 1)
    ]
    told = f"Intervals that exclude 1: {words.listed(apart)}." if apart else "No interval excludes 1."
    if len(apart) > 4:
        told = f"{len(apart)} of {len(chosen)} intervals exclude 1."
    return Figure(
        "survival-forest",
        "Hazard ratios between groups, with 95 % intervals",
        f"{_reading(chosen)} {told}",
        forest(names, rows, "hazard ratio (logarithmic scale)"),
        rows,
    )


def _reading(chosen: list[Any]) -> str:
    """What left of the line means: for two groups, for dose levels, or for both."""
    trends = [f for f in chosen if " vs " not in str(f.group)]
    if not trends:
        return "Left of the line the first-named group has the event later."
    if len(trends) == len(chosen):
        return "Left of the line the event comes later at higher dose levels."
    return "Left of the line the first-named group, or the higher dose level, has the event later."
