"""Quantiles of any number of patients, from counts in bins of equal relative width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from opsonin.errors import SimulationError
from opsonin.simulate.stream.reducers import State

MOST_BYTES = 2**30  # that counts may take


@dataclass(frozen=True)
class Quantiles:
    """Quantiles over patients, at every time for every output.

    at: probabilities.   bits: bins split every doubling into 2**bits, so that a quantile errs by less than 1 / 2**bits
    of its value (0.8 % by default; with many patients far less, since it is found inside its bin by rank). Memory is
    8 bytes a bin between the smallest and the largest value, for every time and output, however many patients.
    floor: what is smaller in size counts as 0, what is beyond single precision (3e38) as infinite.
    Everything is counted or compared, so that the result is exact in any order.
    Source: the relative bins of Masson 2019, Proc VLDB Endow 12:2195 (DDSketch), with the leading bits of the
    floating-point number as the bin.
    """

    at: Sequence[float | int] = (0.05, 0.25, 0.5, 0.75, 0.95)
    bits: int = 7
    floor: float = 1e-12

    def __post_init__(self) -> None:
        wrong = [p for p in self.at if not 0 <= p <= 1]
        if wrong or not len(self.at):
            raise SimulationError(f"Quantiles: {wrong[0] if wrong else 'nothing'} is no probability between 0 and 1.")
        if not 1 <= self.bits <= 16:
            raise SimulationError(f"Quantiles: {self.bits} bits; give 1 to 16.")
        if not 1e-37 <= self.floor < np.inf:
            raise SimulationError(f"Quantiles: the floor is {self.floor}; give a number from 1e-37 on.")

    def of(self, values: Float[np.ndarray, "patient time output"]) -> State:
        """counts: (time × output, bin);   first: the bin of the first column, 0 for what counts as nought."""
        flat = values.reshape(len(values), values.shape[1] * values.shape[2])
        bins = self._bins(flat)
        absent = np.isnan(flat)
        if absent.any():
            bins = np.where(absent, 0, bins)
        first, last = (int(bins.min()), int(bins.max())) if bins.size else (0, 0)
        width = last - first + 1
        self._check(flat.shape[1] * width)
        places = bins - first + width * np.arange(flat.shape[1])
        counts = np.bincount(places[~absent] if absent.any() else places.ravel(), minlength=flat.shape[1] * width)
        return {
            "first": np.array(first),
            "counts": counts.reshape(flat.shape[1], width).astype(np.int32),  # half of it to send
            "smallest": np.fmin.reduce(values, axis=0, initial=np.inf),
            "largest": np.fmax.reduce(values, axis=0, initial=-np.inf),
        }

    def merge(self, left: State, right: State) -> State:
        begins = [int(state["first"]) for state in (left, right)]
        ends = [begin + state["counts"].shape[1] for begin, state in zip(begins, (left, right), strict=True)]
        first, last = min(begins), max(ends)
        self._check(len(left["counts"]) * (last - first))
        counts = np.zeros((len(left["counts"]), last - first), dtype=np.int64)
        for begin, end, state in zip(begins, ends, (left, right), strict=True):
            counts[:, begin - first : end - first] += state["counts"]
        return {
            "first": np.array(first),
            "counts": counts,
            "smallest": np.minimum(left["smallest"], right["smallest"]),
            "largest": np.maximum(left["largest"], right["largest"]),
        }

    def result(self, state: State) -> Float[np.ndarray, "probability time output"]:
        """Between patients by rank, as numpy.quantile does; NaN where there was no patient."""
        counts = state["counts"]
        low, high = self._edges(int(state["first"]) + np.arange(counts.shape[1]))
        smallest, largest = state["smallest"].ravel(), state["largest"].ravel()
        made = np.full((len(self.at), len(counts)), np.nan)
        for n, row in enumerate(counts):
            hit = np.flatnonzero(row)
            if len(hit):
                bottom, top = (np.clip(edge[hit], smallest[n], largest[n]) for edge in (low, high))
                made[:, n] = np.clip(self._within(bottom, top, row[hit]), smallest[n], largest[n])
        return made.reshape(len(self.at), *state["smallest"].shape)

    def _bins(self, flat: np.ndarray) -> np.ndarray:
        """The bin of every value: 0 for nought, then so many from the floor on, negative ones for negative values."""
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            words = flat.astype(np.float32).view(np.int32)
        size = ((words & np.int32(0x7FFFFFFF)) >> np.int32(23 - self.bits)) - np.int32(self._origin)
        np.maximum(size, 0, out=size)
        return np.where(words < 0, -size, size)

    @property
    def _origin(self) -> int:
        """The leading bits of the floor: one less than those of the first bin."""
        return int(np.float32(self.floor).view(np.int32)) >> (23 - self.bits)

    def _edges(self, bins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where every bin begins and ends, from below."""
        infinity = np.int64(0x7F800000)
        size = np.abs(bins) + self._origin
        ends = [
            np.minimum(words << (23 - self.bits), infinity).astype(np.int32).view(np.float32).astype(float)
            for words in (size, size + 1)
        ]
        inner, outer = (np.where(bins == 0, 0.0, end) for end in ends)
        return np.where(bins < 0, -outer, inner), np.where(bins < 0, -inner, outer)

    def _within(self, low: np.ndarray, high: np.ndarray, count: np.ndarray) -> np.ndarray:
        """Quantiles of one column."""
        before = np.cumsum(count) - count
        last = count.sum() - 1
        rank = np.asarray(self.at, float) * last
        below, above = (_ranked(low, high, count, before, whole) for whole in (np.floor(rank), np.ceil(rank)))
        with np.errstate(invalid="ignore"):  # infinite values
            between = np.where(below == above, below, below + (rank - np.floor(rank)) * (above - below))
        return np.where(rank == 0, low[0], np.where(rank == last, high[-1], between))

    def _check(self, bins: int) -> None:
        if bins * 8 > MOST_BYTES:
            raise SimulationError(
                f"Quantiles: {bins:,} bins would take {bins * 8 / 2**30:.1f} GiB; ask for fewer times or outputs, "
                f"fewer bits than {self.bits}, or a higher floor than {self.floor:g}."
            )


def _ranked(low: np.ndarray, high: np.ndarray, count: np.ndarray, before: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """The patients of these ranks, whole numbers from 0: those of a bin are thought of as evenly spread over it."""
    here = np.searchsorted(before, rank, side="right") - 1
    inside = (rank - before[here] + 0.5) / count[here]
    bottom, top = low[here], high[here]
    with np.errstate(invalid="ignore"):  # a bin of infinite values
        return np.where(bottom == top, bottom, bottom + inside * (top - bottom))
