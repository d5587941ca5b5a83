"""The copies of cart-liquid-solid that its page is measured with, and that its tables hold numbers."""

import re

import pytest

from opsonin.studies.car_t_barriers import ELIANA, HIGHEST, barriers, changed_study
from opsonin.studies.clinical_patients import figure_of


def test_a_copy_has_another_indication_its_criteria_and_another_dose_of_cells_alone():
    study = changed_study("b-all", HIGHEST, 12)
    protocol = study.built.protocol
    assert protocol.tumour.criteria == "marrow"
    assert changed_study("gastric", HIGHEST).built.protocol.tumour.criteria == "RECIST 1.1"
    doses = {t.agent: max(t.doses) for t in protocol.treatments}
    assert doses == {
        "fludarabine": 30, "lymphodepleting-cyclophosphamide": 500,
        "car-t": 250, "car-t-solid": 250, "armoured-car-t": 250,
    }  # fmt: skip
    assert protocol.arms.patients == ((12, 12, 12),)
    assert study.file.questions.why is None


@pytest.mark.parametrize("quantity", list(ELIANA))
def test_every_figure_of_eliana_can_be_read_from_patients(quantity):
    assert figure_of(quantity) is not None


@pytest.mark.slow
def test_the_table_of_barriers_holds_a_share_of_each_cancer_for_every_change():
    rows = barriers(60, 1).splitlines()[2:]
    assert len(rows) == 7
    for row in rows:
        name, *cells = [cell.strip() for cell in row.strip("|").split("|")]
        shares = [float(re.fullmatch(r"([\d.]+)%", cell)[1]) for cell in cells]
        assert len(shares) == 2, name
        assert all(0 <= share <= 100 for share in shares)
