"""What patients would show at each dose: by probabilities, or as potential outcomes of virtual patients."""

from __future__ import annotations

import abc
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin import random
from opsonin.errors import DesignError


class Shown(NamedTuple):
    """What patients show at the doses they are given, one entry each.

    onset: day of the DLT, inf without one.   response_onset: day on which a response is seen, inf without one.
    grade: of the worst toxicity, -1 unknown.   immune: NaN unknown.
    judged_on: day on which it is known whether there is a DLT (None: that of the DLT, or the end of the window);
    settled_on: likewise of the response.   counted: False for who leaves on the first of these days, so that nobody
    can tell (None: nobody does).
    """

    dlt: Bool[np.ndarray, " patient"]
    onset: Float[np.ndarray, " patient"]
    efficacy: Bool[np.ndarray, " patient"]
    response_onset: Float[np.ndarray, " patient"]
    grade: Int[np.ndarray, " patient"]
    immune: Float[np.ndarray, " patient"]
    judged_on: Float[np.ndarray, " patient"] | None = None
    settled_on: Float[np.ndarray, " patient"] | None = None
    counted: Bool[np.ndarray, " patient"] | None = None


class Drawn(abc.ABC):
    """The patients of some trials, the same whatever the design and the dose: patient s of trial t is who they are."""

    @abc.abstractmethod
    def show(
        self, trial: Int[np.ndarray, " patient"], slot: Int[np.ndarray, " patient"], dose: Int[np.ndarray, " patient"]
    ) -> Shown:
        """What patient `slot` (from 0) of trial `trial` (from 0) shows at a dose (from 1)."""


class Truth(abc.ABC):
    """Draws patients for trials.   doses: how many;   dlt: the DLT probability at each."""

    doses: int
    dlt: Float[np.ndarray, " dose"]

    @abc.abstractmethod
    def draw(self, seed: int, trials: Int[np.ndarray, " trial"], patients: int, timed: bool = True) -> Drawn:
        """The first `patients` patients of these trials (numbers from 1), a function of seed and number alone.

        timed: whether the days on which things show are wanted.
        """


@dataclass(frozen=True, eq=False)
class Scenario(Truth):
    """Probabilities at each dose; sequences of one number a dose, kept as arrays.

    dlt: within the window.   efficacy: None where it is not looked at.   correlation: of the two within a patient, on
    the scale of a bivariate normal distribution that is cut (Gaussian copula).
    window_days, efficacy_window_days: in which they show.   late: the share of DLTs (responses) that come in the second
    half of the window; onset is uniform within each half (0.5: uniform over the window).
    grades: probability of a worst grade 0 … 5 at each dose; its sums over the dose-limiting grades need not be `dlt`.
    immune: mean of the immune endpoint at each dose;   immune_sd: its spread among patients.
    falling: DLT rates may fall with dose, which no design takes to be so; without it that is an error.
    """

    dlt: Any
    efficacy: Any = None
    correlation: float = 0.0
    window_days: float = 28.0
    efficacy_window_days: float = 56.0
    late: float = 0.5
    grades: Any = None
    immune: Any = None
    immune_sd: float = 1.0
    name: str = ""
    columns: int | None = None
    falling: bool = False

    def __post_init__(self) -> None:
        for name in ("dlt", "efficacy", "immune"):
            given = getattr(self, name)
            if given is not None:
                object.__setattr__(self, name, np.asarray(given, dtype=float).ravel())
        if not self.dlt.size:
            raise DesignError("a scenario needs the DLT probability of at least one dose.")
        for name in ("dlt", "efficacy"):
            given = getattr(self, name)
            if given is not None and np.any(~((given >= 0) & (given <= 1))):
                raise DesignError(f"{name} probabilities lie between 0 and 1; {given.tolist()} were given.")
        if self.grades is not None:
            object.__setattr__(self, "grades", np.asarray(self.grades, dtype=float))
            if self.grades.shape != (len(self.dlt), 6) or not np.allclose(self.grades.sum(axis=1), 1.0):
                raise DesignError("grades give the probabilities of grade 0 to 5 at each dose; each row sums to 1.")
        for name in ("efficacy", "immune"):
            given = getattr(self, name)
            if given is not None and given.shape != self.dlt.shape:
                raise DesignError(f"the scenario has {len(self.dlt)} DLT probabilities, but {len(given)} of {name}.")
        if not (0 <= self.late <= 1 and -1 < self.correlation < 1):
            raise DesignError(
                f"late lies in [0, 1] and correlation in (-1, 1); {self.late:g} and {self.correlation:g} were given."
            )

    @property
    def doses(self) -> int:  # type: ignore[override]
        return len(self.dlt)

    @property
    def monotone(self) -> bool:
        """Whether DLT probabilities never fall with dose, of two drugs with that of either."""
        grid = self.dlt.reshape(-1, len(self.dlt) if self.columns is None else self.columns)
        return bool(np.all(np.diff(grid, axis=1) >= 0) and np.all(np.diff(grid, axis=0) >= 0))

    def draw(self, seed: int, trials: Int[np.ndarray, " trial"], patients: int, timed: bool = True) -> Drawn:
        def uniform(purpose: str) -> np.ndarray:
            return random.uniform(seed, f"design {purpose}", trials, draws=patients)

        tolerance = uniform("tolerance")
        sensitivity = uniform("sensitivity") if self.efficacy is not None else None
        if sensitivity is not None and self.correlation:
            from scipy.special import ndtr, ndtri

            r = self.correlation
            sensitivity = ndtr(r * ndtri(tolerance) + np.sqrt(1 - r * r) * ndtri(sensitivity))
        return _FromScenario(
            self,
            tolerance,
            sensitivity,
            lambda: uniform("onset"),
            lambda: uniform("response onset"),
            lambda: random.normal(seed, "design immune", trials, draws=patients),
            lambda: uniform("grade"),
            timed,
        )


@dataclass(eq=False)
class _FromScenario(Drawn):
    """A patient has a DLT at every dose whose probability exceeds their tolerance, so that doses are comparable."""

    scenario: Scenario
    tolerance: np.ndarray
    sensitivity: np.ndarray | None
    draw_onset: Any
    draw_response: Any
    draw_immune: Any
    draw_grade: Any
    timed: bool
    _kept: dict[str, np.ndarray] = field(default_factory=dict)

    def _numbers(self, name: str) -> np.ndarray:
        if name not in self._kept:
            self._kept[name] = getattr(self, f"draw_{name}")()
        return self._kept[name]

    def show(
        self, trial: Int[np.ndarray, " patient"], slot: Int[np.ndarray, " patient"], dose: Int[np.ndarray, " patient"]
    ) -> Shown:
        truth, at = self.scenario, dose - 1
        dlt = self.tolerance[trial, slot] < truth.dlt[at]
        nothing = np.full(len(dose), np.inf)
        onset, response_onset = nothing, nothing
        if self.timed:
            days = truth.window_days * _spread(self._numbers("onset")[trial, slot], truth.late)
            onset = np.where(dlt, days, np.inf)
        efficacy = np.zeros(len(dose), dtype=bool)
        if truth.efficacy is not None and self.sensitivity is not None:
            efficacy = self.sensitivity[trial, slot] < truth.efficacy[at]
            if self.timed:
                days = truth.efficacy_window_days * _spread(self._numbers("response")[trial, slot], truth.late)
                response_onset = np.where(efficacy, days, np.inf)
        grade = np.full(len(dose), -1, dtype=np.int64)
        if truth.grades is not None:
            steps = np.cumsum(truth.grades, axis=1)[at]
            grade = (self._numbers("grade")[trial, slot][:, None] >= steps[:, :-1]).sum(axis=1)
        immune = np.full(len(dose), np.nan)
        if truth.immune is not None:
            immune = truth.immune[at] + truth.immune_sd * self._numbers("immune")[trial, slot]
        return Shown(dlt, onset, efficacy, response_onset, grade, immune)


def _spread(uniform: np.ndarray, late: float) -> np.ndarray:
    """The part of the window at which something shows: so many in its second half."""
    early = 1.0 - late
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = 0.5 * uniform / early, 0.5 + 0.5 * (uniform - early) / late
    return np.where(uniform < early, first, second)


@dataclass(frozen=True, eq=False)
class PotentialDoses(Truth):
    """What each virtual patient of a pool would show at each dose: a design is judged on the therapy it will meet.

    onset: day of the DLT, inf without one.   response_onset: likewise, or None.   immune, grade: or None.
    settled_on: day on which it is known whether there is a response; None: its day, or the end of the window.
    window_days, efficacy_window_days: in which DLTs and responses count.
    weights: how often a patient is enrolled, relatively.   Patients are drawn without replacement within a trial.
    """

    onset: Float[np.ndarray, "patient dose"]
    response_onset: Float[np.ndarray, "patient dose"] | None = None
    immune: Float[np.ndarray, "patient dose"] | None = None
    grade: Int[np.ndarray, "patient dose"] | None = None
    window_days: float = 28.0
    weights: Float[np.ndarray, " patient"] | None = None
    efficacy_window_days: float = 56.0
    settled_on: Float[np.ndarray, "patient dose"] | None = None

    @property
    def doses(self) -> int:  # type: ignore[override]
        return self.onset.shape[1]

    @property
    def dlt(self) -> Float[np.ndarray, " dose"]:
        weights = np.ones(len(self.onset)) if self.weights is None else self.weights
        return weights @ (self.onset < self.window_days) / weights.sum()

    @property
    def efficacy(self) -> Float[np.ndarray, " dose"] | None:
        """The probability of a response at each dose; None where responses are not looked at."""
        if self.response_onset is None:
            return None
        weights = np.ones(len(self.onset)) if self.weights is None else self.weights
        return weights @ (self.response_onset <= self.efficacy_window_days) / weights.sum()

    def draw(self, seed: int, trials: Int[np.ndarray, " trial"], patients: int, timed: bool = True) -> Drawn:
        pool = len(self.onset)
        if patients > pool:
            raise DesignError(f"a trial may need {patients} patients, but the pool has {pool}; make the pool larger.")
        weights = np.ones(pool) if self.weights is None else self.weights
        who = random.weighted_order(seed, "enrolment", weights, trials, patients)
        return _FromPool(self, who)


@dataclass(eq=False)
class _FromPool(Drawn):
    pool: PotentialDoses
    who: np.ndarray

    def show(
        self, trial: Int[np.ndarray, " patient"], slot: Int[np.ndarray, " patient"], dose: Int[np.ndarray, " patient"]
    ) -> Shown:
        pool, at = self.pool, (self.who[trial, slot], dose - 1)
        onset = pool.onset[at]
        dlt = onset < pool.window_days
        never = np.full(len(dose), np.inf)
        response = never if pool.response_onset is None else pool.response_onset[at]
        good = response <= pool.efficacy_window_days
        grade = np.full(len(dose), -1, dtype=np.int64) if pool.grade is None else pool.grade[at]
        immune = np.full(len(dose), np.nan) if pool.immune is None else pool.immune[at]
        settled = None if pool.settled_on is None else pool.settled_on[at]
        return Shown(
            dlt, np.where(dlt, onset, np.inf), good, np.where(good, response, np.inf), grade, immune, settled_on=settled
        )
