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


BASKET = """title = "A basket"
[population]
indication = {indication}
pool = 40
[[treatment]]
agent = "pembrolizumab"
dose = "200 mg"
days = "1"
[enrolment]
patients = 10
[assessments]
tumour = {{ every = "8 weeks"{criteria} }}
[follow_up]
observe = "6 months"
"""


@pytest.fixture
def basket(tmp_path):
    """A study of several indications, with or without criteria."""

    def write(indication, criteria=""):
        path = tmp_path / "basket.toml"
        path.write_text(BASKET.format(indication=indication, criteria=criteria and f", criteria = {criteria}"))
        return Study.load(path)

    return write


@pytest.mark.parametrize(
    ("indication", "criteria", "held"),
    [
        ('["b-all", "pancreas"]', "", ("marrow", "RECIST 1.1")),
        ('["melanoma", "hodgkin", "dlbcl"]', "", ("RECIST 1.1", "Lugano", "Lugano")),
        ('["melanoma", "pancreas"]', "", "RECIST 1.1"),
        ('"t-all"', "", "marrow"),
        ('["b-all", "pancreas"]', '{ pancreas = "iRECIST" }', ("marrow", "iRECIST")),
        ('["b-all", "pancreas"]', '{ b-all = "iRECIST", pancreas = "iRECIST" }', "iRECIST"),
        ('["melanoma", "hodgkin"]', '"RECIST 1.1"', "RECIST 1.1"),
    ],
)
def test_criteria_follow_the_indication_where_the_file_says_nothing(basket, indication, criteria, held):
    assert basket(indication, criteria).built.protocol.tumour.criteria == held


def test_words_say_who_is_judged_by_what(basket):
    said = basket('["b-all", "melanoma", "pancreas"]', '{ pancreas = "iRECIST" }').describe()
    assert "judged by marrow (b-all), RECIST 1.1 (melanoma) and iRECIST (pancreas)." in said
    assert "until progression is seen (by iRECIST, confirmed) on a scan" in said


@pytest.mark.parametrize(
    ("criteria", "message"),
    [
        ('{ hodgkin = "Lugano" }', r"criteria are given for 'hodgkin', which population\.indication does not name"),
        ('{ pancraes = "Lugano" }', r"'pancraes', which .* does not name; did you mean 'pancreas'\?"),
        (
            '{ pancreas = "WHO" }',
            r"line 12: assessments\.tumour\.criteria: the criteria of 'pancreas' are 'WHO', but known",
        ),
        ('{ pancreas = "marrow" }', r"line 12: .*'pancreas' cannot be judged by 'marrow', which .*write 'RECIST 1\.1'"),
        ('"marrow"', r"'pancreas' cannot be judged by 'marrow'"),
        ('"recist"', r"the criteria are 'recist', but .*; did you mean 'RECIST 1\.1'\?$"),
        ('"WHO"', r"the criteria are 'WHO', but known are RECIST 1\.1, iRECIST, Lugano, marrow"),
        ('["marrow", "RECIST 1.1"]', r"the criteria are \['marrow', 'RECIST 1\.1'\], but known"),
        ("3", r"the criteria are 3, but known"),
    ],
)
def test_criteria_that_are_none_or_nobodys_are_refused_by_name(basket, criteria, message):
    with pytest.raises(StudyError, match=message):
        basket('["b-all", "pancreas"]', criteria)


def test_scans_that_never_come_are_refused(basket, tmp_path):
    basket('"melanoma"')
    text = (tmp_path / "basket.toml").read_text()
    (tmp_path / "basket.toml").write_text(text.replace("8 weeks", "8 months"))
    with pytest.raises(
        StudyError, match=r'tumour\.every \("8 months"\) is longer than follow_up\.observe \("6 months"\)'
    ):
        Study.load(tmp_path / "basket.toml")


def test_a_bundled_study_of_leukaemia_and_a_solid_tumour_judges_each_by_its_own():
    assert Study.load("cart-liquid-solid").built.protocol.tumour.criteria == ("marrow", "RECIST 1.1")
