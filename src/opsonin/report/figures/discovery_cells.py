"""Figures of samples: the map of cells, markers by kind, composition by patient, and what quality control left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opsonin.report import palette, words
from opsonin.report.figures.base import Figure, label, spread_apart, wrapped
from opsonin.report.figures.canvas import Canvas, bar, scatter

MOST_KINDS = 12  # told apart by colour; further ones are grey
MOST_BARS = 60  # samples side by side
FEW_CELLS = 3000  # on a map, below which points are drawn larger
NAMED = 0.03  # of the cells, from which a kind is named on the map
RESPONSES = {"responder": palette.BLUE, "non-responder": palette.VERMILLION}  # as in the comparison of patients
UNCLASSED = "not classed"
SIZES_AT = -1.3  # the row of a dot plot that explains its sizes; kinds begin at 0
_SHADES = [stop for _, stop in palette.SHADES]


def cell_map(table: pd.DataFrame) -> Figure | None:
    """Every cell where UMAP puts it: by kind, and by response where that is known."""
    if not {"umap_1", "umap_2"} <= set(table.columns):
        return None
    by = [("label" if "label" in table.columns else "cluster", "kind of cell")]
    if "response" in table.columns and table["response"].notna().any():
        by.append(("response", "response of the patient"))
    titles = [words.capital(title) for _, title in by]
    if len(by) > 1:  # the key above is of the kinds alone; the groups are named in their panel's own title
        titles[1] += ": " + ", ".join(
            f'<span style="color:{colour}">{words.plot_text(name)}</span>'
            for name, colour in _response_colours(table).items()
        )
    plot = Canvas(460, 1, len(by), titles=titles, share_y="all", spacing=(0.04, 0.1))
    size = 5 if len(table) < FEW_CELLS else 3
    names_at: list[tuple[str, float, float]] = []
    key: list[tuple[str, str]] = []
    for place, (column, _) in enumerate(by, start=1):
        colours = _response_colours(table) if column == "response" else kind_colours(table[column])
        named = table[column].astype(object).where(table[column].notna(), UNCLASSED).astype(str)
        for name, colour in colours.items():
            own = table[(named == name).to_numpy()]
            if not len(own):
                continue
            plot.add_trace(
                scatter(
                    x=own["umap_1"], y=own["umap_2"], mode="markers",
                    marker={"size": size, "color": colour, "opacity": 0.7},
                    hovertemplate=f"{words.plot_text(name)}<extra></extra>",
                ),
                1,
                place,
            )  # fmt: skip
            if column != "response":
                key.append((name, colour))
                if len(own) >= NAMED * len(table):
                    names_at.append((name, float(own["umap_1"].median()), float(own["umap_2"].median())))
    _name_kinds(plot, names_at, table)
    plot.update_xaxes(showticklabels=False, ticks="", showgrid=False, zeroline=False, title_text="UMAP 1")
    plot.update_yaxes(showticklabels=False, ticks="", showgrid=False, zeroline=False)
    plot.update_yaxes(title_text="UMAP 2", row=1, col=1)
    return Figure(
        "discovery-map",
        f"{len(table):,} cells of {words.numbered(table['subject'].nunique(), 'patient')}",
        "Near each other lie cells that express alike; distances between far groups, and their sizes, mean nothing. A "
        "group of one patient's cells alone, in a kind that others have too, speaks of the patient or the batch.",
        plot,
        table,
        key,
    )


def dots(table: pd.DataFrame) -> Figure | None:
    """Markers by kind: how many cells express a gene (size) and how strongly (colour)."""
    if not len(table):
        return None
    genes, kinds = list(dict.fromkeys(table["gene"])), list(dict.fromkeys(table["label"]))
    top = table.groupby("gene")["mean"].transform("max").replace(0, 1.0)
    shown = table.assign(relative=table["mean"] / top)
    plot = Canvas(160 + 26 * len(kinds))
    plot.add_trace(
        scatter(
            x=shown["gene"].map({gene: k for k, gene in enumerate(genes)}),
            y=shown["label"].map({kind: k for k, kind in enumerate(kinds)}),
            mode="markers",
            marker={
                "size": _dot_size(shown["share"].astype(float)),
                "color": [palette.mix(_SHADES, float(v)) for v in shown["relative"]],
                "line": {"color": palette.GREY, "width": 0.5},
            },
            text=[_dot(row) for row in shown.to_dict("records")],
            hovertemplate="%{text}<extra></extra>",
        )
    )  # fmt: skip
    plot.update_xaxes(
        tickvals=list(range(len(genes))), ticktext=[words.plot_text(g) for g in genes], tickangle=-60,
        range=[-0.7, len(genes) - 0.3], showgrid=False,
    )  # fmt: skip
    plot.update_yaxes(
        tickvals=list(range(len(kinds))), ticktext=[wrapped(str(k), 30) for k in kinds],
        range=[len(kinds) - 0.4, SIZES_AT - 0.6], showgrid=False,
    )  # fmt: skip
    _sizes(plot, len(genes))
    plot.update_layout(margin={"l": 20, "b": 90, "t": 14})
    return Figure(
        "discovery-dots",
        "Marker genes by kind of cell",
        "Size: the share of the kind's cells in which the gene was found. Colour: its mean there, as a part of the "
        "mean in the kind that has most of it. A kind whose markers stand out nowhere else is well told.",
        plot,
        table,
        [(name, palette.mix(_SHADES, at)) for name, at in (("mean 0", 0.0), ("half", 0.5), ("highest mean", 1.0))],
    )


def composition(table: pd.DataFrame, groups: tuple[str, str] = ("responder", "non-responder")) -> Figure | None:
    """Each sample's cells shared out among kinds, the first of two groups first: of the column `group` where there is
    one, of the response otherwise.
    """
    own = table[table["share"].notna()]
    if "group" in own.columns:
        own = own.assign(response=own["group"])
    if not len(own):
        return None
    order = _samples_in_order(own, groups)[:MOST_BARS]
    colours = kind_colours(own["label"], own["cells"])
    place = {name: k for k, name in enumerate(order)}
    plot = Canvas(430)
    shown = own[own["sample"].isin(order)]
    named = shown["label"].astype(str).where(shown["label"].astype(str).isin(set(colours)), "other")
    for name, colour in colours.items():
        mine = shown[(named == name).to_numpy()].groupby("sample", sort=False)["share"].sum().reindex(order).fillna(0)
        plot.add_trace(
            bar(
                x=[place[one] for one in order], y=100 * mine.to_numpy(), marker={"color": colour},
                hovertemplate=f"{words.plot_text(name)}: %{{y:.3g}} %<extra></extra>",
            )
        )  # fmt: skip
    plot.update_layout(barmode="stack", bargap=0.1, margin={"l": 60, "b": 100, "t": 30})
    plot.update_xaxes(tickvals=list(range(len(order))), ticktext=[words.plot_text(one) for one in order],
                      tickangle=-60, tickfont={"size": 10}, range=[-0.6, len(order) - 0.4])  # fmt: skip
    plot.update_yaxes(range=[0, 100], title_text="% of the cells", showgrid=False)
    _groups_above(plot, own, order)
    left = own["sample"].nunique() - len(order)
    more = f" {left} further samples stand in the table." if left else ""
    more += _of_both_groups(own)
    return Figure(
        "discovery-composition",
        f"What the samples are made of ({words.numbered(own['sample'].nunique(), 'sample')} of "
        f"{words.numbered(own['subject'].nunique(), 'patient')})",
        f"One bar a sample. A share also grows where others shrink; comparisons take ratios instead.{more}",
        plot,
        table,
        list(colours.items()),
    )


def quality(table: pd.DataFrame) -> Figure | None:
    """Cells kept and left out, sample by sample."""
    left = [column for column in table.columns if str(column).startswith("left out: ")]
    if not len(table):
        return None
    shown = table.head(MOST_BARS)
    parts = [("kept", "kept", palette.PALE)]
    parts += [(column, str(column).removeprefix("left out: "), palette.GROUPS[k]) for k, column in enumerate(left)]
    parts = [one for one in parts if one[0] == "kept" or table[one[0]].sum() > 0]
    plot = Canvas(320)
    for column, name, colour in parts:
        plot.add_trace(bar(x=list(range(len(shown))), y=shown[column], marker={"color": colour},
                           hovertemplate=f"{words.plot_text(name)}: %{{y}}<extra></extra>"))  # fmt: skip
    plot.update_layout(barmode="stack", bargap=0.15, margin={"l": 60, "b": 100, "t": 14})
    plot.update_xaxes(tickvals=list(range(len(shown))), ticktext=[words.plot_text(one) for one in shown["sample"]],
                      tickangle=-60, tickfont={"size": 10}, range=[-0.6, len(shown) - 0.4])  # fmt: skip
    plot.update_yaxes(title_text="cells", rangemode="tozero")
    gone = int(table["cells"].sum() - table["kept"].sum())
    return Figure(
        "discovery-quality",
        f"Quality control: {gone:,} of {int(table['cells'].sum()):,} cells left out",
        "Cells of each sample by what became of them; every limit stands in the table (CSV). A sample that "
        "loses far more than the others was handled differently.",
        plot,
        table,
        [(name, colour) for _, name, colour in parts],
    )


def kind_colours(labels: pd.Series, weight: pd.Series | None = None) -> dict[str, str]:
    """A colour for each of the most frequent kinds; the others are grey, as "other"."""
    known = labels.astype(object).where(labels.notna(), "unknown").astype(str)
    sizes = known.value_counts() if weight is None else weight.groupby(known.to_numpy()).sum().sort_values()[::-1]
    names = [str(one) for one in sizes.index]
    shown = names[:MOST_KINDS]
    wheel = [*palette.GROUPS, "#A5D6C1", "#F5B895", "#B9A3D0", "#9DB7C7"]
    colours = {name: wheel[k] for k, name in enumerate(shown)}
    if "unknown" in colours:
        colours["unknown"] = "#B4BCC4"  # darker than others' grey, so that points of it are seen
    return colours | ({"other": palette.PALE} if len(names) > MOST_KINDS else {})


def _dot_size(share: Any) -> Any:
    """Points of the drawing across, for a share of cells: the area goes with the share."""
    return np.round(3 + 15 * np.sqrt(share), 1)


def _sizes(plot: Canvas, genes: int) -> None:
    """What the sizes of dots mean, in a row of its own above the first kind."""
    for k, share in enumerate((0.1, 0.25, 0.5, 1.0)):
        x, told = -0.7 + genes * (0.03 + 0.12 * k), f"{100 * share:.0f}{words.NBSP}%"
        plot.add_trace(scatter(x=[x], y=[SIZES_AT], mode="markers", hoverinfo="skip",
                               marker={"size": [_dot_size(share)], "color": palette.PALE}))  # fmt: skip
        label(plot, x, SIZES_AT, told + (" of the cells" if share == 1 else ""), font={"size": 11}, xshift=12)


def _dot(row: dict) -> str:
    where = f"{words.plot_text(row['gene'])} in {words.plot_text(row['label'])}"
    return f"{where}: {words.share(row['share'])} of {int(row['cells']):,} cells, mean {row['mean']:.2f}"


def _response_colours(table: pd.DataFrame) -> dict[str, str]:
    return RESPONSES | ({UNCLASSED: palette.PALE} if table["response"].isna().any() else {})


def _name_kinds(plot: Canvas, names: list[tuple[str, float, float]], table: pd.DataFrame) -> None:
    """Each kind's name at its middle, moved up or down where another's would cover it."""
    height = float(np.ptp(table["umap_2"].astype(float))) or 1.0
    for (name, x, _), y in zip(names, spread_apart([y for _, _, y in names], 0.045 * height), strict=True):
        plot.add_annotation(1, 1, x=x, y=y, text=f"<b>{words.plot_text(name)}</b>", bgcolor="rgba(255,255,255,0.7)",
                            font={"size": 10, "color": palette.INK})  # fmt: skip


def _of_both_groups(table: pd.DataFrame) -> str:
    """That samples stand by their own response, where those of one patient differ in it."""
    if "response" not in table.columns:
        return ""
    split = int((table.groupby("subject")["response"].nunique() > 1).sum())
    if not split:
        return ""
    told = words.capital(words.counted(split, "patient has", "patients have"))
    return (f" {told} samples of both groups: here each sample stands by its own; in the comparison a patient "
            "counts once.")  # fmt: skip


def _samples_in_order(table: pd.DataFrame, groups: tuple[str, str]) -> list[str]:
    """The first group, the second, the others; within each by the share of the commonest kind."""
    commonest = table.groupby("label")["share"].sum().idxmax()
    own = table[table["label"] == commonest].set_index("sample")["share"]
    first = table.drop_duplicates("sample").set_index("sample")
    rank = {groups[0]: 0, groups[1]: 1}
    others = {
        name: 2 + k for k, name in enumerate(sorted(set(first.get("response", pd.Series()).dropna()) - set(rank)))
    }
    answer = (
        first["response"].map(rank | others).fillna(2 + len(others))
        if "response" in first.columns
        else pd.Series(0, index=first.index)
    )
    frame = pd.DataFrame({"answer": answer, "share": own.reindex(first.index).fillna(0)})
    return [str(one) for one in frame.sort_values(["answer", "share"], ascending=[True, False]).index]


def _groups_above(plot: Canvas, table: pd.DataFrame, order: list[str]) -> None:
    """The names of the groups above their bars, with a line between them."""
    if "response" not in table.columns or not table["response"].notna().any():
        return
    first = table.drop_duplicates("sample").set_index("sample")["response"].reindex(order)
    named = first.astype(object).where(first.notna(), UNCLASSED).astype(str).tolist()
    start = 0
    for k in range(1, len(named) + 1):
        if k < len(named) and named[k] == named[start]:
            continue
        text = f"{named[start]} (n = {k - start})"
        plot.add_annotation(x=(start + k - 1) / 2, y=1.0, yref="paper", text=text, yanchor="bottom",
                            font={"size": 12, "color": palette.INK})  # fmt: skip
        if k < len(named):
            plot.add_vline(x=k - 0.5, line={"color": palette.INK, "width": 1})
        start = k
