"""Each patient's score in a linear rank test: their own weighted event less what was expected of them.

Source: Prentice (1978), Biometrika 65:167; Kalbfleisch & Prentice (2002), ch. 7. With Breslow's (Nelson and Aalen's)
hazard at ties, which coin's "mid-ranks" give with the other sign.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.analysis.survival.logrank import curve_before, weight


def rank_scores(
    t: Float[np.ndarray, " n"],
    d: Bool[np.ndarray, " n"],
    strata: Int[np.ndarray, " n"],
    rho: float = 0.0,
    gamma: float = 0.0,
) -> Float[np.ndarray, " n"]:
    """w(t) · event − Σ over event times u ≤ t of w(u) deaths(u) / at risk(u), with G(ρ,γ) weights.

    They sum to 0 in each stratum. The sum of a group's scores is its weighted observed less expected events.
    """
    out = np.zeros(t.size)
    for s in np.unique(strata):
        here = strata == s
        time, event = t[here], d[here]
        times = np.unique(time[event])
        if not times.size:
            continue
        risk = (time.size - np.searchsorted(np.sort(time), times)).astype(float)
        deaths = np.bincount(np.searchsorted(times, time[event]), minlength=times.size).astype(float)
        w = weight(curve_before(deaths, risk), rho, gamma)
        scores = -np.r_[0.0, np.cumsum(w * deaths / risk)][np.searchsorted(times, time, side="right")]
        scores[event] += w[np.searchsorted(times, time[event])]
        out[here] = scores
    return out
