"""The prior of EffTox from what the team expects at each dose, worth a stated number of patients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from opsonin.designs.efftox_posterior import Prior
from opsonin.errors import DesignError

BEND = 0.2  # standard deviation of the curvature, as published
_NODES = np.linspace(-8.0, 8.0, 161)
_WEIGHTS = np.exp(-0.5 * _NODES**2) / np.exp(-0.5 * _NODES**2).sum()


def efftox_prior(
    doses: Sequence[float], toxicity: Sequence[float], efficacy: Sequence[float], patients: float = 0.9
) -> Prior:
    """The normal prior whose mean rates are nearest to the expected ones, and that is worth so many patients.

    doses: of the levels, rising.   toxicity, efficacy: expected rates at each.   patients: the mean over doses of the
    size of the beta distribution with the same mean and variance of the rate, for toxicity and for efficacy each;
    0.3 to 1 are advised, so that the first cohorts outweigh it.
    Within each regression intercept and slope have one standard deviation; the curvature has mean 0 and 0.2.
    Source: Thall, Herrick, Nguyen, Venier & Norris (2014), Clin Trials 11:657, doi:10.1177/1740774514547397.
    Raises: DesignError for rates outside (0, 1) or one for each dose missing, doses that do not rise, or a number of
    patients that no standard deviation gives.
    """
    x = np.asarray(doses, dtype=float)
    if len(x) < 2 or x.min() <= 0 or np.any(np.diff(x) <= 0):
        raise DesignError("a prior needs at least two doses above 0 that rise from level to level.")
    for name, given in (("toxicity", toxicity), ("efficacy", efficacy)):
        if len(given) != len(x) or min(given) <= 0 or max(given) >= 1:
            raise DesignError(f"expected {name} is one rate between 0 and 1 for each of {len(x)} doses: {list(given)}.")
    if not patients > 0:
        raise DesignError(f"the prior is worth {patients:g} patients; give a number above 0.")
    x = np.log(x) - np.log(x).mean()
    (t0, t1), t = _regression(x, np.asarray(toxicity, dtype=float), patients, 0.0)
    (e0, e1), e = _regression(x, np.asarray(efficacy, dtype=float), patients, BEND)
    return Prior((t0, t), (t1, t), (e0, e), (e1, e), (0.0, BEND), (0.0, 1.0))


def prior_patients(mean: Float[np.ndarray, " dose"], spread: Float[np.ndarray, " dose"]) -> float:
    """What normal priors of the logit at each dose are worth in patients, on average."""
    rates = 1 / (1 + np.exp(-(mean[:, None] + spread[:, None] * _NODES)))
    expected = rates @ _WEIGHTS
    variance = (rates - expected[:, None]) ** 2 @ _WEIGHTS
    return float(np.mean(expected * (1 - expected) / variance - 1))


def _regression(
    x: Float[np.ndarray, " dose"], wanted: Float[np.ndarray, " dose"], patients: float, bend: float
) -> tuple[tuple[float, float], float]:
    """Prior means of intercept and slope, and their standard deviation."""
    low, high = 1e-2, 20.0  # standard deviations between which a prior is worth very many, and next to no patients

    def at(spread: float) -> tuple[np.ndarray, float]:
        each = np.sqrt(spread**2 * (1 + x**2) + bend**2 * x**4)
        line = _nearest(x, wanted, each)
        return line, prior_patients(line[0] + line[1] * x, each)

    if not at(high)[1] < patients < at(low)[1]:
        raise DesignError(f"no prior with these expected rates is worth {patients:g} patients; ask for another number.")
    for _ in range(60):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if at(middle)[1] > patients else (low, middle)
    line, _ = at(low)
    return (float(line[0]), float(line[1])), low


def _nearest(x: np.ndarray, wanted: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """The intercept and slope whose mean rates are nearest to the wanted ones, by damped Gauss-Newton steps."""
    line = np.array([0.0, 1.0])

    def misses(line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rates = 1 / (1 + np.exp(-((line[0] + line[1] * x)[:, None] + spread[:, None] * _NODES)))
        slope = (rates * (1 - rates)) @ _WEIGHTS
        return rates @ _WEIGHTS - wanted, np.stack([slope, slope * x], axis=1)

    damping = 1e-3
    off, change = misses(line)
    for _ in range(200):
        curvature = change.T @ change
        step = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), change.T @ off)
        trial = line - step
        trial_off, trial_change = misses(trial)
        if trial_off @ trial_off <= off @ off:
            line, off, change, damping = trial, trial_off, trial_change, damping / 4
            if np.abs(step).max() < 1e-10:
                break
        else:
            damping *= 8
            if damping > 1e12:
                break
    return line
