"""From truth to what a clinic writes down: assay error and limits, flow cytometry, scans read by a radiologist."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from opsonin.criteria.from_lesions import TOO_SMALL_MM
from opsonin.trial.protocol import TumourPlan

FEW = 30.0  # expected cells below which the Poisson distribution is inverted exactly


class Reading(NamedTuple):
    """Measured values, NaN below the limit of quantification."""

    value: Float[np.ndarray, ...]
    below_limit: Bool[np.ndarray, ...]


def assay(true: Float[np.ndarray, ...], score: Float[np.ndarray, ...], cv: float, limit: float | None) -> Reading:
    """A concentration with log-normal error of mean 1 and coefficient of variation `cv`.

    score: standard normal, the shape of `true`.   limit: of quantification, in the unit of `true`.
    """
    return _limited(np.maximum(true, 0.0) * _error(score, cv), limit)


def flow(
    true: Float[np.ndarray, ...],
    share: Float[np.ndarray, ...],
    counting: Float[np.ndarray, ...],
    score: Float[np.ndarray, ...],
    cv: float,
    limit: float | None,
    cells_counted: float | None,
) -> Reading:
    """A cell count or share by flow cytometry: Poisson counting of the subset's events, then log-normal error.

    share: the subset's part of all cells counted, NaN where it is no subset (a ratio): no counting error then.
    counting: uniform in (0, 1);   score: standard normal.   cells_counted: events acquired, None for other methods.
    """
    value = np.maximum(true, 0.0)
    if cells_counted is not None:
        expected = cells_counted * np.clip(np.nan_to_num(share), 0.0, 1.0)
        seen = poisson(expected, counting)
        ratio = np.divide(seen, expected, out=np.ones_like(value), where=expected > 0)
        value = value * np.where(np.isnan(share), 1.0, ratio)
    return _limited(value * _error(score, cv), limit)


def poisson(mean: Float[np.ndarray, ...], uniform: Float[np.ndarray, ...]) -> Float[np.ndarray, ...]:
    """Poisson counts by inversion of uniform numbers.

    From `FEW` on by the Cornish–Fisher expansion, rounded, which is then within one count of the exact quantile.
    """
    from scipy.special import ndtri, pdtr, pdtrik

    z = ndtri(uniform)
    counts = np.round(np.maximum(mean + np.sqrt(mean) * z + (z**2 - 1) / 6, 0.0))
    few = (mean < FEW) & (mean > 0)
    if few.any():
        above = np.ceil(pdtrik(uniform[few], mean[few]))  # scipy.stats.poisson.ppf, whose import takes most of a second
        below = np.maximum(above - 1, 0)
        counts[few] = np.where(pdtr(below, mean[few]) >= uniform[few], below, above)
    return np.where(mean > 0, counts, 0.0)


def seen_diameters(
    true_mm: Float[np.ndarray, ...], score: Float[np.ndarray, ...], tumour: TumourPlan
) -> Float[np.ndarray, ...]:
    """Diameters as read from a scan, in whole mm with log-normal error: 5 if too small to measure, 0 if gone."""
    read = np.round(true_mm * _error(score, tumour.measurement_cv))
    read = np.where(read <= tumour.smallest_mm, TOO_SMALL_MM, read)
    return np.where(np.isnan(true_mm), np.nan, np.where(true_mm < tumour.vanished_mm, 0.0, read))


def _error(score: Float[np.ndarray, ...], cv: float) -> Float[np.ndarray, ...]:
    """Factors of mean 1 and coefficient of variation `cv`."""
    sigma = np.sqrt(np.log1p(cv**2))
    return np.exp(sigma * score - sigma**2 / 2)


def _limited(value: np.ndarray, limit: float | None) -> Reading:
    below = value < limit if limit is not None else np.zeros(value.shape, dtype=bool)
    return Reading(np.where(below, np.nan, value), below & ~np.isnan(value))
