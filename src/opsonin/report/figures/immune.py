"""Figures of chapter 5: each marker's change from baseline, and whether it grows with dose."""

from typing import Any

import numpy as np
import pandas as pd

from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, across, label, ratio_ticks, wrapped
from opsonin.report.figures.canvas import Canvas, scatter
from opsonin.report.figures.pharmacokinetics import joined
from opsonin.report.groups import Groups, short_names

MANY_DAYS = 24  # points that a small panel can hold


def monitored(record: Any, groups: Groups) -> pd.DataFrame:
    """Markers measured more than once, as ratios to each patient's baseline.

    Columns: subject_id, group, marker, day, value, unit, baseline_value, ratio. Baseline is the row marked so, else the
    last value before the first dose, else the first value. Ratios need a positive baseline.
    """
    table = record.measurements
    columns = ["subject_id", "group", "marker", "day", "value", "unit", "baseline_value", "ratio"]
    if table.empty:
        return pd.DataFrame(columns=columns)
    rows = table.dropna(subset=["value"]).copy()
    rows["subject_id"], rows["marker"] = rows["subject_id"].astype(str), rows["marker"].astype(str)
    rows["value"] = rows["value"].astype(float)
    rows["group"] = groups.label(rows["subject_id"])
    days = rows.groupby("marker")["day"].nunique()
    rows = rows[rows["marker"].isin(days[days > 1].index)].dropna(subset=["group"])
    if rows.empty:
        return pd.DataFrame(columns=columns)
    base = _baselines(rows, record)
    rows = rows.merge(base, on=["subject_id", "marker"], how="inner")
    rows = rows[rows["baseline_value"] > 0]
    rows["ratio"] = rows["value"] / rows["baseline_value"]
    return rows.sort_values(["marker", "subject_id", "day"], kind="stable")[columns].reset_index(drop=True)


def _baselines(rows: pd.DataFrame, record: Any) -> pd.DataFrame:
    marked = rows[rows["baseline"].fillna(False).astype(bool)] if "baseline" in rows else rows.iloc[:0]
    first_dose = record.exposures.groupby(record.exposures["subject_id"].astype(str))["start_day"].min()
    before = rows[rows["day"] <= rows["subject_id"].map(first_dose).fillna(np.inf).astype(float)]
    out = []
    for source, last in ((marked, True), (before, True), (rows, False)):
        ranked = source.sort_values("day", kind="stable").groupby(["subject_id", "marker"], as_index=False)["value"]
        out.append(ranked.last() if last else ranked.first())
    every = pd.concat(out).drop_duplicates(["subject_id", "marker"], keep="first")
    return every.rename(columns={"value": "baseline_value"})


def marker_order(record: Any, rows: pd.DataFrame) -> list[str]:
    """Markers as the record lists them: the panel's own order means something to its reader."""
    present = set(rows["marker"])
    return [str(name) for name in record.measurements["marker"].drop_duplicates() if str(name) in present]


def changes(record: Any, groups: Groups, rows: pd.DataFrame | None = None) -> Figure | None:
    """Small multiples: one panel a cell type, a line per patient, the median of each group thick.

    rows: what `monitored` gives, for who has it.
    """
    rows = monitored(record, groups) if rows is None else rows
    if rows.empty:
        return None
    markers = marker_order(record, rows)[:18]
    columns = 3 if len(markers) > 2 else len(markers)
    lines = -(-len(markers) // columns)
    plot = Canvas(
        70 + 205 * lines,
        lines,
        columns,
        titles=[wrapped(name, 24) for name in markers],
        share_x="all",
        spacing=(0.075, min(0.3, 0.33 / lines)),
    )
    medians, width = medians_over_time(rows)
    for place, marker in enumerate(markers):
        _panel(plot, rows[rows["marker"] == marker], medians, groups, place // columns + 1, place % columns + 1, marker)
    days = sorted(rows["day"].unique())
    ticks = days if len(days) <= 6 else None
    plot.update_xaxes(
        tickvals=ticks, ticktext=[words.protocol_day(d).removeprefix("day ") for d in days] if ticks else None
    )
    for column in range(1, columns + 1):
        last = lines if (lines - 1) * columns + column <= len(markers) else lines - 1
        plot.update_xaxes(title_text="protocol day" if ticks else "day", row=last, col=column, showticklabels=True)
    for line in range(1, lines + 1):
        plot.update_yaxes(title_text="× baseline", row=line, col=1)
    plot.update_layout(margin={"l": 60, "t": 34})
    return Figure(
        "immune-changes",
        "Change of each marker from the patient's own baseline",
        _changes_caption(medians, width, groups, markers),
        plot,
        rows,
        groups.key(),
    )


def medians_over_time(rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Median ratio by marker, group and day, and the width of the windows that days are put in (0: none needed).

    Where patients come on days of their own, a day's median is one patient's value: days then go into windows of one
    or more times two weeks, and a window with fewer than a tenth of the group's patients is left out.
    """
    keys = ["marker", "group", "day"]
    spread = float(rows["day"].max() - rows["day"].min())
    if rows["day"].nunique() <= MANY_DAYS:
        exact: Any = rows.groupby(keys, as_index=False, sort=True)["ratio"].median()
        return exact, 0
    width = next((w for w in (14, 28, 56, 91, 182) if spread <= MANY_DAYS * w), 364)
    part = rows.assign(day=np.round(rows["day"].astype(float) / width) * width)
    out = part.groupby(keys, as_index=False, sort=True).agg(ratio=("ratio", "median"), n=("subject_id", "nunique"))
    whole = rows.groupby(["marker", "group"])["subject_id"].nunique()
    sizes = out.set_index(["marker", "group"]).index.map(whole.to_dict()).to_numpy(dtype=float)
    return out[out["n"] >= 0.1 * sizes].drop(columns="n").reset_index(drop=True), width


def _panel(
    plot: Any, part: pd.DataFrame, medians: pd.DataFrame, groups: Groups, row: int, column: int, marker: str
) -> None:
    positive = part[part["ratio"] > 0]
    many = part["subject_id"].nunique() > 60
    for name in groups.labels:
        x, y, who = joined(positive[positive["group"] == name], "day", "ratio")
        colour = palette.faded(groups.colours[name], 0.1 if many else 0.35)
        plot.add_trace(
            scatter(
                x=x, y=y, mode="lines", line={"color": colour, "width": 1}, text=who,
                hovertemplate="%{text}: × %{y:.3g}<extra></extra>",
            ),
            row=row,
            col=column,
        )  # fmt: skip
    mine = medians[(medians["marker"] == marker) & (medians["ratio"] > 0)]
    for name in groups.labels:
        line = mine[mine["group"] == name]
        plot.add_trace(
            scatter(
                x=line["day"], y=line["ratio"], mode="lines+markers", marker={"size": 5},
                line={"color": groups.colours[name], "width": 3},
                hovertemplate=f"median, {words.plot_text(name)}: × %{{y:.3g}}<extra></extra>",
            ),
            row=row,
            col=column,
        )  # fmt: skip
    ratios = positive["ratio"]
    low, high = min(float(ratios.quantile(0.005)), 0.8) / 1.1, max(float(ratios.quantile(0.995)), 1.25) * 1.1
    ticks, texts = ratio_ticks(low, high, 5)
    plot.update_yaxes(
        type="log", range=[np.log10(low), np.log10(high)], tickvals=ticks, ticktext=texts, row=row, col=column
    )
    across(plot, 1, row, column)


def _changes_caption(medians: pd.DataFrame, width: int, groups: Groups, markers: list[str]) -> str:
    parts = ["One line a patient, thick lines medians; the dotted line is no change and the scale is logarithmic."]
    if width:
        parts.append(f"Patients came on many different days, so medians are over {width} days each.")
    last = medians["day"].max()
    end = medians[medians["day"] == last].set_index(["marker", "group"])["ratio"]
    told = []
    among = groups.labels[-1:] if groups.ordered or groups.single else groups.labels  # the highest dose, or any arm
    for marker in markers:
        here = [
            (abs(np.log(max(float(end[marker, name]), 1e-9))), name) for name in among if (marker, name) in end.index
        ]
        if here:
            size, name = max(here, key=lambda item: item[0])
            told.append((size, marker, float(end[marker, name]), name))
    told.sort(reverse=True)
    if told:
        where = f" at {among[-1]}" if groups.ordered and not groups.single else ""
        named = words.listed(
            f"{marker} (×{words.NBSP}{words.number(ratio, 2)}{'' if len(among) == 1 else f', {name}'})"
            for _, marker, ratio, name in told[:3]
        )
        when = f"About {words.protocol_day(last)}" if width else f"By {words.protocol_day(last)}"
        parts.append(f"{when} the median moved most{where} in {named}.")
    return " ".join(parts)


def proportionality(
    record: Any, groups: Groups, findings: list[Any], rows: pd.DataFrame | None = None
) -> Figure | None:
    """Dots: change from baseline at the day of largest change, against dose level; only for ordered levels.

    rows: what `monitored` gives, for who has it.
    """
    if not groups.ordered or len(groups.labels) < 2:
        return None
    rows = monitored(record, groups) if rows is None else rows
    if rows.empty:
        return None
    day = day_of_test(rows)
    rows = rows[(rows["day"] == day) & (rows["ratio"] > 0)]
    markers = marker_order(record, rows)[:18]
    if not markers:
        return None
    columns = 3 if len(markers) > 2 else len(markers)
    lines = -(-len(markers) // columns)
    plot = Canvas(
        70 + 190 * lines, lines, columns, titles=[wrapped(name, 24) for name in markers],
        spacing=(0.075, min(0.3, 0.36 / lines)),
    )  # fmt: skip
    place_of = {name: k + 1 for k, name in enumerate(groups.labels)}
    tests = trends(findings, day)
    for place, marker in enumerate(markers):
        row, column = place // columns + 1, place % columns + 1
        mine = rows[rows["marker"] == marker]
        x = mine["group"].map(place_of).astype(float)
        rank = mine.groupby("group")["ratio"].rank(method="first").to_numpy(dtype=float)
        plot.add_trace(
            scatter(
                x=x + ((rank * 0.618034) % 1 - 0.5) * 0.3,
                y=mine["ratio"],
                mode="markers",
                marker={"size": 7, "color": [groups.colours[name] for name in mine["group"]], "opacity": 0.75},
                text=mine["subject_id"].map(words.plot_text),
                hovertemplate="%{text}: × %{y:.3g}<extra></extra>",
            ),
            row=row,
            col=column,
        )
        medians = mine.groupby("group")["ratio"].median()
        for name, value in medians.items():
            at = place_of[str(name)]
            plot.add_trace(
                scatter(
                    x=[at - 0.28, at + 0.28], y=[value, value], mode="lines", hoverinfo="skip",
                    line={"color": palette.INK, "width": 2.2},
                ),
                row=row,
                col=column,
            )  # fmt: skip
        low, high = min(mine["ratio"].min(), 0.8) / 1.15, max(mine["ratio"].max(), 1.25) * 1.6
        ticks, texts = ratio_ticks(low, high, 5)
        plot.update_yaxes(
            type="log", range=[np.log10(low), np.log10(high)], tickvals=ticks, ticktext=texts, row=row, col=column
        )
        across(plot, 1, row, column)
        if marker in tests and words.p_value(tests[marker].p):
            told = words.plot_text(words.p_value(tests[marker].p))
            label(plot, 0.5, np.log10(high) - 0.02, told, palette.MUTED, yanchor="top", row=row, col=column)
    short = [wrapped(name, 12) for name in short_names(groups.labels).values()]
    plot.update_xaxes(tickvals=list(place_of.values()), ticktext=short, range=[0.4, len(place_of) + 0.6])
    for line in range(1, lines + 1):
        plot.update_yaxes(title_text="× baseline", row=line, col=1)
    plot.update_layout(margin={"l": 60, "t": 34})
    return Figure(
        "immune-dose",
        f"Does the change grow with the dose? Each marker on {words.protocol_day(day)}, by dose level",
        _proportionality_caption(tests, markers),
        plot,
        rows[["subject_id", "group", "marker", "day", "value", "unit", "baseline_value", "ratio"]],
        groups.key(),
    )


def trends(findings: list[Any], day: float) -> dict[str, Any]:
    """The findings of change with dose on one day, by marker."""
    wanted, out = words.protocol_day(day).replace(words.MINUS, "-"), {}
    for f in findings:
        if f.name.startswith("immune.") and f.name.endswith(".dose_trend") and f.group == wanted:
            out[f.name.removeprefix("immune.").removesuffix(".dose_trend")] = f
    return out


def day_of_test(rows: pd.DataFrame) -> float:
    """The day with the largest median change over markers, among days after baseline."""
    after = rows[rows["ratio"] > 0].copy()
    after["size"] = np.abs(np.log(after["ratio"]))
    by_day = after.groupby("day")["size"].median()
    return float(by_day.idxmax())


def _proportionality_caption(tests: dict[str, Any], markers: list[str]) -> str:
    parts = ["One dot a patient; black bars are medians."]
    judged = [(name, tests[name]) for name in markers if name in tests and not words.missing(tests[name].p)]
    if judged:
        growing = [f"{name} ({_way(f)}, {words.p_value(f.p)})" for name, f in judged if float(f.p) < 0.05]
        parts.append(
            f"The change goes with dose for {words.listed(growing)}."
            if growing
            else "For none of the markers does the change go with dose beyond chance (p < 0.05)."
        )
        parts.append(
            f"{len(judged)} tests were made; about {words.number(0.05 * len(judged), 2)} would pass by chance alone."
        )
    return " ".join(parts)


def _way(finding: Any) -> str:
    return "falling" if float(finding.estimate) < 0 else "rising"
