"""The question `states`: from samples to features, groups compared, and plain tables."""

import numpy as np
import pandas as pd
import pytest

from opsonin.discovery import composition, read_samples
from opsonin.discovery.read.questions import Discovery
from opsonin.discovery.samples import Samples, of_samples
from opsonin.discovery.state_tables import composition_table, dot_table
from opsonin.discovery.states_question import answer_states
from opsonin.errors import DiscoveryError
from paths import DATA, needs_data

LIGHT = {"doublets": False, "map": False, "annotate": False}


@pytest.fixture(scope="module")
def answered(small):
    return answer_states(small, Discovery(**LIGHT), seed=3)


def test_patients_are_compared_and_the_tables_are_plain(answered, small):
    tables, found = answered.answer.tables, {row["name"]: row for row in answered.answer.findings}
    assert {"composition", "features", "states", "dots", "quality"} <= set(tables)
    row = found["states.T log-ratio.difference"]
    assert row["estimate"] > 0  # responders were given more T cells
    assert row["n"] == 6
    assert row["group"] == "responder against non-responder"
    assert "features" in found["states.features"]["unit"]
    assert not any("share" in name for name in found)  # shares are drawn, ratios are compared
    assert tables["composition"]["cells"].sum() == composition(answered.samples).to_numpy().sum()
    assert any("Normalisation" in line for line in answered.methods)
    again = answer_states(small, Discovery(**LIGHT), seed=3)
    assert again.answer.tables["states"].equals(tables["states"])


def test_dots_show_the_markers_where_they_are(small):
    rows = {(row["label"], row["gene"]): row for row in dot_table(small, ["CD3D", "MS4A1"]).to_dict("records")}
    assert rows["T", "CD3D"]["share"] > 0.9 > rows["B", "CD3D"]["share"]
    assert rows["B", "MS4A1"]["mean"] > rows["T", "MS4A1"]["mean"]
    with pytest.raises(DiscoveryError, match=r"no gene 'CD3DD'.*did you mean"):
        dot_table(small, ["CD3DD"])


def test_any_two_groups_can_be_compared():
    counts = pd.DataFrame(np.random.default_rng(1).integers(20, 60, size=(8, 3)), columns=["A", "B", "C"],
                          index=[f"s{k}" for k in range(8)])  # fmt: skip
    counts.loc["s4":, "A"] += 200
    who = [f"p{k % 4}" for k in range(8)]
    samples = pd.DataFrame({"sample": counts.index, "subject": who, "time": ["before"] * 4 + ["after"] * 4})
    own = Samples(pd.DataFrame(columns=["cell", "subject", "sample"]), pd.DataFrame({"subject": who[:4]}), samples,
                  counts=counts, modality="cell counts")  # fmt: skip
    asked = {**LIGHT, "unit": "sample", "compare": "time", "groups": ["after", "before"]}
    found = answer_states(own, Discovery(**asked)).answer
    rows = {row["name"]: row for row in found.findings}
    assert rows["states.A log-ratio.difference"]["estimate"] > 0
    assert "samples were taken as the unit" in rows["states.A log-ratio.difference"]["note"]
    for name in ("composition", "features"):  # which the report draws by group
        assert found.tables[name].set_index("sample")["group"].drop_duplicates().tolist() == ["before", "after"]
    with pytest.raises(DiscoveryError, match="'later' does not stand in time; it holds after, before"):
        answer_states(own, Discovery(**{**asked, "groups": ["later", "before"]}))
    with pytest.raises(DiscoveryError, match="no sample has a day"):
        answer_states(own, Discovery(**LIGHT, baseline=True))


def test_some_samples_alone(small):
    part = of_samples(small, {"P1", "P3"})
    assert part.n_cells == 80
    assert part.subjects["subject"].tolist() == ["P1", "P3"]
    assert composition_table(part)["sample"].unique().tolist() == ["P1", "P3"]


@needs_data
def test_published_lesions_by_patient():
    samples = read_samples(DATA / "scrna-melanoma-sadefeldman2018", "sadefeldman2018")
    found = answer_states(samples, Discovery(**LIGHT)).answer
    table = found.tables["states"].set_index("feature")
    rate = table["p_bh"].to_dict()
    assert rate["G1 B cells log-ratio"] < 0.01  # B cells go with response, patients as the unit too
    assert rate["G11 exhausted/cycling lymphocytes log-ratio"] < 0.01
    assert rate["G3 monocytes/macrophages log-ratio"] > 0.05  # and macrophages no longer
    assert (table["n_first"] + table["n_second"]).max() == 30  # two whose response was lost are neither
