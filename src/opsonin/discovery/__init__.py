"""Discovery: from patients' samples (single cells, bulk, cell counts) to features per patient, states and targets.

Patients are the unit: what is found goes into the record as `measurements`, where every analysis reads it. The heavy
libraries (scanpy, anndata, decoupler, PyDESeq2, igraph) are the extra `opsonin[discovery]`, loaded where used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsonin.discovery.all_features import patient_features
    from opsonin.discovery.annotation import Annotation, annotate, nearest, with_annotation
    from opsonin.discovery.compositions import composition_features, counts_of_percents, log_ratios
    from opsonin.discovery.differences import Differences, compare, group_differences
    from opsonin.discovery.feature_table import FeatureTable
    from opsonin.discovery.heterogeneity import heterogeneity_features
    from opsonin.discovery.into_record import as_record
    from opsonin.discovery.label_agreement import Agreement, agreement
    from opsonin.discovery.marker_table import MarkerTable, default_markers, read_markers
    from opsonin.discovery.read import examples, read_samples
    from opsonin.discovery.samples import Samples, composition
    from opsonin.discovery.state_table import Share, State, default_states, read_gene_sets, shipped_sets
    from opsonin.discovery.states import score_states, state_features

_HOME = {
    "Agreement": "label_agreement",
    "Annotation": "annotation",
    "Differences": "differences",
    "FeatureTable": "feature_table",
    "MarkerTable": "marker_table",
    "Samples": "samples",
    "Share": "state_table",
    "State": "state_table",
    "agreement": "label_agreement",
    "annotate": "annotation",
    "as_record": "into_record",
    "compare": "differences",
    "composition": "samples",
    "composition_features": "compositions",
    "counts_of_percents": "compositions",
    "default_markers": "marker_table",
    "default_states": "state_table",
    "examples": "read",
    "group_differences": "differences",
    "heterogeneity_features": "heterogeneity",
    "log_ratios": "compositions",
    "nearest": "annotation",
    "patient_features": "all_features",
    "read_gene_sets": "state_table",
    "read_markers": "marker_table",
    "read_samples": "read",
    "score_states": "states",
    "shipped_sets": "state_table",
    "state_features": "states",
    "with_annotation": "annotation",
}
__all__ = [
    "Agreement",
    "Annotation",
    "Differences",
    "FeatureTable",
    "MarkerTable",
    "Samples",
    "Share",
    "State",
    "agreement",
    "annotate",
    "as_record",
    "compare",
    "composition",
    "composition_features",
    "counts_of_percents",
    "default_markers",
    "default_states",
    "examples",
    "group_differences",
    "heterogeneity_features",
    "log_ratios",
    "nearest",
    "patient_features",
    "read_gene_sets",
    "read_markers",
    "read_samples",
    "score_states",
    "shipped_sets",
    "state_features",
    "with_annotation",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"opsonin.discovery has no {name!r}; its public names are {', '.join(__all__)}.")
    return getattr(import_module(f"opsonin.discovery.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
