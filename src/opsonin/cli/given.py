"""Options as they are typed, read."""

from __future__ import annotations


def listed(text: str) -> list[str]:
    """What stands between commas, blanks left out."""
    return [part.strip() for part in text.split(",") if part.strip()]
