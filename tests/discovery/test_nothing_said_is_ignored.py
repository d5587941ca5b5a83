"""What a mapping says and nothing would come of is refused, and values are looked at beyond the first cells."""

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix, vstack

from made_up_samples import GENES, write_map
from opsonin.discovery import read_samples
from opsonin.discovery.pseudobulk import state_markers
from opsonin.discovery.quality import quality_control
from opsonin.discovery.read.questions import Discovery
from opsonin.discovery.states_question import answer_states
from opsonin.errors import DiscoveryError

TEXT = """
[files]
expression = "x.csv"
cells = "cells.csv"
[cells]
cell = "cell"
subject = "subject"
label = "label"
"""


@pytest.fixture
def folder(small, tmp_path):
    frame = pd.DataFrame(small.matrix().toarray(), index=pd.Index(small.cells["cell"], name="cell"), columns=GENES)
    frame.to_csv(tmp_path / "x.csv")
    small.cells.to_csv(tmp_path / "cells.csv", index=False)
    return tmp_path


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("pattern.time = '_(pre|post)$'", r"\[cells\]: pattern.time is of no column that is mapped here"),
        ("rename.lable = { T = 't' }", "rename.lable is of no column .*did you mean 'label'"),
        ("rename.label = { Mon = 'm' }", "'Mon' does not stand in label .did you mean 'Mono'.*it holds B, Mono, T"),
        ("[samples]\nsample = 'subject'", r"\[samples\] has no table to read; name one in \[files\] samples"),
        ("[discovery]\ngroups = ['a', 'b']", "groups are given without compare"),
        ("[discovery]\nintegrate = 'combat'\nmap = false", "changes the map alone, and map = false"),
        ("[expression]\nlayer = 'counts'", "layer is of an h5ad, and x.csv is none"),
        ("[expression]\nlog_base = 2", "log_base is of logarithms"),
        ("[expression]\ngene_names = 'symbol'", "its genes have no column 'symbol'; they have none"),
        ("[discovery]\nfewest = 'many'", "fewest: .*, not 'many'"),
        ("[files.expression]\nP1 = 'x'\nP2 = 'x'", "P1 and P2 name the same file 'x', and its cells would count twice"),
    ],
)
def test_what_would_be_ignored_is_named(more, said, folder):
    text = TEXT.replace('expression = "x.csv"\n', "") if "files.expression" in more else TEXT
    with pytest.raises(DiscoveryError, match=said):
        read_samples(folder, write_map(folder, text + more))


@pytest.mark.parametrize("section", ["samples", "subjects"])
def test_a_table_without_the_section_that_reads_it(section, folder):
    text = TEXT.replace("[cells]", f"{section} = 'cells.csv'\n[cells]")
    with pytest.raises(DiscoveryError, match=rf"\[files\] {section} is given without \[{section}\]"):
        read_samples(folder, write_map(folder, text))


def test_words_are_renamed_also_of_joined_columns_and_of_rows_not_taken(folder):
    text = TEXT + "kind = ['subject', 'label']\nrename.kind = { 'P1/T' = 'first' }\nwhere.subject = ['P1', 'P2']\n"
    read = read_samples(folder, write_map(folder, text + "rename.subject = { P6 = 'six' }\n"))
    assert "first" in set(read.cells["kind"])


def test_true_is_true_however_a_table_spells_it(folder):
    cells = pd.read_csv(folder / "cells.csv")
    cells.assign(kept=np.where(cells["subject"] == "P1", "FALSE", "True")).to_csv(folder / "cells.csv", index=False)
    assert read_samples(folder, write_map(folder, TEXT + "where.kept = true\n")).n_subjects == 5


def test_any_column_of_the_cells_can_be_compared(folder):
    cells = pd.read_csv(folder / "cells.csv")
    cells.assign(arm=np.where(cells["subject"] < "P4", "one", "two")).to_csv(folder / "cells.csv", index=False)
    text = TEXT + "arm = 'arm'\n[discovery]\ncompare = 'arm'\nmap = false\ndoublets = false\n"
    read = read_samples(folder, write_map(folder, text))
    assert read.samples["arm"].tolist() == ["one"] * 3 + ["two"] * 3
    notes = answer_states(read, Discovery(compare="arm", map=False, doublets=False)).answer.notes
    assert any("one (3) against two (3), unit: subject" in note for note in notes)


def test_a_mapping_that_another_editor_saved(folder):
    (folder / "map.toml").write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    assert read_samples(folder, folder / "map.toml").n_subjects == 6
    (folder / "map.toml").write_bytes("# é\n".encode("latin-1") + TEXT.encode())
    with pytest.raises(DiscoveryError, match="is not UTF-8"):
        read_samples(folder, folder / "map.toml")


def test_cells_named_twice_in_a_table_are_named_where_others_know_them(folder):
    frame = pd.read_csv(folder / "x.csv")
    frame.loc[1, "cell"] = "c0"
    frame.to_csv(folder / "x.csv", index=False)
    with pytest.raises(DiscoveryError, match="the cell 'c0' stands there twice"):
        read_samples(folder, write_map(folder, TEXT))


def test_logarithms_to_base_two_give_folds_of_that_base(small, folder):
    logged = pd.DataFrame(np.log2(1 + small.matrix().toarray()), index=small.cells["cell"], columns=GENES)
    logged.to_csv(folder / "x.csv")
    said = "[expression]\nunits = 'log-normalised'\n"
    two = read_samples(folder, write_map(folder, TEXT + said + "log_base = 2\n"))
    e = read_samples(folder, write_map(folder, TEXT + said))
    found = [state_markers(own, "T", min_cells=3).frame["log2_fold_change"]["CD3D"] for own in (two, e)]
    by_hand = logged.groupby([small.cells["subject"].astype(str).to_numpy(), (small.cells["label"] == "T").to_numpy()])[
        "CD3D"
    ]
    inside, outside = by_hand.mean().unstack()[True], by_hand.mean().unstack()[False]
    assert found[0] == pytest.approx((inside - outside).mean(), rel=1e-4)
    assert found[1] == pytest.approx(found[0] / np.log(2), rel=1e-4)


def stacked(folder, first, second):
    """5,000 cells of one kind, then as many of another, as h5ad."""
    matrix = vstack([first] * 5000 + [second] * 5000, format="csr")
    names = pd.DataFrame({"who": "P1"}, index=[f"c{k}" for k in range(10_000)])
    data = anndata.AnnData(X=csr_matrix(matrix, dtype=np.float32), obs=names, var=pd.DataFrame(index=["ACTB", "CD3D"]))
    data.write_h5ad(folder / "x.h5ad")


@pytest.mark.parametrize("on_disk", ["true", "false"])
def test_values_that_change_their_kind_within_a_file(on_disk, tmp_path):
    text = f"[cells]\nsubject = 'who'\n[expression]\nunits = 'counts'\non_disk = {on_disk}\n"
    stacked(tmp_path, csr_matrix([[3.0, 1.0]]), csr_matrix([[1.3, 0.2]]))
    with pytest.raises(DiscoveryError, match="is said to hold counts, but 50 % of its values are no whole numbers"):
        read_samples(tmp_path / "x.h5ad", write_map(tmp_path, text))
    stacked(tmp_path, csr_matrix([[3.0, 1.0]]), csr_matrix([[2.0, -1.0]]))
    with pytest.raises(DiscoveryError, match="values below zero"):
        read_samples(tmp_path / "x.h5ad", write_map(tmp_path, text))


@pytest.mark.parametrize("wrong", [-1.0, np.nan])
def test_one_wrong_value_that_no_look_finds_is_found_in_quality_control(wrong, small):
    matrix = small.matrix().copy()
    matrix.data[-1] = wrong
    with pytest.raises(DiscoveryError, match="cells 1 to 240 hold values below zero or none at all"):
        quality_control(small.with_(expression=matrix))
