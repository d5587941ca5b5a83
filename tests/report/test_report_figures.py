"""Figures: valid Plotly, titled, captioned, their data beside them; the layout helpers keep labels apart."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsonin.analysis import Findings
from opsonin.record import TrialRecord
from opsonin.report import keynumbers, palette
from opsonin.report.context import Context
from opsonin.report.figures import immune, pharmacokinetics, response, safety, survival, trial
from opsonin.report.figures.base import inside_of, ratio_ticks, spread_apart
from opsonin.report.figures.canvas import Canvas, scatter, six_digits
from opsonin.report.groups import grouped, shared_words, short_names
from opsonin.report.write import chapters_of
from report.make_record import HOSTILE, arms_only, small_findings, small_trial

RECORDS = {
    "virtual": small_trial,
    "hostile": lambda: small_trial(True),
    "two arms": arms_only,
    "ten groups": lambda: arms_only(10),
}


@pytest.mark.parametrize("kind", RECORDS)
def test_every_figure_is_valid_plotly_and_says_what_it_shows_and_what_to_see(kind):
    findings = small_findings() if kind in ("virtual", "hostile") else []
    figures = [figure for chapter in chapters_of(RECORDS[kind](), findings) for figure in chapter.figures]
    assert len(figures) >= 5
    assert len({figure.name for figure in figures}) == len(figures)
    for figure in figures:
        drawn = figure.plot.plotly().to_dict()  # Plotly refuses properties it does not know
        assert drawn["data"], figure.name
        assert figure.title
        assert figure.caption.endswith(".")
        assert len(figure.data) > 0, figure.name


def test_the_virtual_trial_has_a_figure_for_each_question_of_the_specification():
    names = {figure.name for chapter in chapters_of(small_trial(), small_findings()) for figure in chapter.figures}
    assert names >= {
        "trial-flow", "trial-staircase", "trial-operating", "safety-events", "safety-onset", "pk-ratios", "pk-imatinib",
        "immune-changes", "immune-dose", "response-best", "response-waterfall", "response-spider", "response-swimmer",
        "survival-os", "survival-pfs", "biomarker-screen", "biomarker-hla-dr-nk-pfs-scatter",
        "biomarker-hla-dr-nk-pfs-curves",
    }  # fmt: skip


def test_axes_carry_units():
    record = small_trial()
    for figure in pharmacokinetics.profiles(record, grouped(record)):
        layout = figure.plot.layout
        assert any(unit in layout["yaxis"]["title"]["text"] for unit in ("ng/ml", "IU/ml"))
    curves = survival.curves(record, grouped(record), "OS")
    assert curves is not None
    assert curves.plot.layout["xaxis"]["title"]["text"] == "months"


def test_the_staircase_marks_each_dose_limiting_toxicity():
    figure = trial.staircase(small_trial())
    assert figure is not None
    assert (figure.data["outcome"] == "dose-limiting toxicity").sum() == 3
    assert (figure.data["outcome"] == "not evaluable").sum() == 1
    crosses = [trace for trace in figure.plot.data if trace.get("marker", {}).get("symbol") == "x"]
    assert list(crosses[0]["x"]) == [8, 10, 14]


def test_event_bars_add_up_to_the_patients_with_the_event():
    record = small_trial()
    figure = safety.events_by_grade(record, grouped(record))
    assert figure is not None
    leak = figure.data[figure.data["term"] == "capillary leak syndrome"]
    events = record.adverse_events
    assert leak["patients"].sum() == events.loc[events["term"] == "capillary leak syndrome", "subject_id"].nunique()


def test_immune_changes_are_ratios_to_the_last_value_before_treatment():
    record = small_trial()
    rows = immune.monitored(record, grouped(record))
    assert np.allclose(rows.loc[rows["day"] == -21.0, "ratio"], 1.0)
    one = rows[(rows["subject_id"] == "P0001") & (rows["marker"] == "NK") & (rows["day"] == 14.0)].iloc[0]
    assert one["ratio"] == pytest.approx(one["value"] / one["baseline_value"])


def test_numbers_at_risk_are_counts_of_patients_still_under_observation():
    record = arms_only()
    figure = survival.curves(record, grouped(record), "OS")
    assert figure is not None
    written = [trace for trace in figure.plot.data if trace.get("mode") == "text"]
    rows = record.survival[record.survival["endpoint"] == "OS"].merge(record.subjects, on="subject_id")
    at_six_months = rows[(rows["arm"] == "arm A") & (rows["day"] >= 6 * 30.4375)]
    ticks = list(written[0]["x"])
    assert written[0]["text"][0] == "120"
    assert written[0]["text"][ticks.index(6.0)] == str(len(at_six_months))


def test_levels_have_one_sequential_scale_and_untried_levels_keep_their_place():
    groups = grouped(small_trial())
    assert groups.ordered
    assert groups.labels == ("interleukin-2 3 MIU", "interleukin-2 6 MIU", "interleukin-2 9 MIU")
    assert [groups.colours[name] for name in groups.labels] == palette.levels(4)[:3]


def test_levels_darken_with_dose():
    def lightness(colour):
        red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    shades = [lightness(colour) for colour in palette.levels(7)]
    assert shades == sorted(shades, reverse=True)


def test_short_names_drop_shared_words_of_doses_only():
    assert short_names(["interleukin-2 3 MIU", "interleukin-2 6 MIU"]) == {
        "interleukin-2 3 MIU": "3 MIU",
        "interleukin-2 6 MIU": "6 MIU",
    }
    assert short_names(["arm A", "arm B"]) == {"arm A": "arm A", "arm B": "arm B"}
    pair = ["imatinib 200 mg + interleukin-2 3 MIU", "imatinib 400 mg + interleukin-2 3 MIU"]
    assert list(short_names(pair).values()) == ["200 mg + 3 MIU", "400 mg + 3 MIU"]
    assert shared_words(pair[0], "200 mg + 3 MIU") == "imatinib + interleukin-2"
    assert shared_words("interleukin-2 3 MIU", "3 MIU") == "interleukin-2"


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8), st.floats(0.5, 12))
def test_labels_are_spread_apart_in_order(places, gap):
    moved = spread_apart(places, gap)
    order = np.argsort(places, kind="stable")
    assert (np.diff(np.array(moved)[order]) >= gap - 1e-6).all()


def test_labels_of_curves_that_end_at_zero_stay_on_the_panel():
    assert inside_of([0.0, 0.0, 1.0], 2.5, 99, 6.0) == pytest.approx([2.5, 8.5, 14.5])


@given(st.floats(1e-3, 10), st.floats(1.05, 1e4))
def test_ratio_axes_have_few_round_ticks(low, factor):
    ticks, texts = ratio_ticks(low, low * factor)
    assert len(ticks) == len(texts)
    assert len(ticks) <= 12
    assert all(low * 0.99 <= tick <= low * factor * 1.01 for tick in ticks)


def test_canvas_writes_plain_json_with_gaps_for_missing_values():
    plot = Canvas(200, 1, 2, share_y="row")
    plot.add_trace(scatter(x=np.array([1.0, np.nan, 123456.789]), y=[1, None, 3]), row=1, col=2)
    content = plot.to_dict()
    assert content["data"][0]["x"] == [1.0, None, 123457.0]
    assert content["layout"]["yaxis2"]["matches"] == "y"
    assert "NaN" not in plot.to_json()


def test_six_digits_keeps_six():
    assert six_digits(np.array([0.0, 1234567.0, 0.000123456789, -2.5])).tolist() == [0.0, 1234570.0, 0.000123457, -2.5]


def test_markup_in_terms_is_escaped_in_drawings():
    record = small_trial(hostile=True)
    figure = safety.events_by_grade(record, grouped(record))
    assert figure is not None
    assert HOSTILE in set(figure.data["term"])
    assert "<script" not in figure.plot.to_json()


def test_a_record_of_one_high_level_alone_is_drawn_at_its_level():
    whole = small_trial()
    subjects = whole.subjects.assign(level=pd.array([7] * len(whole.subjects), dtype="Int64"))
    record = TrialRecord({**whole.tables, "subjects": subjects})
    figure = trial.staircase(record)
    assert figure is not None
    assert set(figure.data["level"]) == {7}


def test_an_endpoint_is_called_what_the_record_calls_it():
    record = small_trial()
    record.manifest.questions["endpoint_names"] = {"PFS": "time without growth"}
    figure = survival.curves(record, grouped(record), "PFS")
    assert figure is not None
    assert figure.title.startswith("Time without growth")


def test_urine_is_no_concentration_in_the_patient():
    """A record may hold plasma and urine of one drug; drawn together, a line would zigzag between the two."""
    record = small_trial()
    plasma = record.concentrations.assign(matrix="plasma")
    urine = plasma.assign(matrix="urine", value=100.0 * plasma["value"])
    both = TrialRecord({**record.tables, "concentrations": pd.concat([plasma, urine])}, record.manifest)
    alone = TrialRecord({**record.tables, "concentrations": plasma}, record.manifest)
    drawn = [pharmacokinetics.profiles(r, grouped(r)) for r in (both, alone)]
    assert [figure.caption for figure in drawn[0]] == [figure.caption for figure in drawn[1]]
    serum = TrialRecord(
        {**record.tables, "concentrations": pd.concat([plasma, plasma.assign(matrix="serum")])}, record.manifest
    )
    names = [figure.title for figure in pharmacokinetics.profiles(serum, grouped(serum))]
    assert len(names) == 2 * len(drawn[1])
    assert sum("(serum)" in name for name in names) == len(drawn[1])


def test_responses_are_counted_where_they_were_assessed():
    record = arms_only(3)
    arms = record.subjects.set_index("subject_id")["arm"]
    silent = str(arms.iloc[0])
    heard = record.responses[record.responses["subject_id"].map(arms) != silent]
    part = TrialRecord({**record.tables, "responses": heard}, record.manifest)
    figure = response.composition(part, grouped(part))
    assert figure is not None
    others = int((arms != silent).sum())
    assert f"of {others:,} patients" in figure.caption
    assert silent in figure.caption
    told = [what for _, what in keynumbers.key_numbers(Context(part, Findings([]), grouped(part)))]
    assert len([what for what in told if what.startswith("objective response") and silent not in what]) == 1


def test_a_hazard_ratio_per_dose_level_names_no_first_group():
    ratio = next(f for f in small_findings() if f.name.endswith("hazard_ratio"))
    trend = [replace(ratio, name="survival.OS.hazard_ratio", group="per dose level")]
    record = small_trial()
    figure = survival.hazard_ratios(trend, grouped(record))
    assert figure is not None
    assert "first-named" not in figure.caption
    assert "higher dose levels" in figure.caption


def test_medians_of_patients_who_come_on_days_of_their_own_are_over_windows():
    day = np.arange(0.0, 400.0)
    rows = pd.DataFrame({"marker": "ALT", "group": "all", "subject_id": [f"P{k % 50}" for k in range(400)], "day": day})
    medians, width = immune.medians_over_time(rows.assign(ratio=np.where(day < 200, 1.0, 2.0)))
    assert width == 28
    assert medians["day"].is_unique
    assert set(medians.loc[medians["day"] < 180, "ratio"]) == {1.0}
    assert set(medians.loc[medians["day"] > 220, "ratio"]) == {2.0}
    lonely = pd.DataFrame({"marker": "ALT", "group": "all", "subject_id": ["P1"], "day": [900.0], "ratio": [9.0]})
    assert immune.medians_over_time(pd.concat([rows.assign(ratio=1.0), lonely]))[0]["ratio"].max() == 1.0
    few, none = immune.medians_over_time(rows[rows["day"] < 5].assign(ratio=1.0))
    assert (len(few), none) == (5, 0)


def test_an_occasion_of_single_samples_has_no_panel():
    rows = pd.DataFrame(
        {"period": ["day 1", "day 1", "day 2"], "subject_id": "P1", "day": [0.0, 0.1, 1.0], "value": [2.0, 1.0, 0.1]}
    )
    assert pharmacokinetics._periods(rows) == ["day 1"]
    assert pharmacokinetics._periods(rows.iloc[[0, 2]]) == ["day 1", "day 2"]


def test_old_illnesses_do_not_squeeze_the_days_of_onset():
    days = np.array([*range(100), -3000.0, -2800.0, -300.0])
    low, high = safety._window(days)
    assert -400 < low < 0
    assert 99 < high < 200
    assert safety._window(np.arange(100.0)) == pytest.approx((0 - 4.4, 99 + 4.4), abs=0.5)


def test_no_staircase_where_the_record_could_not_tell_a_toxicity():
    whole = small_trial()
    bare = TrialRecord({"subjects": whole.subjects, "measurements": whole.measurements})
    assert trial.staircase(bare) is None
