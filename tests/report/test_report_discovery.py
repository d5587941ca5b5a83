"""The report of discovery: chapters from findings and plain tables alone, whatever question was asked."""

import numpy as np
import pandas as pd
import pytest

from opsonin.analysis import Finding
from opsonin.record import Manifest, TrialRecord
from opsonin.report.write import chapters_of, render

CONTRAST = "responder against non-responder"


def record(question, subjects=6):
    manifest = Manifest(kind="real", title="Samples", seed=1)
    manifest.questions["discovery"] = question
    return TrialRecord({"subjects": pd.DataFrame({"subject_id": [f"P{k}" for k in range(subjects)]})}, manifest)


def tables_of_states():
    who = [f"P{k}" for k in range(6)]
    response = ["responder"] * 3 + ["non-responder"] * 3
    kinds = ["T <cell>", "B cell"]
    composition = pd.DataFrame([(p, p, r, k, 10.0, 0.5) for p, r in zip(who, response, strict=True) for k in kinds],
                               columns=["subject", "sample", "response", "label", "cells", "share"])  # fmt: skip
    draw = np.random.default_rng(1)
    umap = pd.DataFrame({"cell": range(60), "subject": np.repeat(who, 10), "sample": np.repeat(who, 10),
                         "label": np.tile(kinds, 30), "response": np.repeat(response, 10),
                         "umap_1": draw.normal(size=60), "umap_2": draw.normal(size=60)})  # fmt: skip
    features = pd.DataFrame({"subject": who, "sample": who, "feature": "T score", "value": [3.0, 4, 5, 1, 2, 0],
                             "unit": "", "kind": "state", "response": response})  # fmt: skip
    states = pd.DataFrame({"feature": ["T score"], "difference": [3.0], "lower": [1.0], "upper": [5.0], "above": [1.0],
                           "p": [0.1], "p_bh": [0.1], "p_max": [0.1], "kind": ["state"]})  # fmt: skip
    dots = pd.DataFrame({"label": kinds * 2, "gene": ["CD3D"] * 2 + ["MS4A1"] * 2, "mean": [2.0, 0.1, 0.0, 3.0],
                         "share": [0.9, 0.1, 0.0, 0.8], "cells": [30, 30, 30, 30]})  # fmt: skip
    quality = pd.DataFrame({"sample": who, "cells": 12, "kept": 10, "left out: no counts": 2})
    return {"composition": composition, "umap": umap, "features": features, "states": states, "dots": dots,
            "quality": quality, "methods": pd.DataFrame({"sentence": ["Quality control by sample."]})}  # fmt: skip


def findings_of_states():
    return [Finding("states.features", CONTRAST, 0.0, n=6, unit="features"),
            Finding("states.T score.difference", CONTRAST, 3.0, 1.0, 5.0, 0.95, 0.1, n=6, note="rate 0.1"),
            Finding("note.discovery.states", note="three patients in each group.")]  # fmt: skip


def test_states_have_their_figures_and_say_how_to_repeat_them():
    chapters = chapters_of(record("states"), findings_of_states(), tables=tables_of_states())
    assert [chapter.name for chapter in chapters] == ["summary", "samples", "states", "methods"]
    drawn = [figure.name for chapter in chapters for figure in chapter.figures]
    assert drawn == ["discovery-map", "discovery-dots", "discovery-composition", "discovery-quality",
                     "discovery-differences", "discovery-patients"]  # fmt: skip
    page = render(record("states"), findings_of_states(), tables=tables_of_states())
    assert "opsonin discover DATA --map map.toml --question states --seed 1" in page
    assert "T <cell>" not in page  # names are data, never markup
    assert "Three patients in each group." in page


def test_patients_with_samples_of_both_groups_and_the_depth_of_the_comparison_are_told_where_they_are_drawn():
    tables = tables_of_states()
    tables["composition"].loc[0, "response"] = "non-responder"
    tables["composition"] = pd.concat([tables["composition"], tables["composition"].head(1).assign(
        sample="P0 again", response="responder")])  # fmt: skip
    depth = Finding("note.discovery.states", note="log-ratios are compared at 40 cells of each sample")
    chapters = chapters_of(record("states"), [*findings_of_states(), depth], tables=tables)
    captions = {figure.name: figure.caption for chapter in chapters for figure in chapter.figures}
    assert "One patient has samples of both groups" in captions["discovery-composition"]
    assert "equally many of each sample" in captions["discovery-patients"]


def test_groups_that_are_no_response_are_named_and_drawn():
    tables = {name: table.assign(group=["after", "before"] * (len(table) // 2)) if name in ("composition", "features")
              else table for name, table in tables_of_states().items()}  # fmt: skip
    tables["composition"]["group"] = (
        tables["composition"]["subject"].isin(["P0", "P1"]).map({True: "after", False: "before"})
    )
    found = [Finding("states.features", "after against before", 0.0, n=6, unit="features")]
    chapters = chapters_of(record("states"), found, tables=tables)
    lines = [text for block in chapters[0].blocks for _, text in getattr(block, "lines", [])]
    assert lines[0].endswith("which of them differ between after and before?")
    assert "No feature holds at a false discovery rate of 5 %; the surest:" in lines
    states = next(chapter for chapter in chapters if chapter.name == "states")
    assert states.title == "States compared"
    drawn = {figure.name: figure.plot.layout for chapter in chapters for figure in chapter.figures}
    above = [one["text"] for one in drawn["discovery-composition"]["annotations"]]
    assert above == ["after (n = 2)", "before (n = 4)"]
    assert "discovery-patients" in drawn


def test_what_is_known_stands_once():
    read = pd.DataFrame({"file": ["who.csv", ""], "what": "note", "count": [2, 1],
                         "reason": ["subjects are neither", "annotated"]})  # fmt: skip
    tables = tables_of_states() | {"read": read}
    page = render(record("states"), findings_of_states(), tables=tables)
    assert page.count("Three patients in each group.") == 1
    assert "Subjects are neither (2)." in page
    assert "Annotated (1)" not in page


def test_a_comparison_that_could_not_be_made_says_why():
    tables = tables_of_states()
    del tables["states"]
    why = Finding("note.discovery.states", note="responder and non-responder are not compared: one patient")
    chapters = chapters_of(record("states"), [why], tables=tables)
    assert "not compared: one patient" in next(c for c in chapters if c.name == "states").absent


def test_targets_are_ranked_with_parts_and_pages():
    ranked = pd.DataFrame({"gene": ["TREM2", "CSF1R"], "rank": [1, 2], "lower": [1, 1], "upper": [3, 9],
                           "weights_lower": [1, 1], "weights_upper": [2, 8], "score": [0.6, 0.4], "state": [0.5, 0.4],
                           "blood": [0.7, 0.1]})  # fmt: skip
    sides = pd.DataFrame(
        {"gene": ["TREM2", "TREM2"], "side": ["for", "against"], "sentence": ["on the cells", "in brain"]}
    )
    tables = {"targets": ranked, "target_pages": sides}
    chapters = chapters_of(record("targets", 0), [], tables=tables)
    own = next(chapter for chapter in chapters if chapter.name == "targets")
    assert [figure.name for figure in own.figures] == ["discovery-ranking", "discovery-parts"]
    assert any(getattr(block, "title", "").startswith("TREM2: rank 1 (1 to 3) of 2") for block in own.blocks)


def test_a_part_that_nobody_measured_is_a_question_mark_and_its_value_is_told():
    ranked = pd.DataFrame({"gene": ["TREM2", "CSF1R"], "rank": [1, 2], "lower": [1, 1], "upper": [3, 9],
                           "score": [0.6, 0.4], "resistance": [0.37, 0.4], "log_odds": [np.nan, 0.1],
                           "blood": [0.7, 0.1]})  # fmt: skip
    said = "TREM2 (rank 1) is above CSF1R (rank 2)."
    tables = {"targets": ranked, "target_comparisons": pd.DataFrame({"sentence": [said]})}
    notes = [Finding("note.discovery.targets", note=said), Finding("note.discovery.targets", note="one source")]
    chapters = chapters_of(record("targets", 0), notes, tables=tables)
    drawn = next(figure for chapter in chapters for figure in chapter.figures if figure.name == "discovery-parts")
    assert "it counts as 0.37" in drawn.caption
    assert [trace["text"] for trace in drawn.plot.data] == [["?", "0.40"], ["0.70", "0.10"]]
    told = next(block for block in chapters[0].blocks if getattr(block, "title", "") == "What to know")
    assert told.lines == [("", "One source.")]  # the comparison stands in its own list


@pytest.mark.parametrize("verdict", ["transition", "selection"])
def test_clones_growth_and_programmes_are_drawn(verdict):
    tables = {
        "clone_table": pd.DataFrame({"clone": range(5), "before": [10, 200, 300, 400, 500], "after": [5, 210, 0, 3, 9],
                                     "common": [False, True, True, True, True]}),
        "growth": pd.DataFrame({"line": ["A", "B"], "states": [1, 2], "rate": [0.1, 0.2], "slow": [0.0, 0.0],
                                "fast": [0.1, 0.4], "n": [5, 5], "negative": [0.2, 0.0],
                                "best": ["normal", "two states"], "margin": [-3.0, 12.5], "p": [0.4, 0.005]}),
        "growth_rates": pd.DataFrame({"line": ["A"] * 5 + ["B"] * 5, "rate": np.linspace(-0.1, 0.4, 10)}),
        "overlaps": pd.DataFrame({"set": ["persisters"], "genes": [40], "shared": [9], "expected": [2.0], "fold": [4.5],
                                  "p": [0.001], "q": [0.001]}),
    }  # fmt: skip
    kept = Finding("plasticity.clones.kept", estimate=0.75, n=4, unit="proportion", note=verdict)
    chapters = chapters_of(record("plasticity", 0), [kept], tables=tables)
    own = next(chapter for chapter in chapters if chapter.name == "plasticity")
    assert [figure.name for figure in own.figures] == ["discovery-clones", "discovery-growth", "discovery-overlap"]
    assert f"The verdict: {verdict}." in own.figures[0].caption
    assert "B (blue" in own.figures[1].caption
    numbers = {block.title: block.rows for block in own.blocks if hasattr(block, "rows")}
    assert numbers["Clones in numbers"][0][0] == "common clones that are seen after"
    assert list(numbers["Growth states by line"][1]) == [
        "B",
        "5",
        "0.20",
        "0\u00a0%",
        "two states",
        "12.5",
        "0.0050",
        "2",
    ]


def test_a_record_of_discovery_analysed_again_has_the_report_of_any_record():
    names = [chapter.name for chapter in chapters_of(record("states"), [])]
    assert "samples" not in names
    assert "response" in names


def test_the_report_loads_no_heavy_library():
    import subprocess
    import sys

    code = "import opsonin.report.write, sys; print([m for m in ('opsonin.discovery', 'scanpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
