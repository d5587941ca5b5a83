"""Ctrl-C that is not lost: an interruption that falls into a callback of a library is forgotten by the interpreter."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

INTERRUPTED = 130  # exit code: 128 + SIGINT, as shells say it


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
