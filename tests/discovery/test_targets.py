"""Ranking of targets: what each part does, what a missing one does not, and that the page says so."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_up_targets import GENES, cohort, markers, question
from opsonin.discovery.marker_sources import StateMarkers
from opsonin.discovery.pseudobulk import moderated
from opsonin.discovery.target_intervals import _markers, _Source, rank_intervals, weight_sensitivity, without_each
from opsonin.discovery.target_pages import target_page, why_above
from opsonin.discovery.targets import PARTS, rank_targets
from opsonin.errors import DiscoveryError


def test_a_gene_of_blood_or_liver_ranks_below_its_like():
    ranking = rank_targets(question(cohorts=()))
    assert ranking.frame.index[0] == "GOOD"
    assert ranking.above("GOOD", "BLOODY")
    assert ranking.above("GOOD", "HEPATIC")
    assert ranking.at("BLOODY")["blood_in"] == "NK cell"
    assert ranking.at("HEPATIC")["vital_in"] == "liver"
    without = ranking.with_weights(blood=0, organs=0)
    assert without.at("GOOD")["rank"] == without.at("BLOODY")["rank"] == without.at("HEPATIC")["rank"]


def test_gonads_and_blood_cells_among_organs_are_shown_and_not_penalised():
    row = rank_targets(question()).at("GOOD")
    assert row["vital_highest"] == 3.0
    assert row["any_organ_in"] == "testis"
    assert 0 < row["tau"] < 1
    assert np.isnan(rank_targets(question()).at("UNKNOWN")["tau"])
    assert row["any_organ_highest"] == 80.0


def test_only_what_is_within_reach_is_a_candidate():
    ranking = rank_targets(question())
    assert set(ranking.frame.index) == set(GENES) - {"INSIDE", "DISSOLVED"}
    assert ranking.left_out == {"not at the surface": 1, "secreted": 1}
    assert list(rank_targets(question(reach="secreted")).frame.index) == ["DISSOLVED"]
    assert len(rank_targets(question(reach="any")).frame) == len(GENES)
    with pytest.raises(DiscoveryError, match=r"INSIDE marks .* 'any'"):
        ranking.at("INSIDE")
    with pytest.raises(DiscoveryError, match="in none of 1 sources"):
        ranking.at("NOBODY")


def test_what_goes_with_resistance_ranks_higher_and_its_opposite_lower():
    cohorts = tuple(cohort(f"c{i}", seed=i, GOOD=1.5, BLOODY=-1.5) for i in range(3))
    ranking = rank_targets(question(cohorts=cohorts))
    assert ranking.at("GOOD")["resistance"] < 0.1
    assert ranking.at("BLOODY")["resistance"] > 0.9
    assert ranking.at("GOOD")["log_odds"] > 0
    assert ranking.at("GOOD")["cohorts"] == 3


def test_a_part_without_data_counts_what_the_bootstrap_draws_and_is_named_as_unknown():
    ranking = rank_targets(question())
    row = ranking.at("UNKNOWN")
    assert row["blood"] == row["organs"] == pytest.approx(np.exp(-1))
    assert ranking.at("RARE")["resistance"] == pytest.approx(np.exp(-1))
    drawn = np.log(np.random.default_rng(1).random(100_000))
    assert row["blood"] == pytest.approx(np.exp(drawn.mean()), abs=0.005)
    assert target_page(ranking, "UNKNOWN").unknown == ("normal blood is not known", "normal organs are not known")
    assert target_page(ranking, "RARE").unknown == ("no bulk cohort of 1 measured it",)


def test_found_in_two_of_two_sources_says_more_than_in_one_of_one():
    one = rank_targets(question()).at("GOOD")["consistency"]
    two = rank_targets(question(markers=(markers(), markers("second")))).at("GOOD")["consistency"]
    half = rank_targets(question(markers=(markers(), markers("second", genes=("BLOODY",))))).at("GOOD")
    assert (one, two) == (pytest.approx(2 / 3), pytest.approx(3 / 4))
    assert half["consistency"] == pytest.approx(1 / 2)
    assert half["state"] == pytest.approx(0.58 / 2)


def test_a_score_does_not_depend_on_the_other_candidates():
    few = rank_targets(question(markers=(markers(genes=("GOOD", "BLOODY")),)))
    many = rank_targets(question())
    for gene in ("GOOD", "BLOODY"):
        assert few.at(gene)["score"] == pytest.approx(many.at(gene)["score"])


def test_the_score_is_the_product_of_the_factors_shown():
    ranking = rank_targets(question())
    assert np.allclose(ranking.factors().prod(axis=1), ranking.frame["score"])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 5), min_size=5, max_size=5).filter(lambda w: sum(w) > 0.1), st.floats(0.1, 10))
def test_only_the_ratios_of_weights_matter(weights, factor):
    given_ = dict(zip(PARTS, weights, strict=True))
    ranking = rank_targets(question(cohorts=()))
    one = ranking.with_weights(**given_).frame["score"]
    other = ranking.with_weights(**{part: factor * w for part, w in given_.items()}).frame["score"]
    assert np.allclose(one.sort_index(), other.sort_index())


def test_intervals_hold_the_rank_of_a_clear_winner_and_come_again_with_the_seed():
    ranking = rank_targets(question(cohorts=tuple(cohort(f"c{i}", seed=i) for i in range(2))))
    one, again, other = (rank_intervals(ranking, replicates=40, seed=s) for s in (3, 3, 4))
    assert np.array_equal(one.sampled, again.sampled)
    assert not np.array_equal(one.sampled, other.sampled)
    low, high = one.of("GOOD")
    assert low <= ranking.at("GOOD")["rank"] <= high
    assert one.above("GOOD", "RARE") > 0.9
    assert one.above("RARE", "GOOD") < 0.1


def test_what_was_never_measured_has_a_wider_interval():
    cohorts = tuple(cohort(f"c{i}", seed=i, patients=300) for i in range(4))
    ranking = rank_targets(question(cohorts=cohorts, weights={"state": 0.0}))
    sampled = rank_intervals(ranking, replicates=60).sampled
    spread = dict(zip(ranking.frame.index, sampled.std(axis=0), strict=True))
    assert spread["UNKNOWN"] > spread["BLOODY"]


def test_weights_that_matter_are_told():
    ranking = rank_targets(question(cohorts=()))
    drawn = weight_sensitivity(ranking, draws=200)
    assert drawn.above("GOOD", "BLOODY") > 0.99
    table = without_each(ranking, ["GOOD", "BLOODY"]).set_index("ranked by")
    assert table["BLOODY"]["all parts"] > 1
    assert table.at["without blood", "BLOODY"] == 1


def own_patients(patients=8):
    """GOOD is raised in every patient, RARE in one alone; shares of expressing cells differ between patients."""
    rng = np.random.default_rng(1)
    genes = [*GENES, *(f"other {i}" for i in range(200))]
    differences = rng.normal(0, 0.3, (len(genes), patients))
    differences[genes.index("GOOD")] += 2.0
    differences[genes.index("RARE"), 0] += 6.0
    within = pd.DataFrame(differences, index=genes)
    shares = pd.DataFrame(0.0, index=genes, columns=within.columns)
    shares.loc["GOOD"] = np.linspace(0.2, 0.9, patients)
    frame = moderated(within.to_numpy().T, within.index)
    frame["inside"], frame["outside"] = shares.mean(axis=1), 0.0
    return StateMarkers(frame, "own", "patients", patients, within, shares)


def test_patients_are_resampled_where_they_are_the_replicates():
    own = own_patients()
    source = _Source.of(own, pd.Index(GENES))
    apart, marked = source.drawn(np.arange(8))  # every patient once is the source itself
    assert list(apart) == pytest.approx(list(source.apart))
    assert list(marked) == list(source.marked)
    assert source.marked[GENES.index("GOOD")]
    assert not source.marked[GENES.index("RARE")]
    drawn = [_markers([source], len(GENES), 1, replicate) for replicate in range(60)]
    state = np.array([one for one, _ in drawn])[:, GENES.index("GOOD")]
    assert state.std() == pytest.approx(np.linspace(0.2, 0.9, 8).std() / np.sqrt(8), rel=0.35)
    steady = np.array([one for _, one in drawn])
    assert (steady[:, GENES.index("GOOD")] > 0.5).mean() == 1.0
    assert (steady[:, GENES.index("HEPATIC")] > 0.5).mean() < 0.2
    one = source.drawn(np.zeros(8, dtype=int))[1]
    assert list(one) == list(source.marked)  # one patient alone has no scatter
    ranking = rank_targets(question(markers=(own, markers()), cohorts=()))
    assert rank_intervals(ranking, replicates=30).sampled.shape == (30, 5)


def test_a_page_gives_both_sides_and_the_reason():
    ranking = rank_targets(question())
    intervals = rank_intervals(ranking, replicates=20)
    shown = target_page(ranking, "HEPATIC", intervals)
    assert any("95.0 (liver)" in said for said in shown.against)
    assert any("60 % of the state's cells" in said for said in shown.for_)
    assert "### HEPATIC: rank" in shown.text()
    assert "Against: highest in a vital organ" in shown.text()
    assert "trust the interval" not in shown.text()
    worse = replace(intervals, frame=intervals.frame.assign(lower=shown.rank + 1.0))
    assert "as nearly no resampling has it there" in target_page(ranking, "HEPATIC", worse).unknown[-1]
    assert set(shown.parts["part"]) == set(PARTS)
    told = why_above(ranking, "GOOD", "BLOODY")
    assert told.startswith("GOOD (rank 1) is above BLOODY")
    assert "1.5 in classical monocyte against 90.0 in NK cell" in told
    with pytest.raises(DiscoveryError, match="two different genes"):
        why_above(ranking, "GOOD", "GOOD")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"markers": ()}, "give one or more sources"),
        ({"reach": "membrane"}, "reach is 'membrane'"),
        ({"weights": {"safety": 1}}, "no part 'safety'"),
        ({"weights": dict.fromkeys(PARTS, 0)}, "one is above 0"),
        ({"weights": {"blood": -1}}, "0 or more"),
    ],
)
def test_a_question_that_makes_no_sense_is_named(changes, said):
    with pytest.raises(DiscoveryError, match=said):
        question(**changes)


def test_no_candidate_within_reach_is_named():
    with pytest.raises(DiscoveryError, match="none of 1 markers"):
        rank_targets(question(markers=(markers(genes=("INSIDE",)),)))
    with pytest.raises(DiscoveryError, match="20 replicates"):
        rank_intervals(rank_targets(question()), replicates=5)
