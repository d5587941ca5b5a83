"""Figure of chapter 5: how the lymphocytes of the blood are shared out, visit by visit and level by level.

Only parents that do not overlap are stacked (B, CD4+, CD8+, NK): subsets such as HLA-DR+ NK would be counted twice.
"""

from typing import Any

import pandas as pd

from opsonin.analysis.immune_composition import PARENTS, lymphocyte_counts
from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, wrapped
from opsonin.report.figures.canvas import Canvas, bar
from opsonin.report.groups import Groups

COLOURS = {"CD4+": palette.BLUE, "CD8+": palette.SKY, "NK": palette.ORANGE, "B": palette.GREEN}
VISITS = 8  # with the most patients; more would not be readable
NARROW = 8.0  # a share below this has no room for its number


def composition(record: Any, groups: Groups) -> Figure | None:
    """Stacked median shares; nothing where one of the four is missing, or has another unit or compartment."""
    shares = lymphocyte_shares(record, groups)
    if shares.empty or groups.many:
        return None
    table = median_composition(shares)
    labels = [name for name in groups.labels if name in set(table["group"])]
    days = sorted(table["day"].unique())
    columns = min(4, len(labels))
    lines = -(-len(labels) // columns)
    titles = [] if groups.single else [wrapped(name, 26) for name in labels]
    plot = Canvas(80 + 260 * lines, lines, columns, titles=titles, share_y="all", spacing=(0.03, min(0.3, 0.4 / lines)))
    for place, name in enumerate(labels):
        row, column = place // columns + 1, place % columns + 1
        _panel(plot, table[table["group"] == name], days, row, column)
    plot.update_layout(barmode="stack", bargap=0.12, margin={"l": 60, "t": 40 if titles else 20})
    plot.update_xaxes(tickvals=list(range(len(days))), range=[-0.55, len(days) - 0.45])
    plot.update_yaxes(range=[0, 100], showgrid=False)
    for line in range(1, lines + 1):
        plot.update_yaxes(title_text="% of the four", row=line, col=1)
    return Figure(
        "immune-composition",
        f"Composition of the lymphocytes, by visit{'' if groups.single else f' and {groups.noun}'}",
        _caption(table, labels, days, groups),
        plot,
        table,
        [(name, COLOURS[name]) for name in PARENTS],
    )


def lymphocyte_shares(record: Any, groups: Groups) -> pd.DataFrame:
    """Percent of B, CD4+, CD8+ and NK together, of patients with all four on a day.

    Columns: subject_id, group, day (protocol day), and one for each parent; rows sum to 100.
    """
    counts = lymphocyte_counts(record.measurements)
    parts = list(PARENTS)
    counts[parts] = counts[parts].div(counts[parts].sum(axis=1), axis=0).mul(100)
    counts["group"] = groups.label(counts["subject_id"])
    return counts.dropna(subset=["group"])[["subject_id", "group", "day", *parts]].reset_index(drop=True)


def median_composition(shares: pd.DataFrame) -> pd.DataFrame:
    """The median share of each parent by group and day, closed to 100 %, with the number of patients.

    Columns: group, day, marker, percent, median_percent (before closing), patients.
    """
    most = shares["day"].value_counts().index[:VISITS]
    by = shares[shares["day"].isin(most)].groupby(["group", "day"], sort=True)
    medians: Any = by[list(PARENTS)].median()
    closed = medians.div(medians.sum(axis=1), axis=0).mul(100)
    long = closed.melt(ignore_index=False, var_name="marker", value_name="percent")
    long["median_percent"] = medians.melt(ignore_index=False)["value"].to_numpy(dtype=float)
    return long.join(by.size().rename("patients")).reset_index()


def _panel(plot: Canvas, part: pd.DataFrame, days: list[Any], row: int, column: int) -> None:
    place = {day: k for k, day in enumerate(days)}
    for name in PARENTS:
        mine = part[part["marker"] == name]
        shown = [f"{words.number(v, 2)}" if v >= NARROW else "" for v in mine["percent"]]
        plot.add_trace(
            bar(
                x=mine["day"].map(place), y=mine["percent"], marker={"color": COLOURS[name]}, text=shown,
                textposition="inside", insidetextanchor="middle", textangle=0,
                textfont={"color": palette.INK if name in ("NK", "CD8+") else "white", "size": 11},
                hovertemplate=f"{words.plot_text(name)}: %{{y:.3g}} %<extra></extra>",
            ),
            row,
            column,
        )  # fmt: skip
    patients = part.drop_duplicates("day").set_index("day")["patients"]
    ticks = [f"{_day(day)}<br>n = {int(patients.get(day, 0))}" for day in days]
    plot.update_xaxes(ticktext=ticks, showticklabels=True, title_text="protocol day", row=row, col=column)


def _day(day: Any) -> str:
    return str(int(day)).replace("-", words.MINUS)


def _caption(table: pd.DataFrame, labels: list[str], days: list[Any], groups: Groups) -> str:
    parts = [
        "Median share of each cell type among patients with all four, closed to 100 %; n is their number. A share also "
        "grows when the others shrink: the changes from baseline are above."
    ]
    top = labels[-1]
    mine = table[table["group"] == top].pivot_table(index="day", columns="marker", values="percent")
    if len(mine) > 1:
        first, most = mine.iloc[0], (mine - mine.iloc[0]).abs().max(axis=1).idxmax()
        name = str((mine.loc[most] - first).abs().idxmax())
        where = "" if groups.single else f" at {top}"
        parts.append(
            f"The largest change{where}: {name} from {words.number(first[name])} % on day {_day(mine.index[0])} to "
            f"{words.number(mine.loc[most, name])} % on day {_day(most)}."
        )
    return " ".join(parts)
