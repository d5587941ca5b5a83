"""`opsonin explain full-core`: the untreated patient that therapies act on, and what each signal acts on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from opsonin.cli.screen import table

if TYPE_CHECKING:
    from rich.table import Table

    from opsonin.model import Model

# what is asked for: (name in `biology.core_named`, title)
CORES = {
    "first-core": ("first", "First core: a patient whose tumour is one volume (refractory-solid)"),
    "full-core": ("full", "Full core: a patient whose tumour holds immune cells (all other indications)"),
    "mouse-core": ("mouse", "Mouse core: the full core in mice, without graded adverse events"),
}
_LAWS = {"processes": "process", "quantities": "", "hazards": "hazard", "observables": "measured"}


def core_tables(model: Model, told: Mapping[str, Any]) -> Iterator[Table]:
    """Signals with the laws that hold them, and states with the typical patient's values, in reading order.

    told: what `model.explain()` gives.
    """
    from opsonin.model.evaluate import typical_initial

    yield table(
        "Signals: where a therapy acts (product: a factor, 1 without a drug; sum: a term, 0 without one)",
        ("name", "combined as", "unit", "meaning", "stands in the laws of"),
        [
            (s["name"], s["combine"], _unit(s), s["meaning"], "; ".join(_holding(s["name"], told)))
            for s in told["signals"]
        ],
    )
    typical = dict(zip(model.symbolic.states, typical_initial(model.symbolic), strict=True))
    yield table(
        "States: what laws may read (at first in the typical patient; indications have their own)",
        ("name", "at first", "unit", "meaning"),
        [(s["name"], f"{typical[s['name']]:.3g}", _unit(s), s["meaning"]) for s in told["species"]],
        right=["at first"],
    )


def _holding(signal: str, told: Mapping[str, Any]) -> list[str]:
    """The laws as written that hold the signal, by name."""
    word = re.compile(rf"\b{re.escape(signal)}\b")
    return [
        f"{kind} {row['term'] if heading == 'hazards' else row['name']}".strip()
        for heading, kind in _LAWS.items()
        for row in told[heading]
        if word.search(row["equation"])
    ]


def _unit(row: Mapping[str, Any]) -> str:
    return "" if row["unit"] == "dimensionless" else row["unit"]
