"""Clones under therapy: what was made as selection, transition or drift is called so."""

import numpy as np
import pandas as pd
import pytest

from opsonin.discovery.clone_measures import founders
from opsonin.discovery.clones import clone_dynamics
from opsonin.discovery.repertoires import clone_features
from opsonin.errors import DiscoveryError

BEFORE, AFTER = ["u1", "u2"], ["t1", "t2"]


def barcodes(kind="transition", clones=500, reads=1e6, noise=0.3, seed=1) -> pd.DataFrame:
    """transition: every clone survives alike; selection: 3 % do; unequal: all do, some better; drift: few cells do."""
    rng = np.random.default_rng(seed)
    start = rng.lognormal(0, 1.5, clones)
    fitness = np.ones(clones)
    if kind == "selection":
        fitness = np.where(rng.random(clones) < 0.03, 1.0, 0.002)
    if kind == "unequal":
        fitness = np.exp(rng.normal(0, 0.5, clones))
    made = {}
    for name in (*BEFORE, *AFTER):
        share = start * (fitness if name in AFTER else 1.0)
        share = share / share.sum()
        if kind == "drift" and name in AFTER:
            share = rng.poisson(share * 1500) / 1500
        made[name] = rng.poisson(reads * share * np.exp(rng.normal(0, noise, clones)))
    return pd.DataFrame(made, index=[f"clone {i}" for i in range(clones)])


def judged(kind, seed=1, **more):
    return clone_dynamics(barcodes(kind, seed=seed), BEFORE, AFTER, replicates=80, **more)


def test_clones_that_all_survive_are_a_transition():
    found = judged("transition")
    assert found.verdict == "transition"
    assert found.kept == found.common
    assert found.founders[0] > 0.93
    assert not found.reproducible
    assert found.corrected[0] == pytest.approx(1.0, abs=0.03)


def test_few_survivors_are_a_selection():
    found = judged("selection")
    assert found.verdict == "selection"
    assert found.founders[2] < 0.2
    assert found.reproducible
    assert found.fall_p < 0.05
    assert found.corrected[2] < 0.95


def test_unequal_survivors_of_all_clones_are_told_with_their_spread():
    found = judged("unequal", seed=3)
    assert found.verdict in ("transition", "mixed")
    assert found.spread[1] < 0.5 / np.log(2) < found.spread[2]
    assert 0.6 < found.founders[0] < 0.95
    assert any("alike in every replicate" in said for said in found.reasons)


def test_a_bottleneck_that_hits_other_clones_each_time_is_drift():
    verdicts = [judged("drift", seed=seed).verdict for seed in range(6)]
    assert verdicts.count("drift") >= 4
    assert "selection" not in verdicts


@pytest.mark.slow
def test_replicates_that_only_differ_by_noise_are_rarely_called_otherwise():
    called = [judged("transition", seed=seed).verdict for seed in range(60)]
    assert called.count("transition") >= 53  # 5 % of 60 may fall by chance: 95 % limit of the binomial


def test_order_of_clones_and_depth_of_reads_do_not_matter():
    table = barcodes("unequal")
    one = clone_dynamics(table, BEFORE, AFTER, replicates=30)
    turned = clone_dynamics(table.iloc[::-1], BEFORE, AFTER, replicates=30)
    assert turned.founders[0] == pytest.approx(one.founders[0])
    assert turned.spread[0] == pytest.approx(one.spread[0])
    deeper = clone_dynamics(table * np.array([1, 1, 3, 3]), BEFORE, AFTER, replicates=30)
    assert deeper.founders[0] == pytest.approx(one.founders[0])
    assert list(deeper.diversity) == pytest.approx(list(one.diversity))


def test_noise_of_replicates_before_does_not_pull_the_share_of_founders_below_one():
    noisy = [barcodes(noise=0.4, seed=seed) for seed in range(20)]
    share = []
    for table in noisy:
        b, a = table[BEFORE].to_numpy(float), table[AFTER].to_numpy(float)
        chosen = b.sum(axis=1) >= 100
        start, end = (side[chosen] / side[chosen].sum(axis=0) for side in (b, a))
        plain = 1 / (end[:, 0] * end[:, 1] / start.mean(axis=1)).sum()
        share.append((plain, founders(b, a, chosen, np.arange(len(b)))))
    plain, crossed = np.mean(share, axis=0)
    assert plain < crossed - 0.04
    assert crossed > 0.95


def test_a_loss_that_is_not_found_is_no_transition_where_replicates_scatter():
    table = barcodes()
    table["t2"] = np.where(np.arange(len(table)) < 40, table["t2"], table["t2"] // 30)  # a replicate that went wrong
    found = clone_dynamics(table, BEFORE, AFTER, replicates=30)
    assert not found.poorer
    assert found.diversity_ratio[1] < 0.5
    assert found.verdict == "cannot tell"
    assert any("but not one to 0.5" in said for said in found.reasons)
    steady = judged("transition")
    assert any(said.startswith("no fall beyond replicates; a") for said in steady.reasons)
    assert not any("but not one to" in said for said in steady.reasons)


def test_without_replicates_nothing_is_claimed():
    found = clone_dynamics(barcodes(), ["u1"], ["t1"], replicates=30)
    assert found.verdict == "cannot tell"
    assert np.isnan(found.corrected[0])
    assert any("without two replicates" in said for said in found.cautions)


def test_a_table_cut_down_to_clones_seen_everywhere_is_pointed_out():
    table = barcodes("drift")
    cut = table[(table > 0).all(axis=1)]
    assert any("cut down" in said for said in clone_dynamics(cut, BEFORE, AFTER, replicates=30).cautions)
    assert not any("cut down" in said for said in clone_dynamics(table, BEFORE, AFTER, replicates=30).cautions)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda t: t.rename(columns={"t1": "x"}), "no column 't1'"),
        (lambda t: t.assign(t1=-1), "is no count"),
        (lambda t: t.assign(t1="many"), "holds text"),
        (lambda t: t.assign(t1=0), "'t1' has no reads"),
        (lambda t: t.iloc[:5], "10 are needed"),
    ],
)
def test_a_table_that_is_none_is_named(spoil, said):
    with pytest.raises(DiscoveryError, match=said):
        clone_dynamics(spoil(barcodes()), BEFORE, AFTER)


def repertoires():
    rows = [("a", f"c{i}", 100) for i in range(50)] + [("b", "c0", 4000), ("b", "c1", 40)] + [("d", "c0", 5)]
    return pd.DataFrame(rows, columns=["sample", "clone", "reads"])


WHO = pd.DataFrame({"sample": ["a", "b", "d"], "subject": ["p1", "p2", "p2"], "time": ["before", "before", "after"]})


def test_an_even_repertoire_and_a_clonal_one_are_told_apart():
    wide = clone_features(repertoires(), WHO).wide("clones")
    assert list(wide.index) == ["a", "b"]  # d has too few reads
    assert list(wide["effective number of clones"]) == pytest.approx([50, 1.02], rel=0.02)
    assert list(wide["clonality"]) == pytest.approx([0.0, 0.92], abs=0.02)
    assert list(wide["largest clone"]) == pytest.approx([2.0, 99.0], abs=0.1)
    dated = WHO.assign(day=[0, 0, 28])
    assert set(clone_features(repertoires(), dated).as_measurements()["subject_id"]) == {"p1", "p2"}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda t: t.rename(columns={"clone": "id"}), "no column 'clone'"),
        (lambda t: t.assign(reads="many"), "row 1: 'many' is no count"),
        (lambda t: pd.concat([t, t.iloc[:1]]), "'c0' is given twice"),
        (lambda t: t.assign(sample="z", clone=range(len(t))), "'z' of the clones is not among"),
    ],
)
def test_repertoires_that_are_none_are_named(spoil, said):
    with pytest.raises(DiscoveryError, match=said):
        clone_features(spoil(repertoires()), WHO)
