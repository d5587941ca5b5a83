"""Fine and Gray's regression for the cumulative incidence of one cause.

A Cox model of the subdistribution hazard: who had another event first stays at risk, with the chance of not having been
censored since, G(t−) / G(own time −), as weight; G is the Kaplan–Meier curve of the censoring. Breslow ties.
Source: Fine & Gray (1999), J Am Stat Assoc 94:496; its variance (their η + ψ) counts that G was estimated. The numbers
are those of R's cmprsk.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.analysis.statistics import two_sided_p
from opsonin.analysis.survival.competing import competing_events
from opsonin.analysis.survival.design import design, new_rows, refuse_redundant, standards
from opsonin.errors import AnalysisError

STEPS = 60
FARTHEST = 25.0  # a coefficient this large, per SD of the covariate, is on its way to infinity


@dataclass(frozen=True)
class FineGrayFit:
    """A fitted model of the subdistribution hazard.  n, events, competing: patients, events of the cause, of others.

    log_likelihood, log_likelihood_null: pseudo likelihoods, since the weights are estimated: differences of them are
    not chi-squared.  baseline: time and cumulative subdistribution hazard where all covariates are at their means.
    """

    cause: str
    names: list[str]
    coefficient: Float[np.ndarray, " covariate"]
    variance: Float[np.ndarray, "covariate covariate"]
    log_likelihood_null: float
    log_likelihood: float
    n: int
    events: int
    competing: int
    level: float
    baseline: pd.DataFrame = field(repr=False)
    centre: Float[np.ndarray, " covariate"] = field(repr=False)

    @property
    def se(self) -> Float[np.ndarray, " covariate"]:
        """Standard errors by Fine and Gray's variance."""
        return np.sqrt(np.diag(self.variance))

    @property
    def hazard_ratio(self) -> Float[np.ndarray, " covariate"]:
        """Subdistribution hazard ratios, exp(coefficient)."""
        with np.errstate(over="ignore"):  # per unit of a covariate in tiny units
            return np.exp(self.coefficient)

    @property
    def p(self) -> Float[np.ndarray, " covariate"]:
        """Two-sided Wald p, one per covariate."""
        return np.array([two_sided_p(float(z)) for z in self.coefficient / self.se])

    @property
    def interval(self) -> Float[np.ndarray, "covariate 2"]:
        """Limits of the subdistribution hazard ratio."""
        width = NormalDist().inv_cdf(0.5 + self.level / 2) * self.se
        with np.errstate(over="ignore"):
            return np.exp(np.stack([self.coefficient - width, self.coefficient + width], axis=1))

    def incidence(self, newdata: Any, times: Any) -> Float[np.ndarray, "row time"]:
        """The predicted cumulative incidence of patients with covariates x: 1 − exp(−Λ₀(t) exp((x − mean) β))."""
        t = np.atleast_1d(np.asarray(times, dtype=float))
        step = np.searchsorted(self.baseline["time"], t, side="right")
        hazard = np.r_[0.0, self.baseline["hazard"]][step]
        linear = (new_rows(newdata, self.names) - self.centre) @ self.coefficient
        return -np.expm1(-np.exp(np.clip(linear, -700.0, 700.0))[:, None] * hazard)

    def to_frame(self) -> pd.DataFrame:
        """One row a covariate."""
        low, high = self.interval.T
        columns = {"covariate": self.names, "coefficient": self.coefficient, "se": self.se}
        return pd.DataFrame(columns | {"hazard_ratio": self.hazard_ratio, "lower": low, "upper": high, "p": self.p})


def fine_gray(
    time: Any,
    status: Any,
    cause: Any,
    covariates: Any,
    *,
    names: list[str] | None = None,
    censored: Any = 0,
    level: float = 0.95,
) -> FineGrayFit:
    """Fit the subdistribution hazard ratio of each covariate for `cause`.   status: as for `cumulative_incidence`.

    Raises: AnalysisError for missing values, a cause nobody had, a constant or redundant covariate, or a covariate that
    separates those with the cause from the others.
    """
    t, mine, other = competing_events(time, status, cause, censored)
    x, labels = design(covariates, names, t.size)
    centre, scale = standards(x, labels)
    order = np.argsort(t, kind="stable")
    model = _Weighted(t[order], mine[order], other[order], ((x - centre) / scale)[order])
    beta = np.zeros(x.shape[1])
    null = here = model.at(beta)
    refuse_redundant(null[2], labels)
    for _ in range(STEPS):
        step = np.linalg.lstsq(here[2], here[1], rcond=None)[0]
        step = step * min(1.0, 3.0 / max(float(np.abs(step).max()), 1e-300))
        for _half in range(30):
            there = model.at(beta + step)
            if math.isfinite(there[0]) and there[0] >= here[0] - 1e-12 * abs(here[0]):
                break
            step = step / 2
        gain, beta, here = there[0] - here[0], beta + step, there
        if (gain <= 1e-12 * (1 + abs(here[0])) and np.abs(step).max() < 1e-8) or np.abs(beta).max() > FARTHEST:
            break
    if np.abs(beta).max() > FARTHEST or np.linalg.eigvalsh(here[2])[0] < 1e-4:
        raise AnalysisError(
            f"{labels[int(np.argmax(np.abs(beta)))]!r} separates those who had {cause!r} from those who had not, so "
            "that its hazard ratio has no finite estimate; leave it out, merge categories, or compare with gray_test."
        )
    inverse = np.linalg.inv(here[2])
    influence = model.influence(beta) @ inverse / scale
    hazard = np.cumsum(model.increments(beta))
    return FineGrayFit(
        cause=str(cause),
        names=labels,
        coefficient=beta / scale,
        variance=influence.T @ influence,
        log_likelihood_null=null[0],
        log_likelihood=here[0],
        n=int(t.size),
        events=int(mine.sum()),
        competing=int(other.sum()),
        level=level,
        baseline=pd.DataFrame({"time": model.times, "hazard": hazard}),
        centre=centre,
    )


class _Weighted:
    """The weighted partial likelihood of rows in order of time, by running sums."""

    def __init__(self, t: np.ndarray, mine: np.ndarray, other: np.ndarray, x: np.ndarray):
        self.t, self.mine, self.other, self.x = t, mine, other, x
        self.times = np.unique(t[mine])
        self.deaths = np.bincount(np.searchsorted(self.times, t[mine]), minlength=self.times.size).astype(float)
        self.from_row = np.searchsorted(t, self.times, side="left")  # at risk: from here on; weighted: those before
        lost = ~(mine | other)
        self.leaving = np.unique(t[lost])
        self.lost = np.bincount(np.searchsorted(self.leaving, t[lost]), minlength=self.leaving.size).astype(float)
        self.at_risk = (t.size - np.searchsorted(t, self.leaving, side="left")).astype(float)
        curve = np.r_[1.0, np.cumprod(1 - self.lost / self.at_risk)]
        before = curve[np.searchsorted(self.leaving, t, side="left")]  # G just before each row's own time
        self.inverse = np.where(other, 1.0 / np.where(other, before, 1.0), 0.0)
        self.free = curve[np.searchsorted(self.leaving, self.times, side="left")]

    def at(self, beta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Log likelihood, gradient and information."""
        linear = self.x @ beta
        s0, s1 = self._sums(linear)
        risk = np.exp(linear - linear.max())
        s2 = self._over_risk_sets(risk[:, None, None] * self.x[:, :, None] * self.x[:, None, :])
        mean = s1 / s0[:, None]
        value = float((linear - linear.max())[self.mine].sum() - self.deaths @ np.log(s0))
        gradient = self.x[self.mine].sum(axis=0) - self.deaths @ mean
        second = np.einsum("s,sij->ij", self.deaths / s0, s2)
        return value, gradient, second - (mean * self.deaths[:, None]).T @ mean

    def increments(self, beta: np.ndarray) -> np.ndarray:
        """Steps of the baseline's cumulative subdistribution hazard at the event times."""
        linear = self.x @ beta
        return self.deaths / self._sums(linear)[0] * math.exp(-linear.max())

    def influence(self, beta: np.ndarray) -> np.ndarray:
        """Each row's η + ψ of Fine and Gray: its share of the score, and of what estimating G adds; (n, k)."""
        linear = self.x @ beta
        risk = np.exp(linear - linear.max())
        s0, s1 = self._sums(linear)
        mean, hazard = s1 / s0[:, None], self.deaths / s0
        moved = hazard[:, None] * mean
        # η: own event, less what was expected up to the own time, and after it where another event came first
        upto = np.searchsorted(self.times, self.t, side="right")
        expected = _until(hazard)[upto][:, None] * self.x - _until(moved)[upto]
        rest, rest_moved = _from(self.free * hazard), _from(self.free[:, None] * moved)
        later = rest[upto][:, None] * self.x - rest_moved[upto]
        eta = -risk[:, None] * (expected + self.inverse[:, None] * later)
        eta[self.mine] += self.x[self.mine] - mean[np.searchsorted(self.times, self.t[self.mine])]
        # ψ: the weights, at s ≥ u, of those with another event before u hang on the censoring at u
        weighted = risk * self.inverse
        earlier = np.searchsorted(self.t, self.leaving, side="left")
        after = np.searchsorted(self.times, self.leaving, side="left")
        q = _until(weighted[:, None] * self.x)[earlier] * rest[after][:, None]
        q = q - _until(weighted)[earlier][:, None] * rest_moved[after]
        own = q / self.at_risk[:, None]
        drift = _until(own * (self.lost / self.at_risk)[:, None])
        psi = -drift[np.searchsorted(self.leaving, self.t, side="right")]
        lost = ~(self.mine | self.other)
        psi[lost] += own[np.searchsorted(self.leaving, self.t[lost])]
        return eta + psi

    def _sums(self, linear: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        risk = np.exp(linear - linear.max())
        return self._over_risk_sets(risk), self._over_risk_sets(risk[:, None] * self.x)

    def _over_risk_sets(self, values: np.ndarray) -> np.ndarray:
        """Weighted sums over the risk set of each event time."""
        wide = (slice(None), *([None] * (values.ndim - 1)))
        before = _until(self.inverse[wide] * values)[self.from_row]
        return _from(values)[self.from_row] + self.free[wide] * before


def _until(values: np.ndarray) -> np.ndarray:
    """Running sums, a 0 in front: entry i is the sum of the first i."""
    return np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])


def _from(values: np.ndarray) -> np.ndarray:
    """Sums from each entry to the end, and a 0 after the last."""
    return _until(values[::-1])[::-1]
