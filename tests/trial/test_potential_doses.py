"""A pool's outcomes at every level, as designs are simulated on."""

from types import SimpleNamespace

import numpy as np
import pytest

from opsonin.designs import Boin, MaxPatients, simulate
from opsonin.errors import StudyError
from opsonin.trial.potential_doses import potential_doses


def a_pool(onset, judged, weights=None, replace="not evaluable"):
    """A stand-in for `Pool`: days of the first DLT and who can be judged, patients by levels."""
    onset, judged = np.asarray(onset, dtype=float), np.asarray(judged, dtype=bool)
    protocol = SimpleNamespace(levels=[None] * onset.shape[1], replace=replace, dlt_window_days=21.0)
    plan = SimpleNamespace(protocol=protocol)

    def outcomes(level):
        return SimpleNamespace(
            first_limiting=lambda _: onset[:, level - 1], evaluable=lambda _: judged[:, level - 1]
        )  # fmt: skip

    given = np.ones(len(onset)) if weights is None else np.asarray(weights, dtype=float)
    return SimpleNamespace(plan=plan, outcomes=outcomes, weights=given)


NEVER = np.inf
ONSET = [[NEVER, 5.0], [NEVER, NEVER], [3.0, 2.0], [NEVER, 12.0]]


def test_rates_and_their_errors_are_those_of_the_pool():
    found = potential_doses(a_pool(ONSET, np.ones((4, 2))))
    assert found.dlt.tolist() == [0.25, 0.75]
    np.testing.assert_allclose(found.dlt_se, np.sqrt(0.25 * 0.75 / 4))
    assert found.apart.tolist() == [0.5]
    assert found.apart_se[0] == pytest.approx(np.sqrt(0.25 / 4))  # on the same patients: less than of two samples
    assert found.truth.dlt.tolist() == found.dlt.tolist()
    assert found.left_out == 0.0


def test_who_cannot_be_judged_at_every_level_is_left_out():
    judged = [[1, 1], [1, 1], [1, 1], [1, 0]]
    found = potential_doses(a_pool(ONSET, judged, weights=[1, 1, 1, 3]))
    assert found.rows.tolist() == [0, 1, 2]
    assert found.left_out == pytest.approx(0.5)
    assert found.truth.dlt == pytest.approx([1 / 3, 2 / 3])
    everybody = potential_doses(a_pool(ONSET, judged, replace="nobody"))
    assert len(everybody.rows) == 4


def test_weights_count():
    found = potential_doses(a_pool(ONSET, np.ones((4, 2)), weights=[1, 1, 2, 4]))
    assert found.dlt == pytest.approx([2 / 8, 7 / 8])


def test_a_design_meets_these_patients():
    rng = np.random.default_rng(3)
    tolerance = rng.uniform(size=300)
    onset = np.where(tolerance[:, None] < [0.05, 0.30, 0.60], 10.0, NEVER)
    found = potential_doses(a_pool(onset, np.ones((300, 3))))
    trials = simulate(MaxPatients(Boin(3, 0.30), 18), found.truth, 200)
    assert trials.select.argmax() == 1


def test_a_pool_that_cannot_be_judged_is_named():
    with pytest.raises(StudyError, match="no virtual patient can be judged"):
        potential_doses(a_pool(ONSET, np.zeros((4, 2))))
