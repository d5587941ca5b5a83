"""Randomised trials with a time to event, simulated by the thousand and tested by the log-rank test.

Constant hazards, accrual at an even pace, analysis at a fixed time after the last patient. The test is Mantel's (1966),
Cancer Chemother Rep 50:163, one-sided for benefit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from opsonin.errors import AnalysisError
from opsonin.random import exponential, uniform


@dataclass(frozen=True)
class Logistics:
    """How the trial is run. Days.   dropout_per_day: a constant hazard of being lost.   treated_share: of patients."""

    accrual_days: float
    follow_up_days: float
    dropout_per_day: float = 0.0
    treated_share: float = 0.5

    def __post_init__(self):
        if self.accrual_days < 0 or self.follow_up_days < 0 or self.accrual_days + self.follow_up_days <= 0:
            raise AnalysisError("accrual and follow-up are times from 0 on, and not both 0.")
        if not 0 < self.treated_share < 1:
            raise AnalysisError(f"the share treated is {self.treated_share:g}; it lies between 0 and 1.")
        if self.dropout_per_day < 0:
            raise AnalysisError("the rate of drop-out cannot be negative.")


class Patients:
    """Random numbers of the patients of `trials` trials of up to `most` patients each, drawn once.

    The first n of a trial are its patients when it has n, so that curves over n are smooth and nothing depends on the
    largest n; every comparison of scenarios is of the same patients.
    """

    def __init__(self, trials: int, most: int, seed: int, purpose: str):
        key = np.arange(trials)
        self.trials, self.most = trials, most
        self.until_event = exponential(seed, f"{purpose}: event", key, draws=most)
        self.until_lost = exponential(seed, f"{purpose}: lost", key, draws=most)
        self.entry = uniform(seed, f"{purpose}: entry", key, draws=most)
        self.status = uniform(seed, f"{purpose}: marker", key, draws=most)

    def arms(self, n: int, treated_share: float) -> Bool[np.ndarray, " patient"]:
        """Who is treated: the share spread evenly over the order of entry, as permuted blocks would."""
        return np.diff(np.floor(np.arange(n + 1) * treated_share + 1e-9)) > 0


def logrank_z(
    time: Float[np.ndarray, "trial patient"],
    event: Bool[np.ndarray, "trial patient"],
    treated: Bool[np.ndarray, " patient"],
) -> Float[np.ndarray, " trial"]:
    """The log-rank statistic of each trial, positive where the treated do better; 0 where nothing can be compared.

    Times are continuous, so that ties need no care.
    """
    order = np.argsort(time, axis=1)
    arm, seen = treated[order], np.take_along_axis(event, order, axis=1)
    at_risk = np.arange(time.shape[1], 0, -1)
    share = np.cumsum(arm[:, ::-1], axis=1)[:, ::-1] / at_risk
    less = (seen * (share - arm)).sum(axis=1)
    variance = (seen * share * (1 - share)).sum(axis=1)
    return np.divide(less, np.sqrt(variance), out=np.zeros(len(less)), where=variance > 0)


def success(
    patients: Patients,
    n: int,
    control_per_day: Float[np.ndarray, "trial patient"] | Float[np.ndarray, "trial 1"],
    ratio: Float[np.ndarray, "trial patient"] | Float[np.ndarray, "trial 1"],
    logistics: Logistics,
    alpha: float,
) -> tuple[float, float]:
    """The share of trials of n patients that show benefit (one-sided p < alpha), and their mean number of events.

    control_per_day, ratio: of each trial, or of each of its patients; the ratio acts in the treated only.
    """
    from statistics import NormalDist

    treated = patients.arms(n, logistics.treated_share)
    hazard = np.where(treated, control_per_day * ratio, control_per_day)
    time = patients.until_event[:, :n] / hazard
    limit = logistics.follow_up_days + logistics.accrual_days * (1 - patients.entry[:, :n])
    if logistics.dropout_per_day > 0:
        limit = np.minimum(limit, patients.until_lost[:, :n] / logistics.dropout_per_day)
    event = time <= limit
    z = logrank_z(np.minimum(time, limit), event, treated)
    return float((z > NormalDist().inv_cdf(1 - alpha)).mean()), float(event.sum(axis=1).mean())
