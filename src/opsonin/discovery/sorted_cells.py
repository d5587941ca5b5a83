"""Sorted cells and bulk samples: what has no composition, why, and which question fits instead.

Shares of labels say something of a patient where a sample's cells came as they were. Where cells were sorted before,
shares are those of the sorting; bulk samples hold no cells that could be counted.
"""

from __future__ import annotations

from opsonin.discovery.samples import Samples, composition
from opsonin.errors import DiscoveryError

COHORTS = (
    "cohorts = a folder of <name>_expression.csv and <name>_clinical.csv in [discovery.targets] or "
    "[discovery.plasticity]"
)


def refuse_bulk(samples: Samples) -> None:
    """Raises: DiscoveryError for bulk expression, of which states cannot be asked, with the questions that take it."""
    if samples.modality != "bulk RNA":
        return
    raise DiscoveryError(
        'states are asked of cells, and these are bulk samples (modality = "bulk RNA"), in which none can be counted; '
        f"--question targets or plasticity take bulk cohorts with response ({COHORTS}) and, of sorted bulk, own = "
        "the label of the sorted state; or give cell counts per sample, as deconvolution makes them ([files] counts)."
    )


def why_no_composition(samples: Samples, fewest: int) -> str:
    """Why the labels of these samples say nothing of their composition; empty where they do.

    One label in all, or one in each sample that has `fewest` cells: those cells were sorted.
    """
    counts = composition(samples)
    if counts.shape[1] < 2:
        return (
            f"all cells are labelled {str(counts.columns[0])!r} (sorted cells?), so that there are no shares to compare"
        )
    large = counts[counts.sum(axis=1) >= max(1, fewest)]
    if len(large) < 2 or (large > 0).sum(axis=1).max() > 1:
        return ""
    return (
        f"each sample holds cells of one label alone (such as {large.index[0]}: {str(large.iloc[0].idxmax())!r}), so "
        "that shares say how cells were sorted and are not compared"
    )


def refuse_sorted(samples: Samples, why: str) -> None:
    """Raises: DiscoveryError: sorted cells of which no state can be scored either, with what to do."""
    if samples.expression is None:
        raise DiscoveryError(
            f"{why}; map a column of finer labels ([cells] label = …), give the cells' expression ([files] "
            "expression), of which states are scored within one kind too, or give all cells of the samples."
        )
    rows = samples.cells["sample"].astype(str).value_counts()
    if int(rows.max()) == 1:
        raise DiscoveryError(
            f'{why}, and every sample has one row: if the rows are bulk samples, write modality = "bulk RNA" in '
            f"[expression] and ask --question targets or plasticity ({COHORTS})."
        )
    raise DiscoveryError(
        f"{why}, and no state of them can be scored; leave annotate = false out, and label too ([cells]) to have the "
        "cells annotated more finely; give more genes, or map finer labels; what sets these cells apart from others is "
        "--question targets, with tables of markers ([[discovery.targets.markers]])."
    )
