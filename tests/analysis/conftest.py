"""The made-up escalation as fixtures: one record, replicates, and what is found in them."""

import pytest

from made_up_trial import QUESTIONS, bloods, escalation, one_record
from opsonin.record import Manifest, Replicates, TrialRecord


@pytest.fixture(scope="session")
def record():
    return one_record()


@pytest.fixture(scope="session")
def replicates():
    return Replicates(escalation(200), Manifest(kind="virtual", questions=QUESTIONS))


@pytest.fixture(scope="session")
def findings(record, replicates):
    from opsonin.analysis.everything import analyse

    subjects = record.subjects
    blood = bloods(subjects["subject_id"], subjects["level"], with_imatinib=False)
    return analyse(record, replicates, {"imatinib": TrialRecord({"subjects": subjects} | blood)})
