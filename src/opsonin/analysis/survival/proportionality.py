"""Does a hazard ratio hold over time? The score test for a coefficient that changes with time, β + θ g(t).

At the fit, each event adds to the score of θ its covariate less the mean of its risk set, times g(t); the information
weighs the covariance of the risk set by 1, g and g². Source: Grambsch & Therneau (1994), Biometrika 81:515, as the
score test proper (Therneau & Grambsch 2000, ch. 6), which R's survival uses from version 3.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.errors import AnalysisError

if TYPE_CHECKING:
    from opsonin.analysis.survival.cox import CoxFit, Test

TRANSFORMS = ("km", "rank", "identity", "log")


@dataclass(frozen=True)
class ProportionalHazards:
    """One test per covariate, and one of all together. Small p: the hazard ratio changes over time.

    scaled: scaled Schoenfeld residuals by event, with time and transformed time; a smooth curve through them is the
    coefficient over time.
    """

    names: list[str]
    transform: str
    tests: list[Test]
    overall: Test
    scaled: pd.DataFrame

    @property
    def p(self) -> Float[np.ndarray, " covariate"]:
        """One per covariate."""
        return np.array([test.p for test in self.tests])

    def to_frame(self) -> pd.DataFrame:
        """One row a covariate, and `all together` last."""
        tests = [*self.tests, self.overall]
        return pd.DataFrame(tests).assign(covariate=[*self.names, "all together"])[
            ["covariate", "statistic", "df", "p"]
        ]


def proportional_hazards_test(fit: CoxFit, transform: str = "km") -> ProportionalHazards:
    """Test every covariate of a Cox model for a hazard ratio that changes with g(time).

    transform: g is 1 − the Kaplan–Meier curve just before (km, which outliers in time hardly move), the rank of the
    event time among all times, the time itself (identity), or its logarithm.
    Raises: AnalysisError for an unknown transform, exact ties, log of a time of 0, or events all at one time.
    """
    from opsonin.analysis.survival.cox import chi_squared

    if transform not in TRANSFORMS:
        raise AnalysisError(f"the transform {transform!r} is unknown; choose from {', '.join(TRANSFORMS)}.")
    if fit.ties == "exact":
        raise AnalysisError("proportional hazards are tested with Efron's or Breslow's ties; fit with ties='efron'.")
    data = fit._data
    beta, k = fit.coefficient * data.scale, len(fit.names)
    scaled = fit.residuals("scaled schoenfeld")
    g = _transformed(fit, scaled["time"].to_numpy(dtype=float), transform)
    scaled.insert(1, "transformed_time", g)
    centred = g - g.mean()
    if not np.abs(centred).max() > 1e-12 * max(1.0, float(np.abs(g).max())):
        raise AnalysisError("all events happened at one time, so that no change over time can be tested.")
    model, done = data.likelihood(), 0
    gradient, information = np.zeros(2 * k), np.zeros((2 * k, 2 * k))
    centred = centred / np.abs(centred).max()
    for m in model.moments(beta):
        at = centred[done : done + m.stratum.dead.size]
        done += at.size
        rest = model.x[m.stratum.dead] - m.mean
        gradient += np.r_[rest.sum(axis=0), at @ rest]
        blocks = [np.tensordot(at**power, m.covariance, axes=1) for power in (0, 1, 2)]
        information += np.block([[blocks[0], blocks[1]], [blocks[1], blocks[2]]])
    tests = []
    for j in range(k):
        kept = [*range(k), k + j]
        tests.append(chi_squared(_quadratic(gradient[kept], information[np.ix_(kept, kept)], k, fit.names[j]), 1))
    overall = chi_squared(_quadratic(gradient, information, k, "all covariates together"), k)
    return ProportionalHazards(fit.names, transform, tests, overall, scaled)


def _quadratic(gradient: np.ndarray, information: np.ndarray, k: int, label: str) -> float:
    """The score statistic of what stands behind the first k, which the fit has brought to 0."""
    cross = information[k:, :k]
    schur = information[k:, k:] - cross @ np.linalg.solve(information[:k, :k], cross.T)
    scale = np.sqrt(np.maximum(np.diag(information)[k:], 1e-300))
    if np.linalg.eigvalsh(schur / np.outer(scale, scale)).min() < 1e-10:
        raise AnalysisError(
            f"there are too few event times at which {label!r} differs between those at risk to test its hazard ratio "
            "for change over time."
        )
    rest = gradient[k:] - cross @ np.linalg.solve(information[:k, :k], gradient[:k])
    return float(rest @ np.linalg.solve(schur, rest))


def _transformed(fit: CoxFit, times: np.ndarray, transform: str) -> np.ndarray:
    """g at each event's time."""
    if transform == "identity":
        return times
    if transform == "log":
        if (times <= 0).any():
            raise AnalysisError("an event at time 0 has no logarithm; use the transform 'km' or 'rank'.")
        return np.log(times)
    if transform == "rank":
        every = np.sort(fit._data.time)
        return (np.searchsorted(every, times, "left") + np.searchsorted(every, times, "right") + 1) / 2
    return 1 - _survival_before(fit, times)


def _survival_before(fit: CoxFit, times: np.ndarray) -> np.ndarray:
    """The Kaplan–Meier curve of all together just before each time; with delayed entry of those at risk."""
    data = fit._data
    stops = np.sort(data.time)
    distinct, deaths = np.unique(data.time[data.event], return_counts=True)
    at_risk = data.time.size - np.searchsorted(stops, distinct, side="left")
    if data.entry is not None:
        at_risk = at_risk - (data.time.size - np.searchsorted(np.sort(data.entry), distinct, side="left"))
    curve = np.r_[1.0, np.cumprod(1 - deaths / at_risk)]
    return curve[np.searchsorted(distinct, times, side="left")]
