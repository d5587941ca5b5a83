"""Quality control sample by sample: thresholds from the sample's own median and spread, each of them told.

Outliers by median absolute deviations: Germain et al. (2020), Genome Biol 21:227; Heumos et al. (2023), Nat Rev Genet
24:550 (5 for counts and genes, 3 for mitochondrial percent).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from opsonin.discovery.progress import Progress, silent
from opsonin.discovery.samples import Samples
from opsonin.errors import DiscoveryError

TO_SD = 1.4826  # median absolute deviation -> standard deviation of a normal distribution
FEW = 30  # cells of a sample below which the thresholds of all samples together hold
MITOCHONDRIAL = "MT-"
REFERENCE = "Germain 2020, Genome Biol 21:227; Heumos 2023, Nat Rev Genet 24:550"
REASONS = ("no counts", "few counts", "many counts", "few genes", "mitochondrial")


@dataclass(frozen=True)
class Quality:
    """What quality control found.

    cells: one row per cell read: cell, sample, total, genes, mitochondrial_percent, kept, reason (empty where kept).
    thresholds: one row per sample: cells, kept, the limits used, and cells left out by reason.
    methods: what was done, in sentences.
    """

    cells: pd.DataFrame
    thresholds: pd.DataFrame
    methods: list[str]


def measure(samples: Samples, progress: Progress = silent) -> pd.DataFrame:
    """Total, genes found and mitochondrial percent of every cell, by blocks.

    total is of counts only (a sum of logs means nothing); mitochondrial_percent where the genes hold MT- ones.
    Raises: DiscoveryError for values below zero or missing, of which only some cells are looked at in reading.
    """
    mitochondrial = np.flatnonzero(samples.genes.astype(str).str.upper().str.startswith(MITOCHONDRIAL))
    total, found, share = (np.full(samples.n_cells, np.nan) for _ in range(3))
    for rows, part in samples.chunks():
        if len(part.data) and not float(part.data.min()) >= 0:  # also where it is no number
            raise DiscoveryError(f"cells {rows.start + 1:,} to {rows.stop:,} hold values below zero or none at all "
                                 "(NaN); give counts or log-normalised values before they were scaled.")  # fmt: skip
        total[rows] = np.asarray(part.sum(axis=1)).ravel()
        found[rows] = np.asarray(part.astype(bool).sum(axis=1)).ravel()
        if len(mitochondrial):
            with np.errstate(invalid="ignore", divide="ignore"):
                share[rows] = 100 * np.asarray(part[:, mitochondrial].sum(axis=1)).ravel() / total[rows]
        progress("quality control", rows.stop, samples.n_cells)
    made = pd.DataFrame({"cell": samples.cells["cell"], "sample": samples.cells["sample"].astype(str)})
    made["total"], made["genes"] = total, found
    made["mitochondrial_percent"] = share if samples.units == "counts" else np.nan
    if samples.units != "counts":
        made["empty"] = total == 0
        made["total"] = np.nan
    else:
        made["empty"] = total == 0
    return made


def quality_control(
    samples: Samples,
    deviations: float = 5.0,
    mitochondrial_deviations: float = 3.0,
    most_mitochondrial: float | None = 25.0,
    fewest_genes: int = 0,
    progress: Progress = silent,
) -> tuple[Samples, Quality]:
    """The cells that hold, and what was left out and why.

    A cell is left out where it is empty, where the log of its total or of its genes found is more than `deviations`
    median absolute deviations from its sample's median, or its mitochondrial percent more than
    `mitochondrial_deviations` above it or above `most_mitochondrial`; samples of fewer than 30 cells take the
    thresholds of all samples together. A panel of chosen genes and full-length data are judged by genes found.
    Raises: DiscoveryError where a sample has no cell with counts, or no cell is left.
    """
    measured = measure(samples, progress)
    empty = measured["empty"].to_numpy(dtype=bool)
    _refuse_empty_samples(measured)
    by_sample, pooled = [], _limits(measured[~empty], deviations, mitochondrial_deviations, most_mitochondrial)
    kept = np.zeros(len(measured), dtype=bool)
    reason = np.full(len(measured), "", dtype=object)
    for name, rows in measured.groupby("sample", sort=False).indices.items():
        own = measured.iloc[rows]
        few = int((~own["empty"]).sum()) < FEW
        limits = pooled if few else _limits(own[~own["empty"]], deviations, mitochondrial_deviations,
                                            most_mitochondrial)  # fmt: skip
        limits = {**limits, "fewest genes": max(limits["fewest genes"], float(fewest_genes))}
        why = _reasons(own, limits)
        kept[rows], reason[rows] = why == "", why
        counted = {f"left out: {one}": int((why == one).sum()) for one in REASONS}
        by_sample.append({"sample": name, "cells": len(own), "kept": int((why == "").sum()), **limits,
                          "thresholds of": "all samples" if few else "this sample", **counted})  # fmt: skip
    thresholds = pd.DataFrame(by_sample)
    if not kept.any():
        raise DiscoveryError("quality control leaves no cell; look at the thresholds, or raise deviations.")
    measured = measured.drop(columns="empty").assign(kept=kept, reason=reason)
    methods = [_said(samples, deviations, mitochondrial_deviations, most_mitochondrial, measured, thresholds)]
    left = {one: int((reason == one).sum()) for one in REASONS if (reason == one).any()}
    own = samples if kept.all() else samples.take(kept)
    for one, count in left.items():
        own = own.noted(f"cells by quality control: {one}", "left out", "", count)
    return own, Quality(measured, thresholds, methods)


def _limits(own: pd.DataFrame, deviations: float, mitochondrial: float, most: float | None) -> dict[str, float]:
    found = {"fewest counts": 0.0, "most counts": np.inf, "fewest genes": 0.0, "most mitochondrial percent": np.inf}
    if own["total"].notna().any():
        low, high = _around(np.log1p(own["total"].to_numpy(dtype=float)), deviations)
        found["fewest counts"], found["most counts"] = max(0.0, np.expm1(low)), np.expm1(high)
    low, _ = _around(np.log1p(own["genes"].to_numpy(dtype=float)), deviations)
    found["fewest genes"] = max(0.0, float(np.expm1(low)))
    share = own["mitochondrial_percent"].dropna().to_numpy(dtype=float)
    if share.size:
        found["most mitochondrial percent"] = float(
            min(_around(share, mitochondrial)[1], np.inf if most is None else most)
        )
    return {name: float(value) for name, value in found.items()}


def _around(values: np.ndarray, deviations: float) -> tuple[float, float]:
    """Median ± deviations; half of the values being one value leaves no limit."""
    middle = float(np.median(values))
    spread = TO_SD * float(np.median(np.abs(values - middle)))
    return (middle - deviations * spread, middle + deviations * spread) if spread > 0 else (-np.inf, np.inf)


def _reasons(own: pd.DataFrame, limits: dict[str, float]) -> np.ndarray:
    total, genes = own["total"].to_numpy(dtype=float), own["genes"].to_numpy(dtype=float)
    share = own["mitochondrial_percent"].to_numpy(dtype=float)
    why = np.full(len(own), "", dtype=object)
    with np.errstate(invalid="ignore"):  # comparing what is not known is False
        why[share > limits["most mitochondrial percent"]] = "mitochondrial"
        why[total > limits["most counts"]] = "many counts"
        why[genes < limits["fewest genes"]] = "few genes"
        why[total < limits["fewest counts"]] = "few counts"
    why[own["empty"].to_numpy(dtype=bool)] = "no counts"
    return why


def _refuse_empty_samples(measured: pd.DataFrame) -> None:
    bare = measured.groupby("sample", sort=False)["empty"].all()
    if bare.all():
        raise DiscoveryError("every cell is empty: no gene was found in any; give the matrix of counts.")
    if bare.any():
        names = [str(one) for one in bare[bare].index]
        more = f", and of {len(names) - 1} more" if len(names) > 1 else ""
        raise DiscoveryError(
            f"every cell of the sample {names[0]!r} is empty{more}: its matrix was not joined, "
            "or was filtered away; put it right, or leave the sample out with where in [cells]."
        )


def _said(
    samples: Samples, deviations: float, mitochondrial: float, most: float | None, measured: pd.DataFrame,
    thresholds: pd.DataFrame,
) -> str:  # fmt: skip
    parts = [f"the log of genes found is more than {deviations:g} median absolute deviations below its sample's median"]
    if samples.units == "counts":
        parts.append(f"the log of total counts more than {deviations:g} from it")
    if measured["mitochondrial_percent"].notna().any():
        hard = "" if most is None else f", or above {most:g} %"
        parts.append(f"the mitochondrial percent more than {mitochondrial:g} above it{hard}")
    few = int((thresholds["thresholds of"] == "all samples").sum())
    small = f" {few} samples of fewer than {FEW} cells take the thresholds of all together." if few else ""
    kept, read = int(measured["kept"].sum()), len(measured)
    return (
        f"Quality control: a cell is left out where it is empty, or {'; '.join(parts)}. {kept:,} of {read:,} cells "
        f"are kept.{small} ({REFERENCE})"
    )
