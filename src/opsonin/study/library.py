"""The bundled studies, and reading a study's text by path or by name."""

from __future__ import annotations

import tomllib
from pathlib import Path

from opsonin.errors import StudyError
from opsonin.study.problems import near

_FOLDER = Path(__file__).resolve().parents[1] / "studies"


def bundled() -> dict[str, Path]:
    """Name → file of every bundled study."""
    return {p.stem: p for p in sorted(_FOLDER.glob("*.toml")) if _is_study(p)}


def title_of(path: Path) -> str:
    """The title in a study or mapping file."""
    return str(tomllib.loads(path.read_text(encoding="utf-8"))["title"])


def find(path_or_name: str | Path) -> Path:
    """The file of a study: a path, or the name of a bundled one.

    Raises: StudyError where there is neither, or a folder.
    """
    path = Path(path_or_name)
    if path.is_file():
        return path
    studies = bundled()
    if str(path_or_name) in studies:  # also where its results lie in a folder of that name
        return studies[str(path_or_name)]
    if path.is_dir():
        raise StudyError(f"{path} is a folder; name the study file in it, such as {path / 'my-study.toml'}.")
    if path.suffix or len(path.parts) > 1:
        here = [str(p.name) for p in path.parent.glob("*.toml")] if path.parent.is_dir() else []
        hint = near(path.name, here) if here else "."
        raise StudyError(f"there is no study file {path}{hint}")
    raise StudyError(f"there is no study file {path} and no bundled study of that name{near(str(path), studies)}")


def read(path: Path) -> str:
    """The text of a study file.

    Raises: StudyError where it cannot be read or is no UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")  # editors on Windows begin a file with a mark
    except UnicodeDecodeError as problem:
        raise StudyError(f"{path} is not a UTF-8 text file ({problem.reason} at byte {problem.start}).") from problem
    except OSError as problem:
        raise StudyError(f"{path} cannot be read: {problem.strerror}.") from problem


def _is_study(path: Path) -> bool:
    return "[[treatment]]" in path.read_text(encoding="utf-8")
