"""What is asked of a stream, checked before any work: that it fits together, and that it has a place."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import fields
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from opsonin.errors import SimulationError
from opsonin.simulate.checking import check_method, check_rtol
from opsonin.simulate.stream.arrays import ZarrWriter, zarr_library
from opsonin.simulate.stream.parts import FromArrays, Job, Patients, Source, check_outputs, threshold_names
from opsonin.simulate.stream.reducers import Reducer
from opsonin.simulate.stream.tables import PRECISIONS, ParquetWriter
from opsonin.version import __version__

STORAGES = ("parquet", "zarr")
PACKED = 0.72  # of its numbers' bytes is a file's size, measured (see tables.py)
FORMAT = 1
MOST_PATIENTS = 10**15


def make_job(
    source: Source,
    patients: int,
    times: Any,
    outputs: Any,
    start: float | int | None,
    method: str,
    rtol: float,
    block: int | None,
) -> Job:
    """The job, checked. Raises: SimulationError."""
    if not callable(getattr(source, "block", None)) or not hasattr(source, "model"):
        raise SimulationError(
            f"{type(source).__name__} is no source of patients: it needs a `model` and a method block(first, last), as "
            "FromArrays has."
        )
    if patients != int(patients) or patients < 1:
        raise SimulationError(f"{patients} patients; give 1 or more.")
    if isinstance(source, FromArrays) and patients > len(source.constants):
        raise SimulationError(f"{patients:,} patients are asked for, but the source holds {len(source.constants):,}.")
    if block is not None and block < 1:
        raise SimulationError(f"blocks of {block} patients; give 1 or more.")
    if patients > MOST_PATIENTS:
        raise SimulationError(f"{patients:,} patients are more than can be numbered; give at most {MOST_PATIENTS:,}.")
    check_method(method)
    check_rtol(rtol)
    days = np.asarray(times, float)
    if days.ndim != 1 or not len(days) or not np.isfinite(days).all() or np.any(np.diff(days) <= 0):
        raise SimulationError("times must be finite, increasing days, at least one.")
    names = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    check_outputs(source.model, names)
    begin = _first_day(source, days) if start is None else float(start)
    return Job(source, int(patients), days, names, begin, method, float(rtol), block)


def _first_day(source: Source, days: np.ndarray) -> float:
    """The same for every block: that of the first patient, where not all of them are at hand."""
    schedule = source.schedule if isinstance(source, FromArrays) else source.block(0, 1).schedule
    doses = np.asarray(schedule.times, float).ravel()
    return min([float(days[0]), *doses[np.isfinite(doses)].tolist()])


def make_writer(job: Job, folder: Path, storage: str, precision: str) -> Any:
    """The writer of a storage. Raises: SimulationError where Zarr is asked for and not installed."""
    if storage == "parquet":
        return ParquetWriter(folder, job.times, job.outputs, precision)
    units = tuple(check_outputs(job.source.model, job.outputs))
    zarr_library()
    return ZarrWriter(folder, job.times, job.outputs, units, precision)


def check_place(
    job: Job, folder: Path | None, storage: str | None, precision: str, reduced: bool, memory_gib: float
) -> None:
    """Refuse what cannot be kept, before hours are spent on it. Raises: SimulationError with the size it would need."""
    if precision not in PRECISIONS:
        raise SimulationError(f"precision {precision!r} is none of {', '.join(PRECISIONS)}.")
    if storage is not None and storage not in STORAGES:
        raise SimulationError(f"storage {storage!r} is none of {', '.join(STORAGES)}.")
    what = f"{job.patients:,} patients × {len(job.times):,} times × {len(job.outputs)} outputs"
    if folder is None:
        if not reduced and job.values * 8 > memory_gib * 2**30:
            raise SimulationError(
                f"{what} are {size_text(job.values * 8)} of numbers and have no place: only {memory_gib:g} GiB are "
                "kept in memory. Name a folder (--out), about "
                f"{size_text(job.values * 4 * PACKED)} on disk, or keep summaries alone (--summary)."
            )
        return
    if storage is None:
        if not reduced:
            raise SimulationError(f"nothing would be kept in {folder}: give a storage, or something to reduce.")
        return
    needed = job.values * np.dtype(PRECISIONS[precision]).itemsize * PACKED
    there = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(there).free + _present(folder)
    if needed > free:
        raise SimulationError(
            f"{what} need about {size_text(needed)} on disk, but {there} has {size_text(free)} left. Give another "
            "folder, fewer times or outputs, or keep summaries alone (--summary)."
        )


def _present(folder: Path) -> int:
    """Bytes that an earlier, interrupted call has written already."""
    if not folder.is_dir():
        return 0
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def size_text(size: float) -> str:
    """Bytes as people say them."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.3g} TB" if size < 1000 else f"{size:,.0f} TB"


def asked_of(job: Job, storage: str | None, precision: str, reducers: Mapping[str, Reducer]) -> dict[str, Any]:
    """What is asked for, as stream.json keeps it: a call that asks the same may go on with what is there."""
    return {
        "format": FORMAT,
        "software": f"opsonin {__version__}",
        "patients": job.patients,
        "outputs": list(job.outputs),
        "units": check_outputs(job.source.model, job.outputs),
        "days": job.times.tolist(),
        "start": job.start,
        "method": job.method,
        "rtol": job.rtol,
        "storage": storage,
        "precision": precision,
        "part": job.part,
        "reducers": {name: repr(one) for name, one in reducers.items()},
        **getattr(job.source, "about", {}),
        "model": _model_digest(job),
        "patients and doses": _patients_digest(job),
    }


def _model_digest(job: Job) -> str:
    symbolic = job.source.model.symbolic
    seen = [str(symbolic.observables[name].expression) for name in job.outputs if name in symbolic.observables]
    text = "\n".join([symbolic.content_hash, *map(str, symbolic.initial), *threshold_names(job.source.model), *seen])
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _patients_digest(job: Job) -> str:
    """Of the first and the last few patients' numbers: another seed, dose or population is another stream."""
    few = min(job.patients, 8)
    digest = blake2b(digest_size=16)
    for first in (0, job.patients - few):
        here: Patients = job.source.block(first, first + few)
        arrays = [here.constants, here.thresholds, *(getattr(here.schedule, f.name) for f in fields(here.schedule))]
        arrays += [array for series in here.inputs for array in (series.times, series.values)]
        for array in arrays:
            if isinstance(array, np.ndarray):
                digest.update(f"{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
