"""Figures of a retrospective cohort: ratios alone and together, searched cuts, and what the markers add."""

from typing import Any

import numpy as np
import pandas as pd

from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, label, ratio_ticks
from opsonin.report.figures.canvas import Canvas, bar, scatter
from opsonin.report.figures.forest import forest
from opsonin.report.figures.survival import axis_title, curves_of, endpoint_name
from opsonin.report.groups import Groups

ALONE, TOGETHER = palette.GREY, palette.BLUE
CLINICAL, MARKED = palette.VERMILLION, palette.BLUE


def ratios(alone: list[Any], together: list[Any], outcome: str) -> Figure | None:
    """Hazard ratios of each variable alone and in the model of all, one under the other."""
    both = {str(f.group): f for f in together}
    rows, names, colours = [], [], []
    for f in alone:
        for kind, one, colour in (("alone", f, ALONE), ("with the others", both.get(str(f.group)), TOGETHER)):
            if one is None or words.missing(one.estimate):
                continue
            names.append(f"{one.group} – {kind}" if kind == "alone" else f"{kind} (p {words.bare_p(one.p)})")
            colours.append(colour)
            row = {"variable": str(one.group), "model": kind, "estimate": one.estimate, "lower": one.lower}
            rows.append(row | {"upper": one.upper, "p": one.p, "n": one.n, "events": one.events})
    if not rows:
        return None
    frame = pd.DataFrame(rows)
    return Figure(
        "cohort-ratios",
        f"Each variable against {outcome}, alone and with the others",
        "Hazard ratios with 95 % intervals; left of the line the event comes later. Grey: the variable alone, in all "
        "patients in whom it is known; blue: in one model with all the others. A marker that keeps its ratio says "
        "something that the others do not.",
        forest(names, frame, "hazard ratio (logarithmic scale)", colours=colours),
        frame,
    )


def split_curves(record: Any, finding: Any, outcome: str) -> Figure | None:
    """Kaplan–Meier curves of patients high and low in a marker, at its median."""
    rows = finding.table
    if rows is None or rows["high"].all() or not rows["high"].any():
        return None
    marker = finding.name.partition("median_split.")[2]
    cut = str(finding.group).partition("(")[2].partition(")")[0].removeprefix("≥ ")
    high, low = f"high (≥ {_plain(cut)})", "low"
    halves = Groups(
        pd.Series(dtype=object), (high, low), {high: palette.BLUE, low: palette.VERMILLION}, False, "marker"
    )
    shown = rows.assign(group=np.where(rows["high"], high, low))
    figure = curves_of(
        shown,
        halves,
        name=f"cohort-{words.code_safe(marker)}-curves",
        title=f"{words.capital(endpoint_name(record, outcome))} by {marker}, cut at its median",
        axis=axis_title(record, outcome),
    )
    told = (
        f"{figure.caption} Log-rank test: {words.p_value(finding.p)}. The median was taken without regard to outcome."
    )
    return Figure(figure.name, figure.title, told, figure.plot, figure.data)


def _plain(unit: str) -> str:
    return unit.replace("**2", "²").replace("**3", "³")


def cut_profile(finding: Any, cut: Any) -> Figure | None:
    """How strongly every cut of a marker parts the outcome, and which cuts bootstrap samples choose instead."""
    table = finding.table
    if table is None or len(table) < 3:
        return None
    marker = finding.name.rpartition(".")[0].split(".", 2)[2]
    spread = float(table["cut"].max()) / max(float(table["cut"].min()), 1e-12)
    plot = Canvas(400, 2, 1, share_x="column", spacing=(0.0, 0.08), row_heights=[0.65, 0.35])
    at = float(cut.estimate)
    plot.add_trace(
        scatter(
            x=table["cut"], y=table["statistic"].abs(), mode="lines+markers", marker={"size": 5},
            line={"color": palette.BLUE, "width": 1.6}, hovertemplate="cut %{x:.4g}: %{y:.3g}<extra></extra>",
        ),
        row=1,
    )  # fmt: skip
    plot.add_vline(x=at, line={"color": palette.VERMILLION, "width": 1.6}, row=1)
    if "chosen" in table:
        trace = bar(x=table["cut"], y=100 * table["chosen"], marker={"color": palette.GREY}, hoverinfo="x+y")
        plot.add_trace(trace, row=2)
        plot.update_yaxes(title_text="chosen, %", rangemode="tozero", row=2)
    if spread > 8:
        low, high = float(table["cut"].min()) / 1.1, float(table["cut"].max()) * 1.1
        ticks, texts = ratio_ticks(low, high)
        plot.update_xaxes(type="log", range=[np.log10(low), np.log10(high)], tickvals=ticks, ticktext=texts)
    unit = words.unit_name(cut.unit)
    plot.update_xaxes(title_text=words.plot_text(f"cut of {marker}{', ' + unit if unit else ''}"), row=2)
    plot.update_yaxes(title_text="|statistic|", rangemode="tozero", row=1)
    return Figure(
        f"cohort-{words.code_safe(marker)}-cut",
        f"Where to cut {marker}, and what the search costs",
        f"{words.sentence(finding.note)} Above: the standardised log-rank statistic of every cut, the best one in red; "
        "below: how often bootstrap samples of the same patients choose each cut. Where they scatter, there is no one "
        "cut to be found.",
        plot,
        table,
    )


def concordances(findings: list[Any]) -> Figure | None:
    """Concordance of the clinical variables alone and with markers: corrected with interval, and as it looked."""
    shown = [f for f in findings if f.table is not None and not words.missing(f.estimate)]
    if not shown:
        return None
    rows = []
    for f in shown:
        table = f.table.set_index("measure")
        apparent = float(table.loc["clinical" if str(f.group).endswith(" alone") else "with markers", "apparent"])
        row = {"model": str(f.group), "corrected": f.estimate, "lower": f.lower, "upper": f.upper}
        rows.append(row | {"apparent": apparent})
    frame = pd.DataFrame(rows).drop_duplicates("model").reset_index(drop=True)
    plot = Canvas(96 + 40 * len(frame))
    for place, row in frame.iterrows():
        colour = CLINICAL if str(row["model"]).endswith(" alone") else MARKED
        ends = [row["lower"], row["upper"]]
        y = int(str(place))
        plot.add_trace(scatter(x=ends, y=[y, y], mode="lines", line={"color": colour, "width": 2.4}, hoverinfo="skip"))
        for x, symbol in ((row["corrected"], "square"), (row["apparent"], "circle-open")):
            marker = {"symbol": symbol, "size": 9, "color": colour, "line": {"width": 1.6, "color": colour}}
            plot.add_trace(
                scatter(x=[x], y=[y], mode="markers", marker=marker, hovertemplate="%{x:.3f}<extra></extra>")
            )
        label(plot, 1.01, y, words.with_interval(row["corrected"], row["lower"], row["upper"]), xref="paper")
    plot.add_vline(x=0.5, line={"color": palette.GREY, "width": 1.2})
    low = min(0.45, float(frame["lower"].min()) - 0.02)
    plot.update_xaxes(title_text="concordance (0.5: says nothing, 1: orders every pair of patients)", range=[low, 1.0])
    plot.update_yaxes(
        tickvals=list(range(len(frame))), ticktext=[words.plot_text(m) for m in frame["model"]],
        range=[len(frame) - 0.4, -0.6], showgrid=False, tickfont={"size": 12.5, "color": palette.INK},
    )  # fmt: skip
    plot.update_layout(margin={"r": 150, "l": 20, "t": 14})
    return Figure(
        "cohort-concordance",
        "How well the outcome is told beforehand",
        "Squares: corrected for optimism, with 95 % intervals; open circles: as it looks in the patients the model was "
        "made from. What lies between them is what a model flatters itself.",
        plot,
        frame,
    )


def calibration(findings: list[Any]) -> Figure | None:
    """Predicted against observed risk by thirds of the prediction, for the clinical model and with markers."""
    shown = [f for f in findings if f.table is not None and len(f.table)]
    if not shown:
        return None
    plot, parts = Canvas(400), []
    plot.add_trace(
        scatter(x=[0, 100], y=[0, 100], mode="lines", line={"color": palette.GREY, "dash": "dot"}, hoverinfo="skip")
    )
    for f in shown:
        name = str(f.group).partition(",")[0]
        colour = CLINICAL if name == "clinical" else MARKED
        table = 100 * f.table[["predicted", "observed", "lower", "upper"]]
        low, high = table["observed"] - table["lower"], table["upper"] - table["observed"]
        plot.add_trace(
            scatter(
                x=table["predicted"], y=table["observed"], mode="lines+markers", marker={"size": 9, "color": colour},
                line={"color": colour, "width": 1.6}, name=name,
                error_y={"type": "data", "array": high.fillna(0), "arrayminus": low.fillna(0), "thickness": 1.4},
                hovertemplate=f"{name}: predicted %{{x:.3g}} %, observed %{{y:.3g}} %<extra></extra>",
            )
        )  # fmt: skip
        parts.append(f.table.assign(model=name))
    when = str(shown[0].group).partition("by ")[2]
    plot.update_xaxes(title_text=f"predicted risk by {when}, %", range=[0, 100])
    plot.update_yaxes(title_text="observed (Kaplan–Meier), %", range=[0, 102])
    key = [("clinical", "circle:" + CLINICAL)] if any(str(f.group).startswith("clinical") for f in shown) else []
    return Figure(
        "cohort-calibration",
        f"Predicted and observed risk by {when}",
        "Thirds of the patients by predicted risk; on the dotted line predictions are right. In the patients a model "
        "was made from this looks better than it will elsewhere: the calibration slope in the table is corrected.",
        plot,
        pd.concat(parts),
        [*key, ("with markers", "circle:" + MARKED)],
    )


def net_benefit(finding: Any) -> Figure | None:
    """Decision curves of both models beside treating everyone or no one."""
    table = finding.table
    if table is None:
        return None
    plot = Canvas(340)
    lines = (
        ("treat everyone", "everyone", palette.GREY),
        ("clinical", "clinical", CLINICAL),
        ("with markers", "with_markers", MARKED),
    )
    top = float(table[["everyone", "clinical", "with_markers"]].max().max())
    for name, column, colour in lines:
        plot.add_trace(
            scatter(
                x=100 * table["threshold"], y=table[column], mode="lines", line={"color": colour, "width": 2.2},
                hovertemplate=f"{name}: %{{y:.3g}} at %{{x:.3g}} %<extra></extra>",
            )
        )  # fmt: skip
    plot.add_hline(y=0, line={"color": palette.GREY, "width": 1})
    plot.update_xaxes(title_text="predicted risk from which on one would act, %")
    plot.update_yaxes(title_text="net benefit per patient", range=[-0.06 * top - 0.02, 1.08 * top])
    return Figure(
        "cohort-net-benefit",
        "What acting on the prediction would gain",
        "The share of patients treated who would have had the event, less those treated in vain at the reader's own "
        f"rate of exchange; 0 is treating no one. Difference at the {finding.group}: "
        f"{words.with_interval(finding.estimate, finding.lower, finding.upper)}, in the patients of the models.",
        plot,
        table,
        [(name, colour) for name, _, colour in lines],
    )


def pairs(finding: Any) -> Figure | None:
    """Two markers against one another, a dot a patient."""
    table = finding.table
    if table is None or table.shape[1] != 2 or not all(pd.api.types.is_numeric_dtype(table[c]) for c in table):
        return None
    one, other = map(str, table.columns)
    plot = Canvas(340)
    marker = {"size": 8, "color": palette.BLUE, "opacity": 0.7}
    plot.add_trace(scatter(x=table[one], y=table[other], mode="markers", marker=marker, hoverinfo="x+y"))
    for name, update in ((one, plot.update_xaxes), (other, plot.update_yaxes)):
        low, high = float(table[name].min()), float(table[name].max())
        if low > 0 and high / low > 8:
            ticks, texts = ratio_ticks(low / 1.2, high * 1.2)
            update(type="log", range=[np.log10(low / 1.2), np.log10(high * 1.2)], tickvals=ticks, ticktext=texts)
        update(title_text=words.plot_text(name))
    told = words.with_interval(finding.estimate, finding.lower, finding.upper)
    return Figure(
        f"cohort-{words.code_safe(one)}-{words.code_safe(other)}",
        f"{one} and {other}: do they say the same?",
        f"A dot a patient ({len(table)} with both). Spearman's correlation {told}: "
        + ("the two rise and fall together, so that one may stand for the other." if abs(finding.estimate) > 0.5
           else "knowing one says little of the other."),
        plot,
        table,
    )  # fmt: skip
