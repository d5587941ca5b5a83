"""Quality control, doublets and the map: the same by blocks as in memory, and told."""

import warnings

import numpy as np
import pytest
from scipy.sparse import csr_matrix, vstack

from made_up_samples import dense, made_up, write_map
from opsonin.discovery import read_samples
from opsonin.discovery.cell_map import map_cells
from opsonin.discovery.doublets import find_doublets
from opsonin.discovery.libraries import library
from opsonin.discovery.neighbour_search import NearestCells
from opsonin.discovery.normalising import normalised
from opsonin.discovery.prepare import prepare
from opsonin.discovery.quality import quality_control
from opsonin.errors import DiscoveryError


def on_disk(small, folder):
    """The same cells, left in a file."""
    made = small.anndata()
    for name in ("subject", "sample", "label"):
        made.obs[name] = made.obs[name].astype(str).to_numpy()
    made.write_h5ad(folder / "x.h5ad")
    text = "[files]\nexpression='x.h5ad'\n[expression]\non_disk=true\n[cells]\nsubject='subject'\nsample='sample'\n"
    return read_samples(folder, write_map(folder, text + "label='label'"))


def test_outliers_are_judged_within_their_sample(small):
    counts = dense(small).copy()
    counts[0] *= 40
    counts[1, :] = 0
    counts[1, 9] = 1
    counts[2, 8] = 500
    kept, quality = quality_control(small.with_(expression=csr_matrix(counts)))
    assert quality.cells["reason"].iloc[:3].tolist() == ["many counts", "few counts", "many counts"]
    assert kept.n_cells == int(quality.cells["kept"].sum())
    assert quality.thresholds["kept"].sum() == kept.n_cells
    assert "5 median absolute deviations" in quality.methods[0]
    shallow = counts.copy()
    rows = (small.cells["sample"] == "P2").to_numpy()
    shallow[rows] = np.ceil(shallow[rows] / 4)  # a sample of another depth is judged by its own depth
    _, other = quality_control(small.with_(expression=csr_matrix(shallow)))
    assert other.cells["kept"][rows].mean() > 0.95


def test_blocks_give_what_memory_gives(small, tmp_path):
    other = on_disk(small, tmp_path)
    assert other.on_disk
    here, there = prepare(small, mapped=False, doublets=False), prepare(other, mapped=False, doublets=False)
    assert there.samples.on_disk
    assert np.allclose(here.samples.matrix().toarray(), there.samples.matrix().toarray(), atol=1e-6)
    assert here.quality.thresholds.equals(there.quality.thresholds)


def test_normalisation_is_that_of_scanpy(small):
    scanpy = library("scanpy")
    data = small.anndata()
    scanpy.pp.normalize_total(data, target_sum=1e4)
    scanpy.pp.log1p(data)
    assert np.allclose(normalised(small).matrix().toarray(), data.X.toarray(), rtol=1e-5)


def test_doublets_made_of_two_kinds_are_found():
    pure = made_up(400, 1, seed=3)
    counts, label = dense(pure), pure.cells["label"].to_numpy()
    pairs = [(np.flatnonzero(label == "T")[k], np.flatnonzero(label == "Mono")[k]) for k in range(20)]
    both = np.array([counts[a] + counts[b] for a, b in pairs])
    cells = made_up(420, 1, seed=3).cells
    mixed = pure.with_(cells=cells, expression=csr_matrix(vstack([csr_matrix(counts), csr_matrix(both)])))
    found = find_doublets(mixed, seed=1)
    above = (found.score[400:, None] > found.score[None, :400]).mean()  # pairs in which the mixture scores higher
    assert above > 0.85
    assert "Scrublet" in found.methods[0]


def test_a_sample_of_many_cells_is_judged_in_parts_and_progress_is_of_cells(monkeypatch):
    pure = made_up(1200, 1, seed=3)
    counts, label = dense(pure).copy(), pure.cells["label"].to_numpy()
    pairs = [(np.flatnonzero(label == "T")[k], np.flatnonzero(label == "Mono")[k]) for k in range(40)]
    counts[:40] = [counts[a] + counts[b] for a, b in pairs]
    mixed = pure.with_(expression=csr_matrix(counts))

    def higher(score):  # in what share of pairs the mixture scores higher
        return (score[:40, None] > score[None, 40:]).mean()

    assert higher(find_doublets(mixed, seed=1).score) > 0.85
    monkeypatch.setattr("opsonin.discovery.doublets.MOST", 500)
    seen = []
    found = find_doublets(mixed, seed=1, progress=lambda what, done, total: seen.append((what, done, total)))
    assert seen == [("doublets", 0, 1200), ("doublets", 400, 1200), ("doublets", 800, 1200)]
    assert "1 samples of more than 500 cells were judged in equal random parts" in found.methods[0]
    assert np.isfinite(found.score).all()
    assert higher(found.score) > 0.7  # parts of 400 cells find a little less; of 3,000 no less (discovery_doublets.py)
    assert np.array_equal(find_doublets(mixed, seed=1).score, found.score)


def test_a_cell_that_scrublet_leaves_out_does_not_hide_the_doublets_of_its_sample():
    pure = made_up(400, 1, seed=3)
    counts, label = dense(pure).copy(), pure.cells["label"].to_numpy()
    t, mono = (np.flatnonzero(label == kind)[:20] for kind in ("T", "Mono"))
    counts[t] = 3 * (counts[t] + counts[mono])
    before = find_doublets(pure.with_(expression=csr_matrix(counts)), seed=1)
    counts[399] = 0
    counts[399, 9] = 5  # one gene: Scrublet judges cells of three or more
    after = find_doublets(pure.with_(expression=csr_matrix(counts)), seed=1)
    assert np.isnan(after.score[399])
    assert np.isfinite(after.thresholds["threshold"]).all()
    assert abs(int(after.doublet.sum()) - int(before.doublet.sum())) <= 3
    assert "1 cells of fewer than 3 genes have no score" in after.methods[0]


@pytest.mark.slow
def test_more_cells_than_scanpy_searches_exactly_are_judged_and_mapped():
    many = made_up(8400, 1, seed=2)  # from 8,192 on scanpy asks pynndescent, which answers what scanpy cannot read
    assert np.isfinite(find_doublets(many, seed=1).score).mean() > 0.99
    found = map_cells(many, seed=1, umap=False)
    label = many.cells["label"].astype(str).to_numpy()
    cluster = np.asarray(found.cluster)
    purity = sum(np.unique(label[cluster == k], return_counts=True)[1].max() for k in set(cluster))
    assert purity / len(label) > 0.9


def test_nearest_cells_are_those_that_scanpy_finds_among_fewer():
    anndata, scanpy = library("anndata"), library("scanpy")
    places = np.random.default_rng(1).normal(size=(300, 5)).astype(np.float32)
    one, two = (anndata.AnnData(places.copy()) for _ in range(2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scanpy's own, of its own insides
        scanpy.pp.neighbors(one, use_rep="X", random_state=1)
        scanpy.pp.neighbors(two, use_rep="X", random_state=1, transformer=NearestCells(15))
    assert abs(one.obsp["connectivities"] - two.obsp["connectivities"]).max() < 1e-6
    places[250:] = places[0]  # fifty cells of one place: more than the neighbours asked
    near = NearestCells(15).fit_transform(places)
    assert np.array_equal(near.indices.reshape(300, 15)[:, 0], np.arange(300))


@pytest.mark.slow
def test_the_map_finds_the_kinds_and_is_the_same_again(small):
    one, two = (map_cells(small, seed=4, umap=False) for _ in range(2))
    assert np.array_equal(np.asarray(one.cluster), np.asarray(two.cluster))
    label = small.cells["label"].astype(str).to_numpy()
    purity = sum(np.unique(label[np.asarray(one.cluster) == k], return_counts=True)[1].max() for k in set(one.cluster))
    assert purity / len(label) > 0.9
    assert one.table(small).columns.tolist() == ["cell", "subject", "sample", "cluster"]
    with pytest.raises(DiscoveryError, match="too few for a map"):
        map_cells(small.take(np.arange(240) < 10))
