"""Finished blocks of potential outcomes on the disk, so that a run that was stopped or killed can go on.

Outcomes are a function of the study, the seed and the software, so a block that is there is as good as one simulated
again. Every block is a file of its own, which gets its name when it is whole.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from hashlib import blake2b
from pathlib import Path

import numpy as np

from opsonin.errors import RecordError
from opsonin.trial.potential import PotentialOutcomes
from opsonin.trial.world import Failure, Job, Piece

_SUFFIX = ".outcomes.npz"


class Kept:
    """A folder of finished blocks. It is made with the first of them.

    Blocks of another study, seed or version must never come here: the folder's name should tell them apart.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def __len__(self) -> int:
        return len(list(self.folder.glob(f"*{_SUFFIX}")))

    def pieces(self) -> Iterator[Piece]:
        """Every block that is there, in order of name; a damaged one is deleted, as it can be made again."""
        for path in sorted(self.folder.glob(f"*{_SUFFIX}")):
            try:
                yield _read(path)
            except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
                with suppress(OSError):  # a folder that cannot be written is said when a block is added
                    path.unlink()

    def add(self, piece: Piece) -> None:
        """Write one block.

        Raises: RecordError where the disk does not take it.
        """
        path = self.folder / f"{_name(piece.job)}{_SUFFIX}"
        fresh = path.with_suffix(f".{os.getpid()}")
        arrays = {field.name: getattr(piece.outcomes, field.name) for field in fields(piece.outcomes)}
        about = json.dumps({"left_out": piece.job.left_out, "failures": piece.failures})
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with fresh.open("wb") as file:
                np.savez(file, **arrays, job_rows=piece.job.rows, job_levels=piece.job.levels, about=np.array(about))
            os.replace(fresh, path)
        except OSError as problem:
            with suppress(OSError):
                fresh.unlink()
            raise RecordError(
                f"finished simulations cannot be kept in {self.folder}: {problem.strerror or problem}; make room "
                "there, or choose another results folder."
            ) from problem

    def clear(self) -> None:
        """Forget all blocks."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _name(job: Job) -> str:
    told = blake2b(digest_size=12)
    for part in (
        job.rows.astype("<i8").tobytes(),
        job.levels.astype("<i8").tobytes(),
        "\0".join(job.left_out).encode(),
    ):
        told.update(len(part).to_bytes(8, "little") + part)
    return told.hexdigest()


def _read(path: Path) -> Piece:
    """Raises: what a file may raise that is not a whole block of outcomes as they are now."""
    with path.open("rb") as stored, np.load(stored, allow_pickle=False) as file:
        about = json.loads(str(file["about"]))
        outcomes = PotentialOutcomes(*(file[field.name] for field in fields(PotentialOutcomes)))
        left_out = tuple(about["left_out"])
        job = Job(file["job_rows"], file["job_levels"], left_out)
        failures = tuple(Failure(p, level, tuple(gone), why, day) for p, level, gone, why, day in about["failures"])
    if len(outcomes.done) != len(job) or not outcomes.done.all():
        raise ValueError(f"{path} holds {len(outcomes.done)} outcomes for {len(job)} patients.")
    return Piece(job, outcomes, failures)
