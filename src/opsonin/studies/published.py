"""What is compared with what was published: one row a claim, and the Markdown table that lists them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

TARGETS = Path(__file__).with_name("targets.toml")


def targets(path: Path = TARGETS) -> list[dict[str, Any]]:
    """The published figures that parameters were calibrated to."""
    return tomllib.loads(path.read_text(encoding="utf-8"))["target"]


@dataclass(frozen=True)
class Simulated:
    """A simulated figure with an interval (NaN where there is none) and what else is to be said of it."""

    value: float | int
    lower: float | int = float("nan")
    upper: float | int = float("nan")
    text: str = ""

    def words(self) -> str:
        """The figure with three significant digits, its interval in brackets, and the text."""
        if self.value != self.value:
            return self.text
        interval = f" ({_digits(self.lower)}–{_digits(self.upper)})" if self.lower == self.lower else ""
        return f"{_digits(self.value)}{interval}{'; ' + self.text if self.text else ''}"


@dataclass(frozen=True)
class Claim:
    """One published finding.

    id: of the target it is, where it was calibrated to.   agrees: whether a simulated figure agrees with it.
    cause: why it does not, where it does not.   figure: what was printed, where it was a number.
    """

    id: str
    quantity: str
    published: str
    agrees: Callable[[Simulated], bool]
    cause: str = ""
    figure: float | int | None = None


@dataclass(frozen=True)
class Row:
    """A claim beside what the simulation shows."""

    claim: Claim
    simulated: Simulated
    status: Literal["calibrated", "predicted"]

    @property
    def agrees(self) -> bool:
        return self.claim.agrees(self.simulated)

    def verdict(self) -> str:
        """yes; yes within the spread of trials, where the middle is off by a fifth; or no; with the likely cause."""
        claim = self.claim
        if not self.agrees:
            return f"**no**: {claim.cause}"
        off = claim.figure is not None and abs(self.simulated.value - claim.figure) > 0.2 * claim.figure
        return f"within the spread of trials: {claim.cause}" if off and claim.cause else "yes"


def compare(claims: Iterable[Claim], simulated: dict[str, Simulated]) -> list[Row]:
    """Every claim with its figure; a claim is calibrated if its id stands in targets.toml."""
    known = {target["id"] for target in targets()}
    return [Row(claim, simulated[claim.id], "calibrated" if claim.id in known else "predicted") for claim in claims]


def markdown(rows: list[Row]) -> str:
    """The table: claim | published | simulated | calibrated or predicted | agrees."""
    lines = ["| | published | simulated | | agrees |", "|---|---|---|---|---|"]
    for row in rows:
        cells = (row.claim.quantity, row.claim.published, row.simulated.words(), row.status, row.verdict())
        lines.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    return "\n".join(lines)


def _digits(value: float | int) -> str:
    text = f"{value:.3g}"
    return f"{float(text):g}" if abs(value) < 1e5 else f"{value:,.0f}"
