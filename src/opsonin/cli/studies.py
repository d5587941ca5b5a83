"""`opsonin new` and `opsonin check`."""

from __future__ import annotations

from pathlib import Path

import typer

from opsonin.errors import StudyError


def new_study(path: Path, start: str) -> None:
    """Write a copy of a study to `path`.

    Raises: StudyError where the file exists, or its folder does not.
    """
    from opsonin.study.library import find, read

    if path.is_dir():
        raise StudyError(f"{path} is a folder; name the file to write, such as {path / 'my-study.toml'}.")
    text = read(find(start))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise StudyError(f"{path} exists already and is left as it is; choose another name.") from None
    except OSError as problem:
        raise StudyError(f"{path} cannot be written: {problem.strerror}.") from problem
    typer.echo(f"{path} is a copy of {start}; change it, then: opsonin check {path}")


def check_study(name: str) -> None:
    """Print what a study means."""
    from opsonin.study import Study

    study = Study.load(name)
    typer.echo(study.describe())
    typer.echo(f"\nThe study is in order; run it with: opsonin run {name}")
