"""Random-effects pooling of many genes at once: one estimate per gene from several cohorts.

DerSimonian & Laird (1986), Control Clin Trials 7:177, with the interval of Hartung & Knapp (2001), Stat Med 20:3875,
its error never below the usual one (Röver, Knapp & Friede 2015, BMC Med Res Methodol 15:99). `opsonin.analysis` pools
one effect by restricted likelihood with all intervals; this does thousands, with gaps, for ranking and bootstrap.

Degrees of freedom by one rule for any number of cohorts (Satterthwaite 1946, Biometrics Bull 2:110): the part of the
variance that comes from the cohorts' own errors is known as well as in a single cohort (normal), the part φ that comes
from the scatter between cohorts only by k − 1; together (k − 1) / φ². Cohorts that agree are thus judged as one is, by
the normal distribution, and a second that agrees makes surer; Student's t with k − 1 throughout would make two that
agree less sure than one. Where cohorts scatter it is t with nearly k − 1. The price is that few cohorts, whose scatter
is hard to see, have intervals that are too narrow for the next cohort, and one alone the most.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float

MOST = 1e9  # degrees of freedom: as good as normal


def pool(
    estimate: Float[np.ndarray, "gene cohort"], se: Float[np.ndarray, "gene cohort"], level: float = 0.95
) -> pd.DataFrame:
    """One row per gene: pooled, se, lower, upper, p, above (probability of an effect above 0), tau2, i2, k.

    NaN in either marks a cohort without that gene. k: the cohorts left; with none everything is NaN, with one it is
    that cohort's own normal interval. p, above and the interval: by Student's t, with degrees of freedom as above.
    """
    from scipy.special import stdtr, stdtrit

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
    few = np.maximum(k - 1, 1)
    between = tau2 * (w**2).sum(axis=1) / total  # the share φ of the variance 1 / total that is scatter
    df = np.minimum(few / np.maximum(between, 1e-6) ** 2, MOST)
    spread = (w * (y - mean[:, None]) ** 2).sum(axis=1) / few / total
    error = np.where(k > 1, np.sqrt(np.maximum(1 / total, spread)), np.sqrt(1 / total))
    t = mean / error
    above = stdtr(df, t)
    width = stdtrit(df, 0.5 + level / 2) * error
    i2 = np.where((k > 1) & (q > 0), np.maximum(0.0, 1 - few / np.where(q > 0, q, 1.0)), np.where(k > 1, 0.0, np.nan))
    columns = {"pooled": mean, "se": error, "lower": mean - width, "upper": mean + width}
    columns |= {"p": 2 * np.minimum(above, 1 - above), "above": above, "tau2": np.where(k > 0, tau2, np.nan)}
    return pd.DataFrame(columns | {"i2": 100 * i2, "k": k})
