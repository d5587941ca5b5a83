import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from conformance.recist_cases import check_recist
from opsonin.criteria import recist, responses_from_lesions
from opsonin.errors import CriteriaError
from paths import REFERENCE

PATH = REFERENCE / "survival" / "recist.json"


def reference_cases():
    if not PATH.is_file():
        why = f"no reference results at {PATH}; set OPSONIN_REFERENCE"
        return [pytest.param(None, id="none", marks=pytest.mark.skip(reason=why))]
    return [pytest.param(case, id=case["id"]) for case in json.loads(PATH.read_text())]


@pytest.mark.parametrize("case", reference_cases())
def test_worked_cases(case):
    check_recist(case)


def one(baseline, visits, days=None, **options):
    """One patient's assessment: baseline of each lesion, then a row of diameters per visit."""
    base = np.array([baseline], dtype=float)
    seen = np.array(visits, dtype=float).T[None]
    when = np.array([days or [42.0 * (k + 1) for k in range(len(visits))]])
    return recist.assess(base, seen, when, **options)


def words(judged):
    return [recist.RESPONSES[code] for code in judged.overall[0]]


def test_confirmation_is_a_choice():
    visits = [[60.0], [90.0]]
    assert recist.RESPONSES[one([100.0], visits).best[0]] == "PR"
    assert recist.RESPONSES[one([100.0], visits, confirm=True).best[0]] == "SD"
    assert recist.RESPONSES[one([100.0], [[60.0], [np.nan], [62.0]], confirm=True).best[0]] == "PR"


def test_a_visit_too_early_to_confirm_does_not():
    judged = one([100.0], [[60.0], [61.0], [75.0]], days=[42.0, 56.0, 84.0], confirm=True)
    assert recist.RESPONSES[judged.best[0]] == "SD"


def test_stable_disease_needs_its_time():
    assert recist.RESPONSES[one([100.0], [[100.0]], days=[28.0]).best[0]] == "NE"
    assert recist.RESPONSES[one([100.0], [[100.0]], days=[28.0], minimum_stable_days=28.0).best[0]] == "SD"


def test_what_comes_back_after_a_complete_response_is_progression_however_small():
    assert words(one([20.0], [[0.0], [3.0]])) == ["CR", "PD"]
    assert words(one([20.0, 20.0], [[0.0, 20.0], [3.0, 20.0]])) == ["PR", "PR"]


def test_nothing_after_progression_counts_for_the_best_response():
    judged = one([100.0], [[130.0], [50.0]])
    assert (recist.RESPONSES[judged.best[0]], judged.best_day[0], judged.progression_day[0]) == ("PD", 42.0, 42.0)


def test_non_target_lesions_alone_are_judged():
    lesions = pd.DataFrame(
        {
            "subject_id": "A",
            "lesion_id": "N1",
            "day": [-1.0, 42.0, 84.0],
            "kind": "non-target",
            "diameter_mm": np.nan,
            "state": ["present", "absent", "unequivocal progression"],
        }
    )
    table = responses_from_lesions(lesions)
    assert table["overall"].tolist() == ["CR", "PD", "CR"]


def test_a_subject_without_scans_after_baseline_is_not_evaluable():
    lesions = pd.DataFrame(
        {
            "subject_id": ["A", "B", "B"],
            "lesion_id": "T1",
            "day": [-1.0, -1.0, 42.0],
            "kind": "target",
            "diameter_mm": [50.0, 50.0, 20.0],
            "state": "measured",
        }
    )
    best = responses_from_lesions(lesions).query("best").set_index("subject_id")
    assert best["overall"].to_dict() == {"A": "NE", "B": "PR"}
    assert best.loc["A", "day"] == 0.0


# to a hundredth of a millimetre, finer than any ruler, so that a comparison stays clear of the last binary place
diameters = arrays(
    np.float64, (3, 2, 4), elements=st.one_of(st.just(np.nan), st.integers(0, 12_000).map(lambda n: n / 100))
)


@given(diameters)
def test_one_visit_at_a_time_judges_as_all_at_once(seen):
    """The policy of a trial sees visits one by one; the analysis sees all."""
    baseline = np.full((3, 2), 40.0)
    days = np.tile(42.0 * np.arange(1, 5), (3, 1))
    whole = recist.assess(baseline, seen, days)
    course, no, none = recist.begin(baseline), np.zeros(3, dtype=bool), np.full(3, recist.NONE)
    for v in range(4):
        visit, course = recist.judge(course, seen[:, :, v], baseline > 0, np.zeros((3, 2), dtype=bool), no, none)
        assert (visit.overall == whole.overall[:, v]).all()


@given(diameters)
def test_progression_follows_its_definition(seen):
    baseline = np.full((3, 2), 40.0)
    judged = recist.assess(baseline, seen, np.tile(42.0 * np.arange(1, 5), (3, 1)))
    total = np.nansum(seen, axis=1)
    for p in range(3):
        nadir = 80.0
        for v in range(4):
            grown = total[p, v] >= 1.2 * nadir * (1 - 1e-9) and total[p, v] >= nadir + 5 - 1e-9
            after_cr = (judged.overall[p, :v] == recist.CR).any()
            if not after_cr:
                assert (judged.overall[p, v] == recist.PD) == grown
            if not np.isnan(seen[p, :, v]).any():
                nadir = min(nadir, total[p, v])


@given(diameters)
def test_patients_do_not_depend_on_their_neighbours(seen):
    baseline = np.full((3, 2), 40.0)
    days = np.tile(42.0 * np.arange(1, 5), (3, 1))
    together = recist.assess(baseline, seen, days, confirm=True)
    for p in range(3):
        alone = recist.assess(baseline[[p]], seen[[p]], days[[p]], confirm=True)
        assert alone.best[0] == together.best[p]
        assert (alone.overall[0] == together.overall[p]).all()


def test_bad_measurements_are_named():
    with pytest.raises(CriteriaError, match="patient row 0 has a negative diameter"):
        one([-1.0], [[3.0]])
    with pytest.raises(CriteriaError, match="must rise"):
        one([10.0], [[3.0], [3.0]], days=[84.0, 42.0])
    with pytest.raises(CriteriaError, match="no column state"):
        responses_from_lesions(pd.DataFrame(columns=["subject_id", "lesion_id", "day", "kind", "diameter_mm"]))
    with pytest.raises(CriteriaError, match=r"known are RECIST 1\.1"):
        responses_from_lesions(pd.DataFrame(), "WHO")
    doubled = pd.DataFrame(
        {
            "subject_id": "A",
            "lesion_id": "T1",
            "day": [0.0, 0.0],
            "kind": "target",
            "diameter_mm": 9.0,
            "state": "measured",
        }
    )
    with pytest.raises(CriteriaError, match=r"lesion T1 of subject A has two rows on day 0\.0"):
        responses_from_lesions(doubled)
