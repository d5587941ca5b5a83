"""Analyses: a record goes in, findings come out; the same code for virtual and real trials.

Importing this costs nothing: pandas, NumPy and the analyses load on first use, and no simulator ever does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsonin.analysis.asked import Asked, ask
    from opsonin.analysis.believability import (
        Belief,
        Null,
        believe,
        looked_at,
        prior_needed,
        probability_real,
        type_m_and_s,
    )
    from opsonin.analysis.biomarkers import biomarker_data
    from opsonin.analysis.comparison import Groups, groups
    from opsonin.analysis.cutpoint import (
        CutPoint,
        cut_point,
        cut_point_response,
    )
    from opsonin.analysis.durations import duration_of_response, response_times
    from opsonin.analysis.everything import analyse
    from opsonin.analysis.exposure_response import exposure_responses
    from opsonin.analysis.findings import Finding, Findings
    from opsonin.analysis.immune import change_table
    from opsonin.analysis.logistic_firth import FirthLogisticFit, firth_logistic
    from opsonin.analysis.logistic_model import LogisticFit, logistic
    from opsonin.analysis.markers import Marker, biomarker_questions, read_marker
    from opsonin.analysis.mixed import MixedFit, linear_model, mixed_model
    from opsonin.analysis.multiplicity import adjust_p
    from opsonin.analysis.noncompartmental import Nca, nca
    from opsonin.analysis.performance import (
        AucOverTime,
        BrierScore,
        Concordance,
        ManyConcordances,
        auc_over_time,
        brier,
        concordance,
        concordance_many,
        roc_curve,
    )
    from opsonin.analysis.power_model import DoseProportionality, dose_proportionality
    from opsonin.analysis.profiles import nca_table
    from opsonin.analysis.response import best_responses, response_table
    from opsonin.analysis.safety import adverse_event_table, dlt_table
    from opsonin.analysis.survival import (
        CoxCurves,
        CoxFit,
        CumulativeIncidence,
        ExactTest,
        FineGrayFit,
        FirthCoxFit,
        GrayTest,
        KaplanMeier,
        LogRank,
        MaxCombo,
        ProportionalHazards,
        RestrictedMeans,
        cox,
        cox_single_covariate_many,
        cumulative_incidence,
        exact_logrank,
        fine_gray,
        firth_cox,
        gray_test,
        kaplan_meier,
        landmark,
        logrank,
        max_combo,
        proportional_hazards_test,
        restricted_means,
    )
    from opsonin.analysis.time_to_event import endpoint_table, endpoints
    from opsonin.analysis.trial_flow import decision_path, flow_table
    from opsonin.analysis.tumour_growth import growth_table, tumour_sizes

# where each public name lives; loaded on first use
_HOME = {
    "Asked": "asked",
    "AucOverTime": "performance",
    "Belief": "believability",
    "BrierScore": "performance",
    "Concordance": "performance",
    "CoxCurves": "survival",
    "CoxFit": "survival",
    "CumulativeIncidence": "survival",
    "CutPoint": "cutpoint",
    "DoseProportionality": "power_model",
    "ExactTest": "survival",
    "Finding": "findings",
    "Findings": "findings",
    "FineGrayFit": "survival",
    "FirthCoxFit": "survival",
    "FirthLogisticFit": "logistic_firth",
    "GrayTest": "survival",
    "Groups": "comparison",
    "KaplanMeier": "survival",
    "LogRank": "survival",
    "LogisticFit": "logistic_model",
    "ManyConcordances": "performance",
    "Marker": "markers",
    "MaxCombo": "survival",
    "MixedFit": "mixed",
    "Nca": "noncompartmental",
    "Null": "believability",
    "ProportionalHazards": "survival",
    "RestrictedMeans": "survival",
    "adjust_p": "multiplicity",
    "adverse_event_table": "safety",
    "analyse": "everything",
    "ask": "asked",
    "auc_over_time": "performance",
    "believe": "believability",
    "best_responses": "response",
    "biomarker_data": "biomarkers",
    "biomarker_questions": "markers",
    "brier": "performance",
    "change_table": "immune",
    "concordance": "performance",
    "concordance_many": "performance",
    "cox": "survival",
    "cox_single_covariate_many": "survival",
    "cumulative_incidence": "survival",
    "cut_point": "cutpoint",
    "cut_point_response": "cutpoint",
    "decision_path": "trial_flow",
    "dlt_table": "safety",
    "dose_proportionality": "power_model",
    "duration_of_response": "durations",
    "endpoint_table": "time_to_event",
    "endpoints": "time_to_event",
    "exact_logrank": "survival",
    "exposure_responses": "exposure_response",
    "fine_gray": "survival",
    "firth_cox": "survival",
    "firth_logistic": "logistic_firth",
    "flow_table": "trial_flow",
    "gray_test": "survival",
    "groups": "comparison",
    "growth_table": "tumour_growth",
    "kaplan_meier": "survival",
    "landmark": "survival",
    "linear_model": "mixed",
    "logistic": "logistic_model",
    "logrank": "survival",
    "looked_at": "believability",
    "max_combo": "survival",
    "mixed_model": "mixed",
    "nca": "noncompartmental",
    "nca_table": "profiles",
    "prior_needed": "believability",
    "probability_real": "believability",
    "proportional_hazards_test": "survival",
    "read_marker": "markers",
    "response_table": "response",
    "response_times": "durations",
    "restricted_means": "survival",
    "roc_curve": "performance",
    "tumour_sizes": "tumour_growth",
    "type_m_and_s": "believability",
}
__all__ = [
    "Asked",
    "AucOverTime",
    "Belief",
    "BrierScore",
    "Concordance",
    "CoxCurves",
    "CoxFit",
    "CumulativeIncidence",
    "CutPoint",
    "DoseProportionality",
    "ExactTest",
    "Finding",
    "Findings",
    "FineGrayFit",
    "FirthCoxFit",
    "FirthLogisticFit",
    "GrayTest",
    "Groups",
    "KaplanMeier",
    "LogRank",
    "LogisticFit",
    "ManyConcordances",
    "Marker",
    "MaxCombo",
    "MixedFit",
    "Nca",
    "Null",
    "ProportionalHazards",
    "RestrictedMeans",
    "adjust_p",
    "adverse_event_table",
    "analyse",
    "ask",
    "auc_over_time",
    "believe",
    "best_responses",
    "biomarker_data",
    "biomarker_questions",
    "brier",
    "change_table",
    "concordance",
    "concordance_many",
    "cox",
    "cox_single_covariate_many",
    "cumulative_incidence",
    "cut_point",
    "cut_point_response",
    "decision_path",
    "dlt_table",
    "dose_proportionality",
    "duration_of_response",
    "endpoint_table",
    "endpoints",
    "exact_logrank",
    "exposure_responses",
    "fine_gray",
    "firth_cox",
    "firth_logistic",
    "flow_table",
    "gray_test",
    "groups",
    "growth_table",
    "kaplan_meier",
    "landmark",
    "linear_model",
    "logistic",
    "logrank",
    "looked_at",
    "max_combo",
    "mixed_model",
    "nca",
    "nca_table",
    "prior_needed",
    "probability_real",
    "proportional_hazards_test",
    "read_marker",
    "response_table",
    "response_times",
    "restricted_means",
    "roc_curve",
    "tumour_sizes",
    "type_m_and_s",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"opsonin.analysis has no {name!r}; its public names are {', '.join(__all__)}.")
    return getattr(import_module(f"opsonin.analysis.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
