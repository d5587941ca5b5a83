"""Rows of foreign files that could not be used: which, where and why. None is dropped in silence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np


class LeftOut:
    """Collects rows left out, by file, section and reason."""

    def __init__(self):
        self._rows: dict[tuple[str, str, str], list[np.ndarray]] = {}

    def add(self, file: str, section: str, reason: str, rows: Iterable[Any]) -> None:
        """Adds rows (the file's line or record numbers) that one reason keeps out of one section of the record."""
        numbers = np.asarray(rows, dtype=np.int64)
        if numbers.size:
            self._rows.setdefault((file, section, reason), []).append(numbers)

    def entries(self) -> list[dict[str, Any]]:
        """For the manifest: one entry a file, section and reason, with the count and every row, as "2-5, 9"."""
        made = []
        for (file, section, reason), parts in sorted(self._rows.items()):
            numbers = np.unique(np.concatenate(parts))
            said = {"file": file, "section": section, "reason": reason}
            made.append(said | {"count": int(numbers.size), "rows": ranges(numbers)})
        return made


def ranges(numbers: np.ndarray) -> str:
    """Ascending whole numbers as text: 2, 3, 4, 5, 9 as "2-5, 9"."""
    numbers = np.asarray(numbers, dtype=np.int64)
    if not numbers.size:
        return ""
    breaks = np.flatnonzero(np.diff(numbers) > 1)
    first = numbers[np.concatenate([[0], breaks + 1])]
    last = numbers[np.concatenate([breaks, [numbers.size - 1]])]
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in zip(first, last, strict=True))


def rows_said(rows: Iterable[Any], shown: int = 5) -> str:
    """Rows as a message names them: "row 4", "rows 4 and 9", "rows 1, 2, 3, 4, 5 and 12 more"."""
    numbers = [str(int(row)) for row in rows]
    if len(numbers) == 1:
        return f"row {numbers[0]}"
    if len(numbers) > shown:
        return f"rows {', '.join(numbers[:shown])} and {len(numbers) - shown} more"
    return f"rows {', '.join(numbers[:-1])} and {numbers[-1]}"
