"""Figures of chapter 7: every marker against an outcome at once, ranked or as a volcano."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, label, ratio_ticks, wrapped
from opsonin.report.figures.biomarkers import screened
from opsonin.report.figures.canvas import Canvas, scatter
from opsonin.report.figures.forest import forest

FEW = 25  # up to so many markers are ranked with their intervals; more are a volcano
MOST = 3000  # dots that are drawn of a screen: the strongest third, and an even choice of the others


def asked_for(findings: Iterable[Any]) -> Figure | None:
    """Ranked ratios of every marker and outcome; a volcano where there are more than 25."""
    found = screened(findings)
    if len(found) < 2:
        return None
    names = [f"{marker} and {endpoint}" for endpoint, marker, _, _ in found]
    rows = pd.DataFrame(
        {
            "marker": [marker for _, marker, _, _ in found], "outcome": [endpoint for endpoint, _, _, _ in found],
            "measure": [measure.replace("_", " ") for _, _, measure, _ in found],
            "estimate": [f.estimate for *_, f in found], "lower": [f.lower for *_, f in found],
            "upper": [f.upper for *_, f in found], "p": [f.p for *_, f in found], "n": [f.n for *_, f in found],
        }
    )  # fmt: skip
    kinds = words.listed(sorted({measure.replace("_", " ") for _, _, measure, _ in found}))
    plot = volcano(names, rows, kinds) if len(found) > FEW else forest(names, rows, f"{kinds} (logarithmic scale)")
    p = rows["p"].astype(float)
    small = int((p < 0.05).sum())
    examined = words.capital(words.counted(len(found), "association"))
    chance = words.number(0.05 * int(p.notna().sum()), 2)
    told = (
        f"{examined} examined; {small} with p < 0.05, where chance alone would give about {chance}. An interval that "
        "covers 1 does not tell a marker from chance."
    )
    shape = "a dot each, evidence upwards" if len(found) > FEW else "ranked by evidence"
    return Figure("biomarker-screen", f"Every marker against every outcome, {shape}", told, plot, rows)


def volcano(names: list[str], rows: pd.DataFrame, kinds: str) -> Any:
    """Estimate against evidence, the strongest ten named."""
    plot = Canvas(420)
    p = rows["p"].astype(float).clip(lower=1e-12)
    height = pd.Series(-np.log10(p.to_numpy(dtype=float)))
    plot.add_trace(
        scatter(
            x=rows["estimate"], y=height, mode="markers", text=[words.plot_text(n) for n in names],
            marker={"size": 8, "color": [palette.BLUE if v < 0.05 else palette.GREY for v in p], "opacity": 0.8},
            hovertemplate="%{text}: %{x:.3g}<extra></extra>",
        )
    )  # fmt: skip
    low, high = float(rows["estimate"].min()) / 1.2, float(rows["estimate"].max()) * 1.2
    taken: list[tuple[float, float]] = []
    for k in range(min(10, len(rows))):
        x, y = float(np.log10(rows["estimate"].iloc[k])), float(height.iloc[k])
        if any(abs(y - b) < 0.06 * float(height.max()) and abs(x - a) < 0.5 for a, b in taken):
            continue
        taken.append((x, y))
        label(plot, x, y, wrapped(names[k], 40), palette.INK, yanchor="bottom", xanchor="center", font={"size": 11})
    ticks, texts = ratio_ticks(low, high)
    plot.update_xaxes(type="log", range=[np.log10(low), np.log10(high)], tickvals=ticks, ticktext=texts)
    plot.update_xaxes(title_text=f"{kinds} (logarithmic scale)")
    plot.update_yaxes(title_text="evidence, −log10 p", rangemode="tozero")
    plot.add_vline(x=1, line={"color": palette.GREY, "width": 1})
    plot.add_hline(y=-np.log10(0.05), line={"color": palette.GREY, "width": 1, "dash": "dot"})
    return plot


def screened_all(endpoint: str, outcome: str, finding: Any) -> Figure | None:
    """A whole screen of one outcome.   finding: `screen.<endpoint>.markers`, whose table has a row a marker."""
    table = getattr(finding, "table", None)
    if table is None or not {"marker", "estimate", "p"} <= set(table.columns):
        return None
    rows = table[(table["estimate"].astype(float) > 0) & table["p"].notna()].sort_values("p", kind="stable")
    if len(rows) < 2:
        return None
    shown = rows
    if len(rows) > MOST:
        rest = np.linspace(MOST // 3, len(rows) - 1, MOST - MOST // 3).round().astype(int)
        shown = rows.iloc[np.unique(np.r_[np.arange(MOST // 3), rest])]
    names = shown["marker"].astype(str).tolist()
    kind = "odds ratio" if endpoint == "response" else "hazard ratio"
    few = len(rows) <= FEW
    plot = forest(names, shown, f"{kind} (logarithmic scale)") if few else volcano(names, shown, kind)
    thinned = (
        f" Of {len(rows):,} markers {len(shown):,} are drawn, the strongest all." if len(shown) < len(rows) else ""
    )
    told = f"{words.sentence(finding.note)}{thinned}" if finding.note else thinned.strip()
    return Figure(
        f"screen-{words.code_safe(endpoint)}",
        f"{len(rows):,} markers against {outcome}, {'ranked by evidence' if few else 'a dot each, evidence upwards'}",
        told or "Ranked by p.",
        plot,
        shown,
    )
