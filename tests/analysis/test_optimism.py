"""Optimism: a model made of noise is found out, a stated one is not punished."""

import numpy as np
import pytest

from opsonin.analysis import concordance, concordance_many, cox, optimism_corrected
from opsonin.errors import AnalysisError


def _noise(n, k, seed):
    rng = np.random.default_rng(seed)
    return rng.exponential(1.0, n), rng.random(n) < 0.8, rng.normal(size=(n, k))


def _best_marker(time, event, markers):
    """Choose the marker that looks best, and judge by its concordance: the making and the judging of a search."""

    def fit(rows):
        found = concordance_many(time[rows], event[rows], markers[rows])
        k = int(np.argmax(np.abs(found.estimate - 0.5)))
        return k, 1.0 if found.estimate[k] > 0.5 else -1.0

    def score(model, rows):
        k, sign = model
        return concordance(time[rows], event[rows], sign * markers[rows, k]).estimate

    return fit, score


def test_a_chosen_marker_of_many_without_a_link_loses_most_of_what_it_seemed_to_have():
    apparent, corrected = [], []
    for seed in range(12):
        time, event, markers = _noise(60, 20, seed)
        found = optimism_corrected(*_best_marker(time, event, markers), n=60, samples=40, seed=seed)
        apparent.append(found.apparent[0])
        corrected.append(found.corrected[0])
    assert np.mean(apparent) > 0.58
    assert np.mean(corrected) < (np.mean(apparent) + 0.5) / 2


def test_a_model_that_was_not_made_from_the_data_has_no_optimism():
    time, event, markers = _noise(80, 1, 3)
    fit, score = (
        (lambda rows: None),
        (lambda model, rows: concordance(time[rows], event[rows], markers[rows, 0]).estimate),
    )
    found = optimism_corrected(fit, score, 80, samples=300)
    assert abs(found.optimism[0]) < 0.01
    assert found.corrected[0] == pytest.approx(found.apparent[0], abs=0.01)
    assert found.lower[0] < found.corrected[0] < found.upper[0]


def test_several_measures_strata_and_seeds():
    time, event, markers = _noise(70, 3, 5)
    level = np.repeat(["1", "2"], 35)

    def score(model, rows):
        linear = markers[rows] @ model.coefficient
        c = concordance(time[rows], event[rows], linear, strata=level[rows]).estimate
        slope = float(cox(time[rows], event[rows], linear).coefficient[0])
        return {"concordance": c, "slope": slope}

    def fit(rows):
        return cox(time[rows], event[rows], markers[rows], strata=level[rows])

    first, again, other = (optimism_corrected(fit, score, 70, strata=level, samples=60, seed=s) for s in (1, 1, 2))
    assert first.names == ["concordance", "slope"]
    assert first.apparent[1] == pytest.approx(1, abs=0.15)
    assert first.corrected[1] < first.apparent[1]  # a fitted model promises too much
    assert first.optimism.tolist() == again.optimism.tolist() != other.optimism.tolist()
    assert first.to_frame()["measure"].tolist() == first.names
    assert first.failed == 0


def test_samples_without_a_model_are_counted_and_too_many_refused():
    time, event, markers = _noise(40, 1, 7)

    def fit(rows):
        if 0 not in rows:  # as with a rare category that a sample may lack
            raise AnalysisError("the category is empty")

    def score(model, rows):
        return concordance(time[rows], event[rows], markers[rows, 0]).estimate

    found = optimism_corrected(fit, score, 40, samples=200)
    assert 40 < found.failed < 110  # a patient is missing from 37 % of samples

    def fit_rarely(rows):
        if np.unique(rows).size < 40 and 0 in rows:
            raise AnalysisError("too few patients")

    with pytest.raises(AnalysisError, match="of 200 bootstrap samples"):
        optimism_corrected(fit_rarely, score, 40, samples=200)
    with pytest.raises(AnalysisError, match="not a number"):
        optimism_corrected(lambda rows: None, lambda model, rows: float("nan"), 40)
    with pytest.raises(AnalysisError, match="1 samples of 40"):
        optimism_corrected(fit, score, 40, samples=1)
