"""Beta tail probabilities of many trials and doses at once, each distinct pair of counts worked out once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

Counts = Float[np.ndarray, "*shape"] | Int[np.ndarray, "*shape"]


def above(events: Counts, size: Counts, rate: float, prior: float = 1.0) -> Float[np.ndarray, "*shape"]:
    """P(probability of an event > rate) after so many in so many patients, which need not be whole numbers.

    prior: the pseudo-events of either kind, 1 for a uniform prior.
    """
    from scipy.special import betaincc

    return _of_distinct(lambda e, n: betaincc(prior + e, prior + n - e, rate), events, size)


def below(events: Counts, size: Counts, rate: float, prior: float = 1.0) -> Float[np.ndarray, "*shape"]:
    """P(probability of an event < rate), as `above`."""
    from scipy.special import betainc

    return _of_distinct(lambda e, n: betainc(prior + e, prior + n - e, rate), events, size)


def _of_distinct(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray], events: Counts, size: Counts
) -> Float[np.ndarray, "*shape"]:
    """A function of pairs: tails take a thousand times as long as sorting, and most trials share their counts."""
    pairs, back = np.unique(events + 1j * size, return_inverse=True)
    return function(pairs.real, pairs.imag)[back].reshape(np.shape(events))
