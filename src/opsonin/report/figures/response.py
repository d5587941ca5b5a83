"""Figures of chapter 6, first half: how the tumours changed, and for how long."""

from typing import Any

import pandas as pd

from opsonin.analysis.durations import of_one_criteria
from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, label, wrapped
from opsonin.report.figures.canvas import Canvas, bar, scatter
from opsonin.report.figures.pharmacokinetics import joined
from opsonin.report.figures.sizes import Sized, sized
from opsonin.report.groups import Groups

_LIMITS = " Dotted lines are the RECIST limits: +20 % and −30 %."
ORDER = ("CR", "PR", "SD", "PD", "NE")
I_TO_PLAIN = {"iCR": "CR", "iPR": "PR", "iSD": "SD", "iUPD": "PD", "iCPD": "PD"}
NAMES = {
    "CR": "complete response",
    "PR": "partial response",
    "SD": "stable disease",
    "PD": "progressive disease",
    "NE": "not evaluable",
    "missing": "not assessed",
}


def best_responses(record: Any, groups: Groups) -> pd.DataFrame:
    """One row a patient: subject_id, group, best (CR … NE, or "missing"), confirmed (of CR and PR, where known).

    Of several criteria the first by name.
    """
    subjects = record.subjects["subject_id"].astype(str)
    rows = pd.DataFrame({"subject_id": subjects, "group": groups.label(subjects)}).dropna(subset=["group"])
    responses = of_one_criteria(record.responses)
    best = responses[responses["best"].fillna(False).astype(bool)].drop_duplicates("subject_id")
    overall = best.set_index(best["subject_id"].astype(str))["overall"].astype("string").replace(I_TO_PLAIN)
    rows["best"] = rows["subject_id"].map(overall.to_dict()).fillna("missing").astype(str)
    again = best.set_index(best["subject_id"].astype(str))["confirmed"].astype("boolean")
    rows["confirmed"] = rows["subject_id"].map(again.to_dict()).astype("boolean")
    return rows


def assessed(rows: pd.DataFrame, groups: Groups) -> pd.DataFrame:
    """The patients of best_responses among whom responses are counted, as opsonin.analysis counts them.

    A cohort or arm without any response on record was not assessed; dose levels belong to one trial and all count.
    """
    if groups.ordered:
        return rows
    known = set(rows.loc[rows["best"] != "missing", "group"])
    return rows[rows["group"].isin(known)]


def composition(record: Any, groups: Groups) -> Figure | None:
    """Bars: share of each group with each best overall response."""
    if record.responses.empty:
        return None
    rows = best_responses(record, groups)
    if (rows["best"] == "missing").all():
        return None
    names, short = dict(NAMES), set(ORDER)
    if (record.manifest.questions or {}).get("responder_only"):
        names |= {"PR": "responder", "SD": "non-responder"}
        short = set()
    table = rows.groupby(["group", "best"], as_index=False).size().rename(columns={"size": "patients"})
    sizes = groups.sizes()
    shown = [name for name in groups.labels if sizes[name]]
    plot = Canvas(76 + 36 * len(shown))
    for kind in [k for k in (*ORDER, "missing") if k in set(table["best"])]:
        part = table[table["best"] == kind].set_index("group")["patients"].reindex(shown).fillna(0)
        total = pd.Series([sizes[name] for name in shown], index=shown, dtype=float)
        shares = 100 * part / total
        plot.add_trace(
            bar(
                x=shares,
                y=list(range(len(shown))),
                orientation="h",
                marker={"color": palette.RESPONSES[kind], "line": {"color": "white", "width": 1}},
                text=[
                    f"{kind if kind in short else ''} {int(n)}".strip() if s > 5.5 else ""
                    for n, s in zip(part, shares, strict=True)
                ],
                textposition="inside",
                insidetextanchor="middle",
                textangle=0,
                textfont={"color": "white" if kind in ("CR", "PR", "PD") else palette.INK, "size": 12},
                customdata=[int(n) for n in part],
                hovertemplate=f"{names[kind]}: %{{customdata}} (%{{x:.3g}} %)<extra></extra>",
            )
        )
    plot.update_layout(barmode="stack", margin={"l": 20, "t": 10}, bargap=0.22)
    plot.update_yaxes(
        tickvals=list(range(len(shown))),
        ticktext=[f"{wrapped(name, 30)} (n = {sizes[name]:,})" for name in shown],
        autorange="reversed",
        showgrid=False,
    )
    plot.update_xaxes(title_text="patients, %", range=[0, 100.5])
    key = [(names[k], palette.RESPONSES[k]) for k in (*ORDER, "missing") if k in set(table["best"])]
    counted = assessed(rows, groups)
    hits = int(counted["best"].isin(["CR", "PR"]).sum())
    silent = [name for name in shown if name not in set(counted["group"])]
    rest = "All treated patients are counted; those not assessed are shown as such, not left out."
    if silent:
        rest = f"No response is on record for anyone in {words.listed(silent)}, who are not counted. Among the others "
        rest += "all are, those not assessed too."
    return Figure(
        "response-best",
        f"Best overall response{'' if groups.single else f', by {groups.noun}'}",
        f"{words.sentence(words.count_of(hits, len(counted), 'patients') + ' responded (CR or PR)')} {rest}",
        plot,
        table,
        key,
    )


def best_change(record: Any, groups: Groups) -> pd.DataFrame:
    """The smallest sum of target lesions after baseline, as change from baseline in percent, one row a patient."""
    responses = of_one_criteria(record.responses)
    part = responses.dropna(subset=["change_from_baseline_percent"]) if not responses.empty else responses
    part = part[part["day"] > 0] if len(part) else part
    if part.empty:
        return pd.DataFrame(columns=["subject_id", "group", "change", "best", "confirmed"])
    change = part.groupby(part["subject_id"].astype(str))["change_from_baseline_percent"].min()
    rows = best_responses(record, groups)
    rows["change"] = rows["subject_id"].map(change)
    rows = rows.dropna(subset=["change"]).sort_values(["change", "subject_id"], ascending=[False, True], kind="stable")
    return rows[["subject_id", "group", "change", "best", "confirmed"]].reset_index(drop=True)


def waterfall(record: Any, groups: Groups) -> Figure | None:
    """Bars: each patient's best change in tumour size."""
    rows = best_change(record, groups)
    if len(rows) < 2:
        return None
    capped = rows["change"].clip(upper=100)
    plot = Canvas(350)
    few = len(rows) <= 60
    plot.add_trace(
        bar(
            x=list(range(1, len(rows) + 1)),
            y=capped,
            marker={"color": [groups.colours[name] for name in rows["group"]], "line": {"width": 0}},
            text=_labels(rows) if few else None,
            textposition="outside",
            textfont={"size": 11, "color": palette.MUTED},
            cliponaxis=False,
            customdata=[
                [words.plot_text(s), words.plot_text(g), c]
                for s, g, c in rows[["subject_id", "group", "change"]].to_numpy()
            ],
            hovertemplate="%{customdata[0]}, %{customdata[1]}: %{customdata[2]:.3g} %<extra></extra>",
        )
    )
    low = min(-40.0, float(capped.min()) - 12)
    size = sized(record, rows["subject_id"])
    _limits(plot, size)
    plot.update_yaxes(title_text=f"best change in {size.axis}, %", range=[low, max(float(capped.max()) + 12, 32)])
    plot.update_xaxes(title_text="patients, from largest growth to largest shrinkage", showticklabels=False, ticks="")
    plot.update_layout(bargap=0.12 if few else 0, margin={"t": 12, "r": 52, "b": 36})
    shrunk, responded = int((rows["change"] < 0).sum()), int((rows["change"] <= -30).sum())
    beyond = int((rows["change"] > 100).sum())
    told = (
        f"Tumours shrank at some time in {shrunk} of {len(rows)} patients, by at least 30 % in {responded or 'none'}."
        f"{size.told}{_LIMITS if size.limits else ''}"
    )
    if few and (_once(rows) & rows["best"].isin(["CR", "PR"])).any():
        told += " A ring (°) marks a response that was not seen again."
    if beyond:
        told += f" {words.sentence(words.counted(beyond, 'bar') + ' beyond +100 % cut off')}"
    return Figure(
        "response-waterfall", "Best change in tumour size, patient by patient", told, plot, rows, groups.key()
    )


def _once(rows: pd.DataFrame) -> pd.Series:
    """Whose response is known not to have been seen again."""
    return rows["confirmed"].notna() & ~rows["confirmed"].fillna(True).astype(bool)


def _labels(rows: pd.DataFrame) -> list[str]:
    """The best response above each bar."""
    words = rows["best"].where(rows["best"] != "missing", "")
    return (words + _once(rows).map({True: "°", False: ""}).where(rows["best"].isin(["CR", "PR"]), "")).tolist()


def _limits(plot: Any, size: Sized) -> None:
    for level in (20, -30) if size.limits else ():
        plot.add_hline(y=level, line={"color": palette.GREY, "width": 1, "dash": "dot"})
        label(
            plot,
            1.008,
            level,
            f"{level:+d} %".replace("-", words.MINUS),
            palette.MUTED,
            xref="paper",
            font={"size": 11},
        )
    plot.add_hline(y=0, line={"color": palette.INK, "width": 1})


def spider(record: Any, groups: Groups) -> Figure | None:
    """Lines: each patient's tumour size over time."""
    responses = of_one_criteria(record.responses)
    rows = responses.dropna(subset=["change_from_baseline_percent", "day"]) if not responses.empty else responses
    if rows.empty or rows["day"].nunique() < 2:
        return None
    rows = pd.DataFrame(
        {
            "subject_id": rows["subject_id"].astype(str),
            "group": groups.label(rows["subject_id"].astype(str)),
            "day": rows["day"].astype(float),
            "change": rows["change_from_baseline_percent"].astype(float),
            "overall": rows["overall"].astype("string").fillna(""),
            "new_lesion": rows["new_lesion"].fillna(False).astype(bool) if "new_lesion" in rows else False,
        }
    ).dropna(subset=["group"])
    rows = rows.drop_duplicates(["subject_id", "day"]).sort_values(["subject_id", "day"], kind="stable")
    starts = rows.drop_duplicates("subject_id").assign(day=0.0, change=0.0, overall="", new_lesion=False)
    rows = pd.concat(
        [starts[starts["subject_id"].isin(rows.loc[rows["day"] > 0, "subject_id"])], rows[rows["day"] > 0]]
    )
    rows = rows.sort_values(["subject_id", "day"], kind="stable")
    many = rows["subject_id"].nunique() > 60
    plot = Canvas(380)
    top = min(float(rows["change"].max()), 150.0)
    for name in groups.labels:
        x, y, who = joined(rows[rows["group"] == name], "day", "change")
        plot.add_trace(
            scatter(
                x=x,
                y=y,
                mode="lines" if many else "lines+markers",
                line={
                    "color": palette.faded(groups.colours[name], 0.25 if many else 0.85),
                    "width": 1 if many else 1.8,
                },
                marker={"size": 4.5},
                text=who,
                hovertemplate="%{text}: %{y:.3g} % on day %{x:.3g}<extra></extra>",
            )
        )
    ends = rows[rows["overall"].isin(["PD", "iCPD"]) & ~rows["subject_id"].duplicated(keep="last")]
    open_ = rows[rows["overall"] == "iUPD"]
    new = rows[rows["new_lesion"]].drop_duplicates("subject_id")
    used = []
    for what, symbol, colour, part in (
        ("progression", "x", palette.INK, ends),
        ("unconfirmed progression (iUPD)", "diamond-open", palette.VERMILLION, open_),
        ("new lesion", "circle-open", palette.PURPLE, new),
    ):
        if part.empty:
            continue
        used.append((what, f"{symbol.replace('circle-open', 'ring')}:{colour}"))
        plot.add_trace(
            scatter(
                x=part["day"], y=part["change"], mode="markers", text=part["subject_id"].map(words.plot_text),
                marker={"symbol": symbol, "size": (7 if many else 9) + 4 * (symbol != "x"), "color": colour},
                hovertemplate=f"%{{text}}: {what} on day %{{x:.3g}}<extra></extra>",
            )
        )  # fmt: skip
    size = sized(record, rows["subject_id"].drop_duplicates())
    _limits(plot, size)
    plot.update_yaxes(
        title_text=f"change in {size.axis}, %", range=[min(float(rows["change"].min()) * 1.1, -40), top * 1.08]
    )
    plot.update_xaxes(title_text="days since the start of protocol day 1", rangemode="tozero", showgrid=True)
    plot.update_layout(margin={"t": 12, "r": 52})
    told = f"{len(ends)} of {rows['subject_id'].nunique()} lines end in progression (black cross)"
    flat = int((ends["change"] < 20).sum())
    if flat:
        told += f", {flat} of them with target lesions up by less than 20 %"
        told += ": progression elsewhere, a new lesion, or growth from a nadir"
    return Figure(
        "response-spider",
        "Tumour size over time, patient by patient",
        words.sentence(told) + size.told,
        plot,
        rows,
        groups.key() + used,
    )
