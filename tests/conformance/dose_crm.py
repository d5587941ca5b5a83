"""CRM, TITE-CRM and skeletons against the reference."""

import numpy as np

from opsonin.designs import Accrual, Coherent, Crm, MaxPatients, OneStepUp, Scenario, TiteCrm, parse_outcomes, simulate
from opsonin.designs.outcomes import Outcomes
from opsonin.designs.partial_order import partial_order_crm, working_models
from opsonin.designs.skeleton import skeleton

TRIALS = 4_000


def crm_getprior(inputs, expected):
    made = skeleton(
        inputs["nlevel"], inputs["target"], inputs["nu"], inputs["halfwidth"], inputs["model"], inputs["intcpt"]
    )
    np.testing.assert_allclose(made, expected["skeleton"], rtol=0, atol=1e-10)


def _design(make, inputs, **more):
    rates = tuple(inputs["skeleton"])
    options = (inputs[key] for key in ("model", "method", "scale", "intcpt"))
    return make(len(rates), inputs["target"], rates, *options, **more)


def _hold_estimate(design, seen, inputs, expected):
    """The independent quadrature to 1e-6, the package's own to 1e-3. Its variance after maximum likelihood is one of a
    flat prior with unequal limits of integration (see the README), which Opsonin does not have, and so no limits."""
    known = design.evidence(seen)
    found = design.estimate(known)
    assert int(design.recommended(known)[0]) == expected["mtd"]
    for key, tolerance in (("estimate", 1e-3), ("estimate_exact", 1e-6)):
        np.testing.assert_allclose(found.beta[0], expected[key], rtol=tolerance, atol=tolerance * 1e-3, err_msg=key)
    for key, tolerance in (("ptox", 1e-3), ("ptox_exact", 1e-6)):
        np.testing.assert_allclose(found.rates[0], expected[key], rtol=tolerance, err_msg=key)
    if inputs["method"] == "bayes":
        low, high = design.limits(found, inputs["conf_level"])
        for suffix, tolerance in (("", 1e-3), ("_exact", 1e-6)):
            np.testing.assert_allclose(found.variance[0], expected[f"post_var{suffix}"], rtol=tolerance)
            np.testing.assert_allclose(low[0], expected[f"ptox_lower{suffix}"], rtol=tolerance)
            np.testing.assert_allclose(high[0], expected[f"ptox_upper{suffix}"], rtol=tolerance)


def crm_posterior(inputs, expected):
    level, dlt = np.array(inputs["level"]), np.array(inputs["tox"], dtype=bool)
    _hold_estimate(_design(Crm, inputs), Outcomes(level, dlt), inputs, expected)


def titecrm_posterior(inputs, expected):
    window = float(inputs["obswin"])
    design = _design(TiteCrm, inputs, window_days=window, scheme=inputs["scheme"])
    seen = Outcomes(
        np.array(inputs["level"]),
        np.array(inputs["tox"], dtype=bool),
        followed_days=np.array(inputs["followup"], dtype=float),
    )
    weights = design.weights(design.evidence(seen).individuals)[0]
    np.testing.assert_allclose(weights, expected["weights"], rtol=0, atol=1e-12)
    _hold_estimate(design, seen, inputs, expected)


def _hold_simulated(found, inputs, expected, most):
    table, trials = found.to_frame(), inputs["nsim"]
    least = 100 * np.sqrt(1 / trials * (1 - 1 / trials) / trials)
    se = np.hypot(np.maximum(100 * table["declared_se"], least), np.maximum(expected["selection_percent_mcse"], least))
    assert (np.abs(100 * table["declared"] - expected["selection_percent"]) <= 4 * se).all()
    upper = np.hypot(table["patients_se"], most / (2 * np.sqrt(trials)))
    assert (np.abs(table["patients"] - expected["mean_n_at_dose"]) <= 4 * upper).all()
    assert (np.abs(table["dlt"] - expected["mean_dlt_at_dose"]) <= 4 * upper).all()


def crm_oc(inputs, expected):
    assert inputs["restrict"]
    design = Crm(
        len(inputs["skeleton"]), inputs["target"], tuple(inputs["skeleton"]), inputs["model"], scale=inputs["scale"],
        intercept=inputs["intcpt"], cohort=inputs["cohort_size"], confidence=1.0,
    )  # fmt: skip
    # the reference goes on whatever the toxicity at the lowest level (confidence 1)
    protocol = MaxPatients(Coherent(OneStepUp(design), down=False), inputs["n_max"])
    found = simulate(protocol, Scenario(inputs["true_prob_tox"]), TRIALS, seed=5)
    assert protocol.decide(parse_outcomes("")).level == inputs["start_dose"]
    _hold_simulated(found, inputs, expected, inputs["n_max"])


def titecrm_oc(inputs, expected):
    """In the reference a DLT shows at a uniform time of the window, patients come at even times, and a trial goes on
    whatever the toxicity at the lowest level (confidence 1)."""
    window = float(inputs["obswin"])
    rates = tuple(inputs["skeleton"])
    design = TiteCrm(len(rates), inputs["target"], rates, window_days=window, confidence=1.0)
    protocol = MaxPatients(Coherent(OneStepUp(design), down=False), inputs["n_max"])
    truth = Scenario(inputs["true_prob_tox"], window_days=window)
    accrual = Accrual(window / inputs["rate"], even=True)
    found = simulate(protocol, truth, 1_000, seed=5, accrual=accrual)
    _hold_simulated(found, inputs, expected, inputs["n_max"])
    assert abs(found.days.mean() - expected["mean_duration"]) < 2 * window / inputs["rate"]


def pocrm(inputs, expected):
    """The package rounds to three decimals and maximises to 1e-4."""
    orders, rates = np.array(inputs["orders"]), np.array(inputs["skeleton"])
    models = working_models(orders, rates)
    np.testing.assert_allclose(models, expected["working_models"], rtol=1e-12)
    combos, tox = np.array(inputs["combos"]), np.array(inputs["tox"])
    patients = np.bincount(combos - 1, minlength=len(rates))
    dlt = np.bincount(combos - 1, weights=tox, minlength=len(rates)).astype(int)
    found = partial_order_crm(orders, rates, patients, dlt, inputs["theta"])
    np.testing.assert_allclose(found.probability, expected["order_prob_3dp"], atol=1e-3)
    assert found.order + 1 == expected["order_est"]
    np.testing.assert_allclose(found.exponent, expected["a_est_3dp"], atol=1e-3)
    np.testing.assert_allclose(found.rates, expected["ptox_3dp"], atol=1e-3)
    assert found.recommended == expected["dose_rec"]


CHECKS = {
    "crm_getprior": crm_getprior,
    "crm_oc": crm_oc,
    "crm_posterior": crm_posterior,
    "pocrm": pocrm,
    "titecrm_oc": titecrm_oc,
    "titecrm_posterior": titecrm_posterior,
}
