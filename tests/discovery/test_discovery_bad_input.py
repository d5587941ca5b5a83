"""What is wrong with the input is named, with the remedy."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from made_up_samples import made_up, write_10x, write_map
from opsonin.discovery import composition, read_samples
from opsonin.discovery.feature_table import FeatureTable
from opsonin.discovery.label_agreement import agreement
from opsonin.discovery.libraries import library
from opsonin.discovery.memory import GIB, free_bytes, refuse_beyond
from opsonin.discovery.normalising import normalised
from opsonin.discovery.quality import quality_control
from opsonin.errors import DiscoveryError

ONE = "[files]\nexpression = 'x'\n[cells]\nconstant.subject = 'P1'\n"


def refused(folder, names=None, counts=None, more=""):
    """The message for a 10x folder of these genes and counts."""
    own = made_up(60, 2)
    own = own.with_(
        genes=own.genes if names is None else pd.Index(names, dtype=object),
        expression=own.expression if counts is None else csr_matrix(counts),
    )
    write_10x(folder / "x", own)
    if names is not None:  # a list of one column holds what there is
        (folder / "x" / "genes.tsv").write_text("\n".join(names) + "\n")
    if counts is not None:
        from scipy.io import mmwrite

        mmwrite(folder / "x" / "matrix.mtx", csr_matrix(counts).T.tocoo())
    with pytest.raises(DiscoveryError) as problem:
        read_samples(folder, write_map(folder, ONE + more))
    return str(problem.value)


COUNT = len(made_up(12, 2).genes)


@pytest.mark.parametrize(
    ("names", "said", "remedy"),
    [
        ([f"ENSG{k:011d}.2" for k in range(COUNT)], "Ensembl identifiers", "symbols in"),
        ([str(k) for k in range(COUNT)], "numbers", "gene_names"),
        (["Cd3d", "Cd8a", "Ptprc", *(f"Gene{k}" for k in range(COUNT - 3))], "mouse", 'species = "mouse"'),
        (
            ["CD3D", "CD8A", "PTPRC", "Cd3d", "Cd8a", "Ptprc", *(f"G{k}" for k in range(COUNT - 6))],
            "two species",
            "keep",
        ),
        ([f"{'GRCh38' if k % 2 else 'mm10'}_CD{k}" for k in range(COUNT)], "two species", "gem_classification"),
    ],
)
def test_genes_that_are_no_human_symbols(names, said, remedy, tmp_path):
    message = refused(tmp_path, names)
    assert said in message
    assert remedy in message


def test_identifiers_get_their_symbols_from_a_table(small, tmp_path):
    write_10x(tmp_path / "x", small)
    ids = [f"ENSG{k:011d}" for k in range(len(small.genes))]
    (tmp_path / "x" / "genes.tsv").write_text("\n".join(f"{one}.3" for one in ids) + "\n")
    pd.DataFrame({"id": ids[:-1], "symbol": small.genes[:-1]}).to_csv(tmp_path / "ids.csv", index=False)
    read = read_samples(tmp_path, write_map(tmp_path, ONE + "[expression]\nsymbols = 'ids.csv'"))
    assert list(read.genes) == list(small.genes[:-1])
    assert any("1 genes left out, as the table of symbols lacks them" in line for line in read.told())


def test_genes_that_share_a_symbol_are_added_up(small, tmp_path):
    names = ["CD3D", "CD3D", *small.genes[2:]]
    write_10x(tmp_path / "x", small)
    (tmp_path / "x" / "genes.tsv").write_text("\n".join(names) + "\n")
    read = read_samples(tmp_path, write_map(tmp_path, ONE))
    both = small.matrix(["CD3D"]).toarray() + small.matrix(["CD3E"]).toarray()
    assert np.array_equal(read.matrix(["CD3D"]).toarray(), both)


@pytest.mark.parametrize("way", ["cells in rows", "genes in rows"])
def test_columns_and_rows_of_one_gene_are_added_up_alike_and_named(way, small, tmp_path):
    counts = small.matrix().toarray()[:60]
    names = ["CD3D", "CD3D", *small.genes[2:]]
    frame = pd.DataFrame(counts, index=pd.Index(small.cells["cell"][:60], name="id"), columns=names)
    (frame if way == "cells in rows" else frame.T.rename_axis("id")).to_csv(tmp_path / "x.csv")
    text = f"[files]\nexpression = 'x.csv'\n[expression]\norientation = '{way}'\n[cells]\nconstant.subject = 'P1'\n"
    read = read_samples(tmp_path, write_map(tmp_path, text))
    assert np.array_equal(read.matrix(["CD3D"]).toarray()[:, 0], counts[:, 0] + counts[:, 1])
    assert read.matrix(["CD8A"]).toarray()[:, 0].tolist() == counts[:, 2].tolist()
    assert any("1 genes share a symbol with another (CD3D); their values are added up" in line for line in read.told())


def test_logarithms_of_genes_of_one_name_are_added_up_as_what_they_are_of(small, tmp_path):
    counts = small.matrix().toarray()[:60]
    frame = pd.DataFrame(np.log1p(counts / 3), columns=["CD3D", "CD3D", *small.genes[2:]])
    frame.index = pd.Index(small.cells["cell"][:60], name="id")
    frame.to_csv(tmp_path / "x.csv")
    text = "[files]\nexpression = 'x.csv'\n[expression]\nunits = 'log-normalised'\n[cells]\nconstant.subject = 'P1'\n"
    read = read_samples(tmp_path, write_map(tmp_path, text))
    both = np.log1p((counts[:, 0] + counts[:, 1]) / 3)
    assert read.matrix(["CD3D"]).toarray()[:, 0] == pytest.approx(both, rel=1e-5)
    assert any("added up before the logarithm" in line for line in read.told())


def test_proteins_of_one_name_are_added_up_too(small, tmp_path):
    frame = pd.DataFrame(small.matrix().toarray()[:60], columns=["CD3", "CD3", *[f"P{k}" for k in range(COUNT - 2)]])
    frame.insert(0, "cell", small.cells["cell"][:60].to_numpy())
    frame.to_csv(tmp_path / "x.csv", index=False)
    text = "[files]\nexpression = 'x.csv'\n[expression]\nmodality = 'protein'\norientation = 'cells in rows'\n"
    read = read_samples(tmp_path, write_map(tmp_path, text + "[cells]\nconstant.subject = 'P1'\n"))
    both = small.matrix(["CD3D", "CD3E"]).toarray()[:60].sum(axis=1)
    assert read.matrix(["CD3"]).toarray()[:, 0].tolist() == both.tolist()


def test_normalised_data_said_to_be_counts(small, tmp_path):
    message = refused(
        tmp_path, counts=normalised(small).matrix().toarray()[:60] + 0.0, more="[expression]\nunits='counts'"
    )
    assert "no whole numbers" in message
    assert 'units = "log-normalised"' in message


def test_counts_said_to_be_normalised(small, tmp_path):
    counts = small.matrix().toarray()[:60] * 10
    assert 'write units = "counts"' in refused(tmp_path, counts=counts, more="[expression]\nunits='log-normalised'")


def test_scaled_and_unlogged_values(tmp_path):
    values = np.linspace(0.5, 900.0, 60 * COUNT).reshape(60, COUNT)
    assert "normalised without a logarithm" in refused(tmp_path, counts=values)
    assert "below zero" in refused(tmp_path, counts=values - 450.25)


def test_cells_without_counts_are_left_out_by_quality_control_and_refused_before(small):
    counts = small.matrix().toarray()
    counts[:5] = 0
    bare = small.with_(expression=csr_matrix(counts))
    with pytest.raises(DiscoveryError, match="5 of 240 cells have no count at all"):
        normalised(bare)
    kept, quality = quality_control(bare)
    assert (quality.cells["reason"] == "no counts").sum() == 5
    assert "5 cells by quality control: no counts" in "\n".join(kept.told())
    counts[(small.cells["sample"] == "P2").to_numpy()] = 0
    with pytest.raises(DiscoveryError, match=r"every cell of the sample 'P2' is empty.*leave the sample out"):
        quality_control(small.with_(expression=csr_matrix(counts)))


def test_labels_missing_for_half(small, tmp_path):
    frame = pd.DataFrame({"who": small.cells["subject"], "type": small.cells["label"].astype(object)})
    frame.loc[::2, "type"] = None
    frame.to_csv(tmp_path / "cells.csv", index=False)
    text = "[files]\ncells = 'cells.csv'\n[cells]\nsubject = 'who'\nlabel = 'type'\n"
    with pytest.raises(DiscoveryError, match=r"120 of 240 cells have no label.*unlabelled = .leave out"):
        read_samples(tmp_path, write_map(tmp_path, text))
    read = read_samples(tmp_path, write_map(tmp_path, text + "unlabelled = 'leave out'"))
    assert composition(read).to_numpy().sum() == 120
    with pytest.raises(DiscoveryError, match="annotate the cells"):
        composition(small.with_(cells=small.cells.drop(columns="label")))


def test_more_memory_than_there_is(small, tmp_path, monkeypatch):
    with pytest.raises(
        DiscoveryError, match=r"would need about .* GiB of memory, and .* are free; save the cells as h5ad"
    ):
        refuse_beyond(free_bytes() + 40 * GIB, "a dense matrix")
    small.anndata().write_h5ad(tmp_path / "x.h5ad")
    text = "[files]\nexpression = 'x.h5ad'\n[cells]\nconstant.subject = 'P1'\n"
    monkeypatch.setenv("OPSONIN_MEMORY_GIB", "0.0001")
    read = read_samples(tmp_path, write_map(tmp_path, text))
    assert read.on_disk  # a file that is too large stays where it is
    with pytest.raises(DiscoveryError, match="leave on_disk = false out"):
        read_samples(tmp_path, write_map(tmp_path, text + "[expression]\non_disk = false"))
    with pytest.raises(DiscoveryError, match="these cells and genes at once would need"):
        read.matrix()
    monkeypatch.setenv("OPSONIN_MEMORY_GIB", "eight")
    with pytest.raises(DiscoveryError, match="OPSONIN_MEMORY_GIB=8"):
        free_bytes()


def test_a_table_whose_direction_nobody_knows(tmp_path):
    pd.DataFrame([[1, 2], [3, 4]], index=["a", "b"], columns=["x", "y"]).to_csv(tmp_path / "x.csv")
    with pytest.raises(DiscoveryError, match='write orientation = "cells in rows"'):
        read_samples(tmp_path / "x.csv", write_map(tmp_path, "[cells]\nconstant.subject = 'P1'"))


def written(folder, frame, more="", cells=None):
    """The message for a table of cells by genes, and the cells' own table."""
    frame.rename_axis("cell").to_csv(folder / "x.csv")
    text = "[files]\nexpression = 'x.csv'\n"
    if cells is not None:
        cells.to_csv(folder / "cells.csv", index=False)
        text += "cells = 'cells.csv'\n"
    with pytest.raises(DiscoveryError) as problem:
        read_samples(folder, write_map(folder, text + more))
    return str(problem.value)


def test_remedies_that_fit_what_is_wrong(small, tmp_path):
    part = small.take(np.arange(small.n_cells) < 60)
    frame = pd.DataFrame(part.matrix().toarray(), index=part.cells["cell"], columns=part.genes)
    one = "[cells]\nconstant.subject = 'P1'\n"
    infinite = frame.astype(float)
    infinite.iloc[3, 4] = np.inf
    message = written(tmp_path, infinite, one)
    assert "row 5: a value that is not finite in column 'CD79A'; write 0" in message
    message = written(tmp_path, frame, one + "[expression]\norientation = 'genes in rows'\n")
    assert "genes stand where its cells should (ACTB, CD14, CD3D …); turn it round with orientation" in message
    cells = pd.DataFrame({"cell": frame.index, "who": part.cells["subject"].astype(str), "biopsy": "S1", "r": "NR"})
    cells["who"] = ["P1", "P2"] * 30
    text = "[cells]\ncell = 'cell'\nsubject = 'who'\n"
    message = written(tmp_path, frame, text + "sample = 'biopsy'\n", cells)
    assert "the sample 'S1' holds cells of several subjects (P1, P2 …)" in message
    assert "joins the two" in message
    words = cells.assign(r=["R", "NR"] * 30)
    said = "response = 'r'\n[response]\nresponder = 'CR'\nnon_responder = 'NR'\n"
    message = written(tmp_path, frame, text + said, words)  # every responder would be neither, in silence
    assert "none of 'CR' stands in the response" in message
    assert "write the words of those who responded in responder" in message


def test_a_packed_table_that_is_cut_off_is_not_taken_for_one_of_text(small, tmp_path):
    frame = pd.DataFrame(small.matrix().toarray(), index=small.cells["cell"], columns=small.genes)
    packed = gzip.compress(frame.to_csv().encode())
    (tmp_path / "x.csv.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DiscoveryError, match=r"cannot be read to its end .* get the file again"):
        read_samples(tmp_path, write_map(tmp_path, ONE.replace("'x'", "'x.csv.gz'")))


def test_markers_that_name_no_cell_agree_with_nothing():
    found = agreement(["a", "a", "b", "b"], ["unknown"] * 4)
    assert found.adjusted_rand == 0.0
    assert found.mean_f1 == 0.0
    assert found.told() == ["the markers name none of these cells, so that nothing agrees or disagrees."]


def test_a_library_that_is_not_installed():
    with pytest.raises(DiscoveryError, match=r"finding clusters needs no_such, .*pip install 'opsonin\[discovery\]'"):
        library("no_such.part", "finding clusters")


def test_features_become_measurements_of_patients():
    frame = pd.DataFrame({"subject": ["1", "1", "2"], "sample": ["a", "b", "c"], "time": None, "feature": "T cells",
                          "value": [1.0, 3.0, 5.0], "unit": "", "kind": "composition", "source": "share"})  # fmt: skip
    samples = pd.DataFrame({"sample": ["a", "b", "c"], "subject": ["1", "1", "2"], "day": [0.0, 0.0, 28.0]})
    made = FeatureTable(frame, samples).as_measurements()
    assert made["value"].tolist() == [2.0, 5.0]
    assert made["baseline"].tolist() == [True, False]
    assert made["method"].tolist() == ["share; mean of 2 samples", "share"]
    with pytest.raises(DiscoveryError, match="given twice"):
        FeatureTable(pd.concat([frame, frame]))
