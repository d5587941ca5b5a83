"""Do the p-values hold in trials of 17 patients? Small escalations in which the dose moves both marker and outcome.

Each trial has 3, 8 and 6 patients at three dose levels; the hazard halves with each level and the marker rises with it.
Without any link of the marker itself, a p below 0.05 is a false discovery, which should come in 5 % of trials; with a
link (hazard ratio 3 per SD within a level) it is a true one. The defaults (`analyse`, `screen`) stand beside the exact
stratified test, all 3! × 8! × 6! exchanges of patients within levels, and beside what is often done instead.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import erfc

from opsonin.analysis import screening
from opsonin.analysis.biomarkers import permuted_strengths
from opsonin.analysis.screening import screen
from opsonin.analysis.survival import cox_single_covariate_many
from opsonin.analysis.survival.likelihood import logrank_scores
from opsonin.random import exponential, normal, uniform

PATIENTS = (3, 8, 6)
PER_LEVEL, SHIFT, LINK = 0.5, 1.0, 3.0  # hazard ratio and marker SDs per level; hazard ratio per SD of the marker
MEDIAN_DAYS = 60.0  # free of progression, at the lowest level
SCAN_DAY, RESPONSE = 84.0, 0.35  # a response is confirmed on this day, in a share of those still free of progression
TRIALS, ALPHA = 2000, 0.05
LEVEL = np.repeat(np.arange(len(PATIENTS)), PATIENTS)


class Trials(NamedTuple):
    """Replicate trials, (trial, patient)."""

    day: np.ndarray
    event: np.ndarray
    marker: np.ndarray
    responder: np.ndarray


def simulated(trials: int, hazard_ratio: float, seed: int = 1) -> Trials:
    """Trials in which the marker, over what the dose does to it, has this hazard ratio per SD."""
    number, n = np.arange(trials), LEVEL.size
    own = normal(seed, "marker", number, draws=n)
    hazard = np.log(2) / MEDIAN_DAYS * PER_LEVEL**LEVEL * hazard_ratio**own
    day = np.ceil(exponential(seed, "survival", number, draws=n) / hazard)
    end = np.ceil(365 + 535 * uniform(seed, "follow-up", number, draws=n))
    chance = uniform(seed, "response", number, draws=n) < RESPONSE
    return Trials(np.minimum(day, end), day <= end, own + SHIFT * LEVEL, chance & (day > SCAN_DAY))


@cache
def orders(size: int) -> np.ndarray:
    """Every order of so many, one a row."""
    return np.array(list(permutations(range(size))))


def exact_p(day: np.ndarray, event: np.ndarray, x: np.ndarray) -> float:
    """The exact p of the stratified score statistic: every exchange of patients within their levels."""
    scores = logrank_scores(day, event, LEVEL)
    seen = abs(float(scores @ x)) - 1e-9
    sums = []
    for level, size in enumerate(PATIENTS):
        here = level == LEVEL
        sums.append(scores[here][orders(size)] @ x[here])
    largest = int(np.argmax(PATIENTS))
    many = np.sort(sums.pop(largest))
    others = (sums[0][:, None] + sums[1][None, :]).reshape(-1)
    above = many.size - np.searchsorted(many, seen - others, side="left")
    below = np.searchsorted(many, -seen - others, side="right")
    return float((above + below).sum() / (many.size * others.size))


def default_p(day: np.ndarray, event: np.ndarray, x: np.ndarray, seed: int) -> float:
    """The p of a biomarker finding: permutation within levels of the stratified score."""
    rows = pd.DataFrame({"day": day, "event": event, "x": x, "group": LEVEL.astype(str)})
    null = permuted_strengths(rows, seed, "null trials")
    draws = null.strengths.size
    return (1 + round(null.share * draws)) / (1 + draws) if draws else 1.0


def firth_p(day: np.ndarray, event: np.ndarray, x: np.ndarray, seed: int) -> float:
    """The penalised likelihood ratio p of a stratified Firth model."""
    found = screen(day, event, x, strata=LEVEL, method="firth", test="likelihood ratio")
    return float(found.table["p"].iloc[0])


def screened_p(day: np.ndarray, event: np.ndarray, x: np.ndarray, seed: int) -> float:
    """The p of a screen by its defaults."""
    return float(screen(day, event, x, strata=LEVEL, permutations=1999, seed=seed).table["p"].iloc[0])


def one_by_one(p_of: Callable[..., float], trials: Trials) -> np.ndarray:
    """p of every trial; 1 where nothing can be tested."""
    found = [p_of(trials.day[k], trials.event[k], trials.marker[k], k) for k in range(len(trials.day))]
    return np.where(np.isnan(found), 1.0, found)


def two_sided(z: np.ndarray) -> np.ndarray:
    """p of a normal statistic; 1 where there is none."""
    return np.where(np.isfinite(z), erfc(np.abs(np.nan_to_num(z)) / np.sqrt(2)), 1.0)


def wald(trials: Trials, x: np.ndarray, strata: np.ndarray | None) -> np.ndarray:
    """Wald p; 1 where the marker separates, since the standard error grows faster than the coefficient."""
    fit = cox_single_covariate_many(trials.day, trials.event, x, strata=strata)
    return two_sided(fit.coefficient / fit.se)


def score(trials: Trials, x: np.ndarray, strata: np.ndarray | None) -> np.ndarray:
    """Log-rank p, from the score of Cox's model."""
    return two_sided(cox_single_covariate_many(trials.day, trials.event, x, strata=strata, estimate=False).score_z)


def searched(trials: Trials, strata: np.ndarray | None) -> np.ndarray:
    """The smallest log-rank p over all cuts with three patients or more on each side, taken as if it had been alone."""
    rank = np.argsort(np.argsort(trials.marker, axis=1), axis=1)
    cuts = range(3, LEVEL.size - 2)
    return np.min([score(trials, (rank >= cut).astype(float), strata) for cut in cuts], axis=0)


def halves(trials: Trials) -> np.ndarray:
    """Above the median of all patients."""
    return (trials.marker >= np.median(trials.marker, axis=1, keepdims=True)).astype(float)


def ways(trials: Trials) -> Iterator[tuple[str, np.ndarray]]:
    """Each way to a p, with its p in every trial."""
    yield "default of a biomarker finding: permutation within dose level", one_by_one(default_p, trials)
    yield "default of a screen: permutation within dose level", one_by_one(screened_p, trials)
    yield "exact stratified test, all exchanges", one_by_one(lambda *of: exact_p(*of[:3]), trials)
    yield "Firth's penalty, stratified, likelihood ratio", one_by_one(firth_p, trials)
    split = trials._replace(marker=halves(trials))
    yield "Firth's penalty, stratified, split at the median", one_by_one(firth_p, split)
    yield "Wald, stratified", wald(trials, trials.marker, LEVEL)
    yield "Wald, stratified, split at the median (separation: no estimate)", wald(trials, split.marker, LEVEL)
    yield "Wald, unstratified", wald(trials, trials.marker, None)
    yield "log-rank, unstratified, split at the median", score(trials, split.marker, None)
    yield "searched cut-point, stratified log-rank", searched(trials, LEVEL)
    yield "searched cut-point, unstratified log-rank", searched(trials, None)
    yield "responders against non-responders from day 1, log-rank", score(trials, trials.responder * 1.0, None)


def cases(count: int = TRIALS) -> dict[str, dict[str, Any]]:
    """Share of trials with p below 0.05 without a link ("value") and with one ("power"), and its Monte Carlo error."""
    few, screening.FEW = screening.FEW, (0, 0)  # compiled code for each of thousands of small trials
    shares = []
    for link in (1.0, LINK):
        trials = simulated(count, link)
        shares.append({name: float((p < ALPHA).mean()) for name, p in ways(trials)})
    screening.FEW = few
    error = partial(_standard_error, count)
    exact = shares[1]["exact stratified test, all exchanges"]
    return {
        name: {
            "value": share, "unit": "share with p < 0.05, no link", "error": error(share), "power": shares[1][name],
            "peer": "exact stratified test (power)", "peer_value": exact, "ratio": shares[1][name] / exact,
            "threads": 1,
        }
        for name, share in shares[0].items()
    }  # fmt: skip


def _standard_error(count: int, share: float) -> float:
    return float(np.sqrt(share * (1 - share) / count))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--trials", type=int, default=TRIALS)
    options = parser.parse_args()
    found = cases(options.trials)
    if options.json:
        print(json.dumps(found))
        return
    print(f"{options.trials:,} trials of {LEVEL.size} patients each; share with p < 0.05")
    print(f"{'':<68}{'no link':>9}{'±':>7}{'link':>8}{'of exact':>10}")
    for name, case in found.items():
        print(f"{name:<68}{case['value']:>9.3f}{case['error']:>7.3f}{case['power']:>8.3f}{case['ratio']:>10.2f}")


if __name__ == "__main__":
    main()
