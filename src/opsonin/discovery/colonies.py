"""Growth rates of colonies under a drug, from counts of nuclei over time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opsonin.discovery.marker_sources import numbers
from opsonin.errors import DiscoveryError

STABLE_H = 48.0  # hours of drug before growth is taken as settled
FEWEST_NUCLEI, FEWEST_TIMES = 50, 3
OUTER = (("A", "P"), ("1", "24"))  # rows and columns of a 384-well plate from which water is lost


def growth_rates(
    counts: pd.DataFrame,
    *,
    line: str = "line",
    well: str = "well",
    time_h: str = "time_h",
    count: str = "nuclei",
    stable_h: float = STABLE_H,
    outer: bool = False,
) -> pd.DataFrame:
    """line, well, rate (per hour, of log2 nuclei), n (times): the least-squares slope once the drug's effect is stable.

    Wells with 50 or fewer nuclei at the start, with fewer than three times or none left at one of them, and, unless
    `outer`, those at the plate's edge are left out (Hayford 2021, PLoS Biol 19:e3000797).
    Raises: DiscoveryError for a missing column, text among numbers, or where no well is left.
    """
    lacking = [name for name in (line, well, time_h, count) if name not in counts.columns]
    if lacking:
        raise DiscoveryError(f"growth rates: the table has no column {lacking[0]!r}.")
    own = counts.assign(**{name: numbers(counts, name, "growth rates") for name in (time_h, count)})
    if not outer:
        text = own[well].astype(str)
        own = own[~(text.str[0].isin(OUTER[0]) | text.str[1:].isin(OUTER[1]))]
    keys = [line, well]
    start = own[own[time_h] == own.groupby(line)[time_h].transform("min")].set_index(keys)[count]
    grown = start.index[start > FEWEST_NUCLEI]
    own = own.set_index(keys)
    own = own[own.index.isin(grown) & (own[time_h] >= stable_h)]
    bad = own.index[own[count] <= 0]
    own = own[~own.index.isin(bad)]
    if not len(own):
        raise DiscoveryError(f"growth rates: no well is left after {stable_h:g} h; lower stable_h.")
    x, y = own[time_h].astype(float), np.log2(own[count].astype(float))
    groups = pd.DataFrame({"x": x, "y": y, "xx": x * x, "xy": x * y}).groupby(level=[0, 1])
    mean, n = groups.mean(), groups.size()
    spread = mean["xx"] - mean["x"] ** 2
    rate = (mean["xy"] - mean["x"] * mean["y"]) / spread.where(spread > 0)
    made = pd.DataFrame({"rate": rate, "n": n}).rename_axis(["line", "well"]).reset_index()
    return made[(made["n"] >= FEWEST_TIMES) & made["rate"].notna()].reset_index(drop=True)
