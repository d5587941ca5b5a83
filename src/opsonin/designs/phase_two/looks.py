"""Exact operating characteristics of a single arm that is looked at several times, by responses counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from opsonin.designs.phase_two.binomial import pmf
from opsonin.errors import DesignError


class LooksCharacteristics(NamedTuple):
    """go: probability that the drug is found worth going on with;   stop: that the trial ends at each look but the last
    for futility;   patients: expected number."""

    go: float
    stop: Float[np.ndarray, " look"]
    patients: float


def rising(looks: Iterable[int]) -> Int[np.ndarray, " look"]:
    """Numbers of patients at looks, as given.

    Raises: DesignError where they do not rise from each look to the next.
    """
    points = np.array([int(n) for n in looks], dtype=np.int64)
    if np.any(np.diff(points, prepend=0) < 1):
        raise DesignError(f"looks come after rising numbers of patients; {points.tolist()} were given.")
    return points


@dataclass(frozen=True, eq=False)
class Looks:
    """Stop at a look with `futile` responses or fewer (-1: never); at the last one that decides: more is a go.

    patients: at each look, rising.
    """

    patients: Int[np.ndarray, " look"]
    futile: Int[np.ndarray, " look"]

    def __post_init__(self) -> None:
        if not len(self.patients) or np.any(np.diff(self.patients, prepend=0) < 1):
            raise DesignError(f"looks come after rising numbers of patients; {self.patients.tolist()} were given.")
        if np.any(self.futile >= self.patients):
            raise DesignError("a look cannot ask for more responses than it has patients.")

    def at(self, p: float) -> LooksCharacteristics:
        """What happens where the response rate is p."""
        if not 0 <= p <= 1:
            raise DesignError(f"a response rate lies between 0 and 1; {p:g} was given.")
        going, before, stop, expected = np.ones(1), 0, [], 0.0
        for n, futile in zip(self.patients.tolist(), self.futile.tolist(), strict=True):
            going = np.convolve(going, pmf(n - before, p))
            ended = float(going[: futile + 1].sum())
            going[: futile + 1] = 0.0
            stop.append(ended)
            expected += n * (ended if n < self.patients[-1] else ended + float(going.sum()))
            before = n
        return LooksCharacteristics(float(going.sum()), np.array(stop[:-1]), expected)
