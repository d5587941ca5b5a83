"""What would be a wrong answer in silence: names that mean two things, what was left out, and numbers that are none."""

import gzip

import numpy as np
import pandas as pd
import pytest

from made_up_samples import write_map
from opsonin.discovery import read_samples
from opsonin.discovery.bulk_cohorts import read_bulk_cohorts
from opsonin.discovery.clones import clone_dynamics
from opsonin.discovery.comparing import compare
from opsonin.discovery.differences import group_differences
from opsonin.discovery.feature_table import FeatureTable
from opsonin.discovery.marker_sources import read_state_markers, read_table
from opsonin.discovery.normal import read_normal
from opsonin.discovery.plasticity_question import answer_plasticity
from opsonin.discovery.read.questions import Discovery
from opsonin.discovery.samples import Samples
from opsonin.discovery.state_table import default_states
from opsonin.discovery.states_question import answer_states
from opsonin.discovery.target_question import answer_targets
from opsonin.errors import DiscoveryError

LIGHT = {"doublets": False, "map": False}
COUNTED = """
[files]
counts = "counts.csv"
[counts]
sample = "s"
subject = "p"
response = "r"
[response]
responder = ["R"]
"""


def counted(folder, text=COUNTED, **changes):
    """Two samples of each of six patients; samples and patients are numbers, which do not agree."""
    draw = np.random.default_rng(1)
    who = [str(k // 2 + 1) for k in range(12)]
    frame = pd.DataFrame({"s": range(1, 13), "p": who, "r": ["R" if int(one) <= 3 else "NR" for one in who]})
    for label in "ABC":
        frame[label] = draw.integers(20, 60, 12)
    frame.assign(**changes).to_csv(folder / "counts.csv", index=False)
    return read_samples(folder, write_map(folder, text))


def test_numbers_that_name_a_sample_and_another_patient_are_not_mixed_up(tmp_path):
    read = counted(tmp_path)
    found = answer_states(read, Discovery(**LIGHT)).answer
    renamed = counted(tmp_path, s=[f"S{k}" for k in range(12)])
    assert found.tables["states"].equals(answer_states(renamed, Discovery(**LIGHT)).answer.tables["states"])
    assert found.tables["states"][["n_first", "n_second"]].iloc[0].tolist() == [3, 3]
    assert any("6 patients have several samples" in note for note in found.notes)


def test_a_response_whose_names_could_be_either_is_asked_about():
    frame = pd.DataFrame({"subject": ["2", "1"], "sample": ["1", "2"], "time": None, "feature": "f", "value": [1.0, 2],
                          "unit": "", "kind": "state", "source": ""})  # fmt: skip
    with pytest.raises(DiscoveryError, match="names a sample and a subject"):
        compare(FeatureTable(frame), pd.Series({"1": "responder", "2": "non-responder"}))


def test_patients_with_samples_of_both_groups_are_compared_with_themselves(tmp_path):
    text = COUNTED.replace('response = "r"', 'response = "r"\ntime = "t"')
    read = counted(tmp_path, text, t=["pre", "post"] * 5 + ["pre", "pre"])
    asked = Discovery(**LIGHT, compare="time", groups=["post", "pre"])
    answer = answer_states(read, asked).answer
    assert "post against pre within the same 5 patients; all 32 sign flips" in "\n".join(answer.notes)
    assert any("samples of one group alone: 6" in note for note in answer.notes)
    row = next(row for row in answer.findings if row["name"] == "states.A log-ratio.difference")
    assert row["n"] == 5
    assert "sign flips" in row["method"]
    few = counted(tmp_path, text, t=["pre", "post"] * 2 + ["pre", "pre"] * 4)
    notes = answer_states(few, asked).answer.notes
    assert any("2 patients have samples of both 'post' and 'pre'" in note for note in notes)


def test_what_was_left_out_or_taken_for_something_is_said(tmp_path):
    text = COUNTED.replace('response = "r"', 'response = "r"\ntime = "t"') + "[times]\npre = 0\n"
    few = counted(tmp_path, text, t=["pre", ""] * 6, A=[1, 0] + [30] * 10, B=[1, 0] + [30] * 10, C=[1, 30] + [30] * 10)
    notes = "\n".join(answer_states(few, Discovery(**LIGHT)).answer.notes)
    assert "1 of 12 samples have fewer than 20 labelled cells and no composition: 1" in notes
    assert "the day of 6 samples is not known: what was measured in them stands" in notes
    gaps = counted(tmp_path, A=[np.nan, np.nan] + [30] * 10)
    assert any("2 counts are missing and are taken as 0" in line for line in gaps.told())
    words = counted(tmp_path, r=["R", "R", "SD", "SD", "NE", "NE"] * 2)
    assert any("count as non-responders" in line and "'NE', 'SD'" in line for line in words.told())


def test_strata_within_which_nobody_can_be_exchanged_are_refused(tmp_path):
    """Each patient a stratum of his own: every exchange is the observed one, and no p means anything."""
    frame = pd.DataFrame({"x": [5.0, 6, 7, 1, 2, 3]})
    groups = ["a"] * 3 + ["b"] * 3
    for strata in (list(range(6)), ["s"] * 3 + ["t"] * 3):
        with pytest.raises(DiscoveryError, match=r"no stratum holds subjects of both groups .* take a coarser"):
            group_differences(frame, groups, first="a", second="b", strata=strata)
    pd.DataFrame({"p": [str(k) for k in range(1, 7)], "a": range(6)}).to_csv(tmp_path / "who.csv", index=False)
    text = COUNTED.replace("[counts]", "subjects = 'who.csv'\n[counts]") + "[subjects]\nsubject = 'p'\nplace = 'a'\n"
    notes = answer_states(counted(tmp_path, text), Discovery(**LIGHT, strata="place")).answer.notes
    assert any("are not compared: no stratum holds subjects of both groups" in note for note in notes)


def test_a_feature_that_differs_between_strata_alone_has_no_small_p():
    rows = np.random.default_rng(1).normal(size=12)
    frame = pd.DataFrame({"stratum": [0.1] * 6 + [7.3] * 6, "noise": rows})
    strata = [0] * 6 + [1] * 6
    found = group_differences(frame, list("aaaabbabbbbb"), first="a", second="b", strata=strata).frame
    own = dict(zip(found["feature"], zip(found["p"], found["p_max"], strict=True), strict=True))
    assert own["stratum"] == (1, 1)
    assert 0 < own["noise"][0] < 1


def test_ranks_do_not_hang_on_the_unit():
    frame = pd.DataFrame({"x": np.random.default_rng(2).normal(5, 1, 10)})
    p = []
    for unit in (1.0, 1e15):
        found = group_differences(unit * frame, list("aaaaabbbbb"), first="a", second="b", test="rank").frame
        p.append(float(found["p"].iloc[0]))
    assert p[0] == p[1] < 1


def test_a_table_of_nobody_is_named(tmp_path):
    (tmp_path / "who.csv").write_text("p,months,dead\n")
    text = COUNTED.replace("[counts]", "subjects = 'who.csv'\n[counts]") + "[subjects]\nsubject = 'p'\n"
    outcome = "[outcomes.OS]\ntime = 'months'\nunit = 'months'\nevent = 'dead'\n"
    with pytest.raises(DiscoveryError, match=r"who.csv has no row with a subject"):
        counted(tmp_path, text + outcome)


def test_text_among_numbers_is_not_ranked_by_its_letters(tmp_path):
    values = pd.DataFrame({"symbol": ["TREM2", "CD14"], "monocyte": ["x", "1"]})
    for name in ("rna_blood", "rna_tissue"):
        values.to_csv(tmp_path / f"{name}.tsv", sep="\t", index=False)
    with pytest.raises(DiscoveryError, match="'x' in the row 'TREM2', column 'monocyte', is not a number"):
        read_normal(tmp_path)
    pd.DataFrame({"p1": ["x1", "2"]}, index=["A", "B"]).to_csv(tmp_path / "a_expression.csv")
    pd.DataFrame({"patientid": ["p1"], "response": ["R"]}).to_csv(tmp_path / "a_clinical.csv", index=False)
    with pytest.raises(DiscoveryError, match="'x1' in the row 'A', column 'p1', is not a number"):
        read_bulk_cohorts(tmp_path)


def test_groups_that_differ_in_how_many_cells_were_counted_are_pointed_out(tmp_path):
    draw = np.random.default_rng(2)
    who = [f"P{k}" for k in range(12)]
    sizes = [1000] * 6 + [60] * 6
    counts = np.array([draw.multinomial(n, [0.6, 0.38, 0.02]) for n in sizes])
    frame = pd.DataFrame(counts, columns=["A", "B", "C"]).assign(s=who, p=who, r=["R"] * 6 + ["NR"] * 6)
    frame.to_csv(tmp_path / "counts.csv", index=False)
    read = read_samples(tmp_path, write_map(tmp_path, COUNTED))
    notes = "\n".join(answer_states(read, Discovery(**LIGHT)).answer.notes)
    assert "samples differ in how many cells were labelled (responder 1,000, non-responder 60" in notes
    assert "log-ratios are compared at 60 cells of each sample, the fewest of those compared" in notes
    own = answer_states(read, Discovery(**LIGHT, depth="own")).answer
    assert not any("at 60 cells" in note for note in own.notes)
    assert any('take depth = "common"' in note for note in own.notes)
    features = answer_states(read, Discovery(**LIGHT)).answer.tables["features"]
    assert features.equals(own.tables["features"])  # what goes into the record is of all cells
    even = counted(tmp_path)
    assert not any("how many cells" in note for note in answer_states(even, Discovery(**LIGHT)).answer.notes)


def test_a_misspelt_name_of_a_column_is_asked_about(tmp_path):
    text = COUNTED.replace('response = "r"', 'response = "r"\ntumor_type = "C"\nbroad_label = "C"')
    told = "\n".join(counted(tmp_path, text).told())
    assert "[counts] tumor_type is kept as a column of its own (did you mean 'tumour_type'?)" in told
    assert "broad_label" not in told


def test_states_that_nobody_measured_do_not_stop_the_rest(small):
    found = answer_states(small, Discovery(**LIGHT, annotate=True)).answer
    assert "states that no sample has" in "\n".join(found.notes)
    assert default_states()[0][0].name in "\n".join(found.notes)
    assert "T log-ratio" in set(found.tables["states"]["feature"])


def test_patients_spelt_with_zeros_in_one_table_alone(tmp_path):
    text = COUNTED.replace('response = "r"\n', "").replace("[counts]", 'subjects = "who.csv"\n[counts]')
    text += '[subjects]\nsubject = "id"\nresponse = "answer"\n'
    who = pd.DataFrame({"id": [f"0{k}" for k in range(1, 7)], "answer": ["R", "NR"] * 3})
    who.to_csv(tmp_path / "who.csv", index=False)
    with pytest.raises(DiscoveryError, match="'01' stands there: write both alike"):
        counted(tmp_path, text.replace("[counts]\n", '[counts]\nignore = ["r"]\n'))


def test_clones_without_replicates_are_never_selection():
    draw = np.random.default_rng(1)
    reads = draw.poisson(2000 * draw.lognormal(0, 1.5, 300))
    lost = np.where(np.arange(300) < 40, 0, reads)
    found = clone_dynamics(pd.DataFrame({"u": reads, "t": lost}), ["u"], ["t"], replicates=30)
    assert found.verdict == "cannot tell"
    assert not any("nan" in said for said in found.reasons)
    twice = pd.DataFrame({"u": reads, "t": lost}, index=["same"] * 300)
    with pytest.raises(DiscoveryError, match="'same' stands in the table twice"):
        clone_dynamics(twice, ["u"], ["t"])
    with pytest.raises(DiscoveryError, match="given as before and as after"):
        clone_dynamics(pd.DataFrame({"u": reads}), ["u"], ["u"])


MARKED = pd.DataFrame({"cluster": "M2", "gene": ["TREM2", "CD14"], "avg_log2FC": [2.0, 1.0], "pct.1": [0.5, 0.4],
                       "pct.2": [0.1, 0.3], "p_val_adj": 1e-8})  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (MARKED.assign(**{"pct.1": [50.0, 40.0]}), "divide percents by 100"),
        (MARKED.assign(avg_log2FC="up"), "'up' in column 'avg_log2FC' is not a number"),
        (MARKED.drop(columns="p_val_adj"), "needs p-values"),
    ],
)
def test_tables_of_markers_that_mean_something_else(changed, said, tmp_path):
    changed.to_csv(tmp_path / "m.csv", index=False)
    with pytest.raises(DiscoveryError, match=said):
        read_state_markers(tmp_path / "m.csv", "M2")


def test_settings_that_are_no_numbers_and_files_cut_off(tmp_path):
    MARKED.to_csv(tmp_path / "m.csv", index=False)
    asked = {"state": "M", "markers": [{"file": "m.csv", "state": "M2"}], "weights": {"blood": "x"}}
    with pytest.raises(DiscoveryError, match=r"\[discovery.targets\] weights: blood = 'x' is not a number"):
        answer_targets(asked, tmp_path)
    clones = {"file": "m.csv", "before": "pct.1", "after": ["pct.2"], "min_reads": "ten"}
    with pytest.raises(DiscoveryError, match="min_reads = 'ten' is not a number"):
        answer_plasticity({"clones": clones}, tmp_path)
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(MARKED.to_csv().encode())[:-20])
    with pytest.raises(DiscoveryError, match="cannot be read"):
        read_table(tmp_path / "cut.csv.gz")


def test_rates_that_are_text_and_lines_of_few_colonies(tmp_path):
    rates = pd.DataFrame({"line": ["A"] * 40 + ["B"] * 5, "rate": np.random.default_rng(1).normal(0, 1, 45)})
    rates.to_csv(tmp_path / "g.csv", index=False)
    asked = {"growth": {"file": "g.csv", "rate": "rate"}}
    found = answer_plasticity(asked, tmp_path, replicates=19)
    assert found.tables["growth"]["line"].tolist() == ["A"]
    assert any("B: 5 rates" in note for note in found.notes)
    rates.assign(rate=["x", *rates["rate"].iloc[1:]]).to_csv(tmp_path / "g.csv", index=False)
    with pytest.raises(DiscoveryError, match="'x' in column 'rate' is not a number"):
        answer_plasticity(asked, tmp_path, replicates=19)


def test_a_sample_in_no_table_of_cells_is_a_sample(tmp_path):
    counts = pd.DataFrame({"A": [30, 30], "B": [30, 0]}, index=["a", "b"])
    samples = pd.DataFrame({"sample": ["a", "b"], "subject": ["p", "q"]})
    own = Samples(pd.DataFrame(columns=["cell", "subject", "sample"]), samples[["subject"]], samples, counts=counts,
                  modality="cell counts")  # fmt: skip
    assert "no response is known" in answer_states(own, Discovery(**LIGHT)).answer.notes[-1]
