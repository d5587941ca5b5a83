"""Do the p-values of cell compositions hold? Response exchanged between patients, and what other units would have said.

Three real sets keep their cells, labels and patients; only who responded is drawn anew. A p below 0.05 is then a
false discovery, which should come in 5 % of tests. The defaults (log-ratios, patients, permutation) stand beside
lesions as units, counts models and cells as units. Made-up sets with a real difference show what each way would find
of it, also where one group has more cells counted than the other.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import betaln
from scipy.stats import chi2, chi2_contingency, mannwhitneyu
from scipy.stats import f as fisher_f

from opsonin.discovery import counts_of_percents, group_differences, log_ratios, read_samples, score_states
from opsonin.discovery.samples import composition
from opsonin.discovery.state_table import default_states
from opsonin.random import normal, permutation, uniform

DATA = Path(__file__).resolve().parents[1] / "../shared/data"
SETS = {
    "sadefeldman2018": "scrna-melanoma-sadefeldman2018",
    "melanoma-icb": "scrna-melanoma-icb",
    "jerbyarnon2018": "scrna-melanoma-jerbyarnon2018",
}
EXCHANGES, ALPHA, PERMUTATIONS = 400, 0.05, 499
SLOW = 60  # exchanges for the model that is fitted by iteration


class Counted(NamedTuple):
    """counts: sample × label.   subject: of each sample.   responders: how many subjects are drawn to respond."""

    counts: pd.DataFrame
    subject: np.ndarray
    responders: int

    @property
    def by_subject(self) -> pd.DataFrame:
        """Counts summed over a subject's samples."""
        return self.counts.groupby(self.subject, sort=True).sum()


def real_sets() -> dict[str, Counted]:
    """Samples of 20 cells or more; about as many responders as there were."""
    found = {}
    for name, folder in SETS.items():
        samples = read_samples(DATA / folder, name)
        counts = composition(samples)
        if samples.counts is not None and samples.counts_unit == "percent":
            counts = counts_of_percents(counts)
        counts = counts[counts.sum(axis=1) >= 20]
        counts = counts.loc[:, (counts > 0).sum() >= 5]
        of = samples.samples.set_index("sample")["subject"].astype(str).reindex(counts.index).to_numpy()
        found[name] = Counted(counts, of, round(0.4 * len(set(of))))
    return found


def made_up(
    patients: int,
    effect: float,
    seed: int,
    cells: Sequence[int] | None = None,
    spread: float = 0.8,
    first: int | None = None,
) -> Counted:
    """One set: 40 to 600 cells a patient (or `cells` of each) of 8 types, log-ratios spread by 0.8; the third type is
    `effect` more frequent (on the log scale) in the `first` patients, two fifths of them."""
    base = np.log(np.array([0.35, 0.2, 0.15, 0.1, 0.08, 0.06, 0.04, 0.02]))
    responders = round(0.4 * patients) if first is None else first
    logs = base + spread * normal(seed, "composition", np.arange(patients), draws=base.size)
    logs[:responders, 2] += effect
    share = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
    drawn = np.exp(np.log(40) + np.log(15) * uniform(seed, "cells", np.arange(patients))[:, 0]).astype(int)
    sizes = drawn if cells is None else np.asarray(cells)
    draws = np.random.default_rng(seed)
    counts = np.array([draws.multinomial(n, p) for n, p in zip(sizes, share, strict=True)])
    names = [f"type {k + 1}" for k in range(base.size)]
    of = np.array([f"P{i:03}" for i in range(patients)])
    return Counted(pd.DataFrame(counts, of, names), of, responders)


def exchanged(given: Counted, exchanges: int, seed: int = 1) -> Iterator[set[str]]:
    """Sets of subjects drawn to be responders."""
    names = np.unique(given.subject)
    for order in permutation(seed, "who responded", names.size, np.arange(exchanges)):
        yield set(names[order[: given.responders]])


def by_permutation(given: Counted, responders: set[str], weighted: bool = False, common: bool = True) -> np.ndarray:
    """The default: log-ratios of samples at the fewest cells of any, averaged in patients, patients exchanged."""
    depth = int(given.counts.sum(axis=1).min()) if common else None
    ratios = log_ratios(given.counts, fewest=1, depth=depth)
    values = ratios.values.groupby(given.subject).mean()
    size = pd.Series(1, ratios.values.index).groupby(given.subject).sum()
    variances = ratios.variances.groupby(given.subject).sum().div(size**2, axis=0) if weighted else None
    return _tested(values, responders, variances=variances)


def by_rank(given: Counted, responders: set[str]) -> np.ndarray:
    """Ranks of shares, patients exchanged."""
    shares = given.counts.div(given.counts.sum(axis=1), axis=0)
    return _tested(shares.groupby(given.subject).mean(), responders, test="rank")


def _tested(values: pd.DataFrame, responders: set[str], **options: Any) -> np.ndarray:
    groups = np.where(values.index.isin(responders), "R", "NR")
    found = group_differences(values, groups, first="R", second="NR", permutations=PERMUTATIONS, **options)
    return found.frame.set_index("feature")["p"].reindex(values.columns).to_numpy(dtype=float)


def by_lesion(given: Counted, responders: set[str]) -> np.ndarray:
    """Mann–Whitney of samples' shares, as if each were a patient."""
    shares = given.counts.div(given.counts.sum(axis=1), axis=0).to_numpy()
    is_ = np.isin(given.subject, list(responders))
    return np.array([mannwhitneyu(x[is_], x[~is_]).pvalue if np.ptp(x) > 0 else 1.0 for x in shares.T])


def by_cell(given: Counted, responders: set[str]) -> np.ndarray:
    """Chi-square of cells: of this type or not, of a responder or not."""
    counts = given.counts.to_numpy()
    is_ = np.isin(given.subject, list(responders))
    found = []
    for own in counts.T:
        table = np.array([[own[g].sum(), counts[g].sum() - own[g].sum()] for g in (is_, ~is_)])
        known = (table.sum(axis=0) > 0).all()
        seen: Any = chi2_contingency(table) if known else None
        found.append(float(seen.pvalue) if known else 1.0)
    return np.array(found)


def by_quasi_binomial(given: Counted, responders: set[str]) -> np.ndarray:
    """Cells of a type out of all, patients' spread as Pearson's dispersion, F test (a generalised linear model)."""
    table = given.by_subject
    counts, total = table.to_numpy(dtype=float), table.sum(axis=1).to_numpy(dtype=float)[:, None]
    is_ = table.index.isin(responders)
    fitted, null = np.empty_like(counts), counts.sum(axis=0) / total.sum()
    for group in (is_, ~is_):
        fitted[group] = counts[group].sum(axis=0) / total[group].sum()

    def deviance(share: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            up = np.where(counts > 0, counts * np.log(counts / (total * share)), 0.0)
            down = np.where(counts < total, (total - counts) * np.log((total - counts) / (total * (1 - share))), 0.0)
        return 2 * (up + down).sum(axis=0)

    variance = np.maximum(total * fitted * (1 - fitted), 1e-12)
    df = len(counts) - 2
    dispersion = np.maximum(((counts - total * fitted) ** 2 / variance).sum(axis=0) / df, 1.0)
    gain = np.maximum(deviance(np.broadcast_to(null, counts.shape)) - deviance(fitted), 0.0)
    return fisher_f.sf(gain / dispersion, 1, df)


def by_beta_binomial(given: Counted, responders: set[str]) -> np.ndarray:
    """Cells of a type out of all, shares beta-distributed between patients, likelihood ratio."""
    table = given.by_subject
    total = table.sum(axis=1).to_numpy(dtype=float)
    x = table.index.isin(responders).astype(float)
    found = []
    for own in table.to_numpy(dtype=float).T:
        start = np.log((own.sum() + 0.5) / (total.sum() - own.sum() + 0.5))

        def loss(at: np.ndarray, own: np.ndarray = own) -> float:
            eta = at[0] + (at[2] * x if at.size > 2 else 0.0)
            share, precision = 1 / (1 + np.exp(-eta)), np.exp(np.clip(at[1], -3, 12))
            a, b = np.maximum(share * precision, 1e-9), np.maximum((1 - share) * precision, 1e-9)
            return -float((betaln(own + a, total - own + b) - betaln(a, b)).sum())

        simple = minimize(loss, [start, 2.0], method="Nelder-Mead", options={"maxiter": 400, "xatol": 1e-4})
        full = minimize(loss, [*simple.x, 0.0], method="Nelder-Mead", options={"maxiter": 800, "xatol": 1e-4})
        found.append(float(chi2.sf(max(0.0, 2 * (simple.fun - full.fun)), 1)))
    return np.array(found)


WAYS: dict[str, Callable[[Counted, set[str]], np.ndarray]] = {
    "log-ratios, patients exchanged (default)": by_permutation,
    "the same, all cells of each sample": lambda given, those: by_permutation(given, those, common=False),
    "the same, weighted by cells counted": lambda given, those: by_permutation(given, those, weighted=True),
    "shares by rank, patients exchanged": by_rank,
    "quasi-binomial model of patients": by_quasi_binomial,
    "beta-binomial model of patients": by_beta_binomial,
    "lesions as units (Mann–Whitney)": by_lesion,
    "cells as units (chi-square)": by_cell,
}


def null_cases(exchanges: int = EXCHANGES, sets: dict[str, Counted] | None = None) -> dict[str, Any]:
    """Share of tests rejected where nothing differs, with the Monte Carlo error over exchanges."""
    found = {}
    for name, given in (sets or real_sets()).items():
        for way, test in WAYS.items():
            many = min(exchanges, SLOW) if way.startswith("beta") else exchanges
            rejected = np.array([(test(given, those) <= ALPHA).mean() for those in exchanged(given, many)])
            found[f"{name}: {way}"] = _case(rejected)
    return found


def _case(rejected: np.ndarray) -> dict[str, Any]:
    value = float(rejected.mean())
    error = float(rejected.std() / rejected.size**0.5)
    return {"value": value, "unit": "share of tests rejected at 5 %", "error": error, "peer": "nominal",
            "peer_value": ALPHA, "ratio": value / ALPHA, "threads": 1}  # fmt: skip


def state_cases(exchanges: int = EXCHANGES) -> dict[str, Any]:
    """The same for states by degree: means of patients exchanged, against cells as units."""
    samples = read_samples(DATA / SETS["melanoma-icb"], "melanoma-icb")
    states = [state for state in default_states()[0] if state.within == "T cell" and state.name != "cycling"]
    scores = score_states(samples, states).values
    subject = samples.cells["subject"].astype(str).to_numpy()
    means = scores.groupby(subject).mean()
    given = Counted(means, means.index.to_numpy(), round(0.45 * len(means)))
    ways: dict[str, list[float]] = {"means, patients exchanged (default)": [], "cells as units (Mann–Whitney)": []}
    for those in exchanged(given, exchanges):
        is_ = np.isin(subject, list(those))
        ways["means, patients exchanged (default)"].append(float((_tested(means, those) <= ALPHA).mean()))
        cells = np.array([mannwhitneyu(scores[name][is_], scores[name][~is_]).pvalue for name in scores])
        ways["cells as units (Mann–Whitney)"].append(float((cells <= ALPHA).mean()))
    return {f"states, melanoma-icb: {way}": _case(np.array(values)) for way, values in ways.items()}


def power_cases(sets: int = 200, patients: int = 30, effect: float = 1.0) -> dict[str, Any]:
    """What each way finds of a type that is `effect` more frequent, and falsely of the others; made-up patients."""
    found: dict[str, Any] = {}
    for way, test in WAYS.items():
        many = min(sets, SLOW) if way.startswith("beta") else sets
        true, level = [], []
        for seed in range(many):
            given = made_up(patients, effect, seed)
            true.append(test(given, set(given.subject[: given.responders]))[2] <= ALPHA)
            null = made_up(patients, 0.0, seed)
            level.append(float((test(null, set(null.subject[: null.responders])) <= ALPHA).mean()))
        found[f"made up: {way}"] = _case(np.array(level)) | {"power": float(np.mean(true))}
    return found


DEPTHS = {  # cells of the first patients, cells of the others, and the spread of patients' log-ratios
    "10 × 1,000 against 10 × 60": ([1000] * 10, [60] * 10, 0.8),
    "10 × 1,000 against 10 × 60, alike patients": ([1000] * 10, [60] * 10, 0.3),
    "6 × 1,000 against 18 × 60, alike patients": ([1000] * 6, [60] * 18, 0.3),
    "6 × 60 against 18 × 1,000": ([60] * 6, [1000] * 18, 0.8),
}


def depth_cases(sets: int = 200, effect: float = 1.0, depths: Sequence[str] = tuple(DEPTHS)) -> dict[str, Any]:
    """Groups that differ in how many cells were counted: at a common depth, and at all cells of each sample."""
    found: dict[str, Any] = {}
    for name in depths:
        one, other, spread = DEPTHS[name]
        size = len(one) + len(other)
        for way, common in (("at a common depth (default)", True), ("all cells of each sample", False)):
            true, level = [], []
            for seed in range(sets):
                real, null = (made_up(size, e, seed, [*one, *other], spread, len(one)) for e in (effect, 0.0))
                those = set(real.subject[: len(one)])
                true.append(by_permutation(real, those, common=common)[2] <= ALPHA)
                level.append(float((by_permutation(null, those, common=common) <= ALPHA).mean()))
            found[f"{name}: {way}"] = _case(np.array(level)) | {"power": float(np.mean(true))}
    return found


def cases(exchanges: int = EXCHANGES) -> dict[str, Any]:
    """All of it."""
    return (
        null_cases(exchanges)
        | state_cases(exchanges)
        | power_cases(max(10, exchanges // 2))
        | depth_cases(max(10, exchanges // 2))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--exchanges", type=int, default=EXCHANGES)
    options = parser.parse_args()
    found = cases(options.exchanges)
    if options.json:
        print(json.dumps(found))
        return
    print(f"{options.exchanges:,} exchanges of who responded; share of tests with p ≤ 0.05")
    print(f"{'':<72}{'nothing differs':>16}{'±':>8}{'power':>8}")
    for name, case in found.items():
        power = f"{case['power']:.2f}" if "power" in case else ""
        print(f"{name:<72}{case['value']:>16.3f}{case['error']:>8.3f}{power:>8}")


if __name__ == "__main__":
    main()
