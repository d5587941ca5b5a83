"""The docs' page of the bundled model says what the model says now."""

import pytest

from opsonin.studies.model_page import page
from opsonin.study import Study
from paths import ROOT

PAGE = ROOT / "docs" / "imatinib-il2-model.md"


@pytest.mark.skipif(not PAGE.is_file(), reason="the page is not in this copy; python -m opsonin.studies.model_page")
def test_the_page_of_the_bundled_model_is_up_to_date():
    model = Study.load("imatinib-il2").built.model
    made = page(model.explain(), "imatinib-il2", len(model.symbolic.states), len(model.symbolic.constants))
    assert PAGE.read_text(encoding="utf-8") == made, "run python -m opsonin.studies.model_page"
