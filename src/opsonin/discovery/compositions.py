"""Compositions of samples as log-ratios, with the uncertainty of having counted few cells.

A share that rises because another fell is no finding about its cells; ratios do not depend on what else is counted. A
count of 0 is no proof of absence: with cells drawn at random and a uniform-on-the-logarithm prior between them (half a
cell a type, Jeffreys), the shares are Dirichlet, and the expectation and variance of the logarithm of each are known
exactly, zeros included. Samples of few cells then say less, by their own variance.
Half a cell is more in a small sample than in a large one, so that ratios follow the number of cells. At a common depth
each is the expectation over draws, without replacement, of equally many cells: hypergeometric, and exact too.
Source: Aitchison (1986), The Statistical Analysis of Compositional Data; Fernandes (2014), Microbiome 2:15 (log-ratios
expected under the Dirichlet, there by draws).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from opsonin.discovery.feature_table import FeatureTable
from opsonin.discovery.samples import Samples, composition
from opsonin.errors import DiscoveryError

PRIOR = 0.5  # cells a type before any was counted
CENTRED, REST = "centred", "rest"
LARGEST = 20_000  # cells tried as a sample's size when shares are turned into counts
ROUNDING = 1e-4  # cells; what shares printed with many digits may be off


class LogRatios(NamedTuple):
    """values, variances: samples × labels; natural logarithms.   cells: counted in each sample.   against: of what."""

    values: pd.DataFrame
    variances: pd.DataFrame
    cells: pd.Series
    against: str


def log_ratios(counts: pd.DataFrame, against: str = CENTRED, fewest: int = 20, depth: int | None = None) -> LogRatios:
    """Log-ratios of cell counts, samples × labels.

    against: "centred" (the geometric mean of all labels: a sample's ratios add up to 0), "rest" (the other cells
    together), or one label.   fewest: samples of fewer cells are left out.
    depth: cells to which every sample that has more is drawn down (the expectation over draws); the variances stay
    those of all cells.
    Raises: DiscoveryError for negative or missing counts, fewer than two labels, an unknown label, no sample left,
    or a depth where counts are no whole numbers.
    """
    from scipy.special import polygamma

    whole = _checked(counts)
    size = whole.sum(axis=1)
    kept = size >= max(1, fewest)
    if not kept.any():
        raise DiscoveryError(
            f"no sample has {fewest} cells or more (most: {size.max():g}); lower `fewest` ([discovery] fewest = …), or "
            "map a column that joins them to larger samples."
        )
    cells = whole[kept].to_numpy(dtype=float)
    own, parts = cells + PRIOR, cells.shape[1]
    mean, variance = _log_share(cells, PRIOR, depth), polygamma(1, own)
    if against == CENTRED:
        values = mean - mean.mean(axis=1, keepdims=True)
        spread = variance * (1 - 2 / parts) + variance.sum(axis=1, keepdims=True) / parts**2
    elif against == REST:
        others = own.sum(axis=1, keepdims=True) - own
        rest = _log_share(cells.sum(axis=1, keepdims=True) - cells, PRIOR * (parts - 1), depth, of=cells)
        values, spread = mean - rest, variance + polygamma(1, others)
    elif against in whole.columns:
        at = int(np.flatnonzero(np.asarray(whole.columns) == against)[0])
        values, spread = mean - mean[:, [at]], variance + variance[:, [at]]
        keep = np.arange(parts) != at
        frames = [pd.DataFrame(x[:, keep], whole.index[kept], whole.columns[keep]) for x in (values, spread)]
        return LogRatios(frames[0], frames[1], size[kept], against)
    else:
        raise DiscoveryError(f"there is no label {against!r} to compare with; use 'centred', 'rest' or one of "
                             f"{', '.join(map(str, whole.columns))}.")  # fmt: skip
    frames = [pd.DataFrame(x, whole.index[kept], whole.columns) for x in (values, spread)]
    return LogRatios(frames[0], frames[1], size[kept], against)


def counts_of_percents(percents: pd.DataFrame) -> pd.DataFrame:
    """The counts behind shares that were printed with many digits: the fewest cells of which all are whole numbers.

    Raises: DiscoveryError where the shares are rounded, so that the cells behind them cannot be known, or a sample's do
    not add up to 100.
    """
    shares = percents.to_numpy(dtype=float) / 100
    wrong = ~(np.abs(shares.sum(axis=1) - 1) < 1e-3)
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise DiscoveryError(
            f"the percents of {percents.index[first]} add up to {100 * shares[first].sum():g}, not 100."
        )
    rounded = "the percents are rounded, so that the cells behind them are unknown; give counts of cells."
    if np.allclose(1e5 * shares, np.rint(1e5 * shares), rtol=0, atol=1e-7):
        raise DiscoveryError(rounded)
    found = np.zeros_like(shares)
    sizes = np.arange(1, LARGEST)[:, None]
    for row, share in enumerate(shares):
        fits = (np.abs(share * sizes - np.rint(share * sizes)) < ROUNDING).all(axis=1)
        if not fits.any():
            raise DiscoveryError(f"{percents.index[row]}: {rounded}")
        found[row] = np.rint(share * sizes[int(np.argmax(fits))])
    return pd.DataFrame(found.astype(int), percents.index, percents.columns)


def composition_features(
    samples: Samples,
    *,
    label: str = "label",
    against: str = CENTRED,
    fewest: int = 20,
    shares: bool = True,
    depth: int | None = None,
) -> FeatureTable:
    """Log-ratios of each label, and its percentage, of every sample with `fewest` labelled cells or more.

    depth: as of `log_ratios`.   Raises: DiscoveryError as `log_ratios` and `composition`.
    """
    counts = composition(samples, by="sample", label=label)
    if samples.counts is not None and samples.counts_unit == "percent":
        counts = counts_of_percents(counts)
    found = log_ratios(counts, against, fewest, depth)
    words = {CENTRED: "the geometric mean of all labels", REST: "all other cells"}.get(against, against)
    drawn = "" if depth is None else f" of {depth:,} cells drawn"
    made = [(found.values, "log-ratio", "",
             f"log-ratio to {words}, expected under the Dirichlet of the counts + ½{drawn}")]  # fmt: skip
    if shares:
        kept = counts.loc[found.values.index]
        made.append((100 * kept.div(kept.sum(axis=1), axis=0), "share", "percent", "share of the labelled cells"))
    of = (
        samples.samples.assign(sample=samples.samples["sample"].astype(str))
        .drop_duplicates("sample")
        .set_index("sample")
    )
    frames = []
    for values, name, unit, source in made:
        long = values.rename_axis(index="sample").reset_index().melt("sample", var_name="label")
        long["feature"] = long["label"].astype(str) + f" {name}"
        frames.append(long.assign(unit=unit, kind="composition", source=source))
    frame = pd.concat(frames, ignore_index=True)
    key = frame["sample"].astype(str)
    frame["subject"] = key.map(of["subject"].astype(str).to_dict())
    frame["time"] = key.map(of["time"].to_dict()) if "time" in of else None
    return FeatureTable(
        frame[["subject", "sample", "time", "feature", "value", "unit", "kind", "source"]], samples.samples
    )


def _log_share(cells: np.ndarray, prior: float, depth: int | None, of: np.ndarray | None = None) -> np.ndarray:
    """Expected digamma(cells + prior), at most `depth` cells of each sample (row) drawn without replacement.

    of: the table whose rows add up to the samples, where it is not `cells`.   Raises: DiscoveryError as `log_ratios`.
    """
    from scipy.special import betaln, digamma

    found = digamma(cells + prior)
    if depth is None:
        return found
    if depth < 1 or (cells != np.rint(cells)).any():
        raise DiscoveryError("cells can be drawn to a common depth of 1 or more where counts are whole numbers only.")
    whole = (cells if of is None else of).sum(axis=1)
    for row in np.flatnonzero(whole > depth):
        own, n = cells[row][:, None], whole[row]
        mean = depth * own / n
        reach = 10 * np.sqrt(mean * (1 - own / n) * (n - depth) / max(n - 1, 1)) + 10  # beyond it there is nothing
        low = np.floor(np.maximum(np.maximum(0, depth - (n - own)), mean - reach))
        high = np.minimum(np.minimum(own, depth), mean + reach)
        k = low + np.arange(int((high - low).max()) + 1)
        inside = k <= high
        k = np.where(inside, k, low)
        chosen = [-np.log1p(a) - betaln(a - b + 1, b + 1) for a, b in ((own, k), (n - own, depth - k))]
        weight = np.where(inside, np.exp(chosen[0] + chosen[1] + np.log1p(n) + betaln(n - depth + 1, depth + 1)), 0.0)
        found[row] = (weight * digamma(k + prior)).sum(axis=1) / weight.sum(axis=1)
    return found


def _checked(counts: pd.DataFrame) -> pd.DataFrame:
    if counts.shape[1] < 2:
        raise DiscoveryError("a composition has two or more labels; with one there is nothing to compare it with.")
    numbers = counts.apply(pd.to_numeric, errors="coerce")
    wrong = ~(np.isfinite(numbers.to_numpy(dtype=float)) & (numbers.to_numpy(dtype=float) >= 0))
    if wrong.any():
        row, column = (int(v) for v in np.argwhere(wrong)[0])
        raise DiscoveryError(
            f"the count of {counts.columns[column]} in {counts.index[row]} is {counts.iat[row, column]!r}; counts are "
            "numbers of 0 or more."
        )
    return numbers
