"""Features of each sample's clones (barcodes, T-cell receptors), for the record: how many, how even, how dominant."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opsonin.discovery.feature_table import COLUMNS, FeatureTable
from opsonin.discovery.heterogeneity import inverse_simpson, shannon
from opsonin.errors import DiscoveryError

FEWEST_READS = 100


def clone_features(
    table: pd.DataFrame,
    samples: pd.DataFrame,
    *,
    sample: str = "sample",
    clone: str = "clone",
    reads: str = "reads",
    fewest: float = FEWEST_READS,
) -> FeatureTable:
    """Per sample: effective number of clones, clonality and the share of its largest clone.

    table: one row per sample and clone.   samples: sample, subject, and perhaps time and day.
    Clonality is 1 less the entropy (Chao & Shen 2003, for clones not seen) over that of clones all alike: 0 for even, 1
    for one clone. Samples with fewer than `fewest` reads have no value, as their numbers would follow the depth.
    Raises: DiscoveryError for a missing column, counts that are none, a clone given twice, or a sample nobody has.
    """
    lacking = [name for name in (sample, clone, reads) if name not in table.columns]
    if lacking:
        raise DiscoveryError(f"the table of clones has no column {lacking[0]!r}; it has {', '.join(table.columns)}.")
    counts = pd.to_numeric(table[reads], errors="coerce")
    if not (np.isfinite(counts) & (counts >= 0)).all():
        row = int(np.flatnonzero(~(np.isfinite(counts) & (counts >= 0)))[0])
        raise DiscoveryError(f"the table of clones, row {row + 1}: {table[reads].iloc[row]!r} is no count.")
    twice = table.duplicated([sample, clone])
    if twice.any():
        row = table[twice].iloc[0]
        raise DiscoveryError(f"the clone {row[clone]!r} is given twice for the sample {row[sample]!r}.")
    own = pd.Series(samples["subject"].astype(str).to_numpy(), index=samples["sample"].astype(str))
    named = table[sample].astype(str)
    unknown = sorted(set(named) - set(own.index))
    if unknown:
        raise DiscoveryError(
            f"the sample {unknown[0]!r} of the clones is not among the samples; {len(unknown)} are not."
        )
    rows = []
    for name, of in counts.groupby(named, sort=True):
        found = of[of > 0].to_numpy(dtype=float)
        if found.sum() < fewest:
            continue
        entropy = float(shannon(found[None])[0])
        even = 1 - entropy / np.log(found.size) if found.size > 1 else 1.0
        numbers = {
            "effective number of clones": (
                float(inverse_simpson(found[None])[0]),
                "",
                "inverse Simpson index, unbiased",
            ),
            "clonality": (
                float(np.clip(even, 0.0, 1.0)),
                "",
                "1 − entropy / log of the clones seen (Chao & Shen 2003)",
            ),
            "largest clone": (100 * found.max() / found.sum(), "percent", "share of reads"),
        }
        rows += [(name, feature, *value) for feature, value in numbers.items()]
    frame = pd.DataFrame(rows, columns=pd.Index(["sample", "feature", "value", "unit", "source"]))
    frame["subject"] = frame["sample"].map(own[~own.index.duplicated()].to_dict())
    times = samples.assign(sample=samples["sample"].astype(str)).drop_duplicates("sample").set_index("sample")
    frame["time"] = frame["sample"].map(times["time"].to_dict()) if "time" in times else None
    return FeatureTable(frame.assign(kind="clones")[list(COLUMNS)], samples)
