"""Global sensitivity: which of the things that vary make an outcome vary, over the whole of their ranges.

Sobol's shares of the variance, Morris's elementary effects and PAWN's distances between distributions, by SALib, of any
function of a sample; `ModelOutcomes` makes a function of a model. Samples are drawn as shares of the factors'
distributions, so any distribution will do; factors vary independently of each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from opsonin.errors import SimulationError
from opsonin.simulate.factors import Factor
from opsonin.simulate.global_sample import Function, check_bootstrap, evaluate, problem_of, salib

if TYPE_CHECKING:
    import pandas as pd

CENTRAL = 0.95  # Morris's steps go over this much of a distribution: its ends are no place to measure a slope
SOURCES = {
    "sobol": "Sobol 2001, Math Comput Simul 55:271; estimators of Saltelli 2010, Comput Phys Commun 181:259",
    "morris": "Morris 1991, Technometrics 33:161; Campolongo 2007, Environ Model Softw 22:1509",
    "pawn": "Pianosi & Wagener 2018, Environ Model Softw 108:197",
}


@dataclass(frozen=True)
class GlobalSensitivity:
    """Indices of F factors for each of several outcomes.

    indices: by name ("first", "total" for Sobol; "effect", "spread" for Morris; "median", "largest" for PAWN),
    (factor, outcome).   intervals: by the same names, (factor, outcome, lower and upper end), by bootstrap; NaN where
    there is none.   pairs: Sobol's second-order indices (factor, factor, outcome) where asked for.
    noise: for PAWN, the index that a factor without any influence would have, by outcome (0 for the others).
    evaluations: of the function.   level: of the intervals.
    """

    method: str
    factors: tuple[str, ...]
    outcomes: tuple[str, ...]
    indices: dict[str, np.ndarray]
    intervals: dict[str, np.ndarray]
    pairs: Float[np.ndarray, "factor factor outcome"] | None
    noise: Float[np.ndarray, " outcome"]
    evaluations: int
    level: float

    @property
    def source(self) -> str:
        """Where the method is published."""
        return SOURCES[self.method]

    def ranked(self, outcome: str | None = None) -> list[tuple[str, float]]:
        """Factors by the index that counts all of a factor's influence (total, effect, median), largest first."""
        column = 0 if outcome is None else self._column(outcome)
        key = {"sobol": "total", "morris": "effect", "pawn": "median"}[self.method]
        values = self.indices[key][:, column]
        return [(self.factors[k], float(values[k])) for k in np.argsort(-values, kind="stable")]

    def to_frame(self) -> pd.DataFrame:
        """One row for each outcome, index and factor: value, lower, upper."""
        import pandas as pd

        rows = [
            (outcome, index, factor, float(values[k, j]), *map(float, self.intervals[index][k, j]))
            for j, outcome in enumerate(self.outcomes)
            for index, values in self.indices.items()
            for k, factor in enumerate(self.factors)
        ]
        return pd.DataFrame(rows, columns=["outcome", "index", "factor", "value", "lower", "upper"])

    def _column(self, outcome: str) -> int:
        if outcome not in self.outcomes:
            raise KeyError(f"no outcome {outcome!r}; outcomes: {', '.join(self.outcomes)}")
        return self.outcomes.index(outcome)


def sobol(
    function: Function,
    factors: Sequence[Factor],
    *,
    samples: int = 1024,
    pairs: bool = False,
    seed: int = 1,
    level: float = 0.95,
    resamples: int = 200,
) -> GlobalSensitivity:
    """Shares of the outcome's variance: "first", by a factor alone; "total", with all it does together with others.

    function: values (sample, factor) -> outcomes (sample,) or (sample, outcome).
    samples: a power of 2; the function is evaluated samples × (factors + 2) times, × (2 · factors + 2) with pairs.
    Raises: SimulationError for outcomes that are no numbers, or that do not vary.
    """
    check_bootstrap(level, resamples)
    analyze, sample = salib("analyze.sobol"), salib("sample.sobol")
    if samples < 2 or samples != int(samples) or int(samples) & (int(samples) - 1):
        raise SimulationError(f"Sobol's sequence needs a power of 2, not {samples} samples; give 256, 512, 1024, ….")
    problem = problem_of(factors, samples)
    shares = sample.sample(problem, samples, calc_second_order=pairs, seed=seed)
    outcomes, names = evaluate(function, factors, shares)
    first, total, second, ends = [], [], [], []
    for column in outcomes.T:
        made = analyze.analyze(
            problem, column, calc_second_order=pairs, num_resamples=resamples, conf_level=level,
            keep_resamples=True, seed=seed + 1,  # SALib takes a seed of 0 for none
        )  # fmt: skip
        first.append(made["S1"])
        total.append(made["ST"])
        second.append(made["S2"] if pairs else None)
        tails = [50 * (1 - level), 50 * (1 + level)]
        ends.append([np.percentile(made[key], tails, axis=0).T for key in ("S1_conf_all", "ST_conf_all")])
    intervals = np.stack([np.stack([ends[j][k] for j in range(len(ends))], axis=1) for k in (0, 1)])
    return GlobalSensitivity(
        method="sobol",
        factors=tuple(factor.name for factor in factors),
        outcomes=names,
        indices={"first": np.stack(first, axis=1), "total": np.stack(total, axis=1)},
        intervals={"first": intervals[0], "total": intervals[1]},
        pairs=np.stack([np.triu(s, 1) + np.triu(s, 1).T for s in second], axis=2) if pairs else None,
        noise=np.zeros(len(names)),
        evaluations=len(shares),
        level=level,
    )


def morris(
    function: Function,
    factors: Sequence[Factor],
    *,
    trajectories: int = 50,
    levels: int = 6,
    seed: int = 1,
    level: float = 0.95,
    resamples: int = 200,
) -> GlobalSensitivity:
    """What steps of one factor at a time do, from many places: for many factors, at few evaluations.

    "effect" is the mean size of the change, in the outcome's unit, that a step from one end of the factor's
    distribution (its central 95 %) to the other would make; "spread" the standard deviation of those changes, large
    where the factor interacts with others or acts along a curve. The function is evaluated
    trajectories × (factors + 1) times.
    Raises: SimulationError for outcomes that are no numbers, or that do not vary.
    """
    check_bootstrap(level, resamples)
    analyze, sample = salib("analyze.morris"), salib("sample.morris")
    if trajectories < 2 or levels < 4 or levels % 2:
        raise SimulationError(f"Morris's design has {trajectories} trajectories on {levels} levels; give at least 2 "
                              "trajectories and an even number of levels from 4 up.")  # fmt: skip
    problem = problem_of(factors, trajectories)
    shares = sample.sample(problem, trajectories, num_levels=levels, seed=seed)
    outcomes, names = evaluate(function, factors, (1 - CENTRAL) / 2 + CENTRAL * shares)
    effect, spread, width = [], [], []
    for column in outcomes.T:
        made = analyze.analyze(
            problem, shares, column, num_levels=levels, num_resamples=resamples, conf_level=level, seed=seed
        )
        effect.append(np.asarray(made["mu_star"], float))
        spread.append(np.asarray(made["sigma"], float))
        width.append(np.asarray(made["mu_star_conf"], float))
    effects, widths = np.stack(effect, axis=1), np.stack(width, axis=1)
    ends = np.stack([np.maximum(effects - widths, 0.0), effects + widths], axis=2)
    return GlobalSensitivity(
        method="morris",
        factors=tuple(factor.name for factor in factors),
        outcomes=names,
        indices={"effect": effects, "spread": np.stack(spread, axis=1)},
        intervals={"effect": ends, "spread": np.full(ends.shape, np.nan)},
        pairs=None,
        noise=np.zeros(len(names)),
        evaluations=len(shares),
        level=level,
    )


def pawn(
    function: Function,
    factors: Sequence[Factor],
    *,
    samples: int = 2000,
    slices: int = 10,
    seed: int = 1,
    level: float = 0.95,
    resamples: int = 50,
) -> GlobalSensitivity:
    """How far the outcome's distribution moves when a factor is held within a tenth of its own, 0 to 1.

    The distance is Kolmogorov and Smirnov's; "median" and "largest" over the slices. No share of a variance, so it
    suits outcomes with long tails. Even a factor without influence has a distance in a finite sample: `noise` is that
    of one put in as a control, not among the factors.
    Raises: SimulationError for outcomes that are no numbers, or that do not vary, and for too few samples.
    """
    check_bootstrap(level, resamples)
    analyze, sample = salib("analyze.pawn"), salib("sample.latin")
    if samples < 20 * slices or slices < 2:
        raise SimulationError(f"PAWN compares {slices} slices of {samples} samples; give at least 20 samples a slice.")
    control = Factor("control", lambda share: share, "")
    problem = problem_of([*factors, control], samples)
    shares = sample.sample(problem, samples, seed=seed)
    outcomes, names = evaluate(function, factors, shares[:, :-1])
    rows = np.random.default_rng(seed).integers(samples, size=(resamples, samples))
    found: dict[str, list[np.ndarray]] = {"median": [], "largest": []}
    ends: dict[str, list[np.ndarray]] = {"median": [], "largest": []}
    tails = [50 * (1 - level), 50 * (1 + level)]
    for column in outcomes.T:
        made = analyze.analyze(problem, shares, column, S=slices)
        again = np.stack([slice_distances(shares[row], column[row], slices) for row in rows])
        for name, key, over in (("median", "median", np.median), ("largest", "maximum", np.max)):
            estimate = np.asarray(made[key], float)
            resampled = over(again, axis=2)
            shift = estimate - resampled.mean(axis=0)  # a resample holds fewer different patients: it is farther off
            found[name].append(estimate)
            ends[name].append(np.clip(np.percentile(resampled, tails, axis=0) + shift, 0, 1).T)
    indices = {name: np.stack(columns, axis=1) for name, columns in found.items()}
    return GlobalSensitivity(
        method="pawn",
        factors=tuple(factor.name for factor in factors),
        outcomes=names,
        indices={name: values[:-1] for name, values in indices.items()},
        intervals={name: np.stack(columns, axis=1)[:-1] for name, columns in ends.items()},
        pairs=None,
        noise=indices["median"][-1],
        evaluations=len(shares),
        level=level,
    )


def slice_distances(
    shares: Float[np.ndarray, "sample factor"], outcome: Float[np.ndarray, " sample"], slices: int
) -> Float[np.ndarray, "factor slice"]:
    """Kolmogorov and Smirnov's distance of the outcome within each slice of each factor from the whole outcome.

    What SALib's PAWN takes the median and the largest of, a hundred times as fast, as a bootstrap needs it.
    """
    samples, factors = shares.shape
    order = np.argsort(outcome, kind="stable")
    last = np.append(np.diff(outcome[order]) > 0, True)  # of patients with the same outcome
    whole = (np.arange(1, samples + 1) / samples)[last]
    ends = np.quantile(shares, np.linspace(0, 1, slices + 1), axis=0)
    made = np.empty((factors, slices))
    for k in range(factors):
        place = np.searchsorted(ends[:, k], shares[order, k], side="right") - 1  # the largest of all is in no slice
        inside = place[:, None] == np.arange(slices)
        counted = inside.cumsum(axis=0)[last] / np.maximum(inside.sum(axis=0), 1)
        made[k] = np.abs(counted - whole[:, None]).max(axis=0)
    return made
