"""`opsonin explain`: a therapy, or the whole model of a study, as tables and equations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from opsonin.cli.screen import console, table
from opsonin.errors import StudyError

if TYPE_CHECKING:
    from opsonin.model import Model, Module


def explain_name(name: str) -> None:
    """Print parameters with value, unit, kind and source, processes as equations, observables and signals.

    Raises: StudyError for a name that is neither a therapy, nor a bundled study, nor a file of the user's.
    """
    title, source, module, model = _find(name)
    screen = console()
    screen.print(f"[bold]{escape(title)}[/bold]")
    if source:
        screen.print(escape(source))
    only = None if module is None else {part.name for part in module.parts}
    for heading, rows in model.explain().items():
        kept = [r for r in rows if only is None or _belongs(r, only)] if isinstance(rows, list) else []
        if kept and heading in _COLUMNS:
            screen.print()
            screen.print(_as_table(heading, kept))


_COLUMNS = {
    "parameters": ("name", "value", "unit", "kind", "meaning", "source"),
    "processes": ("name", "equation", "meaning"),
    "signals": ("name", "combine", "meaning"),
    "observables": ("name", "unit", "meaning"),
}


def _as_table(heading: str, rows: Sequence[Mapping[str, Any]]) -> Any:
    columns = [c for c in _COLUMNS[heading] if any(r.get(c) not in (None, "") for r in rows)]
    cells = [[_cell(r.get(c)) for c in columns] for r in rows]
    return table(heading.capitalize(), columns, cells, right=["value"])


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _belongs(row: Any, names: set[str]) -> bool:
    return isinstance(row, Mapping) and row.get("name", row.get("signal")) in names


def _find(name: str) -> tuple[str, str, Module | None, Model]:
    """Title, source, the module asked for (None: all), and the model that it is explained in."""
    from opsonin import biology, therapies
    from opsonin.model import Model
    from opsonin.study.library import bundled
    from opsonin.study.problems import near
    from opsonin.study.study import Study, is_own

    if name in bundled() or name.endswith(".toml"):
        study = Study.load(name)
        return study.file.title, study.file.source, None, study.built.model
    if name not in therapies.names() and not is_own(name):
        known = [*therapies.names(), *bundled()]
        raise StudyError(f"there is no therapy and no bundled study {name!r}{near(name, known)}")
    module = therapies.load_agent(name, Path.cwd())
    return module.title or module.name, module.source, module, Model([*biology.core(), module])
