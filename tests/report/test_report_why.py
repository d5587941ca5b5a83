"""The chapter Why: what the pictures show is what the findings say, and nothing in them breaks the page."""

import numpy as np
import pandas as pd
import pytest

from opsonin.analysis import Finding, Findings, explained_response, pathways
from opsonin.random import normal
from opsonin.report import words
from opsonin.report.chapters import why
from opsonin.report.content import Drawing, Lines, Table
from opsonin.report.context import Context
from opsonin.report.figures.pathways import decimals, shared_out
from opsonin.report.figures.why import explained, resistance_map, restored, separated
from opsonin.report.groups import grouped
from opsonin.report.write import chapters_of, render
from report.make_record import small_findings, small_trial


@pytest.fixture(scope="module")
def found() -> Findings:
    """Patients who respond if cells get in and are not exhausted; excluded ones are commoner in the second group."""
    n = 600
    z = normal(21, "why figures", np.arange(n), draws=3)
    group = np.where(np.arange(n) < n // 2, "melanoma", "pancreas")
    entry, fresh = z[:, 0] > np.where(group == "pancreas", 0.8, -0.8), z[:, 1] > -0.6
    return explained_response(
        entry & fresh,
        quantities=pd.DataFrame({"CD8 density": z[:, 0] + 0.4 * z[:, 2], "exhausted share": -z[:, 1]}),
        kinds={"exhausted share": "day 22"},
        parameters={"infiltration": z[:, 0], "exhaustion rate": z[:, 1], "idle <b>": z[:, 2]},
        sources={"infiltration": "assumed: no data", "exhaustion rate": "Wherry 2011"},
        changed={"infiltration restored": fresh, "exhaustion removed": entry},
        groups=group,
    )


def test_quantities_are_drawn_in_order_with_their_intervals(found):
    figure = separated(found)
    assert figure.data["name"].tolist() == ["CD8 density", "exhausted share"]
    assert dict(figure.key).keys() == {"baseline", "day 22"}
    dots = [trace["x"][0] for trace in figure.plot.data if trace["mode"] == "markers"]
    assert dots == [found.get(f"why.separation.{name}.auc").estimate for name in figure.data["name"]]
    assert "the strongest: CD8 density, higher in responders" in figure.caption
    figure.plot.plotly()  # every property is one that Plotly knows


def test_shares_say_what_is_assumed_and_what_is_left(found):
    figure = explained(found)
    bars = next(trace for trace in figure.plot.data if trace["type"] == "bar")
    colours = dict(zip(figure.data["name"], bars["marker"]["color"], strict=True))
    assert colours["infiltration"] != colours["exhaustion rate"]
    share = found.get("why.variance.infiltration.share").estimate
    assert f"assumed account for {words.share(share)} (" in figure.caption
    assert "All by themselves" in figure.caption
    figure.plot.plotly()


def test_counterfactuals_draw_who_is_turned_and_by_this_alone(found):
    figure = restored(found)
    assert figure.data["name"].iloc[0] == "infiltration restored"
    outer, inner = (np.asarray(t["x"], dtype=float) for t in figure.plot.data if t["type"] == "bar")
    assert (inner <= outer + 1e-9).all()
    assert outer[0] == pytest.approx(100 * found.get("why.counterfactual.infiltration restored.turned").estimate)
    assert "need several at once" in figure.caption
    figure.plot.plotly()


def test_the_map_has_a_tile_for_each_group_and_barrier(found):
    figure = resistance_map(found)
    assert len(figure.plot.layout["shapes"]) == len(figure.data) == 6
    assert figure.data.groupby("group")["estimate"].sum().to_numpy() == pytest.approx([1, 1])
    assert "Most often, in melanoma: exhaustion removed" in figure.caption
    assert "in pancreas: infiltration restored" in figure.caption
    figure.plot.plotly()


def test_without_findings_nothing_is_drawn():
    assert [draw([]) for draw in (separated, explained, restored, resistance_map)] == [None] * 4


def test_one_group_has_no_name_in_the_map():
    one = Finding("why.resistance.exclusion.share", "all", 1.0, 0.8, 1.0, n=20, unit="proportion")
    figure = resistance_map([one])
    assert "patients without response" in figure.plot.layout["yaxis"]["ticktext"][0]
    assert "Most often: exclusion (100" in figure.caption


def test_the_chapter_comes_before_the_methods_and_only_where_it_was_asked(found):
    record = small_trial()
    plain = [chapter.name for chapter in chapters_of(record, small_findings())]
    asked = chapters_of(record, [*small_findings(), *found])
    assert "why" not in plain
    assert [chapter.name for chapter in asked] == [*plain[:-1], "why", plain[-1]]
    first = next(block for block in asked[0].blocks if isinstance(block, Lines) and block.title == "What was found")
    assert any(begin == "Why, response:" and "infiltration restored" in rest for begin, rest in first.lines)
    here = asked[-2]
    assert [type(block) for block in here.blocks[:5]] == [Lines, Drawing, Drawing, Drawing, Drawing]
    assert len([block for block in here.blocks if isinstance(block, Table)]) == 4
    page = render(record, [*small_findings(), *found])
    assert "idle <b>" not in page


def test_words_are_a_clinicians(found):
    record = small_trial()
    lines = dict(why.in_words(Context(record, found, grouped(record))))
    assert list(lines) == [
        "Who responds.", "What marks them.", "What makes them differ.", "What holds the others back.",
    ]  # fmt: skip
    assert "CD8 density is higher (area 0." in lines["What marks them."]
    assert "with one change: infiltration restored" in lines["What holds the others back."]


def test_pathways_are_drawn_and_told():
    z = normal(23, "pathways", np.arange(80), draws=2)
    on = {(): 0 * z[:, 0], ("phagocytosis",): 1 + z[:, 0], ("T cells",): 0 * z[:, 1]}
    found = pathways(on | {("phagocytosis", "T cells"): 3 + z[:, 0]}).findings()
    figure = shared_out(found)
    assert figure.data["name"].tolist() == ["phagocytosis", "T cells"]
    alone, needed = (np.asarray(t["x"], dtype=float) for t in figure.plot.data if t["type"] == "scatter")
    assert (needed > alone).all()  # they need one another
    figure.plot.plotly()
    assert shared_out([]) is None
    record = small_trial()
    context = Context(record, found, grouped(record))
    told = dict(why.in_words(context))["Through what the treatment works."]
    assert told.startswith("Phagocytosis 6")
    assert told.endswith(" % of the benefit.")
    assert why.headline(context) == [("Through what, response:", told)]
    (table,) = [block for block in why.chapter(context).blocks if isinstance(block, Table)]
    assert "T cells: lost without it" in [row[0] for row in table.rows]


def test_an_outcome_that_is_no_response_is_said_and_names_are_words():
    z = normal(22, "outcome", np.arange(60), draws=2)
    found = explained_response(
        z[:, 0] > 0, quantities={"tumour_growth_rate": -z[:, 0] + z[:, 1]},
        kinds={"tumour_growth_rate": "model parameter"}, outcome="progression-free at 6 months",
    )  # fmt: skip
    record = small_trial()
    context = Context(record, found, grouped(record))
    assert why.chapter(context).lead == "To respond means here: progression-free at 6 months."
    assert "tumour growth rate is lower" in dict(why.in_words(context))["What no clinic measures."]


def test_findings_read_back_from_disk_draw_the_same_pictures(found, tmp_path):
    again = Findings.load(found.save(tmp_path / "findings.json"))
    for draw in (separated, explained, restored, resistance_map):
        assert draw(again).plot.to_json() == draw(found).plot.to_json()


@pytest.mark.parametrize(("whole", "places"), [(0.126, 3), (12.6, 1), (260.0, 0), (0.0, 2)])
def test_parts_have_as_many_decimals_as_the_whole(whole, places):
    assert decimals(whole) == places
