"""Annotation by markers: what it finds, where it stops, and what it does not look for."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from opsonin.discovery.annotation import UNKNOWN, annotate, nearest, with_annotation
from opsonin.discovery.label_agreement import adjusted_rand, agreement
from opsonin.discovery.marker_evidence import evidence, exchange_moments, levels
from opsonin.discovery.marker_table import CellType, MarkerTable, default_markers, read_markers
from opsonin.discovery.samples import Samples
from opsonin.errors import DiscoveryError
from opsonin.random import normal, uniform

TABLE = default_markers()
KINDS = ["regulatory T cell", "exhausted CD8 T cell", "B cell", "macrophage", "CD56dim NK cell"]


def made_up(kinds: list[str], each: int = 30, units: str = "counts", seed: int = 1, stray: float = 0.03) -> Samples:
    """Cells that count a third of their types' genes (their parents' included), and few of any other."""
    genes = [*TABLE.genes, *(f"OTHER{i}" for i in range(300))]
    labels = np.repeat(kinds, each)
    express = np.full((labels.size, len(genes)), stray)
    express[:, len(TABLE.genes) :] = 0.3
    at = {gene: i for i, gene in enumerate(genes)}
    for row, label in enumerate(labels):
        path = TABLE.path(label) if label in TABLE.by_name else ()
        for name in path:
            express[row, [at[gene] for gene in TABLE.by_name[name].positive]] = 0.75
        for name in path:
            express[row, [at[gene] for gene in TABLE.by_name[name].negative]] = 0.0
    seen = uniform(seed, "made-up cells", np.arange(labels.size), draws=len(genes)) < express
    cells = pd.DataFrame({"cell": [f"c{i}" for i in range(labels.size)], "subject": "s", "sample": "a", "truth": labels,
                          "cluster": labels})  # fmt: skip
    one = pd.DataFrame({"sample": ["a"], "subject": ["s"]})
    return Samples(cells, one[["subject"]], one, csr_matrix(3.0 * seen), pd.Index(genes), units)  # type: ignore[arg-type]


def test_the_shipped_table_holds_together_and_names_a_source_for_every_type():
    assert all(kind.source for kind in TABLE.types)
    wanted = {"T cell", "regulatory T cell", "naive CD8 T cell", "memory CD8 T cell", "resident CD8 T cell",
              "exhausted CD8 T cell", "TCF7+ exhausted CD8 T cell", "cycling CD8 T cell", "CD56bright NK cell", "cDC1",
              "cDC2", "LAMP3+ dendritic cell", "plasmacytoid dendritic cell", "mast cell", "neutrophil", "plasma cell",
              "inflammatory macrophage", "endothelial cell", "fibroblast", "melanoma cell"}  # fmt: skip
    assert wanted <= set(TABLE.by_name)
    assert TABLE.path("regulatory T cell") == ("T cell", "CD4 T cell", "regulatory T cell")
    assert all(len(kind.positive) >= 6 for kind in TABLE.types)


def test_clusters_are_found_down_to_the_state():
    samples = made_up(KINDS)
    found = annotate(samples, level="cluster")
    assert (found.cells["label"].astype(str) == samples.cells["truth"]).all()
    assert agreement(samples.cells["truth"], found.cells["label"]).adjusted_rand == 1.0


def test_a_type_the_table_lacks_stays_unknown_rather_than_becoming_another():
    without = MarkerTable(tuple(kind for kind in TABLE.types if kind.name not in TABLE.below("B cell")), TABLE.aliases)
    found = annotate(made_up(KINDS), without, level="cell")
    lineage = found.cells["lineage"].astype(str)[made_up(KINDS).cells["truth"] == "B cell"]
    assert (lineage == UNKNOWN).mean() >= 0.85


def test_cells_that_express_random_markers_are_called_something_no_more_often_than_alpha():
    samples = made_up(["noise"], each=400, stray=0.15)
    found = annotate(samples, level="cell", alpha=0.05)
    assert (found.cells["lineage"].astype(str) != UNKNOWN).mean() < 0.08


def test_a_cell_stops_where_the_evidence_stops():
    """CD3 alone makes a T cell, neither CD4 nor CD8."""
    samples = made_up(["T cell", "macrophage"])
    found = annotate(samples, level="cluster").cells["label"].astype(str)
    assert set(found[samples.cells["truth"] == "T cell"]) == {"T cell"}
    assert annotate(samples, level="cluster").at(["T cell"]).isin(["T cell", "other"]).all()


def test_types_whose_genes_were_not_measured_are_said_not_to_have_been_looked_for():
    samples = made_up(KINDS)
    keep = ~samples.genes.isin(TABLE.by_name["B cell"].positive)
    less = samples.with_(expression=csr_matrix(samples.matrix()[:, np.flatnonzero(keep)]), genes=samples.genes[keep])
    found = annotate(less, level="cluster")
    assert not found.coverage.set_index("type").loc["B cell", "looked_for"]
    assert found.told()[1].startswith("not looked for")
    assert "B cell" in found.told()[1]
    assert (found.cells["label"].astype(str)[samples.cells["truth"] == "B cell"] == UNKNOWN).all()
    assert found.scores["B cell"].isna().all()


def test_older_symbols_and_lower_case_are_understood():
    samples = made_up(["plasma cell", "B cell"])
    older = samples.genes.to_series().replace({"JCHAIN": "IGJ"}).str.lower()
    found = annotate(samples.with_(genes=pd.Index(older)), level="cluster")
    assert set(found.cells["label"].astype(str)) == {"plasma cell", "B cell"}


def test_neighbours_help_cells_of_few_molecules():
    samples = made_up(KINDS, each=60)
    thin = samples.with_(expression=csr_matrix(samples.matrix().multiply(
        csr_matrix(uniform(3, "thin", np.arange(samples.n_cells), draws=len(samples.genes)) < 0.25))))  # fmt: skip
    place = np.unique(samples.cells["truth"].to_numpy(), return_inverse=True)[1][:, None] * 10.0
    near = nearest(place + normal(1, "place", np.arange(samples.n_cells), draws=2), k=15)
    alone, together = (annotate(thin, level=level, neighbours=near) for level in ("cell", "neighbours"))  # type: ignore[arg-type]
    right = [(found.cells["lineage"].astype(str) == [TABLE.path(kind)[0] for kind in samples.cells["truth"]]).mean()
             for found in (alone, together)]  # fmt: skip
    assert right[1] > 0.95 > right[0]


def test_the_users_labels_are_kept_and_only_the_others_filled():
    samples = made_up(KINDS)
    given = samples.cells["truth"].where(np.arange(samples.n_cells) % 2 == 0).replace({"B cell": "my B"})
    made = with_annotation(samples.with_labels(given.tolist()), annotate(samples, level="cluster"))
    assert (made.cells["label"][given.notna()] == given[given.notna()]).all()
    assert (made.cells["label"].astype(str)[given.isna()] == samples.cells["truth"][given.isna()]).all()
    assert made.cells["label_source"].value_counts().to_dict() == {"given": 75, "annotated": 75}
    assert any("had no label" in line for line in made.told())


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_annotation_does_not_depend_on_the_order_of_cells_or_genes(seed):
    samples = made_up(KINDS[:3], each=6)
    cells = np.argsort(uniform(seed, "cells", np.arange(samples.n_cells))[:, 0])
    genes = np.argsort(uniform(seed, "genes", np.arange(len(samples.genes)))[:, 0])
    mixed = samples.with_(cells=samples.cells.iloc[cells].reset_index(drop=True), genes=samples.genes[genes],
                          expression=csr_matrix(samples.matrix()[cells][:, genes]))  # fmt: skip
    one, other = annotate(samples, level="cell").cells["label"], annotate(mixed, level="cell").cells["label"]
    assert one.iloc[cells].astype(str).tolist() == other.astype(str).tolist()


def test_moments_of_exchange_are_those_of_all_orders():
    from itertools import permutations

    level = uniform(1, "level", np.arange(3), draws=5)
    weight = np.array([[0.5, 0.5, -1.0, 0, 0], [0, 0, 1.0, 0, 0]])
    every = np.array([level[:, list(order)] @ weight.T for order in permutations(range(5))])
    centre, spread = exchange_moments(level, weight)
    np.testing.assert_allclose(centre, every.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(spread, every.std(axis=0), rtol=1e-9)
    seen = evidence(level, weight, 99, 1)
    assert ((seen.p_strength > 0) & (seen.p_strength <= 1)).all()


def test_levels_are_shares_of_what_expressing_cells_have():
    x = csr_matrix(np.array([[0, 1.0], [10, 0], [5, 0], [20, 0]]))
    got = levels(x).toarray()
    assert got.max() == 1.0
    assert got[0].tolist() == [0.0, 1.0]
    assert got[2, 0] == pytest.approx(5 / np.quantile([5, 10, 20], 0.9))


def test_what_cannot_be_annotated_is_said():
    samples = made_up(KINDS[:1], each=3)
    ensembl = samples.with_(genes=pd.Index([f"ENSG{i:011d}" for i in range(len(samples.genes))]))
    with pytest.raises(DiscoveryError, match="give symbols"):
        annotate(ensembl, level="cell")
    with pytest.raises(DiscoveryError, match="find clusters first"):
        annotate(samples, clusters="leiden")
    with pytest.raises(DiscoveryError, match="below 0"):
        annotate(samples.with_(expression=-samples.matrix()), level="cell")
    with pytest.raises(DiscoveryError, match="see `nearest`"):
        annotate(samples, level="neighbours")


def test_a_marker_table_of_ones_own_is_read_and_its_mistakes_named(tmp_path):
    TABLE.to_frame().to_csv(tmp_path / "mine.csv", index=False)
    back = read_markers(tmp_path / "mine.csv")
    assert back.by_name["exhausted CD8 T cell"] == TABLE.by_name["exhausted CD8 T cell"]
    (tmp_path / "bad.toml").write_text('[types."a"]\nparent = "b"\npositive = ["X"]\n')
    with pytest.raises(DiscoveryError, match="which it lacks"):
        read_markers(tmp_path / "bad.toml")
    with pytest.raises(DiscoveryError, match="circle"):
        MarkerTable((CellType("a", "b", ("X",), (), ""), CellType("b", "a", ("Y",), (), "")), {})
    (tmp_path / "none.csv").write_text("cell,gene\nT,CD3E\n")
    with pytest.raises(DiscoveryError, match="no column 'type'"):
        read_markers(tmp_path / "none.csv")
    assert {kind.name for kind in TABLE.only(["T cell"]).types} == TABLE.below("T cell")


def test_agreement_counts_what_it_says():
    found = agreement(["x", "x", "x", "y", "y", None], ["A", "A", "B", "B", UNKNOWN, "A"])
    assert found.after_the_fact
    assert found.known == 0.8
    by_type = found.types.set_index("type")
    assert by_type.loc["A", ["cells", "found", "precision"]].tolist() == [3, 2, 1.0]
    assert by_type.loc["A", "f1"] == pytest.approx(0.8)
    with pytest.raises(DiscoveryError, match="does not say"):
        agreement(["x", "y"], ["A", "B"], same={"x": "A"})
    with pytest.raises(DiscoveryError, match="no cell has a given label"):
        agreement([None], ["A"])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=40))
def test_the_rand_index_is_scikit_learns(pairs):
    from sklearn.metrics import adjusted_rand_score

    one, other = zip(*pairs, strict=True)
    assert adjusted_rand(one, other) == pytest.approx(adjusted_rand_score(one, other), abs=1e-12)
