"""A results folder: what stands in it, and how a finished run takes the place of an older one.

    record/              the tables of trial 1, or of the real data
    replicates/          the tables of all trials, where there are several
    potential/<agent>/   the same patients without that agent, where a question needs them
    findings.json, report.html
    study.toml           the study as it was run, beside the user's own therapies; or map.toml for real data
    gates.csv, measurements.csv, panel.toml   in the place of findings and report where FCS files were gated

Everything is written beside the final folder and swapped in at the end, so that a run that fails or is interrupted
leaves the older results as they were. What such a run has finished stays in `.<name>.unfinished` beside them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opsonin.errors import RecordError

RECORD, REPLICATES, POTENTIAL = "record", "replicates", "potential"
FINDINGS, REPORT, STUDY, MAP = "findings.json", "report.html", "study.toml", "map.toml"
MEASUREMENTS, GATES, PANEL = "measurements.csv", "gates.csv", "panel.toml"


@contextmanager
def new_results(folder: str | Path) -> Iterator[Path]:
    """An empty folder that takes the place of `folder` when the block ends well, and vanishes when it does not.

    Raises: RecordError where `folder` is a file, holds something that is not our results, or cannot be written.
    """
    from opsonin.record import replacing

    target = Path(folder)
    refuse_foreign(target)
    try:
        with replacing(target) as fresh:
            yield fresh
    except OSError as problem:
        raise RecordError(
            f"the results cannot be written to {target}: {problem.strerror or problem}; what was there is as it was."
        ) from problem


def unfinished_folder(folder: str | Path) -> Path:
    """Where a run keeps what is finished of it until its results are whole: a hidden folder beside them."""
    target = Path(os.path.realpath(folder))
    return target.with_name(f".{target.name}.unfinished")


def refuse_foreign(folder: str | Path) -> None:
    """Refuse to replace anything but nothing, an empty folder, or older results.

    Raises: RecordError, naming the folder.
    """
    path = Path(folder)
    if not path.is_dir() and os.path.lexists(path):  # also a device, as /dev/null, or a link that leads nowhere
        raise RecordError(f"{path} is a file; name a folder for the results.")
    if path.is_dir() and any(path.iterdir()) and not is_results(path):
        raise RecordError(
            f"{path} holds files that are not results of Opsonin, and they would be lost; choose another folder, or "
            "empty this one."
        )


def is_results(folder: Path) -> bool:
    """Whether a folder holds the results of a run, an analysis, or the gating of FCS files."""
    ours = any((folder / name).is_file() for name in (FINDINGS, GATES))
    return ours and (folder / RECORD / "manifest.json").is_file()


def record_folder(folder: str | Path) -> Path:
    """The record in a results folder, or the folder itself where it is a record.

    Raises: RecordError where it is neither.
    """
    path = Path(folder)
    if (path / RECORD / "manifest.json").is_file():
        return path / RECORD
    if (path / "manifest.json").is_file():
        return path
    if not path.exists():
        raise RecordError(f"there is no folder {path}; `opsonin run` and `opsonin analyse` say where results are.")
    raise RecordError(f"{path} holds neither results nor a record: there is no {RECORD}/manifest.json in it.")
