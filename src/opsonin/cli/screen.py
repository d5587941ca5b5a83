"""What every command prints with: consoles, tables, and phases of work with their times."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from time import monotonic
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_EVERY = 5.0  # seconds between plain lines where there is no terminal
_WORTH_SAYING = 0.05  # seconds; shorter phases are not listed


def console() -> Console:
    """Standard output; wide where it goes to a file, so that tables stay whole."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 160, soft_wrap=False)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], right: Iterable[str] = ()) -> Table:
    """A plain table.   right: the columns whose numbers are set flush right."""
    made = Table(
        title=escape(title),
        title_justify="left",
        title_style="bold",
        show_header=any(columns),
        header_style="bold",
        box=None,
        pad_edge=False,
    )
    numbers = set(right)
    for column in columns:
        made.add_column(escape(column), justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        made.add_row(*(escape(str(cell)) for cell in row))
    return made


class Phases:
    """Progress on stderr: a bar where that is a terminal, a plain line now and then otherwise.

    Called as progress(what is done, how much of it is done, of how much); every finished phase leaves a line with
    its time.
    """

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._bar: Any = None
        self._task: Any = None
        self._phase = ""
        self._began = self._said = monotonic()
        self._first = 0  # how much was done when the phase began

    def __enter__(self) -> Phases:
        if self._console.is_terminal:
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

            columns = (TextColumn("  {task.description}"), BarColumn(), TaskProgressColumn())
            how = TextColumn("{task.fields[pace]}")
            self._bar = Progress(*columns, TimeElapsedColumn(), how, console=self._console, transient=True)
            self._bar.start()
        return self

    def __call__(self, phase: str, done: int = 0, total: int = 0) -> None:
        now = monotonic()
        if phase != self._phase:
            self._finish(now)
            self._phase, self._began, self._said, self._first = phase, now, now, done
            if self._bar is not None:
                self._task = self._bar.add_task(phase, total=total or None, pace="")
        pace = _pace(done - self._first, done, total, now - self._began)
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total or None, pace=pace)
        elif now - self._said > _EVERY:
            self._said = now
            share = f" {100 * done / total:.0f} %" if total else ""
            self._console.print(f"  {escape(self._phase)} …{share}{',' if share and pace else ''} {pace}".rstrip())

    def note(self, text: str) -> None:
        """A line of its own, above the bar where there is one."""
        self._console.print(f"  {escape(text)}", soft_wrap=True)

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        if kind is None:
            self._finish(monotonic())
        if self._bar is not None:
            self._bar.stop()

    def _finish(self, now: float) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
        if self._phase and now - self._began >= _WORTH_SAYING:
            self._console.print(f"  {escape(self._phase):<44} {now - self._began:6.1f} s")


def _pace(here: int, done: int, total: int, seconds: float) -> str:
    """ "1,234 a second, 0:12 left" from what was done in this phase; nothing before the first second is over."""
    if here <= 0 or seconds < 1.0:
        return ""
    rate = here / seconds
    said = f"{rate:,.0f} a second" if rate >= 10 else f"{rate:.2g} a second"
    if total <= done:
        return said
    minutes, left = divmod(round((total - done) / rate), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{said}, {f'{hours}:{minutes:02d}' if hours else minutes}:{left:02d} left"
