"""Restricted mean survival time of two groups: contrasts that mean the same whether or not hazards are proportional.

Source: Royston & Parmar (2013), BMC Med Res Methodol 13:152; Uno (2014), J Clin Oncol 32:2380. Variances by Greenwood's
formula; ratios on the log scale by the delta method.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

import pandas as pd

from opsonin.analysis.statistics import NAN, two_sided_p
from opsonin.analysis.survival.data import checked, checked_level, group_codes
from opsonin.analysis.survival.km import kaplan_meier
from opsonin.errors import AnalysisError


class Contrast(NamedTuple):
    """A difference or ratio with its interval and two-sided Wald p; NaN where there is none."""

    estimate: float
    lower: float
    upper: float
    p: float


@dataclass(frozen=True)
class RestrictedMeans:
    """Mean time free of the event up to `until`, in the unit of time, of two groups and between them.

    groups: the group of interest, then the reference.  mean, se: of each.  difference: in the unit of time.
    ratio: of the means.  lost_ratio: of the time lost, until − mean, which reads like a hazard ratio.
    """

    groups: tuple[str, str]
    until: float
    mean: tuple[float, float]
    se: tuple[float, float]
    difference: Contrast
    ratio: Contrast
    lost_ratio: Contrast
    n: tuple[int, int]
    events: tuple[int, int]
    level: float

    def to_frame(self) -> pd.DataFrame:
        """One row a contrast: contrast, estimate, lower, upper, p."""
        rows = [("difference", *self.difference), ("ratio", *self.ratio), ("ratio of time lost", *self.lost_ratio)]
        return pd.DataFrame(rows, columns=pd.Index(["contrast", "estimate", "lower", "upper", "p"]))


def restricted_means(
    time: Any, event: Any, group: Any, *, reference: Any = None, until: float | int | None = None, level: float = 0.95
) -> RestrictedMeans:
    """Compare the restricted mean survival time of two groups, the other against the `reference`.

    reference: the first in sorted order where not given.  until: the horizon; where not given, the shorter of the
    groups' longest follow-ups, the last time at which both curves are known.
    Raises: AnalysisError where there are not two groups, or a curve is not known up to the horizon.
    """
    t, d, _ = checked(time, event)
    names, code = group_codes(group, t.size)
    if len(names) != 2:
        raise AnalysisError(f"restricted means are compared between two groups; there are {len(names)}.")
    base = names[0] if reference is None else str(reference)
    if base not in names:
        raise AnalysisError(f"the reference {base!r} is none of the groups {', '.join(names)}.")
    order = (1 - names.index(base), names.index(base))
    ends = [_known_until(t[code == g], d[code == g]) for g in order]
    longest = [float(t[code == g].max()) for g in order]
    horizon = min(longest) if until is None else float(until)
    if not horizon > 0:
        raise AnalysisError(f"the horizon of a restricted mean must be later than 0; it is {horizon:g}.")
    for g, end in zip(order, ends, strict=True):
        if horizon > end:
            raise AnalysisError(
                f"the curve of {names[g]} is known up to {end:g}, so that a restricted mean up to {horizon:g} is not; "
                f"choose an `until` of at most {min(ends):g}."
            )
    curves = [kaplan_meier(t[code == g], d[code == g]) for g in order]
    (a, se_a), (b, se_b) = (curve.restricted_mean(horizon) for curve in curves)
    z = NormalDist().inv_cdf(0.5 + checked_level(level) / 2)
    return RestrictedMeans(
        groups=(names[order[0]], names[order[1]]),
        until=horizon,
        mean=(a, b),
        se=(se_a, se_b),
        difference=_difference(a - b, math.hypot(se_a, se_b), z),
        ratio=_ratio(a, se_a, b, se_b, z),
        lost_ratio=_ratio(horizon - a, se_a, horizon - b, se_b, z),
        n=(curves[0].n, curves[1].n),
        events=(curves[0].n_events, curves[1].n_events),
        level=level,
    )


def _known_until(t: Any, d: Any) -> float:
    """The last time seen, or for ever where all had the event by then."""
    return math.inf if kaplan_meier(t, d).survival[-1] == 0 else float(t.max())


def _difference(gap: float, se: float, z: float) -> Contrast:
    if not se > 0:
        return Contrast(gap, NAN, NAN, NAN)
    return Contrast(gap, gap - z * se, gap + z * se, two_sided_p(gap / se))


def _ratio(a: float, se_a: float, b: float, se_b: float, z: float) -> Contrast:
    """a/b on the log scale; without an estimate where either is 0 (no time, or none lost)."""
    if not (a > 1e-12 and b > 1e-12):
        return Contrast(NAN, NAN, NAN, NAN)
    log, se = math.log(a / b), math.hypot(se_a / a, se_b / b)
    if not se > 0:
        return Contrast(a / b, NAN, NAN, NAN)
    return Contrast(a / b, math.exp(log - z * se), math.exp(log + z * se), two_sided_p(log / se))
