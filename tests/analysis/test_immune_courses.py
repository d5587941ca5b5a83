"""Mixed models of markers over their days: what a made-up trial holds is found, and what cannot be told is said."""

import numpy as np
import pandas as pd
import pytest

from opsonin.analysis.everything import analyse_part
from opsonin.analysis.findings import Findings
from opsonin.record import Manifest, TrialRecord

DOSES = {1: 3.0, 2: 6.0, 3: 12.0}


def record(seed=1, per_level=5, days=(-3.0, 7.0, 14.0), exponent=-0.5, benefit=1.0, missing=(), responses=True):
    """Cells fall on the last day by the power of the dose; with disease control they are `benefit` times as many."""
    rng = np.random.default_rng(seed)
    patients = [f"P{k:02d}" for k in range(3 * per_level)]
    level = np.repeat([1, 2, 3], per_level)
    well = np.arange(len(patients)) % 2 == 0
    base = np.exp(rng.normal(6, 0.5, len(patients)))
    own = rng.normal(0, 0.1, len(patients))
    measured = []
    for day in days:
        change = own + rng.normal(0, 0.1, len(patients))
        if day == days[-1]:
            change = change + exponent * np.log([DOSES[k] for k in level]) + np.log(benefit) * well
        values = base * (np.exp(change) if day > 0 else 1.0)
        measured.append(pd.DataFrame({"subject_id": patients, "day": day, "value": values, "baseline": day < 0}))
    table = pd.concat(measured, ignore_index=True).drop(index=list(missing))
    tables = {
        "subjects": pd.DataFrame({"subject_id": patients, "level": level}),
        "measurements": table.assign(marker="CD8+", compartment="blood", unit="cells/µl", below_limit=False),
        "exposures": pd.DataFrame(
            {
                "subject_id": patients,
                "agent": "interleukin-2",
                "start_day": 0.0,
                "amount": [DOSES[k] for k in level],
                "unit": "MIU",
                "route": "subcutaneous",
            }
        ),
    }
    if responses:
        best = pd.DataFrame({"subject_id": patients, "overall": np.where(well, "SD", "PD")})
        tables["responses"] = best.assign(criteria="RECIST 1.1", day=0.0, best=True, source="reported")
    return TrialRecord(tables, Manifest()).validate()


def immune(**options):
    return Findings(analyse_part(["immune"], record(**options))["immune"])


def test_a_complete_day_has_the_mean_that_the_geometric_mean_has():
    found = immune()
    for group in ("level 1, day 15", "level 3, day 15", "all, day 8"):
        plain = found.get("immune.CD8+.fold_change", group)
        modelled = found.get("immune.CD8+.mean_change", group)
        assert modelled.estimate == pytest.approx(plain.estimate, rel=1e-6)
        assert modelled.n == plain.n


def test_the_power_of_the_dose_is_found_on_its_day_alone():
    found = immune()
    last, first = (found.get("immune.CD8+.dose_exponent", day) for day in ("day 15", "day 8"))
    assert last.lower < -0.5 < last.upper
    assert last.upper < 0
    assert first.lower < 0 < first.upper
    assert last.level == 0.90
    assert "doubling of the interleukin-2 dose multiplies the ratio to baseline by 0.7" in last.note
    assert found.get("immune.CD8+.course_by_group").p < 0.01


def test_levels_that_do_not_differ_are_not_told_apart():
    assert immune(exponent=0.0).get("immune.CD8+.course_by_group").p > 0.05


def test_patients_who_missed_a_day_stay_in():
    missing = (15, 16, 31, 32, 44)  # of the first and the last day after treatment
    found = immune(missing=missing)
    complete = immune()
    for group in ("all, day 8", "all, day 15"):
        assert found.get("immune.CD8+.mean_change", group).estimate == pytest.approx(
            complete.get("immune.CD8+.mean_change", group).estimate, rel=0.1
        )
    assert found.get("immune.CD8+.mean_change", "all, day 15").n == 12


def test_courses_by_outcome_are_compared_at_the_same_level():
    found = immune(benefit=1.6)
    last, first = (found.get("immune.CD8+.course_by_outcome", day) for day in ("day 15", "day 8"))
    assert last.lower > 1.2
    assert last.lower < 1.6 < last.upper
    assert first.lower < 1 < first.upper
    assert "adjusted for level" in last.method
    assert "disease control" in last.note
    assert not immune(responses=False).named("immune.CD8+.course_by_outcome")


def test_one_day_after_baseline_has_no_course():
    found = immune(days=(-3.0, 14.0))
    assert found.named("immune.CD8+.fold_change")
    assert not found.named("immune.CD8+.mean_change")


def test_a_marker_that_follows_the_dose_exactly_is_refused_in_words():
    whole = record()
    rows = whole.measurements.assign(value=np.where(whole.measurements["day"] < 0, 100.0, 50.0))
    rows.loc[rows["day"] > 10, "value"] = 25.0
    found = Findings(analyse_part(["immune"], TrialRecord(whole.tables | {"measurements": rows}, Manifest()))["immune"])
    assert any("No mixed model of CD8+" in text and "residual variance" in text for text in found.notes)


def test_the_same_record_gives_the_same_numbers_in_any_order():
    whole = record(benefit=1.3)
    shuffled = whole.tables | {"measurements": whole.measurements.sample(frac=1, random_state=4)}
    one = Findings(analyse_part(["immune"], whole)["immune"])
    other = Findings(analyse_part(["immune"], TrialRecord(shuffled, Manifest()))["immune"])
    for name in ("mean_change", "dose_exponent", "course_by_outcome"):
        pairs = zip(one.named(f"immune.CD8+.{name}"), other.named(f"immune.CD8+.{name}"), strict=True)
        assert all(a.estimate == pytest.approx(b.estimate) and a.p == pytest.approx(b.p, rel=1e-4) for a, b in pairs)


PARTS = ("B", "CD4+", "CD8+", "NK cells")


def four_parts(seed=1, patients=10, rise=2.0, days=(-3.0, 14.0)):
    """NK cells rise against the other three, which stay; all four double with a factor of the patient's own."""
    rng = np.random.default_rng(seed)
    who = [f"P{k:02d}" for k in range(patients)]
    base = {part: np.exp(rng.normal(6, 0.4, patients)) for part in PARTS}
    rows = []
    for day in days:
        whole = np.exp(rng.normal(0, 0.5, patients))
        for part in PARTS:
            grown = (rise if part == "NK cells" and day > 0 else 1.0) * np.exp(rng.normal(0, 0.05, patients))
            rows.append(
                pd.DataFrame({"subject_id": who, "marker": part, "day": day, "value": base[part] * whole * grown})
            )
    table = pd.concat(rows, ignore_index=True).assign(
        compartment="blood", unit="cells/µl", below_limit=False, baseline=False
    )
    return TrialRecord({"subjects": pd.DataFrame({"subject_id": who}), "measurements": table}, Manifest()).validate()


def test_a_composition_changes_in_the_part_that_does():
    found = Findings(analyse_part(["immune"], four_parts())["immune"])
    change = found.get("immune.composition.change", "all, day 15")
    assert change.p == pytest.approx(2 / 2**10)
    assert change.estimate == pytest.approx(np.log(2) * np.sqrt(3) / 2, rel=0.1)  # one of four parts times two
    nk, other = (found.get(f"immune.composition.{part}", "all, day 15") for part in ("NK", "B"))
    assert nk.lower < 2 < nk.upper
    assert other.estimate == pytest.approx(2 ** (-1 / 3), rel=0.05)


def test_a_whole_that_grows_is_no_change_of_composition():
    found = Findings(analyse_part(["immune"], four_parts(rise=1.0))["immune"])
    assert found.get("immune.composition.change", "all, day 15").p > 0.05
    assert found.get("immune.composition.change", "all, day 15").estimate < 0.1


def test_three_of_the_four_are_no_composition():
    whole = four_parts()
    rows = whole.measurements[whole.measurements["marker"] != "B"]
    found = Findings(analyse_part(["immune"], TrialRecord(whole.tables | {"measurements": rows}, Manifest()))["immune"])
    assert not found.named("immune.composition")


def test_a_part_that_is_zero_everywhere_is_said():
    whole = four_parts()
    rows = whole.measurements.assign(value=whole.measurements["value"].where(whole.measurements["marker"] != "B", 0.0))
    found = Findings(analyse_part(["immune"], TrialRecord(whole.tables | {"measurements": rows}, Manifest()))["immune"])
    assert any("zero in every row" in text for text in found.notes)
