"""What sets a cell state apart, gene by gene: the common form of our own comparisons and of published tables."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from opsonin.discovery.gene_names import current_symbols
from opsonin.errors import DiscoveryError

LEVEL = 0.05  # of the false discovery rate at which a gene counts as a marker
COLUMNS = ("log2_fold_change", "inside", "outside", "p", "q")
# how published tables name the columns (Seurat 3 and 4, scanpy, edgeR, DESeq2), and whether the fold is a natural log
KNOWN = {
    "gene": ("gene", "names", "symbol", "gene_identifier", "Gene"),
    "state": ("cluster", "state", "cell_type", "group", "contrast"),
    "natural": ("avg_logFC",),
    "fold": ("avg_log2FC", "log2FoldChange", "log2_fold_change", "logfoldchanges", "logFC"),
    "inside": ("pct.1", "pct_nz_group", "inside"),
    "outside": ("pct.2", "pct_nz_reference", "outside"),
    "p": ("p_val", "pvals", "pvalue", "p", "PValue"),
    "q": ("p_val_adj", "pvals_adj", "padj", "q", "FDR"),
}


@dataclass(frozen=True)
class StateMarkers:
    """frame: gene (index) → log2_fold_change, inside and outside (share of cells expressing it in the state and in the
    others), p, q; NaN where unknown.

    source: where it comes from.  unit: "patients" where patients are the replicates, "cells" where a published table
    counted cells, whose p is then far too small and is used as a filter alone.  n: patients, where known.
    per_subject: gene × patient, the log2 difference within each patient; share_per_subject: the share of the patient's
    cells of the state that express the gene less that of the others. Both are what a bootstrap resamples.
    """

    frame: pd.DataFrame
    source: str
    unit: str = "patients"
    n: int | None = None
    per_subject: pd.DataFrame | None = field(default=None, repr=False)
    share_per_subject: pd.DataFrame | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Raises: DiscoveryError for a lacking column or a gene that stands twice."""
        lacking = [name for name in COLUMNS if name not in self.frame.columns]
        if lacking:
            raise DiscoveryError(f"markers of {self.source}: there is no column {lacking[0]!r}.")
        if self.frame.index.has_duplicates:
            twice = self.frame.index[self.frame.index.duplicated()][0]
            raise DiscoveryError(f"markers of {self.source}: the gene {twice} stands twice.")

    @property
    def marked(self) -> pd.Index:
        """Genes higher in the state at a false discovery rate of 5 %."""
        own = self.frame
        return own.index[(own["log2_fold_change"] > 0) & (own["q"] <= LEVEL)]

    def apart(self, genes: pd.Index) -> pd.Series:
        """How far each gene sets the state apart, 0 to 1; 0 where the source does not list it.

        The share of the state's cells that express it less the share of the others (Youden's index of the gene as a
        test for the state); where shares are unknown fold / (1 + fold) of the log2 fold change.
        """
        own = self.frame.reindex(genes)
        share = own["inside"] - own["outside"]
        fold = own["log2_fold_change"].clip(lower=0)
        return share.fillna(fold / (1 + fold)).fillna(0.0).clip(0.0, 1.0)


def read_state_markers(path: str | Path, state: str, source: str | None = None) -> StateMarkers:
    """A published table of differential expression: the rows of one state (cluster, contrast).

    Column names of Seurat, scanpy, edgeR and DESeq2 are known; Seurat's avg_logFC is a natural logarithm and becomes
    log2. A p of 0 (below the smallest number) stays 0. A gene that stands twice keeps its row with the larger fold.
    Raises: DiscoveryError where the file, a column or the state is missing; the states there are named.
    """
    table = read_table(path)
    at = Path(path)
    column = {key: next((n for n in names if n in table.columns), None) for key, names in KNOWN.items()}
    if column["gene"] is None or (column["natural"] is None and column["fold"] is None):
        raise DiscoveryError(f"{at}: a table of markers needs a gene and a fold change; its columns are {list(table)}.")
    if column["state"] is not None:
        states = table[column["state"]].astype(str)
        if state not in set(states):
            there = ", ".join(sorted(set(states))[:30])
            raise DiscoveryError(f"{at}: there is no state {state!r}; there are {there}.")
        table = table[states == state]
    table = table.copy()
    for name in ("natural", "fold", "inside", "outside", "p", "q"):
        given = column[name]
        if given is None:
            continue
        table[given] = numbers(table, given, at)
        if name in ("inside", "outside") and (table[given] > 1).any():
            raise DiscoveryError(f"{at}: {given!r} goes up to {table[given].max():g}, but is the share of cells that "
                                 "express the gene, 0 to 1; divide percents by 100.")  # fmt: skip
    if column["q"] is None and column["p"] is None:
        raise DiscoveryError(f"{at}: a table of markers needs p-values ({', '.join(KNOWN['q'] + KNOWN['p'])}), as "
                             "those at a false discovery rate of 5 % are taken.")  # fmt: skip
    fold = table[column["natural"]] / np.log(2) if column["natural"] else table[column["fold"]]
    made = pd.DataFrame({"log2_fold_change": fold.to_numpy(dtype=float)})
    for name in ("inside", "outside", "p", "q"):
        given = column[name]
        made[name] = table[given].to_numpy(dtype=float) if given else np.nan
    if column["q"] is None and column["p"] is not None:
        made["q"] = adjusted(made["p"].to_numpy())
    made.index = pd.Index(current_symbols(table[column["gene"]]), name="gene")
    made = made.sort_values("log2_fold_change", ascending=False, kind="stable")
    return StateMarkers(made[~made.index.duplicated()], source or f"{at.parent.name}: {state}", unit="cells")


def numbers(table: pd.DataFrame, column: str, at: Path | str) -> pd.Series:
    """A column as numbers, NaN where nothing stands.   at: where it is, for the message.

    Raises: DiscoveryError for text among them.
    """
    made = pd.to_numeric(table[column], errors="coerce")
    wrong = made.isna() & table[column].notna()
    if wrong.any():
        raise DiscoveryError(f"{at}: {table[column][wrong].iloc[0]!r} in column {column!r} is not a number.")
    return made


def closest_state(path: str | Path, genes: pd.Index) -> str:
    """The state of a published table whose markers overlap most (hypergeometric p) with `genes`.

    For tables whose clusters carry numbers: the match itself uses the data, which makes the source a little less
    independent; whoever uses it says so.
    """
    from opsonin.discovery.overlaps import overlap

    table = read_table(path)
    column = next((n for n in KNOWN["state"] if n in table.columns), None)
    if column is None:
        raise DiscoveryError(f"{path}: there is no column that names states ({', '.join(KNOWN['state'])}).")
    best, least = "", np.inf
    for state in sorted(table[column].astype(str).unique()):
        found = overlap(genes, read_state_markers(path, state).marked)
        if found.p < least:
            best, least = state, found.p
    if not best:
        raise DiscoveryError(f"{path}: no state shares a marker with the {len(genes)} genes given.")
    return best


def adjusted(p: np.ndarray) -> np.ndarray:
    """False discovery rate (Benjamini & Hochberg 1995); a missing p stays missing and is not counted."""
    from scipy.stats import false_discovery_control

    known = np.isfinite(p)
    out = np.full(p.shape, np.nan)
    if known.any():
        out[known] = false_discovery_control(p[known])
    return out


def read_table(path: str | Path, **options: Any) -> pd.DataFrame:
    """A csv or tsv, also gz.   options: of pandas' read_csv.

    Raises: DiscoveryError where it cannot be read.
    """
    at = Path(path)
    try:
        return pd.read_csv(at, sep="\t" if ".tsv" in at.name or ".txt" in at.name else ",", **options)
    except (
        OSError,
        EOFError,
        zlib.error,
        UnicodeDecodeError,
        pd.errors.ParserError,
        pd.errors.EmptyDataError,
    ) as problem:
        raise DiscoveryError(
            f"the table {at} cannot be read ({problem}); get it again, or save it as CSV in UTF-8."
        ) from problem
