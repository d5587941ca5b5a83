"""AnnData files (.h5ad): cells, genes and a matrix, in memory or left on disk and read by blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csc_matrix, csr_matrix

from opsonin.discovery.libraries import library
from opsonin.discovery.memory import csr_bytes, free_bytes, refuse_beyond
from opsonin.discovery.read.expression import Read
from opsonin.discovery.read.h5_rows import H5Rows
from opsonin.errors import DiscoveryError
from opsonin.record.schema import near

IN_MEMORY = 0.25  # of the free memory: a matrix above this stays on disk


def read_h5ad(path: Path, layer: str | None = None, on_disk: bool | None = None) -> Read:
    """The cells of an h5ad file.   layer: a layer, or "raw"; X otherwise.

    Raises: DiscoveryError for a file that is no h5ad, lacks the layer, or is too large for what it would need.
    """
    h5py = library("h5py", "reading h5ad files")
    elements = library("anndata.io", "reading h5ad files")
    try:
        with h5py.File(path, "r") as file:
            if "obs" not in file or "var" not in file:
                raise DiscoveryError(f"{path} is HDF5, but no h5ad: it has no obs and var; a 10x file ends in .h5.")
            place = _place(file, layer, path)
            about = pd.DataFrame(elements.read_elem(file["obs"]))
            genes = pd.DataFrame(elements.read_elem(file["raw/var" if place.startswith("raw") else "var"]))
            layers = [*file["layers"]] if "layers" in file else []
            raw = "raw" in file and not place.startswith("raw")
            matrix, notes = _matrix(path, file, place, (len(about), len(genes)), on_disk)
    except (OSError, KeyError, ValueError, TypeError) as problem:
        if isinstance(problem, DiscoveryError):
            raise
        raise DiscoveryError(f"{path} cannot be read as h5ad ({_line(problem)}); get the file again.") from problem
    others = [one for one in layers if one != place.removeprefix("layers/")]
    about = about.reset_index(drop=False, names="cell name")
    names = genes.reset_index(drop=False, names="gene name")
    return Read(path.name, matrix, pd.Index(about["cell name"].astype(str)), pd.Index(names["gene name"].astype(str)),
                about, names, notes, {"layers": others, "raw": raw})  # fmt: skip


def _place(file: Any, layer: str | None, path: Path) -> str:
    if layer is None or layer == "X":
        if "X" not in file:
            raise DiscoveryError(f"{path} holds no expression (no X); name a layer in [expression], if it has one.")
        return "X"
    if layer == "raw":
        if "raw" not in file:
            raise DiscoveryError(f'{path} has no raw part; leave layer = "raw" out.')
        return "raw/X"
    there = [*file["layers"]] if "layers" in file else []
    if layer not in there:
        words = f"it has {', '.join(there)}" if there else "it has none: leave layer out"
        raise DiscoveryError(f"{path} has no layer {layer!r}{near(layer, there)}; {words}.")
    return f"layers/{layer}"


def _matrix(path: Path, file: Any, place: str, shape: tuple[int, int], on_disk: bool | None) -> tuple[Any, list[str]]:
    found = file[place]
    if not hasattr(found, "keys"):
        size, kind = int(np.prod(found.shape)), "dense"
        values = size // 4  # what a dense matrix of counts holds beside zeros, roughly
    else:
        values, kind = int(found["data"].shape[0]), str(found.attrs.get("encoding-type", "csr_matrix"))
    needed = csr_bytes(values, shape[0])
    stays = needed > IN_MEMORY * free_bytes() if on_disk is None else on_disk
    if kind.startswith("csc"):
        refuse_beyond(3 * needed, f"{path.name}, which is stored by genes and has to be turned round in memory,",
                      "save it by cells (adata.X = adata.X.tocsr()), which is read by blocks.")  # fmt: skip
        parts = (found["data"][:].astype(np.float32), found["indices"][:], found["indptr"][:])
        return csr_matrix(csc_matrix(parts, shape=shape)), []
    rows = H5Rows(path, place, shape)
    if stays:
        return rows, [f"{values:,} values stay in the file and are read by blocks of cells"]
    refuse_beyond(2 * needed, f"{path.name} in memory", "leave on_disk = false out of [expression].")
    return rows.rows(0, shape[0]), []


def _line(problem: BaseException) -> str:
    return " ".join(str(problem).split()) or type(problem).__name__
