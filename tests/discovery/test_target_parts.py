"""The parts of a target's score: bulk cohorts (against the analysis room's models), tables, surface, normal tissue."""

import gzip

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as t_distribution

from made_up_targets import cohort
from opsonin.analysis import meta_analysis
from opsonin.analysis.logistic_firth import firth_logistic
from opsonin.discovery.bulk_cohorts import association, firth, read_bulk_cohorts, score_association
from opsonin.discovery.gene_names import current_symbols
from opsonin.discovery.marker_sources import StateMarkers, closest_state, read_state_markers
from opsonin.discovery.normal import freedom, read_normal, specificity
from opsonin.discovery.overlaps import overlap, overlap_table
from opsonin.discovery.pooling import pool
from opsonin.discovery.surface import facts, places, read_places
from opsonin.errors import DiscoveryError


def test_many_penalised_slopes_at_once_are_those_of_one_at_a_time():
    rng = np.random.default_rng(2)
    level = rng.normal(size=(4, 24))
    responder = rng.random(24) < 0.4
    level[3] = np.where(responder, 2.0, -2.0) + 0.01 * level[3]  # separates: no finite ordinary estimate
    more = rng.normal(size=(24, 1))
    slope, error = firth(level, responder)
    adjusted = firth(level, responder, more)[0]
    for gene in range(4):
        one = firth_logistic(responder, level[gene][:, None], names=["gene"])
        assert slope[gene] == pytest.approx(float(one.coefficient[1]), rel=1e-5)
        x = np.column_stack([np.ones(24), level[gene]])
        p = 1 / (1 + np.exp(-x @ np.asarray(one.coefficient)))
        assert error[gene] == pytest.approx(np.sqrt(np.linalg.inv(x.T @ (x * (p * (1 - p))[:, None]))[1, 1]), rel=1e-4)
        two = firth_logistic(responder, np.column_stack([level[gene], more]), names=["gene", "more"])
        assert adjusted[gene] == pytest.approx(float(two.coefficient[1]), rel=1e-4)


def test_pooling_of_many_is_that_of_one():
    rng = np.random.default_rng(5)
    estimate, se = rng.normal(0.3, 0.5, size=(6, 5)), rng.uniform(0.1, 0.5, size=(6, 5))
    found = pool(estimate, se)
    for row in range(6):
        one = meta_analysis(estimate[row], se[row], method="dersimonian-laird")
        assert found["pooled"][row] == pytest.approx(one.pooled.value)
        assert found["tau2"][row] == pytest.approx(one.tau2.value, abs=1e-12)
        weight = 1 / (se[row] ** 2 + one.tau2.value)
        share = one.tau2.value * (weight**2).sum() / weight.sum()  # of the variance, between cohorts
        df = 4 / share**2 if share > 0 else np.inf
        assert found["p"][row] == pytest.approx(2 * t_distribution.sf(abs(found["pooled"][row] / found["se"][row]), df))


def test_more_cohorts_that_agree_make_surer_and_that_scatter_do_not():
    agree = pool(np.array([[0.5] + [np.nan] * 3, [0.5] * 2 + [np.nan] * 2, [0.5] * 3 + [np.nan], [0.5] * 4]),
                 np.full((4, 4), 0.4))  # fmt: skip
    assert list(agree["above"]) == sorted(agree["above"])
    assert agree["above"].is_unique
    assert list(agree["p"]) == sorted(agree["p"], reverse=True)
    scatter = pool(np.array([[2.0, -1.0]]), np.full((1, 2), 0.01)).iloc[0]
    assert scatter["p"] == pytest.approx(2 * t_distribution.sf(0.5 / 1.5, 1), abs=1e-3)  # as Student's t with one
    alone = pool(np.array([[0.5]]), np.array([[0.4]])).iloc[0]
    assert alone["upper"] == pytest.approx(0.5 + 1.959964 * 0.4)


def test_pooling_leaves_out_cohorts_without_the_gene():
    estimate, se = np.array([[0.5, np.nan, 0.1], [np.nan] * 3, [0.4, np.nan, np.nan]]), np.full((3, 3), 0.2)
    found = pool(estimate, se)
    assert list(found["k"]) == [2, 0, 1]
    assert found["pooled"][0] == pytest.approx(0.3)
    assert np.isnan(found["pooled"][1])
    assert found["pooled"][2] == pytest.approx(0.4)
    assert found["upper"][2] == pytest.approx(0.4 + 1.959964 * 0.2)


def test_held_constant_beside_a_cell_type_a_gene_that_only_counts_its_cells_says_nothing():
    one = cohort("c", patients=400, GOOD=1.0)
    level = one.expression.copy()
    rng = np.random.default_rng(0)
    level.loc["BLOODY"] = level.loc["GOOD"] + rng.normal(0, 0.3, 400)
    plain = association([type(one)("c", level, one.responder)], pd.Index(["BLOODY"]))
    beside = association([type(one)("c", level, one.responder)], pd.Index(["BLOODY"]), beside=["GOOD"])
    assert abs(plain["pooled"].iloc[0]) > 0.5
    assert abs(beside["pooled"].iloc[0]) < 0.5 * abs(plain["pooled"].iloc[0])


def test_a_score_is_pooled_over_cohorts():
    cohorts = [cohort(f"c{i}", seed=i, GOOD=1.0, BLOODY=1.0) for i in range(3)]
    found = score_association(cohorts, lambda level: level.loc[["GOOD", "BLOODY"]].mean())
    assert found["name"].tolist() == ["c0", "c1", "c2", "all"]
    assert found["n"].iloc[-1] == 180
    own = found.iloc[:3]
    one = meta_analysis(own["log_odds"], own["se"], method="dersimonian-laird")
    assert found["log_odds"].iloc[-1] == pytest.approx(one.pooled.value)
    assert one.pooled.value > 0.5
    with pytest.raises(DiscoveryError, match="no bulk cohort has 3 responders"):
        score_association([cohort(patients=6)], lambda level: level.loc["GOOD"])


def test_bulk_cohorts_are_read_and_patients_without_response_left_out(tmp_path):
    pd.DataFrame({"gene": ["FGR", "HLA.DRA"], "a": [1.0, 2.0], "b": [0.0, 1.0], "c": [3.0, 1.0]}).to_csv(
        tmp_path / "one_expression.csv.gz", index=False
    )
    pd.DataFrame({"patientid": ["a", "b", "c"], "response": ["R", "NR", None]}).to_csv(
        tmp_path / "one_clinical.csv", index=False
    )
    (read,) = read_bulk_cohorts(tmp_path)
    assert list(read.expression.columns) == ["a", "b"]
    assert list(read.responder) == [True, False]
    assert list(read.expression.index) == ["FGR", "HLA-DRA"]
    assert "1 patients" in read.left_out
    assert not read.usable
    (tmp_path / "one_clinical.csv").unlink()
    with pytest.raises(DiscoveryError, match="no one_clinical"):
        read_bulk_cohorts(tmp_path)
    with pytest.raises(DiscoveryError, match="no \\*_expression"):
        read_bulk_cohorts(tmp_path / "nowhere")


def test_published_tables_are_read_in_their_own_words(tmp_path):
    rows = pd.DataFrame({
        "cluster": ["A", "A", "A", "B"], "gene": ["HLA.DRA", "SEPP1", "SEPP1", "CD3E"],
        "avg_logFC": [np.log(2), 1.0, 0.5, 1.0], "pct.1": [0.9, 0.5, 0.5, 0.5], "pct.2": [0.2, 0.1, 0.1, 0.1],
        "p_val": [0.0, 0.01, 0.01, 0.5], "p_val_adj": [0.0, 0.04, 0.04, 1.0],
    })  # fmt: skip
    with gzip.open(tmp_path / "t.csv.gz", "wt") as handle:
        rows.to_csv(handle, index=False)
    found = read_state_markers(tmp_path / "t.csv.gz", "A")
    assert list(found.frame.index) == ["SELENOP", "HLA-DRA"]
    assert found.unit == "cells"
    assert found.frame.at["HLA-DRA", "log2_fold_change"] == pytest.approx(1.0)
    assert list(found.apart(pd.Index(["HLA-DRA", "nobody"]))) == [pytest.approx(0.7), 0.0]
    assert closest_state(tmp_path / "t.csv.gz", pd.Index(["SELENOP", "HLA-DRA"])) == "A"
    with pytest.raises(DiscoveryError, match="no state 'C'; there are A, B"):
        read_state_markers(tmp_path / "t.csv.gz", "C")
    with pytest.raises(DiscoveryError, match="stands twice"):
        StateMarkers(found.frame.iloc[[0, 0]], "twice")


def test_symbols_are_brought_up_to_date_and_others_left_alone():
    given = ["HLA.DRA", "MT.ND1", "PVRL2", "TREM2", "ENSG0001.5"]
    assert current_symbols(given) == ["HLA-DRA", "MT-ND1", "NECTIN2", "TREM2", "ENSG0001.5"]


def test_the_table_of_the_surface_knows_the_targets_of_the_field():
    known = facts()
    surface = ["TREM2", "CSF1R", "FOLR2", "MARCO", "VSIG4", "CD163", "MRC1", "SIGLEC1", "PDCD1", "HAVCR2", "ERBB2"]
    assert (known.loc[surface, "place"] == "surface").all()
    assert (known.loc[["C1QA", "APOE", "SPP1", "CXCL9"], "place"] == "secreted").all()
    assert known.index.is_unique
    assert set(known["place"]) == {"surface", "secreted", "surface and secreted"}
    assert places(pd.Index(["GAPDH"])).iloc[0] == "not listed"
    assert not set(known["formerly"]) & set(known.index)


UNIPROT = "Gene Names (primary),Subcellular location [CC]\n"


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("gene,place\nA,surface\nB,secreted\n", ("surface", "secreted")),
        (UNIPROT + "A,SUBCELLULAR LOCATION: Cell membrane\nB,Secreted\n", ("surface", "secreted")),
        (UNIPROT + "A,Cell membrane; Cytoplasmic side\nB,Nucleus\n", ("not at the surface",) * 2),
        ("Gene,Protein class\nA,CD markers\nB,Predicted secreted proteins\n", ("surface", "secreted")),
    ],
)  # fmt: skip
def test_tables_of_ones_own_say_where_proteins_are(tmp_path, table, expected):
    (tmp_path / "own.csv").write_text(table)
    assert tuple(read_places(tmp_path / "own.csv").loc[["A", "B"], "place"]) == expected


@pytest.mark.parametrize(
    ("table", "said"),
    [("gene,place\nA,membrane\n", "place 'membrane' is unknown"), ("a,b\n1,2\n", "none of the columns")],
)
def test_a_table_of_the_surface_that_says_nothing_is_named(tmp_path, table, said):
    (tmp_path / "own.csv").write_text(table)
    with pytest.raises(DiscoveryError, match=said):
        read_places(tmp_path / "own.csv")


def test_freedom_of_normal_expression_runs_from_detection_to_a_hundred():
    assert list(freedom(pd.Series([0.0, 1.0, 10.0, 100.0, 900.0]))) == pytest.approx([1, 1, 0.5, 0, 0])
    assert np.isnan(freedom(pd.Series([np.nan]))[0])
    assert list(specificity(np.array([[0.0, 0.0, 7.0], [7.0, 7.0, 7.0]]))) == pytest.approx([1.0, 0.0])


def test_normal_expression_keeps_the_highest_of_a_symbols_rows(tmp_path):
    for name in ("rna_blood", "rna_tissue"):
        pd.DataFrame({"GeneID": ["E1", "E2", "E3"], "symbol": ["A", "A", None], "liver": [1.0, 9.0, 5.0]}).to_csv(
            tmp_path / f"{name}.tsv.gz", sep="\t", index=False
        )
    found = read_normal(tmp_path)
    assert found.highest(pd.Index(["A", "B"]))["vital"].tolist()[0] == 9.0
    assert np.isnan(found.highest(pd.Index(["A", "B"]))["vital"].tolist()[1])
    with pytest.raises(DiscoveryError, match="no rna_blood"):
        read_normal(tmp_path / "nowhere")


def test_overlap_is_hypergeometric_within_its_universe():
    from scipy.stats import hypergeom

    first, second = [f"g{i}" for i in range(50)], [f"g{i}" for i in range(30, 130)]
    found = overlap(first, second, 1000)
    assert len(found.shared) == 20
    assert found.expected == 5.0
    assert found.fold == 4.0
    assert found.of_size
    assert found.p == pytest.approx(hypergeom.sf(19, 1000, 50, 100))
    measured = overlap(first, second, [f"g{i}" for i in range(20, 90)])
    assert (measured.first, measured.second, measured.universe) == (30, 60, 70)
    assert not measured.of_size
    assert "20 shared of 50 and 100" in found.said
    table = overlap_table(first, {"far": ["x", "y"], "near": second}, 1000)
    assert list(table["set"]) == ["near", "far"]
    assert table["p"].iloc[1] == 1.0
    with pytest.raises(DiscoveryError, match="cannot hold the 130"):
        overlap(first, second, 100)
