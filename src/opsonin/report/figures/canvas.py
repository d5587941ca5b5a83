"""A drawing as plain Plotly JSON: panels, traces, axes and labels, in the report's one quiet style.

Building `plotly.graph_objects` costs seconds for a report of thirty figures; plain dictionaries cost milliseconds and
draw the same. `Canvas.plotly()` gives the validated Plotly figure to whoever wants to go on with it.
"""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from opsonin.report import palette

if TYPE_CHECKING:
    import plotly.graph_objects as go

FONT = "Inter, 'Segoe UI', 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"


def scatter(**properties: Any) -> dict[str, Any]:
    """A Plotly scatter trace."""
    return {"type": "scatter", **properties}


def bar(**properties: Any) -> dict[str, Any]:
    """A Plotly bar trace."""
    return {"type": "bar", **properties}


class Canvas:
    """A grid of panels.   titles: of the panels, row by row.   share_x, share_y: "" (own), "column", "row" or "all".

    Rows and columns count from 1. spacing: gaps between columns and between rows, as parts of the whole.
    """

    def __init__(
        self,
        height: float | int,
        rows: int = 1,
        columns: int = 1,
        *,
        titles: Sequence[str] = (),
        share_x: str = "",
        share_y: str = "",
        spacing: tuple[float | int, float | int] = (0.08, 0.1),
        row_heights: Sequence[float | int] | None = None,
    ):
        self.rows, self.columns = rows, columns
        self.data: list[dict[str, Any]] = []
        self.layout: dict[str, Any] = {
            "template": _template(),
            "height": round(height),
            "annotations": [],
            "shapes": [],
        }
        across = _split([1.0] * columns, spacing[0])
        down = [(1 - top, 1 - bottom) for bottom, top in _split(row_heights or [1.0] * rows, spacing[1])]
        for row, col in self._panels():
            x, y = self._names(row, col)
            axis_x: dict[str, Any] = {"anchor": y, "domain": list(across[col - 1])}
            axis_y: dict[str, Any] = {"anchor": x, "domain": list(down[row - 1])}
            if share_x:
                first = self._names(1, 1 if share_x == "all" else col)[0]
                axis_x |= {"matches": first} if first != x else {}
                axis_x["showticklabels"] = row == rows
            if share_y and col > 1:
                axis_y |= {"matches": self._names(row, 1)[1], "showticklabels": False}
            self.layout[_key(x)], self.layout[_key(y)] = axis_x, axis_y
        for place, title in enumerate(titles):
            col, row = place % columns, place // columns
            self.add_annotation(
                x=sum(across[col]) / 2, y=down[row][1], text=f"<b>{title}</b>", xref="paper", yref="paper",
                xanchor="center", yanchor="bottom", showarrow=False, font={"size": 13, "color": palette.INK},
            )  # fmt: skip

    @property
    def height(self) -> int:
        """Pixels on the screen."""
        return int(self.layout["height"])

    def add_trace(self, trace: dict[str, Any], row: int = 1, col: int = 1) -> None:
        """Draw a trace in a panel."""
        x, y = self._names(row, col)
        self.data.append({**trace, "xaxis": x, "yaxis": y})

    def update_layout(self, **properties: Any) -> None:
        self.layout.update(properties)

    def update_xaxes(self, row: int | None = None, col: int | None = None, **properties: Any) -> None:
        """Set properties of the x axes of a row, a column, one panel, or all."""
        self._update(0, row, col, properties)

    def update_yaxes(self, row: int | None = None, col: int | None = None, **properties: Any) -> None:
        """Set properties of the y axes of a row, a column, one panel, or all."""
        self._update(1, row, col, properties)

    def add_annotation(self, row: int = 1, col: int = 1, **properties: Any) -> None:
        """Words on a panel; `xref`, `yref` = "paper" place them on the whole drawing instead."""
        x, y = self._names(row, col)
        self.layout["annotations"].append({"xref": x, "yref": y, "showarrow": False, **properties})

    def add_hline(self, y: float | int, line: dict[str, Any], row: int = 1, col: int = 1) -> None:
        """A line across a panel."""
        xref, yref = self._names(row, col)
        ends = {"x0": 0, "x1": 1, "y0": y, "y1": y, "xref": f"{xref} domain", "yref": yref}
        self.layout["shapes"].append({"type": "line", "line": line, **ends})

    def add_vline(self, x: float | int, line: dict[str, Any], row: int = 1, col: int = 1) -> None:
        """A line down a panel."""
        xref, yref = self._names(row, col)
        ends = {"x0": x, "x1": x, "y0": 0, "y1": 1, "xref": xref, "yref": f"{yref} domain"}
        self.layout["shapes"].append({"type": "line", "line": line, **ends})

    def add_band(self, x0: float | int, x1: float | int, colour: str) -> None:
        """A shaded range of x behind the first panel."""
        ends = {"x0": x0, "x1": x1, "y0": 0, "y1": 1, "xref": "x", "yref": "y domain"}
        self.layout["shapes"].append(
            {"type": "rect", "fillcolor": colour, "line": {"width": 0}, "layer": "below", **ends}
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; numbers to six significant digits keep the page light."""
        return {"data": [_plain(trace) for trace in self.data], "layout": _plain(self.layout)}

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def plotly(self) -> "go.Figure":
        """The Plotly figure, validated."""
        import plotly.graph_objects as go

        return go.Figure(self.to_dict())

    def _panels(self) -> Iterator[tuple[int, int]]:
        return ((row, col) for row in range(1, self.rows + 1) for col in range(1, self.columns + 1))

    def _names(self, row: int, col: int) -> tuple[str, str]:
        number = (row - 1) * self.columns + col
        suffix = "" if number == 1 else str(number)
        return f"x{suffix}", f"y{suffix}"

    def _update(self, which: int, row: int | None, col: int | None, properties: dict[str, Any]) -> None:
        title = {
            name.removeprefix("title_"): properties.pop(name) for name in [*properties] if name.startswith("title_")
        }
        for r, c in self._panels():
            if row in (None, r) and col in (None, c):
                axis = self.layout[_key(self._names(r, c)[which])]
                axis.update(properties)
                if title:
                    axis["title"] = {**axis.get("title", {}), **title}


def _key(axis: str) -> str:
    return f"{axis[0]}axis{axis[1:]}"


def _split(shares: Sequence[float | int], gap: float | int) -> list[tuple[float | int, float | int]]:
    """Where each of several neighbours begins and ends in [0, 1], `gap` apart."""
    free = 1 - gap * (len(shares) - 1)
    out, at = [], 0.0
    for share in shares:
        width = free * share / sum(shares)
        out.append((at, min(at + width, 1.0)))
        at += width + gap
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return value
    if isinstance(value, pd.Series | pd.Index):
        value = value.to_numpy()
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return [None if item != item or abs(item) == np.inf else item for item in six_digits(value).tolist()]
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    if isinstance(value, int | np.integer):
        return int(value)
    return None if value is pd.NA else str(value)


def six_digits(values: np.ndarray) -> np.ndarray:
    """Values rounded to six significant digits; NaN and infinity stay."""
    with np.errstate(all="ignore"):
        size = np.where((values == 0) | ~np.isfinite(values), 0.0, np.floor(np.log10(np.abs(values))))
    scale = 10.0 ** (5 - size)
    return np.where(np.isfinite(values), np.round(values * scale) / scale, values)


def _template() -> dict[str, Any]:
    """Thin grey axes, faint grid, ticks outside: the data carry the ink."""
    axis: dict[str, Any] = {
        "showline": True,
        "linecolor": palette.GREY,
        "linewidth": 1,
        "ticks": "outside",
        "ticklen": 4,
    }
    axis |= {"tickcolor": palette.GREY, "gridcolor": "#ECEFF2", "zeroline": False, "automargin": True}
    axis |= {"title": {"standoff": 8, "font": {"size": 13, "color": palette.INK}}}
    axis |= {"tickfont": {"size": 12, "color": palette.MUTED}}
    layout = {
        "font": {"family": FONT, "size": 13, "color": palette.INK},
        "margin": {"l": 70, "r": 20, "t": 30, "b": 54},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "showlegend": False,
        "hovermode": "closest",
        "hoverlabel": {"font": {"family": FONT, "size": 12}},
        "bargap": 0.28,
        "xaxis": {**axis, "showgrid": False},
        "yaxis": {**axis, "showgrid": True},
    }
    return {"layout": layout}
