"""Differential expression by patients on real cells: what is known is found, and permuted labels find nothing.

Raw counts: scrna-pbmc68k (UMI, one donor in eight wells: the wells are technical replicates, so that it shows that
known genes are found, not how donors differ) and melanoma-brafi-idling (bulk, three cultures of each subclone and day).
Patients: scrna-melanoma-tirosh and scrna-melanoma-icb, which hold logarithms of TPM and no counts.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from scipy.stats import mannwhitneyu

from opsonin.discovery import Samples, group_contrast, read_samples, state_markers
from paths import DATA, needs_data

pytestmark = needs_data
IDLING = DATA / "melanoma-brafi-idling" / "rnaseq_counts_subclones_day0_3_8.csv.gz"
# log2 counts per million, day 8 less day 0, in SC01, SC07 and SC10: the set's README, of all 14,963 genes
OUTPUT_OF_MAPK = {"DUSP6": [-1.7, -2.2, -2.9], "SPRY4": [-2.1, -2.1, -1.9], "ETV5": [-1.1, -1.2, -0.8]}


def of_cultures(counts: pd.DataFrame, subject: np.ndarray, label: np.ndarray | str) -> Samples:
    """Genes × cultures as samples whose rows are cultures."""
    rows = pd.DataFrame({"cell": counts.columns, "subject": subject, "sample": subject, "label": label})
    who = pd.DataFrame({"subject": pd.unique(pd.Series(subject))})
    values = csr_matrix(counts.to_numpy(dtype=float).T)
    return Samples(rows, who, who.assign(sample=who["subject"]), values, pd.Index(counts.index.astype(str)), "counts",
                   modality="bulk RNA")  # fmt: skip


def idling(genes: int, seed: int = 1) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Some genes at random and those of MAPK's output; subclone and day of each culture."""
    counts = pd.read_csv(IDLING, index_col=0)
    counts = counts[~counts.index.duplicated() & (counts.sum(axis=1) > 500)]
    others = counts.index.difference(list(OUTPUT_OF_MAPK))
    drawn = np.random.default_rng(seed).choice(others, genes, replace=False)
    parts = counts.columns.str.split("_", expand=True).to_frame(index=False)
    return counts.loc[[*OUTPUT_OF_MAPK, *drawn]], parts[0].to_numpy(), parts[1].to_numpy()


@pytest.mark.slow
def test_monocytes_and_t_cells_of_blood_differ_in_the_genes_everybody_knows():
    blood = read_samples(DATA / "scrna-pbmc68k", "pbmc68k")
    well = ("well " + blood.cells["cell"].astype(str).str.split("-").str[1]).to_numpy()
    who = pd.DataFrame({"subject": sorted(set(well))})
    wells = blood.with_(cells=blood.cells.assign(subject=well, sample=well), subjects=who,
                        samples=who.assign(sample=who["subject"]))  # fmt: skip
    t_cells = [name for name in wells.cells["label"].cat.categories if name.startswith(("CD4+", "CD8+"))]
    found = state_markers(wells, "CD14+ Monocyte", others=t_cells)
    assert found.n == 8
    frame = found.frame
    for genes, sign in ((["LYZ", "S100A8", "S100A9", "CST3", "FCN1", "TYROBP"], 1),
                        (["CD3D", "CD3E", "IL32", "CCL5"], -1)):  # fmt: skip
        own = frame.loc[genes]
        assert (own["q"] < 0.01).all()
        assert (sign * own["log2_fold_change"] > 2).all()
    assert set(found.marked) >= {"LYZ", "FCN1"}


def test_macrophages_and_t_cells_of_nineteen_tumours_differ_in_genes_that_no_gate_used():
    tumours = read_samples(DATA / "scrna-melanoma-tirosh", "tirosh")
    has = {gene: tumours.matrix([gene]).toarray()[:, 0] > 0 for gene in ("CD14", "CD163", "CD3D", "CD3E")}
    macrophage = has["CD14"] & has["CD163"] & ~has["CD3D"] & ~has["CD3E"]
    t_cell = has["CD3D"] & has["CD3E"] & ~has["CD14"] & ~has["CD163"]
    label = np.where(macrophage, "macrophage", np.where(t_cell, "T cell", None))
    found = state_markers(tumours.with_labels(label.tolist()), "macrophage", others=["T cell"], min_cells=3)
    assert found.unit == "patients"
    assert found.n is not None
    assert found.n >= 5
    higher = found.frame.loc[["CSF1R", "FCGR3A", "CIITA"]]
    lower = found.frame.loc[["CD2", "CD3G", "CD27", "TIGIT"]]
    assert (higher["q"] < 0.05).all()
    assert (higher["log2_fold_change"] > 0).all()
    assert (lower["q"] < 0.05).all()
    assert (lower["log2_fold_change"] < 0).all()


@pytest.mark.slow
def test_the_output_of_mapk_falls_in_every_subclone_under_a_braf_inhibitor():
    counts, subclone, day = idling(300)
    kept = day != "day3"
    found = state_markers(of_cultures(counts.loc[:, kept], subclone[kept], day[kept]), "day8", min_cells=3)
    assert found.n == 3
    assert found.per_subject is not None
    fall = found.per_subject.loc[list(OUTPUT_OF_MAPK)]
    assert fall.to_numpy() == pytest.approx(np.array([*OUTPUT_OF_MAPK.values()]), abs=0.3)
    assert (found.frame["p"][list(OUTPUT_OF_MAPK)] < 0.05).all()
    assert found.frame["log2_fold_change"]["DUSP6"] == pytest.approx(-2.3, abs=0.4)


@pytest.mark.slow
def test_permuted_cultures_find_nothing_and_their_replicates_do():
    counts, subclone, day = idling(200)
    culture = np.char.add(subclone.astype(str), day.astype(str))
    names, draw = pd.unique(pd.Series(culture)), np.random.default_rng(1)
    by_culture, by_replicate = [], []
    for _ in range(6):
        group = pd.Series(draw.permutation(["a"] * 4 + ["b"] * 5), index=names)
        found = group_contrast(of_cultures(counts, culture, "x"), "x", group, "a", "b", min_cells=3)
        by_culture.append(float((found.frame["p"].dropna() < 0.05).mean()))
        of = pd.Series(group[culture].to_numpy(), index=counts.columns)
        each = group_contrast(of_cultures(counts, counts.columns.to_numpy(), "x"), "x", of, "a", "b", min_cells=1)
        by_replicate.append(float((each.frame["p"].dropna() < 0.05).mean()))
    assert np.mean(by_culture) < 0.10  # ten permutations of 500 genes: 3.2 % (standard error 1.3), replicates 25 %
    assert np.mean(by_replicate) > 2 * np.mean(by_culture)
    assert np.mean(by_replicate) > 0.12


def test_permuted_patients_find_what_chance_gives_and_their_cells_four_times_as_much():
    cells = read_samples(DATA / "scrna-melanoma-icb", "melanoma-icb")
    cells = cells.with_labels(["T cell"] * cells.n_cells)
    response = cells.subjects.set_index("subject")["response"]
    subject, level = cells.cells["subject"].astype(str).to_numpy(), cells.matrix().toarray()
    draw = np.random.default_rng(1)
    by_patient, by_cell = [], []
    for _ in range(20):
        group = pd.Series(draw.permutation(response.to_numpy()), index=response.index)
        found = group_contrast(cells, "T cell", group, "responder", "non-responder", min_cells=5)
        by_patient.append(float((found.frame["p"].dropna() < 0.05).mean()))
        first = pd.Series(subject).map(group.to_dict()).to_numpy() == "responder"
        by_cell.append(float((mannwhitneyu(level[first], level[~first], axis=0).pvalue < 0.05).mean()))
    assert np.mean(by_patient) < 0.07  # of 40 permutations 4.5 % (standard error 0.5), by cells 17.6 %
    assert np.mean(by_cell) > 2 * np.mean(by_patient)
