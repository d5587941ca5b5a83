"""Phase II designs against the reference."""

import numpy as np

from opsonin.designs.phase_two import simon, single_stage, two_stage_inference

FIELDS = ("r1", "n1", "r", "n")


def _same(ours, theirs):
    assert [getattr(ours, key) for key in FIELDS] == [theirs[key] for key in FIELDS]
    for key in set(theirs) - set(FIELDS):
        np.testing.assert_allclose(getattr(ours, key), theirs[key], rtol=1e-8, err_msg=key)


def simon_two_stage(inputs, expected):
    found = simon(inputs["p0"], inputs["p1"], inputs["alpha"], inputs["beta"], most=inputs["nmax"])
    _same(found.optimal, expected["optimal"])
    _same(found.minimax, expected["minimax"])
    for ours, theirs in zip(found.admissible, expected["admissible"], strict=True):
        _same(ours, theirs)


def simon_inference(inputs, expected):
    found = two_stage_inference(*(inputs[key] for key in ("x", "r1", "n1", "n", "p0", "alpha")))
    np.testing.assert_allclose(found.estimate, expected["pumvue"], rtol=1e-8)
    np.testing.assert_allclose(found.p, expected["p.value"], rtol=1e-8)
    alpha = inputs["alpha"]
    np.testing.assert_allclose(found.lower, expected[f"{100 * alpha:g}% LCL"], atol=1e-4)
    # the package's upper limit leaves out what was observed; the exact one lies above it
    np.testing.assert_allclose(found.upper_by_p, expected[f"{100 * (1 - alpha):g}% UCL"], atol=1e-4)
    assert found.upper > found.upper_by_p


def single_stage_exact(inputs, expected):
    found = single_stage(inputs["p0"], inputs["p1"], inputs["alpha"], inputs["beta"], solutions=inputs["nsoln"])
    assert [(one.n, one.r) for one in found] == [(one["n"], one["r"]) for one in expected["solutions"]]
    for ours, theirs in zip(found, expected["solutions"], strict=True):
        errors = [theirs["Type I error"], theirs["Type II error"]]
        np.testing.assert_allclose([ours.type1, ours.type2], errors, rtol=1e-8)


CHECKS = {
    "simon_inference": simon_inference,
    "simon_two_stage": simon_two_stage,
    "single_stage_exact": single_stage_exact,
}
