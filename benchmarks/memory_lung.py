"""Memory T cells in lung tumours: what the data at hand say, and what a biopsy could say in the virtual study.

Prints the figures of docs/discovery-memory-lung.md. The virtual part reads the results folder of
`opsonin run memory-t-lung --seed 1 --trials 20 --out FOLDER`; without it only the real data are told.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logit
from scipy.stats import kruskal

from opsonin.discovery import compare, composition, composition_features, default_states, read_samples, score_states
from opsonin.discovery.bulk_cohorts import read_bulk_cohorts
from opsonin.discovery.feature_table import FeatureTable
from opsonin.discovery.overlaps import overlap
from opsonin.random import uniform
from opsonin.record.replicates import Replicates

DATA = Path(__file__).resolve().parents[1] / "../shared/data"
IMMUNE = ["B-cells-M", "B-cells-PB", "Dendritic", "MF-Monocytes", "Mast-cells", "Neutrophils", "T-cells", "pDCs"]
MARKER = "CD103+ of CD8+"
RESIDENT = 0.3  # resident_share of the virtual study
COUNTED = (20, 100, 500)  # CD8+ cells of a biopsy


def t_cells_of_tumours() -> dict[str, Any]:
    """T cells of seven lung tumours (Zilionis 2019), and their share of immune cells under targeted therapy (Maynard
    2020) with patients as the unit."""
    counts = composition(read_samples(DATA / "scrna-lung-zilionis2019", "zilionis2019"), label="major_label")
    tumour = counts[counts.index.str.endswith("tumor")]
    immune = tumour[[name for name in tumour if str(name).startswith("t")]]
    share = tumour["tT cells"] / immune.sum(axis=1)
    found: dict[str, Any] = {
        "tumours": len(tumour),
        "T cells of a tumour": sorted(tumour["tT cells"].tolist()),
        "share of immune cells": sorted(share.round(2).tolist()),
    }
    samples = read_samples(DATA / "scrna-lung-tki-maynard2020", "maynard2020")
    assert samples.counts is not None
    only = samples.with_(counts=samples.counts[IMMUNE])
    features = composition_features(only, against="rest").frame
    table = FeatureTable(features[features["feature"] == "T-cells log-ratio"], samples.samples)
    time = samples.samples.set_index("sample")["time"].astype(str)
    for first, second in (
        ("residual disease", "before"),
        ("residual disease", "progression"),
        ("progression", "before"),
    ):
        row = compare(table, time, first=first, second=second).frame.iloc[0]
        found[f"T cells, {first} against {second}"] = {
            name: round(float(row[name]), 3) for name in ("n_first", "n_second", "difference", "lower", "upper", "p")
        }
    counts = samples.counts[IMMUNE]
    share = (counts["T-cells"] / counts.sum(axis=1)).dropna()
    groups = [own.to_numpy() for _, own in share.groupby(time.reindex(share.index))]
    found["T cells, biopsies as units, three times (Kruskal-Wallis P)"] = round(float(kruskal(*groups).pvalue), 3)
    return found


def resident_or_exhausted() -> dict[str, Any]:
    """How far the genes of resident memory are those of exhaustion, in published states of lung and in melanoma."""
    wu = pd.read_csv(DATA / "lung-immune-signatures" / "wu_cd8_tcell_signatures.csv")
    up = wu[wu["logFC"] > 0]
    resident = set(next(one for one in default_states()[0] if one.name == "tissue-resident").positive)
    found: dict[str, Any] = {}
    for kind, genes in up.groupby("cell_type")["gene_identifier"]:
        shared = overlap(resident, set(genes))
        if shared.shared:
            found[str(kind)] = {"shared": sorted(shared.shared), "p": float(f"{shared.p:.2g}")}
    table = pd.read_csv(DATA / "scrna-lung-tki-maynard2020" / "de_tcell_subclusters_wilcoxon.csv.gz")
    genes = ["ITGAE", "ZNF683", "CXCR6", "ENTPD1", "HAVCR2", "MKI67", "GZMB", "IL7R", "CCR7"]
    for cluster, rows in table[table["gene"].isin(genes)].groupby("cluster"):
        found[f"Maynard subcluster {cluster}"] = {
            row["gene"]: (row["pct.1"], row["pct.2"]) for row in rows.to_dict("records") if row["avg_logFC"] > 0
        }
    return found


def melanoma() -> dict[str, Any]:
    """CD103 among CD8+ T cells of patients whose response is known: its spread beyond counting, and response."""
    samples = read_samples(DATA / "scrna-melanoma-icb", "melanoma-icb")
    seen = samples.matrix(["CD8A", "CD8B", "ITGAE", "ENTPD1"]).toarray() > 0
    subject = samples.cells["subject"].astype(str).to_numpy()
    cd8 = seen[:, :2].any(axis=1)
    by = pd.Series(seen[cd8, 2]).groupby(subject[cd8]).agg(["mean", "size"])
    by = by[by["size"] >= 10]
    share, cells = by["mean"], by["size"]
    counting = float((share * (1 - share) / (cells - 1)).mean())
    between = max(0.0, float(share.var(ddof=1)) - counting)
    states = [one for one in default_states()[0] if one.within == "T cell" and one.name != "cycling"]
    means = score_states(samples, states).values.groupby(subject).mean()
    response = samples.subjects.set_index("subject")["response"].astype(str)
    one, other = (share[response.reindex(share.index) == word].to_numpy() for word in ("responder", "non-responder"))
    exhausted = seen[:, 3]
    return {
        "patients": len(by), "median": float(share.median()), "range": [float(share.min()), float(share.max())],
        "SD between patients": between**0.5, "SD of counting": counting**0.5, "mean CD8+ cells": float(cells.mean()),
        "reliability": between / (between + counting),
        **{f"reliability at {n} cells": between / (between + float((share * (1 - share)).mean()) / n)
           for n in COUNTED[1:]},
        "area for response": float((np.sign(one[:, None] - other[None, :]) + 1).mean() / 2),
        "CD39 among CD103+ and CD103-": [float(exhausted[cd8 & seen[:, 2]].mean()),
                                         float(exhausted[cd8 & ~seen[:, 2]].mean())],
        "correlation of resident and exhausted scores": float(means["tissue-resident"].corr(means["exhausted"])),
        "and of resident and memory scores": float(means["tissue-resident"].corr(means["memory"])),
    }  # fmt: skip


def bulk() -> dict[str, float]:
    """Area under the curve of CD8A for response in each bulk cohort, none of lung cancer."""
    return {
        one.name: round(area(one.expression.loc["CD8A"].to_numpy(dtype=float), one.responder), 3)
        for one in read_bulk_cohorts(DATA / "icb-expression-cohorts")
    }


def area(values: np.ndarray, hit: np.ndarray) -> float:
    """Chance that a value among the hits is above one among the others."""
    rank = pd.Series(values).rank().to_numpy()
    ones, rest = int(hit.sum()), int((~hit).sum())
    return float((rank[hit].sum() - ones * (ones + 1) / 2) / (ones * rest))


def patients_to_show(area_there_is: float, responding: float) -> int:
    """Patients in whom a Mann–Whitney test at 5 % shows such an area with 80 % power (Noether 1987, JASA 82:645)."""
    return math.ceil((1.959964 + 0.841621) ** 2 / (12 * responding * (1 - responding) * (area_there_is - 0.5) ** 2))


def virtual(folder: Path) -> dict[str, Any]:
    """The resident share of virtual patients, and how far it parts responders: exactly known, and counted."""
    many = Replicates.load(folder / "replicates")
    marker = many.table("measurements")
    marker = marker[(marker["marker"] == MARKER) & (marker["day"] <= 0)]
    keys = ["trial", "subject_id"]
    best = many.table("responses")
    best = best[best["best"].astype(bool)][[*keys, "overall"]]
    pfs = many.table("survival")
    pfs = pfs[pfs["endpoint"] == "PFS"][[*keys, "day", "event"]]
    rows = marker[[*keys, "value"]].merge(best, on=keys).merge(pfs, on=keys)
    share, hit = rows["value"].to_numpy() / 100, rows["overall"].isin(["CR", "PR"]).to_numpy()
    year = 365.25
    known = (rows["day"] >= year).to_numpy() | rows["event"].to_numpy(dtype=bool)
    free = (rows["day"] >= year).to_numpy()
    found: dict[str, Any] = {
        "patients": len(rows), "response": float(hit.mean()),
        "median, 5 and 95 % of the share": np.quantile(share, [0.5, 0.05, 0.95]).round(3).tolist(),
        "SD between patients": float(share.std()),
        "area for response": area(share, hit),
        "area for a year without progression": area(share[known], free[known]),
    }  # fmt: skip
    for cells in COUNTED:
        counted = (uniform(1, "biopsy", np.arange(len(share)), draws=cells) < share[:, None]).mean(axis=1)
        there = area(counted, hit)
        found[f"area for response, {cells} CD8+ cells counted"] = there
        found[f"patients to show it, {cells} CD8+ cells counted"] = patients_to_show(there, float(hit.mean()))
    for other in ("CD8+ density", "TCF7+ of CD8+", "PD-L1"):
        own = many.table("measurements")
        own = own[(own["marker"] == other) & (own["day"] <= 0)][[*keys, "value"]].merge(best, on=keys)
        found[f"area for response, {other}"] = area(
            own["value"].to_numpy(), own["overall"].isin(["CR", "PR"]).to_numpy()
        )
    late = many.table("measurements")
    late = late[(late["marker"] == MARKER) & (late["day"] > 0)].sort_values("day").drop_duplicates(keys)
    change = rows.merge(late[[*keys, "value"]], on=keys, suffixes=("", "_later"))
    if len(change):
        found["area for response, change of the share at the second biopsy"] = area(
            (change["value_later"] - change["value"]).to_numpy(), change["overall"].isin(["CR", "PR"]).to_numpy()
        )
    shown = []
    for _, trial in rows.groupby("trial"):
        value, own = trial["value"].to_numpy(), trial["overall"].isin(["CR", "PR"]).to_numpy()
        shown.append(area(value, own) if 0 < own.sum() < own.size else np.nan)
    found["area for response in a trial of 120, 5 and 95 %"] = np.nanquantile(shown, [0.05, 0.95]).round(2).tolist()
    return found


def informed(real: dict[str, Any], virtual: dict[str, Any]) -> dict[str, float]:
    """What the measured share asks of `resident_share`, as the odds of a virtual patient's share go with it: by all
    CD103+ cells, and by those without CD39; and the log-normal spread that would make patients differ as measured.
    """
    middle, whole = virtual["median, 5 and 95 % of the share"][0], real["median"]
    fresh = whole * (1 - real["CD39 among CD103+ and CD103-"][0])
    asked = {
        name: RESIDENT * math.exp(logit(share) - logit(middle)) for name, share in (("all", whole), ("CD39-", fresh))
    }
    wide, narrow = (one["SD between patients"] / (at * (1 - at)) for one, at in ((real, whole), (virtual, middle)))
    return {"measured share without CD39": fresh, "resident_share asked by CD103+ CD39-": asked["CD39-"],
            "resident_share asked by all CD103+": asked["all"], "its spread asked, SD of the logarithm":
            math.sqrt(wide**2 - narrow**2)}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--virtual", type=Path, help="results folder of the virtual study")
    options = parser.parse_args()
    found = {"lung": t_cells_of_tumours(), "resident or exhausted": resident_or_exhausted(), "melanoma": melanoma(),
             "CD8A in bulk cohorts": bulk()}  # fmt: skip
    if options.virtual is not None:
        found["virtual"] = virtual(options.virtual)
        found["informs"] = informed(found["melanoma"], found["virtual"])
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
