"""Is a gene's rise in a state the same in every study and tumour type: its log2 fold change pooled over the sources."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pandas as pd

from opsonin.discovery.marker_sources import StateMarkers
from opsonin.discovery.pooling import pool
from opsonin.discovery.pseudobulk import FEWEST_CELLS, FEWEST_SUBJECTS, state_markers
from opsonin.discovery.samples import Samples
from opsonin.errors import DiscoveryError


def by_tumour_type(
    samples: Samples,
    state: str | Collection[str],
    *,
    others: Collection[str] | None = None,
    label: str = "label",
    min_cells: int = FEWEST_CELLS,
) -> tuple[tuple[StateMarkers, ...], tuple[str, ...]]:
    """A state's markers in each tumour type, with its own patients as replicates; and which types were left out, why.

    The type is that of the sample (column tumour_type of cells or samples).
    Raises: DiscoveryError where no type is known, or none has three patients with enough cells.
    """
    kind = _kinds(samples)
    made, left = [], []
    for name in sorted(set(kind.dropna())):
        own = (kind == name).to_numpy()
        patients = samples.cells["subject"].astype(str)[own].nunique()
        if patients < FEWEST_SUBJECTS:
            left.append(f"{name}: {patients} patients")
            continue
        try:
            found = state_markers(samples.take(own), state, others=others, label=label, min_cells=min_cells)
        except DiscoveryError as problem:
            left.append(f"{name}: {problem}")
            continue
        made.append(replace(found, source=f"{name} ({found.n} patients)"))
    if not made:
        raise DiscoveryError(f"no tumour type has enough patients: {'; '.join(left) or 'none is known'}.")
    return tuple(made), tuple(left)


def pooled_fold(markers: Collection[StateMarkers], genes: pd.Index) -> pd.DataFrame:
    """Per gene: fold (log2, pooled), fold_lower, fold_upper, fold_i2 (NaN where unknown) and fold_k, how many sources.

    Sources whose patients are known weigh by their standard error (random effects). Where one of them is a published
    table without patients, all weigh alike, and the interval comes from their spread alone: with few it is wide.
    """
    sources = list(markers)
    estimate = np.column_stack([s.frame["log2_fold_change"].reindex(genes).to_numpy(dtype=float) for s in sources])
    within = [_error(source, genes) for source in sources]
    if all(error is not None for error in within):
        found = pool(estimate, np.column_stack([error for error in within if error is not None]))
        i2 = found["i2"].to_numpy()
    else:
        known = np.isfinite(estimate)
        found = pool(estimate, np.where(known, 1e-6, np.nan))  # alike, and negligible beside the spread
        i2 = np.full(len(genes), np.nan)
        found.loc[found["k"] < 2, ["lower", "upper"]] = np.nan  # one table says nothing of the next
    columns = {"fold": found["pooled"], "fold_lower": found["lower"], "fold_upper": found["upper"]}
    return pd.DataFrame({**columns, "fold_i2": i2, "fold_k": found["k"]}).set_index(genes)


def _error(source: StateMarkers, genes: pd.Index) -> np.ndarray | None:
    if source.per_subject is None:
        return None
    own = source.per_subject.reindex(genes).to_numpy(dtype=float)
    return own.std(axis=1, ddof=1) / np.sqrt(own.shape[1])


def _kinds(samples: Samples) -> pd.Series:
    if "tumour_type" in samples.cells.columns:
        kind = samples.cells["tumour_type"]
    elif "tumour_type" in samples.samples.columns:
        of = samples.samples.drop_duplicates("sample").set_index("sample")["tumour_type"]
        kind = samples.cells["sample"].map(of.to_dict())
    else:
        raise DiscoveryError("the tumour type of the samples is not known; map it, or give constant.tumour_type.")
    return kind.astype(object)
