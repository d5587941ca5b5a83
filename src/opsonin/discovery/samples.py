"""Samples: cells with their patients and expression, or cell counts alone, as every question reads them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from opsonin.errors import DiscoveryError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Units = Literal["counts", "log-normalised", "none"]
Modality = Literal["RNA", "bulk RNA", "protein", "cytometry", "labels", "cell counts"]
CELL = ("cell", "subject", "sample", "time", "tissue", "tumour_type", "label")  # columns of `cells` that are known
SAMPLE = ("sample", "subject", "time", "day", "tissue", "tumour_type", "treatment", "response")
BLOCK = 20_000  # cells read at once


@runtime_checkable
class OnDisk(Protocol):
    """Expression that stays in its file and is read by blocks of cells."""

    @property
    def shape(self) -> tuple[int, int]: ...

    def rows(self, first: int, last: int) -> csr_matrix:
        """Cells first … last − 1."""
        ...

    def taken(self, rows: np.ndarray) -> OnDisk:
        """These cells alone."""
        ...


@dataclass(frozen=True)
class Samples:
    """What was sampled from whom.

    cells: one row per cell (bulk: per sample) in the order of `expression`'s rows: cell, subject, sample, and what the
        mapping names of time, tissue, tumour_type, label and further columns; texts are categorical. Empty where only
        counts are known.
    expression: cells × genes, sparse in memory or read from its file by blocks; None for labels alone.
    units: of expression: counts, log-normalised (log of a normalised value), or none.
    log_base: of that logarithm: e, as Seurat and scanpy take it, unless log2 was taken in reading ("normalised").
    counts: samples × labels, where no cells are known; counts_unit: "cells", or "percent" where only shares are.
    subjects: one row per subject: subject, response ("responder", "non-responder" or missing), group, outcome columns.
    samples: one row per sample: sample, subject, and as mapped time, day, tissue, tumour_type, treatment, response (of
        the lesion, where that differs from the subject's).
    source: what was read and what was left out: {"file", "what": "read" | "left out" | "note", "reason", "count"}.
    questions: [discovery] of the mapping.
    """

    cells: pd.DataFrame
    subjects: pd.DataFrame
    samples: pd.DataFrame
    expression: csr_matrix | OnDisk | None = None
    genes: pd.Index = field(default_factory=lambda: pd.Index([], dtype=object))
    units: Units = "none"
    log_base: float = math.e
    counts: pd.DataFrame | None = None
    counts_unit: Literal["cells", "percent"] = "cells"
    modality: Modality = "RNA"
    source: list[dict[str, Any]] = field(default_factory=list)
    title: str = ""
    reference: str = ""
    questions: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises: DiscoveryError where the parts do not belong together."""
        if self.expression is not None:
            rows, columns = _shape(self.expression)
            if rows != len(self.cells) or columns != len(self.genes):
                raise DiscoveryError(
                    f"the expression is {rows} × {columns}, but there are {len(self.cells)} cells and "
                    f"{len(self.genes)} genes; give the names that belong to the matrix."
                )
        for name, frame in (("cells", self.cells), ("samples", self.samples)):
            lacking = [column for column in ("subject", "sample") if len(frame) and column not in frame.columns]
            if lacking:
                raise DiscoveryError(f"the table of {name} has no column {lacking[0]!r}; map one.")

    @property
    def n_cells(self) -> int:
        return len(self.cells)

    @property
    def n_subjects(self) -> int:
        return int(self.subjects["subject"].nunique()) if len(self.subjects) else 0

    @property
    def on_disk(self) -> bool:
        """Whether the expression is read from its file by blocks."""
        return self.expression is not None and not hasattr(self.expression, "indptr")

    @property
    def labelled(self) -> bool:
        """Whether cells carry labels, or counts are given by label."""
        return self.counts is not None or ("label" in self.cells.columns and bool(self.cells["label"].notna().any()))

    def with_(self, **changes: Any) -> Samples:
        """The same with some fields replaced."""
        return replace(self, **changes)

    def with_labels(self, labels: Sequence[Any], column: str = "label") -> Samples:
        """The same with another column of labels, one for each cell (None where unknown)."""
        cells = self.cells.copy(deep=False)
        cells[column] = pd.Categorical(list(labels))
        return replace(self, cells=cells)

    def noted(self, reason: str, what: str = "note", file: str = "", count: int | None = None) -> Samples:
        """The same, with one more entry of `source`."""
        return replace(self, source=[*self.source, {"file": file, "what": what, "reason": reason, "count": count}])

    def told(self) -> list[str]:
        """What was read, noted and left out, as sentences."""
        said = []
        for one in self.source:
            count = "" if one.get("count") is None else f"{one['count']:,} "
            head = f"{one['file']}: " if one.get("file") else ""
            verb = "left out: " if one["what"] == "left out" else ""
            said.append(f"{head}{verb}{count}{one['reason']}")
        return said

    def places(self, names: Iterable[str]) -> tuple[np.ndarray, list[str]]:
        """Columns of the genes named (in their order), and the names that are not there."""
        wanted = list(dict.fromkeys(names))
        at = self.genes.get_indexer(pd.Index(wanted, dtype=object)) if len(wanted) else np.array([], dtype=int)
        return at[at >= 0], [name for name, place in zip(wanted, at, strict=True) if place < 0]

    def chunks(self, genes: np.ndarray | None = None, block: int = BLOCK) -> Iterator[tuple[slice, csr_matrix]]:
        """Blocks of cells in order: which rows, and their expression (cells × genes, or the columns `genes` alone).

        Every question that passes over all cells reads them so, whether they are in memory or in a file.
        Raises: DiscoveryError where there is no expression.
        """
        expression = self._expression()
        total = expression.shape[0]
        for first in range(0, total, block):
            last = min(first + block, total)
            part: Any = expression.rows(first, last) if self.on_disk else expression[first:last]  # type: ignore[union-attr]
            yield slice(first, last), part if genes is None else part[:, genes]

    def matrix(self, genes: Sequence[str] | None = None, keep: np.ndarray | None = None) -> csr_matrix:
        """Expression of the genes named (all otherwise) in the cells where `keep` is true, in memory.

        Raises: DiscoveryError for a gene that is not there, where there is no expression, or too little memory.
        """
        from scipy.sparse import csr_matrix as csr
        from scipy.sparse import vstack

        columns = None
        if genes is not None:
            columns, lacking = self.places(genes)
            if lacking:
                raise DiscoveryError(f"there is no gene {lacking[0]!r} in these samples ({len(lacking)} are lacking).")
        if not self.on_disk:
            whole: Any = self._expression()
            whole = whole if keep is None else whole[np.flatnonzero(keep)]
            return csr(whole if columns is None else whole[:, columns])
        from opsonin.discovery.memory import refuse_beyond

        parts, held = [], 0
        for rows, part in self.chunks(columns):
            chosen = part if keep is None else part[np.flatnonzero(keep[rows])]
            held += chosen.data.nbytes + chosen.indices.nbytes
            refuse_beyond(3 * held, "these cells and genes at once")  # joining them holds them twice
            parts.append(chosen)
        return csr(vstack(parts, format="csr")) if parts else csr((0, len(self.genes)))

    def take(self, keep: np.ndarray) -> Samples:
        """The cells where `keep` is true; subjects and samples stay, as having none of some cells is a finding.

        What is on disk stays there.
        """
        keep = np.asarray(keep, dtype=bool)
        cells = self.cells[keep].reset_index(drop=True)
        own: Any = self.expression
        if own is not None:
            own = own.taken(np.flatnonzero(keep)) if self.on_disk else self.matrix(keep=keep)
        return replace(self, cells=cells, expression=own)

    def anndata(self, genes: Sequence[str] | None = None, keep: np.ndarray | None = None) -> Any:
        """An AnnData of these cells, for scanpy and decoupler.

        Raises: DiscoveryError where there is no expression, or anndata is not installed.
        """
        from opsonin.discovery.libraries import library

        made = library("anndata", "handing cells to scanpy").AnnData(X=self.matrix(genes, keep))
        frame = self.cells if keep is None else self.cells[keep]
        made.obs = frame.set_index(frame["cell"].astype(str).to_numpy(), drop=True)
        made.var_names = self.genes.rename(None) if genes is None else pd.Index(list(dict.fromkeys(genes)))
        return made

    def _expression(self) -> Any:
        if self.expression is None:
            raise DiscoveryError(
                "these samples have labels or counts, but no expression; questions about genes need a matrix, "
                "h5ad, 10x or expression table in [files]."
            )
        return self.expression


def _shape(expression: Any) -> tuple[int, int]:
    return expression.shape


def composition(samples: Samples, by: str = "sample", label: str = "label") -> pd.DataFrame:
    """How many cells of each label: samples (or subjects) × labels; percents where only those are known.

    Every sample stands in it, also with no cell; cells without label are not counted. Where only percents are known a
    subject has the mean over its samples.   label: the column of `cells` to count.
    Raises: DiscoveryError where nothing is labelled, or `by` is neither sample nor subject.
    """
    if by not in ("sample", "subject"):
        raise DiscoveryError(f"cells are counted by sample or by subject, not by {by!r}.")
    if samples.counts is not None:
        made = samples.counts.copy()
        if by == "subject":
            of = samples.samples.set_index("sample")["subject"].reindex(made.index).to_numpy()
            groups = made.groupby(of, sort=False)
            made = groups.sum() if samples.counts_unit == "cells" else groups.mean()
        return made.rename_axis(index=by, columns=None)
    if label not in samples.cells.columns or not samples.cells[label].notna().any():
        raise DiscoveryError(
            f"no cell has a {label}; map the column that holds it ([cells] label = …), or annotate the cells first."
        )
    named = samples.cells[samples.cells[label].notna()]
    made = pd.crosstab(named[by].astype(str), named[label].astype(str))
    order = samples.samples[by].astype(str).drop_duplicates()
    return made.reindex(order, fill_value=0).rename_axis(index=by, columns=None)


def of_samples(samples: Samples, names: set[str]) -> Samples:
    """Some samples alone, with their cells or counts and their subjects."""
    keep = samples.samples["sample"].astype(str).isin(names)
    rest = samples.samples[keep].reset_index(drop=True)
    subjects = samples.subjects[samples.subjects["subject"].astype(str).isin(set(rest["subject"].astype(str)))]
    counts = None if samples.counts is None else samples.counts[samples.counts.index.astype(str).isin(names)]
    own = replace(samples, samples=rest, subjects=subjects.reset_index(drop=True), counts=counts)
    if not samples.n_cells:
        return own
    return own.take(samples.cells["sample"].astype(str).isin(names).to_numpy())
