"""Which assumptions matter: every assumed number of a study is made uncertain, and its share in the outcome is found.

A number that nobody measured is the same in all virtual patients, or differs between them in a way that was assumed
too. Here each differs from patient to patient, independently, about its value, so that its share in the variance of
the outcome says how much the outcome hangs on it: beside what differs between patients anyway.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from opsonin.errors import StudyError
from opsonin.model import LogitNormal, LogNormal, Normal, Parameter, Spread
from opsonin.study.again import Again

if TYPE_CHECKING:
    import pandas as pd

    from opsonin.analysis import VarianceShares
    from opsonin.patients import Indication
    from opsonin.study.study import Progress, Study

FOLD = 2.0  # 95 % of the values lie between the assumed one divided and multiplied by this
_SCORES = 1.959963984540054  # of a standard normal number, between which 95 % lie


@dataclass(frozen=True)
class Assumptions:
    """table: one row an assumed parameter, the largest share first: parameter, module, value (of the first indication),
    unit, share, lower, upper, source.   shares: of everything that then differs, also what was measured, in the
    variance within each indication.
    nought: assumed to be nought, and left so.   unable: patients left out, whose numbers do not go together.
    rate, rate_as_assumed: who has the outcome, with the assumptions uncertain and without.   n: patients.
    """

    table: pd.DataFrame = field(repr=False)
    shares: VarianceShares = field(repr=False)
    nought: tuple[str, ...]
    unable: int
    rate: float
    rate_as_assumed: float
    outcome: str
    fold: float
    n: int


def assumed_shares(
    study: Study,
    *,
    outcome: str = "response",
    level: int = 1,
    patients: int | None = None,
    fold: float = FOLD,
    seed: int = 1,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Assumptions:
    """The share in the variance of an outcome of each parameter that is assumed.

    outcome, level, patients: as in `explain_response`.   fold: how uncertain an assumed number is: 95 % of its values
    lie within this factor of it, of the odds where it is a share; never beyond its limits.
    Raises: StudyError for a fold of 1 or less and as `explain_response` does; AnalysisError where all or none have the
    outcome.
    """
    from opsonin.analysis import variance_shares

    if not fold > 1 or not math.isfinite(fold):
        raise StudyError(f"an assumed number is uncertain by a factor above 1, as 2; {fold:g} was given.")
    as_assumed = Again(study, outcome, level, seed, patients, threads, progress)
    made, nought = uncertain(study, fold)
    again = Again(made, outcome, level, seed, patients, threads, progress, able=True)
    rows = np.flatnonzero(again.known)
    known = _known(made)
    groups, weights = again.groups[rows], again.patients.weights[rows]
    shares = variance_shares(
        _beside_the_mean(again.good[rows].astype(float), groups, weights),
        {name: _rank(x[rows], groups) for name, x in again.differing.items()},
        sources={name: source for name, (_, _, _, source) in known.items()},
        weights=weights,
        pairs=0,
        seed=seed,
    )
    return Assumptions(
        _table(shares, known),
        shares,
        tuple(nought),
        len(as_assumed.rows) - len(again.rows),
        _rate(again),
        _rate(as_assumed),
        outcome,
        fold,
        len(rows),
    )


def uncertain(study: Study, fold: float = FOLD) -> tuple[Study, list[str]]:
    """The study with each assumed number different in every patient, and those that are nought and stay so."""
    parts = {part.name: part for part, _ in study.built.model.parts(Parameter)}
    nought: set[str] = set()
    indications = []
    for one in study.built.indications:
        spreads = dict(one.spreads)
        for name, part in parts.items():
            value, source = value_of(part, one)
            spread = one.spreads.get(name, part.spread)
            if spread is not None or Parameter(name, value, part.unit, source).kind != "assumed":
                continue
            if value == 0:
                nought.add(name)
                continue
            spreads[name] = _about(float(value), part, fold)
        indications.append(replace(one, spreads=spreads, kinds=tuple(replace(kind) for kind in one.kinds)))
    made = replace(study)
    made.__dict__["built"] = replace(study.built, indications=tuple(indications))
    return made, sorted(nought)


def value_of(part: Parameter, indication: Indication) -> tuple[float | int, str]:
    """What a parameter is in an indication's typical patient, and where that comes from."""
    if part.name not in indication.values:
        return part.value, part.source
    return indication.values[part.name], indication.sources.get(part.name, part.source)


def _about(value: float, part: Parameter, fold: float) -> Spread:
    """How an assumed number differs: what may be a share by its odds, so that it stays one."""
    sd = math.log(fold) / _SCORES
    if 0 < value < 1 and part.unit == "dimensionless" and (part.upper is None or part.upper <= 1):
        return LogitNormal(sd)
    return LogNormal(math.sqrt(math.expm1(sd**2))) if value > 0 else Normal(-value * sd)


def _known(study: Study) -> dict[str, tuple[str, float, str, str]]:
    """module, value, unit, source of each parameter, as the first indication has it."""
    first = study.built.indications[0]
    found = {}
    for part, module in study.built.model.parts(Parameter):
        value, source = value_of(part, first)
        found[part.name] = (module, float(value), part.unit, source)
    return found


def _table(shares: VarianceShares, known: dict[str, tuple[str, float, str, str]]) -> pd.DataFrame:
    from opsonin.analysis.responders.variance import is_assumed

    table = shares.table[shares.table["source"].map(is_assumed)].reset_index(drop=True)
    for place, column in enumerate(("module", "value", "unit")):
        table[column] = [known[name][place] for name in table["parameter"]]
    return table[["parameter", "module", "value", "unit", "share", "lower", "upper", "source"]]


def _beside_the_mean(y: np.ndarray, groups: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The outcome as far as it differs within an indication: what differs between them is no assumption's doing."""
    made = np.empty(len(y))
    for name in np.unique(groups.astype(str)):
        here = groups == name
        made[here] = y[here] - np.average(y[here], weights=weights[here])
    return made


def _rank(x: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Where a patient stands among those of the same indication, from 0 to 1; ½ where all are alike."""
    made = np.full(len(x), 0.5)
    for name in np.unique(groups.astype(str)):
        here = np.flatnonzero(groups == name)
        if np.ptp(x[here]) > 0:
            _, place, many = np.unique(x[here], return_inverse=True, return_counts=True)
            made[here] = ((np.cumsum(many) - 0.5 * many) / len(here))[place.reshape(-1)]
    return made


def _rate(again: Any) -> float:
    weights = again.patients.weights[again.known]
    return float((again.good[again.known] * weights).sum() / weights.sum())
