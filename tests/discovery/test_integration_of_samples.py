"""Integration between samples: it mixes them, keeps kinds of cells apart, and changes no value."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.neighbors import NearestNeighbors

from opsonin.discovery.cell_map import map_cells
from opsonin.discovery.read.questions import Discovery
from opsonin.discovery.samples import Samples
from opsonin.discovery.states_question import answer_states
from opsonin.errors import DiscoveryError

NEAR = 15


def batches(spread: float = 0.5, seed: int = 1) -> Samples:
    """Two kinds of cells in four samples, each sample with a level of its own for each of 300 genes.

    spread: SD of those levels in the natural logarithm.   The kinds differ sixfold in 20 genes each; their share is
    70 % in two samples and 30 % in the others, so that mixing samples at the price of kinds would show.
    """
    draw = np.random.default_rng(seed)
    base = 0.6 * draw.lognormal(0, 1, 300)
    rows, counts = [], []
    for sample in range(4):
        level = base * np.exp(draw.normal(0, spread, 300))
        for kind, raised in ((0, slice(0, 20)), (1, slice(20, 40))):
            cells = 105 if (sample + kind) % 2 else 45
            own = level.copy()
            own[raised] *= 6
            counts.append(draw.poisson(own * draw.gamma(8, 1 / 8, size=(cells, 1))))
            rows += [(f"P{sample}", f"P{sample}", "AB"[kind])] * cells
    cells = pd.DataFrame(rows, columns=["subject", "sample", "label"])
    cells.insert(0, "cell", np.arange(len(cells)).astype(str))
    who = cells[["subject", "sample"]].drop_duplicates().reset_index(drop=True)
    genes = pd.Index([f"G{k}" for k in range(300)])
    return Samples(cells, who[["subject"]], who, csr_matrix(np.vstack(counts).astype(np.float32)), genes, "counts")


def nearest(places: np.ndarray) -> np.ndarray:
    found = NearestNeighbors(n_neighbors=NEAR + 1).fit(places).kneighbors(places, return_distance=False)
    return np.asarray(found)[:, 1:]


def mixing(places: np.ndarray, samples: Samples) -> float:
    """Of a cell's nearest of its own kind the share from other samples, over what chance would give: 1 is mixed."""
    sample, label = samples.cells["sample"].to_numpy(), samples.cells["label"].to_numpy()
    found, chance = [], []
    for kind in set(label):
        own = np.flatnonzero(label == kind)
        near = nearest(places[own])
        found.append((sample[own][near] != sample[own][:, None]).mean())
        chance.append(1 - float((pd.Series(sample[own]).value_counts(normalize=True) ** 2).sum()))
    return float(np.mean(found) / np.mean(chance))


def kept_apart(places: np.ndarray, samples: Samples) -> float:
    """The share of a cell's nearest that are of its kind."""
    label = samples.cells["label"].to_numpy()
    return float((label[nearest(places)] == label[:, None]).mean())


@pytest.fixture(scope="module")
def mapped():
    samples = batches()
    made = {"none": map_cells(samples, umap=False), "combat": map_cells(samples, integrate="combat", umap=False)}
    return samples, made


def test_samples_are_mixed_and_kinds_stay_apart(mapped):
    samples, made = mapped
    assert mixing(made["none"].components, samples) < 0.1  # measured 0.04: each sample lies by itself
    assert mixing(made["combat"].components, samples) > 0.8  # 0.87
    assert kept_apart(made["combat"].components, samples) > 0.95  # 0.97
    label = samples.cells["label"].to_numpy()
    for found in made.values():
        pure = pd.crosstab(np.asarray(found.cluster), label).max(axis=1).sum() / len(label)
        assert pure > 0.98
    of_one = pd.crosstab(np.asarray(made["none"].cluster), samples.cells["sample"]).max(axis=1).sum() / len(label)
    assert of_one > 0.99  # without integration every cluster is one sample's (all but four cells)
    assert made["combat"].cluster.categories.size < made["none"].cluster.categories.size


def test_harmony_does_so_where_it_is_installed():
    pytest.importorskip("harmonypy", reason="harmonypy is under the GPL and no part of the extra")
    samples = batches()
    found = map_cells(samples, integrate="harmony", umap=False)
    assert mixing(found.components, samples) > 0.9  # 1.00
    assert kept_apart(found.components, samples) > 0.98


def test_integration_is_for_clusters_and_map_and_changes_no_value(mapped):
    samples, made = mapped
    assert np.array_equal(made["combat"].measured, made["none"].components)
    assert any("for neighbours, clusters (and what is annotated by them) and the map alone" in line
               for line in made["combat"].methods)  # fmt: skip
    asked = {"doublets": False, "annotate": False}
    one, two = (answer_states(samples, Discovery(**asked, integrate=way)) for way in ("none", "combat"))
    assert (one.samples.matrix() != two.samples.matrix()).nnz == 0
    assert one.answer.tables["features"].equals(two.answer.tables["features"])


def test_one_sample_cannot_be_integrated(mapped):
    samples, _ = mapped
    alone = samples.take((samples.cells["sample"] == "P0").to_numpy())
    with pytest.raises(
        DiscoveryError, match="needs two samples or more, and all cells are of 'P0'; leave integrate out"
    ):
        map_cells(alone, integrate="combat", umap=False)
    few = samples.take((samples.cells["sample"] != "P1").to_numpy() | (np.arange(samples.n_cells) == 150))
    with pytest.raises(DiscoveryError, match="two cells of each sample, and 'P1' has one"):
        map_cells(few, integrate="harmony", umap=False)
