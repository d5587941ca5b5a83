"""Figures of the chapter Why: what separates responders, which parameters, what would have turned the others."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, label, wrapped
from opsonin.report.figures.canvas import Canvas, bar, scatter

MOST = 15  # rows drawn; the tables have all
FEW = 8  # rows drawn even where they show nothing
BASELINE = "baseline"
HIDDEN = "model parameter"  # what a model knows of a patient and no clinic measures
WIDE = 34  # letters of a name on one line
TURNED, ONLY = palette.lighter(palette.BLUE, 0.55), palette.BLUE
ASSUMED = palette.lighter(palette.ORANGE, 0.35)


def separated(findings: Iterable[Any]) -> Figure | None:
    """Every quantity's area with its interval, the strongest on top; 0.5 separates nothing."""
    rows = named(findings, "why.separation.", ".auc")
    if len(rows) == 0:
        return None
    rows = rows.iloc[np.argsort(-(rows["estimate"] - 0.5).abs().to_numpy(), kind="stable")]
    shown = rows.head(MOST)
    # baseline first, in the same colour everywhere; what cannot be measured last, in grey
    kinds = sorted(dict.fromkeys(rows["group"]), key=lambda kind: (kind == HIDDEN, kind != BASELINE))
    colours = dict(zip(kinds, palette.groups(len(kinds)), strict=True)) | {HIDDEN: palette.GREY}
    plot = rows_of_names(shown["name"].tolist())
    for place, (_, row) in enumerate(shown.iterrows()):
        _interval(plot, place, row, colours[row["group"]])
        told = words.with_interval(row["estimate"], row["lower"], row["upper"])
        label(plot, 1.01, place, told, xref="paper", font={"size": 12})
    plot.add_vline(x=0.5, line={"color": palette.GREY, "width": 1.2})
    plot.update_xaxes(
        range=[0, 1],
        tickvals=[0, 0.25, 0.5, 0.75, 1],
        title_text="area under the curve: chance that a responder has the higher value",
    )
    for x, side, told in ((0.02, "left", "← lower in responders"), (0.98, "right", "higher in responders →")):
        label(plot, x, 1.0, told, palette.MUTED, xanchor=side, yanchor="bottom", yref="paper", font={"size": 11})
    first = rows.iloc[0]
    way = "higher" if first["estimate"] > 0.5 else "lower"
    caption = (
        f"{words.capital(words.counted(len(rows), 'quantity', 'quantities'))} looked at, one by one; the strongest: "
        f"{first['name']}, {way} in responders. At 0.5 a quantity separates nothing, at 0 or 1 everything; lines are "
        "95 % intervals. That a quantity separates does not make it the cause."
    )
    caption += f" The {MOST} strongest are drawn." if len(rows) > MOST else ""
    key = [(kind, colours[kind]) for kind in kinds] if len(kinds) > 1 else []
    return Figure("why-separation", "What separates responders from the others", caption, plot, rows, key)


def explained(findings: Iterable[Any]) -> Figure | None:
    """The share of the variance of response that each parameter accounts for by itself."""
    found = list(findings)
    rows = named(found, "why.variance.", ".share")
    if len(rows) == 0:
        return None
    rows = rows.sort_values("estimate", ascending=False, kind="stable")
    assumed = rows["note"].str.lower().str.startswith("assumed")
    clear = int((rows["lower"] > 0).sum())
    shown = rows.head(min(max(clear, FEW), MOST))
    colours = [ASSUMED if a else palette.BLUE for a in assumed.head(len(shown))]
    plot = rows_of_names(shown["name"].tolist())
    share = 100 * shown["estimate"].clip(lower=0)
    plot.add_trace(
        bar(
            x=share,
            y=list(range(len(shown))),
            orientation="h",
            marker={"color": colours},
            error_x={
                "type": "data",
                "array": (100 * shown["upper"].clip(lower=0) - share).clip(lower=0),
                "arrayminus": (share - 100 * shown["lower"].clip(lower=0)).clip(lower=0),
                "color": palette.MUTED,
                "thickness": 1.2,
                "width": 3,
            },
            hovertemplate="%{x:.3g} %<extra></extra>",
        )
    )
    for place, (_, row) in enumerate(shown.iterrows()):
        low, high = max(row["lower"], 0.0), max(row["upper"], 0.0)
        told = words.with_interval(max(row["estimate"], 0.0), low, high, percent=True)
        label(plot, 1.01, place, told, xref="paper", font={"size": 12})
    plot.update_xaxes(title_text="share of the variance of response, %", rangemode="tozero")
    plot.update_layout(bargap=0.45)
    caption = "How much less response would differ between patients who are alike in the parameter (first-order share)."
    alone = named(found, "why.variance.alone", ".total")
    if len(alone) and np.isfinite(alone["estimate"].iloc[0]):
        total = float(np.clip(alone["estimate"].iloc[0], 0, 1))
        caption += (
            f" All by themselves they explain {words.share(round(total, 3))}; the rest comes of their interplay, or of "
            "chance in the patient that no parameter tells."
        )
    if len(shown) < len(rows):
        rest = words.counted(len(rows) - len(shown), "smaller share is", "smaller shares are")
        caption += f" {words.capital(rest)} not drawn."
    key = []
    if assumed.any():
        caption += _assumed(found)
        key = [("from data", palette.BLUE), ("assumed", ASSUMED)]
    return Figure("why-variance", "Which parameters make response differ", caption, plot, rows, key)


def _assumed(findings: list[Any]) -> str:
    """How much of the variance rests on what nobody measured."""
    sums = named(findings, "why.variance.assumed", ".total")
    if not len(sums):
        return ""
    if not np.isfinite(sums["estimate"].iloc[0]):
        return f" How much those that are assumed account for together is not told: {sums['note'].iloc[0]}."
    # a sum of noisy shares may lie outside
    total, low, high = (min(max(float(sums[column].iloc[0]), 0.0), 1.0) for column in ("estimate", "lower", "upper"))
    return f" Parameters that are assumed account for {words.with_interval(total, low, high, percent=True)}."


def restored(findings: Iterable[Any]) -> Figure | None:
    """The share of non-responders that each mechanism, changed by itself, would have turned."""
    found = list(findings)
    rows = named(found, "why.counterfactual.", ".turned")
    rows = rows[rows["name"] != "any one"].sort_values("estimate", ascending=False, kind="stable")
    if len(rows) == 0:
        return None
    only = named(found, "why.counterfactual.", ".only").set_index("name")["estimate"]
    lost = named(found, "why.counterfactual.", ".lost").set_index("name")["estimate"]
    data = rows.assign(only=rows["name"].map(only), lost=rows["name"].map(lost))
    shown = data.head(MOST)
    plot = rows_of_names(shown["name"].tolist())
    for column, colour, what in (("estimate", TURNED, "would respond"), ("only", ONLY, "by this alone")):
        plot.add_trace(
            bar(
                x=100 * shown[column],
                y=list(range(len(shown))),
                orientation="h",
                marker={"color": colour},
                hovertemplate=f"%{{x:.3g}} % {what}<extra></extra>",
            )
        )
    for place, (_, row) in enumerate(shown.iterrows()):
        told = words.with_interval(row["estimate"], row["lower"], row["upper"], percent=True)
        label(plot, 1.01, place, told, xref="paper", font={"size": 12})
    plot.update_xaxes(title_text="patients without response who would have responded, %", rangemode="tozero")
    plot.update_layout(barmode="overlay", bargap=0.4)
    caption = "The same patients, simulated again with one mechanism changed."
    anyone = named(found, "why.counterfactual.any one", ".turned")
    if len(anyone):
        share = float(anyone["estimate"].iloc[0])
        caption += (
            f" Some single change turns {words.share(round(share, 3))} of them; the other "
            f"{words.share(round(1 - share, 3))} need several at once, or another treatment."
        )
    if (data["lost"] > 0.005).any():
        worst = data.loc[data["lost"].idxmax()]
        caption += (
            f" {words.capital(str(worst['name']))} would take response from {words.share(worst['lost'])} of responders."
        )
    key = [("would respond", TURNED), ("by this change alone", ONLY)]
    return Figure("why-counterfactual", "What would have turned the others", caption, plot, data, key)


def resistance_map(findings: Iterable[Any]) -> Figure | None:
    """Barriers by group: in how many patients without response each is what holds them back."""
    found = list(findings)
    rows = named(found, "why.resistance.", ".share")
    if len(rows) == 0:
        return None
    single = named(found, "why.resistance.", ".alone").set_index(["group", "name"])["estimate"]
    alone = [float(single.get(key, np.nan)) for key in zip(rows["group"], rows["name"], strict=True)]
    rows = rows.assign(alone=alone)
    groups, barriers = (list(dict.fromkeys(rows[column])) for column in ("group", "name"))
    cells = {(g, b): (e, a) for g, b, e, a in rows[["group", "name", "estimate", "alone"]].itertuples(index=False)}
    counts = rows.drop_duplicates("group").set_index("group")["n"]
    partial = bool(((rows["estimate"] - rows["alone"]) > 0.005).any()) and not _without_benefit(barriers)
    plot = Canvas(90 + (52 if partial else 40) * len(groups))
    top = max(float(rows["estimate"].max()), 1e-9)
    for y, group in enumerate(groups):
        for x, barrier in enumerate(barriers):
            if (group, barrier) not in cells:
                continue
            value, by_itself = cells[group, barrier]
            _tile(plot, x, y, palette.mix([c for _, c in palette.SHADES[:4]], 0.9 * value / top))
            strong = palette.INK if value / top < 0.85 else "white"
            told = words.share(round(value, 2))
            if partial and np.isfinite(by_itself):
                told += f"<br><span style='font-size:10px'>{words.share(round(by_itself, 2))} alone</span>"
            label(plot, x, y, told, strong, xanchor="center", font={"size": 12})
    plot.add_trace(
        scatter(
            x=[barriers.index(name) for name in rows["name"]],
            y=[groups.index(group) for group in rows["group"]],
            mode="markers",
            marker={"size": 30, "opacity": 0},
            text=[
                f"{words.plot_text(g)}, {words.plot_text(b)}: {words.with_interval(e, low, high, percent=True)}"
                for g, b, e, low, high in rows[["group", "name", "estimate", "lower", "upper"]].itertuples(index=False)
            ],
            hovertemplate="%{text}<extra></extra>",
        )
    )
    axis = {"showgrid": False, "showline": False, "ticks": ""}
    plot.update_xaxes(
        tickvals=list(range(len(barriers))), ticktext=[wrapped(b, 16) for b in barriers], side="top",
        range=[-0.5, len(barriers) - 0.5], **axis,
    )  # fmt: skip
    one = groups == ["all"]
    names = ["patients without response" if one else wrapped(g, WIDE) for g in groups]
    names = [f"{name}<br>n = {int(counts[g]):,}" for name, g in zip(names, groups, strict=True)]
    plot.update_yaxes(tickvals=list(range(len(groups))), ticktext=names, range=[len(groups) - 0.5, -0.5], **axis)
    plot.update_layout(margin={"t": 60, "l": 20, "r": 20, "b": 16})
    caption = "Of the patients without response, the share whom each barrier holds back; darker is more. "
    if partial:
        caption += "“Alone”: removing that barrier by itself would have been enough; the others have more than one. "
    commonest = "; ".join(_commonest(group, rows) for group in groups)
    caption += f"Most often{'' if groups == ['all'] else ', '}{commonest}."
    return Figure("why-resistance", "A map of resistance", caption, plot, rows)


def named(findings: Iterable[Any], prefix: str, ending: str) -> pd.DataFrame:
    """Findings of one kind as rows: name (between prefix and ending), group, estimate, lower, upper, p, n, note."""
    rows = [
        (
            readable(f.name[len(prefix) : -len(ending)].strip(".")),
            f.group,
            f.estimate,
            f.lower,
            f.upper,
            f.p,
            f.n,
            f.note,
        )
        for f in findings
        if f.name.startswith(prefix) and f.name.endswith(ending) and not words.missing(f.estimate)
    ]
    heads = ["name", "group", "estimate", "lower", "upper", "p", "n", "note"]
    return pd.DataFrame(rows, columns=pd.Index(heads))


def readable(name: str) -> str:
    """A parameter's name as words: "tumour_growth_rate" is tumour growth rate."""
    return name.replace("_", " ")


def _without_benefit(barriers: Sequence[str]) -> bool:
    """Whether patients with more than one barrier stand in a column of their own."""
    return bool({"several needed", "any of several"} & set(barriers))


def _commonest(group: str, rows: pd.DataFrame) -> str:
    mine = rows[rows["group"] == group]
    top = int(np.argmax(mine["estimate"].to_numpy(dtype=float)))
    share = words.share(round(float(mine["estimate"].to_numpy(dtype=float)[top]), 3))
    return f"{'' if group == 'all' else f'in {group}'}: {mine['name'].tolist()[top]} ({share})"


def rows_of_names(names: Sequence[str]) -> Canvas:
    """An empty panel with a row for each name, the first on top, and room for a number in words beside it."""
    labels = [wrapped(name, WIDE) for name in names]
    plot = Canvas(100 + (36 if any("<br>" in text for text in labels) else 28) * len(names))
    plot.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=labels,
        range=[len(names) - 0.4, -0.6],
        showgrid=False,
        tickfont={"size": 12.5, "color": palette.INK},
    )
    plot.update_layout(margin={"r": 150, "l": 20, "t": 26})
    return plot


def _interval(plot: Canvas, place: int, row: Any, colour: str) -> None:
    ends = [row["lower"], row["upper"]]
    plot.add_trace(
        scatter(x=ends, y=[place, place], mode="lines", line={"color": colour, "width": 2.4}, hoverinfo="skip")
    )
    plot.add_trace(
        scatter(
            x=[row["estimate"]],
            y=[place],
            mode="markers",
            marker={"size": 9, "color": colour},
            text=[words.plot_text(row["name"])],
            hovertemplate="%{text}: %{x:.3g}<extra></extra>",
        )
    )


def _tile(plot: Canvas, x: int, y: int, colour: str) -> None:
    ends = {"x0": x - 0.47, "x1": x + 0.47, "y0": y - 0.44, "y1": y + 0.44, "xref": "x", "yref": "y"}
    plot.layout["shapes"].append({"type": "rect", "fillcolor": colour, "line": {"width": 0}, "layer": "below", **ends})
