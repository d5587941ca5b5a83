"""The Brier score: how far predicted chances of the event are from what happened, the censored weighted for.

Source: Graf et al. (1999), Stat Med 18:2529; Gerds & Schumacher (2006), Biom J 48:1029; standard errors by the
influence of each patient, also on the weights, as in riskRegression; scaled score: Kattan & Gerds (2018), Diagn
Progn Res 2:7.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.analysis.performance.censoring import checked_horizons, weighted
from opsonin.analysis.performance.roc import difference_of_influences, predictions, standard_error
from opsonin.analysis.statistics import Estimate
from opsonin.analysis.survival.km import kaplan_meier
from opsonin.errors import AnalysisError


@dataclass(frozen=True)
class BrierScore:
    """The mean squared error of a predicted chance at each time: 0 is perfect, 0.25 what "50 %" for everyone gives.

    reference: of the Kaplan–Meier curve of all, which knows nothing of the patient. influence, reference_influence:
    what each patient adds to each estimate; they give standard errors and compare two models.
    """

    time: Float[np.ndarray, " at"]
    brier: Float[np.ndarray, " at"]
    se: Float[np.ndarray, " at"]
    reference: Float[np.ndarray, " at"]
    reference_se: Float[np.ndarray, " at"]
    influence: Float[np.ndarray, "n at"] = field(repr=False)
    reference_influence: Float[np.ndarray, "n at"] = field(repr=False)
    n: int
    level: float

    @property
    def scaled(self) -> Float[np.ndarray, " at"]:
        """1 − score / reference: the share of the error that the predictions take away; below 0 they do harm."""
        return 1 - np.divide(self.brier, self.reference, out=np.full(self.time.size, np.nan), where=self.reference > 0)

    def to_frame(self) -> pd.DataFrame:
        """One row a time: brier, se, lower, upper, reference, reference_se, scaled."""
        half = NormalDist().inv_cdf(0.5 + self.level / 2) * self.se
        columns = {"time": self.time, "brier": self.brier, "se": self.se, "lower": np.maximum(self.brier - half, 0.0)}
        columns |= {"upper": np.minimum(self.brier + half, 1.0), "reference": self.reference}
        return pd.DataFrame(columns | {"reference_se": self.reference_se, "scaled": self.scaled})

    def integrated(self) -> tuple[float, float]:
        """The mean score from the first time to the last (trapezoids between them), and its standard error.

        Raises: AnalysisError for a single time.
        """
        share = self._shares()
        return float(self.brier @ share), standard_error(self.influence @ share)

    def integrated_scaled(self) -> float:
        """1 − integrated score / integrated reference.

        Raises: AnalysisError for a single time.
        """
        share = self._shares()
        return 1 - float(self.brier @ share) / float(self.reference @ share)

    def minus(self, other: BrierScore | None = None) -> pd.DataFrame:
        """This score less that of another model (of the reference if None): time, difference, lower, upper, p.

        Raises: AnalysisError where patients or times differ.
        """
        score = self.reference if other is None else other.brier
        influence = self.reference_influence if other is None else other.influence
        if influence.shape != self.influence.shape or (other is not None and (other.time != self.time).any()):
            raise AnalysisError("two models are compared in the same patients and at the same times.")
        rows = []
        for k, at in enumerate(self.time):
            gap, p = difference_of_influences(
                self.brier[k] - score[k], self.influence[:, k] - influence[:, k], self.level
            )
            rows.append({"time": at, "difference": gap.value, "lower": gap.lower, "upper": gap.upper, "p": p})
        return pd.DataFrame(rows)

    def integrated_minus(self, other: BrierScore | None = None) -> tuple[Estimate, float]:
        """The integrated score less that of another model (of the reference if None), with interval and p.

        Raises: AnalysisError where patients or times differ, or for a single time.
        """
        self.minus(other)
        score = self.reference if other is None else other.brier
        influence = self.reference_influence if other is None else other.influence
        share = self._shares()
        return difference_of_influences(
            float((self.brier - score) @ share), (self.influence - influence) @ share, self.level
        )

    def _shares(self) -> Float[np.ndarray, " at"]:
        if self.time.size < 2:
            raise AnalysisError("a score is integrated over two or more times; give more than one.")
        gaps = np.diff(self.time)
        return (np.r_[gaps, 0.0] + np.r_[0.0, gaps]) / (2 * float(gaps.sum()))


def brier(time: Any, event: Any, risk: Any, times: Any, *, level: float = 0.95) -> BrierScore:
    """The Brier score of predicted chances of the event by each of `times`.

    risk: (n, times), or (n,) for one time: the predicted probability of the event by then (1 − predicted survival).
    Raises: AnalysisError for unusable data, a risk outside 0 to 1, or times beyond the follow-up.
    """
    t, d, at = checked_horizons(time, event, times)
    p = chances(risk, t.size, at.size)
    curve = kaplan_meier(t, d).at(at)["survival"].to_numpy(dtype=float)
    score, se, reference, reference_se = (np.zeros(at.size) for _ in range(4))
    influence, known_nothing = np.zeros((t.size, at.size)), np.zeros((t.size, at.size))
    for k, horizon in enumerate(at):
        w = weighted(t, d, float(horizon))
        own = (w.case * (1 - p[:, k]) ** 2, w.control * p[:, k] ** 2)
        null = (w.case * curve[k] ** 2, w.control * (1 - curve[k]) ** 2)
        score[k], reference[k] = float((own[0] + own[1]).mean()), float((null[0] + null[1]).mean())
        influence[:, k], known_nothing[:, k] = w.influence(*own), w.influence(*null)
        se[k], reference_se[k] = standard_error(influence[:, k]), standard_error(known_nothing[:, k])
    return BrierScore(at, score, se, reference, reference_se, influence, known_nothing, t.size, level)


def chances(risk: Any, n: int, times: int) -> Float[np.ndarray, "n at"]:
    """Predicted probabilities as (n, times).

    Raises: AnalysisError where one lies outside 0 to 1, naming the patient (counted from 1).
    """
    p = predictions(risk, n, times, "predicted risk")
    wrong = ((p < 0) | (p > 1)).any(axis=1)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        bad = float(p[row][(p[row] < 0) | (p[row] > 1)][0])
        raise AnalysisError(f"the predicted risk of patient {row + 1} is {bad:g}; a probability lies between 0 and 1.")
    return p
