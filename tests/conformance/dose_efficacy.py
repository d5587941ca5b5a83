"""BOIN12 against the reference."""

import numpy as np

from opsonin.designs import Boin12, parse_outcomes, rank_based_scores


def _design(inputs, levels):
    assert (inputs["u1"], inputs["u4"]) == (100, 0)
    return Boin12(
        levels, inputs["phi_t"], inputs["phi_e"], inputs["u2"], inputs["u3"], inputs.get("n_star", 6), inputs["c_t"],
        inputs["c_e"],
    )  # fmt: skip


def boin12_rds(inputs, expected):
    table = rank_based_scores(_design(inputs, 1), inputs["sample_sizes"])
    assert table["patients"].tolist() == expected["n"]
    assert table["dlt"].tolist() == expected["tox"]
    assert table["responses"].tolist() == expected["eff"]
    assert table["admissible"].tolist() == expected["admissible"]
    ranks = [None if np.isnan(rank) else rank for rank in table["rank"].tolist()]
    assert ranks == expected["rds"]


def boin12_next(inputs, expected):
    """The package's admissible doses are the neighbours that may be given."""
    design = _design(inputs, inputs["num_doses"])
    seen = design.evidence(parse_outcomes(inputs["outcomes"]))
    np.testing.assert_allclose(100 * design.desirability(seen)[0], expected["desirability_percent"], rtol=1e-8)
    near = np.abs(np.arange(1, inputs["num_doses"] + 1) - seen.current[0]) <= 1
    assert (design.tolerable(seen)[0] & near).tolist() == expected["admissible"]
    made = design.decide_many(seen)
    assert bool(made.stop[0]) != expected["continue"]
    assert int(made.level[0]) == expected["next_dose"]


CHECKS = {"boin12_next": boin12_next, "boin12_rds": boin12_rds}
