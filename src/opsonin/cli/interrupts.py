"""Ctrl-C that is not lost: an interruption that falls into a callback of a library is forgotten by the interpreter."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

INTERRUPTED = 130  # exit code: 128 + SIGINT, as shells say it


def leave_at_once() -> None:
    """From now on Ctrl-C ends the process, with the code of an interruption and without a traceback.

    For the time in which a command is only being loaded, or has done everything: there is nothing to clear away then,
    and KeyboardInterrupt, wherever in a library it came up, would end in the signal's own code.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored, as under nohup
        signal.signal(signal.SIGINT, _leave)


@contextmanager
def raising() -> Iterator[None]:
    """A context in which Ctrl-C raises KeyboardInterrupt again."""
    leaving = signal.getsignal(signal.SIGINT) is _leave
    if leaving:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if leaving:
            signal.signal(signal.SIGINT, _leave)


def end_interrupted() -> None:
    """End the process with the code of an interruption, once everything is cleared away.

    Where KeyboardInterrupt came up inside `exec` of a text, as in the making of a data class, the interpreter takes it
    for unhandled whoever handled it, and an ordinary end would be in the signal's own code.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # nobody reads it any more
            stream.flush()
    os._exit(INTERRUPTED)


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(2, b"\ninterrupted.\n")
    os._exit(INTERRUPTED)


class Interrupts:
    """A context in which Ctrl-C raises KeyboardInterrupt as ever, and `check` raises it where that came to nothing."""

    def __init__(self) -> None:
        self._met = False
        self._before: Any = None

    def __enter__(self) -> Interrupts:
        usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not where it is ignored, as under nohup
        if usual and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._meet)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def check(self) -> None:
        """Raises: KeyboardInterrupt where there was one since the context began."""
        if self._met:
            raise KeyboardInterrupt

    def _meet(self, number: int, frame: FrameType | None) -> None:
        self._met = True
        signal.default_int_handler(number, frame)
