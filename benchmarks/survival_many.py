"""Survival statistics of thousands of data sets at once: permutations, bootstrap samples, cut-points, markers.

Each case prints its error against the same statistic one data set at a time, and the time of lifelines in a loop (of a
few data sets, scaled). Everything is compiled before it is timed; one core.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis import (
    bootstrap,
    concordance,
    concordance_many,
    cox,
    cut_point,
    kaplan_meier,
    logrank,
    permutation_logrank,
)
from opsonin.analysis.maximally_selected import logrank_scores_of_ranks, permuted_maxima, search
from opsonin.analysis.survival.rank_scores import rank_scores
from opsonin.random import uniform

PATIENTS, TIMES, LOOPED = 300, 10_000, 40
Row = dict[str, Any]


def best(work: Callable[[], Any], repeats: int = 5) -> tuple[float, Any]:
    """The shortest of a few runs in seconds, after one to compile, and what it gave."""
    result, seconds = work(), []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def patients(n: int = PATIENTS, seed: int = 1) -> pd.DataFrame:
    """Times to the day, a third censored, two arms with a hazard ratio of about 0.8."""
    rng = np.random.default_rng(seed)
    arm = rng.integers(0, 2, n)
    day = np.ceil(rng.exponential(300 * np.exp(0.2 * arm)))
    follow = np.ceil(rng.uniform(100, 900, n))
    return pd.DataFrame({"day": np.minimum(day, follow), "event": day <= follow, "arm": arm})


def row(seconds: float, error: float, peer_seconds: float) -> Row:
    """One line of the table."""
    names = {"unit": "s", "peer": "lifelines, in a loop", "threads": 1}
    return {
        "value": seconds,
        "error": float(error),
        "peer_value": peer_seconds,
        "ratio": peer_seconds / seconds,
    } | names


def looped(work: Callable[[pd.DataFrame], Any], samples: list[pd.DataFrame]) -> tuple[float, np.ndarray]:
    """The time of a loop over some data sets, scaled to all, and its results."""
    start = time.perf_counter()
    found = np.array([work(sample) for sample in samples])
    return (time.perf_counter() - start) * TIMES / len(samples), found


def permutations() -> dict[str, Row]:
    """Log-rank permutations: shuffled one at a time by the same random numbers, each tested by `logrank`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifelines.statistics import logrank_test

    data, found = patients(), {}
    t, d, arm = (data[name].to_numpy() for name in ("day", "event", "arm"))
    order = np.argsort(t, kind="stable")
    samples = []
    for number in range(LOOPED):
        labels = arm[order].copy()
        for i, u in enumerate(uniform(1, "log-rank permutation", number, draws=t.size)):
            j = i + int(u * (t.size - i))
            labels[i], labels[j] = labels[j], labels[i]
        samples.append(pd.DataFrame({"day": t[order], "event": d[order], "arm": labels}))

    def peer(s: pd.DataFrame) -> float:
        a, b = s[s["arm"] == 0], s[s["arm"] == 1]
        return float(logrank_test(a["day"], b["day"], a["event"], b["event"]).test_statistic)

    theirs, _ = looped(peer, samples)
    one = np.array([logrank(s["day"], s["event"], s["arm"]).chi2 for s in samples])
    seconds, test = best(lambda: permutation_logrank(t, d, arm, studentised=True, permutations=TIMES))
    found[f"{TIMES:,} log-rank permutations, own variance"] = row(
        seconds, np.abs(test.drawn[:LOOPED] - one).max(), theirs
    )
    seconds, plain = best(lambda: permutation_logrank(t, d, arm, permutations=TIMES))
    scores = rank_scores(t[order], d[order], np.zeros(t.size, dtype=int))
    size = int(arm.sum())
    variance = size * (t.size - size) / t.size * scores.var(ddof=1)
    one = np.array([scores[s["arm"].to_numpy() == 1].sum() ** 2 / variance for s in samples])
    found[f"{TIMES:,} log-rank permutations"] = row(seconds, np.abs(plain.drawn[:LOOPED] - one).max(), theirs)
    return found


def bootstraps() -> dict[str, Row]:
    """Bootstrap samples: drawn one at a time by the same random numbers, each given to `kaplan_meier` or `cox`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifelines import CoxPHFitter, KaplanMeierFitter
        from lifelines.utils import restricted_mean_survival_time as area

    data = patients().sort_values("day", kind="stable").reset_index(drop=True)
    n = len(data)
    drawn = [(uniform(1, "bootstrap all", k, draws=n) * n).astype(int) for k in range(LOOPED)]
    samples: list[Any] = [data.iloc[rows] for rows in drawn]
    t, d, arm = data["day"], data["event"], data["arm"]
    found = {}
    seconds, ours = best(lambda: bootstrap(t, d, "median", replicates=TIMES))
    theirs, _ = looped(lambda s: KaplanMeierFitter().fit(s["day"], s["event"]).median_survival_time_, samples)
    one = np.array([kaplan_meier(s["day"], s["event"]).median.estimate for s in samples])
    found[f"{TIMES:,} bootstrap medians"] = row(seconds, np.abs(ours.replicates[:LOOPED] - one).max(), theirs)
    seconds, ours = best(lambda: bootstrap(t, d, "restricted mean", until=365, replicates=TIMES))
    theirs, _ = looped(lambda s: area(KaplanMeierFitter().fit(s["day"], s["event"]), t=365), samples)
    one = np.array([kaplan_meier(s["day"], s["event"]).restricted_mean(365)[0] for s in samples])
    found[f"{TIMES:,} bootstrap restricted means"] = row(seconds, np.abs(ours.replicates[:LOOPED] - one).max(), theirs)
    seconds, ours = best(lambda: bootstrap(t, d, "hazard ratio", covariate=arm, replicates=TIMES), repeats=2)
    theirs, _ = looped(lambda s: CoxPHFitter().fit(s.reset_index(drop=True), "day", "event").params_["arm"], samples)
    one = np.array([cox(s["day"], s["event"], s["arm"]).hazard_ratio[0] for s in samples])
    found[f"{TIMES:,} bootstrap hazard ratios"] = row(seconds, np.abs(ours.replicates[:LOOPED] - one).max(), theirs)
    return found


def cuts() -> dict[str, Row]:
    """The search for a cut in permuted data: each permutation searched one at a time, lifelines one test a cut."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifelines.statistics import logrank_test

    data = patients()
    t, d = data["day"].to_numpy(dtype=float), data["event"].to_numpy()
    marker, none = np.random.default_rng(2).normal(size=t.size), np.zeros(t.size, dtype=np.int64)
    seconds, whole = best(lambda: cut_point(t, d, marker, permutations=TIMES, shrink=False, bootstrap=0))
    found = search(logrank_scores_of_ranks(t, d, none), marker, none, (0.1, 0.9))
    drawn, one = permuted_maxima(found, TIMES, 1, "cut-point"), []
    for number in range(LOOPED):
        scores = found.scores.copy()
        for i, u in enumerate(uniform(1, "cut-point", number, draws=t.size)):
            j = i + int(u * (t.size - i))
            scores[i], scores[j] = scores[j], scores[i]
        one.append(search(scores, np.sort(marker), none, (0.1, 0.9)).largest)
    start = time.perf_counter()
    for cut in whole.cuts["cut"][:LOOPED]:
        logrank_test(t[marker >= cut], t[marker < cut], d[marker >= cut], d[marker < cut])
    theirs = (time.perf_counter() - start) / LOOPED * len(whole.cuts) * TIMES
    error = np.abs(drawn[:LOOPED] - np.array(one)).max()
    return {f"search for a cut with {TIMES:,} permutations": row(seconds, error, theirs)}


def concordances() -> dict[str, Row]:
    """Harrell's concordance with its standard error, of 1,000 markers in 3,000 patients."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifelines.utils import concordance_index

    data, markers = patients(3000), np.random.default_rng(3).normal(size=(3000, 1000))
    t, d = data["day"].to_numpy(dtype=float), data["event"].to_numpy()
    seconds, ours = best(lambda: concordance_many(t, d, markers), repeats=2)
    start = time.perf_counter()
    for column in markers.T[:LOOPED]:
        concordance_index(t, -column, d)
    theirs = (time.perf_counter() - start) / LOOPED * markers.shape[1]
    one = [concordance(t, d, column) for column in markers.T[:3]]
    error = max(abs(ours.se[k] - c.se) + abs(ours.estimate[k] - c.estimate) for k, c in enumerate(one))
    return {"concordance of 1,000 markers, 3,000 patients": row(seconds, error, theirs)}


PARTS: list[Callable[[], dict[str, Row]]] = [
    permutations,
    bootstraps,
    cuts,
    concordances,
]  # a further part adds one line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = {name: case for part in PARTS for name, case in part().items()}
    if options.json:
        print(json.dumps(found))
        return
    print(f"{'case':<50}{'seconds':>10}{'error':>11}{'lifelines':>11}{'times':>8}")
    for name, case in found.items():
        peer = f"{case['peer_value']:>11.2f}{case['ratio']:>8.0f}" if "peer_value" in case else ""
        print(f"{name:<50}{case['value']:>10.4f}{case['error']:>11.1e}{peer}")


if __name__ == "__main__":
    main()
