"""BLRM, and published trial paths, against the reference."""

import numpy as np

from opsonin.designs import Blrm, Boin, from_counts, parse_outcomes
from opsonin.designs.logistic_posterior import posteriors
from opsonin.designs.rate_posterior import rate_posterior

STEP = 18 / 1600  # of the reference's lattice, in prior standard deviations


def blrm_posterior(inputs, expected):
    """Means and deviations to 1e-5, probabilities and quantiles to 2e-3 as the README says.

    At the reference dose the rate depends on the intercept alone, so that the reference's plain sums over its lattice
    come in lumps of one step: there, quantiles may differ by what one step changes the rate, and probabilities by the
    share of one step. (Finer sums over the intercept alone agree with ours: tests/designs/test_blrm.py.)
    """
    (va, cab), (_, vb) = inputs["prior_cov"]
    low, high = inputs["interval_cutoffs"]
    design = Blrm(
        len(inputs["doses"]), (low + high) / 2, tuple(inputs["doses"]), inputs["ref_dose"], low, high,
        choose="highest", prior_mean=tuple(inputs["prior_mean"]), prior_sd=(va**0.5, vb**0.5),
        correlation=cab / (va * vb) ** 0.5,
    )  # fmt: skip
    patients, dlt = np.array([inputs["n"]]), np.array([inputs["dlt"]])
    seen = from_counts(patients, dlt, np.array([int(np.flatnonzero(patients[0])[-1]) + 1 if patients.any() else 0]))
    (lattice,) = posteriors(design.priors[0][1], patients, dlt)
    mean, covariance = lattice.moments()
    theirs = expected["posterior"]
    close = {"rtol": 0, "atol": 1e-5}
    np.testing.assert_allclose(mean[0], [theirs["alpha_mean"], theirs["beta_mean"]], **close)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance[0])), [theirs["alpha_sd"], theirs["beta_sd"]], **close)
    curve, under = design.curve(seen), design.below(seen, (low, high))[0]
    found = {
        "mean": curve.mean[0], "sd": curve.sd[0], "prob_under": under[:, 0], "prob_target": under[:, 1] - under[:, 0],
        "prob_over": 1 - under[:, 1], "q025": curve.lower[0], "median": curve.median[0], "q975": curve.upper[0],
    }  # fmt: skip
    at_reference = {
        **dict.fromkeys(("q025", "median", "q975"), 0.25 * va**0.5 * STEP),
        **dict.fromkeys(("prob_under", "prob_target", "prob_over"), 0.4 * (va / covariance[0, 0, 0]) ** 0.5 * STEP),
    }
    for dose, row in enumerate(theirs["doses"]):
        assert set(row) == set(found)
        for key, value in row.items():
            tolerance = 1e-5 if key in ("mean", "sd") else 2e-3
            if inputs["doses"][dose] == inputs["ref_dose"]:
                tolerance = max(tolerance, at_reference.get(key, 0.0))
            np.testing.assert_allclose(found[key][dose], value, rtol=0, atol=tolerance, err_msg=f"{key} at {dose}")
    assert int(design.admissible(seen)[0].sum()) == expected["highest_dose_index_ewoc_25pct"]
    if seen.total[0]:
        assert int(design.decide_many(seen).level[0]) == expected["highest_dose_index_ewoc_25pct"]
    if "reported_posterior_mean_prob_dlt_other_software" in expected:  # by MCMC
        reported = expected["reported_posterior_mean_prob_dlt_other_software"]
        np.testing.assert_allclose(curve.mean[0], reported, rtol=0, atol=0.01)


def published_trials(inputs, expected):
    levels = inputs.get("num_doses") or len(inputs["skeleton"])
    seen = parse_outcomes(inputs["outcomes"])
    assert seen.level.tolist() == inputs["level"]
    assert seen.dlt.astype(int).tolist() == inputs["tox"]
    if inputs["model"] == "boin":
        assert Boin(levels, inputs["target"]).decide(seen).level == expected["next_dose"]
        return
    patients, dlt = seen.counts(levels)
    skeleton = np.array(inputs["skeleton"])
    if inputs["model"] == "empiric":
        found = rate_posterior(patients, dlt, skeleton, scale=inputs["beta_sd"])
    else:
        found = rate_posterior(
            patients, dlt, skeleton, inputs["model"],
            intercept=inputs["a0"], shape=inputs["beta_shape"], rate=inputs["beta_rate"],
        )  # fmt: skip
    theirs = expected["posterior"]
    for key, ours in (("mean", found.mean), ("median", found.median), ("q025", found.lower), ("q975", found.upper)):
        tolerance = 1e-5 if key == "mean" else 1e-4  # the reference's quantiles are points of its grid
        np.testing.assert_allclose(ours, theirs[f"prob_tox_{key}"], rtol=0, atol=tolerance, err_msg=key)
    if "recommended_dose_by_posterior_mean" in expected:
        nearest = int(np.abs(found.mean - inputs["target"]).argmin()) + 1
        assert nearest == expected["recommended_dose_by_posterior_mean"]


CHECKS = {"blrm_posterior": blrm_posterior, "published_trials": published_trials}
