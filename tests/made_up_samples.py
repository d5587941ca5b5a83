"""Small made-up samples that the tests of discovery share."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from opsonin.discovery.samples import Samples

GENES = ["CD3D", "CD3E", "CD8A", "MS4A1", "CD79A", "LYZ", "CD14", "NKG7", "MT-CO1", "ACTB"]
GENES += [f"GENE{k}" for k in range(50)]
MARKERS = {"T": [0, 1, 2], "B": [3, 4], "Mono": [5, 6]}


def made_up(cells: int = 240, subjects: int = 6, seed: int = 1) -> Samples:
    """Counts of three kinds of cells in several subjects; responders hold more T cells."""
    draw = np.random.default_rng(seed)
    of = np.sort(np.arange(cells) % subjects)
    kinds = np.array(list(MARKERS))
    responder = np.arange(subjects) % 2 == 0
    label = np.array([draw.choice(kinds, p=[0.6, 0.2, 0.2] if responder[k] else [0.2, 0.2, 0.6]) for k in of])
    rate = np.full((cells, len(GENES)), 0.4)
    rate[:, 9] = 8.0
    for kind, places in MARKERS.items():
        rate[np.ix_(label == kind, places)] = 6.0
    counts = draw.poisson(rate * draw.gamma(8, 1 / 8, size=(cells, 1)))
    names = np.array([f"P{k + 1}" for k in range(subjects)])
    frame = pd.DataFrame({"cell": [f"c{k}" for k in range(cells)], "subject": names[of], "sample": names[of],
                          "label": label})  # fmt: skip
    for column in ("subject", "sample", "label"):
        frame[column] = frame[column].astype("category")
    response = np.where(responder, "responder", "non-responder")
    who = pd.DataFrame({"subject": names, "response": response})
    samples = pd.DataFrame({"sample": names, "subject": names, "response": response, "day": 0.0, "tissue": "tumour"})
    return Samples(frame, who, samples, csr_matrix(counts.astype(np.float32)), pd.Index(GENES), "counts")


def dense(samples: Samples) -> np.ndarray:
    """The whole matrix of small samples."""
    expression: Any = samples.expression
    return np.asarray(expression.todense())


def write_10x(folder: Path, samples: Samples, zipped: bool = False, kinds: bool = False) -> Path:
    """A 10x folder: genes in rows, identifiers beside symbols."""
    from scipy.io import mmwrite

    folder.mkdir(parents=True, exist_ok=True)
    expression: Any = samples.expression
    mmwrite(folder / "matrix.mtx", expression.T.tocoo().astype(int))
    rows = [f"ENSG{k:011d}\t{gene}" + ("\tGene Expression" if kinds else "") for k, gene in enumerate(samples.genes)]
    texts = {"features.tsv" if kinds else "genes.tsv": rows, "barcodes.tsv": list(samples.cells["cell"])}
    for name, lines in texts.items():
        (folder / name).write_text("\n".join(lines) + "\n")
    if zipped:
        for path in list(folder.iterdir()):
            with gzip.open(f"{path}.gz", "wb") as stream:
                stream.write(path.read_bytes())
            path.unlink()
    return folder


def write_map(folder: Path, text: str) -> Path:
    """A mapping file in a folder."""
    path = folder / "map.toml"
    path.write_text(text)
    return path
