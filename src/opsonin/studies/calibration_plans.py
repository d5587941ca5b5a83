"""Which typical values of an indication are fitted to published figures, and which figures they were fitted to."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("calibrate.toml")


@dataclass(frozen=True)
class Plan:
    """What is fitted of an indication.

    knobs: parameters.   fitted: rows that the values in the indication were fitted to.   left_out: rows, each with the
    reason.   stands_for: published treatments without a module, and the one of the same kind simulated for them.
    """

    indication: str
    knobs: tuple[str, ...]
    fitted: tuple[str, ...]
    left_out: Mapping[str, str]
    stands_for: Mapping[str, str]


def plans(path: Path = FILE) -> dict[str, Plan]:
    """By indication, as calibrate.toml says."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        name: Plan(
            name, tuple(one["knobs"]), tuple(one.get("fitted", ())), one.get("left_out", {}), one.get("stands_for", {})
        )
        for name, one in data.items()
    }


def fitted_rows() -> set[str]:
    """Every row that the values of some indication were fitted to."""
    return {row for plan in plans().values() for row in plan.fitted}
