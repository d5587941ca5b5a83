"""The question of targets as a mapping asks it: from published tables, from cells of one's own, and asked wrongly."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from opsonin.analysis.findings import Finding
from opsonin.discovery import Samples, answer_targets
from opsonin.errors import DiscoveryError

GENES = ["TREM2", "CSF1R", "MARCO", "GAPDH", "APOE", *(f"g{i}" for i in range(30))]
ASKED = {
    "state": "macrophages",
    "markers": [{"file": "de.csv", "state": "TAM", "name": "a study"}],
    "normal": "hpa",
    "cohorts": "bulk",
    "compare": ["TREM2", "CSF1R", "GAPDH"],
}


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    rows = [("TAM", gene, 1.0, share, 0.02, 0.0, 0.0) for gene, share in
            (("TREM2", 0.5), ("CSF1R", 0.7), ("MARCO", 0.2), ("APOE", 0.6), ("GAPDH", 0.9))]  # fmt: skip
    columns = ["cluster", "gene", "avg_logFC", "pct.1", "pct.2", "p_val", "p_val_adj"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "de.csv", index=False)
    for name in ("hpa", "bulk"):
        (tmp_path / name).mkdir()
    blood = pd.DataFrame({"symbol": GENES[:5], "classical_monocyte": [2.0, 80.0, 20.0, 5.0, 5.0]})
    tissue = pd.DataFrame({"symbol": GENES[:5], "liver": [1.0, 5.0, 60.0, 90.0, 90.0]})
    blood.to_csv(tmp_path / "hpa" / "rna_blood.tsv", sep="\t", index=False)
    tissue.to_csv(tmp_path / "hpa" / "rna_tissue.tsv", sep="\t", index=False)
    patients = [f"p{i}" for i in range(20)]
    level = pd.DataFrame(rng.normal(size=(3, 20)), index=["MARCO", "CSF1R", "APOE"], columns=patients)
    level.rename_axis("gene").to_csv(tmp_path / "bulk" / "one_expression.csv")
    clinical = pd.DataFrame({"patientid": patients, "response": ["R"] * 8 + ["NR"] * 12})
    clinical.to_csv(tmp_path / "bulk" / "one_clinical.csv", index=False)
    return tmp_path


def tumours() -> Samples:
    """Six patients of two tumour types; TREM2 is raised in macrophages in all, MARCO in lung alone."""
    rng = np.random.default_rng(1)
    rows, level = [], []
    for patient in range(6):
        kind = "lung" if patient < 3 else "melanoma"
        shift = rng.normal(0, 0.2, len(GENES))
        for label in ("macrophage", "T cell"):
            mean = np.full(len(GENES), 1.5) + shift
            if label == "macrophage":
                mean[GENES.index("TREM2")] += 3.0
                mean[GENES.index("MARCO")] += 3.0 if kind == "lung" else 0.0
            level.append(np.maximum(rng.normal(mean, 1.0, size=(12, len(GENES))), 0.0))
            rows += [(f"p{patient}", f"p{patient}", label, kind)] * 12
    cells = pd.DataFrame(rows, columns=["subject", "sample", "label", "tumour_type"])
    cells.insert(0, "cell", np.arange(len(cells)))
    who = cells.drop_duplicates("sample")[["sample", "subject"]]
    return Samples(cells, who[["subject"]], who, csr_matrix(np.vstack(level)), pd.Index(GENES), "log-normalised")


def test_published_tables_give_ranks_pages_and_what_could_not_be_known(folder):
    answer = answer_targets(ASKED, folder, replicates=20)
    table = answer.tables["targets"].set_index("gene")
    assert table.index[0] == "TREM2"
    assert set(table.index) == {"TREM2", "CSF1R", "MARCO"}
    assert (table["lower"] <= table["rank"]).all()
    assert (table["rank"] <= table["upper"]).all()
    assert set(answer.tables["target_pages"]["side"]) <= {"for", "against", "not known"}
    assert answer.tables["target_comparisons"]["second"].tolist() == ["CSF1R"]
    assert [Finding(**row).name for row in answer.findings[:2]] == ["targets.TREM2.rank", "targets.CSF1R.rank"]
    said = " | ".join(answer.notes)
    assert "TREM2 is first of 3 candidates" in said
    assert "GAPDH is no candidate" in said
    assert "1 of 3 candidates were measured in no bulk cohort" in said


def test_cells_of_ones_own_are_a_source_with_patients_as_replicates(folder):
    asked = {**ASKED, "own": ["macrophage"]}
    answer = answer_targets(asked, folder, tumours(), replicates=20)
    table = answer.tables["targets"].set_index("gene")
    assert table["marked_in"]["TREM2"] == 2
    assert table["consistency"]["TREM2"] == pytest.approx(3 / 4)
    assert not any("these samples" in note for note in answer.notes)  # only tables that counted cells are cautioned of


def resisting() -> Samples:
    """The same patients, every second of whom responded; macrophages of the others have more CSF1R."""
    made = tumours()
    subjects = made.subjects.drop_duplicates().assign(response=["responder", "non-responder"] * 3)
    resists = made.cells["subject"].isin(subjects["subject"][subjects["response"] == "non-responder"])
    level = made.matrix().toarray()
    level[(resists & (made.cells["label"] == "macrophage")).to_numpy(), GENES.index("CSF1R")] += 3.0
    return made.with_(expression=csr_matrix(level), subjects=subjects.reset_index(drop=True))


def test_own_cells_of_patients_who_resist_stand_beside_the_score(folder):
    asked = {**ASKED, "own": ["macrophage"]}
    answer = answer_targets(asked, folder, resisting(), replicates=20)
    table = answer.tables["targets"].set_index("gene")
    assert table["resistant_fold"]["CSF1R"] > 2
    assert table["resistant_fdr"]["CSF1R"] < 0.05 < table["resistant_fdr"]["TREM2"]
    said = "in the state's own cells 1 of 35 genes differ between non-responders and responders (6 patients)"
    assert any(said in note for note in answer.notes)
    assert "in those who resist (p " in answer.pages["CSF1R"]
    unknown = answer_targets(asked, folder, tumours(), replicates=20)
    assert "resistant_fold" not in unknown.tables["targets"]
    assert "in those who resist" not in unknown.pages["CSF1R"]


def test_own_cells_of_patients_who_resist_can_be_the_source_alone(folder):
    asked = {**ASKED, "own": ["macrophage"], "compare": []}
    every = answer_targets(asked, folder, resisting(), replicates=20).tables["targets"].set_index("gene")
    some = answer_targets({**asked, "patients": "non-responder"}, folder, resisting(), replicates=20)
    table = some.tables["targets"].set_index("gene")
    fold = next(name for name in map(str, table) if name.startswith("log2 fold") and "macrophage" in name)
    assert table[fold]["CSF1R"] > every[fold]["CSF1R"] + 1
    for wrong, said in (("resistant", "it is responder or non-responder"), ("responder", "nobody is one")):
        samples = tumours() if wrong == "responder" else resisting()
        with pytest.raises(DiscoveryError, match=said):
            answer_targets({**asked, "patients": wrong}, folder, samples)
    with pytest.raises(DiscoveryError, match="patients is of the samples' own cells; write own"):
        answer_targets({**ASKED, "patients": "non-responder"}, folder, replicates=20)


def test_each_tumour_type_is_a_source_of_its_own(folder):
    asked = {**ASKED, "own": ["macrophage"], "by": "tumour type"}
    table = answer_targets(asked, folder, tumours(), replicates=20).tables["targets"].set_index("gene")
    assert table["marked_in"]["TREM2"] == 3
    assert table["marked_in"]["MARCO"] == 2  # the published table and lung, not melanoma
    assert table["consistency"]["TREM2"] > table["consistency"]["MARCO"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": None}, "needs the key 'state'"),
        ({"marker": []}, r"no key 'marker'.*markers"),
        ({"markers": []}, "give one or more sources"),
        ({"markers": [{"file": "nowhere.csv", "state": "TAM"}]}, "nowhere.csv is not there"),
        ({"markers": [{"file": "de.csv", "state": "closest"}]}, "the first source names its state"),
        ({"markers": [{"file": "de.csv", "state": "M2"}]}, "no state 'M2'; there are TAM"),
        ({"own": ["macrophage"]}, "there is no expression"),
        ({"normal": "bulk"}, "no rna_blood"),
        ({"weights": {"price": 1}}, "no part 'price'"),
    ],
)
def test_a_section_asked_wrongly_is_named(folder, changes, said):
    asked = {key: value for key, value in {**ASKED, **changes}.items() if value is not None}
    with pytest.raises(DiscoveryError, match=said):
        answer_targets(asked, folder, replicates=20)


def test_an_unknown_way_of_grouping_is_named(folder):
    with pytest.raises(DiscoveryError, match="by is 'age'"):
        answer_targets({**ASKED, "own": ["macrophage"], "by": "age"}, folder, tumours())
