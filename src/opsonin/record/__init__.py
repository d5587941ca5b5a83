"""The record: the trial's tables, their schema, reading and writing files. Where virtual and real trials meet."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsonin.record.folders import replacing
    from opsonin.record.manifest import Manifest
    from opsonin.record.read import example, examples, read_data
    from opsonin.record.read.gated import Gated, gate_panel
    from opsonin.record.replicates import Replicates
    from opsonin.record.schema import SCHEMA_VERSION, TABLES
    from opsonin.record.tables import conform, empty_table, validate
    from opsonin.record.trial_record import TrialRecord

# loaded on first use: `import opsonin.record` costs neither pandas nor pyarrow
_HOME = {
    "Gated": "read.gated",
    "Manifest": "manifest",
    "Replicates": "replicates",
    "SCHEMA_VERSION": "schema",
    "TABLES": "schema",
    "TrialRecord": "trial_record",
    "conform": "tables",
    "empty_table": "tables",
    "example": "read",
    "examples": "read",
    "gate_panel": "read.gated",
    "read_data": "read",
    "replacing": "folders",
    "validate": "tables",
}
__all__ = [
    "SCHEMA_VERSION",
    "TABLES",
    "Gated",
    "Manifest",
    "Replicates",
    "TrialRecord",
    "conform",
    "empty_table",
    "example",
    "examples",
    "gate_panel",
    "read_data",
    "replacing",
    "validate",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"opsonin.record has no {name!r}; its public names are {', '.join(__all__)}.")
    return getattr(import_module(f"opsonin.record.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
