"""Immune cells of melanomas against response: the publication's units and ours, given labels and none.

Prints the figures of docs/discovery-melanoma.md. The data are the shared sets scrna-melanoma-sadefeldman2018 and
scrna-melanoma-icb; the map of cells needs the extra `discovery`.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu

from opsonin.discovery import FeatureTable, annotate, as_record, compare, composition_features, read_samples
from opsonin.discovery.cell_map import map_cells
from opsonin.discovery.samples import Samples
from opsonin.discovery.states_question import answer_states

DATA = Path(__file__).resolve().parents[1] / "../shared/data"
YES, NO = "responder", "non-responder"
COLUMNS = ["feature", "n_first", "n_second", "difference", "lower", "upper", "p", "p_bh", "p_max"]
EXHAUSTED = ("Exhausted Cd8+ cells", "Exhausted/HS Cd8+ cells")
CYCLING = "Lymphocytes/cell-cycle"


def lesions() -> Samples:
    """48 lesions of 32 patients, by percents of eleven clusters."""
    return read_samples(DATA / "scrna-melanoma-sadefeldman2018", "sadefeldman2018")


def t_cells() -> Samples:
    """550 T cells of 19 biopsies before therapy, with the publication's labels."""
    return read_samples(DATA / "scrna-melanoma-icb", "melanoma-icb")


def by_lesion(samples: Samples) -> dict[str, float]:
    """Mann–Whitney's p of each cluster's percent, as the publication compares."""
    assert samples.counts is not None
    response = samples.samples.set_index("sample")["response"].astype(str).reindex(samples.counts.index)
    yes, no = (samples.counts[response == word] for word in (YES, NO))
    return {str(name): float(mannwhitneyu(yes[name], no[name]).pvalue) for name in samples.counts}


def by_patient(samples: Samples, before: bool = False) -> pd.DataFrame:
    """Log-ratios of all cells, lesions of a patient averaged; patients whose lesions differ are left out."""
    features = composition_features(samples, shares=False)
    if before:
        early = set(samples.samples.query("day <= 0")["sample"].astype(str))
        features = FeatureTable(features.frame[features.frame["sample"].isin(early)], features.samples)
    response = samples.samples.set_index("sample")["response"]
    return compare(features, response, first=YES, second=NO).frame[COLUMNS]


def by_command(samples: Samples, depth: Literal["common", "own"] = "common") -> pd.DataFrame:
    """What `opsonin discover --question states` compares: each patient's own response."""
    from opsonin.discovery.read.questions import Discovery

    return answer_states(samples, Discovery(depth=depth)).answer.tables["states"][COLUMNS]


def believed(samples: Samples) -> pd.DataFrame:
    """Lesions before treatment as markers of the record: association, and how far it can be believed."""
    from opsonin.analysis import analyse

    features = composition_features(samples, shares=False)
    asked = [{"marker": name, "against": ["response", "OS"]} for name in features.frame["feature"].unique()]
    found = analyse(as_record(samples, features, {"biomarkers": asked}))
    rows = [(f.name.removeprefix("biomarker."), f.estimate, f.lower, f.upper, f.p, f.n, f.note) for f in found
            if f.name.startswith("biomarker.") and f.estimate is not None]  # fmt: skip
    return pd.DataFrame(rows, columns=["name", "estimate", "lower", "upper", "p", "n", "note"])


def stained() -> dict[str, float]:
    """The ratio of TCF7+ to TCF7− CD8+ cells of another cohort's lesions, by lesion and by patient."""
    table = pd.read_csv(DATA / "scrna-melanoma-sadefeldman2018" / "lesions_tcf7_imaging.csv")
    table = table.dropna(subset=["tcf7pos_to_neg_cd8_ratio"])
    ratio = table["tcf7pos_to_neg_cd8_ratio"]
    one, other = (ratio[table["response"] == word] for word in ("R", "NR"))
    frame = table.assign(value=np.log(ratio.clip(lower=0.01)), subject=table["patient"], feature="TCF7 ratio",
                         time=None, unit="", kind="state", source="imaging")  # fmt: skip
    columns = ["subject", "sample", "time", "feature", "value", "unit", "kind", "source"]
    found = compare(FeatureTable(frame[columns]), table.set_index("sample")["response"], first="R", second="NR")
    row = found.frame.iloc[0]
    return {"lesions": len(table), "median, responding": float(one.median()), "median, other": float(other.median()),
            "by lesion: p": float(mannwhitneyu(one, other).pvalue), "by patient: responders": int(row["n_first"]),
            "by patient: non-responders": int(row["n_second"]), "by patient: above": float(row["above"]),
            "by patient: p": float(row["p"])}  # fmt: skip


def by_response(samples: Samples, value: np.ndarray) -> tuple[float, float, float]:
    """Medians over patients of a cell's value, non-responders and responders, and Mann–Whitney's p."""
    means = pd.Series(value.astype(float)).groupby(samples.cells["subject"].astype(str).to_numpy()).mean()
    response = samples.subjects.set_index("subject")["response"].astype(str).reindex(means.index)
    yes, no = (means[response == word] for word in (YES, NO))
    return float(no.median()), float(yes.median()), float(mannwhitneyu(yes, no).pvalue)


def exhausted(samples: Samples, seeds: int) -> pd.DataFrame:
    """The exhausted share with the publication's labels, and with none: our clusters and markers, seed by seed."""
    label = samples.cells["label"].astype(str)
    theirs = label.isin([*EXHAUSTED, CYCLING]).to_numpy()
    rows: list[tuple[Any, ...]] = [
        ("labels of the publication", 0, *by_response(samples, label.isin(EXHAUSTED).to_numpy()), np.nan)
    ]
    bare = replace(samples, cells=samples.cells.drop(columns="label"))
    for seed in range(1, seeds + 1):
        found = map_cells(bare, seed, umap=False)
        own = bare.with_labels(found.cluster.tolist(), "cluster")
        ways = {
            "by cluster": annotate(own, level="cluster", seed=seed),
            "by neighbours": annotate(own, level="neighbours", neighbours=found.neighbours, seed=seed),
        }
        for way, called in ways.items():
            here = (called.cells["label"] == "exhausted CD8 T cell").to_numpy()
            rows.append((way, seed, *by_response(own, here), float(theirs[here].mean())))
    score = annotate(bare, level="cell").scores["exhausted CD8 T cell"].to_numpy()
    rows.append(("score of each cell", 0, *by_response(bare, score), np.nan))
    return pd.DataFrame(rows, columns=["way", "seed", "non-responders", "responders", "p", "exhausted in publication"])


def cases(seeds: int) -> dict[str, Any]:
    """Published p-values beside ours, and the exhausted share without labels."""
    published = {"G11": 1.3e-5, "G1": 0.0033, "G3": 0.0040, "G6": 0.0052, "G4": 0.0154, "G10": 0.0365}
    base = {"error": None, "threads": 1}
    made: dict[str, Any] = {}
    for name, p in by_lesion(lesions()).items():
        own = published.get(name.split()[0])
        if own is not None:
            made[f"{name}, 48 lesions: p"] = {"value": p, "unit": "", "peer": "Sade-Feldman 2018", "peer_value": own,
                                              "ratio": p / own, **base}  # fmt: skip
    found = exhausted(t_cells(), seeds)
    for way, rows in found.groupby("way", sort=False):
        made[f"exhausted, {way}, 19 patients: median p of {len(rows)}"] = {
            "value": float(rows["p"].median()), "unit": "", "peer": "labels of the publication",
            "peer_value": float(found["p"].iloc[0]), "ratio": None, **base,
        }  # fmt: skip
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="clusterings of the 550 T cells")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.json:
        print(json.dumps(cases(options.seeds)))
        return
    samples = lesions()
    pd.options.display.max_colwidth = 120
    print("by lesion, Mann–Whitney\n" + pd.Series(by_lesion(samples)).map("{:.2g}".format).to_string())
    for title, table in (
        ("by patient, all cells, a lesion's own response", by_patient(samples)),
        ("the same, lesions before treatment", by_patient(samples, before=True)),
        ("by patient's response at a common depth (opsonin discover)", by_command(samples)),
        ("the same, all cells (depth = own)", by_command(samples, "own")),
    ):
        print(f"\n{title}\n" + table.sort_values("p").to_string(index=False, float_format="{:.4g}".format))
    told = believed(samples)
    kept = told[told["name"].str.contains("response") & told["name"].str.contains("G1 |G11|G10")]
    print("\nhow far to believe it\n" + kept.to_string(index=False, float_format="{:.3g}".format))
    survival = told[told["name"].str.match(r"OS.*hazard_ratio$")]
    print("\nsurvival\n" + survival.drop(columns="note").to_string(index=False, float_format="{:.3g}".format))
    print("\nTCF7 under the microscope\n" + pd.Series(stained()).map("{:.3g}".format).to_string())
    found = exhausted(t_cells(), options.seeds)
    print("\nexhausted share of 19 patients, medians\n" + found.to_string(index=False, float_format="{:.3g}".format))
    spread = found.groupby("way", sort=False)[["non-responders", "responders", "p"]].agg(["median", "min", "max"])
    print("\n" + spread.to_string(float_format="{:.3g}".format))


if __name__ == "__main__":
    main()
