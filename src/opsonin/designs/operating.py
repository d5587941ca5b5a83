"""Exact operating characteristics of a design that decides from counts: every course a trial can take, weighted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from opsonin.designs.base import Decisions, Design
from opsonin.designs.evidence import from_counts
from opsonin.designs.simulation import check_order
from opsonin.designs.truth import Scenario
from opsonin.errors import DesignError


@dataclass(frozen=True, eq=False)
class OperatingCharacteristics:
    """What a design does where the true DLT probabilities are known.

    select: probability that each level is declared the MTD;   none: that no level is.
    patients, dlt: expected number at each level.
    """

    select: Float[np.ndarray, " level"]
    none: float
    patients: Float[np.ndarray, " level"]
    dlt: Float[np.ndarray, " level"]


def exact_characteristics(
    design: Design, probabilities: Float[np.ndarray, " level"], *, falling: bool = False
) -> OperatingCharacteristics:
    """Operating characteristics by enumeration, all courses of equal counts and level taken together.

    probabilities: the true DLT probability at each level.   falling: they may fall with dose, as in a `Scenario`.
    Raises: DesignError where there are not as many probabilities as levels, one lies outside [0, 1], or they fall with
    dose and nobody has said that they may.
    """
    _check(design, probabilities)
    check_order(design, Scenario(probabilities, falling=falling))
    levels = design.levels
    state = np.zeros((1, 2 * levels + 1), dtype=np.int64)  # patients and DLTs per level, then the current level
    weight = np.ones(1)
    select, none = np.zeros(levels), 0.0
    expected, toxic = np.zeros(levels), np.zeros(levels)
    while True:
        patients, dlt, current = state[:, :levels], state[:, levels:-1], state[:, -1]
        made = design.decide_many(from_counts(patients, dlt, current))
        done = made.stop
        expected += weight[done] @ patients[done]
        toxic += weight[done] @ dlt[done]
        select += np.bincount(made.mtd[done], weights=weight[done], minlength=levels + 1)[1:]
        none += float(weight[done & (made.mtd == 0)].sum())
        if done.all():
            break
        state, weight = _treat(state[~done], weight[~done], made.take(~done), probabilities)
    return OperatingCharacteristics(select, none, expected, toxic)


def _treat(
    state: Int[np.ndarray, "course number"],
    weight: Float[np.ndarray, " course"],
    made: Decisions,
    probabilities: Float[np.ndarray, " level"],
) -> tuple[Int[np.ndarray, "branch number"], Float[np.ndarray, " branch"]]:
    """Every outcome of the next cohort of every course, equal states merged."""
    from scipy.special import comb

    levels = len(probabilities)
    states, weights = [], []
    for dlt in range(int(made.patients.max()) + 1):
        possible = made.patients >= dlt
        rows, at = np.arange(possible.sum()), made.level[possible] - 1
        after = state[possible].copy()
        after[rows, at] += made.patients[possible]
        after[rows, levels + at] += dlt
        after[:, -1] = made.level[possible]
        states.append(after)
        treated, p = made.patients[possible], probabilities[at]
        weights.append(weight[possible] * comb(treated, dlt) * p**dlt * (1 - p) ** (treated - dlt))
    merged, where = np.unique(np.concatenate(states), axis=0, return_inverse=True)
    return merged, np.bincount(where.reshape(-1), weights=np.concatenate(weights), minlength=len(merged))


def _check(design: Design, probabilities: Float[np.ndarray, " level"]) -> None:
    if len(probabilities) != design.levels:
        raise DesignError(
            f"the design has {design.levels} levels, but {len(probabilities)} DLT probabilities were given."
        )
    if np.any(~((probabilities >= 0) & (probabilities <= 1))):
        raise DesignError(f"DLT probabilities lie between 0 and 1; {probabilities.tolist()} were given.")
