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
    from opsonin.discovery.answers import Answer
    from opsonin.discovery.bulk_cohorts import read_bulk_cohorts
    from opsonin.discovery.clones import CloneDynamics, clone_dynamics
    from opsonin.discovery.colonies import growth_rates
    from opsonin.discovery.comparing import compare
    from opsonin.discovery.compositions import composition_features, counts_of_percents, log_ratios
    from opsonin.discovery.consistency import by_tumour_type
    from opsonin.discovery.differences import Differences, group_differences
    from opsonin.discovery.feature_table import FeatureTable
    from opsonin.discovery.growth_states import growth_mixture, growth_table
    from opsonin.discovery.heterogeneity import heterogeneity_features
    from opsonin.discovery.into_record import as_record
    from opsonin.discovery.label_agreement import Agreement, agreement
    from opsonin.discovery.marker_sources import StateMarkers, read_state_markers
    from opsonin.discovery.marker_table import MarkerTable, default_markers, read_markers
    from opsonin.discovery.normal import NormalExpression, read_normal
    from opsonin.discovery.overlaps import overlap, overlap_table
    from opsonin.discovery.plasticity import plasticity_features, rank_scores, set_agreement
    from opsonin.discovery.plasticity_question import answer_plasticity
    from opsonin.discovery.pseudobulk import group_contrast, state_markers
    from opsonin.discovery.read import examples, read_samples
    from opsonin.discovery.repertoires import clone_features
    from opsonin.discovery.samples import Samples, composition
    from opsonin.discovery.state_table import Share, State, default_states, read_gene_sets, shipped_sets
    from opsonin.discovery.states import score_states, state_features
    from opsonin.discovery.surface import read_places
    from opsonin.discovery.target_intervals import rank_intervals, weight_sensitivity
    from opsonin.discovery.target_pages import target_page, why_above
    from opsonin.discovery.target_question import answer_targets
    from opsonin.discovery.targets import TargetQuestion, TargetRanking, rank_targets
    from opsonin.discovery.within_patients import paired_differences

_HOME = {
    "Agreement": "label_agreement",
    "Annotation": "annotation",
    "Answer": "answers",
    "CloneDynamics": "clones",
    "Differences": "differences",
    "FeatureTable": "feature_table",
    "MarkerTable": "marker_table",
    "NormalExpression": "normal",
    "Samples": "samples",
    "Share": "state_table",
    "State": "state_table",
    "StateMarkers": "marker_sources",
    "TargetQuestion": "targets",
    "TargetRanking": "targets",
    "agreement": "label_agreement",
    "annotate": "annotation",
    "answer_plasticity": "plasticity_question",
    "answer_targets": "target_question",
    "as_record": "into_record",
    "by_tumour_type": "consistency",
    "clone_dynamics": "clones",
    "clone_features": "repertoires",
    "compare": "comparing",
    "composition": "samples",
    "composition_features": "compositions",
    "counts_of_percents": "compositions",
    "default_markers": "marker_table",
    "default_states": "state_table",
    "examples": "read",
    "group_contrast": "pseudobulk",
    "group_differences": "differences",
    "growth_mixture": "growth_states",
    "growth_rates": "colonies",
    "growth_table": "growth_states",
    "heterogeneity_features": "heterogeneity",
    "log_ratios": "compositions",
    "nearest": "annotation",
    "overlap": "overlaps",
    "overlap_table": "overlaps",
    "paired_differences": "within_patients",
    "patient_features": "all_features",
    "plasticity_features": "plasticity",
    "rank_intervals": "target_intervals",
    "rank_scores": "plasticity",
    "rank_targets": "targets",
    "read_bulk_cohorts": "bulk_cohorts",
    "read_gene_sets": "state_table",
    "read_markers": "marker_table",
    "read_normal": "normal",
    "read_places": "surface",
    "read_samples": "read",
    "read_state_markers": "marker_sources",
    "score_states": "states",
    "set_agreement": "plasticity",
    "shipped_sets": "state_table",
    "state_features": "states",
    "state_markers": "pseudobulk",
    "target_page": "target_pages",
    "weight_sensitivity": "target_intervals",
    "why_above": "target_pages",
    "with_annotation": "annotation",
}
__all__ = [
    "Agreement",
    "Annotation",
    "Answer",
    "CloneDynamics",
    "Differences",
    "FeatureTable",
    "MarkerTable",
    "NormalExpression",
    "Samples",
    "Share",
    "State",
    "StateMarkers",
    "TargetQuestion",
    "TargetRanking",
    "agreement",
    "annotate",
    "answer_plasticity",
    "answer_targets",
    "as_record",
    "by_tumour_type",
    "clone_dynamics",
    "clone_features",
    "compare",
    "composition",
    "composition_features",
    "counts_of_percents",
    "default_markers",
    "default_states",
    "examples",
    "group_contrast",
    "group_differences",
    "growth_mixture",
    "growth_rates",
    "growth_table",
    "heterogeneity_features",
    "log_ratios",
    "nearest",
    "overlap",
    "overlap_table",
    "paired_differences",
    "patient_features",
    "plasticity_features",
    "rank_intervals",
    "rank_scores",
    "rank_targets",
    "read_bulk_cohorts",
    "read_gene_sets",
    "read_markers",
    "read_normal",
    "read_places",
    "read_samples",
    "read_state_markers",
    "score_states",
    "set_agreement",
    "shipped_sets",
    "state_features",
    "state_markers",
    "target_page",
    "weight_sensitivity",
    "why_above",
    "with_annotation",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"opsonin.discovery has no {name!r}; its public names are {', '.join(__all__)}.")
    return getattr(import_module(f"opsonin.discovery.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
