"""The same patients with one mechanism restored: who of the non-responders would have responded.

Outcomes of every patient under each change are given; nothing is assumed of how they were found. Since the patients
are the same, a change in one of them is an effect in that patient, which no trial could show.
Source: potential outcomes, Rubin (1974), J Educ Psychol 66:688; probabilities of causation, Tian & Pearl (2000), Ann
Math Artif Intell 28:287.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.findings import Finding
from opsonin.analysis.responders.weighted import answers, columns, effective, paired_difference, share
from opsonin.analysis.statistics import Estimate
from opsonin.analysis.survival.data import checked_level
from opsonin.errors import AnalysisError

METHOD = "the same virtual patients with one mechanism changed; exact interval"
REFERENCE = "Rubin 1974, J Educ Psychol 66:688"
_FROM_ALL = ("turned", "only", "lost")


@dataclass(frozen=True)
class Counterfactuals:
    """table: one row a mechanism, the one that turns most first: mechanism, turned (share of non-responders who would
    respond), turned_lower, turned_upper, only (who would by this alone and by no other single one), only_…, lost (share
    of responders who no longer would), lost_…, rate (of response with it changed), difference (from the rate as it is),
    difference_…, and adds: the share of non-responders it turns beyond the rows above it (`order`), the greedy choice.
    any_one: share of non-responders turned by at least one single mechanism; none: by no single one.
    order: mechanisms in the order in which each turns most of those not yet turned.
    """

    table: pd.DataFrame = field(repr=False)
    order: tuple[str, ...]
    any_one: Estimate
    none: Estimate
    rate: float
    n: int
    responders: int
    level: float
    turned: pd.DataFrame = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        return self.table.copy()

    def findings(self) -> list[Finding]:
        """`why.counterfactual.<mechanism>.turned`, `.only`, `.lost`, `.rate_difference`, and `…any one.turned`."""
        common: dict[str, Any] = {"level": self.level, "reference": REFERENCE}
        others, made = self.n - self.responders, []
        for _, row in self.table.iterrows():
            for part in _FROM_ALL:
                n = self.responders if part == "lost" else others
                made.append(
                    Finding(
                        f"why.counterfactual.{row['mechanism']}.{part}",
                        estimate=row[part],
                        lower=row[f"{part}_lower"],
                        upper=row[f"{part}_upper"],
                        n=n,
                        unit="proportion",
                        method=METHOD,
                        note=_NOTES[part],
                        **common,
                    )
                )
            made.append(
                Finding(
                    f"why.counterfactual.{row['mechanism']}.rate_difference",
                    estimate=row["difference"],
                    lower=row["difference_lower"],
                    upper=row["difference_upper"],
                    n=self.n,
                    unit="proportion",
                    method="difference of response rates in the same patients; adjusted Wald interval",
                    note="response rate with the mechanism changed, less the rate as it is",
                    **common,
                )
            )
        one = self.any_one
        made.append(
            Finding(
                "why.counterfactual.any one.turned",
                estimate=one.value,
                lower=one.lower,
                upper=one.upper,
                n=others,
                unit="proportion",
                method=METHOD,
                note=f"non-responders whom at least one single change turns; in order: {', '.join(self.order)}",
                **common,
            )
        )
        return made


_NOTES = {
    "turned": "non-responders who would respond with this mechanism changed",
    "only": "non-responders who would respond with this mechanism changed and with no other single one",
    "lost": "responders who would no longer respond with this mechanism changed",
}


def counterfactuals(response: Any, changed: Any, *, weights: Any = None, level: float = 0.95) -> Counterfactuals:
    """What each mechanism, changed by itself, would do to each patient.

    response: 1 or 0 a patient, as simulated.   changed: responses of the same patients with one mechanism changed, a
    column a mechanism ("infiltration as in a median responder").   weights: of a virtual population.
    Raises: AnalysisError where all or none respond, or a column does not hold one response a patient.
    """
    yes, w = answers(response, weights)
    level = checked_level(level)
    found = changed_responses(changed, yes.size)
    no = ~yes
    turned = pd.DataFrame({name: now[no] for name, now in found.items()})
    hit, w_no = turned.to_numpy(dtype=bool), w[no]
    once = hit.sum(axis=1) == 1
    rows = []
    for k, (name, now) in enumerate(found.items()):
        row: dict[str, Any] = {"mechanism": name}
        row |= _named("turned", share(hit[:, k], w_no, level))
        row |= _named("only", share(hit[:, k] & once, w_no, level))
        row |= _named("lost", share(~now[yes], w[yes], level))
        n, total = effective(w), float(w.sum())
        gained, gone = (n * float(w[some].sum()) / total for some in (now & no, ~now & yes))
        row["rate"] = float(w[now].sum()) / total
        rows.append(row | _named("difference", paired_difference(gained, gone, n, level)))
    table = pd.DataFrame(rows)
    table = table.iloc[np.argsort(-table["turned"].to_numpy(), kind="stable")].reset_index(drop=True)
    order, adds = _greedy(turned, w_no)
    table["adds"] = table["mechanism"].map(adds)
    somehow = hit.sum(axis=1) > 0
    at_least, none = share(somehow, w_no, level), share(~somehow, w_no, level)
    rate = float(w[yes].sum() / w.sum())
    return Counterfactuals(table, order, at_least, none, rate, yes.size, int(yes.sum()), level, turned)


def changed_responses(changed: Any, n: int) -> dict[str, np.ndarray]:
    """Responses as bool, a column a mechanism.

    Raises: AnalysisError naming the mechanism and the patient (counted from 1) without a response.
    """
    found = columns(changed, n, "changed responses")
    for name, x in found.items():
        wrong = np.flatnonzero(~np.isin(x, (0.0, 1.0)))
        if wrong.size:
            row = int(wrong[0]) + 1
            raise AnalysisError(f"the response of patient {row} with {name!r} changed is neither 1 nor 0.")
    return {name: x == 1.0 for name, x in found.items()}


def _named(part: str, estimate: Estimate) -> dict[str, float]:
    return {part: estimate.value, f"{part}_lower": estimate.lower, f"{part}_upper": estimate.upper}


def _greedy(turned: pd.DataFrame, w: np.ndarray) -> tuple[tuple[str, ...], dict[str, float]]:
    """Mechanisms in the order in which each turns most of those not turned yet, and what each so adds."""
    left, names = np.ones(len(turned), dtype=bool), [str(name) for name in turned]
    order, adds = [], {}
    hit = turned.to_numpy(dtype=bool)
    while names:
        gain = [float(w[left & hit[:, turned.columns.get_loc(name)]].sum()) for name in names]
        best = names.pop(int(np.argmax(gain)))
        order.append(best)
        adds[best] = max(gain) / float(w.sum())
        left &= ~hit[:, turned.columns.get_loc(best)]
    return tuple(order), adds
