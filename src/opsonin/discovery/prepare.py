"""From raw samples to cells that hold, on a map: quality control, doublets, normalisation, clusters; all of it told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from opsonin.discovery.cell_map import CellMap, Integration, map_cells, needed_bytes
from opsonin.discovery.doublets import Doublets, find_doublets
from opsonin.discovery.memory import SHARE, free_bytes, said
from opsonin.discovery.normalising import METHOD, normalised
from opsonin.discovery.progress import Progress, silent
from opsonin.discovery.quality import Quality, quality_control
from opsonin.discovery.samples import Samples

FEWEST = 20  # cells that a map needs
MOST_JUDGED = 100_000  # cells; Scrublet simulates twice as many doublets and looks for their neighbours
MOST_MAPPED = 200_000  # cells; neighbours of more take hours on a few cores


@dataclass(frozen=True)
class Prepared:
    """samples: log-normalised cells that passed.   quality, doublets, cell_map: what was found, None where a step does
    not apply.   total: counts of every kept cell, where counts were given.   methods: what was done, in sentences.
    """

    samples: Samples
    quality: Quality | None = None
    doublets: Doublets | None = None
    cell_map: CellMap | None = None
    total: np.ndarray | None = None
    methods: list[str] = field(default_factory=list)


def prepare(
    samples: Samples,
    seed: int = 1,
    progress: Progress = silent,
    doublets: bool | None = None,
    mapped: bool = True,
    integrate: Integration = "none",
    **limits: Any,
) -> Prepared:
    """Quality control, doublets, normalisation and the map, as far as the samples allow; limits: of quality_control.

    doublets: None looks for them in up to 100,000 cells.   Samples of labels or counts alone come back as they are,
    with a sentence that says so; bulk is not filtered.
    Raises: DiscoveryError as its parts do.
    """
    if samples.expression is None:
        return Prepared(samples, methods=["Labels were taken as given, as there is no expression to look at."])
    if samples.modality != "RNA":
        own = normalised(samples, progress=progress) if samples.modality == "bulk RNA" else samples
        return Prepared(own, methods=[f"No quality control of cells, as the data are {samples.modality}."])
    kept, quality = quality_control(samples, progress=progress, **limits)
    methods = [*quality.methods]
    wanted = kept.n_cells <= MOST_JUDGED if doublets is None else doublets
    found = find_doublets(kept, seed, progress=progress) if wanted else None
    if not wanted and doublets is None:
        methods.append(f"Doublets were not looked for, as {kept.n_cells:,} cells are more than {MOST_JUDGED:,}; "
                       "doublets = true does so all the same.")  # fmt: skip
    if found is not None:
        methods += found.methods
        if found.doublet.any():
            kept = kept.take(~found.doublet).noted("cells by Scrublet: doublets", "left out", "",
                                                   int(found.doublet.sum()))  # fmt: skip
    total = None
    if kept.units == "counts":
        rows = quality.cells["kept"].to_numpy(dtype=bool)
        total = quality.cells["total"].to_numpy(dtype=float)[rows]
        if found is not None:
            total = total[~found.doublet]
        methods.append(METHOD)
    logged = normalised(kept, total, progress)
    cell_map = None
    if mapped:
        why = _too_much(logged)
        if why:
            methods.append(why)
        else:
            cell_map = map_cells(logged, seed, integrate=integrate, progress=progress)
            methods += cell_map.methods
    return Prepared(logged, quality, found, cell_map, total, methods)


def _too_much(samples: Samples) -> str:
    """Why there is no map; empty where there can be one."""
    if samples.n_cells < FEWEST:
        return f"No map: {samples.n_cells} cells are too few."
    if samples.n_cells > MOST_MAPPED:
        return f"No map: {samples.n_cells:,} cells are more than {MOST_MAPPED:,}; annotation and features need none."
    needed = needed_bytes(samples.n_cells)
    if needed > SHARE * free_bytes():
        return f"No map: it would need about {said(needed)} of memory; annotation and features need none."
    return ""
