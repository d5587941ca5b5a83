"""Differential expression with patients as replicates, on samples whose truth is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from made_up_targets import markers
from opsonin.discovery.consistency import by_tumour_type, pooled_fold
from opsonin.discovery.pseudobulk import group_contrast, moderated, state_markers
from opsonin.discovery.samples import Samples
from opsonin.errors import DiscoveryError

SUBJECTS = [f"p{i}" for i in range(6)]
GENES = pd.Index([f"g{i}" for i in range(60)])
RAISED = 6


def tumours(cells=15, shift=4.0, seed=0) -> Samples:
    """Six patients, two types; the first six genes are raised in macrophages; patients differ in every gene."""
    rng = np.random.default_rng(seed)
    base = rng.gamma(2.0, 1.0, len(GENES))
    rows, counts = [], []
    for subject in SUBJECTS:
        own = np.exp(rng.normal(0, 0.3, len(GENES)))
        for label in ("macrophage", "T cell"):
            level = base * own * np.exp(rng.normal(0, 0.2, len(GENES)))
            if label == "macrophage":
                level[:RAISED] *= shift
            counts.append(rng.poisson(level, size=(cells, len(GENES))))
            rows += [(subject, subject, label)] * cells
    table = pd.DataFrame(rows, columns=["subject", "sample", "label"])
    table.insert(0, "cell", np.arange(len(table)))
    who = pd.DataFrame({"subject": SUBJECTS})
    return Samples(
        table, who, who.assign(sample=SUBJECTS), csr_matrix(np.vstack(counts).astype(float)), GENES, "counts"
    )


@pytest.mark.slow
def test_raised_genes_of_counts_are_found_and_the_others_are_not():
    found = state_markers(tumours(), "macrophage")
    assert set(GENES[:RAISED]) <= set(found.marked)
    assert len(found.marked) <= RAISED + 2
    assert found.unit == "patients"
    assert found.n == 6
    assert found.frame["log2_fold_change"][:RAISED].mean() == pytest.approx(2.0, abs=0.4)
    assert found.per_subject is not None
    assert found.per_subject.shape == (60, 6)
    assert (found.frame["inside"][:RAISED] > found.frame["outside"][:RAISED]).all()


def test_raised_genes_of_log_normalised_values_are_found_too():
    counted = tumours(shift=8.0)
    logged = counted.with_(expression=csr_matrix(np.log1p(counted.matrix().toarray())), units="log-normalised")
    found = state_markers(logged, "macrophage", others=["T cell"])
    assert set(GENES[:RAISED]) <= set(found.marked)
    assert (found.frame["p"][RAISED:] < 0.05).mean() < 0.2


def test_log_normalised_values_are_natural_logarithms_and_give_log2_folds():
    made = tumours()
    eight = np.where(made.cells["label"].to_numpy()[:, None] == "macrophage", np.log(8.0), 0.0)
    scatter = np.random.default_rng(1).normal(1.0, 0.01, (made.n_cells, len(GENES)))
    logged = made.with_(expression=csr_matrix(eight + scatter), units="log-normalised")
    found = state_markers(logged, "macrophage")
    assert found.frame["log2_fold_change"].to_numpy() == pytest.approx(3.0, abs=0.05)
    assert found.per_subject is not None
    assert found.per_subject.to_numpy() == pytest.approx(3.0, abs=0.1)
    two = state_markers(logged.with_(log_base=2.0), "macrophage")
    assert two.frame["log2_fold_change"].to_numpy() == pytest.approx(np.log(8.0), abs=0.05)  # taken as they are
    assert two.frame["p"].to_numpy() == pytest.approx(found.frame["p"].to_numpy())
    group = pd.Series({s: "resistant" if i < 3 else "responding" for i, s in enumerate(SUBJECTS)})
    high = np.where(logged.cells["subject"].isin(SUBJECTS[:3]).to_numpy()[:, None], np.log(4.0), 0.0)
    between = group_contrast(logged.with_(expression=csr_matrix(scatter + high)), "macrophage", group, "resistant",
                             "responding")  # fmt: skip
    assert between.frame["log2_fold_change"].to_numpy() == pytest.approx(2.0, abs=0.05)


def test_groups_of_patients_are_compared_by_patients():
    logged = tumours().with_(expression=csr_matrix(np.log1p(tumours().matrix().toarray())), units="log-normalised")
    group = pd.Series({s: "resistant" if i < 3 else "responding" for i, s in enumerate(SUBJECTS)})
    found = group_contrast(logged, "macrophage", group, "resistant", "responding")
    assert found.n == 6
    assert len(found.marked) == 0  # nothing was made to differ between the groups
    with pytest.raises(DiscoveryError, match="1 patients of 'resistant'"):
        group_contrast(logged, "macrophage", group.iloc[2:], "resistant", "responding")


def test_tumour_types_are_compared_each_by_its_own_patients_and_pooled():
    made = tumours(shift=8.0)
    logged = made.with_(expression=csr_matrix(np.log1p(made.matrix().toarray())), units="log-normalised")
    kinds = {s: "lung" if i < 3 else "melanoma" for i, s in enumerate(SUBJECTS)}
    cells = logged.cells.assign(tumour_type=logged.cells["subject"].map(kinds))
    sources, left = by_tumour_type(logged.with_(cells=cells), "macrophage")
    assert [s.source for s in sources] == ["lung (3 patients)", "melanoma (3 patients)"]
    assert left == ()
    found = pooled_fold(sources, GENES)
    assert (found["fold"][:RAISED] > 0.5).all()
    assert (found["fold_k"] == 2).all()
    cells = cells.assign(tumour_type=cells["subject"].map(kinds | {"p5": "kidney", "p4": "kidney"}))
    assert by_tumour_type(logged.with_(cells=cells), "macrophage")[1] == ("kidney: 2 patients", "melanoma: 1 patients")
    with pytest.raises(DiscoveryError, match="tumour type of the samples is not known"):
        by_tumour_type(logged, "macrophage")


def test_published_tables_weigh_alike_and_one_alone_has_no_interval():
    one, two = markers(), markers("second")
    other = two.frame.assign(log2_fold_change=3.0)
    pooled = pooled_fold([one, type(two)(other, "second", "cells")], pd.Index(["GOOD"]))
    assert pooled["fold"].iloc[0] == pytest.approx(2.5)
    assert pooled["fold_upper"].iloc[0] == pytest.approx(2.5 + 12.706 * 0.5, abs=1e-2)
    alone = pooled_fold([one], pd.Index(["GOOD", "nobody"]))
    assert alone["fold"].iloc[0] == 2.0
    assert alone["fold_lower"].isna().all()


def test_the_moderated_test_holds_its_level_and_beats_a_plain_one():
    rng = np.random.default_rng(1)
    genes = pd.Index([f"g{i}" for i in range(3000)])
    spread = np.sqrt(1 / rng.gamma(3.0, 1 / 3.0, 3000))
    null = moderated(rng.normal(0, spread, (4, 3000)), genes)
    assert 0.03 < (null["p"] < 0.05).mean() < 0.07
    two = rng.normal(0, spread, (6, 3000))
    first = np.arange(6) < 3
    assert 0.03 < (moderated(two, genes, first)["p"] < 0.05).mean() < 0.07


def test_genes_without_variance_have_no_p():
    level = np.tile([[1.0, 2.0, 0.0]], (4, 1)) + np.array([[0, 0.1, 0], [0, 0.2, 0], [0, -0.1, 0], [0, 0, 0]])
    found = moderated(level, pd.Index(["constant", "varies", "zero"]))
    assert found["p"].isna().tolist() == [True, False, True]


def test_what_cannot_be_compared_is_named():
    with pytest.raises(DiscoveryError, match="no cell is labelled 'monocyte'; the labels are T cell, macrophage"):
        state_markers(tumours(), "monocyte")
    with pytest.raises(DiscoveryError, match="0 patients have 40 or more cells"):
        state_markers(tumours(), "macrophage", min_cells=40)
    with pytest.raises(DiscoveryError, match="have no 'kind'"):
        state_markers(tumours(), "macrophage", label="kind")
    with pytest.raises(DiscoveryError, match="2 patients have"):
        state_markers(tumours(), "macrophage", subjects=["p0", "p1"])
