"""Drawing virtual patients: every number is keyed by (seed, patient, name), so that none depends on another's.

A parameter added to a model, a patient added to the pool or a batch cut differently changes no other number.
Values outside plausible limits are drawn again under the next attempt's key; correlated ones keep the scores of what
they are correlated with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from opsonin import random
from opsonin.errors import ModelError
from opsonin.model import Covariate, Model, Parameter
from opsonin.model.derived import completed
from opsonin.patients.indication import Indication
from opsonin.units import factor

ATTEMPTS = 200
MOST_LESIONS = 5


@dataclass(frozen=True)
class VirtualPatients:
    """Patients of a pool, one row each.

    ids: numbers that key every random draw of a patient.   constants: in the model's order and units.
    covariates: baseline columns of the record's `subjects`.   weights: as given, 1 by default.
    thresholds: the cumulative hazard at which each of the model's thresholds is crossed: one exponential draw per
    hazard and patient, divided by the share of the grade.
    """

    ids: Int[np.ndarray, " patient"]
    constants: Float[np.ndarray, "patient constant"]
    covariates: pd.DataFrame
    weights: Float[np.ndarray, " patient"]
    thresholds: Float[np.ndarray, "patient threshold"]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Any) -> VirtualPatients:
        """The patients of these rows (an index array, a mask or a slice); their numbers go with them."""
        return VirtualPatients(
            self.ids[rows],
            self.constants[rows],
            self.covariates.iloc[rows].reset_index(drop=True),
            self.weights[rows],
            self.thresholds[rows],
        )


def sample_patients(model: Model, indication: Indication, n: int, seed: int, first: int = 0) -> VirtualPatients:
    """n patients of an indication under this seed, numbered from `first` on, with the constants that the model needs.

    Raises: ModelError for a covariate the indication does not know, or limits that (almost)
    no draw satisfies.
    """
    ids = np.arange(first, first + n)
    if indication.kinds:
        return _of_several_kinds(model, indication, ids, seed)
    return _sampled(model, indication, ids, seed)


def _of_several_kinds(model: Model, indication: Indication, ids: np.ndarray, seed: int) -> VirtualPatients:
    """Each patient drawn as one of their kind; the same numbers, whoever else is in the pool."""
    ends = np.cumsum([kind.share for kind in indication.kinds])
    which = np.searchsorted(ends[:-1] / ends[-1], random.uniform(seed, "patient tumour type", ids)[..., 0], "right")
    groups = [(kind, np.flatnonzero(which == k)) for k, kind in enumerate(indication.kinds)]
    groups = [(kind, rows) for kind, rows in groups if rows.size] or [(indication.kinds[0], np.arange(0))]
    parts = [_sampled(model, indication.of(kind), ids[rows], seed) for kind, rows in groups]
    order = np.argsort(np.concatenate([rows for _, rows in groups]), kind="stable")
    tables = [part.covariates.assign(tumour_type=kind.name) for part, (kind, _) in zip(parts, groups, strict=True)]
    return VirtualPatients(
        ids,
        np.concatenate([part.constants for part in parts])[order],
        pd.concat(tables, ignore_index=True).iloc[order].reset_index(drop=True),
        np.ones(len(ids)),
        np.concatenate([part.thresholds for part in parts])[order],
    )


def _sampled(model: Model, indication: Indication, ids: np.ndarray, seed: int) -> VirtualPatients:
    scores = _Scores(indication, ids, seed)
    drawn = {v.name: scores.within(v.name, v.at, v.lower, v.upper) for v in indication.variables}
    share = random.uniform(seed, "patient lesion share", ids, draws=MOST_LESIONS)
    known = {**drawn, **indication.derive(drawn, share)}
    units = {v.name: v.unit for v in indication.variables} | dict(indication.units)
    symbolic = model.symbolic
    parts = {part.name: part for part, _ in model.parts(Parameter, Covariate)}
    columns = [
        _constant(parts[name], unit, scores, known, units, indication)
        for at, (name, unit) in enumerate(zip(symbolic.constants, symbolic.constant_units, strict=True))
        if at not in symbolic.derived
    ]
    constants = completed(symbolic, np.column_stack(columns) if columns else np.empty((len(ids), 0)))
    read = {
        column: at(constants[:, symbolic.constants.index(name)])
        for column, (name, at) in indication.biopsy.items()
        if name in symbolic.constants
    }
    subjects = pd.DataFrame({**{name: known[name] for name in indication.columns}, **read})
    return VirtualPatients(ids, constants, subjects, np.ones(len(ids)), _thresholds(model, ids, seed))


def _constant(
    part: Any, unit: str, scores: _Scores, known: dict[str, np.ndarray], units: dict[str, str], indication: Indication
) -> np.ndarray:
    if isinstance(part, Covariate):
        if part.name not in known or part.name not in units:
            raise ModelError(
                f"the model needs the covariate {part.name!r}, which patients of {indication.name!r} "
                "do not have; known are "
                f"{', '.join(sorted(units))}. Make it a Parameter with a spread, or use one of these."
            )
        return known[part.name] * factor(units[part.name], unit)
    value = indication.values.get(part.name, part.value)
    scale = factor(part.unit, unit)
    spread = indication.spreads.get(part.name, part.spread)
    if spread is None:
        return np.full(len(scores.ids), value * scale)
    own = (-np.inf if part.lower is None else part.lower, np.inf if part.upper is None else part.upper)
    lower, upper = indication.limits.get(part.name, own)
    return scores.within(part.name, lambda z: spread.at(value, z), lower, upper) * scale


def _thresholds(model: Model, ids: np.ndarray, seed: int) -> np.ndarray:
    symbolic = model.symbolic
    draws = [random.exponential(seed, f"patient hazard {hazard.name}", ids)[..., 0] for hazard in symbolic.hazard_list]
    columns = [draws[hazard] / share for hazard, _, share in symbolic.thresholds]
    return np.column_stack(columns) if columns else np.empty((len(ids), 0))


@dataclass(frozen=True)
class _Scores:
    """Standard normal scores by name, correlated as the indication says."""

    indication: Indication
    ids: np.ndarray
    seed: int

    def within(
        self, name: str, at: Callable[[np.ndarray], np.ndarray], lower: float | int, upper: float | int
    ) -> np.ndarray:
        """at(score) for every patient, drawn again (for those patients alone) until it is within the limits."""
        values = np.asarray(at(self.score(name, self.ids, 0)), dtype=float)
        outside = np.flatnonzero((values < lower) | (values > upper))
        for attempt in range(1, ATTEMPTS + 1):
            if not outside.size:
                return values
            values[outside] = at(self.score(name, self.ids[outside], attempt))
            outside = outside[(values[outside] < lower) | (values[outside] > upper)]
        raise ModelError(
            f"{name!r}: {outside.size} patients had no value within [{lower}, {upper}] in {ATTEMPTS} "
            "draws; widen the limits "
            "or move the typical value between them."
        )

    def score(self, name: str, ids: np.ndarray, attempt: int) -> np.ndarray:
        """The score of one name: its own draw, and the first draws of those it is correlated with."""
        order, factors = self.indication.copula
        if name not in order:
            return self._draw(name, ids, attempt)
        row = order.index(name)
        score = factors[row, row] * self._draw(name, ids, attempt)
        for column in np.flatnonzero(factors[row, :row]):
            score = score + factors[row, column] * self._draw(order[column], ids, 0)
        return score

    def _draw(self, name: str, ids: np.ndarray, attempt: int) -> np.ndarray:
        return random.normal(self.seed, f"patient {name}", ids, attempt)[..., 0]
