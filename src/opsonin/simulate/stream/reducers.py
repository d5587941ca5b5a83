"""What is kept of patients who are not: statistics that are merged part by part.

A reducer makes a partial state of one part (`of`), merges two (`merge`) and says what came out (`result`). States are
dictionaries of arrays, so that they can be kept on disk beside a stream. Parts are merged in their order, always, so
that the last bit of a mean does not depend on who finished first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

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
        total = values.sum(axis=0)
        if np.isnan(total).any():
            return self._of_some(values, ~np.isnan(values))
        mean = total / max(len(values), 1)
        off = values - mean
        return {
            "count": np.full(mean.shape, float(len(values))),
            "mean": mean,
            "squares": np.einsum("pto,pto->to", off, off),
            "smallest": values.min(axis=0, initial=np.inf),
            "largest": values.max(axis=0, initial=-np.inf),
        }

    def _of_some(self, values: np.ndarray, known: np.ndarray) -> State:
        """Where some values are no numbers."""
        count = known.sum(axis=0).astype(float)
        mean = values.sum(axis=0, where=known) / np.maximum(count, 1.0)
        off = np.where(known, values - mean, 0.0)
        return {
            "count": count,
            "mean": mean,
            "squares": (off * off).sum(axis=0),
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
