"""Figures of chapter 7: each highlighted marker against outcome; and which findings are about which marker."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.asked import ask
from opsonin.analysis.biomarkers import biomarker_data
from opsonin.analysis.immortal_time import marker_asked, refuse_naive
from opsonin.analysis.markers import Question
from opsonin.errors import AnalysisError
from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, ratio_ticks
from opsonin.report.figures.canvas import Canvas, scatter
from opsonin.report.figures.survival import axis_title, curves_of, endpoint_name
from opsonin.report.groups import Groups

NO_PERMUTATION = "No permutation is as strong"  # how the note of such a finding begins
RATIOS = ("hazard_ratio", "odds_ratio")
BELIEFS = ("believability", "exaggeration", "probability_real", "to_confirm", "replication", "pooled")
BELIEVED = (*RATIOS, "interaction", "auc")
MEASURES = (
    *(f"{measure}.{part}" for measure in BELIEVED for part in BELIEFS),
    "hazard_ratio_unstratified",
    "split_hazard_ratio",
    "split_interaction",
    "searched_cut",
    "searched_ratio",
    "treatment_hazard_ratio",
    *BELIEVED,
)


def parts_of(finding: Any) -> tuple[str, str, str]:
    """Outcome, marker and measure of a name such as "biomarker.PFS.HLA-DR+ NK.hazard_ratio"; markers may hold dots."""
    inner = finding.name.removeprefix("biomarker.")
    endpoint, _, rest = inner.partition(".")
    for measure in MEASURES:
        if rest.endswith("." + measure):
            return endpoint, rest.removesuffix("." + measure), measure
    marker, _, measure = rest.rpartition(".")
    return endpoint, marker, measure


def screened(findings: Iterable[Any]) -> list[tuple[str, str, str, Any]]:
    """(outcome, marker, measure, finding) of every marker's ratio over all patients, strongest evidence first."""
    out = []
    for f in findings:
        if not f.name.startswith("biomarker.") or f.group not in ("all", "", None):
            continue
        endpoint, marker, measure = parts_of(f)
        if measure in RATIOS and not words.missing(f.estimate) and float(f.estimate) > 0:
            out.append((endpoint, marker, measure, f))
    return sorted(out, key=lambda item: (evidence(item[3]), -distance(item[3])))


def evidence(finding: Any) -> float:
    """The p-value to rank by; where no permutation is as strong it only says how many were drawn, and so is 0."""
    if words.missing(finding.p):
        return 1.0
    return 0.0 if NO_PERMUTATION in finding.note else float(finding.p)


def judged(findings: Iterable[Any]) -> list[tuple[str, str, str, Any]]:
    """(outcome, marker, measure, finding) of everything that is held against chance, in its order."""
    named = [(*parts_of(f), f) for f in findings if f.name.startswith("biomarker.")]
    whole = ("all", "", None)
    return [item for item in named if item[2] in BELIEVED and (item[3].group in whole or item[2] == "interaction")]


def distance(finding: Any) -> float:
    """How far a ratio lies from 1, in standard errors of its logarithm; 0 where there is no interval."""
    if words.missing(finding.lower) or words.missing(finding.upper):
        return 0.0
    if not np.isfinite(float(finding.upper)):
        return 0.0
    width = np.log(float(finding.upper)) - np.log(max(float(finding.lower), 1e-12))
    return float(abs(np.log(float(finding.estimate))) / max(width / 3.92, 1e-12))


def against(record: Any, groups: Groups, question: Question, endpoint: str) -> pd.DataFrame:
    """Marker values beside the outcome, as the analysis takes them: who is at risk when sampled, times from then on.

    Columns: subject_id, group, value, time (days), event, and the marker's unit; empty where it cannot be read.
    """
    asked = ask(record)
    try:
        refuse_naive(asked, question)
        marker = marker_asked(asked, question)
    except AnalysisError:
        return pd.DataFrame(columns=["subject_id", "group", "value", "time", "event", "unit"])
    rows, _ = biomarker_data(asked, marker, endpoint, question.naive)
    rows["group"] = groups.label(rows["subject_id"])
    rows = rows.dropna(subset=["group"]).rename(columns={"day": "time"}).assign(unit=marker.unit)
    return rows[["subject_id", "group", "value", "time", "event", "unit"]].reset_index(drop=True)


def dots(record: Any, groups: Groups, question: Question, endpoint: str) -> Figure | None:
    """Dots: the marker against the time to the outcome; open dots are censored."""
    rows = against(record, groups, question, endpoint)
    marker, day = question.label, question.day
    if len(rows) < 4 or len(rows) > 400 or rows["value"].nunique() < 2:
        return None
    unit = words.unit_name(rows["unit"].iloc[0])
    plot = Canvas(360)
    for event in (True, False):
        mine = rows[rows["event"].astype(bool) == event]
        colours = [groups.colours[name] for name in mine["group"]]
        plot.add_trace(
            scatter(
                x=mine["value"], y=mine["time"], mode="markers",
                marker={
                    "size": 10, "symbol": "circle" if event else "circle-open", "color": colours, "opacity": 0.9,
                    "line": {"width": 0 if event else 2, "color": colours},
                },
                text=(mine["subject_id"] + ", " + mine["group"]).map(words.plot_text),
                hovertemplate="%{text}: %{x:.3g}, %{y:.3g} days<extra></extra>",
            )
        )  # fmt: skip
    positive = rows["value"].min() > 0
    if positive and rows["value"].max() / rows["value"].min() > 20:
        low, high = float(rows["value"].min()) / 1.3, float(rows["value"].max()) * 1.3
        ticks, texts = ratio_ticks(low, high)
        plot.update_xaxes(type="log", range=[np.log10(low), np.log10(high)], tickvals=ticks, ticktext=texts)
    when = "" if f"day {day}" in marker else f" on day {day}" if day is not None else " at baseline"
    plot.update_xaxes(title_text=words.plot_text(f"{marker}{when}{', ' + unit if unit else ''}"))
    outcome = endpoint_name(record, endpoint)
    plot.update_yaxes(title_text=f"{outcome}, days{' from the sample' if day is not None else ''}", rangemode="tozero")
    plot.update_layout(margin={"t": 14})
    rank = rows["value"].rank().corr(rows["time"].rank())
    told = (
        f"Filled dots had the event, open dots were censored at that time. {len(rows)} patients; rank correlation "
        f"{words.number(rank, 2)}, which ignores censoring."
        + ("" if groups.single else " If the colours sort along the axis, the group may be what moves both.")
    )
    return Figure(
        f"biomarker-{words.code_safe(marker)}-{words.code_safe(endpoint)}-scatter",
        f"{marker}{when} against {outcome}",
        told,
        plot,
        rows,
        [*groups.key(), ("event", "circle:" + palette.MUTED), ("censored", "ring:" + palette.MUTED)],
    )


def split_curves(
    record: Any, groups: Groups, question: Question, endpoint: str, cut: float | int | None = None
) -> Figure | None:
    """Kaplan–Meier curves of patients high and low in the marker; the cut is the median unless given."""
    rows = against(record, groups, question, endpoint)
    marker, day = question.label, question.day
    if len(rows) < 6:
        return None
    value = rows["value"].astype(float)
    given = cut is not None
    at = float(cut) if cut is not None else float(value.median())
    unit = words.unit_name(rows["unit"].iloc[0])
    high, low = f"high (≥ {words.number(at)})", f"low (< {words.number(at)})"
    above = value >= at
    if above.all() or not above.any():
        return None
    rows["group"] = np.where(above, high, low)
    halves = Groups(
        pd.Series(dtype=object), (high, low), {high: palette.BLUE, low: palette.VERMILLION}, False, "marker"
    )
    when = f" on day {day}" if day is not None and f"day {day}" not in marker else ""
    outcome = words.capital(endpoint_name(record, endpoint))
    figure = curves_of(
        rows.rename(columns={"time": "day"}),
        halves,
        name=f"biomarker-{words.code_safe(marker)}-{words.code_safe(endpoint)}-curves",
        title=f"{outcome} by {marker}{when}, cut at {words.number(at)} {unit}".rstrip(),
        axis=axis_title(record, endpoint),
    )
    chosen = "the one the study states" if given else "the median, set without regard to outcome"
    landmark = " Times count from the sample." if day is not None else ""
    return Figure(
        figure.name, figure.title, f"{figure.caption} The cut is {chosen}.{landmark}", figure.plot, figure.data
    )
