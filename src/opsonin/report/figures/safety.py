"""Figures of chapter 3: what happened, how badly, at which dose, and when."""

from typing import Any

import numpy as np
import pandas as pd

from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, wrapped
from opsonin.report.figures.canvas import Canvas, bar, scatter
from opsonin.report.groups import Groups

SHOWN = 20  # terms in one figure; the table and the CSV hold the others
SEVERITY_ORDER = ("mild", "moderate", "severe", "life-threatening", "fatal")


def worst_by_patient(record: Any, groups: Groups) -> tuple[pd.DataFrame, str]:
    """One row per patient and term with the worst grade, and what "worst" is: "grade" or "severity".

    Columns: subject_id, group, term, worst (1–5; 0 where neither grade nor severity is known).
    """
    events = record.adverse_events
    scale = "grade" if events["grade"].notna().any() else "severity"
    rows: Any = pd.DataFrame({"subject_id": events["subject_id"].astype(str), "term": events["term"].astype(str)})
    if scale == "grade":
        rows["worst"] = events["grade"].fillna(0).astype(int)
    else:
        text = events["severity"] if "severity" in events else pd.Series(pd.NA, index=events.index)
        order = {name: k + 1 for k, name in enumerate(SEVERITY_ORDER)}
        rows["worst"] = text.astype("string").str.lower().map(order).fillna(0).astype(int)
    rows = rows.groupby(["subject_id", "term"], as_index=False, sort=True)["worst"].max()
    rows.insert(1, "group", groups.label(rows["subject_id"]))
    return rows[rows["group"].notna()], scale


def counts(worst: pd.DataFrame) -> pd.DataFrame:
    """Patients by term, group and worst grade."""
    out = worst.groupby(["term", "group", "worst"], as_index=False, sort=True).size()
    return out.rename(columns={"size": "patients"})


def ranked_terms(worst: pd.DataFrame) -> list[str]:
    """Terms from the most to the least frequent; ties by the higher worst grade, then by name."""
    per_term = worst.groupby("term").agg(patients=("subject_id", "nunique"), worst=("worst", "max"))
    per_term = per_term.reset_index().sort_values(["patients", "worst", "term"], ascending=[False, False, True])
    return per_term["term"].tolist()


def events_by_grade(record: Any, groups: Groups) -> Figure | None:
    """Bars: share of patients with each term by worst grade, one panel a group."""
    if record.adverse_events.empty:
        return None
    worst, scale = worst_by_patient(record, groups)
    every = ranked_terms(worst)
    terms = every[:SHOWN]
    table = counts(worst)
    sizes = groups.sizes()
    shown = [name for name in groups.labels if sizes[name]]
    columns = min(len(shown), 5)
    rows = -(-len(shown) // columns)
    plot = Canvas(
        (96 + 24 * len(terms)) * rows,
        rows,
        columns,
        share_y="row",
        share_x="column",
        spacing=(0.025, 0.12),
        titles=[f"{wrapped(name, 20)}<br>n = {sizes[name]:,}" for name in shown],
    )
    longest = 0.0
    for place, name in enumerate(shown):
        longest = max(longest, _stack(plot, table[table["group"] == name], terms, sizes[name], scale, place, columns))
    plot.update_yaxes(autorange="reversed", showgrid=False, dtick=1, tickvals=list(range(len(terms))))
    plot.update_yaxes(
        ticktext=[wrapped(term.lower(), 44) for term in terms], tickfont={"size": 12, "color": palette.INK}
    )
    plot.update_xaxes(range=[0, min(100, longest * 1.1)], ticksuffix="", showgrid=True, tickvals=_share_ticks(longest))
    for column in range(1, columns + 1):
        plot.update_xaxes(title_text="patients, %", row=rows, col=column)
    plot.update_layout(barmode="stack", margin={"t": 56, "l": 20}, bargap=0.2)
    return Figure(
        "safety-events",
        f"Adverse events by term, worst {scale} and {groups.noun}",
        _events_caption(worst, every, groups, scale),
        plot,
        table,
        _grade_key(worst, scale),
    )


def _stack(plot: Any, part: pd.DataFrame, terms: list[str], size: int, scale: str, place: int, columns: int) -> float:
    row, column = place // columns + 1, place % columns + 1
    total = pd.Series(0.0, index=terms)
    for grade in sorted(part["worst"].unique()):
        patients = part[part["worst"] == grade].set_index("term")["patients"].reindex(terms).fillna(0)
        total += 100 * patients / size
        plot.add_trace(
            bar(
                x=100 * patients / size,
                y=list(range(len(terms))),
                orientation="h",
                marker={"color": _shade(int(grade)), "line": {"width": 0.5, "color": "white"}},
                customdata=[[int(n), words.plot_text(term)] for term, n in patients.items()],
                hovertemplate=f"%{{customdata[1]}}, {_grade_name(int(grade), scale)}: "
                f"%{{customdata[0]}} of {size} (%{{x:.3g}} %)<extra></extra>",
            ),
            row=row,
            col=column,
        )
    return float(total.max())


def _shade(grade: int) -> str:
    return palette.GRADES.get(grade, "#B9C1C9")


def _grade_name(grade: int, scale: str) -> str:
    if grade == 0:
        return f"{scale} not known"
    return f"grade {grade}" if scale == "grade" else SEVERITY_ORDER[grade - 1]


def _grade_key(worst: pd.DataFrame, scale: str) -> list[tuple[str, str]]:
    return [(_grade_name(int(grade), scale), _shade(int(grade))) for grade in sorted(worst["worst"].unique())]


def _events_caption(worst: pd.DataFrame, terms: list[str], groups: Groups, scale: str) -> str:
    total = int(groups.of.notna().sum())
    top = terms[0]
    n = worst.loc[worst["term"] == top, "subject_id"].nunique()
    parts = [f"The most frequent event is {top.lower()}: {words.count_of(n, total, 'patients')}."]
    severe = worst[worst["worst"] >= 3]
    if len(severe):
        few = severe.groupby("term")["subject_id"].nunique().sort_values(ascending=False, kind="stable")
        named = words.listed(f"{str(term).lower()} ({count})" for term, count in few.head(4).items())
        what = "Grade 3 or worse" if scale == "grade" else "Severe"
        parts.append(f"{what}, in patients: {named}{' and others' if len(few) > 4 else ''}.")
    if len(terms) > SHOWN:
        parts.append(f"The {SHOWN} most frequent of {len(terms):,} terms are shown; the CSV has all.")
    parts.append("A patient counts once a term, with the worst seen; bars are shares of the group.")
    return " ".join(parts)


def onset(record: Any, groups: Groups) -> Figure | None:
    """Dots: the day each patient first had each term."""
    events = record.adverse_events
    if events.empty or events["start_day"].isna().all():
        return None
    worst, scale = worst_by_patient(record, groups)
    terms = ranked_terms(worst)[:12]
    first = events.dropna(subset=["start_day"]).copy()
    first["subject_id"], first["term"] = first["subject_id"].astype(str), first["term"].astype(str)
    first = first[first["term"].isin(terms)]
    first = first.groupby(["subject_id", "term"], as_index=False)["start_day"].min().merge(worst, how="inner")
    if first.empty:
        return None
    first["protocol_day"] = [words.protocol_day(day) for day in first["start_day"]]
    spots = first["term"].map({term: k for k, term in enumerate(terms)}).to_numpy(dtype=float)
    rank = first.groupby("term")["start_day"].rank(method="first").to_numpy(dtype=float)
    jitter = ((rank * 0.618034) % 1.0 - 0.5) * 0.55  # golden-ratio steps: even, and the same in every run
    many = len(first) > 300
    plot = Canvas(90 + 34 * len(terms))
    plot.add_trace(
        scatter(
            x=first["start_day"],
            y=spots + jitter,
            mode="markers",
            marker={
                "size": 5 if many else 9,
                "color": [_shade(int(grade)) for grade in first["worst"]],
                "opacity": 0.7 if many else 1.0,
                "line": {"width": 0.8, "color": palette.MUTED},
            },
            text=[
                f"{words.plot_text(row.subject_id)}, {words.plot_text(row.group)}<br>{words.plot_text(row.term)}, "
                f"{_grade_name(int(row.worst), scale)}, {row.protocol_day}"
                for row in first.itertuples()
            ],
            hovertemplate="%{text}<extra></extra>",
        )
    )
    medians = first.groupby("term")["start_day"].median().reindex(terms)
    low, high = _window(first["start_day"].to_numpy(dtype=float))
    outside = int(((first["start_day"] < low) | (first["start_day"] > high)).sum())
    plot.add_trace(
        scatter(
            x=medians,
            y=list(range(len(terms))),
            mode="markers",
            marker={"symbol": "line-ns", "size": 22, "line": {"width": 2.5, "color": palette.INK}},
            hovertemplate="median: day %{x:.3g}<extra></extra>",
        )
    )
    plot.update_yaxes(
        tickvals=list(range(len(terms))),
        ticktext=[wrapped(term.lower(), 44) for term in terms],
        range=[len(terms) - 0.4, -0.6],
        tickfont={"size": 12, "color": palette.INK},
    )
    plot.update_xaxes(title_text="days since the start of protocol day 1, at first onset", range=[low, high])
    plot.update_xaxes(showgrid=True)
    plot.update_layout(margin={"l": 20, "t": 12})
    early, first_day = medians.idxmin(), medians.min()
    return Figure(
        "safety-onset",
        "When each adverse event first appeared",
        f"One dot a patient at first onset, shaded by worst {scale}; the black bar is the median among patients with "
        f"the event.{_left_out(outside)} {words.capital(str(early).lower())} comes earliest (median "
        f"{words.protocol_day(first_day)}).",
        plot,
        first[["subject_id", "group", "term", "start_day", "worst"]],
        _grade_key(first, scale),
    )


def _window(days: np.ndarray) -> tuple[float, float]:
    """The days to show: all where they lie close, else the middle 98 % with a margin, within six times the quartiles'
    distance, so that a typing error in a date or an old illness does not squeeze everyone else into one line."""
    low, lower, upper, high = (float(q) for q in np.quantile(days, [0.01, 0.25, 0.75, 0.99]))
    reach = 6 * (upper - lower + 1)
    low, high = max(low, lower - reach), min(high, upper + reach)
    pad = 0.04 * (high - low) + 0.5
    wide = float(days.max() - days.min()) > 3 * (high - low + 1)
    return (low - pad, high + pad) if wide else (float(days.min()) - pad, float(days.max()) + pad)


def _left_out(outside: int) -> str:
    if not outside:
        return ""
    verb = "is" if outside == 1 else "are"
    return f" {words.capital(words.counted(outside, 'dot'))} far earlier or later {verb} outside the picture."


def _share_ticks(longest: float) -> list[int]:
    """Three ticks of a narrow axis of percentages; the last leaves room for the next panel's first."""
    step = next((step for top, step in ((60, 40), (30, 20), (15, 10)) if longest > top), 5)
    return [0, step, 2 * step]
