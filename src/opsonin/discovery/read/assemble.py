"""From a mapping's sections to Samples: expression, cells or counts, samples and subjects, joined and told."""

from __future__ import annotations

import math
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pandas as pd

from opsonin.discovery.read.columns import categorical, opened
from opsonin.discovery.read.expression import Read
from opsonin.discovery.read.genes import once, with_symbols
from opsonin.discovery.read.mapping import Mapping
from opsonin.discovery.read.read_cells import read_cells
from opsonin.discovery.read.read_counts import read_counts
from opsonin.discovery.read.values import LOG2, with_units
from opsonin.discovery.read.whose import samples_table, spelt_alike, subjects_table
from opsonin.discovery.samples import CELL, SAMPLE, Samples, Units
from opsonin.errors import DiscoveryError
from opsonin.record.read.tabular import Source
from opsonin.record.schema import near


def assemble(data: Path, mapping: Mapping) -> Samples:
    """The samples of a mapping.

    Raises: DiscoveryError or ImportDataError, naming file, section or column, and what to do.
    """
    told: list[dict[str, Any]] = []
    _tell(told, "", _misspelt(mapping))
    files = mapping.files
    table = _table(data, files.cells, mapping)
    if not any((files.expression, files.cells, files.counts, files.panel)):
        if data.is_dir() and mapping.counts is None:
            raise DiscoveryError(
                f"{data} is a folder, and [files] names nothing in it; write expression, cells, counts or panel there."
            )
        if mapping.counts is not None:
            files = files.model_copy(update={"counts": data.name})
        else:
            files = files.model_copy(update={"expression": data.name})
        data = data.parent
    read: Read | None = None
    units: Units = "none"
    if files.expression is not None:
        read, units = _expression(data, files.expression, mapping, table)
        _tell(told, read.file, [("note", note, None) for note in read.notes])
        _tell(told, read.file, [("read", f"{len(read.genes):,} genes of {len(read.cells):,} cells", None)])
        mapping = _sample_of_file(mapping, files.expression)
    if read is not None or table is not None:
        found = read_cells(mapping, table, read)
        frame, matrix, counts = found.cells, found.matrix, None
        name = table.file if table is not None else str(read.file if read is not None else "")
        _tell(told, name, [("read", "cells", len(frame)), *found.notes])
    else:
        counts, frame, notes = _counts(data, files.counts, files.panel, mapping)
        matrix = None
        said = ("read", f"samples with counts of {len(counts.columns)} labels", len(frame))
        _tell(told, str(files.counts or files.panel), [said, *notes])
    whose = _table(data, files.samples, mapping)
    clinical = _table(data, files.subjects, mapping)
    frame = spelt_alike(frame, whose, clinical, mapping)
    samples, notes = samples_table(frame, whose, mapping)
    _tell(told, whose.file if whose is not None else "", notes)
    source = clinical if clinical is not None else table if table is not None else _own(data, files.counts, mapping)
    subjects, samples, notes = subjects_table(samples, frame, source, read, mapping)
    _tell(told, clinical.file if clinical is not None else "", notes)
    modality = mapping.expression.modality
    if counts is None and matrix is None:
        modality = "labels"
    return Samples(
        cells=categorical(frame) if counts is None else pd.DataFrame(columns=pd.Index(["cell", "subject", "sample"])),
        subjects=subjects,
        samples=samples,
        expression=matrix,
        genes=read.genes if read is not None and matrix is not None else pd.Index([], dtype=object),
        units=units,
        log_base=math.e if read is None else _log_base(read, mapping),
        counts=counts,
        counts_unit=mapping.counts.unit if mapping.counts is not None and counts is not None else "cells",
        modality="cell counts" if counts is not None else modality,
        source=told,
        title=mapping.title,
        reference=mapping.source,
        questions=mapping.discovery.model_dump(exclude_unset=True),
    )


def read_expression(path: Path, mapping: Mapping, known_cells: pd.Index | None = None) -> Read:
    """One file or folder of expression, by the ending of its name.

    Raises: DiscoveryError for what cannot be read.
    """
    from opsonin.discovery.read.read_10x import read_10x_h5, read_mtx
    from opsonin.discovery.read.read_tables import read_dense, read_long

    said, files = mapping.expression, mapping.files
    name = path.name.lower()
    if not path.exists():
        beside = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DiscoveryError(f"{path} is not there{near(path.name, beside)}.")
    if said.layer is not None and not name.endswith(".h5ad"):
        raise DiscoveryError(f"[expression] layer is of an h5ad, and {path.name} is none; leave layer out.")
    if name.endswith((".h5ad", ".h5")):
        if name.endswith(".h5"):
            return read_10x_h5(path, said.modality)
        from opsonin.discovery.read.read_h5ad import read_h5ad

        return read_h5ad(path, said.layer, said.on_disk)
    if path.is_dir() or name.removesuffix(".gz").endswith(".mtx"):
        folder = path if path.is_dir() else path.parent
        genes = folder / files.genes if files.genes else None
        return read_mtx(path, genes, folder / files.barcodes if files.barcodes else None, said.modality)
    if said.orientation == "long":
        return read_long(path, {str(key): column for key, column in said.long.items()}, mapping.delimiter)
    return read_dense(path, said.orientation, said.ignore, mapping.delimiter, known_cells)


def _expression(data: Path, files: str | dict[str, str], mapping: Mapping, table: Source | None) -> tuple[Read, Units]:
    said = mapping.expression
    known = None
    column = mapping.cells.columns.get("cell")
    if table is not None and isinstance(column, str) and column in table.frame.columns:
        known = pd.Index(table.frame[column].astype(str))
    symbols = _symbols(data, mapping) if said.symbols else None
    named: dict[str, str] = files if isinstance(files, dict) else {"": files}
    parts: list[Read] = []
    units: set[tuple[Units, bool]] = set()
    for sample, name in named.items():
        read = read_expression(data / name, mapping, known)
        read, own = with_units(read, said.units, said.modality == "bulk RNA", said.round)
        base = None if own == "counts" else _log_base(read, mapping)
        if said.modality in ("RNA", "bulk RNA"):
            read = with_symbols(read, said.gene_names, symbols, said.species, base)
        else:
            read = once(read, pd.Series(read.genes.astype(str)), base, "columns")
        units.add((own, LOG2 in read.notes))
        parts.append(_of_sample(read, sample) if sample else read)
    if len(units) > 1:
        kinds = sorted({f"{own}{' (log2 taken)' if taken else ''}" for own, taken in units})
        raise DiscoveryError(f"the files of [files] expression hold values of several kinds: {', '.join(kinds)}; "
                             "give one kind.")  # fmt: skip
    return (parts[0] if len(parts) == 1 else _stacked(parts)), units.pop()[0]


def _log_base(read: Read, mapping: Mapping) -> float:
    return 2.0 if LOG2 in read.notes else mapping.expression.log_base or math.e


def _of_sample(read: Read, sample: str) -> Read:
    """Barcodes repeat between samples: a cell is called sample/barcode."""
    cells = pd.Index(sample + "/" + pd.Series(read.cells.astype(str)))
    about = pd.DataFrame({"cell": cells, "barcode": read.cells, "sample": sample})
    if read.about is not None:
        own = read.about.drop(columns=[c for c in ("cell", "barcode", "sample") if c in read.about.columns])
        about = pd.concat([about, own.reset_index(drop=True)], axis=1)
    return Read(read.file, read.matrix, cells, read.genes, about, read.other_names, read.notes, read.extra)


def _stacked(parts: list[Read]) -> Read:
    """Several files as one: the genes that all of them hold."""
    from scipy.sparse import csr_matrix, vstack

    genes = parts[0].genes
    for part in parts[1:]:
        genes = genes[genes.isin(part.genes)]
    if not len(genes):
        raise DiscoveryError(f"{parts[0].file} and the other files of [files] expression have no gene in common.")
    blocks = []
    for part in parts:
        matrix: Any = part.matrix
        if not hasattr(matrix, "indptr"):
            raise DiscoveryError(f"{part.file} is too large to be joined in memory; join the files as one h5ad first.")
        blocks.append(matrix[:, part.genes.get_indexer(genes)])
    most = max(len(part.genes) for part in parts)
    notes = list(dict.fromkeys(note for part in parts for note in part.notes))
    if len(genes) < most:
        notes.append(f"{most - len(genes):,} genes left out that some file lacks")
    cells = parts[0].cells.append([part.cells for part in parts[1:]])
    about = pd.concat([part.about for part in parts if part.about is not None], ignore_index=True)
    return Read(f"{len(parts)} files", csr_matrix(vstack(blocks, format="csr")), cells, genes, about, None, notes)


def _sample_of_file(mapping: Mapping, files: str | dict[str, str]) -> Mapping:
    """Where every sample has a file of its own, the file says the sample."""
    columns = mapping.cells.columns
    if isinstance(files, str) or mapping.files.cells is not None or "sample" in columns:
        return mapping
    if "sample" in mapping.cells.constant:
        return mapping
    cells = mapping.cells.model_copy(update={"sample": "sample"})
    cells.__pydantic_extra__ = {**columns, "sample": "sample"}
    return mapping.model_copy(update={"cells": cells})


def _symbols(data: Path, mapping: Mapping) -> dict[str, str]:
    folder = data if data.is_dir() else data.parent
    source = opened(mapping, folder / str(mapping.expression.symbols))
    if source.frame.shape[1] < 2:
        raise DiscoveryError(f"{source.file} has one column; a table of symbols has identifiers and symbols.")
    first, second = (source.frame.iloc[:, k].astype(str) for k in (0, 1))
    return {str(one): str(two) for one, two in zip(first.str.replace(r"\.\d+$", "", regex=True), second, strict=True)
            if two}  # fmt: skip


def _counts(
    data: Path, counts: str | None, panel: str | None, mapping: Mapping
) -> tuple[pd.DataFrame, pd.DataFrame, list[tuple[str, str, int | None]]]:
    if panel is not None:
        from opsonin.discovery.read.read_fcs import read_fcs

        return read_fcs(data / panel)
    if counts is None:
        raise DiscoveryError("the mapping names neither expression, nor cells, nor counts in [files].")
    return read_counts(mapping, opened(mapping, data / counts))


def _table(data: Path, name: str | None, mapping: Mapping) -> Source | None:
    return None if name is None else opened(mapping, (data if data.is_dir() else data.parent) / name)


def _own(data: Path, name: str | None, mapping: Mapping) -> Source | None:
    return _table(data, name, mapping)


def _misspelt(mapping: Mapping) -> list[tuple[str, str, int | None]]:
    """Names that Opsonin does not know and that look like one it does: kept as columns, and said."""
    known = {"cells": CELL, "counts": SAMPLE, "samples": SAMPLE, "subjects": ("subject", "response", "group")}
    notes: list[tuple[str, str, int | None]] = []
    for section, names in known.items():
        given = getattr(mapping, section)
        for name in [] if given is None else given.columns:
            like = [] if name in {*SAMPLE, *CELL, "group"} else get_close_matches(name.casefold(), names, 1, 0.8)
            if like:
                reason = f"[{section}] {name} is kept as a column of its own (did you mean {like[0]!r}?)"
                notes.append(("note", reason, None))
    return notes


def _tell(told: list[dict[str, Any]], file: str, notes: list[tuple[str, str, int | None]]) -> None:
    for what, reason, count in notes:
        told.append({"file": file, "what": what, "reason": reason, "count": count if count is None else int(count)})
