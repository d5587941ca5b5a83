"""Numbers in the sentences of a belief."""

from __future__ import annotations

import math

from opsonin.analysis.findings import Finding

STEPS = ("per doubling of the ratio", "per doubling", "per SD")


def percent(share: float) -> str:
    """A share in words: "0.3 %", "31 %", "more than 99 %"."""
    if share <= 0:
        return "0 %"
    if share < 0.001:
        return "under 0.1 %"
    if share > 0.99:
        return "over 99 %" if share < 1 else "100 %"
    return f"{100 * share:.1f} %" if share < 0.0995 else f"{100 * share:.0f} %"


def counted(number: float) -> str:
    """A count, to two digits where it is large: "61", "2,300", "over a million"."""
    if not math.isfinite(number):
        return "over a million"
    if number < 1000:
        return f"{round(number):,}"
    scale = 10 ** (len(str(round(number))) - 2)
    return f"{math.ceil(number / scale) * scale:,}"


def multiple(factor: float) -> str:
    """A factor: "2.6 times", "560 times", "over a million times"."""
    if factor >= 1e6:
        return "over a million times"
    return f"{counted(factor)} times" if factor >= 99.5 else f"{factor:.2g} times"


def ratio_of(log: float) -> float:
    """exp of a logarithm; what no number can hold is the largest or smallest that one can."""
    return math.exp(min(max(log, -700.0), 700.0))


def told_ratio(ratio: float) -> str:
    """A ratio to two digits, but "0.897" and "1.003" near one, where two digits would say that there is nothing."""
    return f"{ratio:.3f}" if 0.8 < ratio < 1.25 else f"{ratio:.2g}"


def times(factor: float) -> str:
    """How much too strong: "2.4 times too strong", "not exaggerated"."""
    return f"{factor:.2g} times too strong" if factor >= 1.05 else "hardly too strong"


def short(finding: Finding) -> str:
    """What a finding's number is, with its step: "hazard ratio per doubling"."""
    if finding.name.endswith(".auc"):
        return "odds ratio per SD"
    step = next((said for said in STEPS if said in finding.method), "")
    return f"{finding.unit or 'ratio'} {step}".strip()
