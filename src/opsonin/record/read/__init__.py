"""Reading trials that were not made here: tables by a mapping file, ADaM by its standard names, saved records."""

from __future__ import annotations

from pathlib import Path

from opsonin.errors import ImportDataError
from opsonin.record.parquet import is_record
from opsonin.record.schema import near
from opsonin.record.trial_record import TrialRecord

__all__ = ["example", "examples", "read_data"]
EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def read_data(path: str | Path, mapping: str | Path | None = None) -> TrialRecord:
    """The record of a trial: a saved record, ADaM files by their standard names, or any tables by a mapping.

    path: a file or a folder.   mapping: a mapping file, or the name of a bundled one ("oak").
    Every row that cannot be used stands in `record.manifest.rows_left_out` with file, row and reason.
    Raises: ImportDataError, for data or a mapping that cannot be read; RecordError, for a damaged record.
    """
    data = Path(path)
    if mapping is not None:
        from opsonin.record.read.mapped import read_mapped

        return read_mapped(data, example(mapping) if _is_name(mapping) else Path(mapping))
    for folder in (data, data / "record"):  # a record, or a results folder that holds one
        if is_record(folder):
            return TrialRecord.load(folder)
    from opsonin.record.read.adam import read_adam

    return read_adam(data)


def examples() -> list[str]:
    """The names of the bundled mapping files."""
    return sorted(path.stem for path in EXAMPLES.glob("*.toml"))


def example(name: str | Path) -> Path:
    """The path of a bundled mapping file.

    Raises: ImportDataError, with the names there are.
    """
    path = EXAMPLES / f"{name}.toml"
    if path.is_file():
        return path
    raise ImportDataError(
        f"there is no bundled mapping {str(name)!r}{near(str(name), examples())}; there are {', '.join(examples())}."
    )


def _is_name(mapping: str | Path) -> bool:
    return isinstance(mapping, str) and not mapping.endswith(".toml") and not Path(mapping).is_file()
