"""10x Genomics and Matrix Market: mtx with its lists of genes and barcodes (also gz), and filtered .h5 files."""

from __future__ import annotations

import csv
import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from opsonin.discovery.libraries import library
from opsonin.discovery.memory import csr_bytes, refuse_beyond
from opsonin.discovery.read.expression import Read
from opsonin.errors import DiscoveryError

GENES = ("features.tsv", "genes.tsv", "features.tsv.gz", "genes.tsv.gz", "features.txt", "genes.txt")
BARCODES = ("barcodes.tsv", "barcodes.tsv.gz", "barcodes.txt", "cells.tsv", "cells.tsv.gz")
MATRICES = ("matrix.mtx", "matrix.mtx.gz")
WANTED = {"RNA": "Gene Expression", "protein": "Antibody Capture"}


def read_mtx(path: Path, genes: Path | None = None, barcodes: Path | None = None, kind: str = "RNA") -> Read:
    """A Matrix Market file, or the folder of one, with its lists of genes and cells.

    Turned round where the lists say so (10x writes genes in rows).
    Raises: DiscoveryError for a file that is missing or whose size does not fit the lists.
    """
    folder = path if path.is_dir() else path.parent
    matrix = _found(folder, MATRICES, "matrix") if path.is_dir() else path
    names = _list(genes or _found(folder, GENES, "list of genes"))
    cells = pd.Index(_list(barcodes or _found(folder, BARCODES, "list of barcodes"))[0].astype(str))
    values = _mtx(matrix)
    shape = values.shape
    if shape == (len(names), len(cells)):
        values = values.T
    elif shape != (len(cells), len(names)):
        raise DiscoveryError(
            f"{matrix} is {shape[0]} × {shape[1]}, but its lists name {len(names)} genes and {len(cells)} cells; give "
            "the lists that belong to it ([files] genes, barcodes)."
        )
    read = Read(matrix.name, csr_matrix(values, dtype=np.float32), cells, _symbols(names), None, _titled(names))
    return _of_kind(read, names[2] if names.shape[1] > 2 else None, kind)


def read_10x_h5(path: Path, kind: str = "RNA") -> Read:
    """A .h5 file of Cell Ranger, version 2 or 3.

    Raises: DiscoveryError for a file that is something else, or holds several genomes.
    """
    h5py = library("h5py", "reading 10x .h5 files")
    try:
        with h5py.File(path, "r") as file:
            if "obs" in file and "var" in file:
                raise DiscoveryError(f"{path} is an h5ad; let its name end in .h5ad.")
            groups = [name for name in file if hasattr(file[name], "keys") and "indptr" in file[name]]
            if len(groups) != 1:
                what = f"several genomes ({', '.join(groups)})" if groups else "no matrix of 10x"
                raise DiscoveryError(f"{path} holds {what}; give the filtered matrix of one species.")
            group = file[groups[0]]
            refuse_beyond(2 * csr_bytes(int(group["data"].shape[0]), int(group["shape"][1])), f"{path.name} in memory",
                          "save it as h5ad, which is read by blocks.")  # fmt: skip
            parts = (group["data"][:].astype(np.float32), group["indices"][:], group["indptr"][:])
            columns, rows = (int(one) for one in group["shape"][:])  # genes in rows, by column: cells by row
            cells = pd.Index(_words(group["barcodes"]))
            own = group.get("features", None)
            ids = _words(own["id"] if own is not None else group["genes"])
            symbols = _words(own["name"] if own is not None else group["gene_names"])
            kinds = pd.Series(_words(own["feature_type"])) if own is not None and "feature_type" in own else None
    except (OSError, KeyError, ValueError) as problem:
        if isinstance(problem, DiscoveryError):
            raise
        raise DiscoveryError(f"{path} cannot be read as a 10x file ({problem}); get the file again.") from problem
    matrix = csr_matrix(parts, shape=(rows, columns))
    read = Read(path.name, matrix, cells, pd.Index(symbols), None, pd.DataFrame({"id": ids, "symbol": symbols}))
    return _of_kind(read, kinds, kind)


def _of_kind(read: Read, kinds: pd.Series | None, kind: str) -> Read:
    """The features of the kind asked for, where the file says of which kind each is."""
    wanted = WANTED.get(kind)
    if kinds is None or wanted is None or wanted not in set(kinds):
        return read
    keep = np.flatnonzero((kinds == wanted).to_numpy())
    if len(keep) == len(kinds):
        return read
    rest = kinds[kinds != wanted].value_counts()
    said = ", ".join(f"{count} of {name!r}" for name, count in rest.items())
    matrix: Any = read.matrix
    other = read.other_names.iloc[keep].reset_index(drop=True) if read.other_names is not None else None
    return Read(read.file, matrix[:, keep], read.cells, read.genes[keep], None, other, [f"features left out: {said}"])


def _mtx(path: Path) -> Any:
    from scipy.io import mmread

    try:
        with _opened(path) as stream:
            head = stream.readline()
            size = next((line for line in stream if not line.startswith("%")), "").split()
        if not head.startswith("%%MatrixMarket"):
            raise DiscoveryError(f"{path} is no Matrix Market file (its first line is {head[:40]!r}).")
        if "coordinate" in head and len(size) == 3:
            refuse_beyond(3 * 16 * int(size[2]), f"{path.name} in memory", "convert it to h5ad, read by blocks.")
        return csr_matrix(mmread(path))
    except (OSError, EOFError, zlib.error, ValueError) as problem:
        if isinstance(problem, DiscoveryError):
            raise
        raise DiscoveryError(f"{path} cannot be read as Matrix Market ({problem}); get the file again.") from problem


def _opened(path: Path) -> Any:
    if path.name.endswith(".gz"):
        return gzip.open(path, "rt")
    return path.open()


def _found(folder: Path, names: tuple[str, ...], what: str) -> Path:
    for name in names:
        hits = [folder / name] if (folder / name).is_file() else sorted(folder.glob(f"*{name}"))
        if len(hits) == 1:
            return hits[0]
        if len(hits) > 1:
            raise DiscoveryError(
                f"{folder} holds several files *{name}; name them in [files] expression, as {{ sample = 'file' }}."
            )
    raise DiscoveryError(f"{folder} holds no {what} ({', '.join(names[:3])} …); name it in [files].")


def _list(path: Path) -> pd.DataFrame:
    """The rows of a list without header, as text."""
    try:
        with _opened(path) as stream:
            rows = [row for row in csv.reader(stream, delimiter="\t") if row]
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as problem:
        raise DiscoveryError(f"{path} cannot be read ({problem}); get the file again.") from problem
    if not rows:
        raise DiscoveryError(f"{path} is empty; get the file again.")
    return pd.DataFrame(rows)


def _symbols(names: pd.DataFrame) -> pd.Index:
    """10x: identifier, symbol, kind; a list of one column holds what there is."""
    return pd.Index(names[1 if names.shape[1] > 1 else 0].astype(str))


def _titled(names: pd.DataFrame) -> pd.DataFrame:
    own = names.iloc[:, :2].copy()
    own.columns = pd.Index(["id", "symbol"][: own.shape[1]])
    return own


def _words(data: Any) -> list[str]:
    return [one.decode() if isinstance(one, bytes) else str(one) for one in data[:]]
