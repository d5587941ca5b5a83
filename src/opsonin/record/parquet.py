"""A folder of Parquet files and a manifest: writing it all at once, and reading it with every byte accounted for."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd

from opsonin.errors import RecordError
from opsonin.record.folders import recover, replacing
from opsonin.record.manifest import Manifest

MANIFEST = "manifest.json"


def save_folder(folder: str | Path, tables: dict[str, pd.DataFrame], manifest: Manifest) -> None:
    """Writes the tables that have rows or columns to tell, and the manifest with their rows, columns and SHA-256.

    The same tables give the same bytes. An older record in the folder is replaced when the new one is whole.
    Raises: RecordError, where the folder holds something else.
    """
    target = Path(folder)
    recover(target)
    if target.exists() and not _ours(target):
        raise RecordError(f"{target} holds something that is not a record and would be lost; give another folder.")
    with replacing(target) as fresh, ThreadPoolExecutor() as pool:
        written = pool.map(lambda name: _write(tables[name], fresh / f"{name}.parquet"), tables)
        manifest.tables = dict(zip(tables, written, strict=True))
        (fresh / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")


def load_folder(folder: str | Path) -> tuple[dict[str, pd.DataFrame], Manifest]:
    """The tables as they were written, and the manifest.

    Raises: RecordError, where the folder is missing, foreign or damaged, naming the file.
    """
    target = Path(folder)
    recover(target)
    if not target.is_dir():
        raise RecordError(f"{target} is not a folder; give the folder of a saved record.")
    path = target / MANIFEST
    if not path.is_file():
        raise RecordError(f"{target} holds no {MANIFEST}, so it is no record; give a folder that Opsonin saved.")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as problem:
        raise RecordError(f"{path} is damaged: {problem}.") from problem
    manifest = Manifest.from_json(text, str(path))
    strange = sorted({one.stem for one in target.glob("*.parquet")} - set(manifest.tables))
    if strange:
        raise RecordError(f"{target / (strange[0] + '.parquet')} is not in the manifest; take it out of the record.")
    return {name: _read(target / f"{name}.parquet", entry) for name, entry in manifest.tables.items()}, manifest


def is_record(folder: str | Path) -> bool:
    """Whether a folder looks like a saved record or replicates."""
    return (Path(folder) / MANIFEST).is_file()


def _write(frame: pd.DataFrame, path: Path) -> dict[str, Any]:
    """Write one table; what the manifest says of it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow = pa.Table.from_pandas(frame, preserve_index=False, nthreads=1).replace_schema_metadata(None)
    pq.write_table(arrow, path, compression="zstd", store_schema=True, use_dictionary=True)
    return {"rows": len(frame), "columns": list(frame.columns), "sha256": _digest(path.read_bytes())}


def _read(path: Path, entry: dict[str, Any]) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = path.read_bytes()
    except FileNotFoundError as problem:
        raise RecordError(f"{path} is missing, though the manifest lists it; restore it from a copy.") from problem
    except OSError as problem:
        raise RecordError(f"{path} cannot be read: {problem.strerror}; restore it from a copy.") from problem
    if _digest(content) != entry.get("sha256"):
        raise RecordError(
            f"{path} is not the file that was saved: its SHA-256 differs from the manifest's. It was damaged or "
            "edited; restore it from a copy."
        )
    try:
        arrow = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError) as problem:
        raise RecordError(f"{path} cannot be read as Parquet: {problem}.") from problem
    return arrow.to_pandas(types_mapper=_types().get)


def _types() -> dict[Any, Any]:
    import pyarrow as pa

    nullable = {pa.bool_(): "boolean", pa.int64(): "Int64", pa.string(): "string", pa.large_string(): "string"}
    return {arrow: pd.api.types.pandas_dtype(dtype) for arrow, dtype in nullable.items()}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _ours(folder: Path) -> bool:
    return folder.is_dir() and (is_record(folder) or not any(folder.iterdir()))
