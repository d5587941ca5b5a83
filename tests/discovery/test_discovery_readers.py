"""Readers: every form of the same cells gives the same samples, and nothing is lost without a word."""

import gzip

import numpy as np
import pandas as pd
import pytest

from made_up_samples import dense, write_10x, write_map
from opsonin.discovery import composition, examples, read_samples
from opsonin.discovery.libraries import library
from opsonin.discovery.read import mapping_file
from opsonin.discovery.read.mapping import read_mapping
from opsonin.discovery.states_question import answer_states
from opsonin.errors import DiscoveryError, OpsoninError
from paths import DATA, needs_data
from record.make_fcs import strategy, write_fcs

CELLS = """
[cells]
cell = "barcode"
subject = "patient"
sample = "patient"
label = "type"
response = "answer"
[response]
responder = ["R"]
"""
FOLDERS = {
    "sadefeldman2018": "scrna-melanoma-sadefeldman2018", "melanoma-icb": "scrna-melanoma-icb",
    "tirosh": "scrna-melanoma-tirosh", "pbmc68k": "scrna-pbmc68k", "maynard2020": "scrna-lung-tki-maynard2020",
    "zilionis2019": "scrna-lung-zilionis2019", "jerbyarnon2018": "scrna-melanoma-jerbyarnon2018",
    "citeseq-dsb": "citeseq-pbmc-dsb",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(small, tmp_path_factory):
    """The same cells in every form."""
    place = tmp_path_factory.mktemp("forms")
    about = pd.DataFrame({"barcode": small.cells["cell"], "patient": small.cells["subject"],
                          "type": small.cells["label"]})  # fmt: skip
    about["answer"] = about["patient"].astype(str).map(small.subjects.set_index("subject")["response"])
    about["answer"] = about["answer"].map({"responder": "R", "non-responder": "NR"})
    about.to_csv(place / "cells.csv", index=False)
    whole = dense(small).astype(int)
    write_10x(place / "v2", small)
    write_10x(place / "v3", small, zipped=True, kinds=True)
    table = pd.DataFrame(whole, index=small.cells["cell"], columns=small.genes)
    table.to_csv(place / "cells_in_rows.csv")
    with gzip.open(place / "genes_in_rows.tsv.gz", "wt") as stream:
        stream.write("\t".join(table.index) + "\n")  # as R writes it: no name above the genes
        table.T.to_csv(stream, sep="\t", header=False)
    long = table.stack().rename("n").reset_index()
    long.columns = pd.Index(["who", "what", "n"])
    long[long["n"] > 0].to_csv(place / "long.csv", index=False)
    made = small.anndata()
    made.obs["patient"], made.obs["type"], made.obs["answer"] = (
        about[c].astype(str).to_numpy() for c in ("patient", "type", "answer")
    )
    made.write_h5ad(place / "cells.h5ad")
    with library("h5py").File(place / "cells.h5", "w") as file:
        group = file.create_group("matrix")
        matrix = small.matrix()
        group["data"], group["indices"], group["indptr"] = matrix.data.astype(int), matrix.indices, matrix.indptr
        group["shape"] = [len(small.genes), small.n_cells]
        group["barcodes"] = [one.encode() for one in small.cells["cell"]]
        group["features/id"] = [f"ENSG{k:011d}".encode() for k in range(len(small.genes))]
        group["features/name"] = [one.encode() for one in small.genes]
    return place


FORMS = {
    "10x, version 2": ('[files]\nexpression = "v2"\ncells = "cells.csv"', CELLS),
    "10x, version 3": ('[files]\nexpression = "v3"\ncells = "cells.csv"', CELLS),
    "10x .h5": ('[files]\nexpression = "cells.h5"\ncells = "cells.csv"', CELLS),
    "h5ad": ('[files]\nexpression = "cells.h5ad"', CELLS.replace('cell = "barcode"\n', "")),
    "h5ad on disk": ('[files]\nexpression = "cells.h5ad"\ncells = "cells.csv"\n[expression]\non_disk = true', CELLS),
    "cells in rows": ('[files]\nexpression = "cells_in_rows.csv"\ncells = "cells.csv"', CELLS),
    "genes in rows, by R": ('[files]\nexpression = "genes_in_rows.tsv.gz"\ncells = "cells.csv"', CELLS),
    "sparse table": (
        '[files]\nexpression = "long.csv"\ncells = "cells.csv"\n[expression]\norientation = "long"\n'
        'long = { cell = "who", gene = "what", value = "n" }',
        CELLS,
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_samples(form, small, folder, tmp_path):
    mapping = write_map(tmp_path, "\n".join(FORMS[form]))
    read = read_samples(folder, mapping)
    assert read.units == "counts"
    assert read.on_disk == (form == "h5ad on disk")
    order = read.cells["cell"].astype(str).tolist()
    assert sorted(order) == sorted(small.cells["cell"])
    rows = small.cells.set_index("cell").index.get_indexer(order)
    genes = [gene for gene in small.genes if gene in read.genes]
    assert len(genes) == len(small.genes)
    assert np.array_equal(read.matrix(genes).toarray(), small.matrix(genes).toarray()[rows])
    assert composition(read).loc["P1"].to_dict() == composition(small).loc["P1"].to_dict()
    assert set(read.subjects["response"]) == {"responder", "non-responder"}


def test_what_is_on_disk_is_read_by_blocks_and_in_any_order(small, folder, tmp_path):
    text = '[files]\nexpression = "cells.h5ad"\n[expression]\non_disk = true' + CELLS.replace('cell = "barcode"', "")
    read = read_samples(folder, write_map(tmp_path, text))
    blocks = [part.toarray() for _, part in read.chunks(block=37)]
    assert np.array_equal(np.vstack(blocks), dense(small))
    keep = np.arange(small.n_cells) % 17 == 3
    part = read.take(keep)
    assert part.on_disk
    assert np.array_equal(part.matrix(["LYZ", "CD3D"]).toarray(), small.matrix(["LYZ", "CD3D"], keep).toarray())


def test_cells_that_only_one_file_names_are_left_out_and_counted(folder, tmp_path):
    cells = pd.read_csv(folder / "cells.csv").iloc[10:]
    extra = pd.DataFrame({"barcode": ["elsewhere"], "patient": ["P1"], "type": ["T"], "answer": ["R"]})
    pd.concat([cells, extra]).to_csv(folder / "fewer.csv", index=False)
    read = read_samples(folder, write_map(tmp_path, '[files]\nexpression = "v2"\ncells = "fewer.csv"' + CELLS))
    told = "\n".join(read.told())
    assert read.n_cells == 230
    assert "left out: 10 cells of matrix.mtx" in told
    assert "left out: 1 cells of fewer.csv" in told


def test_one_file_for_each_sample(small, tmp_path):
    for name in ("P1", "P2"):
        write_10x(tmp_path / name, small.take((small.cells["subject"] == name).to_numpy()))
    text = '[files]\nexpression = { P1 = "P1", P2 = "P2" }\n[cells]\nsubject = "sample"'
    read = read_samples(tmp_path, write_map(tmp_path, text))
    assert read.samples["sample"].tolist() == ["P1", "P2"]
    assert read.cells["cell"].iloc[0] == "P1/c0"
    assert read.n_cells == 80


def test_bulk_is_a_sample_in_every_row(tmp_path):
    tpm = pd.DataFrame({"p1": [0.0, 100.5, 3.0], "p2": [1.5, 50.0, 8.0]}, index=["CD8A", "ACTB", "GAPDH"])
    tpm.to_csv(tmp_path / "tpm.csv")
    pd.DataFrame({"id": ["p1", "p2"], "r": ["R", "NR"]}).to_csv(tmp_path / "who.csv", index=False)
    text = """
[files]
expression = "tpm.csv"
cells = "who.csv"
[expression]
modality = "bulk RNA"
units = "normalised"
[cells]
cell = "id"
subject = "id"
response = "r"
[response]
responder = "R"
"""
    read = read_samples(tmp_path, write_map(tmp_path, text))
    assert read.modality == "bulk RNA"
    assert read.matrix(["CD8A"]).toarray().ravel() == pytest.approx([0.0, np.log2(2.5)])


def test_outcomes_times_and_lesions_that_differ(tmp_path):
    pd.DataFrame({"s": ["a", "b", "c"], "p": ["1", "1", "2"], "when": ["Pre", "Post", "Pre"], "r": ["R", "NR", "R"],
                  "T": [5, 3, 0], "B": [1, 1, 4]}).to_csv(tmp_path / "counts.csv", index=False)  # fmt: skip
    pd.DataFrame({"p": ["1", "2"], "os": [2, 10], "dead": [1, 0]}).to_csv(tmp_path / "who.csv", index=False)
    text = """
[files]
counts = "counts.csv"
subjects = "who.csv"
[counts]
sample = "s"
subject = "p"
time = "when"
response = "r"
[subjects]
subject = "p"
[response]
responder = "R"
[outcomes.OS]
time = "os"
unit = "months"
event = "dead"
[times]
Pre = 0
Post = 28
"""
    read = read_samples(tmp_path, write_map(tmp_path, text))
    assert read.counts.loc["a"].to_dict() == {"T": 5.0, "B": 1.0}
    assert read.samples["day"].tolist() == [0.0, 28.0, 0.0]
    assert read.subjects["response"].tolist() == [None, "responder"]
    assert any("differ in response (1)" in line for line in read.told())
    assert read.subjects["OS_days"].tolist() == pytest.approx([2 * 30.4375, 10 * 30.4375])
    assert read.subjects["OS_event"].tolist() == [True, False]
    assert composition(read, "subject").loc["1"].to_dict() == {"T": 8.0, "B": 2.0}


def test_labels_of_counts_get_names_and_those_of_one_name_are_added_up(tmp_path):
    pd.DataFrame({"s": ["a", "b"], "G1": [5, 3], "G2": [1, None], "G3": [2, 2]}).to_csv(tmp_path / "c.csv", index=False)
    text = """
[files]
counts = "c.csv"
[counts]
subject = "s"
rename.label = { G1 = "T cell", G2 = "B cell", G3 = "T cell" }
"""
    read = read_samples(tmp_path, write_map(tmp_path, text))
    assert read.counts.to_dict("index") == {"a": {"T cell": 7.0, "B cell": 1.0}, "b": {"T cell": 5.0, "B cell": 0.0}}
    with pytest.raises(DiscoveryError, match="names 'G9', which is not counted"):
        read_samples(tmp_path, write_map(tmp_path, text.replace("G3", "G9")))


def test_gated_files_are_counts_of_their_innermost_gates(tmp_path):
    pytest.importorskip("flowkit", reason="FlowKit is not installed (extra: cytometry)")
    (tmp_path / "nk.xml").write_text(strategy())
    panel = ('strategy = "nk.xml"\nsamples = "tubes.csv"\n[counting]\nmethod = "beads"\ngate = "Beads"\nbeads = 30000\n'
             'blood_ul = 50\n[markers]\n"NK" = "NK"\n')  # fmt: skip
    (tmp_path / "panel.toml").write_text(panel)
    (tmp_path / "tubes.csv").write_text("file,subject_id,day\na.fcs,P1,0\nb.fcs,P2,14\n")
    for name, number in (("a.fcs", 5), ("b.fcs", 25)):
        write_fcs(tmp_path / name, {"T": 50, "dim": 60, "dim HLA-DR+": number, "beads": 1500}, number)
    read = read_samples(tmp_path, write_map(tmp_path, '[files]\npanel = "panel.toml"'))
    assert read.modality == "cell counts"
    assert read.samples["day"].tolist() == [0.0, 14.0]
    activated = next(one for one in read.counts.columns if one.endswith("HLA-DRpos"))
    assert read.counts[activated].tolist() == [5.0, 25.0]
    assert any("gates that hold other gates" in line for line in read.told())


@needs_data
@pytest.mark.parametrize("name", FOLDERS)
def test_bundled_mappings_read_the_published_sets(name):
    read = read_samples(DATA / FOLDERS[name], name)
    expected = {
        "sadefeldman2018": (48, 32),
        "melanoma-icb": (19, 19),
        "tirosh": (19, 19),
        "pbmc68k": (1, 1),
        "maynard2020": (44, 29),
        "zilionis2019": (13, 7),
        "jerbyarnon2018": (32, 31),
        "citeseq-dsb": (6, 1),
    }[name]
    assert (len(read.samples), read.n_subjects) == expected
    assert read.title
    assert read.reference


@needs_data
def test_labels_of_tumour_and_blood_are_those_that_both_can_have():
    """The publication's begin with t or b, so that each would be of its own tissue alone."""
    read = read_samples(DATA / "scrna-lung-zilionis2019", "zilionis2019")
    counts = composition(read)
    blood = counts.index.str.endswith("blood")
    assert read.n_cells == 34_558 + 14_411
    in_both = set(counts.columns[(counts[blood].sum() > 0) & (counts[~blood].sum() > 0)])
    assert {"T cells", "B cells", "NK cells", "neutrophils", "mononuclear phagocytes"} < in_both
    assert (counts["T cells"] > 0).all()
    notes = answer_states(read, read_mapping(mapping_file("zilionis2019")).discovery).answer.notes
    assert "tumour against blood within the same 6 patients; all 64 sign flips" in notes[0]


def test_every_bundled_mapping_is_tested():
    assert set(FOLDERS) <= set(examples())


SUBJECT = "[cells]\nsubject = 'patient'\n"
TABLE = "[files]\ncells = 'cells.csv'\n"
BOTH = "[files]\nexpression = 'v2'\ncells = 'cells.csv'\n"
WRONG = [
    ("[cells]\nlabel = 'type'\n[file]\ncells = 'x'", "unknown key 'file' (did you mean 'files'"),
    ("[files]\ncels = 'cells.csv'", "unknown key 'cels' (did you mean 'cells'?)"),
    (f"[files]\ncells = 'cels.csv'\n{SUBJECT}", "did you mean 'cells.csv'"),
    (f"{TABLE}[cells]\nsubject = 'pateint'", "did you mean 'patient'?"),
    (f"{TABLE}[cells]\nlabel = 'type'", "maps neither subject nor sample"),
    (f"{TABLE}[cells]\nsubject = 3", "subject = 3 names no column"),
    (f"{TABLE}{SUBJECT}pattern.subject = 'P'", "has 0 groups"),
    (f"{TABLE}{SUBJECT}response = 'answer'\n[response]\nresponder = 'CR'", "it holds 'NR', 'R'"),
    (f"[files]\nexpression = 'cells.h5d'\n{SUBJECT}", "did you mean 'cells.h5ad'"),
    (f"{BOTH}[cells]\ncell = 'type'\nsubject = 'patient'", "stands there"),
    (f"{BOTH}{SUBJECT}", "does not say which column names the cells"),
    ("", "is a folder, and [files] names nothing in it"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_a_wrong_mapping_is_named_with_its_remedy(text, said, folder, tmp_path):
    with pytest.raises(OpsoninError) as problem:
        read_samples(folder, write_map(tmp_path, text))
    assert said in str(problem.value)


def test_an_unknown_bundled_mapping_names_those_there_are(tmp_path):
    with pytest.raises(DiscoveryError, match="did you mean 'pbmc68k'"):
        read_samples(tmp_path, "pbmc68")
