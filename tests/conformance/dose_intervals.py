"""Interval designs against the reference: tables, selections, simulated characteristics and late-onset decisions."""

import numpy as np
from scipy.special import betaincc

from opsonin.designs import (
    Boin,
    Keyboard,
    MaxPatients,
    Mtpi,
    Mtpi2,
    Scenario,
    StartAt,
    StopWhenHere,
    TiteBoin,
    simulate,
)
from opsonin.designs.evidence import Evidence, from_counts
from opsonin.designs.isotonic import isotonic

TRIALS = 20_000
LETTERS = {1: "E", 0: "S", -1: "D"}


def _bounds(table, most):
    """Per number of patients: the most DLTs to go up with, the fewest to go down and to give the dose up with."""
    up, down, out = [], [], []
    for n in range(1, most + 1):
        move = table.move[n, : n + 1]
        rises, falls, ends = (
            np.flatnonzero(move == 1),
            np.flatnonzero(move == -1),
            np.flatnonzero(table.eliminate[n, : n + 1]),
        )
        up.append(int(rises.max()) if rises.size else -1)
        down.append(int(falls.min()) if falls.size else None)
        out.append(int(ends.min()) if ends.size else None)
    return up, down, out


def _hold_table(table, inputs, expected):
    up, down, out = _bounds(table, inputs["n_max"])
    assert list(range(1, inputs["n_max"] + 1)) == expected["n"]
    assert up == [-1 if value is None else value for value in expected["escalate_if_dlt_le"]]
    assert down == expected["deescalate_if_dlt_ge"]
    assert out == expected["eliminate_if_dlt_ge"]


def boin_boundaries(inputs, expected):
    design = Boin(
        3,
        inputs["target"],
        inputs["p_saf"],
        inputs["p_tox"],
        inputs["cutoff_eli"],
        inputs["extrasafe"],
        inputs["offset"],
    )
    np.testing.assert_allclose(design.bounds, [expected["lambda_e"], expected["lambda_d"]], rtol=0, atol=1e-12)
    _hold_table(design.table(inputs["n_max"]), inputs, expected)
    lowest = expected["lowest_dose_stop_if_dlt_ge"]
    if lowest is None:
        assert not inputs["extrasafe"]
        return
    for n, least in zip(expected["n"], lowest, strict=True):
        patients = np.zeros((n + 1, 3), dtype=np.int64)
        dlt = patients.copy()
        patients[:, 0], dlt[:, 0] = n, np.arange(n + 1)
        ends = design.decide_many(from_counts(patients, dlt, np.ones(n + 1, dtype=np.int64))).stop
        assert (int(np.flatnonzero(ends)[0]) if ends.any() else None) == least


def keyboard_boundaries(inputs, expected):
    """The reference gives a dose up from the first patient on; Opsonin's default waits for three."""
    design = Keyboard(
        3, inputs["target"], inputs["margin_left"], inputs["margin_right"], inputs["cutoff_eli"], at_least=1
    )
    _hold_table(design.table(inputs["n_max"]), inputs, expected)


def mtpi_decisions(inputs, expected):
    assert inputs["prior_alpha"] == inputs["prior_beta"] == 1
    make = {"mtpi": Mtpi, "mtpi2": Mtpi2}[inputs["design"]]
    table = make(3, inputs["target"], inputs["epsilon1"], inputs["epsilon2"], inputs["exclusion_certainty"]).table(12)
    for n, row in enumerate(expected["decision_by_n_then_dlt"], start=1):
        ours = ["DU" if table.eliminate[n, y] else LETTERS[int(table.move[n, y])] for y in range(n + 1)]
        assert ours == row, f"{n} patients"


def boin_select_mtd(inputs, expected):
    levels = len(inputs["npts"])
    design = Boin(
        levels, inputs["target"], None, inputs["p_tox"], inputs["cutoff_eli"], inputs["extrasafe"], inputs["offset"],
        inputs["bound_mtd"],
    )  # fmt: skip
    patients, dlt = np.array([inputs["npts"]]), np.array([inputs["ntox"]])
    seen = from_counts(patients, dlt, np.array([1]))
    assert int(design.select_many(seen)[0]) == (expected["mtd"] or 0)
    rates = design.rates(seen)[0]
    for ours, theirs in zip(rates, expected["isotonic_estimate_2dp"], strict=True):
        if theirs is None or np.isnan(ours):  # the package also estimates doses that were given up
            continue
        assert abs(ours - theirs) <= 0.005 + 1e-9
    there = patients > 0
    over = betaincc(dlt + 0.05, np.maximum(patients - dlt, 0) + 0.05, inputs["target"])  # the prior of the estimates
    over = isotonic(over, np.ones(over.shape), there)[0]
    for ours, theirs, tried in zip(over, expected["prob_overdose_2dp"], there[0], strict=True):
        assert not tried or theirs is None or abs(ours - theirs) <= 0.005 + 1e-9


def _simulated(design, inputs, trials):
    return simulate(design, Scenario(inputs["true_prob_tox"]), trials, seed=11)


def _within(ours, ours_se, theirs, theirs_se, what):
    apart = np.abs(np.asarray(ours) - np.asarray(theirs, dtype=float))
    allowed = 4 * np.hypot(ours_se, theirs_se)
    assert (apart <= allowed).all(), f"{what}: {np.round(ours, 3)} against {theirs}, allowed {np.round(allowed, 3)}"


def _hold_simulated(found, inputs, selected, selected_se, patients, patients_se):
    table, trials = found.to_frame(), inputs["ntrial"]
    least = 100 * np.sqrt(1 / trials * (1 - 1 / trials) / trials)
    se = np.maximum(100 * table["declared_se"], least)
    _within(100 * table["declared"], se, selected, np.maximum(selected_se, least), "selected")
    _within(table["patients"], table["patients_se"], patients, patients_se, "patients")


def boin_oc(inputs, expected):
    design = Boin(
        len(inputs["true_prob_tox"]), inputs["target"], confidence=inputs["cutoff_eli"], cohort=inputs["cohort_size"]
    )
    stops = StopWhenHere(design, inputs["n_earlystop"], stays=True)
    most = inputs["n_cohort"] * inputs["cohort_size"]
    found = _simulated(MaxPatients(StartAt(stops, inputs["start_dose"]), most), inputs, TRIALS)
    upper = most / (2 * np.sqrt(inputs["ntrial"]))
    percent = np.array(expected["selection_percent"]) / 100
    usual = 100 * np.sqrt(percent * (1 - percent) / inputs["ntrial"])
    _hold_simulated(
        found, inputs, expected["selection_percent"], expected.get("selection_percent_mcse", usual),
        expected["mean_n_at_dose"], expected.get("mean_n_at_dose_mcse", upper),
    )  # fmt: skip
    if "independent_check" in expected:
        check = expected["independent_check"]
        _hold_simulated(found, inputs, check["selection_percent"], usual, check["mean_n_at_dose"], upper)


def keyboard_oc(inputs, expected):
    design = MaxPatients(
        Keyboard(len(inputs["true_prob_tox"]), inputs["target"], cohort=inputs["cohort_size"]),
        inputs["n_cohort"] * inputs["cohort_size"],
    )
    percent = np.array(expected["selpercent"]) / 100
    usual = 100 * np.sqrt(percent * (1 - percent) / inputs["ntrial"])
    upper = inputs["n_cohort"] * inputs["cohort_size"] / (2 * np.sqrt(inputs["ntrial"]))
    found = _simulated(design, inputs, TRIALS)
    _hold_simulated(found, inputs, expected["selpercent"], usual, expected["npatients"], upper)
    over = (found.measures()["more than 60 % overdosed"]).mean() * 100
    assert abs(over - expected["overdose60"][0]) < 4 * 100 * np.sqrt(0.03 * 0.97 * (1 / inputs["ntrial"] + 1 / TRIALS))


def tite_boin_next(inputs, expected):
    assert inputs["n_earlystop"] == 100
    design = TiteBoin(
        len(inputs["n"]), inputs["target"], inputs["p_saf"], inputs["p_tox"], extra_safe=inputs["extrasafe"],
        window_days=float(inputs["window"]), most_pending=inputs["max_pending_fraction"],
    )  # fmt: skip
    seen = Evidence(
        np.array([inputs["n"]]), np.array([inputs["dlt"]]), np.array([inputs["current_dose"]]),
        pending=np.array([inputs["n_pending"]]),
        followed=np.array([inputs["pending_followup_total"]]) / inputs["window"],
    )  # fmt: skip
    made = design.decide_many(seen)
    assert bool(made.stop[0]) == expected["early_stop_lowest_toxic"]
    assert (~design.admissible(seen)[0]).tolist() == expected["eliminated"]
    waits = bool(made.action[0] == 6)
    assert waits == expected["suspend"]
    if not waits and not made.stop[0]:
        assert int(made.level[0]) == expected["dose"]


CHECKS = {
    "boin_boundaries": boin_boundaries,
    "boin_oc": boin_oc,
    "boin_select_mtd": boin_select_mtd,
    "keyboard_boundaries": keyboard_boundaries,
    "keyboard_oc": keyboard_oc,
    "mtpi_decisions": mtpi_decisions,
    "tite_boin_next": tite_boin_next,
}
