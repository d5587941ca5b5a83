"""Discovery: from patients' samples (single cells, bulk, cell counts) to features per patient, states and targets.

Patients are the unit: what is found goes into the record as `measurements`, where every analysis reads it. The heavy
libraries (scanpy, anndata, decoupler, PyDESeq2, igraph) are the extra `opsonin[discovery]`, loaded where used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsonin.discovery.feature_table import FeatureTable
    from opsonin.discovery.read import examples, read_samples
    from opsonin.discovery.samples import Samples, composition

_HOME = {
    "FeatureTable": "feature_table",
    "Samples": "samples",
    "composition": "samples",
    "examples": "read",
    "read_samples": "read",
}
__all__ = ["FeatureTable", "Samples", "composition", "examples", "read_samples"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"opsonin.discovery has no {name!r}; its public names are {', '.join(__all__)}.")
    return getattr(import_module(f"opsonin.discovery.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
