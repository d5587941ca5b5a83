"""How far a finding can be believed, in one picture: against chance, for its size, for what was thought before."""

from typing import Any

import numpy as np
import pandas as pd

from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, label, ratio_ticks
from opsonin.report.figures.canvas import Canvas, bar, scatter

SHOWN = (0.10, 0.50)  # prior probabilities marked on the curve
PARTS = ("believability", "exaggeration", "probability_real")
SEE = {
    "believability": "Grey: the strongest association that chance makes in each null data set; red: the observed one, "
    "and what is beyond it.",
    "exaggeration": "Blue: over true links from weak to strong, how many times too strong trials of this size are when "
    "they show one, and how many do.",
    "probability_real": "Green: how probable it is that the link is real, over how probable it was thought before; "
    "pale: at the size of links most favourable to it.",
}


def belief(name: str, finding: Any, parts: dict[str, Any]) -> Figure | None:
    """The picture beside a finding.   parts: its believability, exaggeration and probability_real, with their tables.

    None where no part has a table (findings read back from disk have none).
    """
    drawn = {part: _table(parts.get(part)) for part in PARTS}
    shown = [part for part in PARTS if drawn[part] is not None]
    if not shown:
        return None
    panels = {"believability": _chance, "exaggeration": _exaggeration, "probability_real": _probability}
    titles = {
        "believability": "Would chance show this?",
        "exaggeration": "How much too strong?",
        "probability_real": "Is it real?",
    }
    plot = Canvas(300, 1, len(shown), titles=[titles[part] for part in shown], spacing=(0.09, 0.1))
    for column, part in enumerate(shown, start=1):
        panels[part](plot, column, drawn[part], finding, parts[part])
    plot.update_layout(bargap=0, margin={"t": 34})
    told = " ".join(SEE[part] for part in shown)
    data = pd.concat([drawn[part].assign(panel=titles[part]) for part in shown], ignore_index=True)
    return Figure(f"belief-{words.code_safe(name)}", f"How far to believe it: {name}", told, plot, data)


def _table(finding: Any) -> Any:
    table = getattr(finding, "table", None)
    return table if table is not None and len(table) else None


def _chance(plot: Canvas, column: int, table: pd.DataFrame, finding: Any, part: Any) -> None:
    """A grey histogram of the strongest that chance makes, the observed as a line on it; what is beyond in red."""
    null, observed = table["null_strength"].to_numpy(dtype=float), float(table["observed"].iloc[0])
    top = 1.02 * max(float(null.max()), observed)
    width = observed / max(1, round(26 * observed / top)) if observed > 0 else top / 26  # the observed is an edge
    edges = np.arange(0, top + width, width)
    heights, _ = np.histogram(null, edges)
    beyond = edges[:-1] >= observed - 1e-9
    plot.add_trace(
        bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=100 * heights / null.size,
            width=np.diff(edges),
            marker={"color": [palette.lighter(palette.VERMILLION, 0.5) if far else palette.PALE for far in beyond]},
            hovertemplate="%{y:.3g} % of null data sets near %{x:.3g}<extra></extra>",
        ),
        1,
        column,
    )
    plot.add_vline(x=observed, line={"color": palette.VERMILLION, "width": 2.5}, row=1, col=column)
    left = observed > 0.6 * top
    place = {"xanchor": "right" if left else "left", "yanchor": "top", "row": 1, "col": column}
    height = float(100 * heights.max() / null.size)
    told = f"<b>&nbsp;observed {words.number(observed)}&nbsp;</b>"
    label(plot, observed, 1.12 * height, told, palette.VERMILLION, **place)
    plot.update_xaxes(1, column, title_text=_strength(part), range=[0, top])
    plot.update_yaxes(1, column, title_text="null data sets, %", range=[0, 1.15 * height])


def _strength(part: Any) -> str:
    many = str(part.method).partition("strongest association of ")[2].partition(" ")[0]
    return f"|z|, strongest of {many}" if many else "|z| of the association"


def _exaggeration(plot: Canvas, column: int, table: pd.DataFrame, finding: Any, part: Any) -> None:
    """How many times too strong significant trials are, over the true link; the power beside each dot."""
    rows = table[np.isfinite(table["exaggeration"].astype(float)) & (table["power"] > 0)]
    if not len(rows):
        label(plot, 0.5, 0.5, "no trial of this size finds it", palette.MUTED, xanchor="center", row=1, col=column)
        plot.update_xaxes(1, column, showticklabels=False, range=[0, 1])
        plot.update_yaxes(1, column, showticklabels=False, range=[0, 1])
        return
    x, y = rows["true_ratio"].astype(float), rows["exaggeration"].astype(float).clip(lower=0.8)
    plot.add_trace(
        scatter(
            x=x,
            y=y,
            mode="lines+markers",
            line={"color": palette.BLUE, "width": 2},
            marker={"size": 7, "color": palette.BLUE},
            text=[words.share(p) for p in rows["power"]],
            hovertemplate="true %{x:.3g}: %{y:.3g} times too strong; %{text} of trials show it<extra></extra>",
        ),
        1,
        column,
    )
    low, high = min(float(x.min()), 0.9), max(float(x.max()), 1.1)
    low, high = (low / 1.15, 1.05) if float(x.max()) < 1 else (0.95, high * 1.15)
    ticks, texts = ratio_ticks(low, high, 5)
    ratio = "odds ratio per SD" if finding.name.endswith(".auc") else finding.unit
    plot.update_xaxes(
        1, column, type="log", range=[np.log10(low), np.log10(high)], tickvals=ticks, ticktext=texts,
        title_text=f"true {ratio}",
    )  # fmt: skip
    top = max(3.0, 1.6 * float(y.max()))
    marks, names = ratio_ticks(0.8, top, 6)
    plot.update_yaxes(
        1, column, type="log", range=[np.log10(0.8), np.log10(top)], tickvals=marks, ticktext=names,
        title_text="times too strong if p < 0.05",
    )  # fmt: skip
    plot.add_hline(y=1, line={"color": palette.GREY, "width": 1, "dash": "dot"}, row=1, col=column)
    middle = (np.log10(low) + np.log10(high)) / 2
    for k in {0, len(rows) - 1}:  # the weakest link and the strongest
        at, told = float(np.log10(x.iloc[k])), f"{words.share(float(np.round(rows['power'].iloc[k], 2)))} find it"
        place = {"xanchor": "right" if at > middle else "left", "yanchor": "bottom", "font": {"size": 11}}
        up = float(np.log10(y.iloc[k])) + (0.06 if k == 0 else 0.12) * float(np.log10(top / 0.8))
        label(plot, at, up, told, palette.MUTED, row=1, col=column, **place)


def _probability(plot: Canvas, column: int, table: pd.DataFrame, finding: Any, part: Any) -> None:
    """The probability after the trial over the one before it; the diagonal is no evidence."""
    prior, after = 100 * table["prior"].astype(float), 100 * table["probability"].astype(float)
    plain = {"mode": "lines", "hoverinfo": "skip"}
    plot.add_trace(
        scatter(x=[0, 100], y=[0, 100], line={"color": palette.GREY, "width": 1, "dash": "dot"}, **plain), 1, column
    )
    best = 100 * table["at_best"].astype(float)
    plot.add_trace(
        scatter(x=prior, y=best, line={"color": palette.lighter(palette.GREEN, 0.6), "width": 1.5}, **plain), 1, column
    )
    plot.add_trace(
        scatter(
            x=prior, y=after, mode="lines", line={"color": palette.GREEN, "width": 2.4},
            hovertemplate="%{x:.3g} % before, %{y:.3g} % after<extra></extra>",
        ),
        1,
        column,
    )  # fmt: skip
    bayes = float(table["bayes_factor"].iloc[0])
    for before in SHOWN:
        value = 100 * before * bayes / (before * bayes + 1 - before)
        dot = {"size": 8, "color": palette.GREEN}
        plot.add_trace(scatter(x=[100 * before], y=[value], mode="markers", marker=dot, hoverinfo="skip"), 1, column)
        low = value < 60
        label(
            plot, 100 * before + 4, value - 5, words.share(round(value / 100, 2)), palette.GREEN,
            yanchor="top" if low else "middle", row=1, col=column,
        )  # fmt: skip
    # on the side of the diagonal where the curve is not
    x, y, side = (99, 42, "right") if bayes >= 1 else (2, 97, "left")
    place = {"xanchor": side, "yanchor": "top", "font": {"size": 11}}
    label(plot, x, y, "no evidence", palette.MUTED, row=1, col=column, **place)
    plot.update_xaxes(1, column, title_text="thought probable before, %", range=[0, 100])
    plot.update_yaxes(1, column, title_text="probable after, %", range=[0, 104])
