"""What a signature is made for: a response (1 or 0), or the time to an event; how each is fitted and judged."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.analysis.penalised_cox import PartialLoss, penalised_cox
from opsonin.analysis.performance import Concordance, concordance
from opsonin.analysis.survival.data import checked, responses, strata_codes
from opsonin.errors import AnalysisError

Rows = Int[np.ndarray, " m"]
Others = Int[np.ndarray, " others"]
Path = tuple[
    Float[np.ndarray, " penalty"], Float[np.ndarray, "penalty k"]
]  # intercepts and coefficients, one row a penalty
NEWTON = 500  # up to so many covariates, solving with the matrix of second derivatives is the fastest
NEEDED = (1, 8)  # since then `l1_ratio` alone says what is penalised; before, it was ignored without a second argument
MISSING = (
    'scikit-learn 1.8 or newer is needed for a signature of a response; install it: pip install "scikit-learn>=1.8"'
)


@contextmanager
def one_thread() -> Iterator[None]:
    """Small sums on one thread: more only wait for each other, and could add in another order."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


class Outcome(ABC):
    """An outcome of n patients. event: who responded, or had the event."""

    kind: str
    measure: str
    event: Bool[np.ndarray, " n"]

    @property
    def n(self) -> int:
        """How many patients there are."""
        return self.event.size

    @abstractmethod
    def path(self, rows: Rows, x: np.ndarray, penalties: np.ndarray, mixture: float) -> Path:
        """Intercepts and coefficients for each penalty, from these rows of the outcome and their columns x."""

    @abstractmethod
    def steepest(self, rows: Rows, x: np.ndarray) -> float:
        """The largest slope of the loss where all coefficients are 0: the lasso penalty that leaves no marker."""

    @abstractmethod
    def deviance(self, fold: Rows, others: Others, linear: np.ndarray) -> float:
        """How badly linear predictors (n,) made from `others` fit the patients of `fold`."""

    @abstractmethod
    def discrimination(self, linear: np.ndarray, rows: Rows, strata: Any = None) -> Concordance:
        """How well linear predictors (of these rows) order the patients; a high one means response, or an early event.

        Raises: AnalysisError where the rows hold no comparable pair.
        """


@dataclass(frozen=True)
class Response(Outcome):
    """Response as 1 or 0."""

    event: Bool[np.ndarray, " n"]
    kind: str = "response"
    measure: str = "area under the ROC curve"

    def path(self, rows: Rows, x: np.ndarray, penalties: np.ndarray, mixture: float) -> Path:
        """By scikit-learn, each penalty from where the last one ended."""
        try:
            import sklearn
            from sklearn.exceptions import ConvergenceWarning
            from sklearn.linear_model import LogisticRegression
        except ImportError as problem:
            raise AnalysisError(MISSING) from problem
        if tuple(int(part) for part in sklearn.__version__.split(".")[:2]) < NEEDED:
            raise AnalysisError(f"{MISSING} (there is {sklearn.__version__}).")
        y, n = self.event[rows].astype(int), rows.size
        if y.min() == y.max():
            raise AnalysisError(f"{'all' if y[0] else 'none'} of {n} patients responded; a signature needs both kinds.")
        ridge = mixture == 0
        solver = "saga" if not ridge else "newton-cholesky" if x.shape[1] <= NEWTON else "lbfgs"
        model = LogisticRegression(
            l1_ratio=mixture,
            solver=solver,
            tol=1e-7 if ridge else 1e-5,
            max_iter=20_000,
            warm_start=True,
            random_state=0,
        )
        intercepts, coefficients = np.zeros(penalties.size), np.zeros((penalties.size, x.shape[1]))
        for step, penalty in enumerate(penalties):
            model.C = 1 / (n * float(penalty))
            with warnings.catch_warnings():
                warnings.simplefilter("error", ConvergenceWarning)
                try:
                    model.fit(x, y)
                except ConvergenceWarning as problem:
                    raise AnalysisError(
                        f"the penalty {penalty:.2g} is too small for these data; give a larger one."
                    ) from problem
            intercepts[step], coefficients[step] = np.ravel(model.intercept_)[0], np.ravel(model.coef_)
        return intercepts, coefficients

    def steepest(self, rows: Rows, x: np.ndarray) -> float:
        y = self.event[rows].astype(float)
        return float(np.abs(x.T @ (y - y.mean())).max()) / rows.size

    def deviance(self, fold: Rows, others: Others, linear: np.ndarray) -> float:
        y, eta = self.event[fold], linear[fold]
        return float(2 * (np.logaddexp(0.0, eta) - y * eta).sum())

    def discrimination(self, linear: np.ndarray, rows: Rows, strata: Any = None) -> Concordance:
        hit = self.event[
            rows
        ]  # responders "have the event" at 1, others are followed beyond: the concordance is the AUC
        return concordance(np.where(hit, 1.0, 2.0), hit, linear, strata=strata)


@dataclass(frozen=True)
class Survival(Outcome):
    """Time to an event, in one unit, with strata of the baseline hazard."""

    time: Float[np.ndarray, " n"]
    event: Bool[np.ndarray, " n"]
    strata: Int[np.ndarray, " n"]
    kind: str = "survival"
    measure: str = "concordance"

    def path(self, rows: Rows, x: np.ndarray, penalties: np.ndarray, mixture: float) -> Path:
        return np.zeros(penalties.size), penalised_cox(self._loss(rows), x, penalties, mixture)

    def steepest(self, rows: Rows, x: np.ndarray) -> float:
        return float(np.abs(x.T @ self._loss(rows)(np.zeros(rows.size))[1]).max())

    def deviance(self, fold: Rows, others: Others, linear: np.ndarray) -> float:
        """What the fold's patients add to the partial likelihood (Verweij & van Houwelingen 1993, Stat Med 12:2305)."""
        both = np.concatenate([others, fold])
        with_fold = self._loss(both)(linear[both])[0] * both.size
        return 2 * (with_fold - self._loss(others)(linear[others])[0] * others.size)

    def discrimination(self, linear: np.ndarray, rows: Rows, strata: Any = None) -> Concordance:
        return concordance(self.time[rows], self.event[rows], linear, strata=strata)

    def _loss(self, rows: Rows) -> PartialLoss:
        if not self.event[rows].any():
            raise AnalysisError(f"none of {rows.size} patients had the event; a signature needs events in every part.")
        return PartialLoss(self.time[rows], self.event[rows], self.strata[rows])


def outcome_of(response: Any, time: Any, event: Any, strata: Any) -> Outcome:
    """The outcome that a call names.

    Raises: AnalysisError where it names none, or two.
    """
    if (response is None) == (time is None) or (time is None) != (event is None):
        raise AnalysisError("a signature is made for one outcome: give response, or time and event.")
    if response is not None:
        if strata is not None:
            raise AnalysisError("strata belong to times to an event; for a response put them among the covariates.")
        return Response(responses(response))
    t, d, _ = checked(time, event)
    return Survival(t, d, strata_codes(strata, t.size))
