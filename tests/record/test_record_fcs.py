"""Flow cytometry: from instrument files to cells per µl, against tubes whose content is known and published counts."""

import sys

import numpy as np
import pandas as pd
import pytest

from opsonin.errors import ImportDataError
from opsonin.record import gate_panel, read_data
from opsonin.record.read.fcs import GatedSample, Strategy
from paths import DATA
from record.make_fcs import strategy, write_fcs

pytest.importorskip("flowkit", reason="FlowKit is not installed (extra: cytometry)")

REFERENCE = DATA / "flow-fcs-reference"
REASON = f"no reference files at {REFERENCE}"
TUBE = {"debris": 60, "T": 200, "dim": 90, "dim HLA-DR+": 10, "bright": 8, "bright HLA-DR+ TRAIL+": 2, "beads": 1200}
PANEL = """
title = "NK cells"
strategy = "nk.xml"
samples = "samples.csv"

[counting]
{counting}

[markers]
"NK" = "NK"
"CD56dim NK" = "Dim"
"CD56bright NK" = "Cells/NK/Bright"
"HLA-DR+ NK" = "HLA-DRpos"
"TRAIL+ of bright NK" = {{ gate = "TRAILpos", percent_of = "Bright" }}
"""
BEADS = 'method = "beads"\ngate = "Beads"\nbeads = "beads"\nblood_ul = 50'
SAMPLES = "file,subject_id,protocol_day,level,beads\na.fcs,P1,-21,1,30000\nb.fcs,P1,15,1,30000\n"


@pytest.fixture
def folder(tmp_path):
    """A panel with two tubes of one patient: after treatment HLA-DR+ dim NK cells are four times as many."""
    (tmp_path / "nk.xml").write_text(strategy())
    (tmp_path / "samples.csv").write_text(SAMPLES)
    (tmp_path / "nk.toml").write_text(PANEL.format(counting=BEADS))
    write_fcs(tmp_path / "a.fcs", TUBE)
    write_fcs(tmp_path / "b.fcs", TUBE | {"dim HLA-DR+": 40}, seed=2)
    return tmp_path


def values(record, day):
    rows = record.measurements[record.measurements["day"] == day]
    return dict(zip(rows["marker"], rows["value"], strict=True))


def test_beads_make_counts(folder):
    gated = gate_panel(folder / "nk.toml")
    each = 30000 / 1200 / 50  # cells per µl that one event stands for
    assert values(gated.record, -21.0) == pytest.approx(
        {
            "NK": 110 * each,
            "CD56dim NK": 100 * each,
            "CD56bright NK": 10 * each,
            "HLA-DR+ NK": 12 * each,
            "TRAIL+ of bright NK": 20.0,
        }
    )
    assert values(gated.record, 14.0)["HLA-DR+ NK"] == pytest.approx(42 * each)
    table = gated.record.measurements
    assert table["baseline"].tolist() == (table["day"] < 0).tolist()
    assert set(table.loc[table["unit"] == "percent", "marker"]) == {"TRAIL+ of bright NK"}
    assert gated.record.subjects["level"].tolist() == [1]
    assert gated.notes == []
    gates = gated.gates[gated.gates["file"] == "a.fcs"].set_index("gate")
    assert gates.loc["Cells/NK/Bright", "percent_of_parent"] == pytest.approx(100 * 10 / 110)
    assert gates.loc["Cells/NK/Bright", "cv_percent"] == pytest.approx(100 / np.sqrt(10))
    assert gates.loc["Cells", "percent_of_parent"] == pytest.approx(100 * 310 / sum(TUBE.values()))


def test_a_haematology_count_shared_out(folder):
    counting = 'method = "lymphocytes"\ngate = "Cells"\nlymphocytes_per_ul = "ALC"'
    (folder / "nk.toml").write_text(PANEL.format(counting=counting))
    (folder / "samples.csv").write_text("file,subject_id,day,ALC\na.fcs,P1,-21,1550\n")
    assert values(gate_panel(folder / "nk.toml").record, -21.0)["NK"] == pytest.approx(1550 * 110 / 310)


def test_the_volume_drawn_from_the_file_itself(folder):
    write_fcs(folder / "a.fcs", TUBE, vol="25.0")
    (folder / "nk.toml").write_text(PANEL.format(counting='method = "volume"\nblood_ul = "$VOL"'))
    (folder / "samples.csv").write_text("file,subject_id,day\na.fcs,P1,-21\n")
    assert values(gate_panel(folder / "nk.toml").record, -21.0)["NK"] == pytest.approx(110 / 25)


def test_few_beads_and_empty_gates_are_said(folder):
    write_fcs(folder / "a.fcs", TUBE | {"bright": 0, "bright HLA-DR+ TRAIL+": 0, "beads": 100})
    gated = gate_panel(folder / "nk.toml")
    assert "only 100 bead events" in gated.notes[0]
    assert "error of 10.0 %" in gated.notes[0]
    assert "TRAIL+ of bright NK is missing" in gated.notes[1]
    before = values(gated.record, -21.0)
    assert before["CD56bright NK"] == 0
    assert "TRAIL+ of bright NK" not in before


def test_the_saved_measurements_join_a_clinical_table(folder):
    gated = gate_panel(folder / "nk.toml")
    gated.record.measurements.to_csv(folder / "measurements.csv", index=False)
    (folder / "clinical.csv").write_text("id,months,progressed\nP1,4.0,1\n")
    (folder / "map.toml").write_text(
        """
[subjects]
file = "clinical.csv"
subject_id = "id"
[survival.PFS]
file = "clinical.csv"
time = "months"
unit = "months"
event = "progressed"
[table.measurements]
file = "measurements.csv"
subject_id = "subject_id"
marker = "marker"
compartment = "compartment"
day = "day"
value = "value"
unit = "unit"
method = "method"
baseline = "baseline"
below_limit = "below_limit"
"""
    )
    record = read_data(folder, folder / "map.toml")
    assert record.measurements.equals(gated.record.measurements)


def broken(folder, file, text):
    (folder / file).write_text(text)


WRONG = [
    (lambda f: (f / "a.fcs").unlink(), "a.fcs is not there"),
    (lambda f: (f / "a.fcs").write_bytes((f / "b.fcs").read_bytes()[:4000]), "a.fcs cannot be read as an FCS file"),
    (lambda f: (f / "a.fcs").write_bytes(b"FCS3.1"), "a.fcs cannot be read as an FCS file"),
    (lambda f: (f / "a.fcs").write_bytes(b""), "a.fcs cannot be read as an FCS file"),
    (lambda f: (f / "a.fcs").write_bytes(b"PK\x03\x04" * 200), "a.fcs cannot be read as an FCS file"),
    (lambda f: broken(f, "nk.xml", "<html/>"), "cannot be read as a gating strategy"),
    (lambda f: broken(f, "nk.xml", "no xml"), "cannot be read as a gating strategy"),
    (lambda f: broken(f, "nk.xml", strategy().replace("CD56-A", "CD16-A")), "nk.xml cannot be applied"),
    (lambda f: (f / "nk.xml").unlink(), "the gating strategy .*nk.xml is not there"),
    (lambda f: broken(f, "nk.toml", PANEL.format(counting=BEADS).replace('"Dim"', '"Dimm"')), "no gate 'Dimm'.*Dim"),
    (lambda f: broken(f, "nk.toml", PANEL.format(counting='method = "beads"')), "counting: .*needs gate"),
    (lambda f: broken(f, "nk.toml", PANEL.format(counting=BEADS + "\nvolume = 3")), "counting.volume"),
    (lambda f: broken(f, "nk.toml", PANEL.format(counting=BEADS.replace("50", "0"))), "blood_ul is 0"),
    (lambda f: broken(f, "nk.toml", PANEL.format(counting='method = "percent"')), "'NK' needs percent_of"),
    (lambda f: broken(f, "nk.toml", "not toml"), "is no TOML"),
    (lambda f: broken(f, "nk.toml", PANEL.format(counting=BEADS).replace("strategy =", "stategy =")), "strategy"),
    (lambda f: broken(f, "samples.csv", SAMPLES.replace("30000", "", 1)), "beads .*is missing"),
    (lambda f: broken(f, "samples.csv", SAMPLES.replace("30000", "many", 1)), "'many' in column 'beads'"),
    (lambda f: broken(f, "samples.csv", SAMPLES.replace("-21", "0")), "day 0 in protocol days"),
    (lambda f: broken(f, "samples.csv", SAMPLES.replace("protocol_day", "visit")), "neither 'day' nor 'protocol_day'"),
    (lambda f: broken(f, "samples.csv", SAMPLES.replace(",15,", ",-21,")), "two tubes of one subject and day"),
    (lambda f: broken(f, "samples.csv", SAMPLES.replace("15,1", "15,2")), "'P1' has more than one level"),
    (lambda f: broken(f, "samples.csv", SAMPLES.replace("a.fcs,P1", "a.fcs,")), "no subject_id"),
    (lambda f: broken(f, "samples.csv", SAMPLES.splitlines()[0] + "\n"), "is empty"),
    (lambda f: write_fcs(f / "a.fcs", TUBE | {"beads": 0}), "no event lies in the gate 'Beads'"),
]


@pytest.mark.parametrize(("breaks", "words"), WRONG, ids=[words for _, words in WRONG])
def test_what_cannot_be_gated_is_named(folder, breaks, words):
    breaks(folder)
    with pytest.raises(ImportDataError, match=words):
        gate_panel(folder / "nk.toml")


def test_a_gate_of_two_places_asks_for_more_of_its_path():
    gates = pd.DataFrame({"gate": ["T/CD69", "NK/CD69", "NK"], "name": ["CD69", "CD69", "NK"], "events": [3, 5, 9]})
    tube = GatedSample("a.fcs", 20, gates, {})
    assert tube.events_in("NK/CD69", "here") == 5
    assert tube.events_in("NK", "here") == 9
    with pytest.raises(ImportDataError, match=r"here: several gates end in 'CD69': .*write more of the path"):
        tube.events_in("CD69", "here")


@pytest.mark.skipif(not REFERENCE.is_dir(), reason=REASON)
def test_the_gating_ml_compliance_counts():
    """ISAC's compliance file: every gate that the strategy file holds (49 of 51 truths), event for event."""
    truth = pd.read_csv(REFERENCE / "gatingml" / "truth_counts.csv").set_index("gate")["events_in"]
    sample = Strategy(REFERENCE / "gatingml" / "gml_all_gates.xml").gate(REFERENCE / "gatingml" / "data1.fcs")
    ours = sample.gates.set_index("name")["events"]
    assert set(truth.index) - set(ours.index) == {"Ellipsoid3D", "ParQuadRect"}  # not in the XML file
    assert ours.to_dict() == truth[ours.index].to_dict()
    assert sample.events == 13367


@pytest.mark.skipif(not REFERENCE.is_dir(), reason=REASON)
def test_a_flowjo_workspace_against_the_labels_of_its_authors():
    """The labels were made with flowWorkspace, whose biexponential scale differs by five CD4 T cells."""
    labels = pd.read_csv(REFERENCE / "mouse_spleen_gating_result.csv", header=None)[0].value_counts()
    workspace = Strategy(REFERENCE / "mouse_spleen_gating.wsp")
    sample = workspace.gate(REFERENCE / "mouse_spleen_68983.fcs")
    for name in ("B cells", "CD8 T cells", "gd T cells", "NK cells", "NK T cells"):
        assert sample.events_in(name, "") == labels[name], name
    assert sample.events_in("CD4 T cells", "") == pytest.approx(labels["CD4 T cells"], abs=5)


@pytest.mark.skipif(not REFERENCE.is_dir(), reason=REASON)
def test_a_template_must_be_a_sample_of_the_workspace():
    with pytest.raises(ImportDataError, match=r"knows no sample '68983'.*68983.fcs"):
        Strategy(REFERENCE / "mouse_spleen_gating.wsp", template="68983")


def test_without_flowkit_it_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "flowkit", None)
    with pytest.raises(ImportDataError, match=r"pip install 'opsonin\[cytometry\]'"):
        gate_panel(folder / "nk.toml")


def test_spillover_of_the_file_is_taken_out_where_the_strategy_says_so(folder):
    """A third of CD56 shines into HLA-DR: bright cells look activated unless the file's own matrix is applied."""
    from flowio import create_fcs

    from record.make_fcs import CHANNELS, NAMES, POPULATIONS

    pure = np.repeat([POPULATIONS[kind] for kind in ("bright", "dim HLA-DR+", "beads")], (40, 10, 1200), axis=0)
    mixed = pure.copy()
    mixed[:, 3] += pure[:, 2] / 3
    matrix = np.eye(5)
    matrix[1, 2] = 1 / 3  # CD56 into HLA-DR
    spill = ",".join(["5", *CHANNELS[1:], *(f"{value:.9f}" for value in matrix.ravel())])
    with (folder / "a.fcs").open("wb") as file:
        events = mixed.astype(np.float32).ravel().tolist()
        create_fcs(file, events, CHANNELS, NAMES, metadata_dict={"spillover": spill})
    (folder / "compensated.xml").write_text(strategy().replace('"uncompensated"', '"FCS"'))
    seen = [
        Strategy(folder / name).gate(folder / "a.fcs").events_in("HLA-DRpos", "")
        for name in ("nk.xml", "compensated.xml")
    ]
    assert seen == [50, 10]
