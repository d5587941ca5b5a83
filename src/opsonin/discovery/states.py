"""States of cells by degree, and their mean in each sample.

A cell's score is the mean of the state's genes less that of random genes of like expression, so that cells of which
more was sequenced do not score higher for it (Tirosh 2016, Science 352:189). A sample's is the mean over its cells of
one type; a sample with few of them has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csc_matrix, csr_matrix

from opsonin.discovery.annotation import Annotation
from opsonin.discovery.feature_table import COLUMNS, FeatureTable
from opsonin.discovery.marker_evidence import log_normalised
from opsonin.discovery.marker_table import default_markers, gene_places
from opsonin.discovery.samples import Samples
from opsonin.discovery.state_table import Share, State, default_states
from opsonin.errors import DiscoveryError
from opsonin.random import permutation, stable_hash

BINS = 25  # of genes by their mean, from which controls are drawn
CONTROLS = 50  # genes a set's gene
FEWEST = 10  # cells of the type that a sample needs
SHARED = 0.5  # of a state's positive genes that must have been measured


@dataclass(frozen=True)
class Scores:
    """values: (cell, state).   measured: positive genes that were, of how many.   left_out: states, with the reason."""

    values: pd.DataFrame
    measured: dict[str, tuple[int, int]]
    left_out: tuple[str, ...]


def score_states(samples: Samples, states: Sequence[State], seed: int = 1) -> Scores:
    """Scores of states in every cell, of log-normalised expression; counts are normalised.

    States of which fewer than half the positive genes were measured are left out and named.
    Raises: DiscoveryError without expression, or where no state can be scored.
    """
    wanted = [gene for state in states for gene in (*state.positive, *state.negative)]
    place = gene_places(wanted, samples.genes, default_markers().aliases)
    measured = {state.name: (sum(gene in place for gene in state.positive), len(state.positive)) for state in states}
    scored = [state for state in states if measured[state.name][0] >= max(1, SHARED * measured[state.name][1])]
    left = tuple(
        f"{state.name}: {measured[state.name][0]} of its {measured[state.name][1]} genes were measured"
        for state in states if state not in scored
    )  # fmt: skip
    if not scored:
        raise DiscoveryError(
            "no state can be scored: " + "; ".join(left[:3]) + ". Give gene symbols, or other gene sets."
        )
    like = _like(_means(samples)) if any(state.control for state in scored) else np.empty(0, dtype=int)
    weights = np.zeros((len(samples.genes), len(scored)))
    for column, state in enumerate(scored):
        for sign, genes in ((1.0, state.positive), (-1.0, state.negative)):
            here = [place[gene] for gene in genes if gene in place]
            if not here:
                continue
            weights[here, column] += sign / len(here)
            if state.control:
                controls = _controls(here, like, seed, stable_hash(f"{state.name}{sign}"))
                weights[controls, column] -= sign / len(controls)
    used = np.flatnonzero(weights.any(axis=1))
    weight = csc_matrix(weights[used])
    found = [np.asarray((block[:, used] @ weight).todense()) for block in _log_blocks(samples)]
    names = pd.Index([state.name for state in scored])
    return Scores(pd.DataFrame(np.concatenate(found), columns=names), measured, left)


def state_features(
    samples: Samples,
    annotation: Annotation | None = None,
    states: Sequence[State] | None = None,
    shares: Sequence[Share] | None = None,
    *,
    within: Mapping[str, np.ndarray] | None = None,
    fewest: int = FEWEST,
    seed: int = 1,
) -> FeatureTable:
    """Means of states, and shares of cells that express a gene, per sample.

    annotation: says which cells are of a state's type.   within: which are, by type, in the place of an annotation.
    States whose type neither knows are left out. Samples with fewer than `fewest` such cells have no value.
    Raises: DiscoveryError as `score_states`.
    """
    own_states, own_shares = default_states()
    asked = tuple(own_states if states is None else states)
    wanted = tuple((own_shares if states is None else ()) if shares is None else shares)
    types = {one.within for one in (*asked, *wanted)}
    cells = {"": np.ones(samples.n_cells, dtype=bool)} | dict(within or {})
    if annotation is not None:
        known = types & set(annotation.table.by_name)
        cells |= {kind: (annotation.at([kind]) == kind).to_numpy() for kind in known if kind not in cells}
    asked = tuple(state for state in asked if state.within in cells and cells[state.within].any())
    scores = Scores(pd.DataFrame(), {}, ())
    if asked and (states is not None or _any_measured(samples, asked)):  # a panel may hold no gene of the shipped ones
        scores = score_states(samples, asked, seed)
    rows = []
    for state in asked:
        if state.name in scores.values:
            name = f"{state.name} score of {_plural(state.within)}"
            words = f"mean over cells of {state.source or 'a gene set'} less random genes of like expression"
            rows.append(_by_sample(samples, scores.values[state.name], cells[state.within], fewest, name, "", words))
    place = gene_places([gene for one in wanted for gene in (one.gene, *one.among)], samples.genes, {})
    wanted = tuple(one for one in wanted if one.within in cells and all(g in place for g in (one.gene, *one.among)))
    columns = sorted({place[gene] for one in wanted for gene in (one.gene, *one.among)})
    found = _expressed(samples, columns) if columns else np.empty((samples.n_cells, 0), dtype=bool)
    for share in wanted:
        expressed = found[:, [columns.index(place[gene]) for gene in (share.gene, *share.among)]]
        those = cells[share.within] & (expressed[:, 1:].any(axis=1) if share.among else True)
        words = f"share of {_plural(share.within)} with a transcript of {share.gene} ({share.source})"
        values = pd.Series(100.0 * expressed[:, 0])
        rows.append(
            _by_sample(samples, values, those, fewest, f"{share.name} {_plural(share.within)}", "percent", words)
        )
    frame = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=pd.Index(COLUMNS))
    return FeatureTable(frame, samples.samples)


def _any_measured(samples: Samples, states: Sequence[State]) -> bool:
    """Whether one of the states at least can be scored."""
    place = gene_places([gene for one in states for gene in one.positive], samples.genes, default_markers().aliases)
    return any(sum(gene in place for gene in one.positive) >= max(1, SHARED * len(one.positive)) for one in states)


def _by_sample(
    samples: Samples, values: pd.Series, cells: np.ndarray, fewest: int, feature: str, unit: str, source: str
) -> pd.DataFrame:
    sample = samples.cells["sample"].astype(str).to_numpy()
    grouped = pd.Series(values.to_numpy()[cells]).groupby(sample[cells])
    found = grouped.mean()[grouped.size() >= fewest].rename_axis("sample").reset_index(name="value")
    of = (
        samples.samples.assign(sample=samples.samples["sample"].astype(str))
        .drop_duplicates("sample")
        .set_index("sample")
    )
    found["subject"] = found["sample"].map(of["subject"].astype(str).to_dict())
    found["time"] = found["sample"].map(of["time"].to_dict()) if "time" in of else None
    return found.assign(feature=feature, unit=unit, kind="state", source=source)[list(COLUMNS)]


def _plural(kind: str) -> str:
    return f"{kind}s" if kind else "cells"


def _log_blocks(samples: Samples):
    for _, block in samples.chunks():
        if samples.units == "counts":
            yield log_normalised(csr_matrix(block), np.asarray(block.sum(axis=1), dtype=float).ravel())
        else:
            yield block


def _means(samples: Samples) -> np.ndarray:
    total = np.zeros(len(samples.genes))
    for block in _log_blocks(samples):
        total += np.asarray(block.sum(axis=0)).ravel()
    return total / max(1, samples.n_cells)


def _like(means: np.ndarray) -> np.ndarray:
    """Each gene's bin, of about as many genes each, by its mean."""
    rank = np.argsort(np.argsort(means, kind="stable"), kind="stable")
    bins = max(1, min(BINS, means.size // 10))
    return rank * bins // means.size


def _controls(genes: list[int], like: np.ndarray, seed: int, key: int) -> np.ndarray:
    """Random genes of the bins of a set's genes, none of the set itself."""
    chosen: set[int] = set()
    own = set(genes)
    for number in np.unique(like[genes]):
        pool = np.array([gene for gene in np.flatnonzero(like == number) if gene not in own])
        if pool.size:
            order = permutation(seed, "control genes", pool.size, key, int(number))
            chosen |= set(pool[order[:CONTROLS]].tolist())
    if not chosen:
        raise DiscoveryError(
            "there are too few genes besides those of the state to compare with; give the whole matrix."
        )
    return np.array(sorted(chosen))


def _expressed(samples: Samples, columns: list[int]) -> np.ndarray:
    at = np.asarray(columns, dtype=int)
    return np.concatenate([block.toarray() > 0 for _, block in samples.chunks(at)])
