"""States by degree, diversity and distances, and all features of a sample in one table."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from opsonin.discovery.all_features import patient_features
from opsonin.discovery.heterogeneity import heterogeneity_features, inverse_simpson, mean_distance, shannon
from opsonin.discovery.samples import Samples
from opsonin.discovery.state_table import Share, State, default_states, read_gene_sets, shipped_sets
from opsonin.discovery.states import score_states, state_features
from opsonin.errors import DiscoveryError
from opsonin.random import normal, uniform

GENES = [*(f"S{i}" for i in range(8)), *(f"N{i}" for i in range(4)), *(f"O{i}" for i in range(388))]
STATE = State("mine", "", tuple(GENES[:8]), tuple(GENES[8:12]))


def two_patients(cells: int = 200, depth: tuple[float, float] = (1.0, 1.0), shift: float = 0.0) -> Samples:
    """Half the cells of each patient; the second's are sequenced by `depth` and have the state by `shift` more."""
    second = np.arange(cells) >= cells // 2
    rate = (
        np.exp(normal(1, "rate", np.arange(len(GENES)))[:, 0])[None, :] * np.where(second, depth[1], depth[0])[:, None]
    )
    rate[np.ix_(second, range(8))] *= np.exp(shift)
    counts = np.random.default_rng(1).poisson(rate).astype(float)
    of = np.where(second, "b", "a")
    frame = pd.DataFrame({"cell": [f"c{i}" for i in range(cells)], "subject": of, "sample": of})
    samples = pd.DataFrame({"sample": ["a", "b"], "subject": ["a", "b"]})
    return Samples(frame, samples[["subject"]], samples, csr_matrix(counts), pd.Index(GENES), "counts")


def by_patient(samples: Samples) -> pd.Series:
    scores = score_states(samples, [STATE]).values["mine"]
    return scores.groupby(samples.cells["subject"].to_numpy()).mean()


def test_scores_are_the_mean_of_the_states_genes_less_their_controls():
    """One bin of genes, so that the controls are known to come from all others."""
    samples = two_patients(20)
    logs = np.log1p(samples.matrix().toarray() / samples.matrix().sum(axis=1).A * 10_000)
    few = samples.with_(expression=csr_matrix(logs[:, :19]), genes=samples.genes[:19], units="log-normalised")
    got = score_states(few, [STATE]).values["mine"].to_numpy()
    up = logs[:, :8].mean(axis=1) - logs[:, 8:19].mean(axis=1)
    down = logs[:, 8:12].mean(axis=1) - np.delete(logs[:, :19], range(8, 12), axis=1).mean(axis=1)
    np.testing.assert_allclose(got, up - down, atol=1e-6)


def test_scores_follow_the_state_and_not_how_much_was_sequenced():
    alike, deeper, shifted = (
        by_patient(two_patients(2000, depth=depth, shift=shift))
        for depth, shift in (((1.0, 1.0), 0.0), ((1.0, 0.3), 0.0), ((1.0, 1.0), 1.0))
    )
    assert abs(alike["b"] - alike["a"]) < 0.1
    assert abs(deeper["b"] - deeper["a"]) < 0.15
    assert shifted["b"] - shifted["a"] > 0.5


def test_states_without_their_genes_are_left_out_and_named():
    found = score_states(two_patients(20), [STATE, State("other", "", ("S1", "X1", "X2", "X3"))])
    assert list(found.values) == ["mine"]
    assert found.left_out == ("other: 1 of its 4 genes were measured",)
    with pytest.raises(DiscoveryError, match="no state can be scored"):
        score_states(two_patients(20), [State("other", "", ("X1", "X2"))])


def test_features_are_means_over_the_cells_of_a_type_in_samples_that_have_enough():
    samples = two_patients(40)
    mine = np.arange(40) < 25  # 20 cells of a, 5 of b
    share = Share("S0+", "T", "S0", among=("S1", "S2"))
    found = state_features(samples, None, [State("mine", "T", STATE.positive)], [share], within={"T": mine})
    wide = found.wide()
    assert list(wide.index) == ["a"]
    x = samples.matrix().toarray() > 0
    among = mine & (x[:, 1] | x[:, 2])
    assert wide.loc["a", "S0+ Ts"] == pytest.approx(100 * x[among & (np.arange(40) < 20), 0].mean())
    assert found.frame["kind"].unique().tolist() == ["state"]


def test_the_shipped_states_and_sets_name_their_sources_and_licence():
    from importlib.resources import files

    states, shares = default_states()
    assert {"naive", "memory", "tissue-resident", "exhausted", "inflammatory", "suppressive"} <= {
        s.name for s in states
    }
    assert all(state.source for state in (*states, *shares))
    assert len(shipped_sets("SlimR_PCTIT")) == 40
    assert len(shipped_sets("SlimR_PCTAM")) == 7
    assert "MIT" in (files("opsonin.discovery") / "gene_sets" / "LICENCES.md").read_text("utf-8")
    with pytest.raises(DiscoveryError, match="are shipped"):
        shipped_sets("MSigDB")


def test_gene_sets_of_ones_own_are_read(tmp_path):
    (tmp_path / "a.gmt").write_text("one\tabout\tA\tB\tA\n")
    assert read_gene_sets(tmp_path / "a.gmt") == (State("one", "", ("A", "B"), source="a.gmt"),)
    (tmp_path / "a.csv").write_text("source,set,gene\nx,one,A\nx,one,B\ny,two,C\n")
    assert [state.name for state in read_gene_sets(tmp_path / "a.csv")] == ["one", "two"]
    assert read_gene_sets(tmp_path / "a.csv", source="y")[0].positive == ("C",)
    (tmp_path / "b.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DiscoveryError, match="columns `set` and `gene`"):
        read_gene_sets(tmp_path / "b.csv")
    (tmp_path / "b.gmt").write_text("one A B\n")
    with pytest.raises(DiscoveryError, match="by tabs"):
        read_gene_sets(tmp_path / "b.gmt")


def test_diversity_does_not_depend_on_how_many_cells_were_looked_at():
    shares = np.array([0.5, 0.25, 0.15, 0.06, 0.03, 0.01])
    draws = np.random.default_rng(1)
    for cells in (40, 400):
        counts = draws.multinomial(cells, shares, 2000).astype(float)
        assert 1 / np.mean(1 / inverse_simpson(counts)) == pytest.approx(1 / (shares**2).sum(), rel=0.01)
        assert shannon(counts).mean() == pytest.approx(-(shares * np.log(shares)).sum(), abs=0.05)
    assert np.isnan(inverse_simpson(np.array([[1.0, 0.0]]))[0])
    assert shannon(np.array([[0.0, 7.0]]))[0] == pytest.approx(0.0)


def test_distances_do_not_depend_on_how_many_cells_were_looked_at():
    places = normal(1, "places", np.arange(3000), draws=5)
    whole = mean_distance(places)
    assert mean_distance(places[:300]) == pytest.approx(whole, rel=0.03)
    assert mean_distance(2 * places[:300]) == pytest.approx(2 * mean_distance(places[:300]))
    assert np.isnan(mean_distance(places[:1]))


def test_features_of_one_kind_or_all_come_in_one_table():
    samples = two_patients(80)
    labelled = samples.with_labels(np.where(uniform(1, "label", np.arange(80))[:, 0] < 0.3, "B", "T").tolist())
    places = normal(1, "places", np.arange(80), draws=3)
    mark = np.ones(80, dtype=bool)
    table = patient_features(labelled, components=places, malignant=mark, states=(STATE,), within={"": mark})
    assert set(table.frame["kind"]) == {"composition", "state", "heterogeneity"}
    known = {f"{label} {what}" for label in "BT" for what in ("log-ratio", "share")}
    known |= {"mine score of cells", "effective number of cell types", "Shannon diversity of cell types"}
    assert set(table.frame["feature"]) == known | {"distance between malignant cells"}
    with pytest.raises(DiscoveryError, match="places and"):
        heterogeneity_features(labelled, components=places[:3], malignant=mark)
