"""What a finding says in one number on the log scale, and the patients behind it, for judging it."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from opsonin.analysis.believability.exaggeration import Survivors
from opsonin.analysis.findings import Finding

RATIOS = ("hazard ratio", "odds ratio", "ratio of hazard ratios")
ROC = "area under the ROC curve"
PATIENTS = {"day", "event", "x", "group"}


class Effect(NamedTuple):
    """value, se: on the log scale.   variance: of the covariate, so that `variance · events` is the information.

    event_share: of the patients, as they were followed here; NaN where that is unknown.
    """

    value: float
    se: float
    variance: float
    event_share: float


def effect_of(finding: Finding) -> Effect | None:
    """The effect of a ratio with its interval, or of an area under the ROC curve; None where there is neither.

    The area A is that of two normal distributions √2 Φ⁻¹(A) SDs apart, which is the log odds ratio per SD of the
    marker. Source: Hanley & McNeil (1982), Radiology 143:29; Hsieh, Bloch & Larsen (1998), Stat Med 17:1623.
    """
    numbers = (finding.estimate, finding.lower, finding.upper)
    if not all(math.isfinite(v) for v in numbers):
        return None
    normal = NormalDist()
    level = finding.level if math.isfinite(finding.level) else 0.95
    width = 2 * normal.inv_cdf(0.5 + level / 2)
    share = finding.events / finding.n if finding.events and finding.n else math.nan
    if finding.unit in RATIOS and min(numbers) > 0 and finding.upper > finding.lower:
        se = (math.log(finding.upper) - math.log(finding.lower)) / width
        variance = 1 / (se**2 * finding.events) if finding.events else math.nan
        return Effect(math.log(finding.estimate), se, variance, share)
    if finding.unit == ROC and 0 < finding.estimate < 1 and finding.upper > finding.lower:
        at = normal.inv_cdf(finding.estimate)
        se = math.sqrt(2) * (finding.upper - finding.lower) / width / normal.pdf(at)
        return Effect(math.sqrt(2) * at, se, 1 - share, share)
    return None


def survivors_of(finding: Finding) -> Survivors | None:
    """The patients in a finding's table, with their marker on its scale; None where the table holds none.

    Who varies in nothing, or has no events, says nothing either.
    """
    table = finding.table
    if table is None or not set(table.columns) >= PATIENTS or finding.unit != RATIOS[0]:
        return None
    code = np.unique(table["group"].to_numpy(dtype=str), return_inverse=True)[1].reshape(-1)
    numbers = (
        table["day"].to_numpy(dtype=float),
        table["event"].to_numpy(dtype=bool),
        table["x"].to_numpy(dtype=float),
    )
    data = Survivors(*numbers, code)
    return data if data.information > 1e-9 and data.spread > 0 else None
