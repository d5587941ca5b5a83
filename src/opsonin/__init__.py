"""Opsonin, the workbench for early-phase cancer immunotherapy."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from opsonin.version import __version__ as __version__

if TYPE_CHECKING:
    from opsonin.analysis import Finding, Findings, analyse
    from opsonin.record import Replicates, TrialRecord, read_data
    from opsonin.report import write_report
    from opsonin.study import Run, Study

# where each public name lives; loaded on first use, so that `import opsonin` costs nothing
_HOME = {
    "Finding": "opsonin.analysis",
    "Findings": "opsonin.analysis",
    "analyse": "opsonin.analysis",
    "Replicates": "opsonin.record",
    "TrialRecord": "opsonin.record",
    "read_data": "opsonin.record",
    "write_report": "opsonin.report",
    "Run": "opsonin.study",
    "Study": "opsonin.study",
}
__all__ = [
    "Finding",
    "Findings",
    "Replicates",
    "Run",
    "Study",
    "TrialRecord",
    "analyse",
    "read_data",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"opsonin has no {name!r}; its public names are {', '.join(__all__)}.")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
