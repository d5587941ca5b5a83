"""A study: a validated file that can say what it means and run."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from opsonin.study.file import StudyFile
from opsonin.study.library import find, read
from opsonin.study.problems import schema_error, toml_error

if TYPE_CHECKING:
    from opsonin.study.build import Built
    from opsonin.study.run import Run, Trials
    from opsonin.trial.kept import Kept
    from opsonin.trial.run import Early

Progress = Callable[[str, int, int], None]  # what is being done, how much of it is done, of how much (0: unknown)


@dataclass(frozen=True)
class Study:
    """A study file, read and checked.

    name: how results are called;   text: the file as it was written;   file: what stands in it;   path: where it is
    (a user's own therapies are found beside it).
    """

    name: str
    text: str
    file: StudyFile
    path: Path

    @classmethod
    def load(cls, path_or_name: str | Path) -> Study:
        """A study from a file, or a bundled one by name.

        Raises: StudyError, with file, line and field, for what the file alone or a look at the known names can show.
        """
        from opsonin.study.names import check_names

        path = find(path_or_name)
        text = read(path)
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as problem:
            raise toml_error(problem, str(path_or_name), text) from problem
        try:
            file = StudyFile.model_validate(data)
        except ValidationError as problem:
            raise schema_error(problem, StudyFile, str(path_or_name), text, data) from problem
        study = cls(path.stem, text, file, path)
        check_names(study)
        return study

    @cached_property
    def built(self) -> Built:
        """Model, indication, protocol and design of the study.

        Raises: StudyError for analytes, panels, markers, routes, dose units and DLT terms that the model does not have;
        TherapyError and ModelError for a therapy that cannot be loaded or does not fit.
        """
        from opsonin.study.build import build

        return build(self)

    def describe(self) -> str:
        """What the study means, in words."""
        from opsonin.record.species import said
        from opsonin.study.words import describe

        built = self.built
        words = describe(
            self.file,
            built.agents,
            built.routes,
            built.indication_words,
            built.design.describe() if built.design is not None else "",
            built.comparisons,
            built.policies,
        )
        return said(words, built.species)

    def run(
        self,
        seed: int = 1,
        trials: int = 1,
        threads: int | None = None,
        progress: Progress | None = None,
        *,
        workers: int = 1,
        kept: Kept | None = None,
    ) -> Run:
        """The study on virtual patients: the same for any number of threads and workers.

        trials: how many replicate trials;   threads: all cores where None;   workers: processes that share the
        simulations, with so many threads together;   progress: told what is being done, and how much of it is done;
        kept: where finished simulations are kept and taken from (see `unfinished`).
        """
        made = self.simulate(seed, trials, threads, progress, workers=workers, kept=kept)
        if progress is not None:
            progress("analysing", 0, 0)
        return made.analysed()

    def simulate(
        self,
        seed: int = 1,
        trials: int = 1,
        threads: int | None = None,
        progress: Progress | None = None,
        *,
        workers: int = 1,
        kept: Kept | None = None,
        early: Early | None = None,
    ) -> Trials:
        """The trials of `run` alone, which can be written while they are analysed.

        early: told of trial 1, and of its patients without an agent, before the tables of the other trials are made.
        """
        from opsonin.study.run import simulate

        return simulate(self, seed, trials, threads, progress, workers, kept, early)

    def unfinished(self, folder: str | Path, seed: int = 1) -> Kept:
        """The place in a folder where a run with this seed keeps its finished simulations, until it is cleared.

        They are taken up by any later run of the same study, seed and version, for any number of trials.
        """
        from opsonin.study.run import unfinished

        return unfinished(self, Path(folder), seed)

    @property
    def therapy_files(self) -> list[Path]:
        """The user's own therapy files that the study names, each once."""
        named = (t.agent.rpartition(":")[0] for t in self.file.treatment if is_own(t.agent))
        return [self.path.parent / name for name in dict.fromkeys(named)]

    @property
    def digest(self) -> str:
        """SHA-256 of the study file, of the user's own therapies and of batches, as hexadecimal text."""
        from opsonin.study.batches import files_of

        whole = hashlib.sha256(self.text.encode())
        for path in (*self.therapy_files, *files_of(self)):
            whole.update(b"\0" + path.read_bytes())
        return whole.hexdigest()


def is_own(agent: str) -> bool:
    """Whether an agent is a user's file, such as "./my_drug.py:module", and not a bundled therapy."""
    return ".py" in agent or "/" in agent
