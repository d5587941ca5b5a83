"""Sorted cells and bulk samples under `states`: answered as far as they can be, or refused with what to do."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from made_up_samples import made_up
from opsonin.discovery.marker_table import default_markers
from opsonin.discovery.read.questions import Discovery
from opsonin.discovery.samples import Samples
from opsonin.discovery.states_question import answer_states
from opsonin.discovery.target_question import target_question
from opsonin.errors import DiscoveryError

LIGHT = {"doublets": False, "map": False}


def t_cells(labels, samples=None, cells=20, patients=8) -> Samples:
    """Exhausted CD8 T cells by their markers, of patients; `labels` in turn, one sample a patient unless said."""
    table = default_markers()
    draw = np.random.default_rng(1)
    rate = np.full((cells * patients, len(table.genes)), 0.05)
    for name in table.path("exhausted CD8 T cell"):
        rate[:, [table.genes.index(gene) for gene in table.by_name[name].positive]] = 3.0
    who = np.repeat([f"P{k + 1}" for k in range(patients)], cells)
    frame = pd.DataFrame({"cell": np.arange(len(who)), "subject": who})
    frame["label"] = [labels[k % len(labels)] for k in range(len(who))]
    frame["sample"] = who if samples is None else frame["subject"] + samples(frame["label"])
    names = frame[["sample", "subject"]].drop_duplicates().reset_index(drop=True)
    response = {f"P{k + 1}": "responder" if k % 2 else "non-responder" for k in range(patients)}
    subjects = pd.DataFrame({"subject": list(response), "response": list(response.values())})
    counts = csr_matrix(draw.poisson(rate).astype(np.float32))
    return Samples(frame, subjects, names, counts, pd.Index(table.genes), "counts")


def test_cells_sorted_before_have_states_and_no_composition():
    answer = answer_states(t_cells(["CD8 T cell"]), Discovery(**LIGHT)).answer
    assert any("all cells are labelled 'CD8 T cell' (sorted cells?)" in note for note in answer.notes)
    compared = set(answer.tables["states"]["feature"])
    assert "exhausted score of T cells" in compared
    assert not any("log-ratio" in name or "diversity" in name for name in compared)
    assert not any("no composition" in note for note in answer.notes)


def test_fractions_sorted_apart_are_not_taken_for_a_composition():
    apart = t_cells(["CD8 T cell", "B cell"], samples=lambda label: "/" + label, cells=60)
    answer = answer_states(apart, Discovery(**LIGHT)).answer
    assert any("each sample holds cells of one label alone" in note for note in answer.notes)
    assert not any("log-ratio" in name for name in answer.tables["states"]["feature"])
    together = answer_states(t_cells(["CD8 T cell", "B cell"], cells=60), Discovery(**LIGHT)).answer
    assert "B cell log-ratio" in set(together.tables["states"]["feature"])


def test_sorted_cells_of_which_nothing_can_be_said_are_refused_with_what_to_do():
    own = t_cells(["CD8 T cell"])
    with pytest.raises(DiscoveryError, match=r"leave annotate = false out.*--question targets"):
        answer_states(own, Discovery(**LIGHT, annotate=False))
    bare = own.with_(expression=None, genes=pd.Index([], dtype=object), units="none", modality="labels")
    with pytest.raises(DiscoveryError, match=r"finer labels \(\[cells\] label.*give the cells' expression"):
        answer_states(bare, Discovery(**LIGHT))


def test_bulk_samples_are_sent_to_the_questions_that_take_them(small):
    bulk = small.with_(modality="bulk RNA")
    with pytest.raises(DiscoveryError, match=r"--question targets or plasticity take bulk cohorts.*\[files\] counts"):
        answer_states(bulk, Discovery(**LIGHT))
    who = [f"P{k}" for k in range(12)]
    one = pd.DataFrame({"cell": who, "subject": who, "sample": who})
    rows = made_up(12, 12).with_(cells=one)
    with pytest.raises(DiscoveryError, match=r'every sample has one row: .*write modality = "bulk RNA"'):
        answer_states(rows, Discovery(**LIGHT))


def test_sorted_bulk_is_compared_by_patients_without_ten_samples_of_each(tmp_path):
    draw = np.random.default_rng(1)
    counts = draw.poisson(draw.gamma(2, 50, size=60), size=(8, 60)).astype(float)
    counts[::2, :5] *= 8
    rows = pd.DataFrame({"cell": range(8), "subject": [f"P{k // 2}" for k in range(8)],
                         "label": ["macrophage", "T cell"] * 4})  # fmt: skip
    rows["sample"] = rows["subject"] + rows["label"]
    genes = pd.Index([f"G{k}" for k in range(60)])
    bulk = Samples(rows, rows[["subject"]].drop_duplicates(), rows[["sample", "subject"]], csr_matrix(counts), genes,
                   "counts", modality="bulk RNA")  # fmt: skip
    asked = {"state": "macrophages", "own": "macrophage"}
    (found,) = target_question(asked, tmp_path, bulk).markers
    assert found.n == 4
    assert set(genes[:5]) <= set(found.marked)
    with pytest.raises(DiscoveryError, match=r"Lower min_cells \(a key of \[discovery.targets\]\)"):
        target_question({**asked, "min_cells": 2}, tmp_path, bulk)
    alone = bulk.with_labels(["macrophage"] * 8)
    with pytest.raises(DiscoveryError, match=r"nothing is there to compare them with; .*discovery\.targets\.markers"):
        target_question(asked, tmp_path, alone)
