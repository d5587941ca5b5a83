"""Decision curves: what treating by a prediction gains over treating everybody or nobody.

The net benefit of a rule at a threshold p is the share of patients treated who would have had the event, less the share
treated in vain times the odds p / (1 − p) at which the reader trades one for the other.
Source: Vickers & Elkin (2006), Med Decis Making 26:565; with censoring: Vickers et al. (2008), BMC Med Inform Decis Mak
8:53, here with the weights and standard errors of the Brier score.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.analysis.performance.brier import chances
from opsonin.analysis.performance.censoring import checked_horizons, weighted
from opsonin.analysis.performance.roc import standard_error
from opsonin.analysis.survival.data import responses
from opsonin.errors import AnalysisError

THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(1, 20))


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit by threshold, per patient (0.10: as ten more of a hundred helped, nobody harmed).

    benefit: of treating those with a predicted chance at or above the threshold. everyone: of treating all (treating
    none is 0). influence, influence_everyone: what each patient adds; they give the standard errors.
    """

    threshold: Float[np.ndarray, " threshold"]
    benefit: Float[np.ndarray, " threshold"]
    everyone: Float[np.ndarray, " threshold"]
    treated: Float[np.ndarray, " threshold"]
    influence: Float[np.ndarray, "n threshold"] = field(repr=False)
    influence_everyone: Float[np.ndarray, "n threshold"] = field(repr=False)
    n: int
    level: float

    @property
    def se(self) -> Float[np.ndarray, " threshold"]:
        """The standard error of each net benefit."""
        return np.array([standard_error(column) for column in self.influence.T])

    @property
    def gain(self) -> Float[np.ndarray, " threshold"]:
        """Net benefit over the better of treating everybody and treating nobody."""
        return self.benefit - np.maximum(self.everyone, 0.0)

    def to_frame(self) -> pd.DataFrame:
        """One row a threshold.

        Columns: threshold, treated (share), benefit, lower, upper, everyone, gain, spared: treatments spared in a
        hundred patients without a case missed, compared with treating everybody.
        """
        half = NormalDist().inv_cdf(0.5 + self.level / 2) * self.se
        odds = self.threshold / (1 - self.threshold)
        columns = {"threshold": self.threshold, "treated": self.treated, "benefit": self.benefit}
        columns |= {"lower": self.benefit - half, "upper": self.benefit + half, "everyone": self.everyone}
        return pd.DataFrame(columns | {"gain": self.gain, "spared": 100 * (self.benefit - self.everyone) / odds})


def decision_curve(
    time: Any, event: Any, risk: Any, at: float, *, thresholds: Any = THRESHOLDS, level: float = 0.95
) -> DecisionCurve:
    """The net benefit of acting on predicted chances of the event by `at`.

    Raises: AnalysisError for unusable data, a risk outside 0 to 1, or a threshold not between 0 and 1.
    """
    t, d, horizon = checked_horizons(time, event, at)
    w = weighted(t, d, float(horizon[0]))
    return _curve(chances(risk, t.size, 1)[:, 0], w.case, w.control, w.influence, thresholds, level)


def decision_curve_response(
    response: Any, probability: Any, *, thresholds: Any = THRESHOLDS, level: float = 0.95
) -> DecisionCurve:
    """The net benefit of acting on predicted chances of a response (1 or 0).

    Raises: AnalysisError for responses other than 1 and 0, a probability outside 0 to 1, or an unusable threshold.
    """
    y = responses(response).astype(float)
    p = chances(probability, y.size, 1)[:, 0]
    return _curve(p, y, 1 - y, lambda cases, controls: cases + controls, thresholds, level)


def _curve(p: np.ndarray, case: np.ndarray, control: np.ndarray, influence: Any, thresholds: Any, level: float):
    cut = np.atleast_1d(np.asarray(thresholds, dtype=float))
    if cut.ndim != 1 or not ((cut > 0) & (cut < 1)).all():
        raise AnalysisError("a threshold is a chance between 0 and 1 at which one would treat, such as 0.2.")
    shape = (p.size, cut.size)
    rule, everyone = np.empty(shape), np.empty(shape)
    benefit, of_all = np.empty(cut.size), np.empty(cut.size)
    for k, threshold in enumerate(cut):
        odds, high = threshold / (1 - threshold), p >= threshold
        benefit[k] = float((high * (case - odds * control)).mean())
        of_all[k] = float((case - odds * control).mean())
        rule[:, k] = influence(high * case, -odds * high * control)
        everyone[:, k] = influence(case, -odds * control)
    treated = (p[:, None] >= cut[None, :]).mean(axis=0)
    return DecisionCurve(cut, benefit, of_all, treated, rule, everyone, p.size, level)
