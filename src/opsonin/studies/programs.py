"""What the programs of this folder share: numbers of patients as they are asked for, and mistakes told in a line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from opsonin.errors import OpsoninError


def how_many(text: str) -> int:
    """A number of patients, for argparse.   Raises: ArgumentTypeError for anything but a whole number of 1 or more."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 1 or more")
    return number


@contextmanager
def told_in_a_line() -> Iterator[None]:
    """Ends the program with the words of a mistake in what it was asked."""
    try:
        yield
    except OpsoninError as problem:
        sys.exit(str(problem))
