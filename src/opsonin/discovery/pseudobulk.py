"""Differential expression with patients as replicates: a patient's cells are summed before anything is compared.

Cells of one patient are not independent; taking them as replicates makes nearly every gene significant (Squair 2021,
Nat Commun 12:5692). Counts go to PyDESeq2 (Love 2014, Genome Biol 15:550; Muzellec 2023, Bioinformatics 39:btad547);
expression that is already log-normalised is averaged per patient and compared by a moderated t-test (Smyth 2004, Stat
Appl Genet Mol Biol 3:3). Fold changes are log2 on both paths: log-normalised values are natural logarithms (but for
those of which reading took log2: `Samples.log_base`) and are brought to base 2. Means of log(1 + value) are nearer to
each other than logarithms of sums, so that the folds of the second path are the smaller ones.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from opsonin.discovery.libraries import library
from opsonin.discovery.marker_sources import StateMarkers, adjusted
from opsonin.discovery.samples import Samples
from opsonin.errors import DiscoveryError

FEWEST_CELLS, FEWEST_SUBJECTS, FEWEST_COUNTS = 10, 3, 10


def state_markers(
    samples: Samples,
    state: str | Collection[str],
    *,
    others: Collection[str] | None = None,
    label: str = "label",
    subjects: Collection[str] | None = None,
    min_cells: int = FEWEST_CELLS,
) -> StateMarkers:
    """A state's cells against the other cells of the same patients, paired within patients.

    state: a label, or several.  others: the labels to compare with, all further labelled cells otherwise.  subjects:
    who takes part (the resistant, say).  A patient with fewer than `min_cells` of either is left out.
    Raises: DiscoveryError for a label that is not there, or fewer than three patients with enough cells.
    """
    named = _labels(samples, label)
    inside, outside = chosen_cells(named, state), named.notna().to_numpy()
    outside = (outside if others is None else chosen_cells(named, others)) & ~inside
    if not outside.any():
        raise DiscoveryError(
            f"every labelled cell is of {state!r} (sorted cells?), and nothing is there to compare them with; give "
            "samples that hold other cells too, or published tables of markers ([[discovery.targets.markers]])."
        )
    subject = samples.cells["subject"].astype(str).to_numpy()
    if subjects is not None:
        taken = np.isin(subject, [str(s) for s in subjects])
        inside, outside = inside & taken, outside & taken
    enough = [set(n.index[n >= min_cells]) for n in (pd.Series(subject[c]).value_counts() for c in (inside, outside))]
    kept = sorted(enough[0] & enough[1])
    if len(kept) < FEWEST_SUBJECTS:
        raise DiscoveryError(
            f"{len(kept)} patients have {min_cells} or more cells of {state!r} and of the others; {FEWEST_SUBJECTS} "
            "are needed, as patients are the replicates. Lower min_cells (a key of [discovery.targets]), or join "
            "labels (rename.label in [cells])."
        )
    first, share_in = _sums(samples, inside, kept)
    second, share_out = _sums(samples, outside, kept)
    if samples.units == "counts":
        design = pd.DataFrame({"patient": kept * 2, "cells": ["state"] * len(kept) + ["others"] * len(kept)})
        both = np.vstack([first, second])
        frame = _deseq(both, design, "~patient + cells", ("cells", "state", "others"), samples.genes)
        within = _log_cpm(first) - _log_cpm(second)
    else:
        within = (first - second) * np.log2(samples.log_base)
        frame = moderated(within, samples.genes)
    frame["inside"], frame["outside"] = share_in.mean(axis=0), share_out.mean(axis=0)
    table = pd.DataFrame(within.T, index=samples.genes, columns=pd.Index(kept))
    shares = pd.DataFrame((share_in - share_out).T, index=samples.genes, columns=pd.Index(kept))
    words = state if isinstance(state, str) else ", ".join(state)
    return StateMarkers(frame, f"{samples.title or 'these samples'}: {words}", "patients", len(kept), table, shares)


def group_contrast(
    samples: Samples,
    state: str | Collection[str],
    group: pd.Series,
    first: str,
    second: str,
    *,
    label: str = "label",
    min_cells: int = FEWEST_CELLS,
) -> StateMarkers:
    """A state's cells in patients of one group against those in another (resistant against responding).

    group: subject (index) → group.  inside and outside are the shares of expressing cells in either group.
    Raises: DiscoveryError where a group has fewer than three patients with enough cells.
    """
    named = _labels(samples, label)
    inside = chosen_cells(named, state)
    subject = samples.cells["subject"].astype(str)
    counted = subject[inside].value_counts()
    enough = set(counted.index[counted >= min_cells])
    of = {str(s): str(g) for s, g in group.items() if str(s) in enough}
    sides = {name: sorted(s for s, g in of.items() if g == name) for name in (first, second)}
    for name, members in sides.items():
        if len(members) < FEWEST_SUBJECTS:
            raise DiscoveryError(
                f"{len(members)} patients of {name!r} have {min_cells} or more cells of {state!r}; {FEWEST_SUBJECTS} "
                "are needed, as patients are the replicates."
            )
    kept = sides[first] + sides[second]
    sums, share = _sums(samples, inside, kept)
    of_first = np.arange(len(kept)) < len(sides[first])
    if samples.units == "counts":
        design = pd.DataFrame({"group": np.where(of_first, "first", "second")})
        frame = _deseq(sums, design, "~group", ("group", "first", "second"), samples.genes)
    else:
        frame = moderated(sums * np.log2(samples.log_base), samples.genes, of_first)
    frame["inside"], frame["outside"] = share[of_first].mean(axis=0), share[~of_first].mean(axis=0)
    words = state if isinstance(state, str) else ", ".join(state)
    return StateMarkers(frame, f"{samples.title or 'these samples'}: {words}, {first} against {second}", n=len(kept))


def moderated(
    level: Float[np.ndarray, "patient gene"], genes: pd.Index, first: Bool[np.ndarray, " patient"] | None = None
) -> pd.DataFrame:
    """A moderated t-test per gene: the mean against 0 (differences within patients), or two groups of patients.

    level: on a log2 scale, as the fold change is.  The variance of a gene is shrunken
    towards that of all genes, with the prior fitted to the data. Genes without any variance have no p.
    """
    from scipy.special import stdtr

    if first is None:
        df, effect = level.shape[0] - 1, level.mean(axis=0)
        variance, unscaled = level.var(axis=0, ddof=1), 1 / level.shape[0]
    else:
        one, two = level[first], level[~first]
        df, effect = level.shape[0] - 2, one.mean(axis=0) - two.mean(axis=0)
        variance = (one.var(axis=0, ddof=1) * (len(one) - 1) + two.var(axis=0, ddof=1) * (len(two) - 1)) / df
        unscaled = 1 / len(one) + 1 / len(two)
    varies = variance > 0
    prior, prior_df = _prior(variance[varies], df)
    total = df + prior_df
    shrunken = np.full(variance.shape, prior) if np.isinf(total) else (prior_df * prior + df * variance) / total
    p = np.full(variance.shape, np.nan)
    t = effect[varies] / np.sqrt(shrunken[varies] * unscaled)
    p[varies] = 2 * stdtr(min(total, 1e9), -np.abs(t))
    columns = {"log2_fold_change": effect, "inside": np.nan, "outside": np.nan, "p": p, "q": adjusted(p)}
    return pd.DataFrame(columns, index=genes)


def _prior(variance: Float[np.ndarray, " gene"], df: int) -> tuple[float, float]:
    """The variance and degrees of freedom of the prior, by moments of log variances (Smyth 2004, section 6.2)."""
    from scipy.special import digamma, polygamma

    if variance.size < 2:
        return (float(variance[0]) if variance.size else 1.0), 0.0
    log = np.log(variance) - digamma(df / 2) + np.log(df / 2)
    spread = float(log.var(ddof=1) - polygamma(1, df / 2))
    if spread <= 0:
        return float(np.exp(log.mean())), np.inf
    half = 0.5 + 1 / spread  # Newton's steps for the inverse of the trigamma function
    for _ in range(50):
        value = float(polygamma(1, half))
        step = value * (1 - value / spread) / float(polygamma(2, half))
        half += step
        if abs(step) < 1e-10 * half:
            break
    return float(np.exp(log.mean() + digamma(half) - np.log(half))), 2 * half


def _deseq(
    counts: Float[np.ndarray, "sum gene"],
    design: pd.DataFrame,
    formula: str,
    contrast: tuple[str, str, str],
    genes: pd.Index,
) -> pd.DataFrame:
    """PyDESeq2's Wald statistic on sums of counts, by Student's t with the patients' degrees of freedom.

    Genes with hardly a count have no p.
    """
    from scipy.special import stdtr

    dds = library("pydeseq2.dds", "comparing counts with patients as replicates")
    statistics = library("pydeseq2.ds", "comparing counts with patients as replicates")
    kept = counts.sum(axis=0) >= FEWEST_COUNTS
    rows = [f"sum {i + 1}" for i in range(len(counts))]
    table = pd.DataFrame(np.round(counts[:, kept]).astype(int), index=rows, columns=genes[kept])
    made = pd.DataFrame(index=genes, columns=["log2_fold_change", "p", "q"], dtype=float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the library's own fits and of its dependencies
        data = dds.DeseqDataSet(counts=table, metadata=design.set_index(pd.Index(rows)), design=formula, quiet=True)
        data.deseq2()
        test = statistics.DeseqStats(data, contrast=list(contrast), quiet=True)
        test.summary()
    found = test.results_df
    made.loc[found.index, "log2_fold_change"] = found["log2FoldChange"].to_numpy(dtype=float)
    df = len(counts) - data.obsm["design_matrix"].shape[1]
    # among few patients the normal distribution of Wald's test rejects too often, most of all far out; an outlying
    # count, of which PyDESeq2 gives no p, has none here either
    tail = 2 * stdtr(df, -found["stat"].abs().to_numpy(dtype=float))
    made.loc[found.index, "p"] = np.where(found["pvalue"].notna(), tail, np.nan)
    made["q"] = adjusted(made["p"].to_numpy(dtype=float))
    return made


def _sums(samples: Samples, chosen: Bool[np.ndarray, " cell"], subjects: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Patient × gene: the sum of counts (the mean of log-normalised values), and the share of cells that express it."""
    from scipy.sparse import csr_matrix

    at = pd.Index(subjects).get_indexer(pd.Index(samples.cells["subject"].astype(str)))
    at = np.where(chosen, at, -1)
    sums, expressing = np.zeros((2, len(subjects), len(samples.genes)))
    for rows, part in samples.chunks():
        own = at[rows]
        cells = np.flatnonzero(own >= 0)
        if not cells.size:
            continue
        gather: Any = csr_matrix((np.ones(cells.size), (own[cells], cells)), shape=(len(subjects), own.size))
        sums += (gather @ part).toarray()
        expressing += (gather @ (part > 0)).toarray()
    cells = np.bincount(at[at >= 0], minlength=len(subjects))[:, None]
    share = expressing / np.maximum(cells, 1)
    return (sums if samples.units == "counts" else sums / np.maximum(cells, 1)), share


def _log_cpm(counts: np.ndarray) -> np.ndarray:
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    return np.log2((counts + 0.5) / (total + 1) * 1e6)


def _labels(samples: Samples, label: str) -> pd.Series:
    if label not in samples.cells.columns:
        raise DiscoveryError(f"the cells have no {label!r}; map the column that holds it, or annotate the cells first.")
    return samples.cells[label]


def chosen_cells(named: pd.Series, labels: str | Collection[str]) -> Bool[np.ndarray, " cell"]:
    """Which cells have one of the labels.

    Raises: DiscoveryError for a label that no cell has.
    """
    wanted = [labels] if isinstance(labels, str) else list(labels)
    there = sorted(set(named.dropna().astype(str)))
    for name in wanted:
        if name not in there:
            raise DiscoveryError(f"no cell is labelled {name!r}; the labels are {', '.join(there[:20])}.")
    return named.astype(object).isin(wanted).to_numpy()
