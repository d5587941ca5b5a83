"""Persisters, clones and growth states in published data, and how the verdict on clones does on made-up ones.

Prints the tables of docs/discovery-plasticity.md. The data are the shared sets scrna-lung-tki-maynard2020,
persister-signatures, icb-expression-cohorts, melanoma-brafi-idling and pc9-erlotinib-clones.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from opsonin.discovery.answers import Answer
from opsonin.discovery.clones import clone_dynamics
from opsonin.discovery.growth_states import growth_mixture
from opsonin.discovery.marker_sources import adjusted
from opsonin.discovery.overlaps import overlap
from opsonin.discovery.plasticity import changed_genes, named_sets, rank_scores
from opsonin.discovery.plasticity_question import answer_plasticity
from opsonin.discovery.read import mapping_file
from opsonin.discovery.read.mapping import read_mapping

SHOWN = ("moghal-2023_DTP-up_common", "PA_UP", "PA_DOWN", "rehman-2021_DTP-down", "rehman-2021_DTP-up",
         "chang-2022_DTP_Mesenchymal_all-up", "hangauer-2017_DTP-up")  # fmt: skip
MAYNARD = "de_cancer_cells_by_treatment_state.csv.gz"


def answered(name: str, folder: Path, **more) -> Answer:
    settings = read_mapping(mapping_file(name)).discovery.plasticity or {}
    return answer_plasticity(settings | more, folder)


def measured_genes(folder: Path) -> list[str]:
    """Every gene that any of the study's tables lists: what can be said to have been measured."""
    tables = [pd.read_csv(path, usecols=["gene"]) for path in sorted(folder.glob("de_*.csv.gz"))]
    return sorted(set(pd.concat(tables)["gene"].astype(str)))


def barcodes(kind: str, seed: int, clones: int = 600, reads: float = 1e6, noise: float = 0.3) -> pd.DataFrame:
    """Made-up clones: all survive alike, unequally (SD 0.5 in the logarithm), 3 % survive, or few cells of all do."""
    rng = np.random.default_rng(seed)
    start, fitness = rng.lognormal(0, 1.5, clones), np.ones(clones)
    if kind == "3 % survive":
        fitness = np.where(rng.random(clones) < 0.03, 1.0, 0.002)
    if kind == "unequal":
        fitness = np.exp(rng.normal(0, 0.5, clones))
    made = {}
    for name in ("u1", "u2", "t1", "t2"):
        share = start * (fitness if name[0] == "t" else 1.0)
        share = share / share.sum()
        if kind == "bottleneck" and name[0] == "t":
            share = rng.poisson(share * 1500) / 1500
        made[name] = rng.poisson(reads * share * np.exp(rng.normal(0, noise, clones)))
    return pd.DataFrame(made)


def verdicts(tables: int) -> pd.DataFrame:
    rows = []
    for kind in ("all alike", "unequal", "3 % survive", "bottleneck"):
        found = [clone_dynamics(barcodes(kind, s), ["u1", "u2"], ["t1", "t2"], replicates=60) for s in range(tables)]
        called = pd.Series([one.verdict for one in found]).value_counts(normalize=True)
        share = np.median([one.founders[0] for one in found])
        rows.append({"made as": kind, "founders' share": round(float(share), 2), **called.round(3).to_dict()})
    return pd.DataFrame(rows).fillna(0.0)


PUBLISHED = {"moghal-2023_DTP-up_common": 1.1e-9, "hangauer-2017_DTP-up": 1.0}  # README of persister-signatures


def cases(data: Path, tables: int) -> dict[str, Any]:
    """Overlaps, clones and growth states beside what was published, and the verdicts on made-up tables of clones."""
    base = {"error": None, "ratio": None, "threads": 1}
    shared = answered("maynard2020-persisters", data / "scrna-lung-tki-maynard2020").tables["overlaps"].set_index("set")
    made: dict[str, Any] = {
        f"{name}: P of its overlap with residual disease": {
            "value": float(shared["p"][name]), "unit": "", "peer": "the data's README", "peer_value": p, **base}
        for name, p in PUBLISHED.items()
    }  # fmt: skip
    clones = answered("melanoma-idling", data / "melanoma-brafi-idling").tables["clone_likeness"]
    for kind, rows in clones.groupby("kind", sort=False):
        made[f"idling melanoma, log frequencies {kind}"] = {
            "value": float(rows["correlation"].mean()), "unit": "mean correlation", "peer": None, "peer_value": None,
            **base}  # fmt: skip
    growth = answered("pc9-erlotinib", data / "pc9-erlotinib-clones").tables["growth"]
    two = growth["states"].astype(int) == 2
    named = ", ".join(growth["line"][two].astype(str))
    made[f"PC9, lines in two states ({named})"] = {
        "value": int(two.sum()), "unit": f"of {len(growth)} lines", "peer": "Hayford 2021 (DS8)", "peer_value": 1,
        **base}  # fmt: skip
    expected = {"all alike": "transition", "unequal": "transition", "3 % survive": "selection", "bottleneck": "drift"}
    for row in verdicts(tables).to_dict("records"):
        verdict = expected[row["made as"]]
        made[f"{tables} made-up tables, {row['made as']}: {verdict}"] = {
            "value": float(row.get(verdict, 0.0)), "unit": "share of tables", "peer": None, "peer_value": None,
            **base}  # fmt: skip
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--tables", type=int, default=200, help="made-up tables of clones of each kind")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.json:
        print(json.dumps(cases(given.data, given.tables)))
        return
    lung = given.data / "scrna-lung-tki-maynard2020"
    persisters = answered("maynard2020-persisters", lung)
    overlaps = persisters.tables["overlaps"].set_index("set")
    idling = answered("melanoma-idling", given.data / "melanoma-brafi-idling")
    growth = answered("pc9-erlotinib", given.data / "pc9-erlotinib-clones").tables["growth"]
    sets = named_sets(given.data / "persister-signatures" / "persister_gene_sets_long.csv.gz")
    genes = changed_genes(lung / MAYNARD, "EGFR TN vs PR", "PR")
    own = measured_genes(lung)
    cells = pd.read_csv(lung / "cell_metadata.csv.gz", low_memory=False)
    cancer = cells[(cells["epithelial_call"] == "tumor") & (cells["driver_gene"] == "EGFR")]
    for state, those in cancer.groupby("analysis"):
        print(f"EGFR-mutant tumours, {state}: {len(those)} cancer cells of {those['patient_id'].nunique()} patients")
    print(f"{len(genes)} genes higher at residual disease; {len(own)} genes listed in any table of the study")
    columns = ["genes", "shared", "expected", "p", "p of 12000", "p of 15000", "p of 25000"]
    frame = overlaps.reindex(list(SHOWN))[columns]
    print(frame.assign(p_listed=[overlap(genes, sets[name], own).p for name in SHOWN]).to_string(), "\n")
    response = answered("maynard2020-persisters", lung, cohorts="../icb-expression-cohorts").tables[
        "programme_response"
    ]
    pooled = response[response["name"] == "all"].sort_values("p")
    shown = pooled.assign(q=adjusted(pooled["p"].to_numpy(dtype=float)))[
        ["set", "log_odds", "lower", "upper", "p", "q"]
    ]
    print(f"response of {int(pooled['n'].max())} patients before checkpoint therapy, {len(pooled)} sets; the surest:")
    print(shown.head(4).round(3).to_string(index=False), "\n")
    counts = pd.read_csv(given.data / "melanoma-brafi-idling" / "rnaseq_counts_subclones_day0_3_8.csv.gz", index_col=0)
    level = 1e6 * counts / counts.sum()
    for name in (SHOWN[0], SHOWN[-1], "PA_UP", "rehman-2021_DTP-up"):
        score = rank_scores(level, sets[name])
        day = score.groupby([c.split("_")[1] for c in score.index]).mean()
        print(f"{name} in idling melanoma: " + ", ".join(f"{d} {v:.3f}" for d, v in day.items()))
    print("\n" + idling.pages["clones"])
    print(idling.tables["clones"].round(4).to_string(index=False), "\n")
    print(idling.tables["clone_likeness"].round(4).to_string(index=False), "\n")
    print(verdicts(given.tables).to_string(index=False), "\n")
    print(growth.round(4).to_string(index=False))
    rates = pd.read_csv(given.data / "pc9-erlotinib-clones" / "clonal_dip_rates.csv")
    for line, colonies in rates.groupby("Cell_Line"):
        bic = growth_mixture(colonies["DIP_Rate"].to_numpy(dtype=float), str(line), replicates=0).bic
        print(f"{line}: BIC of one normal less two states {bic['normal'] - bic['two states']:.1f}")
    counted = {"growth": {"file": "clonal_nuclei_counts_erlotinib3uM.csv.gz"}}
    again = answer_plasticity(counted, given.data / "pc9-erlotinib-clones").tables["growth"]
    print("\nrates of our own from the nuclei counts\n" + again.round(4).to_string(index=False))


if __name__ == "__main__":
    main()
