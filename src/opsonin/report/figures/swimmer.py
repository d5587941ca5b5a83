"""The swimmer plot: how long each patient was treated and followed, with response, progression and death on it."""

from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.durations import of_one_criteria
from opsonin.report import palette, words
from opsonin.report.figures.base import Figure
from opsonin.report.figures.canvas import Canvas, bar, scatter
from opsonin.report.groups import Groups


def swimmer(record: Any, groups: Groups) -> Figure | None:
    """Bars: how long each patient was treated and followed, with response, progression and death on them."""
    rows = _lanes(record, groups)
    if rows.empty or len(rows) > 80:
        return None
    place = {subject: k for k, subject in enumerate(rows["subject_id"])}
    plot = Canvas(max(90 + 19 * len(rows), 200))
    for name, colours in (("followed", None), ("treated", groups.colours)):
        plot.add_trace(
            bar(
                x=rows[name],
                y=list(range(len(rows))),
                orientation="h",
                width=0.32 if colours is None else 0.72,
                marker={"color": palette.PALE if colours is None else [colours[g] for g in rows["group"]]},
                text=rows["subject_id"].map(words.plot_text),
                textposition="none",
                hovertemplate=f"%{{text}}: {name} %{{x:.3g}} days<extra></extra>",
            )
        )
    used = []
    for what, symbol, colour, days in _marks(record):
        here = [(day, place[subject]) for subject, day in days if subject in place]
        if not here:
            continue
        used.append((what, f"{symbol}:{colour}"))
        plot.add_trace(
            scatter(
                x=[x for x, _ in here], y=[y for _, y in here], mode="markers",
                marker={"symbol": symbol, "size": 10, "color": colour, "line": _edge(symbol, colour)},
                hovertemplate=f"{what}, day %{{x:.3g}}<extra></extra>",
            )
        )  # fmt: skip
    plot.update_layout(barmode="overlay", margin={"l": 20, "t": 10})
    plot.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[words.plot_text(s) for s in rows["subject_id"]],
        range=[len(rows) - 0.4, -0.6],
        showgrid=False,
        tickfont={"size": 11},
    )
    plot.update_xaxes(title_text="days since the start of protocol day 1", showgrid=True, rangemode="tozero")
    longest = rows.loc[rows["treated"].idxmax()]
    return Figure(
        "response-swimmer",
        "How long each patient was treated and followed",
        "Thick bars: on treatment; thin grey bars: in follow-up. Median time on treatment "
        f"{words.days(rows['treated'].median())}; the longest, {longest['subject_id']} "
        f"({longest['group']}), {words.days(longest['treated'])}.",
        plot,
        rows,
        groups.key() + used,
    )


def _edge(symbol: str, colour: str) -> dict[str, Any]:
    """The line around a mark: white around a filled one, its own colour where it is open."""
    return {"width": 2, "color": colour} if symbol.endswith("-open") else {"width": 1, "color": "white"}


def _lanes(record: Any, groups: Groups) -> pd.DataFrame:
    """One row a patient: subject_id, group, treated, followed (days), by group and then by time on treatment."""
    exposures, disposition, survival = record.exposures, record.disposition, record.survival
    exposures = exposures[exposures["amount"] != 0]  # doses held are none
    if exposures.empty:
        return pd.DataFrame(columns=["subject_id", "group", "treated", "followed"])
    last = exposures["end_day"].fillna(exposures["start_day"]).groupby(exposures["subject_id"].astype(str)).max()
    off = disposition[disposition["milestone"] == "off treatment"]
    treated = last.combine(
        off.groupby(off["subject_id"].astype(str))["day"].max(), lambda a, b: b if pd.notna(b) else a
    )
    treated = treated.reindex(last.index).fillna(last)
    overall = survival[survival["endpoint"] == "OS"]
    followed = overall.groupby(overall["subject_id"].astype(str))["day"].max()
    rows = pd.DataFrame({"subject_id": record.subjects["subject_id"].astype(str)})
    rows["group"] = groups.label(rows["subject_id"])
    rows["treated"] = rows["subject_id"].map(treated)
    rows["followed"] = np.fmax(rows["subject_id"].map(followed).astype(float), rows["treated"].astype(float))
    rows = rows.dropna(subset=["group", "treated"])
    rank = rows["group"].map({name: k for k, name in enumerate(groups.labels)})
    order = ["rank", "treated", "subject_id"]
    rows = rows.assign(rank=rank).sort_values(order, ascending=[True, False, True], kind="stable")
    return rows.drop(columns="rank").reset_index(drop=True)


def _marks(record: Any) -> list[tuple[str, str, str, list[tuple[str, float]]]]:
    """(what, symbol, colour, [(subject, day)]) for the events on a swimmer's lane.

    A response is filled from the day it counts where it was seen again, and open where it was not; so is a progression,
    by iRECIST, that was not confirmed.
    """
    responses, events = of_one_criteria(record.responses), record.adverse_events
    seen = responses[~responses["best"].fillna(False).astype(bool) & responses["day"].notna()]
    again = seen["confirmed"].astype("boolean") if "confirmed" in seen else None
    once = seen[(again == False).fillna(False)] if again is not None else seen.iloc[:0]  # noqa: E712 missing is neither
    twice = seen.drop(once.index)
    good, bad = ["CR", "PR", "iCR", "iPR"], ["PD", "iCPD"]

    def first(rows: Any, codes: list[str]) -> Any:
        return rows[rows["overall"].isin(codes)].groupby("subject_id")["day"].min()

    confirmed, single = first(twice, good), first(once, good)
    single = single[~single.index.isin(confirmed.index)]
    limiting = events[events["dlt"].fillna(False).astype(bool) & events["start_day"].notna()]
    deaths = record.survival
    deaths = deaths[(deaths["endpoint"] == "OS") & deaths["event"].fillna(False).astype(bool)]
    asked = again is not None and bool(seen.loc[seen["overall"].isin(good), "confirmed"].notna().any())
    listed = (
        ("confirmed response" if asked else "response", "star", palette.GREEN, confirmed),
        ("response, not seen again", "star-open", palette.GREEN, single),
        ("unconfirmed progression (iUPD)", "diamond-open", palette.VERMILLION, first(seen, ["iUPD"])),
        ("progression", "diamond", palette.VERMILLION, first(seen, bad)),
        ("dose-limiting toxicity", "x", palette.BLACK, limiting.groupby("subject_id")["start_day"].min()),
        ("death", "square", palette.GREY, deaths.groupby("subject_id")["day"].max()),
    )
    return [
        (what, symbol, colour, [(str(s), float(d)) for s, d in days.items()]) for what, symbol, colour, days in listed
    ]
