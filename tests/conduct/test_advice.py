"""What a trial's team is told: the decision, what follows from the next cohort, and how much hangs on the prior."""

import json

import pandas as pd
import pytest

from opsonin.conduct import Conduct, advise, advise_on, other_priors, prior_sensitivity, with_decision
from opsonin.criteria import parse_rules
from opsonin.designs import Boin, Crm, MaxPatients, NoSkipping, ThreePlusThree, TiteBoin, parse_outcomes
from opsonin.designs.blrm import Blrm
from opsonin.designs.gboin import GBoin
from opsonin.errors import DesignError
from opsonin.record import TrialRecord

RULES = parse_rules(["fatigue >= 3"])
CRM = MaxPatients(NoSkipping(Crm(4, 0.25, cohort=3)), 24)


def trial(days, dlt=()):
    """Three patients at each level in turn, enrolled on these days; a DLT on day 5 of some."""
    ids = [f"P{k}" for k in range(len(days))]
    level = [1 + k // 3 for k in range(len(days))]
    tables = {
        "subjects": pd.DataFrame(
            {"subject_id": ids, "level": level, "cohort": level, "enrolled_day": [float(d) for d in days]}
        )
    }
    if dlt:
        tables["adverse_events"] = pd.DataFrame(
            {"subject_id": list(dlt), "event_id": [str(k) for k in range(len(dlt))], "term": "Fatigue", "grade": 3}
        ).assign(start_day=5.0, related="yes")
    return TrialRecord(tables)


SIX = trial([0, 5, 9, 40, 45, 50], ["P4"])


def test_advice_holds_the_decision_and_every_outcome_of_the_next_cohort():
    advice = advise(Conduct(ThreePlusThree(4)), parse_outcomes("1NNN 2NTN"))
    assert (advice.decision.action, advice.decision.level) == ("stay", 2)
    assert advice.next_cohort["decision"].tolist() == ["escalate", "de-escalate", "de-escalate", "de-escalate"]
    assert advice.next_cohort["reason"].str.len().min() > 10
    assert advice.prior.empty
    assert not advice.prior_matters


def test_a_model_is_asked_under_other_priors():
    table = prior_sensitivity(CRM, parse_outcomes("1NNN 2NTN")).set_index("prior")
    assert table.loc["as planned", "level"] == CRM.decide(parse_outcomes("1NNN 2NTN")).level
    assert table.loc["level 4 thought to be the MTD", "level"] == 3
    assert len(table) == len(other_priors(CRM)) + 1 >= 5
    assert advise(Conduct(CRM), parse_outcomes("1NNN 2NTN")).prior_matters
    assert other_priors(MaxPatients(Boin(4, 0.3), 12)) == {}


def test_many_patients_overrule_the_prior():
    many = parse_outcomes(" ".join(["1NNN"] + ["2NNNT"] * 15 + ["3NT"] * 10))
    long = MaxPatients(NoSkipping(Crm(4, 0.25, cohort=3)), 120)
    assert set(prior_sensitivity(long, many)["level"]) == {2}


def test_other_priors_keep_the_rules_around_the_design():
    for words, other in other_priors(CRM).items():
        assert isinstance(other, MaxPatients), words
        assert isinstance(other.inner, NoSkipping)
        assert other.patients == 24


def test_advice_on_a_record_is_that_on_its_outcomes():
    conduct = Conduct(ThreePlusThree(4), RULES)
    assert advise_on(conduct, SIX).decision == advise(conduct, parse_outcomes("1NNN 2NTN")).decision
    empty = TrialRecord({})
    assert advise_on(conduct, empty).decision.action == "start"


def test_a_design_that_waits_tells_nothing_of_the_next_cohort_yet():
    advice = advise_on(Conduct(ThreePlusThree(4), RULES), SIX, now=60.0)
    assert (advice.decision.patients, len(advice.next_cohort)) == (0, 0)


def test_a_design_for_late_toxicity_looks_at_days_of_follow_up():
    design = MaxPatients(TiteBoin(4, 0.30, window_days=21.0), 12)
    conduct = Conduct(design, RULES, window_days=21.0)
    advice = advise_on(conduct, SIX, now=68.0)  # P5 entered on day 50: 18 of 21 days
    assert advice.seen.text == "1NNN 2NTN@18d"
    assert advice.decision == design.decide(parse_outcomes("1NNN 2NTN@18d"))
    assert advise_on(conduct, SIX).seen.text == "1NNN 2NTN"


def test_the_decision_goes_into_the_record_once():
    conduct = Conduct(ThreePlusThree(4), RULES)
    advice = advise_on(conduct, SIX)
    table = with_decision(SIX.decisions, advice, "3+3", 71.0)
    row = table.iloc[-1]
    assert (row["decision_id"], row["seen"], row["decision"], row["level_to"]) == ("D01", "1NNN 2NTN", "stay", 2)
    assert json.loads(row["numbers"])["next_patients"] == 3
    written = TrialRecord({"subjects": SIX.subjects, "decisions": table}).validate()
    assert with_decision(written.decisions, advice, "3+3", 80.0) is None
    later = advise(conduct, parse_outcomes("1NNN 2NTN 2NNN"))
    assert with_decision(written.decisions, later, "3+3", 90.0)["decision_id"].tolist() == ["D01", "D02"]


def test_waiting_can_be_written():
    design = MaxPatients(TiteBoin(4, 0.30, window_days=21.0), 12)
    advice = advise(Conduct(design, window_days=21.0), parse_outcomes("1NNN 2N@2dN@2dN@2d"))
    assert advice.decision.action == "wait"
    assert advice.assumed == "3 patients still in the window end it without a DLT"
    TrialRecord({"decisions": with_decision(pd.DataFrame(), advice, "tite-boin", 42.0)}).validate()


def test_a_design_for_grades_is_not_asked_without_them():
    conduct = Conduct(MaxPatients(GBoin(4), 24))
    with pytest.raises(DesignError, match="worst grade of every patient, which '1NNN 2NTN' does"):
        advise(conduct, parse_outcomes("1NNN 2NTN"))
    advice = advise(conduct, parse_outcomes("1Ng0Ng1Ng0 2Ng1Tg3Ng2"))
    assert advice.decision.level in (1, 2, 3)
    table = advice.next_cohort.set_index("outcome")
    assert len(table) == 35  # every grade of three patients, in no order
    assert advice.assumed == "a toxicity of grade 3 or worse is dose-limiting"
    for outcome in ("Ng0Ng0Ng0", "Ng1Ng2Tg3", "Tg4Tg4Tg4"):
        then = advise(conduct, parse_outcomes(f"1Ng0Ng1Ng0 2Ng1Tg3Ng2 {advice.decision.level}{outcome}")).decision
        assert (table.loc[outcome, "decision"], table.loc[outcome, "reason"]) == (then.action, then.reason)


def test_the_blrm_is_asked_under_other_priors():
    design = MaxPatients(Blrm(4, doses=(3.0, 6.0, 9.0, 12.0)), 24)
    table = prior_sensitivity(design, parse_outcomes("1NNN 2NNN"))
    assert table["prior"].tolist()[0] == "as planned"
    assert len(table) == 5
    level = dict(zip(table["prior"], table["level"].fillna(0), strict=True))
    assert level["twice the prior odds of a DLT"] <= level["half the prior odds of a DLT"]


def test_outcomes_the_design_does_not_know_are_named():
    with pytest.raises(DesignError, match="hold level 7"):
        advise(Conduct(ThreePlusThree(4)), parse_outcomes("7NNN"))
