"""The posterior of a logistic dose–toxicity curve after a prior that is a mixture of bivariate normal ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from opsonin.designs.logistic_posterior import Lattice, LogisticPrior, posteriors


@dataclass(frozen=True, eq=False)
class Mixed:
    """Posteriors of a block of trials: one for each part of the prior, and how much each counts after the data."""

    parts: tuple[Lattice, ...]
    share: Float[np.ndarray, "trial part"]

    def below(self, cuts: Float[np.ndarray, "#trial #dose cut"]) -> Float[np.ndarray, "trial dose cut"]:
        """P(rate < cut) at each dose."""
        found = [part.below(cuts) for part in self.parts]
        return sum(s[:, None, None] * p for s, p in zip(self.share.T, found, strict=True))  # type: ignore[return-value]

    def rates(self) -> tuple[Float[np.ndarray, "trial dose"], Float[np.ndarray, "trial dose"]]:
        """Mean and standard deviation of the DLT rate at each dose."""
        each = [part.rates() for part in self.parts]
        mean = sum(s[:, None] * m for s, (m, _) in zip(self.share.T, each, strict=True))
        square = sum(s[:, None] * (d**2 + (m - mean) ** 2) for s, (m, d) in zip(self.share.T, each, strict=True))
        return np.asarray(mean), np.sqrt(square)

    def quantiles(self, parts: Float[np.ndarray, " cut"]) -> Float[np.ndarray, "trial dose cut"]:
        """Quantiles of the DLT rate at each dose, by bisection on the logit scale."""
        shape = (len(self.share), len(self.parts[0].x), len(parts))
        low, high = np.full(shape, -60.0), np.full(shape, 30.0)
        for _ in range(60):
            middle = 0.5 * (low + high)
            under = self.below(1 / (1 + np.exp(-middle))) < parts
            low, high = np.where(under, middle, low), np.where(under, high, middle)
        return 1 / (1 + np.exp(-0.5 * (low + high)))


def mixed_posteriors(
    priors: Sequence[tuple[float, LogisticPrior]],
    patients: Int[np.ndarray, "trial dose"],
    dlt: Int[np.ndarray, "trial dose"],
) -> Iterator[Mixed]:
    """The posteriors of trials with these counts, block by block.   priors: the parts with their weights."""
    for parts in zip(*(posteriors(prior, patients, dlt) for _, prior in priors), strict=True):
        log_share = np.stack([part.log_evidence for part in parts], axis=1) + np.log([weight for weight, _ in priors])
        share = np.exp(log_share - log_share.max(axis=1, keepdims=True))
        yield Mixed(parts, share / share.sum(axis=1, keepdims=True))
