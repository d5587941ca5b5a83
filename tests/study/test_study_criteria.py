"""The criteria a study names are those its protocol, its words and its assumptions hold to."""

import pytest

from opsonin.errors import StudyError
from opsonin.study import Study

TUMOUR = 'tumour = { criteria = "RECIST 1.1", every = "6 weeks" }'


@pytest.fixture
def written(tmp_path):
    """A study file with another line for scans."""

    def write(line):
        source = Study.load("imatinib-il2").text
        assert TUMOUR in source
        path = tmp_path / "study.toml"
        path.write_text(source.replace(TUMOUR, line))
        return Study.load(path)

    return write


def test_irecist_and_confirmation_reach_the_protocol_and_the_words(written):
    study = written('tumour = { criteria = "iRECIST", every = "6 weeks", confirm = true }')
    tumour = study.built.protocol.tumour
    assert (tumour.criteria, tumour.confirm) == ("iRECIST", True)
    said = study.describe()
    assert "judged by iRECIST, responses to be confirmed" in said
    assert "treatment goes on until progression is confirmed on a scan" in said


def test_lugano_is_known_and_another_word_is_not(written):
    assert written('tumour = { criteria = "Lugano", every = "6 weeks" }').built.protocol.tumour.criteria == "Lugano"
    with pytest.raises(StudyError, match=r"assessments\.tumour\.criteria"):
        written('tumour = { criteria = "WHO", every = "6 weeks" }')
