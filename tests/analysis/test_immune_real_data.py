"""Blood of 91 patients before and on checkpoint inhibitors (CyTOF): the table of the data, models that must agree."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from opsonin.analysis import composition_change, composition_trend, mixed_model, replace_zeros
from opsonin.analysis.compositions import isometric_log_ratios
from paths import DATA, needs_data

FOLDER = DATA / "cytof-ici-longitudinal"
TYPES = ["B", "DNT", "Myeloid", "NK", "TcCM", "TcEFF", "TcEM", "TcN", "Th17", "Th2", "Th2CM", "Th2EM", "ThCTL", "ThN",
         "Treg"]  # fmt: skip
pytestmark = needs_data


@pytest.fixture(scope="module")
def cohort():
    groups = pd.read_csv(FOLDER / "patient_groups.csv").set_index("pt_id")
    before, after = (
        pd.read_csv(FOLDER / f"{when}_cytokines_cytof.csv").set_index("pt_id")[TYPES]
        for when in ("baseline", "on_treatment")
    )
    # one patient stands in both tables and not in that of the changes, from which the folder's figures are
    changed = pd.read_csv(FOLDER / "fold_change_cytokines_cytof.csv")["pt_id"]
    both = before.dropna().index.intersection(after.dropna().index).intersection(groups.index).intersection(changed)
    return before.loc[both], after.loc[both], groups.loc[both]


def test_the_change_of_effector_memory_parts_by_response(cohort):
    """The folder's table: TcEM fold 1.19 in responders, 0.83 in the others P 0.0020 by ranks."""
    before, after, groups = cohort
    known = groups["Response"].isin(["Yes", "No"])
    fold = (after["TcEM"] / before["TcEM"])[known]
    response = groups.loc[known, "Response"] == "Yes"
    assert (int(response.sum()), int((~response).sum())) == (25, 52)
    assert fold[response].median() == pytest.approx(1.19, abs=0.005)
    assert fold[~response].median() == pytest.approx(0.83, abs=0.005)
    # as a mixed model of both samples of each patient: time by response is Student's test of the patients' differences
    both = pd.concat([before.loc[known, "TcEM"], after.loc[known, "TcEM"]])
    time = np.repeat([0.0, 1.0], known.sum())
    responder = np.tile(response.to_numpy(dtype=float), 2)
    fixed = pd.DataFrame({"time": time, "response": responder, "time:response": time * responder})
    fit = mixed_model(np.log(both.to_numpy()), fixed, both.index)
    found = fit.contrast({"time:response": 1})
    student = stats.ttest_ind(np.log(fold[response]), np.log(fold[~response]))
    assert found.p == pytest.approx(student.pvalue, rel=1e-5)
    assert found.df == pytest.approx(75, rel=1e-5)
    assert found.lower > 0


def test_fifteen_cell_types_as_one_composition(cohort):
    before, after, groups = cohort
    parts = replace_zeros(pd.concat([before, after]).to_numpy())
    start, end = parts[: len(before)], parts[len(before) :]
    change = composition_change(start, end, names=TYPES)
    assert change.n == len(before)
    assert len(change.parts) == 15
    assert 0 < change.p <= 1
    aged = (groups["Aged"] == "Yes").to_numpy()
    age = composition_trend(isometric_log_ratios(start), aged.astype(str))
    assert age.p < 0.05  # naive cells are fewer in the aged
    naive = np.log(start[:, TYPES.index("TcN")]) - np.log(start).mean(axis=1)
    assert np.median(naive[aged]) < np.median(naive[~aged])
