"""A screen of few markers in NumPy, so that a report needs no compiler; the same numbers as screen_kernels."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np

from opsonin.analysis.logistic_firth import FirthLogisticLikelihood
from opsonin.analysis.profile_likelihood import Top, highest, profile
from opsonin.analysis.screen_codes import (
    ALIKE,
    AUTO,
    COLUMNS,
    CONSTANT,
    ERROR,
    EVENTS,
    FARTHEST,
    FIRTH,
    FITTED,
    LOGISTIC,
    LOWER,
    NO_EVENTS,
    PENALISED,
    RATIO,
    REDUNDANT,
    RUNAWAY,
    SCORE,
    SEPARATED,
    SEPARATES,
    SLOPE,
    STATUS,
    UNSETTLED,
    UPPER,
    N,
)  # fmt: skip
from opsonin.analysis.survival.firth import FirthLikelihood
from opsonin.analysis.survival.likelihood import Evaluation, PartialLikelihood
from opsonin.errors import AnalysisError


def screen_few(
    kind: int,
    markers: np.ndarray,
    time: np.ndarray,
    y: np.ndarray,
    stratum: np.ndarray,
    others: np.ndarray,
    efron: bool,
    method: int,
    cut: float,
) -> np.ndarray:
    """Arguments and result as of `screen_kernels.screen_block`, patients in any order; a result row per marker."""
    out = np.full((markers.shape[0], COLUMNS), np.nan)
    for marker, row in zip(markers, out, strict=True):
        rows = _complete(kind, marker, y, stratum)
        event = y[rows]
        row[[N, EVENTS, PENALISED, SEPARATES]] = rows.size, event.sum(), 0, 0
        if not event.any() or (kind == LOGISTIC and event.all()):
            row[STATUS] = NO_EVENTS
            continue
        z, scale = _columns(kind, marker[rows], others[:, rows])
        if scale == 0:
            row[STATUS] = CONSTANT
            continue
        plain = _model(kind, z, time[rows], event, stratum[rows], efron)
        keep = _independent(plain.at(np.zeros(z.shape[1])).information)
        if not keep[-1]:
            row[STATUS] = REDUNDANT
            continue
        plain = _model(kind, z[:, keep], time[rows], event, stratum[rows], efron)
        _fit(plain, kind, z[:, keep], time[rows], event, stratum[rows], method, cut, row)
        row[[SLOPE, ERROR, LOWER, UPPER]] /= scale
    return out


def _fit(
    plain: Any,
    kind: int,
    z: np.ndarray,
    time: np.ndarray,
    event: np.ndarray,
    stratum: np.ndarray,
    method: int,
    cut: float,
    row: np.ndarray,
) -> None:
    p = z.shape[1]
    null = _top(plain, np.zeros(p), p - 1)
    separates = p > 1 and (null is None or _far(null, p - 1))  # then the covariates do, with or without the marker
    if null is not None and not separates:
        row[SCORE] = null.gradient[-1] ** 2 * np.linalg.inv(null.information)[-1, -1]
    alone = p == 1 + kind
    separates = separates or (alone and _parts_in_order(kind, z[:, -1], time, event, stratum))
    if not separates:
        best = None if null is None else _top(plain, null.theta)
        separates = not alone and (best is None or null is None or _ran_away(best, null))
        if best is None or null is None:
            row[STATUS] = UNSETTLED
        elif not separates:
            error = math.sqrt(np.linalg.inv(best.information)[-1, -1])
            half = math.sqrt(cut) * error
            row[[STATUS, SLOPE, ERROR]] = FITTED, best.theta[-1], error
            row[[RATIO, LOWER, UPPER]] = max(2 * (best.value - null.value), 0), row[SLOPE] - half, row[SLOPE] + half
    if separates:
        row[STATUS], row[SEPARATES] = SEPARATED, 1
    if method == FIRTH or (method == AUTO and separates):
        _penalised(plain, kind, z, event, cut, row)


def _penalised(plain: Any, kind: int, z: np.ndarray, event: np.ndarray, cut: float, row: np.ndarray) -> None:
    model: Any = FirthLogisticLikelihood(z, event) if kind == LOGISTIC else FirthLikelihood(plain)
    try:
        top = highest(model, np.zeros(z.shape[1]))
        found = profile(model, top, z.shape[1] - 1, 2 * NormalDist().cdf(math.sqrt(cut)) - 1)
    except AnalysisError:
        row[STATUS] = UNSETTLED
        return
    information = model.augmented(top.theta) if kind == LOGISTIC else top.information
    row[[PENALISED, SLOPE, RATIO]] = 1, top.theta[-1], found.chi2
    row[ERROR] = math.sqrt(np.linalg.inv(information)[-1, -1])
    row[LOWER], row[UPPER] = found.lower, found.upper
    row[STATUS] = SEPARATED if row[SEPARATES] else FITTED


class _Logistic:
    """The log likelihood of y (n,) given a design (n, p)."""

    def __init__(self, design: np.ndarray, y: np.ndarray):
        self.design, self.y = design, y

    def at(self, theta: np.ndarray) -> Evaluation:
        linear = self.design @ theta
        share = np.exp(-np.logaddexp(0.0, -linear))
        weight = share * np.exp(-np.logaddexp(0.0, linear))
        value = float(self.y @ linear - np.logaddexp(0.0, linear).sum())
        return Evaluation(value, self.design.T @ (self.y - share), (self.design * weight[:, None]).T @ self.design)


def _model(kind: int, z: np.ndarray, time: np.ndarray, event: np.ndarray, stratum: np.ndarray, efron: bool) -> Any:
    if kind == LOGISTIC:
        return _Logistic(z, event)
    return PartialLikelihood(time, event.astype(bool), z, stratum, None, "efron" if efron else "breslow")


def _top(model: Any, start: np.ndarray, fixed: int | None = None) -> Top | None:
    """The top, or None where the climb does not end."""
    try:
        top = highest(model, start, fixed)
        inverse = np.linalg.inv(top.information)
    except (AnalysisError, np.linalg.LinAlgError):
        return None
    return top if np.isfinite(inverse).all() and (np.diag(inverse) > 0).all() else None


def _complete(kind: int, marker: np.ndarray, y: np.ndarray, stratum: np.ndarray) -> np.ndarray:
    """The rows with the marker; for a response also only strata with patients of both kinds."""
    rows = np.flatnonzero(np.isfinite(marker))
    if kind == LOGISTIC and rows.size:
        both = [s for s in np.unique(stratum[rows]) if np.unique(y[rows][stratum[rows] == s]).size == 2]
        rows = rows[np.isin(stratum[rows], both)]
    return rows


def _columns(kind: int, marker: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, float]:
    """The design (n, p), the marker last, centred and scaled; and the marker's SD, 0 where all are the same."""
    kept = []
    for number, column in enumerate([*others, marker]):
        if kind == LOGISTIC and number == 0:
            kept.append(column)
            continue
        centred = column - column.mean()
        spread = float(np.abs(centred).max())
        if spread > 1e-12 * max(abs(float(column.mean())), 1e-300):
            scale = spread * math.sqrt(float(((centred / spread) ** 2).mean()))
            kept.append(centred / scale)
        elif number == len(others):
            return np.empty((marker.size, 0)), 0.0
    return np.stack(kept, axis=1), scale


def _independent(information: np.ndarray) -> np.ndarray:
    """Which covariates say something beyond those before them."""
    p = information.shape[0]
    keep, low = np.zeros(p, dtype=bool), np.zeros((p, p))
    for a in range(p):
        for b in range(a):
            low[a, b] = (information[a, b] - low[a, :b] @ low[b, :b]) / low[b, b] if keep[b] else 0.0
        left = information[a, a] - low[a, :a] @ low[a, :a]
        if left > ALIKE * max(information[a, a], 1e-6 if p > 1 else 1.0):
            keep[a], low[a, a] = True, math.sqrt(left)
    return keep


def _parts_in_order(kind: int, x: np.ndarray, time: np.ndarray, event: np.ndarray, stratum: np.ndarray) -> bool:
    """Whether all who die have the highest (or lowest) value of everyone at risk; of responders, of all."""
    died = event == 1
    if kind == LOGISTIC:
        yes, no = x[died], x[~died]
        return bool(yes.min() >= no.max() or yes.max() <= no.min())
    at_risk = (time[None, :] >= time[died][:, None]) & (stratum[None, :] == stratum[died][:, None])
    most, least = np.where(at_risk, x, -np.inf).max(axis=1), np.where(at_risk, x, np.inf).min(axis=1)
    return bool((x[died] == most).all() or (x[died] == least).all())


def _far(top: Top, size: int) -> bool:
    """Whether one of the leading coefficients went far or has hardly any information left."""
    variance = np.diag(np.linalg.inv(top.information[:size, :size]))
    return bool((np.abs(top.theta[:size]) > FARTHEST).any() or (variance > RUNAWAY**2).any())


def _ran_away(best: Top, null: Top) -> bool:
    """Whether the climb went to infinity; the marker's information must have gone on the way."""
    now, before = (1 / np.linalg.inv(at.information)[-1, -1] for at in (best, null))
    lost = abs(best.theta[-1]) > FARTHEST or (now < RUNAWAY**-2 and now < 1e-3 * before)
    return bool(lost or _far(best, best.theta.size - 1))
