"""Blood cells with labels from elsewhere: annotation by genes, and protein gates against proteins no gate used."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from opsonin.discovery import MarkerTable, Samples, agreement, annotate, nearest, read_samples
from opsonin.discovery.annotation import UNKNOWN
from opsonin.discovery.marker_table import CellType
from opsonin.discovery.proteins import default_gates, gate, positive_probability, protein_markers, two_groups
from opsonin.errors import DiscoveryError
from opsonin.random import normal
from paths import DATA, needs_data

LINEAGES = {
    "CD14+ Monocyte": "mononuclear phagocyte", "Dendritic": "mononuclear phagocyte", "CD19+ B": "B cell",
    "CD34+": "blood progenitor", "CD56+ NK": "NK cell", "CD4+/CD25 T Reg": "T cell",
    "CD4+/CD45RA+/CD25- Naive T": "T cell", "CD4+/CD45RO+ Memory": "T cell", "CD8+ Cytotoxic T": "T cell",
    "CD8+/CD45RA+ Naive Cytotoxic": "T cell",
}  # fmt: skip


def components(samples: Samples, count: int = 30) -> np.ndarray:
    """Principal components of log-normalised counts."""
    counts = samples.matrix().toarray()
    logs = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))
    left, sizes, _ = np.linalg.svd(logs - logs.mean(axis=0), full_matrices=False)
    return left[:, :count] * sizes[:count]


@needs_data
def test_the_labels_of_sorted_blood_cells_come_back_by_lineage():
    """765 variable genes, without CD14, CD19, NCAM1, FOXP3: lineages hold, but for NK among cytotoxic T cells."""
    samples = read_samples(DATA / "scrna-pbmc68k", "pbmc68k")
    near = nearest(components(samples))
    found = annotate(samples, level="neighbours", neighbours=near)
    joined = found.cells["lineage"].astype(str).replace({"plasma cell": "B cell"})
    result = agreement(samples.cells["label"], joined, same=LINEAGES)
    f1 = result.types.set_index("type")["f1"]
    assert result.adjusted_rand > 0.85
    assert result.adjusted_rand_known > 0.9
    assert result.known > 0.9
    assert (f1[["T cell", "B cell", "mononuclear phagocyte", "blood progenitor"]] > 0.9).all()
    assert f1["NK cell"] < 0.7


@needs_data
def test_cells_whose_type_the_table_lacks_are_unknown_in_real_data_too():
    samples = read_samples(DATA / "scrna-pbmc68k", "pbmc68k")
    near = nearest(components(samples))
    whole = annotate(samples, level="neighbours", neighbours=near).table
    for label, kind in (("CD19+ B", ("B cell", "plasma cell")), ("CD14+ Monocyte", ("mononuclear phagocyte",))):
        out = {name for one in kind for name in whole.below(one)}
        less = MarkerTable(tuple(one for one in whole.types if one.name not in out), whole.aliases)
        found = annotate(samples, less, level="neighbours", neighbours=near).cells["lineage"].astype(str)
        assert (found[(samples.cells["label"] == label).to_numpy()] == UNKNOWN).mean() > 0.9


@needs_data
@pytest.mark.slow
def test_protein_gates_agree_with_proteins_that_no_gate_used():
    """The file has no RNA and no labels: gates stand against annotation by the other proteins."""
    samples = read_samples(DATA / "citeseq-pbmc-dsb", "citeseq-dsb")
    positive = positive_probability(samples)
    gated = gate(positive, default_gates()[0])
    lineage = gated.replace({"CD4 T cell": "T cell", "CD8 T cell": "T cell"})
    used = {word[:-1] for words in default_gates()[0].values() for word in words.split()}
    kinds = ("T cell", "B cell", "NK cell", "mononuclear phagocyte")
    others = tuple(
        CellType(one.name, "", tuple(x for x in one.positive if x not in used),
                 tuple(x for x in one.negative if x not in used), one.source)
        for one in protein_markers().types if one.name in kinds
    )  # fmt: skip
    found = annotate(samples, MarkerTable(others, {}), level="cell").cells["label"].astype(str)
    kept = lineage.isin(kinds)
    table = pd.crosstab(lineage[kept], found[kept])
    right = sum(int(table.loc[kind, kind]) for kind in kinds)
    called = int(table.drop(columns=UNKNOWN).to_numpy().sum())
    assert right / called > 0.98
    assert called / int(kept.sum()) > 0.6
    whole = annotate(samples, level="cell").cells["lineage"].astype(str)
    assert (whole[kept] == lineage[kept])[(whole[kept] != UNKNOWN).to_numpy()].mean() > 0.98
    memory = gate(positive, default_gates()[1])[gated == "CD4 T cell"].value_counts(normalize=True)
    assert memory["central memory"] + memory["effector memory"] > 0.6


def test_two_groups_are_told_from_one():
    lower, upper = normal(1, "lower", np.arange(900))[:, 0] * 0.3, 3 + normal(1, "upper", np.arange(100))[:, 0] * 0.4
    found = two_groups(np.concatenate([lower, upper]))
    assert found.apart > 6
    assert found.share == pytest.approx(0.1, abs=0.01)
    assert found.upper == pytest.approx(3, abs=0.1)
    assert two_groups(lower).apart < 2
    assert two_groups(np.zeros(5)).share == 0


@given(st.floats(0.5, 5.0))
def test_the_probability_never_falls_with_the_count(scale):
    counts = np.round(np.exp(np.concatenate([normal(1, "low", np.arange(80))[:, 0] * 0.4 + 1,
                                             normal(1, "high", np.arange(20))[:, 0] * 0.4 + 4])) * scale)  # fmt: skip
    panel = pd.DataFrame({"CD3": counts, "MouseIgG1isotype": 1.0})
    frame = pd.DataFrame({"cell": range(100), "subject": "s", "sample": "s"})
    one, values = frame[["sample", "subject"]].head(1), csr_matrix(panel.to_numpy())
    samples = Samples(frame, one[["subject"]], one, values, pd.Index(panel.columns), "counts", modality="protein")
    found = positive_probability(samples)
    assert (np.diff(found["CD3"].to_numpy()[np.argsort(counts)]) >= 0).all()
    assert (found["MouseIgG1isotype"] == 0).all()


def test_gates_that_cannot_be_read_are_named():
    positive = pd.DataFrame({"CD3": [0.9, 0.1], "CD19": [0.0, 1.0]})
    assert gate(positive, {"T": "CD3+ CD19-", "B": "CD19+"}).tolist() == ["T", "B"]
    with pytest.raises(DiscoveryError, match="write proteins with"):
        gate(positive, {"T": "CD3"})
    with pytest.raises(DiscoveryError, match="was not measured"):
        gate(positive, {"NK": "CD56+"})
