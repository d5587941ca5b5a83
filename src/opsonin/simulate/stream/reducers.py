"""What is kept of patients who are not: statistics that are merged part by part.

A reducer makes a partial state of one part (`of`), merges two (`merge`) and says what came out (`result`). States are
dictionaries of arrays, so that they can be kept on disk beside a stream. Parts are merged in their order, always, so
that the last bit of a mean does not depend on who finished first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from opsonin.errors import SimulationError

State = dict[str, np.ndarray]


@runtime_checkable
class Reducer(Protocol):
    """Anything with these three; sent to worker processes, so a class at the top of a module."""

    def of(self, values: Float[np.ndarray, "patient time output"]) -> State:
        """The state of one part's patients; those whose simulation failed are left out before."""
        ...

    def merge(self, left: State, right: State) -> State:
        """The state of both; `right` are the later patients."""
        ...

    def result(self, state: State) -> Any: ...


@dataclass(frozen=True)
class Moments:
    """What `Mean` gives, each (time, output).   count: values that are numbers;   sd: of a sample (n − 1)."""

    count: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    smallest: np.ndarray
    largest: np.ndarray


@dataclass(frozen=True)
class Mean:
    """Mean, standard deviation, smallest and largest over patients, at every time for every output.

    Source: Chan 1983, The American Statistician 37:242, for merging means and sums of squares.
    """

    def of(self, values: Float[np.ndarray, "patient time output"]) -> State:
        known = ~np.isnan(values)
        whole = bool(known.all())
        filled = values if whole else np.where(known, values, 0.0)
        count = known.sum(axis=0).astype(float)
        mean = filled.sum(axis=0) / np.maximum(count, 1.0)
        off = values - mean
        off *= off
        if not whole:
            off[~known] = 0.0
        return {
            "count": count,
            "mean": mean,
            "squares": off.sum(axis=0),
            "smallest": values.min(axis=0, initial=np.inf, where=known),
            "largest": values.max(axis=0, initial=-np.inf, where=known),
        }

    def merge(self, left: State, right: State) -> State:
        count = left["count"] + right["count"]
        share = right["count"] / np.maximum(count, 1.0)
        gap = right["mean"] - left["mean"]
        return {
            "count": count,
            "mean": left["mean"] + gap * share,
            "squares": left["squares"] + right["squares"] + gap * gap * left["count"] * share,
            "smallest": np.minimum(left["smallest"], right["smallest"]),
            "largest": np.maximum(left["largest"], right["largest"]),
        }

    def result(self, state: State) -> Moments:
        count = state["count"]
        with np.errstate(invalid="ignore", divide="ignore"):
            sd = np.where(count > 1, np.sqrt(state["squares"] / (count - 1)), np.nan)
        nobody = count == 0
        kept = {name: np.where(nobody, np.nan, state[name]) for name in ("mean", "smallest", "largest")}
        return Moments(count.astype(np.int64), kept["mean"], sd, kept["smallest"], kept["largest"])


@dataclass(frozen=True)
class Quantiles:
    """Quantiles over patients, at every time for every output, from counts in bins of equal relative width.

    at: probabilities.   bits: the bins split every doubling into 2**bits, so that a quantile errs by less than
    1 / 2**bits of its value (0.4 % by default). Far less as a rule: a bin keeps its smallest and largest value, and the
    quantile is found between them by rank. Memory is that of the bins that are hit, at most a few hundred for each
    doubling, whatever the patients. Everything is counted or compared, so that the result is exact in any order. Values
    beyond single precision (3e38) are infinite.
    Source: the relative bins of Masson 2019, Proc VLDB Endow 12:2195 (DDSketch), with the leading bits of the
    floating-point number as the bin.
    """

    at: Sequence[float | int] = (0.05, 0.25, 0.5, 0.75, 0.95)
    bits: int = 8

    def __post_init__(self) -> None:
        wrong = [p for p in self.at if not 0 <= p <= 1]
        if wrong or not len(self.at):
            raise SimulationError(f"Quantiles: {wrong[0] if wrong else 'nothing'} is no probability between 0 and 1.")
        if not 1 <= self.bits <= 16:
            raise SimulationError(f"Quantiles: {self.bits} bits; give 1 to 16.")

    def of(self, values: Float[np.ndarray, "patient time output"]) -> State:
        patients, columns = len(values), values.shape[1] * values.shape[2]
        with np.errstate(over="ignore", under="ignore"):
            ordered = values.reshape(patients, columns).T.astype(np.float32) + np.float32(0.0)  # −0 becomes 0
        ordered.sort(axis=1)
        words = ordered.view(np.int32)
        # nought and positive numbers are ordered as their bits are, negative ones the other way round
        bins = np.where(words >= 0, words, words ^ np.int32(0x7FFFFFFF)) >> np.int32(23 - self.bits)
        begins = np.ones((columns, patients), dtype=bool)
        begins[:, 1:] = bins[:, 1:] != bins[:, :-1]
        first = np.flatnonzero(begins)
        last = np.append(first[1:], ordered.size)
        low, high = ordered.ravel()[first], ordered.ravel()[last - 1]
        cells = (first // max(patients, 1) << 32) + (bins.ravel()[first].astype(np.int64) + (1 << 31))
        known = ~np.isnan(low)
        made = {"cells": cells, "count": last - first, "low": low, "high": high}
        return {name: array[known] for name, array in made.items()} | {"shape": np.array(values.shape[1:])}

    def merge(self, left: State, right: State) -> State:
        cells = np.concatenate([left["cells"], right["cells"]])
        if not len(cells):
            return left
        order = np.argsort(cells, kind="stable")  # two sorted runs: merged in one pass
        cells = cells[order]
        begins = np.flatnonzero(np.concatenate([[True], cells[1:] != cells[:-1]]))
        merged = {"cells": cells[begins], "shape": left["shape"]}
        for name, by in (("count", np.add), ("low", np.minimum), ("high", np.maximum)):
            merged[name] = by.reduceat(np.concatenate([left[name], right[name]])[order], begins)
        return merged

    def result(self, state: State) -> Float[np.ndarray, "probability time output"]:
        """NaN where there was no patient."""
        times, outputs = (int(n) for n in state["shape"])
        made = np.full((len(self.at), times * outputs), np.nan)
        bounds = np.searchsorted(state["cells"] >> 32, np.arange(times * outputs + 1))
        for n, (first, last) in enumerate(pairwise(bounds.tolist())):
            if first < last:
                made[:, n] = self._within(*(state[name][first:last] for name in ("low", "high", "count")))
        return made.reshape(len(self.at), times, outputs)

    def _within(self, low: np.ndarray, high: np.ndarray, count: np.ndarray) -> np.ndarray:
        """Quantiles of one column: patients of a bin are thought of as evenly spread from its lowest to its highest."""
        before = np.cumsum(count) - count
        rank = np.asarray(self.at, float) * (count.sum() - 1)
        below, above = (self._ranked(low, high, count, before, whole) for whole in (np.floor(rank), np.ceil(rank)))
        with np.errstate(invalid="ignore"):  # infinite values
            return np.where(below == above, below, below + (rank - np.floor(rank)) * (above - below))

    def _ranked(
        self, low: np.ndarray, high: np.ndarray, count: np.ndarray, before: np.ndarray, rank: np.ndarray
    ) -> np.ndarray:
        """The patients of these ranks, whole numbers from 0."""
        here = np.searchsorted(before, rank, side="right") - 1
        inside = (rank - before[here]) / np.maximum(count[here] - 1, 1)
        bottom, top = low[here].astype(float), high[here].astype(float)
        with np.errstate(invalid="ignore"):  # a bin of infinite values
            return np.where(bottom == top, bottom, bottom + inside * (top - bottom))
