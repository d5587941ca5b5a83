"""Median survival of the mice with leukaemia where an assumption is another."""

import pytest

from opsonin.studies.mouse_doses import DAYS, DOSE, P21, VARIANTS, changed_study, median_days


def test_every_variant_is_a_study_that_can_be_read():
    for variant in VARIANTS.values():
        doses = {treatment.dose for treatment in changed_study(variant.text).file.treatment}
        assert len(doses) == 1  # both products alike, whatever is changed


def test_words_that_the_study_no_longer_has_are_not_replaced_in_silence():
    with pytest.raises(AssertionError, match="7 Mcell"):
        changed_study({'"7 Mcell"': '"1 Mcell"'})
    assert DOSE != DAYS


@pytest.mark.slow  # the model of the study is compiled the first time
def test_fewer_cells_or_a_late_start_shorten_survival():
    names = ("as it is: 5 million cells, three times", "1 million", "begun two weeks later", "half as many settle")
    usual, *others = (median_days(P21, VARIANTS[name], 60, 1) for name in names)
    assert all(other < usual for other in others)
