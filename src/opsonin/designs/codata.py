"""Co-data: what other trials, finished or running, say about the curve of this one, by exchangeability or not (EXNEX).

Source: Neuenschwander, Wandel, Roychoudhury & Bailey (2016), Pharm Stat 15:123, doi:10.1002/pst.1730 (EXNEX);
Neuenschwander, Roychoudhury & Schmidli (2016), Stat Biopharm Res 8:345, doi:10.1080/19466315.2016.1174149 (co-data).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from opsonin.designs.logistic_posterior import LogisticPrior, log_evidence
from opsonin.designs.normal_posterior import even_normals
from opsonin.errors import DesignError

POINTS = (512, 1024, 2048)  # of the mean and the spread between trials, in three rounds
BY_PRIOR = 0.25  # the share of them placed by the prior, so that no tail is missed
WIDER = 1.2
PARTS = 4  # of the mixture, a power of two: probabilities of rates to about 0.02 (with 16: 0.014)


@dataclass(frozen=True)
class Source:
    """Outcomes of another trial.

    doses: in the unit of this trial's.   patients, dlt: at each.   exchangeable: probability that its curve is like the
    others' at all, otherwise it stands alone; 1: full exchangeability.
    """

    doses: tuple[float, ...]
    patients: tuple[int, ...]
    dlt: tuple[int, ...]
    exchangeable: float = 1.0
    name: str = "another trial"

    def __post_init__(self) -> None:
        if not len(self.doses) == len(self.patients) == len(self.dlt) > 0:
            raise DesignError(
                f"co-data of {self.name}: {len(self.doses)} doses, {len(self.patients)} numbers of patients and "
                f"{len(self.dlt)} of DLTs; give one of each a dose."
            )
        for dose, n, r in zip(self.doses, self.patients, self.dlt, strict=True):
            if not (dose > 0 and 0 <= r <= n):
                raise DesignError(f"co-data of {self.name}: {r} DLTs in {n} patients at dose {dose:g} cannot be.")
        if not 0 <= self.exchangeable <= 1:
            raise DesignError(f"co-data of {self.name}: the probability {self.exchangeable:g} lies in [0, 1].")


@dataclass(frozen=True)
class Between:
    """How curves of exchangeable trials differ: (αj, βj) ~ N(μ, diag τ²), log τ ~ N(log median, sd²).

    median: of τ for α and β; 0.25 and 0.125 are moderate, 1 and 0.5 large differences.
    mean, sd: of μ, and of the curve of a trial that stands alone.
    """

    mean: tuple[float, ...] = (-0.8472978603872036, 0.0)
    sd: tuple[float, ...] = (2.0, 1.0)
    median: tuple[float, ...] = (0.25, 0.125)
    spread: float = float(np.log(4) / 1.96)

    def __post_init__(self) -> None:
        if not len(self.mean) == len(self.sd) == len(self.median) == 2:
            raise DesignError("mean, sd and median hold two numbers each, for the intercept and the log slope.")
        if min(*self.sd, *self.median, self.spread) <= 0:
            raise DesignError("standard deviations within and between trials are above 0.")


class Predicted(NamedTuple):
    """The curve of a further exchangeable trial: normal distributions about `mean` with sd `tau`, with weights."""

    mean: Float[np.ndarray, "point parameter"]
    tau: Float[np.ndarray, "point parameter"]
    weight: Float[np.ndarray, " point"]


def source_of(given: Source | Mapping[str, Any]) -> Source:
    """A source from a table of its fields, as in a study file.   Raises: DesignError for unknown or absent ones."""
    if isinstance(given, Source):
        return given
    known = {f.name for f in fields(Source)}
    if not isinstance(given, Mapping) or set(given) - known or not {"doses", "patients", "dlt"} <= set(given):
        raise DesignError(f"co-data are tables with doses, patients and dlt (and exchangeable, name); not {given!r}.")
    columns = {key: tuple(given[key]) for key in ("doses", "patients", "dlt")}
    return Source(**{**given, **columns})


def predicted(sources: Sequence[Source], reference: float, between: Between) -> Predicted:
    """What the sources say about a further exchangeable trial; curves are relative to `reference`.

    The posterior of (μ, log τ), by evenly spread points placed by the moments of the round before; each source's own
    curve is integrated out at every point.
    """
    centre = np.array([*between.mean, *np.log(between.median)])
    scale = np.array([*between.sd, between.spread, between.spread])
    at = centre + scale * even_normals(POINTS[0], 4)
    weight = _weights(_log_likelihood(at, sources, reference, between))
    for points in POINTS[1:]:
        z, by_prior = even_normals(points, 4), round(BY_PRIOR * points)
        mean = weight @ at
        off = at - mean
        spread = WIDER**2 * np.einsum("k,kp,kq->pq", weight, off, off) + 1e-12 * np.diag(scale**2)
        at = np.concatenate([centre + scale * z[:by_prior], mean + z[by_prior:] @ np.linalg.cholesky(spread).T])
        prior, close = _normal(at, centre, np.diag(scale**2)), _normal(at, mean, spread)
        placed = np.logaddexp(np.log(BY_PRIOR) + prior, np.log1p(-BY_PRIOR) + close)
        weight = _weights(prior + _log_likelihood(at, sources, reference, between) - placed)
    return Predicted(at[:, :2], np.exp(at[:, 2:]), weight)


def _weights(logarithms: np.ndarray) -> np.ndarray:
    weight = np.exp(logarithms - logarithms.max())
    return weight / weight.sum()


def _log_likelihood(at: np.ndarray, sources: Sequence[Source], reference: float, between: Between) -> np.ndarray:
    """Of all sources at each point of (μ, log τ)."""
    found = np.zeros(len(at))
    for source in sources:
        x = np.log(np.array(source.doses, dtype=float) / reference)
        n, r = (np.array([counts], dtype=float) for counts in (source.patients, source.dlt))
        alone = LogisticPrior(x, np.array(between.mean, dtype=float), np.diag(np.array(between.sd, dtype=float) ** 2))
        apart = log_evidence(alone, n, r)[0]
        if source.exchangeable == 0:
            found += apart
            continue
        like = np.empty(len(at))
        for first in range(0, len(at), 256):  # memory only
            rows = slice(first, first + 256)
            tau = np.exp(at[rows, 2:])
            prior = LogisticPrior(x, at[rows, :2], tau[:, :, None] ** 2 * np.eye(2))
            like[rows] = log_evidence(prior, np.repeat(n, len(tau), axis=0), np.repeat(r, len(tau), axis=0))
        share = source.exchangeable
        found += like if share == 1 else np.logaddexp(np.log(share) + like, np.log1p(-share) + apart)
    return found


def _normal(at: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Logarithm of a normal density, up to a constant that all share."""
    scaled = np.linalg.solve(np.linalg.cholesky(covariance), (at - mean).T)
    return -0.5 * (scaled**2).sum(axis=0) - 0.5 * np.linalg.slogdet(covariance)[1]


def mixture(found: Predicted, parts: int = PARTS) -> tuple[tuple[float, ...], ...]:
    """A mixture of few bivariate normal distributions for many, with the same mean and covariance.

    Points are halved by weight along their longest direction until there are `parts` groups (a power of two); the
    moments of each give a part: (weight, mean of α, mean of β, sd of α, sd of β, correlation).
    """
    made = []
    for rows in _halved(np.flatnonzero(found.weight > 0), found, parts):
        total = found.weight[rows].sum()
        weight = found.weight[rows] / total
        mean = weight @ found.mean[rows]
        off = found.mean[rows] - mean
        covariance = np.einsum("k,kp,kq->pq", weight, off, off) + np.diag(weight @ found.tau[rows] ** 2)
        sd = np.sqrt(np.diag(covariance))
        made.append((float(total), *mean.tolist(), *sd.tolist(), float(covariance[0, 1] / (sd[0] * sd[1]))))
    return tuple(made)


def _halved(rows: np.ndarray, found: Predicted, parts: int) -> list[np.ndarray]:
    if parts == 1 or len(rows) < 2:
        return [rows]
    weight = found.weight[rows] / found.weight[rows].sum()
    off = found.mean[rows] - weight @ found.mean[rows]
    _, axes = np.linalg.eigh(np.einsum("k,kp,kq->pq", weight, off, off))
    axis = axes[:, -1] * np.sign(axes[np.abs(axes[:, -1]).argmax(), -1])
    order = np.argsort(off @ axis, kind="stable")
    half = int(np.clip(np.searchsorted(np.cumsum(weight[order]), 0.5) + 1, 1, len(rows) - 1))
    return _halved(rows[order[:half]], found, parts // 2) + _halved(rows[order[half:]], found, parts // 2)


def codata_prior(
    sources: Sequence[Source | Mapping[str, Any]],
    reference: float,
    exchangeable: float = 0.8,
    between: Between | None = None,
) -> tuple[tuple[float, ...], ...]:
    """The prior of this trial's curve as a mixture (`Blrm.mixture`): with probability `exchangeable` the curve is like
    the sources', otherwise it stands alone.

    That is all this trial needs of its co-data, since its own outcomes enter by Bayes' rule. While the others run, the
    prior is made anew from what they have shown.   Raises: DesignError for sources that cannot be.
    """
    if not 0 <= exchangeable <= 1:
        raise DesignError(f"the probability {exchangeable:g} of being exchangeable lies in [0, 1].")
    how = between or Between()
    known = [source_of(given) for given in sources]
    alone = ((1.0 - exchangeable, *how.mean, *how.sd, 0.0),) if exchangeable < 1 else ()
    if exchangeable == 0:
        return alone
    like = mixture(predicted(known, reference, how))
    return tuple((exchangeable * part[0], *part[1:]) for part in like) + alone


def moments(parts: Sequence[tuple[float, ...]]) -> tuple[tuple[float, float], tuple[float, float], float]:
    """Mean, standard deviations and correlation of (α, β) under a mixture: one normal prior for one drug of a pair."""
    table = np.array(parts, dtype=float)
    weight = table[:, 0] / table[:, 0].sum()
    mean = weight @ table[:, 1:3]
    off = table[:, 1:3] - mean
    cross = weight @ (table[:, 3] * table[:, 4] * table[:, 5] + off[:, 0] * off[:, 1])
    sd = np.sqrt(weight @ (table[:, 3:5] ** 2 + off**2))
    return (float(mean[0]), float(mean[1])), (float(sd[0]), float(sd[1])), float(cross / (sd[0] * sd[1]))
