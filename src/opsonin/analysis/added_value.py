"""What markers add to what the clinic knows already: nested models of the same patients, and what survives honesty.

The likelihood ratio is the test. The gain in concordance is the size, corrected for optimism by bootstrap: models that
are fitted and judged on the same patients look better than they are, the larger one more so.
Source: Harrell, Lee & Mark (1996), Stat Med 15:361 (optimism by bootstrap); Noma et al. (2021), Stat Med 40:5691
(interval, shifted by the optimism); van Houwelingen (2000), Stat Med 19:3401 (calibration slope); Pepe et al. (2013),
Stat Med 32:1467 (the test of the gain is that of the coefficients).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.hazard_model import HazardModel, fit_hazards
from opsonin.analysis.optimism import Optimism, optimism_corrected
from opsonin.analysis.performance import concordance
from opsonin.analysis.statistics import NAN, Estimate
from opsonin.analysis.survival.data import checked
from opsonin.analysis.survival.likelihood import PartialLikelihood
from opsonin.errors import AnalysisError

SAMPLES = 200
STEPS = 60
MEASURES = ("clinical", "with markers", "gain", "slope, clinical", "slope, with markers")


@dataclass(frozen=True)
class Judged:
    """A measure of a model: as it looks in its own patients, its optimism, and what is left with an interval."""

    apparent: float
    optimism: float
    corrected: Estimate


@dataclass(frozen=True)
class AddedValue:
    """A clinical model (base) and the same with markers (full), in the same patients.

    statistic, df, p: of the markers together, by the test named in `test`.   base, full, gain: concordances and their
    difference.   base_slope, full_slope: calibration slopes (1 is right, below 1 the predictions are too extreme).
    samples, failed: bootstrap samples, and those in which a model could not be fitted; said: why nothing is corrected.
    """

    n: int
    events: int
    statistic: float
    df: int
    p: float
    test: str
    base: Judged
    full: Judged
    gain: Judged
    base_slope: Judged
    full_slope: Judged
    samples: int
    failed: int
    said: str
    base_model: HazardModel | None = field(repr=False)
    full_model: HazardModel = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row a measure: apparent, optimism, corrected, lower, upper."""
        parts = (self.base, self.full, self.gain, self.base_slope, self.full_slope)
        rows = [
            {"measure": name, "apparent": one.apparent, "optimism": one.optimism, **one.corrected._asdict()}
            for name, one in zip(MEASURES, parts, strict=True)
        ]
        return pd.DataFrame(rows).rename(columns={"value": "corrected"})


def value_added(
    time: Any,
    event: Any,
    base: pd.DataFrame,
    more: pd.DataFrame,
    *,
    samples: int = SAMPLES,
    seed: int = 1,
    level: float = 0.95,
) -> AddedValue:
    """What the columns of `more` add to those of `base` (which may be none) in predicting the time to an event.

    samples: bootstrap samples for the optimism; 0 for none.
    Raises: AnalysisError where a model cannot be fitted, or shapes disagree.
    """
    t, d, _ = checked(time, event)
    if len(base) != t.size or len(more) != t.size:
        raise AnalysisError(f"there are {t.size} times but {len(base)} and {len(more)} rows of covariates.")
    if not more.shape[1]:
        raise AnalysisError("nothing is added: name a marker that varies among these patients.")
    small = base.reset_index(drop=True)
    large = pd.concat([small, more.reset_index(drop=True)], axis=1)
    full = fit_hazards(t, d, large, level=level)
    low = fit_hazards(t, d, small, level=level) if small.shape[1] else None
    tested = full.block_test(list(map(str, more.columns)), low)
    judged, failed, said = _judged(t, d, small, large, samples, seed, level)
    base_as, full_as, gain, base_slope, full_slope = judged
    return AddedValue(
        int(t.size), int(d.sum()), *tested, base_as, full_as, gain, base_slope, full_slope, samples, failed, said, low,
        full,
    )  # fmt: skip


def _judged(
    t: np.ndarray, d: np.ndarray, small: pd.DataFrame, large: pd.DataFrame, samples: int, seed: int, level: float
):
    """The five measures, each corrected where enough samples gave both models."""

    def fit(rows: np.ndarray) -> list[HazardModel | None]:
        return [
            fit_hazards(t[rows], d[rows], x.iloc[rows].reset_index(drop=True), intervals=False) if x.shape[1] else None
            for x in (small, large)
        ]

    def score(models: list[HazardModel | None], rows: np.ndarray, slopes: bool = True) -> dict[str, float]:
        found = {}
        for model, x, name in zip(models, (small, large), MEASURES[:2], strict=True):
            found[name], found[f"slope, {name}"] = 0.5, 1.0  # no model at all: nobody is told from anybody
            if model is not None:
                predictor = x.to_numpy(dtype=float)[rows] @ model.coefficient
                found[name] = concordance(t[rows], d[rows], predictor).estimate
                found[f"slope, {name}"] = _slope(t[rows], d[rows], predictor) if slopes else NAN
        return {"gain": found["with markers"] - found["clinical"], **found}

    everyone = np.arange(t.size)
    if samples < 2:
        seen = score(fit(everyone), everyone, slopes=False)
        return [Judged(seen[m], NAN, Estimate(NAN, NAN, NAN)) for m in MEASURES], 0, "No bootstrap samples were drawn."
    try:
        found = optimism_corrected(fit, score, t.size, samples=samples, seed=seed, level=level)
    except AnalysisError as problem:
        seen = score(fit(everyone), everyone, slopes=False)
        return [Judged(seen[m], NAN, Estimate(NAN, NAN, NAN)) for m in MEASURES], samples, str(problem)
    return [_one(found, measure) for measure in MEASURES], found.failed, ""


def _one(found: Optimism, measure: str) -> Judged:
    k = found.names.index(measure)
    low, high = float(found.lower[k]), float(found.upper[k])
    if measure.startswith("slope"):  # 1 in every sample it was fitted to, which says nothing of its spread
        low = high = NAN
    corrected = Estimate(float(found.corrected[k]), low, high)
    return Judged(float(found.apparent[k]), float(found.optimism[k]), corrected)


def _slope(t: np.ndarray, d: np.ndarray, predictor: np.ndarray) -> float:
    """The coefficient of the linear predictor itself: 1 in the patients it was fitted to.

    By Newton's method from 1, as a whole fit for each sample would be most of the work.
    """
    if not np.ptp(predictor) > 1e-12:
        raise AnalysisError("the model predicts the same for everyone; it has no slope.")
    model = PartialLikelihood(t, d, predictor[:, None], np.zeros(t.size, dtype=np.int64), None, "efron")
    slope = 1.0
    for _ in range(STEPS):
        here = model.at(np.array([slope]))
        step = float(here.gradient[0]) / max(float(here.information[0, 0]), 1e-12)
        slope += max(-0.5, min(0.5, step))
        if abs(step) < 1e-8:
            return slope
    raise AnalysisError("a predictor separates the events, so that no calibration slope can be found.")
