"""Virtual trials judged by iRECIST and by Lugano: what the trial sees is what the record's lesions say."""

import numpy as np
import pytest

from opsonin.criteria import responses_from_lesions
from opsonin.designs import ThreePlusThree
from opsonin.trial import Pool, TumourPlan, assumptions, run_trials
from trial import small


@pytest.fixture(scope="module", params=["iRECIST", "Lugano"])
def run(request, model):
    protocol = small.small_protocol(tumour=TumourPlan(criteria=request.param, every_days=35.0), observe_days=350.0)
    pool = Pool(model, small.small_patients(model, 80), protocol, seed=11)
    return run_trials(pool, protocol, ThreePlusThree(3), 5, 8)


def test_the_lesions_of_the_record_say_the_same_responses(run):
    criteria = run.record.responses["criteria"].iloc[0]
    for trial in map(int, run.replicates.trials[:4]):
        record = run.replicates.trial(trial)
        again = responses_from_lesions(record.lesions, criteria)
        mine = record.responses.set_index(["subject_id", "day", "best"])
        theirs = again[again["subject_id"].isin(record.lesions["subject_id"])].set_index(["subject_id", "day", "best"])
        both = mine.join(theirs, rsuffix="_again", how="inner")
        assert len(both) == len(theirs)
        assert (both["overall"] == both["overall_again"]).all()
        assert both.loc[~both.index.get_level_values("best"), "reason"].str.len().min() > 20


def test_progression_of_the_survival_table_is_that_of_the_responses(run):
    irecist = run.record.responses["criteria"].iloc[0] == "iRECIST"
    for trial in map(int, run.replicates.trials):
        record = run.replicates.trial(trial)
        ttp = record.survival[record.survival["endpoint"] == "TTP"].set_index("subject_id")
        visits = record.responses[~record.responses["best"]]
        for subject, rows in visits.groupby("subject_id"):
            words, days = rows["overall"].tolist(), rows["day"].tolist()
            bad = [k for k, word in enumerate(words) if word in ("PD", "iUPD", "iCPD")]
            if irecist:  # the run that the visits end with, unless a visit without progression closed it
                good = [k for k, word in enumerate(words) if word in ("iSD", "iPR", "iCR")]
                bad = [k for k in bad if k > max(good, default=-1)] if "iCPD" not in words else bad
                if "iCPD" in words:
                    first = words.index("iCPD")
                    bad = [k for k in bad if not [g for g in good if k < g < first]]
            assert bool(ttp.loc[subject, "event"]) == bool(bad)
            if bad:
                assert ttp.loc[subject, "day"] == days[bad[0]]


def test_under_irecist_scans_and_treatment_go_on_until_progression_is_confirmed(run):
    if "iRECIST" not in set(run.record.responses["criteria"]):
        pytest.skip("of iRECIST only")
    visits = run.replicates.table("responses")
    visits = visits[~visits["best"].astype(bool)]
    confirmed = visits[visits["overall"] == "iCPD"].groupby(["trial", "subject_id"], observed=True)["day"].min()
    last = visits.groupby(["trial", "subject_id"], observed=True)["day"].max()
    assert len(confirmed) > 3
    assert (last.reindex(confirmed.index) == confirmed).all()
    off = run.replicates.table("disposition")
    off = off[off["milestone"] == "off treatment"].set_index(["trial", "subject_id"])
    stopped = off[off["reason"] == "progression"]
    shared = stopped.index.intersection(confirmed.index)
    assert len(shared)
    np.testing.assert_array_equal(stopped.loc[shared, "day"], confirmed.reindex(shared))


def test_the_assumptions_say_what_ends_the_scans():
    def said(criteria):
        protocol = small.small_protocol(tumour=TumourPlan(criteria=criteria))
        return " ".join(one["sentence"] for one in assumptions(protocol))

    assert "no scan is made after progression is confirmed (iRECIST)" in said("iRECIST")
    assert "Lesions are taken to be round" in said("Lugano")
    assert "no scan is made after progression." in said("RECIST 1.1")
