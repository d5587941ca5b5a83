"""Who is the replicate? How often genes without any difference are called different, by patients and by cells.

Made-up macrophages: every patient has a level of his own for every gene (SD 0.5 in the natural logarithm), and cells
scatter about it as Poisson counts. Responders and non-responders do not differ. The share of genes with p below 0.05
should be 5 %. PyDESeq2's statistic is judged by Student's t with the patients' degrees of freedom; what its own
normal distribution would have rejected stands beside.
"""

import argparse
import json

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from scipy.special import ndtr, stdtrit
from scipy.stats import mannwhitneyu

from opsonin.discovery import Samples, group_contrast

GENES, CELLS, SPREAD = 200, 40, 0.5


def made_up(seed: int, patients: int) -> tuple[Samples, pd.Series]:
    rng = np.random.default_rng(seed)
    base = rng.gamma(1.0, 1.0, GENES)
    who = [f"p{i}" for i in range(patients)]
    counts = [rng.poisson(base * np.exp(rng.normal(0, SPREAD, GENES)), size=(CELLS, GENES)) for _ in who]
    cells = pd.DataFrame({"subject": np.repeat(who, CELLS), "sample": np.repeat(who, CELLS), "label": "macrophage"})
    cells.insert(0, "cell", np.arange(len(cells)))
    table = pd.DataFrame({"subject": who, "sample": who})
    genes = pd.Index([f"g{i}" for i in range(GENES)])
    samples = Samples(cells, table[["subject"]], table, csr_matrix(np.vstack(counts).astype(float)), genes, "counts")
    return samples, pd.Series({w: "R" if i % 2 else "NR" for i, w in enumerate(who)})


def rejected(sets: int, patients: int, deseq: bool) -> dict[str, float]:
    found: dict[str, list[float]] = {"patients, averages (moderated t)": [], "cells (Mann-Whitney)": []}
    for seed in range(sets):
        samples, group = made_up(seed, patients)
        logged = samples.with_(expression=csr_matrix(np.log1p(samples.matrix().toarray())), units="log-normalised")
        by_patient = group_contrast(logged, "macrophage", group, "R", "NR").frame["p"]
        found["patients, averages (moderated t)"].append(float((by_patient.dropna() < 0.05).mean()))
        level = logged.matrix().toarray()
        first = samples.cells["subject"].map(group.to_dict()).to_numpy() == "R"
        by_cell = mannwhitneyu(level[first], level[~first], axis=0).pvalue
        found["cells (Mann-Whitney)"].append(float((by_cell < 0.05).mean()))
        if deseq:
            p = group_contrast(samples, "macrophage", group, "R", "NR").frame["p"].dropna().to_numpy()
            found.setdefault("patients, sums of counts (PyDESeq2)", []).append(float((p < 0.05).mean()))
            own = 2 * ndtr(stdtrit(patients - 2, p / 2))  # the statistic behind p, by the normal distribution
            for level in (0.05, 0.01):
                name = f"the same, by PyDESeq2's own normal distribution, p < {level}"
                found.setdefault(name, []).append(float((own < level).mean()))
    return {name: float(np.mean(share)) for name, share in found.items()}


def cases(sets: int, deseq: bool) -> dict[str, dict]:
    """A line of RESULTS.md for each replicate and size; the peer is the nominal level."""
    made = {}
    for patients in (8, 16):
        for name, share in rejected(sets, patients, deseq).items():
            level = 0.01 if name.endswith("0.01") else 0.05
            made[f"{patients} patients: {name}"] = {
                "value": share, "unit": f"share of genes at p < {level}", "error": None, "peer": "nominal",
                "peer_value": level, "ratio": share / level, "threads": 1}  # fmt: skip
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=30, help="made-up data sets of each size")
    parser.add_argument("--no-counts", action="store_true", help="leave PyDESeq2 out, which takes most of the time")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.json:
        print(json.dumps(cases(given.sets, not given.no_counts)))
        return
    for patients in (8, 16):
        print(f"{patients} patients, {CELLS} cells each, {GENES} genes, {given.sets} data sets")
        for name, share in rejected(given.sets, patients, not given.no_counts).items():
            print(f"  {name}: {100 * share:.1f} %")


if __name__ == "__main__":
    main()
