"""When samples were taken: what is known of it, what is taken for granted, and which are of before treatment."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opsonin.discovery.samples import Samples, of_samples
from opsonin.errors import DiscoveryError


def days(samples: pd.DataFrame) -> pd.Series:
    """The elapsed day of each row of a table of samples, NaN where it is not known.

    Where no day is asked for, and nothing tells of several time points, all count as of before treatment: day 0.
    """
    known = _known(samples)
    if "day" not in samples.columns and len(_times(samples)) < 2:
        return pd.Series(0.0, samples.index)
    return known


def said_of_days(samples: pd.DataFrame) -> str:
    """What is taken for granted or left out, as days are not known; empty where all are."""
    known = _known(samples)
    lacking = int(known.isna().sum())
    if not lacking:
        return ""
    if not days(samples).isna().any():
        return (
            "no day of the samples is known, and the record takes all as of before treatment (day 0); if they are not, "
            "say when they were taken: time in [cells] or [samples] and its days in [times], or a column day"
        )
    times = _times(samples[known.isna().to_numpy()])
    words = f" ({', '.join(times[:6])})" if times else ""
    return (
        f"the day of {lacking} sample{'s' if lacking > 1 else ''} is not known{words}: what was measured in them "
        "stands in the tables and is compared, but is not in the record, which asks for it; say it in [times]"
    )


def before_treatment(samples: Samples) -> Samples:
    """The samples of day 0 or earlier alone, the others counted as left out.

    Raises: DiscoveryError where no sample has a day, or none is so early.
    """
    known = _known(samples.samples)
    if known.isna().all():
        raise DiscoveryError(
            "[discovery] baseline = true takes samples of day 0 or earlier, but no sample has a day; map time and give "
            "[times] (or map day in [samples])."
        )
    keep = samples.samples[known <= 0]["sample"].astype(str)
    if not len(keep):
        raise DiscoveryError("no sample was taken on day 0 or earlier; leave baseline = true out.")
    late = "samples after day 0" + (", or of an unknown day" if known.isna().any() else "")
    return of_samples(samples, set(keep)).noted(f"{late}, as baseline alone is asked", "left out", "",
                                                len(samples.samples) - len(keep))  # fmt: skip


def several_times(samples: pd.DataFrame) -> str:
    """How many samples are of which time, where some were taken later than others; empty where all are of one."""
    known = _known(samples)
    late = int((known > 0).sum())
    if late:
        return f"{late} of {len(samples)} samples were taken after day 0" if late < len(samples) else ""
    times = _times(samples) if known.isna().any() else []
    return f"samples are of several time points ({', '.join(times[:6])})" if len(times) > 1 else ""


def _known(samples: pd.DataFrame) -> pd.Series:
    return samples["day"].astype(float) if "day" in samples.columns else pd.Series(np.nan, samples.index)


def _times(samples: pd.DataFrame) -> list[str]:
    return [str(one) for one in samples["time"].dropna().unique()] if "time" in samples.columns else []
