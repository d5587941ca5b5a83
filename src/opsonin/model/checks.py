"""What every part is held to when it is made; messages name its kind and its name."""

from __future__ import annotations

import keyword
import math
from collections.abc import Callable
from typing import Any

from opsonin.errors import ModelError

Law = Callable[..., Any]
Number = float | int
TIME = "t"  # the one name a law may use that no part defines: the time in days


def describe(part: Any) -> str:
    """Kind and name, for messages: "process 'imatinib elimination'"."""
    kind = type(part).__name__.lower()
    return f"{'modulation of' if kind == 'modulation' else kind} {part.name!r}"


def identifier(part: Any) -> None:
    """Raises: ModelError unless laws can receive the part as an argument."""
    name = part.name
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name) or name == TIME:
        raise ModelError(
            f"{describe(part)}: laws receive it as an argument, so its name must be a Python identifier other than "
            f"{TIME!r}, which is the time; put text for people in `meaning`."
        )


def named(part: Any) -> None:
    """Raises: ModelError for an empty name, and for one that is no text."""
    if not isinstance(part.name, str):
        raise ModelError(f"a {type(part).__name__.lower()} has the name {part.name!r}, which is no text.")
    if not part.name.strip():
        raise ModelError(f"a {type(part).__name__.lower()} has an empty name.")


def text(part: Any, field: str) -> None:
    """Raises: ModelError unless the field is a text, not empty."""
    given = getattr(part, field)
    if not isinstance(given, str) or not given.strip():
        raise ModelError(f"{type(part).__name__}(…): {field} must be a text that names something, not {given!r}.")


def law(part: Any, field: str, given: object) -> None:
    """Raises: ModelError unless a function was given."""
    if not callable(given):
        raise ModelError(f"{describe(part)}: {field} must be a function of what it uses, not {given!r}.")


def finite(part: Any, field: str, given: object) -> None:
    """Raises: ModelError unless a finite number was given."""
    if not isinstance(given, float | int) or not math.isfinite(given):
        raise ModelError(f"{describe(part)}: {field} must be a finite number, not {given!r}.")
