"""[discovery.targets] and [discovery.plasticity] with values of another kind, and files that cannot be read."""

import gzip

import numpy as np
import pandas as pd
import pytest

from made_up_samples import write_10x, write_map
from opsonin.discovery import answer_targets, read_samples
from opsonin.discovery.bulk_cohorts import read_bulk_cohorts
from opsonin.discovery.normal import read_normal
from opsonin.discovery.plasticity_question import answer_plasticity
from opsonin.errors import DiscoveryError

NUMBER = 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"own": 2.5}, r"\[discovery.targets\]: own = 2.5 holds 2.5, which is no name"),
        ({"own": NUMBER}, "no cell is labelled '3'; the labels are B, Mono, T"),
        ({"own": "T", "others": [True]}, "others = .* holds True, which is no name"),
        ({"own": "T", "weights": NUMBER}, "weights is 3; a table is needed, with the keys state, consistency"),
        ({"own": "T", "weights": {"blod": 2}}, "there is no part 'blod' to weigh; the parts are state"),
        ({"own": "T", "normal": NUMBER}, "3 is no path; write the name of a file or folder in quotes"),
        ({"own": "T", "reach": "any", "compare": 2.5}, "compare = 2.5 holds 2.5"),
    ],
)
def test_values_of_another_kind_in_a_section_of_targets(changes, said, small, tmp_path):
    with pytest.raises(DiscoveryError, match=said):
        answer_targets({"state": "macrophages", **changes}, tmp_path, small, replicates=20)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"malignant": 2.5}, "malignant = 2.5 holds 2.5, which is no name"),
        ({"malignant": ["tumour"]}, "no cell is labelled 'tumour'; the labels are B, Mono, T"),
        ({"clones": {"file": "c.csv", "before": 2.5, "after": ["a"]}}, "before = 2.5 holds 2.5"),
        ({"growth": {"file": "g.csv", "stable_h": "x"}}, "stable_h = 'x' is not a number"),
        ({"growth": {"file": "g.csv"}}, "growth rates: 'many' in column 'nuclei' is not a number"),
    ],
)
def test_values_of_another_kind_in_a_section_of_plasticity(asked, said, small, tmp_path):
    pd.DataFrame({"set": "A", "gene": list(small.genes[:6])}).to_csv(tmp_path / "s.csv", index=False)
    pd.DataFrame({"clone": ["x"], "a": [1]}).to_csv(tmp_path / "c.csv", index=False)
    wells = pd.DataFrame({"line": "L", "well": ["B2", "B3"], "time_h": [0, 48], "nuclei": ["100", "many"]})
    wells.to_csv(tmp_path / "g.csv", index=False)
    with pytest.raises(DiscoveryError, match=said):
        answer_plasticity({"sets": {"file": "s.csv"}, **asked}, tmp_path, small)


def cohort(folder, expression, clinical):
    (folder / "a_expression.csv").write_bytes(expression)
    (folder / "a_clinical.csv").write_bytes(clinical)
    with pytest.raises(DiscoveryError) as problem:
        read_bulk_cohorts(folder)
    return str(problem.value)


def test_bulk_cohorts_that_cannot_be_read_or_mean_something_else(tmp_path):
    level, who = b"gene,p1,p2\nA,1,2\n", b"patientid,response\np1,R\np2,NR\n"
    assert "a_expression.csv cannot be read" in cohort(tmp_path, b'gene,p1\n"A,1\n', who)
    assert "a_clinical.csv cannot be read" in cohort(tmp_path, level, b"")
    assert "save it as CSV in UTF-8" in cohort(tmp_path, level, b"patientid,response\np\xe9,R\n")
    said = cohort(tmp_path, level, who.replace(b"NR", b"PD").replace(b",R", b",CR"))
    assert "the response holds 'CR', 'PD', but says R or NR here" in said
    assert "none of its patients (q1, q2 …) is a column of a_expression.csv" in cohort(
        tmp_path, level, who.replace(b"\np", b"\nq")
    )


def test_tables_of_normal_expression_that_are_empty(tmp_path):
    for name in ("rna_blood", "rna_tissue"):
        (tmp_path / f"{name}.tsv").write_text("")
    with pytest.raises(DiscoveryError, match=r"rna_blood.tsv cannot be read .* get it again"):
        read_normal(tmp_path)


def test_packed_files_with_a_damaged_middle_are_named(small, tmp_path):
    """Not cut off: the bytes are there and mean nothing, of which zlib has an error of its own."""
    folder = write_10x(tmp_path / "p", small, zipped=True)
    text = "[files]\nexpression = 'p'\n[cells]\nconstant.subject = 'P1'\n"
    for name in ("genes.tsv.gz", "matrix.mtx.gz"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[:20] + bytes(20) + whole[40:])
        with pytest.raises(DiscoveryError, match=rf"{name} cannot be read .* get the file again"):
            read_samples(tmp_path, write_map(tmp_path, text))
        (folder / name).write_bytes(whole)
    frame = pd.DataFrame(np.arange(4).reshape(2, 2), index=["ACTB", "CD3D"], columns=["c1", "c2"])
    packed = gzip.compress(frame.to_csv().encode())
    (tmp_path / "x.csv.gz").write_bytes(packed[:12] + bytes(8) + packed[20:])
    with pytest.raises(DiscoveryError, match=r"x.csv.gz cannot be read .* get the file again"):
        read_samples(tmp_path, write_map(tmp_path, text.replace("'p'", "'x.csv.gz'")))
