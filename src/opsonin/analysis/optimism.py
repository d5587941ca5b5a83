"""Optimism: how much worse a model does in patients it was not made from, found by making it again and again.

The whole making is repeated in bootstrap samples (choice of markers and cuts too); each model is judged in its own
sample and in the patients as they came, and the mean difference is taken off the apparent performance.
Source: Harrell, Lee & Mark (1996), Stat Med 15:361; interval, shifted by the optimism: Noma et al. (2021), Stat Med
40:5691.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from opsonin.analysis.survival.data import strata_codes
from opsonin.errors import AnalysisError
from opsonin.random import uniform

Rows = Int[np.ndarray, " m"]


@dataclass(frozen=True)
class Optimism:
    """One entry per measure. corrected = apparent − optimism, with its interval; failed: samples without a model."""

    names: list[str]
    apparent: Float[np.ndarray, " measure"]
    optimism: Float[np.ndarray, " measure"]
    corrected: Float[np.ndarray, " measure"]
    lower: Float[np.ndarray, " measure"]
    upper: Float[np.ndarray, " measure"]
    samples: int
    failed: int
    level: float

    def to_frame(self) -> pd.DataFrame:
        """One row a measure."""
        columns = ("apparent", "optimism", "corrected", "lower", "upper")
        return pd.DataFrame({"measure": self.names} | {name: getattr(self, name) for name in columns})


def optimism_corrected(
    fit: Callable[[Rows], Any],
    score: Callable[[Any, Rows], float | Mapping[str, float]],
    n: int,
    *,
    strata: Any = None,
    samples: int = 200,
    seed: int = 1,
    level: float = 0.95,
) -> Optimism:
    """The performance of a model, corrected for having been judged in the patients it was made from.

    fit: makes the model from rows (0 to n − 1; in a sample some come twice). score: its performance in rows, one
    number or several by name, higher or lower being better as it likes. strata: samples are drawn within them.
    Samples in which `fit` or `score` raises AnalysisError, or a score is not a number, are left out and counted.
    Raises: AnalysisError where the model cannot be made from all patients, or in fewer than half of the samples.
    """
    if n < 2 or samples < 2:
        raise AnalysisError(f"{samples} samples of {n} patients say nothing of optimism; use two or more of both.")
    everyone = np.arange(n)
    apparent = _scores(fit, score, everyone, everyone)[0]
    names = list(apparent)
    if not all(math.isfinite(v) for v in apparent.values()):
        bad = next(name for name, v in apparent.items() if not math.isfinite(v))
        raise AnalysisError(f"the model's {bad} in all {n} patients is not a number; its optimism cannot be found.")
    own, back = [], []
    for rows in _samples(n, strata, samples, seed):
        try:
            inside, outside = _scores(fit, score, rows, everyone)
        except AnalysisError:
            continue
        pair = [[values[name] for name in names] for values in (inside, outside)]
        if np.isfinite(pair).all():
            own.append(pair[0])
            back.append(pair[1])
    if len(own) < samples / 2:
        raise AnalysisError(
            f"the model could be made in {len(own)} of {samples} bootstrap samples; it asks too much of {n} patients."
        )
    seen = np.array([apparent[name] for name in names])
    too_good = (np.array(own) - np.array(back)).mean(axis=0)
    tail = (1 - level) / 2
    low, high = np.quantile(np.array(own), [tail, 1 - tail], axis=0)
    failed = samples - len(own)
    return Optimism(names, seen, too_good, seen - too_good, low - too_good, high - too_good, samples, failed, level)


def _scores(fit: Callable, score: Callable, made_from: Rows, judged_in: Rows) -> list[dict[str, float]]:
    """The performance of a model in the rows it was made from, and in others."""
    model = fit(made_from)
    found = [score(model, rows) for rows in (made_from, judged_in)]
    return [{k: float(v) for k, v in f.items()} if isinstance(f, Mapping) else {"score": float(f)} for f in found]


def _samples(n: int, strata: Any, samples: int, seed: int) -> Int[np.ndarray, "sample n"]:
    """Rows of bootstrap samples drawn within strata."""
    codes = strata_codes(strata, n)
    place = np.argsort(codes, kind="stable")
    _, first, count = np.unique(codes[place], return_index=True, return_counts=True)
    start, size = np.repeat(first, count), np.repeat(count, count)
    draws = uniform(seed, "optimism", np.arange(samples), draws=n)
    return place[start + (draws * size).astype(np.int64)]
