"""Random-effects pooling of many genes at once: one estimate per gene from several cohorts.

DerSimonian & Laird (1986), Control Clin Trials 7:177, with the interval of Hartung & Knapp (2001), Stat Med 20:3875,
its error never below the usual one (Röver, Knapp & Friede 2015, BMC Med Res Methodol 15:99). `opsonin.analysis` pools
one effect by restricted likelihood with all intervals; this does thousands, with gaps, for ranking and bootstrap.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float


def pool(
    estimate: Float[np.ndarray, "gene cohort"], se: Float[np.ndarray, "gene cohort"], level: float = 0.95
) -> pd.DataFrame:
    """One row per gene: pooled, se, lower, upper, p, above (probability of an effect above 0), tau2, i2, k.

    NaN in either marks a cohort without that gene. k: the cohorts left; with none everything is NaN, with one it is
    that cohort's own normal interval. above: by Student's t with k − 1 degrees of freedom (normal for one cohort).
    """
    from scipy.special import ndtr, ndtri, stdtr, stdtrit

    there = np.isfinite(estimate) & np.isfinite(se) & (se > 0)
    y, v = np.where(there, estimate, 0.0), np.where(there, se, 1.0) ** 2
    k = there.sum(axis=1)
    w = there / v
    total, squares = w.sum(axis=1), (w**2).sum(axis=1)
    safe = np.where(total > 0, total, 1.0)
    q = (w * (y - ((w * y).sum(axis=1) / safe)[:, None]) ** 2).sum(axis=1)
    scale = total - squares / safe
    tau2 = np.where(k > 1, np.maximum(0.0, (q - (k - 1)) / np.where(scale > 0, scale, 1.0)), 0.0)
    w = there / (v + tau2[:, None])
    total = np.where(k > 0, w.sum(axis=1), np.nan)
    mean = (w * y).sum(axis=1) / total
    df = np.maximum(k - 1, 1)
    spread = (w * (y - mean[:, None]) ** 2).sum(axis=1) / df / total
    error = np.where(k > 1, np.sqrt(np.maximum(1 / total, spread)), np.sqrt(1 / total))
    t = mean / error
    above = np.where(k > 1, stdtr(df, t), ndtr(t))
    width = np.where(k > 1, stdtrit(df, 0.5 + level / 2), ndtri(0.5 + level / 2)) * error
    i2 = np.where((k > 1) & (q > 0), np.maximum(0.0, 1 - df / np.where(q > 0, q, 1.0)), np.where(k > 1, 0.0, np.nan))
    columns = {"pooled": mean, "se": error, "lower": mean - width, "upper": mean + width}
    columns |= {"p": 2 * np.minimum(above, 1 - above), "above": above, "tau2": np.where(k > 0, tau2, np.nan)}
    return pd.DataFrame(columns | {"i2": 100 * i2, "k": k})
