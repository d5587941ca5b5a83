"""The survival chapter: contrasts that need no proportional hazards, exact p-values in few, competing causes."""

import math

import numpy as np
import pandas as pd
import pytest

from opsonin.analysis import analyse, fine_gray, gray_test, max_combo
from opsonin.analysis.everything import analyse_part
from opsonin.errors import RecordError
from opsonin.record import Manifest, TrialRecord


def _record(day, event, arm=None, level=None, cause=None, endpoint="PFS", questions=None):
    who = [f"P{k:03d}" for k in range(len(day))]
    subjects = pd.DataFrame({"subject_id": who})
    if arm is not None:
        subjects["arm"] = arm
    if level is not None:
        subjects["level"] = level
    survival = pd.DataFrame({"subject_id": who, "endpoint": endpoint, "day": day, "event": event, "origin_day": 0.0})
    if cause is not None:
        survival["cause"] = cause
    return TrialRecord({"subjects": subjects, "survival": survival}, Manifest(questions=questions or {}))


def _found(record):
    return {(f.name, f.group): f for f in analyse_part(["survival"], record)["survival"]}


def _crossing(n=60):
    rng = np.random.default_rng(3)
    early = np.where(rng.random(n) < 0.5, rng.uniform(1, 60, n), rng.uniform(200, 700, n))
    return np.r_[early, rng.uniform(60, 300, n)], np.ones(2 * n, bool), np.repeat(["drug", "control"], n)


def test_a_hazard_ratio_that_changes_over_time_says_so_and_brings_the_max_combo_test():
    day, event, arm = _crossing()
    found = _found(_record(day, event, arm))
    contrast = "drug vs control"
    assert found["survival.PFS.proportional_hazards", contrast].p < 0.001
    assert "changes over time" in found["survival.PFS.hazard_ratio", contrast].note
    combo = found["survival.PFS.max_combo", contrast]
    assert combo.p == max_combo(day, event, arm).p_joint < 0.001
    assert "differ most late" in combo.note


def test_proportional_hazards_bring_no_max_combo_test_and_the_mean_time_gained():
    rng = np.random.default_rng(1)
    arm = np.repeat(["drug", "control"], 100)
    day = rng.exponential(np.where(arm == "drug", 300.0, 200.0))
    found = _found(_record(np.minimum(day, 730), day <= 730, arm))
    assert ("survival.PFS.max_combo", "drug vs control") not in found
    assert found["survival.PFS.hazard_ratio", "drug vs control"].note == ""
    gained = found["survival.PFS.restricted_mean_difference", "drug vs control"]
    assert gained.lower < gained.estimate < gained.upper
    assert gained.unit == "months"
    assert gained.estimate == pytest.approx(
        (300 * -math.expm1(-730 / 300) - 200 * -math.expm1(-730 / 200)) / 30.4, abs=1
    )
    assert ("survival.PFS.logrank_exact", "drug vs control") not in found  # too many to need it


def test_few_patients_have_an_exact_p_whose_sign_is_that_of_the_first_named():
    arm = ["drug"] * 5 + ["control"] * 5
    exact = _found(_record(np.arange(10.0, 0, -1) * 30, True, arm))["survival.PFS.logrank_exact", "drug vs control"]
    assert exact.p == pytest.approx(2 / 252)
    assert exact.estimate < 0  # the drug's events come later
    later = _found(_record(np.arange(1.0, 11) * 30, True, arm))["survival.PFS.logrank_exact", "drug vs control"]
    assert later.estimate > 0


def test_an_arm_without_events_has_a_hazard_ratio_by_firths_penalty():
    arm = ["drug"] * 6 + ["control"] * 6
    ratio = _found(_record(np.arange(12.0, 0, -1) * 20, [False] * 6 + [True] * 6, arm))[
        "survival.PFS.hazard_ratio", "drug vs control"
    ]
    assert 0 < ratio.lower < ratio.estimate < ratio.upper < math.inf
    assert "Firth" in ratio.method


def test_the_trend_over_dose_levels_has_a_p_by_permutation_that_depends_on_the_seed_alone():
    rng = np.random.default_rng(5)
    level = np.repeat([1, 2, 3], [3, 8, 6])
    record = _record(rng.exponential(60 * 2.0**level), True, level=level)
    one, same, other = (
        analyse(record, seed=seed).get("survival.PFS.dose_trend", "per dose level") for seed in (1, 1, 2)
    )
    assert one.p == same.p
    assert one.p == pytest.approx(other.p, abs=0.02)
    assert one.estimate < 0
    assert one.p < 0.05


def test_the_dose_trend_rejects_no_more_than_it_should_where_there_is_none():
    rng = np.random.default_rng(9)
    level = np.repeat([1, 2, 3], [3, 8, 6])
    p = [_found(_record(rng.exponential(100, 17), True, level=level))["survival.PFS.dose_trend", "per dose level"].p
         for _ in range(60)]  # fmt: skip
    assert sum(value <= 0.05 for value in p) <= 8  # 3 expected; more than 8 has a chance of 0.4 %
    assert 0.3 < np.mean(p) < 0.7


# -- competing causes


@pytest.fixture(scope="module")
def competing():
    rng = np.random.default_rng(2)
    arm = np.repeat(["drug", "control"], 120)
    relapse, death = rng.exponential(np.where(arm == "drug", 500.0, 250.0)), rng.exponential(600.0, 240)
    day = np.minimum(np.minimum(relapse, death), 800)
    cause = np.where(day == 800, "end of observation", np.where(relapse < death, "progression", "death"))
    return day, day < 800, arm, cause


def test_causes_have_their_incidence_grays_test_and_subdistribution_ratio(competing):
    day, event, arm, cause = competing
    found = _found(_record(day, event, arm, cause=cause))
    # less than a tenth was followed for two years
    at_a_year = [found[f"survival.PFS.{c}.incidence_12_months", "drug"] for c in ("death", "progression")]
    free = found["survival.PFS.rate_12_months", "drug"]
    assert sum(f.estimate for f in at_a_year) + free.estimate == pytest.approx(1)
    status = np.where(event, cause, "none")
    gray = found["survival.PFS.progression.gray", "control vs drug"]
    assert gray.p == pytest.approx(gray_test(day, status, "progression", arm, censored="none").p)
    ratio = found["survival.PFS.progression.subdistribution_ratio", "drug vs control"]
    fit = fine_gray(day, status, "progression", (arm == "drug").astype(float), censored="none")
    assert (ratio.estimate, ratio.p) == (pytest.approx(fit.hazard_ratio[0]), pytest.approx(fit.p[0]))
    assert ratio.upper < 1
    assert found["survival.PFS.death.subdistribution_ratio", "drug vs control"].estimate > ratio.estimate


def test_reasons_of_censoring_are_no_causes_and_one_cause_alone_is_no_competition(competing):
    day, event, arm, cause = competing
    only = np.where(event, "progression", cause)
    assert not any("incidence" in name or "gray" in name for name, _ in _found(_record(day, event, arm, cause=only)))
    assert not any("incidence" in name or "gray" in name for name, _ in _found(_record(day, event, arm)))


def test_a_cause_of_few_events_is_reported_but_not_compared(competing):
    day, event, arm, cause = competing
    rare = np.where(event, "progression", cause)
    rare[np.flatnonzero(event)[:4]] = "accident no. 3"
    names = {name for name, _ in _found(_record(day, event, arm, cause=rare))}
    assert "survival.PFS.accident no  3.incidence_12_months" in names
    assert "survival.PFS.accident no  3.gray" not in names
    assert "survival.PFS.progression.gray" in names


# -- what cannot be used


def test_a_record_in_which_all_are_censored_is_analysed_and_says_what_it_lacks():
    found = analyse(_record(np.arange(1.0, 11) * 30, False, ["drug"] * 5 + ["control"] * 5))
    assert found.get("survival.PFS.median", "all").text() == "not reached"
    assert any("No hazard ratio" in text and "all times are censored" in text for text in found.notes)
    assert not found.named("survival.PFS.restricted_mean_difference")


def test_an_arm_nobody_was_followed_in_is_named():
    record = _record(np.arange(1.0, 11) * 30, True, ["drug"] * 5 + ["control"] * 5)
    survival = record.survival[record.survival["subject_id"] < "P005"]
    found = analyse(TrialRecord({"subjects": record.subjects, "survival": survival}, Manifest()))
    assert found.get("survival.PFS.median", "drug").n == 5
    with pytest.raises(Exception, match="no finding"):
        found.get("survival.PFS.hazard_ratio", "drug vs control")


def test_an_arm_with_a_negative_time_or_a_patient_twice_is_not_analysed_and_the_note_says_which():
    found = analyse(_record([10.0, -5.0, 30.0], True))
    assert any("-5 of row 2 is negative" in text for text in found.notes)
    record = _record([10.0, 20.0, 30.0], True)
    twice = pd.concat([record.survival, record.survival.iloc[[1]].assign(day=25.0)])
    found = analyse(TrialRecord({"subjects": record.subjects, "survival": twice}, Manifest()))
    assert any("'P001' has PFS more than once" in text for text in found.notes)
    assert not found.named("survival.PFS.median")


@pytest.mark.parametrize(
    ("day", "event", "message"),
    [
        ([10.0, -5.0, 30.0], [True] * 3, "-5"),
        ([10.0, 20.0, 30.0], ["dead", "alive", "dead"], "dead"),
        (["2021-03-01", "2021-04-01", "2021-05-01"], [True] * 3, "2021-03-01"),
    ],
)
def test_a_record_refuses_times_and_events_that_are_none(day, event, message):
    with pytest.raises(RecordError, match=message):
        _record(day, event).validate()


def test_causes_are_drawn_one_panel_each_with_their_counts(competing):
    from opsonin.report.figures.competing import incidences
    from opsonin.report.groups import grouped

    day, event, arm, cause = competing
    record = _record(day, event, arm, cause=cause)
    figure = incidences(record, grouped(record), "PFS")
    assert set(figure.data["cause"]) == {"death", "progression"}
    assert len(figure.plot.data) == 4  # two causes in two arms
    assert f"progression {(cause == 'progression').sum()}" in figure.caption
    highest = figure.data.groupby("group")["incidence"].max()
    assert (highest <= 1).all()
    only = _record(day, event, arm, cause=np.where(event, "progression", cause))
    assert incidences(only, grouped(only), "PFS") is None
