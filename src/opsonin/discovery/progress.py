"""What long passes over cells report to: called as progress(what is done, how much of it, of how much)."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]


def silent(phase: str, done: int = 0, total: int = 0) -> None:
    """No progress."""
