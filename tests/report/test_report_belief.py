"""Beside every biomarker finding: how far to believe it, in one picture and in words."""

import numpy as np
import pandas as pd
import pytest

from made_up_trial import one_record
from opsonin.analysis import Finding, Findings, analyse
from opsonin.record import Manifest, TrialRecord
from opsonin.report import words
from opsonin.report.believing import _probability, believed, biomarker, to_confirm
from opsonin.report.chapters.biomarkers import chapter
from opsonin.report.content import Lines
from opsonin.report.context import Context
from opsonin.report.figures.belief import belief
from opsonin.report.figures.biomarkers import screened
from opsonin.report.figures.predictive import treatment_by_marker
from opsonin.report.figures.screens import screened_all
from opsonin.report.groups import grouped
from opsonin.study import Study, bundled
from opsonin.study.library import read


@pytest.fixture(scope="module")
def context():
    record = one_record(effect=-0.6, seed=11)
    return Context(record, analyse(record), grouped(record))


def randomised(questions, seed=4) -> TrialRecord:
    """Two hundred randomised patients whose treatment helps where the marker is high."""
    rng = np.random.default_rng(seed)
    ids, arm = [f"P{k:03d}" for k in range(200)], np.arange(200) % 2
    x = rng.normal(size=200)
    day = rng.exponential(200 / np.exp(-0.8 * arm * x))
    survival = pd.DataFrame({"subject_id": ids, "endpoint": "OS", "day": day + 1, "event": True, "origin_day": 0.0})
    measured = pd.DataFrame({"subject_id": ids, "marker": "TMB", "compartment": "blood", "day": 0.0, "value": x + 5})
    measured = measured.assign(unit="mutations", below_limit=False, baseline=True)
    subjects = pd.DataFrame({"subject_id": ids, "arm": np.array(["control", "drug"])[arm]})
    return TrialRecord(
        {"subjects": subjects, "survival": survival, "measurements": measured}, Manifest(questions=questions)
    )


def test_every_marker_asked_about_has_its_picture_and_its_words(context):
    blocks = chapter(context).blocks
    names = [figure.name for figure in chapter(context).figures]
    assert len(set(names)) == len(names)
    said = {block.title: dict(block.lines) for block in blocks if isinstance(block, Lines)}
    for endpoint in ("pfs", "os"):
        assert f"belief-hla-dr-nk-and-{endpoint}" in names
        told = said[f"In words: HLA-DR+ NK and {endpoint.upper()}"]
        assert list(told) == ["Who is compared.", "Chance.", "Size.", "Truth.", "Next."]
        assert "among 6 looked at" in told["Chance."]
        assert "times too strong" in told["Size."]
        assert "If one such link in ten is real" in told["Truth."]
        assert "events for 80" in told["Next."]


def test_the_picture_shows_what_the_findings_say(context):
    main = next(f for f in context.findings if f.name == "biomarker.OS.HLA-DR+ NK.hazard_ratio")
    parts = {f.name.rpartition(".")[2]: f for f in context.findings if f.name.startswith(main.name + ".")}
    drawn = belief("x", main, parts)
    assert drawn.data["panel"].unique().tolist() == [
        "Would chance show this?", "How much too strong?", "Is it real?",
    ]  # fmt: skip
    bars = next(trace for trace in drawn.plot.data if trace["type"] == "bar")
    beyond = [h for h, c in zip(bars["y"], bars["marker"]["color"], strict=True) if c != "#D9DEE3"]
    assert sum(bars["y"]) == pytest.approx(100)
    assert sum(beyond) == pytest.approx(100 * parts["believability"].estimate, abs=0.2)
    drawn.plot.plotly()  # every property is one that Plotly knows
    assert belief("x", main, {}) is None


def test_findings_read_back_from_disk_are_told_in_words(context, tmp_path):
    Findings(context.findings).save(tmp_path / "findings.json")
    again = Context(context.record, Findings.load(tmp_path / "findings.json"), context.groups)
    assert not [figure for figure in chapter(again).figures if figure.name.startswith("belief")]
    assert any(block.title.startswith("In words") for block in chapter(again).blocks if isinstance(block, Lines))
    assert believed(again) == believed(context)


def test_the_first_page_says_what_it_is_worth(context):
    (begin, rest), *_ = biomarker(context)
    assert begin.startswith("HLA-DR+ NK and")
    assert rest.startswith("Among 6 associations looked at, chance makes one this strong in")
    assert all(reason.startswith("do not build on it") for _, reason in believed(context))
    assert not to_confirm(context)  # nobody is sent after what chance looks like
    assert not any("to confirm it takes" in reason for _, reason in believed(context)[1:])


def test_the_next_trial_is_told_how_to_confirm_what_chance_hardly_makes():
    record = randomised({"markers": ["TMB"]})
    context = Context(record, analyse(record), grouped(record))
    (next_step,) = to_confirm(context)
    assert next_step.startswith("Fix TMB, its day, its scale and OS")
    assert "80\u00a0% power" in next_step
    (_, reason), *_ = believed(context)
    assert "to confirm it takes" in reason


def test_no_probability_is_rounded_to_certainty():
    assert _probability(1.0) == _probability(0.99999) == words.share(0.9999)
    assert _probability(0.315) == words.share(0.315)


def test_permutations_that_none_was_as_strong_as_are_ranked_by_strength_not_by_their_number():
    def one(marker, p, low, high, note):
        return Finding(f"biomarker.OS.{marker}.hazard_ratio", "all", (low * high) ** 0.5, low, high, 0.95, p, note=note)

    none = "No permutation is as strong: p is the smallest that {} of them can give."
    found = [one("few", 0.005, 0.55, 0.61, none.format(199)), one("many", 0.002, 0.90, 0.94, none.format(499)),
             one("seen", 0.004, 0.5, 0.6, "")]  # fmt: skip
    assert [marker for _, marker, *_ in screened(found)] == ["few", "many", "seen"]


def test_the_treatment_s_effect_is_drawn_along_the_marker():
    record = randomised({"markers": ["TMB"], "compare": "arm"})
    found = analyse(record)
    interaction = found.get("biomarker.OS.TMB.interaction")
    assert interaction.upper < 1
    table = interaction.table
    assert (np.diff(table["hazard_ratio"]) < 0).all()
    assert (table["lower"] < table["hazard_ratio"]).all()
    drawn = chapter(Context(record, found, grouped(record))).figures
    whom = next(figure for figure in drawn if figure.name.startswith("predictive"))
    assert whom.title == "Whom does drug help? By TMB and OS"
    whom.plot.plotly()
    assert treatment_by_marker("x", "TMB", "", Finding("x")) is None
    assert found.get("biomarker.OS.TMB.interaction.probability_real").estimate > 0.5


def test_an_interaction_with_too_few_events_on_one_side_stays_finite():
    record = randomised({"markers": ["TMB"], "compare": "arm"}, seed=2)
    x = record.measurements["value"].to_numpy(dtype=float)
    drug = (record.subjects["arm"] == "drug").to_numpy(dtype=bool)
    event = ~drug | (x <= x[drug].min())  # with treatment, only the lowest of all had the event
    day = np.where(drug & event, 5.0, record.survival["day"].to_numpy(dtype=float) + 10)
    survival = record.survival.assign(day=day, event=event)
    record = TrialRecord(record.tables | {"survival": survival}, record.manifest)
    found = analyse(record).get("biomarker.OS.TMB.interaction")
    assert "Firth" in found.method
    assert 0 < found.estimate < 1
    assert 0 < found.p < 1
    assert "too few events" in found.note


def test_a_question_that_is_refused_is_not_drawn():
    record = randomised({"biomarkers": [{"marker": "response", "against": ["OS"]}], "compare": "arm"})
    best = pd.DataFrame({"subject_id": record.subjects["subject_id"], "overall": ["PR", "SD"] * 100})
    best = best.assign(criteria="RECIST 1.1", day=50.0, best=True, source="reported")
    record = TrialRecord(record.tables | {"responses": best}, record.manifest)
    made = chapter(Context(record, analyse(record), grouped(record)))
    assert not made.figures
    assert any("immortal time" in getattr(block, "text", "") for block in made.blocks)


@pytest.mark.parametrize(("markers", "shown"), [(12, 12), (400, 400), (5000, 3000)])
def test_a_screen_is_ranked_or_a_volcano_and_thinned_where_it_is_long(markers, shown):
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"marker": [f"m{k}" for k in range(markers)], "p": rng.random(markers)})
    table["estimate"] = np.exp(rng.normal(0, 0.3, markers))
    table = table.assign(lower=table["estimate"] / 2, upper=table["estimate"] * 2, n=50)
    drawn = screened_all("OS", "overall survival", Finding("screen.OS.markers", table=table))
    assert len(drawn.data) == shown
    assert drawn.data["p"].min() == table["p"].min()
    assert drawn.title.startswith(f"{markers:,} markers against overall survival")
    drawn.plot.plotly()
    assert screened_all("OS", "overall survival", Finding("screen.OS.markers")) is None


@pytest.mark.slow
def test_the_first_trial_says_how_far_its_marker_can_be_believed(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(read(bundled()["imatinib-il2"]).replace("pool = 2000", "pool = 60"))
    run = Study.load(path).run(seed=2, trials=8, threads=1)
    page = Context(run.record, run.findings, grouped(run.record), 8)
    (begin, reason), *_ = believed(page)
    assert begin.startswith("HLA-DR+ NK and")
    for said in (
        "associations looked at",
        "if one such link in ten is real",
        "to confirm it takes",
        "replicate trials",
    ):
        assert said in reason
    said = {block.title: dict(block.lines) for block in chapter(page).blocks if isinstance(block, Lines)}
    for endpoint in ("PFS", "OS"):
        told = said[f"In words: HLA-DR+ NK and {endpoint}"]
        assert list(told) == ["Who is compared.", "Chance.", "Size.", "Truth.", "The model.", "Next."]
        assert "among 120 looked at" in told["Chance."]  # ten markers, four days, OS, PFS and TTP
        assert "the hazard ratio per doubling is" in told["The model."]
