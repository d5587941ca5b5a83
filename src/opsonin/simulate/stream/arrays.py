"""Parts as chunks of Zarr arrays, (patient, day) for every output; xarray opens them with their names.

Measured as in tables.py: single precision with Blosc (bits shuffled, LZ4) takes 18 ms and 6.7 MB, Zarr's own default
39 ms and 8.2 MB.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from opsonin.errors import SimulationError
from opsonin.simulate.stream.parts import Part
from opsonin.simulate.stream.tables import PATIENTS, PRECISIONS, write_patients

STORE = "outputs.zarr"
_RESERVED = ("patient", "day")


@dataclass(frozen=True)
class ZarrWriter:
    """Writes parts into a folder: outputs.zarr, and the patients' table in Parquet."""

    folder: Path
    times: np.ndarray
    outputs: tuple[str, ...]
    units: tuple[str, ...]
    precision: str

    def begin(self, patients: int, part: int) -> None:
        """Make the arrays, each chunk a part; where they are there already nothing changes."""
        zarr = zarr_library()
        (self.folder / PATIENTS).mkdir(exist_ok=True)
        group = zarr.open_group(self.folder / STORE, mode="a", zarr_format=3)
        packed = zarr.codecs.BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle")
        if "day" not in group:
            group.create_array("day", shape=(len(self.times),), dtype=np.float64, dimension_names=("day",))
        group["day"][:] = self.times  # each time: a process may have been killed just before
        plans: dict[str, tuple[Any, Any, Any, dict[str, str]]] = {"patient": ((patients,), (part,), np.int64, {})}
        both, chunk = (patients, len(self.times)), (part, len(self.times))
        for name, unit in zip(self.outputs, self.units, strict=True):
            plans[zarr_name(name)] = (both, chunk, PRECISIONS[self.precision], {"name": name, "units": unit})
        for name, (shape, chunks, kind, attributes) in plans.items():
            if name not in group:
                group.create_array(
                    name,
                    shape=shape,
                    chunks=chunks,
                    dtype=kind,
                    compressors=packed,
                    fill_value=-1 if kind is np.int64 else np.nan,
                    dimension_names=("patient", "day")[: len(shape)],
                    attributes=attributes,
                )

    def write(self, part: Part) -> dict[str, int]:
        """Files of a part (names in the folder) and their sizes in bytes."""
        group = zarr_library().open_group(self.folder / STORE, mode="r+")
        rows = slice(part.first, part.last)
        group["patient"][rows] = np.arange(part.first, part.last)
        for n, name in enumerate(self.outputs):
            with np.errstate(over="ignore", under="ignore"):
                group[zarr_name(name)][rows] = part.values[:, :, n].astype(PRECISIONS[self.precision])
        chunks = [f"{STORE}/patient/c/{part.number}"]
        chunks += [f"{STORE}/{zarr_name(name)}/c/{part.number}/0" for name in self.outputs]
        # a chunk of nothing but NaN is not written: it reads as NaN
        sizes = {name: (self.folder / name).stat().st_size for name in chunks if (self.folder / name).is_file()}
        return sizes | write_patients(self.folder, part)


def zarr_name(output: str) -> str:
    """The name of an output's array: a name of a store cannot hold a slash, nor be that of an axis."""
    made = output.replace("/", " per ").strip(".")
    return f"{made} (output)" if made in _RESERVED else made


def zarr_library() -> Any:
    """The module. Raises: SimulationError saying what to install."""
    if importlib.util.find_spec("zarr") is None:
        raise SimulationError(
            "Zarr is not installed; install it with: pip install 'opsonin[streams]', or write Parquet, which needs no "
            "more than Opsonin itself."
        )
    import zarr
    import zarr.codecs

    return zarr
