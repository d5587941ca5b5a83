"""Figures of chapter 5 from mixed models: change per doubling of the dose, courses by outcome, ratios of cell types."""

from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.asked import ask
from opsonin.analysis.immune_composition import PARENTS
from opsonin.analysis.immune_courses import outcomes
from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, across, ratio_ticks, wrapped
from opsonin.report.figures.canvas import Canvas, scatter
from opsonin.report.figures.forest import forest
from opsonin.report.figures.immune import marker_order, medians_over_time, monitored
from opsonin.report.figures.pharmacokinetics import joined
from opsonin.report.groups import Groups

WELL, ILL = palette.GREEN, palette.VERMILLION
PANELS = 12  # markers shown by outcome
ROWS = 20  # of a forest plot


def dose_exponents(record: Any, findings: list[Any]) -> Figure | None:
    """Forest plot: what a doubling of the dose does to each marker's ratio to baseline, on the day it does most."""
    found = _ending(findings, "dose_exponent")
    if not found:
        return None
    day = _day_of_most(found, lambda f: abs(float(f.estimate)))
    shown = {_marker(f): f for f in found if f.group == day}
    order = [str(m) for m in record.measurements["marker"].drop_duplicates()]
    names = sorted(shown, key=lambda m: order.index(m) if m in order else len(order))[:ROWS]
    rows = pd.DataFrame(
        {
            "marker": names,
            "estimate": [2.0 ** float(shown[m].estimate) for m in names],
            "lower": [2.0 ** float(shown[m].lower) for m in names],
            "upper": [2.0 ** float(shown[m].upper) for m in names],
            "exponent": [float(shown[m].estimate) for m in names],
            "p": [shown[m].p for m in names],
        }
    )
    ends = zip(names, rows["estimate"], rows["lower"], rows["upper"], strict=True)
    moved = [f"{m} (× {words.number(r, 2)})" for m, r, low, high in ends if low > 1 or high < 1]
    said = (
        f"The interval leaves 1 out for {words.listed(moved)}."
        if moved
        else "Every interval holds 1, which is no effect of the dose."
    )
    return Figure(
        "immune-exponents",
        f"What a doubling of the dose does to the ratio to baseline, {_said(day)}",
        f"Power model over all days of a marker, patients random, 90 % intervals. {said}",
        forest(names, rows, "× per doubling of the dose"),
        rows,
    )


def courses_by_outcome(
    record: Any, groups: Groups, findings: list[Any], rows: pd.DataFrame | None = None
) -> Figure | None:
    """Small multiples: each marker over the days in patients who did well, and in those who did not.

    rows: what `monitored` gives, for who has it.
    """
    found = _ending(findings, "course_by_outcome")
    rows = monitored(record, groups) if rows is None else rows
    if not found or rows.empty:
        return None
    outcome = outcomes(ask(record), rows)
    if outcome is None:
        return None
    labels = (outcome.words[0].removeprefix("with "), outcome.words[1].removeprefix("with "))
    labels = labels if labels[1] != "without" else (labels[0], "no response")
    rows = rows[rows["subject_id"].isin(outcome.of.index)].copy()
    rows["outcome"] = np.where(rows["subject_id"].map(outcome.of).to_numpy(dtype=bool), *labels)
    with_models = {_marker(f) for f in found}
    markers = [m for m in marker_order(record, rows) if m in with_models][:PANELS]
    if not markers:
        return None
    columns = min(3, len(markers))
    lines = -(-len(markers) // columns)
    titles = [wrapped(name, 24) for name in markers]
    gap = (0.075, min(0.3, 0.33 / lines))
    plot = Canvas(70 + 195 * lines, lines, columns, titles=titles, share_x="all", spacing=gap)
    colours: dict[str, str] = {labels[0]: WELL, labels[1]: ILL}
    medians, _ = medians_over_time(rows.assign(group=rows["outcome"]))
    for place, marker in enumerate(markers):
        part = rows[(rows["marker"] == marker) & (rows["ratio"] > 0)]
        _panel(plot, part, medians[medians["marker"] == marker], colours, place // columns + 1, place % columns + 1)
    days = sorted(rows["day"].unique())
    ticks = days if len(days) <= 6 else None
    told = [words.protocol_day(d).removeprefix("day ") for d in days] if ticks else None
    plot.update_xaxes(tickvals=ticks, ticktext=told)
    for column in range(1, columns + 1):
        last = lines if (lines - 1) * columns + column <= len(markers) else lines - 1
        plot.update_xaxes(title_text="protocol day" if ticks else "day", row=last, col=column, showticklabels=True)
    plot.update_yaxes(title_text="× baseline", col=1)
    plot.update_layout(margin={"l": 60, "t": 34})
    return Figure(
        "immune-outcome",
        f"Course of each marker in patients with {labels[0]}, and with {labels[1]}",
        _outcome_caption(found, groups),
        plot,
        rows[["subject_id", "group", "outcome", "marker", "day", "ratio"]],
        list(colours.items()),
    )


def _panel(
    plot: Canvas, part: pd.DataFrame, medians: pd.DataFrame, colours: dict[str, str], row: int, column: int
) -> None:
    many = part["subject_id"].nunique() > 60
    for name, colour in colours.items():
        x, y, who = joined(part[part["outcome"] == name], "day", "ratio")
        faint = palette.faded(colour, 0.08 if many else 0.3)
        line = medians[(medians["group"] == name) & (medians["ratio"] > 0)]
        plot.add_trace(
            scatter(x=x, y=y, mode="lines", line={"color": faint, "width": 1}, text=who,
                    hovertemplate="%{text}: × %{y:.3g}<extra></extra>"), row, column,
        )  # fmt: skip
        plot.add_trace(
            scatter(x=line["day"], y=line["ratio"], mode="lines+markers", marker={"size": 5},
                    line={"color": colour, "width": 3},
                    hovertemplate=f"median, {words.plot_text(name)}: × %{{y:.3g}}<extra></extra>"), row, column,
        )  # fmt: skip
    low = min(float(part["ratio"].quantile(0.005)), 0.8) / 1.1
    high = max(float(part["ratio"].quantile(0.995)), 1.25) * 1.1
    ticks, texts = ratio_ticks(low, high, 5)
    plot.update_yaxes(
        type="log", range=[np.log10(low), np.log10(high)], tickvals=ticks, ticktext=texts, row=row, col=column
    )
    across(plot, 1, row, column)


def _outcome_caption(found: list[Any], groups: Groups) -> str:
    judged = [f for f in found if not words.missing(f.p)]
    apart = [f"{_marker(f)} {_said(f.group)} (× {words.number(f.estimate, 2)}, {words.p_value(f.p)})"
             for f in judged if float(f.p) < 0.05]  # fmt: skip
    parts = ["One line a patient, thick lines medians."]
    within = f"at the same {groups.noun} " if groups.ordered else f"within {words.several(groups.noun)} "
    alike = "" if groups.single else within
    parts.append(
        words.sentence(f"{alike}the courses part in {words.listed(apart)}")
        if apart
        else words.sentence(f"{alike}no course parts beyond chance (p < 0.05)")
    )
    parts.append(
        f"{words.capital(words.counted(len(judged), 'comparison'))} made; about "
        f"{words.number(0.05 * len(judged), 2)} would pass by chance alone. Who progressed or died before a day is not "
        "seen on it, so this describes and does not predict."
    )
    return " ".join(parts)


def composition_ratios(groups: Groups, findings: list[Any]) -> Figure | None:
    """Forest plot: each cell type over the geometric mean of the other three, against baseline, by group."""
    changes = [f for f in findings if f.name == "immune.composition.change"]
    if not changes:
        return None
    day = _day_of_most(changes, lambda f: float(f.estimate))
    groups_shown = [g for g in groups.labels if len(groups.labels) * len(PARENTS) <= ROWS] or []
    by_name = {(f.name.rpartition(".")[2], f.group): f for f in findings if f.name.startswith("immune.composition.")}
    picked = [(part, g, by_name[part, f"{g}, {day}"]) for part in PARENTS for g in groups_shown
              if (part, f"{g}, {day}") in by_name]  # fmt: skip
    everyone = [(part, "all", by_name[part, f"all, {day}"]) for part in PARENTS if (part, f"all, {day}") in by_name]
    picked = picked or everyone
    if not picked:
        return None
    names = [part if groups.single or g == "all" else f"{part}, {g}" for part, g, _ in picked]
    rows = pd.DataFrame(
        {
            "part": [part for part, _, _ in picked],
            "group": [g for _, g, _ in picked],
            "estimate": [f.estimate for _, _, f in picked],
            "lower": [f.lower for _, _, f in picked],
            "upper": [f.upper for _, _, f in picked],
            "patients": [f.n for _, _, f in picked],
        }
    )
    colours = [groups.colours.get(g, palette.BLUE) for _, g, _ in picked]
    tests = {f.group: f for f in changes}
    told = [f"{g}: {words.p_value(tests[f'{g}, {day}'].p)}" for g in [*groups.labels, "all"]
            if f"{g}, {day}" in tests and words.p_value(tests[f"{g}, {day}"].p)]  # fmt: skip
    return Figure(
        "immune-ratios",
        f"Which cell types grew against the others, {_said(day)}",
        "Each type over the geometric mean of the other three, as ratio to baseline: unlike a share, it says nothing "
        f"of how many cells there are in all. That the composition did not change: {'; '.join(told)} (by the signs of "
        "whole patients).",
        forest(names, rows, "× baseline, against the other three", colours=colours),
        rows,
        groups.key(),
    )


def _ending(findings: list[Any], ending: str) -> list[Any]:
    return [f for f in findings if f.name.startswith("immune.") and f.name.endswith(f".{ending}")]


def _marker(finding: Any) -> str:
    return finding.name.removeprefix("immune.").rpartition(".")[0]


def _day_of_most(found: list[Any], size: Any) -> str:
    """The day, as its findings say it ("day 15"), with the largest median size."""
    table = pd.DataFrame({"day": [f.group.rpartition(", ")[2] for f in found], "size": [size(f) for f in found]})
    return str(table.groupby("day", sort=False)["size"].median().idxmax())


def _said(day: str) -> str:
    return f"on {day.rpartition(', ')[2].replace('-', words.MINUS)}"
