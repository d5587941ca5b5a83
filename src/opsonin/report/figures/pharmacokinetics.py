"""Figures of chapter 4: concentrations over time on both scales, and ratios of exposure against 0.80–1.25."""

from typing import Any

import numpy as np
import pandas as pd

from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, label, ratio_ticks
from opsonin.report.figures.canvas import Canvas, scatter
from opsonin.report.figures.forest import forest
from opsonin.report.groups import Groups, short_names

LIMITS = (0.80, 1.25)  # the usual bounds for "no relevant change" of a geometric mean ratio; EMA and FDA guidance


def profiles(record: Any, groups: Groups) -> list[Figure]:
    """One figure per analyte and matrix: rows are occasions, left linear, right logarithmic.

    Urine and faeces collect: what is in them is no concentration in the patient, and has no profile.
    """
    from opsonin.analysis.pharmacokinetics import circulating

    if record.concentrations.empty:
        return []
    table: Any = circulating(record.concentrations)
    figures = []
    for analyte, whole in table.groupby(table["analyte"].astype(str), sort=False):
        matrices = whole["matrix"].astype("string").fillna("")
        for matrix, part in whole.groupby(matrices, sort=False):
            name = f"{analyte} ({matrix or 'matrix unknown'})" if matrices.nunique() > 1 else str(analyte)
            figures.append(_profile(name, part, groups))
    return [figure for figure in figures if figure is not None]


def _profile(analyte: str, part: pd.DataFrame, groups: Groups) -> Figure | None:
    rows = _samples(part, groups)
    known = rows.dropna(subset=["value"])
    if known.empty:
        return None
    periods = _periods(known)
    unit = str(part["unit"].dropna().iloc[0]) if part["unit"].notna().any() else ""
    by_hours = known["hours"].notna().all()
    axis = "hours after the dose" if by_hours else "days since the start of protocol day 1"
    titles = [f"{name or words.plot_text(analyte)}: {scale}" for name in periods for scale in ("linear", "logarithmic")]
    plot = Canvas(
        80 + 240 * len(periods), len(periods), 2, titles=titles, spacing=(0.1, 0.28 / len(periods)),
    )  # fmt: skip
    means: list[pd.DataFrame] = []
    longest = float(known["time"].max())
    for row, period in enumerate(periods, start=1):
        here = known[known["period"] == period]
        means.append(_means(rows[rows["period"] == period]))
        for column in (1, 2):
            _draw(plot, here, means[-1], groups, row, column)
        _name_means(plot, means[-1], groups, row)
    low = min(0.0, float(known["time"].min()))
    plot.update_xaxes(range=[low - 0.02 * (longest - low), low + 1.03 * (longest - low)])
    if by_hours and longest <= 30:
        plot.update_xaxes(tickvals=[0, 4, 8, 12, 16, 20, 24])
    plot.update_xaxes(title_text=axis, row=len(periods))
    plot.update_yaxes(title_text=words.plot_text(f"{analyte}, {unit}"), col=1, rangemode="tozero")
    positive = known.loc[known["value"] > 0, "value"]
    ticks, texts = ratio_ticks(float(positive.min()), float(positive.max()))
    plot.update_yaxes(title_text=None, type="log", col=2, tickvals=ticks, ticktext=texts)
    plot.update_layout(margin={"r": 24})
    return Figure(
        f"pk-{words.code_safe(analyte)}",
        f"Concentration of {analyte} over time{'' if groups.single else f', by {groups.noun}'}",
        _profile_caption(analyte, unit, rows, means, groups),
        plot,
        rows.rename(columns={"value": f"value ({unit})"}),
        groups.key(),
    )


def _samples(part: pd.DataFrame, groups: Groups) -> pd.DataFrame:
    """Samples in drawing order; those below the limit of quantification are missing, and counted in the caption."""
    hours = part["hours_after_dose"].astype(float)
    timed = hours.notna().mean() > 0.5
    below = part["below_limit"].fillna(False).astype(bool)
    period = part["period"].astype("string").fillna("") if timed else pd.Series("", index=part.index)
    rows = pd.DataFrame(
        {
            "subject_id": part["subject_id"].astype(str),
            "group": groups.label(part["subject_id"].astype(str)),
            "period": period.astype(str),
            "hours": hours if timed else np.nan,
            "day": part["day"].astype(float),
            "value": part["value"].astype(float).where(~below),
            "below_limit": below,
        }
    ).dropna(subset=["group"])
    rows["time"] = rows["hours"] if timed else rows["day"]
    if timed:
        rows = rows.dropna(subset=["hours"])
    return rows.sort_values(["period", "subject_id", "time"], kind="stable")


def _periods(known: pd.DataFrame) -> list[str]:
    """Occasions by their first day, at most four: more would not be readable.

    One on which nobody has two quantified samples (a trough before the next dose) shows no course over time.
    """
    course = known.groupby(["period", "subject_id"])["value"].count().groupby("period").max() > 1
    first = known.groupby("period")["day"].min().sort_values(kind="stable")
    first = first[course.reindex(first.index)] if course.any() else first
    return [str(name) for name in first.index][:4]


def _means(here: pd.DataFrame) -> pd.DataFrame:
    """Mean, geometric mean and number by group and nominal time (times that round to one, to 0.1 h or a whole day).

    Only where at least half of the samples were quantified: the mean of the few that were is no mean of the group.
    """
    nominal = here["time"].round(1) if here["time"].max() < 100 else here["time"].round(0)
    value = here["value"]
    part = here.assign(nominal=nominal, logarithm=np.log(value.where(value > 0)))
    out = part.groupby(["group", "nominal"], as_index=False, sort=True).agg(
        mean=("value", "mean"), geometric=("logarithm", "mean"), n=("value", "count"), samples=("value", "size")
    )
    out["geometric"] = np.exp(out["geometric"])
    return out[out["n"] >= 0.5 * out["samples"]].reset_index(drop=True)


def _draw(plot: Any, here: pd.DataFrame, means: pd.DataFrame, groups: Groups, row: int, column: int) -> None:
    many = here["subject_id"].nunique() > 60
    for name in groups.labels:
        mine = here[here["group"] == name]
        if mine.empty:
            continue
        if column == 2:
            mine = mine[mine["value"] > 0]
        x, y, who = joined(mine, "time", "value")
        plot.add_trace(
            scatter(
                x=x,
                y=y,
                mode="lines" if many else "lines+markers",
                line={"color": palette.faded(groups.colours[name], 0.12 if many else 0.38), "width": 1},
                marker={"size": 3.5, "color": palette.faded(groups.colours[name], 0.5)},
                text=who,
                hovertemplate="%{text}: %{y:.3g} at %{x:.3g}<extra></extra>",
            ),
            row=row,
            col=column,
        )
    for name in groups.labels:
        mine = means[means["group"] == name]
        plot.add_trace(
            scatter(
                x=mine["nominal"],
                y=mine["mean" if column == 1 else "geometric"],
                mode="lines",
                line={"color": groups.colours[name], "width": 3.2},
                name=words.plot_text(name),
                hovertemplate=f"{words.plot_text(name)}: mean %{{y:.3g}} at %{{x:.3g}}<extra></extra>",
            ),
            row=row,
            col=column,
        )


def joined(part: pd.DataFrame, x: str, y: str) -> tuple[list[Any], list[Any], list[Any]]:
    """Many patients' lines as one trace, with gaps between patients: a page with 3,000 patients stays light."""
    xs: list[Any] = []
    ys: list[Any] = []
    who: list[Any] = []
    for subject, mine in part.groupby("subject_id", sort=False):
        xs += [*mine[x].tolist(), None]
        ys += [*mine[y].tolist(), None]
        who += [words.plot_text(subject)] * (len(mine) + 1)
    return xs, ys, who


def _name_means(plot: Any, means: pd.DataFrame, groups: Groups, row: int) -> None:
    """The group's name above the peak of its mean, where the means stand apart."""
    if groups.single or means.empty:
        return
    peaks = means.loc[means.groupby("group")["mean"].idxmax()].sort_values("mean")
    steps = peaks["mean"].to_numpy(dtype=float)
    if len(peaks) < 2 or (steps[1:] < 1.35 * steps[:-1]).any():
        return  # the means lie on each other: the key above says the colours
    short = short_names(groups.labels)
    for peak in peaks.itertuples():
        name = f"<b>{words.plot_text(short[str(peak.group)])}</b>"
        place = {
            "xanchor": "left",
            "yanchor": "bottom",
            "xshift": 8,
            "bgcolor": "rgba(255,255,255,0.8)",
            "borderpad": 1,
        }
        label(plot, peak.nominal, peak.mean, name, groups.colours[str(peak.group)], row=row, col=1, **place)


def _profile_caption(analyte: str, unit: str, rows: pd.DataFrame, means: list[pd.DataFrame], groups: Groups) -> str:
    every = pd.concat(means)
    peaks = every.groupby("group")["mean"].max().reindex(list(groups.labels)).dropna()
    low, high = str(peaks.index[0]), str(peaks.index[-1])
    parts = [
        "Thin lines are patients; thick lines are means, geometric on the right, where at least half of the samples "
        "were quantified."
    ]
    if len(peaks) > 1:
        parts.append(
            f"The mean peaks at {words.number(peaks[low])} {unit} at {low} and at {words.number(peaks[high])} {unit} "
            f"at {high}."
        )
    else:
        parts.append(f"The mean peaks at {words.number(peaks.iloc[0])} {unit}.")
    patients = rows.groupby("group")["subject_id"].nunique()
    alone = [str(g) for g in peaks.index if patients[g] == 1]
    if alone and not groups.single:
        parts.append(f"At {words.listed(alone)} it is one patient's line.")
    below = int(rows["below_limit"].sum())
    if below:
        parts.append(
            f"{words.counted(below, 'sample')} of {len(rows):,} below the limit of quantification are not drawn."
        )
    return " ".join(parts)


def ratios(findings: list[Any]) -> Figure | None:
    """Forest plot of geometric mean ratios with 90 % intervals."""
    chosen = [f for f in findings if f.name.startswith("pk.") and f.name.endswith("_ratio")]
    chosen = [f for f in chosen if not words.missing(f.estimate) and float(f.estimate) > 0]
    if not chosen:
        return None
    names = [f"{ratio_name(f)}, {f.group}" if f.group not in ("all", "", None) else ratio_name(f) for f in chosen]
    rows = pd.DataFrame(
        {
            "ratio of": names,
            "contrast": [f.group for f in chosen],
            "estimate": [f.estimate for f in chosen],
            "lower": [f.lower for f in chosen],
            "upper": [f.upper for f in chosen],
            "interval": [f.level for f in chosen],
            "n": [f.n for f in chosen],
        }
    )
    plot = forest(rows["ratio of"].tolist(), rows, "geometric mean ratio (logarithmic scale)", band=LIMITS)
    beyond = [
        f"{name} {_side(f)} ({words.with_interval(f.estimate, f.lower, f.upper)})"
        for name, f in zip(names, chosen, strict=True)
        if _side(f)
    ]
    told = words.sentence(words.listed(beyond)) if beyond else "No interval lies wholly outside the band."
    remarks = " ".join(dict.fromkeys(words.sentence(f.note) for f in chosen if f.note))
    level = next((f.level for f in chosen if not words.missing(f.level)), 0.90)
    return Figure(
        "pk-ratios",
        f"Does one drug change the other's exposure? Ratios with {words.share(level)} intervals",
        "The grey band, 0.80–1.25, is the usual range of no relevant change; an interval wholly outside it is a change."
        f" {told}{f' {remarks}' if remarks else ''}",
        plot,
        rows,
    )


def ratio_name(finding: Any) -> str:
    """What the ratio is of: "imatinib AUC"."""
    analyte, _, measure = finding.name.removeprefix("pk.").rpartition(".")
    return f"{analyte} {measure_name(measure.removesuffix('_ratio'))}"


def measure_name(text: str) -> str:
    """ "auc_24h" → "AUC 24 h"; "cmax" → "Cmax"."""
    known = {"auc": "AUC", "cmax": "Cmax", "tmax": "tmax"}
    if text == "half_life":
        return "half-life"
    head, _, tail = text.partition("_")
    return f"{known.get(head.lower(), head)} {tail.replace('_', ' ')}".strip()


def _side(finding: Any) -> str:
    if words.missing(finding.lower) or words.missing(finding.upper):
        return ""
    if float(finding.lower) > LIMITS[1]:
        return "is raised"
    return "is lowered" if float(finding.upper) < LIMITS[0] else ""
