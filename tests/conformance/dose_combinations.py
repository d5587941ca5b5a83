"""Combination designs against the reference."""

import re

import numpy as np

from opsonin.designs import BoinComb, MaxPatients, Scenario, StopWhenHere, next_subtrial, simulate
from opsonin.designs.evidence import from_counts

TRIALS = 8_000


def _design(inputs, shape, **more):
    return BoinComb(shape[0] * shape[1], shape[1], inputs["target"], **more)


def boin_comb_next(inputs, expected):
    """Of equally good neighbours the package draws one; all of them are the options here."""
    patients, dlt = np.array(inputs["npts"]), np.array(inputs["ntox"])
    columns = patients.shape[1]
    assert inputs["n_earlystop"] == 100
    design = _design(
        inputs, patients.shape, confidence=inputs["cutoff_eli"], extra_safe=inputs["extrasafe"], offset=inputs["offset"]
    )
    row, column = inputs["dose_curr"]
    seen = from_counts(patients.reshape(1, -1), dlt.reshape(1, -1), np.array([(row - 1) * columns + column]))
    made = design.decide_many(seen)
    assert bool(made.stop[0]) == expected["stop"]
    _, equal = design.options(seen)
    options = [[int(cell) // columns + 1, int(cell) % columns + 1] for cell in equal[0] if cell >= 0]
    level = int(made.level[0]) - 1
    here = [[level // columns + 1, level % columns + 1]]
    assert sorted(options or here) == sorted(expected["possible_next_doses"])
    assert here[0] in expected["possible_next_doses"]


def boin_select_mtd_comb(inputs, expected):
    patients, dlt = np.array(inputs["npts"]), np.array(inputs["ntox"])
    columns = patients.shape[1]
    assert not inputs["bound_mtd"]
    design = _design(inputs, patients.shape, confidence=inputs["cutoff_eli"])
    seen = from_counts(patients.reshape(1, -1), dlt.reshape(1, -1), np.array([1]))
    cells = design.contour(seen)[0] if inputs["mtd_contour"] else [int(design.select_many(seen)[0])]
    assert [[(cell - 1) // columns + 1, (cell - 1) % columns + 1] for cell in cells] == expected["mtd"]
    ours = design.rates(seen).reshape(patients.shape)
    np.testing.assert_allclose(
        ours, np.array(expected["isotonic_estimate_2dp"], dtype=float), rtol=0, atol=0.005 + 1e-6
    )


def boin_waterfall_next(inputs, expected):
    made = next_subtrial(np.array(inputs["npts"]), np.array(inputs["ntox"]), inputs["target"])
    assert made is not None
    assert list(made.cells) == [(int(a), int(b)) for a, b in re.findall(r"\((\d+), (\d+)\)", expected["next_subtrial"])]
    assert list(made.start) == [int(number) for number in expected["starting_dose"]]


def boin_comb_oc(inputs, expected):
    truth = np.array(inputs["true_prob_tox"])
    design = _design(inputs, truth.shape, cohort=inputs["cohort_size"])
    protocol = MaxPatients(
        StopWhenHere(design, inputs["n_earlystop"], stays=True), inputs["n_cohort"] * inputs["cohort_size"]
    )
    found = simulate(protocol, Scenario(truth), TRIALS, seed=3)
    table, trials = found.to_frame(), inputs["ntrial"]
    least = 100 * np.sqrt(1 / trials * (1 - 1 / trials) / trials)
    se = np.hypot(
        np.maximum(100 * table["declared_se"], least), np.maximum(np.ravel(expected["selection_percent_mcse"]), least)
    )
    assert (np.abs(100 * table["declared"] - np.ravel(expected["selection_percent"])) <= 4 * se).all()
    # mean patients carry no standard error in the reference; ours at its number of trials stands for it
    upper = table["patients_se"] * np.sqrt(1 + TRIALS / trials)
    assert (np.abs(table["patients"] - np.ravel(expected["mean_n_at_dose"])) <= 4 * upper + 0.005).all()


CHECKS = {
    "boin_comb_next": boin_comb_next,
    "boin_comb_oc": boin_comb_oc,
    "boin_select_mtd_comb": boin_select_mtd_comb,
    "boin_waterfall_next": boin_waterfall_next,
}
