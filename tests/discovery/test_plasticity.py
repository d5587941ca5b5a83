"""Persister programmes: agreement of gene sets, scores per patient, and the question as a mapping asks it."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from opsonin.discovery.plasticity import changed_genes, named_sets, plasticity_features, rank_scores, set_agreement
from opsonin.discovery.plasticity_question import answer_plasticity
from opsonin.discovery.samples import Samples
from opsonin.errors import DiscoveryError

GENES = pd.Index([f"g{i}" for i in range(40)])
SETS = {"first": list(GENES[:8]), "second": list(GENES[8:16])}


def tumours(units="counts") -> Samples:
    """p1: malignant cells of the first programme; p2: half of either; p3: too few malignant cells."""
    rng = np.random.default_rng(0)
    rows, counts = [], []
    for subject, programmes in (("p1", [0] * 30), ("p2", [0, 1] * 15), ("p3", [1] * 5)):
        for programme in programmes:
            level = np.full(40, 1.0)
            level[8 * programme : 8 * programme + 8] = 8.0
            counts.append(rng.poisson(level))
            rows.append((subject, f"{subject} biopsy", "tumour"))
        counts += [rng.poisson(np.full(40, 1.0)) for _ in range(10)]
        rows += [(subject, f"{subject} biopsy", "T cell")] * 10
    cells = pd.DataFrame(rows, columns=["subject", "sample", "label"])
    cells.insert(0, "cell", np.arange(len(cells)))
    who = cells.drop_duplicates("sample")[["sample", "subject"]].assign(time="before")
    matrix = csr_matrix(np.array(counts, dtype=float))
    return Samples(cells, who[["subject"]], who, matrix, GENES, units)


def malignant(samples):
    return (samples.cells["label"] == "tumour").to_numpy()


def test_scores_say_which_programme_a_patients_cells_are_in():
    samples = tumours()
    made = plasticity_features(samples, SETS, malignant(samples))
    wide = made.wide("plasticity").astype(float)
    assert list(wide.index) == ["p1 biopsy", "p2 biopsy"]
    first, second = "first score of malignant cells", "second score of malignant cells"
    assert wide.at["p1 biopsy", first] == pytest.approx(0.5)
    assert wide[second]["p1 biopsy"] < 0.2
    assert wide[first]["p2 biopsy"] > wide[second]["p1 biopsy"]
    number = wide["effective number of programmes"]
    assert number["p1 biopsy"] == pytest.approx(1.0, abs=0.1)
    assert number["p2 biopsy"] == pytest.approx(2.0, abs=0.15)
    assert set(made.frame["time"]) == {"before"}
    assert len(made.as_measurements()) == 6


def test_a_score_does_not_depend_on_depth_or_on_other_samples():
    rng = np.random.default_rng(1)
    expression = pd.DataFrame(rng.gamma(1.0, 1.0, (40, 3)), index=GENES, columns=["a", "b", "c"])
    one = rank_scores(expression, SETS["first"], SETS["second"])
    other = rank_scores(np.log1p(100 * expression[["b"]]), SETS["first"], SETS["second"])
    assert other["b"] == pytest.approx(one["b"])
    assert rank_scores(expression, SETS["first"]).between(-0.5, 0.5).all()
    with pytest.raises(DiscoveryError, match="0 of 2 genes of the set"):
        rank_scores(expression, ["x", "y"])


def test_no_or_few_malignant_cells_are_named():
    samples = tumours()
    with pytest.raises(DiscoveryError, match="no sample has 20 malignant cells"):
        plasticity_features(samples, SETS, np.zeros(samples.n_cells, dtype=bool))
    with pytest.raises(DiscoveryError, match="3 marks"):
        plasticity_features(samples, SETS, np.zeros(3, dtype=bool))


@pytest.fixture
def folder(tmp_path):
    contrast = pd.DataFrame({
        "contrast": "EGFR TN vs PR", "gene": [*GENES[:10], "q0"], "avg_logFC": [-1.0] * 8 + [1.0, 1.0, -1.0],
        "pct.1": 0.1, "pct.2": 0.5, "p_val": 0.0, "p_val_adj": [0.0] * 10 + [0.5],
    })  # fmt: skip
    contrast.to_csv(tmp_path / "de.csv", index=False)
    long = pd.DataFrame([(name, gene) for name, genes in SETS.items() for gene in genes], columns=["gs_name", "gene"])
    long.to_csv(tmp_path / "sets.csv.gz", index=False)
    rates = pd.DataFrame({"line": "a", "rate": np.random.default_rng(0).normal(size=40)})
    rates.to_csv(tmp_path / "rates.csv", index=False)
    return tmp_path


def test_genes_of_one_side_of_a_contrast_are_those_that_are_higher_there(folder):
    assert list(changed_genes(folder / "de.csv", "EGFR TN vs PR", "PR")) == list(GENES[:8])
    assert list(changed_genes(folder / "de.csv", "EGFR TN vs PR", "TN")) == ["g8", "g9"]
    with pytest.raises(DiscoveryError, match="'PD' is no side"):
        changed_genes(folder / "de.csv", "EGFR TN vs PR", "PD")


def test_agreement_says_what_another_universe_would_give(folder):
    table = set_agreement(GENES[:8], named_sets(folder / "sets.csv.gz"), 20_000)
    assert list(table["set"]) == ["first", "second"]
    assert table["shared"].tolist() == [8, 0]
    assert table["p of 12000"][0] > table["p"][0] == table["p of 20000"][0] > table["p of 25000"][0]
    measured = set_agreement(GENES[:8], SETS, list(GENES))
    assert measured["universe"].tolist() == [40, 40]
    assert not any(name.startswith("p of") for name in measured.columns)


def test_the_question_is_answered_part_by_part(folder):
    asked = {
        "sets": {"file": "sets.csv.gz"},
        "genes": {"file": "de.csv", "contrast": "EGFR TN vs PR", "higher_in": "PR"},
        "malignant": ["tumour"],
        "growth": {"file": "rates.csv", "line": "line", "rate": "rate"},
    }
    clones = pd.DataFrame({"sample": ["p1 biopsy"] * 3, "barcode": ["A", "B", "C"], "reads": [500, 300, 200]})
    clones.to_csv(folder / "clones.csv", index=False)
    asked["repertoires"] = {"file": "clones.csv", "clone": "barcode"}
    answer = answer_plasticity(asked, folder, tumours(), replicates=19)
    assert set(answer.tables) == {"overlaps", "programmes", "growth", "growth_rates", "repertoires", "features"}
    assert any("no response is known" in note for note in answer.notes)
    names = {row["name"]: row for row in answer.findings}
    assert names["plasticity.overlap.first"]["estimate"] == 8
    assert names["plasticity.growth.states"]["estimate"] == 1
    assert answer.features is not None
    assert set(answer.features.frame["kind"]) == {"plasticity", "clones"}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "asks for nothing"),
        ({"clone": {}}, r"no key 'clone'.*clones"),
        ({"genes": {"file": "de.csv"}}, "needs .*sets"),
        ({"malignant": ["tumour"]}, "there is no expression"),
        ({"repertoires": {"file": "rates.csv"}}, "names none"),
        ({"growth": {"file": "nowhere.csv"}}, "is not there"),
        ({"growth": {"file": "rates.csv", "rate": "speed"}}, "no column 'speed'"),
        ({"sets": {"file": "sets.csv.gz", "names": ["third"]}}, "no set 'third'; there are first, second"),
        ({"clones": {"file": "rates.csv"}}, "needs the key 'before'"),
    ],
)
def test_a_section_that_cannot_be_answered_is_named(folder, asked, said):
    with pytest.raises(DiscoveryError, match=said):
        answer_plasticity(asked, folder)
