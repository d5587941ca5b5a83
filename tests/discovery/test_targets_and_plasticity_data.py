"""Published tables: targets of M2 macrophages, residual disease against persisters, idling clones, growth states."""

import pytest

from opsonin.analysis.findings import Finding
from opsonin.discovery.plasticity_question import answer_plasticity
from opsonin.discovery.read import mapping_file
from opsonin.discovery.read.mapping import read_mapping
from opsonin.discovery.target_intervals import weight_sensitivity, without_each
from opsonin.discovery.target_pages import pages, target_page, why_above
from opsonin.discovery.target_question import answer_targets, target_question
from opsonin.discovery.targets import rank_targets
from paths import DATA, needs_data

pytestmark = needs_data
OTHERS = ("CSF1R", "FOLR2", "MARCO")


def asked(name, question):
    settings = getattr(read_mapping(mapping_file(name)).discovery, question)
    assert settings is not None
    return settings


@pytest.fixture(scope="module")
def ranking():
    return rank_targets(target_question(asked("nieto2021-targets", "targets"), DATA / "tumour-immune-atlas-nieto2021"))


def test_trem2_ranks_above_csf1r_folr2_and_marco_once_blood_and_liver_count(ranking):
    for gene in OTHERS:
        assert ranking.above("TREM2", gene)
    without = ranking.with_weights(blood=0)
    assert without.above("CSF1R", "TREM2")  # it is the penalty that puts TREM2 first, and not its abundance


def test_the_page_says_why(ranking):
    assert "4.9 in plasmacytoid DC against 82.5 in non classical monocyte" in why_above(ranking, "TREM2", "CSF1R")
    assert "27.8 in classical monocyte" in why_above(ranking, "TREM2", "FOLR2")
    assert "66.3 in liver" in why_above(ranking, "TREM2", "MARCO")
    trem2 = target_page(ranking, "TREM2")
    assert any("54 % of the state's cells" in said for said in trem2.for_)
    assert any("34.8 (spinal cord)" in said for said in trem2.against)  # microglia
    assert trem2.unknown == ("no bulk cohort of 8 measured it",)
    csf1r = target_page(ranking, "CSF1R")
    assert any("82.5 (non classical monocyte)" in said for said in csf1r.against)


def test_the_ten_first_have_evidence_for_and_against(ranking):
    shown = pages(ranking, 10)
    assert len(shown) == 10
    for one in shown:
        assert one.for_
        assert one.against or one.unknown


def test_the_order_does_not_hang_on_the_weights(ranking):
    drawn = weight_sensitivity(ranking, draws=400)
    for gene in OTHERS:
        assert drawn.above("TREM2", gene) > 0.9
    table = without_each(ranking, ["TREM2", *OTHERS]).set_index("ranked by")
    assert (table.loc["arithmetic mean", "TREM2"] < table.loc["arithmetic mean", list(OTHERS)]).all()


@pytest.mark.slow
def test_the_question_gives_tables_pages_and_findings():
    settings, folder = asked("nieto2021-targets", "targets"), DATA / "tumour-immune-atlas-nieto2021"
    answer = answer_targets(settings, folder, replicates=40)
    assert set(answer.tables) == {"targets", "target_parts", "target_pages", "target_weights", "target_comparisons"}
    findings = {row["name"]: Finding(**row) for row in answer.findings}
    rank = findings["targets.TREM2.rank"]
    assert rank.lower <= rank.estimate <= rank.upper
    assert findings["targets.CSF1R.rank"].estimate > rank.estimate
    for gene in OTHERS:  # of the genes that were asked about the best is compared with the others, first or not
        assert f"TREM2 (rank {rank.estimate:.0f}) is above {gene}" in answer.pages["why"]
    first = answer.tables["targets"].sort_values("rank")["gene"].iloc[0]
    assert f"{first} (rank 1) is above TREM2" in answer.pages["why"]
    assert any("counted cells, not patients" in note for note in answer.notes)


def test_residual_disease_shares_genes_with_the_egfr_persisters_and_not_with_the_discordant():
    settings = asked("maynard2020-persisters", "plasticity")
    table = answer_plasticity(settings, DATA / "scrna-lung-tki-maynard2020").tables["overlaps"].set_index("set")
    moghal, hangauer = "moghal-2023_DTP-up_common", "hangauer-2017_DTP-up"
    assert (table["shared"][moghal], table["genes"][moghal]) == (39, 334)
    assert table["p"][moghal] == pytest.approx(1.1e-9, rel=0.05)
    assert table["shared"][hangauer] == 81
    assert table["p"][hangauer] == pytest.approx(1.0, abs=1e-6)


def test_idling_melanoma_is_a_transition_and_the_caution_is_said():
    answer = answer_plasticity(asked("melanoma-idling", "plasticity"), DATA / "melanoma-brafi-idling", replicates=100)
    findings = {row["name"]: row for row in answer.findings}
    kept = findings["plasticity.clones.kept"]
    assert (kept["n"], kept["estimate"], kept["note"]) == (671, 1.0, "transition")
    pairs = answer.tables["clone_likeness"].set_index(["first", "second"])["correlation"]
    assert pairs["U1R1", "U2R1"] == pytest.approx(0.956, abs=5e-4)
    assert pairs["U1R1", "T1R1"] == pytest.approx(0.944, abs=5e-4)
    assert findings["plasticity.clones.diversity_ratio"]["lower"] > 1.0
    assert 0.6 < findings["plasticity.clones.founders"]["estimate"] < 0.8
    assert findings["plasticity.clones.spread"]["p"] < 0.05  # clones do differ; they are just not lost
    assert any("cut down" in note for note in answer.notes)


@pytest.mark.slow
def test_lines_grow_at_different_rates_and_only_ds8_is_in_two_states():
    answer = answer_plasticity(asked("pc9-erlotinib", "plasticity"), DATA / "pc9-erlotinib-clones", replicates=19)
    differ = next(row for row in answer.findings if row["name"] == "plasticity.growth.lines_differ")
    assert differ["p"] == pytest.approx(2.2e-62, rel=0.05)
    table = answer.tables["growth"].set_index("line")
    assert table.index[table["states"] == 2].tolist() == ["PC9-DS8"]
    assert table["margin"]["PC9-DS8"] > 20
    assert table.at["PC9-DS3", "rate"] == pytest.approx(-0.0012, abs=5e-5)
    assert table.at["PC9-DS3", "negative"] == pytest.approx(0.67, abs=0.005)
