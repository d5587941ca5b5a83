"""Log-ratios for a comparison at equally many cells of each sample, so that depth alone makes no difference."""

from __future__ import annotations

import pandas as pd

from opsonin.discovery.compositions import composition_features, counts_of_percents
from opsonin.discovery.feature_table import FeatureTable
from opsonin.discovery.samples import Samples, composition


def at_common_depth(
    features: FeatureTable, samples: Samples, compared: pd.Series, by: str, against: str, fewest: int
) -> tuple[FeatureTable, str]:
    """Features with their log-ratios at the fewest cells of the samples compared, and that in a sentence.

    compared: indexed by sample or subject, as `by` says; those who are of one of the two groups.
    """
    ratios = (features.frame["kind"] == "composition") & (features.frame["unit"] != "percent")
    if not ratios.any():
        return features, ""
    counts = composition(samples)
    if samples.counts is not None and samples.counts_unit == "percent":
        counts = counts_of_percents(counts)
    known = samples.samples.assign(sample=samples.samples["sample"].astype(str))
    mine = set(known[known[by].astype(str).isin(compared.index.astype(str))]["sample"])
    sizes = counts.sum(axis=1)
    sizes = sizes[(sizes >= fewest) & sizes.index.astype(str).isin(mine)]
    if len(sizes) < 2 or sizes.nunique() == 1 or (counts % 1 != 0).to_numpy().any():
        return features, ""
    least = int(sizes.min())
    drawn = composition_features(samples, against=against, fewest=fewest, shares=False, depth=least)
    frame = pd.concat([drawn.frame, features.frame[~ratios]], ignore_index=True)
    return FeatureTable(frame, features.samples), (
        f"log-ratios are compared at {least:,} cells of each sample, the fewest of those compared (expectation over "
        f"draws; up to {int(sizes.max()):,} were labelled), since ratios of few cells differ from those of many"
    )
