"""Phase II designs by name: the published ones come out, options are checked, decisions follow the bounds."""

import numpy as np
import pytest

from opsonin.designs.phase_two.by_name import KINDS, response_design
from opsonin.designs.phase_two.inference import two_stage_inference
from opsonin.errors import DesignError

EXAMPLES = {
    "simon": {"null": 0.05, "target": 0.20},
    "single-stage": {"null": 0.05, "target": 0.20},
    "bop2": {"null": 0.1, "target": 0.3, "looks": [10, 20, 30]},
    "predictive": {"null": 0.1, "target": 0.3, "patients": 36, "looks": [10, 20, 30]},
}


def test_every_kind_has_an_example_here():
    assert set(EXAMPLES) == set(KINDS)


@pytest.mark.parametrize(
    ("options", "stages", "futile"),
    [  # Simon 1989, Tables 1 and 2: r1/n1, r/n at alpha 0.05, power 0.80
        ({"null": 0.05, "target": 0.25}, [9, 17], [0, 2]),
        ({"null": 0.05, "target": 0.25, "choose": "minimax"}, [12, 16], [0, 2]),
        ({"null": 0.10, "target": 0.30}, [10, 29], [1, 5]),
        ({"null": 0.10, "target": 0.30, "choose": "minimax"}, [15, 25], [1, 5]),
    ],
)
def test_simons_tables_come_out(options, stages, futile):
    design = response_design({"name": "simon", **options})
    assert design.stages == stages
    assert design.looks.futile.tolist() == futile


@pytest.mark.parametrize("name", KINDS)
def test_decisions_follow_the_bounds_and_say_so(name):
    design = response_design({"name": name, **EXAMPLES[name]})
    assert design.describe().count("%") >= 4
    for look, (patients, futile) in enumerate(zip(design.stages, design.looks.futile.tolist(), strict=True)):
        last = look == len(design.stages) - 1
        for responses in range(patients + 1):
            made = design.decide(look, responses)
            assert made.action == ("stop" if responses <= futile else "declare" if last else "stay")
            assert f"{responses} of {patients}" in made.reason
    with pytest.raises(DesignError, match="looks; look"):
        design.decide(len(design.stages), 0)


def test_the_decisions_have_the_error_rates_the_design_claims():
    """Played out on random responses: share of trials found worth going on with."""
    design = response_design({"name": "simon", **EXAMPLES["simon"]})
    draw = np.random.default_rng(3)
    for rate in (design.null, design.target):
        go = 0
        for _ in range(4000):
            responses = np.cumsum(draw.random(design.stages[-1]) < rate)
            for look, patients in enumerate(design.stages):
                action = design.decide(look, int(responses[patients - 1])).action
                if action != "stay":
                    break
            go += action == "declare"
        exact = design.looks.at(rate).go
        assert abs(go / 4000 - exact) < 4 * np.sqrt(exact * (1 - exact) / 4000)


def test_the_inference_is_that_of_two_stages():
    design = response_design({"name": "simon", **EXAMPLES["simon"]})
    found = design.inference(5)
    assert found == two_stage_inference(5, 0, 10, 29, 0.05, 0.05)
    assert response_design({"name": "single-stage", **EXAMPLES["single-stage"]}).inference(5) is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "simn", "null": 0.05, "target": 0.2}, "did you mean 'simon'"),
        ({"name": "simon", "null": 0.05}, "needs target"),
        ({"name": "simon", "null": 0.05, "target": 0.2, "colour": 3}, "no option 'colour'"),
        ({"name": "simon", "null": "5 %", "target": 0.2}, "null of the phase II design 'simon' must be a number"),
        ({"name": "simon", "null": 5, "target": 0.2}, "between 0 and 1"),
        ({"name": "simon", "null": True, "target": 0.2}, "between 0 and 1"),
        ({"name": "simon", "null": 0.3, "target": 0.2}, "0 < p0 < p1 < 1"),
        ({"name": "simon", "null": 0.05, "target": 0.2, "choose": "best"}, "'optimal' or 'minimax'"),
        ({"name": "bop2", "null": 0.05, "target": 0.2, "looks": 10}, "list of numbers of patients"),
        ({"name": "predictive", "null": 0.1, "target": 0.3, "patients": 2.5, "looks": [1]}, "number of patients"),
    ],
)
def test_what_makes_no_design_is_named(given, words):
    with pytest.raises(DesignError, match=words):
        response_design(given)
