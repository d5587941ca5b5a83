"""Randomised selection: of several arms or doses take the one with the most responses."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from opsonin.designs.phase_two.binomial import pmf
from opsonin.errors import DesignError


def pick_the_winner(patients: int, rates: Float[np.ndarray, " arm"]) -> Float[np.ndarray, " arm"]:
    """The probability that each arm is selected, with so many patients in each; ties are broken by lot.

    Source: Simon, Wittes & Ellenberg (1985), Cancer Treat Rep 69:1375.
    Raises: DesignError for rates outside [0, 1] or fewer than two arms.
    """
    given = np.asarray(rates, dtype=float)
    if given.size < 2 or np.any(~((given >= 0) & (given <= 1))):
        raise DesignError(f"selection needs two or more arms with rates between 0 and 1; {given.tolist()} were given.")
    chances = np.stack([pmf(patients, float(p)) for p in given])
    below = np.concatenate([np.zeros((len(given), 1)), np.cumsum(chances, axis=1)[:, :-1]], axis=1)
    found = np.zeros(len(given))
    for arm in range(len(given)):
        # the number of other arms that tie with this one, by a polynomial in it
        ties = np.ones((1, patients + 1))
        for other in range(len(given)):
            if other == arm:
                continue
            grown = np.zeros((len(ties) + 1, patients + 1))
            grown[:-1] += ties * below[other]
            grown[1:] += ties * chances[other]
            ties = grown
        shares = 1.0 / (1.0 + np.arange(len(ties)))
        found[arm] = float((chances[arm] * (shares[:, None] * ties).sum(axis=0)).sum())
    return found


def selection_size(arms: int, rate: float, better: float, certainty: float = 0.90, *, most: int = 500) -> int:
    """Patients in each arm for the best one, `better` above a rate that all others have, to be selected so often.

    Raises: DesignError where `most` are not enough, or the numbers make no question.
    """
    if arms < 2 or not 0 < better <= 1 - rate < 1 or not 1 / max(arms, 2) < certainty < 1:
        raise DesignError(
            f"selection asks for two or more arms, a rate with room for the better one and a certainty above chance; "
            f"{arms} arms, {rate:g} + {better:g} and {certainty:g} were given."
        )
    rates = np.array([rate + better, *[rate] * (arms - 1)])
    for patients in range(1, most + 1):
        if pick_the_winner(patients, rates)[0] >= certainty:
            return patients
    raise DesignError(f"{most} patients in each arm do not select the better one with a probability of {certainty:g}.")
