"""A map of resistance: what holds each patient without response back, by group (an indication, an arm).

Two ways to name the barrier: by what would turn the patient (counterfactuals), or by how the patient's state differs
from that of responders. The first is about causes and needs a model; the second can be asked of real patients too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.findings import Finding
from opsonin.analysis.responders.counterfactuals import changed_responses
from opsonin.analysis.responders.weighted import answers, columns, share, weighted_median
from opsonin.analysis.statistics import NAN
from opsonin.analysis.survival.data import checked_level
from opsonin.errors import AnalysisError

SEVERAL = "several needed"  # no single mechanism turns the patient, and no benefit tells which does most
EITHER = "any of several"  # more than one does, and no benefit tells which does most
NONE = "none stands out"
ALL = "all"
BY_TURNING = "the single mechanism whose change turns the patient"
BY_BENEFIT = "the mechanism whose change does the patient most good"
BY_STATE = "the state furthest on the bad side of the median responder"


@dataclass(frozen=True)
class Resistance:
    """table: one row a group and barrier: group, barrier, patients, non_responders (of the group), share (of these),
    lower, upper, and alone: the share of the group's non-responders whom removing this barrier would turn by itself
    (NaN where states alone were compared).   barrier: of each patient, "" for responders.   barriers: the names, the
    commonest first.
    """

    table: pd.DataFrame = field(repr=False)
    barrier: np.ndarray = field(repr=False)
    barriers: tuple[str, ...]
    groups: tuple[str, ...]
    method: str
    level: float

    def to_frame(self) -> pd.DataFrame:
        return self.table.copy()

    def findings(self) -> list[Finding]:
        """`why.resistance.<barrier>.share` and `.alone`, a finding of each for each group."""
        made = []
        for _, row in self.table.iterrows():
            common: dict[str, Any] = {"group": str(row["group"]), "n": int(row["non_responders"])}
            common |= {"unit": "proportion", "method": f"{self.method}; exact interval"}
            name = f"why.resistance.{row['barrier']}"
            ends = {"estimate": row["share"], "lower": row["lower"], "upper": row["upper"], "level": self.level}
            made.append(Finding(f"{name}.share", events=int(row["patients"]), **ends, **common))
            if row["alone"] == row["alone"]:
                made.append(Finding(f"{name}.alone", estimate=row["alone"], **common))
        return made


def resistance(
    response: Any,
    changed: Any,
    *,
    benefit: Any = None,
    barriers: Mapping[str, str] | None = None,
    groups: Any = None,
    weights: Any = None,
    level: float = 0.95,
) -> Resistance:
    """Each non-responder by the mechanism that holds the patient back.

    response, changed: as for `counterfactuals`.   benefit: a column a mechanism, how much better the patient does with
    it changed (the fall in the logarithm of tumour size, say): the barrier is then the mechanism of the greatest
    benefit among those that turn the patient, or among all where none does so alone ("none stands out" where none does
    any good). Without it, patients turned by
    more than one are "any of several", and those turned by none "several needed".   barriers: what to call the barrier
    that a mechanism's change removes ("exclusion" for "infiltration restored").   groups: of each patient; one group
    where None.   Raises: AnalysisError as `counterfactuals`, or where benefit or barriers name other mechanisms.
    """
    yes, w = answers(response, weights)
    found = changed_responses(changed, yes.size)
    called = {name: name for name in found} | dict(barriers or {})
    if set(called) != set(found):
        strange = sorted(set(called) - set(found))[0]
        raise AnalysisError(f"a barrier is named for {strange!r}; the mechanisms are {', '.join(found)}.")
    names = np.array([called[name] for name in found], dtype=object)
    hit = np.column_stack(list(found.values()))
    turned = hit.sum(axis=1)
    if benefit is None:
        best = np.where(turned == 1, names[hit.argmax(axis=1)], np.where(turned == 0, SEVERAL, EITHER))
    else:
        worth = _worth(benefit, list(found), yes)
        counted = np.where(hit | (turned == 0)[:, None], worth, -np.inf)
        best = np.where((turned == 0) & ~(counted > 0).any(axis=1), NONE, names[counted.argmax(axis=1)])
    barrier = np.where(yes, "", best).astype(object)
    order = [*dict.fromkeys(names.tolist()), EITHER, SEVERAL, NONE]
    method = BY_TURNING if benefit is None else BY_BENEFIT
    return _mapped(barrier, yes, w, groups, order, method, checked_level(level), turned > 0)


def _worth(benefit: Any, names: list[str], yes: np.ndarray) -> np.ndarray:
    """The benefit of each mechanism in each patient, (patient, mechanism).

    Raises: AnalysisError where other mechanisms are named, or one without response has no benefit.
    """
    gain = columns(benefit, yes.size, "benefits")
    if set(gain) != set(names):
        raise AnalysisError(f"benefits are given of {', '.join(gain)}; the mechanisms are {', '.join(names)}.")
    worth = np.column_stack([gain[name] for name in names])
    lacking = ~yes & ~np.isfinite(worth).all(axis=1)
    if lacking.any():
        row = int(np.flatnonzero(lacking)[0]) + 1
        raise AnalysisError(f"patient {row} does not respond and has no benefit of some mechanism; give one of each.")
    return worth


def resistance_by_state(
    response: Any,
    states: Any,
    *,
    higher_is_worse: Any = None,
    threshold: float = 1.0,
    groups: Any = None,
    weights: Any = None,
    level: float = 0.95,
) -> Resistance:
    """Each non-responder by the state that differs most, on the bad side, from the median responder's.

    states: a column a barrier ("exclusion": access to the tumour …), a row a patient.   higher_is_worse: by name, True
    where high values hold response back; where not given, the side on which non-responders lie (their median).
    threshold: standard deviations (robust, of all patients) that a state must differ by to be named.
    A state that goes along with a barrier is not thereby its cause; `resistance` asks that.
    Raises: AnalysisError where values are missing, or a state is the same in all patients.
    """
    yes, w = answers(response, weights)
    found = columns(states, yes.size, "states")
    sides = {} if higher_is_worse is None else dict(higher_is_worse)
    strange = sorted(set(sides) - set(found))
    if strange:
        raise AnalysisError(f"higher_is_worse names {strange[0]!r}; the states are {', '.join(found)}.")
    worse = []
    for name, x in found.items():
        if not np.isfinite(x).all():
            row = int(np.flatnonzero(~np.isfinite(x))[0]) + 1
            raise AnalysisError(f"the state {name!r} of patient {row} is missing; leave such patients out.")
        good = weighted_median(x[yes], w[yes])
        spread = 1.4826 * weighted_median(np.abs(x - weighted_median(x, w)), w) or float(x.std())
        if not spread > 0:
            raise AnalysisError(f"the state {name!r} is the same in all patients; leave it out.")
        up = sides.get(name, weighted_median(x[~yes], w[~yes]) >= good)
        worse.append((x - good) / spread * (1 if up else -1))
    score = np.column_stack(worse)
    names = np.array(list(found), dtype=object)
    barrier = np.where(score.max(axis=1) >= threshold, names[score.argmax(axis=1)], NONE)
    barrier = np.where(yes, "", barrier).astype(object)
    return _mapped(barrier, yes, w, groups, [*found, NONE], BY_STATE, checked_level(level), None)


def _mapped(
    barrier: np.ndarray,
    yes: np.ndarray,
    w: np.ndarray,
    groups: Any,
    order: list[str],
    method: str,
    level: float,
    alone: np.ndarray | None,
) -> Resistance:
    """The share of each group's non-responders with each barrier.   alone: whom removing one barrier turns."""
    group = np.full(yes.size, ALL, dtype=object) if groups is None else np.asarray(groups, dtype=object)
    if group.shape != yes.shape or pd.isna(group).any():
        raise AnalysisError(f"{yes.size} patients need as many groups, none missing; shape {group.shape} was given.")
    group = group.astype(str).astype(object)
    named = list(dict.fromkeys(group.tolist()))
    special = [name for name in order if name in (SEVERAL, EITHER, NONE)]
    heavy = {name: float(w[barrier == name].sum()) for name in order}
    plain = sorted((name for name in order if name not in special), key=lambda name: -heavy[name])
    barriers = [*plain, *(name for name in special if heavy[name] > 0)]
    rows = []
    for one in named:
        here = (group == one) & ~yes
        for name in barriers:
            estimate = share(barrier[here] == name, w[here], level)
            count = int((barrier[here] == name).sum())
            whole = float(w[here].sum())
            single = NAN if alone is None or not whole > 0 else float(w[here & alone & (barrier == name)].sum()) / whole
            rows.append((one, name, count, int(here.sum()), *estimate, single))
    heads = ["group", "barrier", "patients", "non_responders", "share", "lower", "upper", "alone"]
    table = pd.DataFrame(rows, columns=pd.Index(heads))
    return Resistance(table, barrier, tuple(barriers), tuple(named), method, level)
