"""Analyses: a record goes in, findings come out; the same code for virtual and real trials.

Importing this costs nothing: pandas, NumPy and the analyses load on first use, and no simulator ever does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsonin.analysis.added_value import AddedValue, value_added
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
    from opsonin.analysis.cohort import cohort_findings
    from opsonin.analysis.cohort_data import Cohort, read_cohort
    from opsonin.analysis.comparison import Groups, groups
    from opsonin.analysis.compositions import (
        CompositionChange,
        CompositionTrend,
        aitchison_distance,
        centred_log_ratios,
        composition_change,
        composition_trend,
        isometric_log_ratios,
        replace_zeros,
    )
    from opsonin.analysis.cutpoint import (
        CutPoint,
        cut_point,
        cut_point_response,
    )
    from opsonin.analysis.durations import duration_of_response, response_times
    from opsonin.analysis.everything import analyse
    from opsonin.analysis.exposure_response import exposure_responses
    from opsonin.analysis.findings import Finding, Findings
    from opsonin.analysis.hazard_model import HazardModel, fit_hazards
    from opsonin.analysis.immune import change_table
    from opsonin.analysis.logistic_firth import FirthLogisticFit, firth_logistic
    from opsonin.analysis.logistic_model import LogisticFit, logistic
    from opsonin.analysis.markers import Marker, biomarker_questions, read_marker
    from opsonin.analysis.meta import (
        MetaAnalysis,
        meta_analysis,
    )
    from opsonin.analysis.mixed import MixedFit, linear_model, mixed_model
    from opsonin.analysis.multiplicity import adjust_p
    from opsonin.analysis.noncompartmental import Nca, nca
    from opsonin.analysis.optimism import (
        Optimism,
        optimism_corrected,
    )
    from opsonin.analysis.performance import (
        AucOverTime,
        BrierScore,
        Calibration,
        Concordance,
        DecisionCurve,
        ManyConcordances,
        auc_over_time,
        brier,
        calibration,
        calibration_response,
        concordance,
        concordance_many,
        decision_curve,
        decision_curve_response,
        roc_curve,
    )
    from opsonin.analysis.planning import Plan, PlanRequest, plan_from_record, plan_response, plan_survival, single_arm
    from opsonin.analysis.power_model import DoseProportionality, dose_proportionality
    from opsonin.analysis.profiles import nca_table
    from opsonin.analysis.published_scores import loris
    from opsonin.analysis.responders import (
        Counterfactuals,
        Pathways,
        Resistance,
        Separation,
        VarianceShares,
        counterfactuals,
        explained_response,
        pathways,
        resistance,
        resistance_by_state,
        separation,
        variance_shares,
    )
    from opsonin.analysis.response import best_responses, response_table
    from opsonin.analysis.safety import adverse_event_table, dlt_table
    from opsonin.analysis.screen_result import Screen
    from opsonin.analysis.screening import screen, screen_response, screen_values
    from opsonin.analysis.signature_validation import (
        SignatureValidation,
        leave_one_cohort_out,
        nested_cross_validation,
        signature_optimism,
    )
    from opsonin.analysis.signatures import Signature, signature
    from opsonin.analysis.survival import (
        Bootstrap,
        CoxCurves,
        CoxFit,
        CumulativeIncidence,
        Episodes,
        ExactTest,
        FineGrayFit,
        FirthCoxFit,
        GrayTest,
        KaplanMeier,
        LogRank,
        MaxCombo,
        PermutationTest,
        ProportionalHazards,
        RestrictedMeans,
        bootstrap,
        cox,
        cox_single_covariate_many,
        cumulative_incidence,
        episodes,
        exact_logrank,
        exact_score_test,
        fine_gray,
        firth_cox,
        gray_test,
        kaplan_meier,
        landmark,
        logrank,
        logrank_many,
        max_combo,
        permutation_logrank,
        permutation_score_test,
        proportional_hazards_test,
        restricted_means,
    )
    from opsonin.analysis.synergies import Synergy, synergy
    from opsonin.analysis.time_to_event import endpoint_table, endpoints
    from opsonin.analysis.trial_flow import decision_path, flow_table
    from opsonin.analysis.tumour_growth import growth_table, tumour_sizes

# the public names of each module; loaded on first use
_NAMES = {
    "added_value": "AddedValue value_added",
    "asked": "Asked ask",
    "believability": "Belief Null believe looked_at prior_needed probability_real type_m_and_s",
    "biomarkers": "biomarker_data",
    "cohort": "cohort_findings",
    "cohort_data": "Cohort read_cohort",
    "comparison": "Groups groups",
    "compositions": (
        "CompositionChange CompositionTrend aitchison_distance centred_log_ratios composition_change "
        "composition_trend isometric_log_ratios replace_zeros"
    ),
    "cutpoint": "CutPoint cut_point cut_point_response",
    "durations": "duration_of_response response_times",
    "everything": "analyse",
    "exposure_response": "exposure_responses",
    "findings": "Finding Findings",
    "hazard_model": "HazardModel fit_hazards",
    "immune": "change_table",
    "logistic_firth": "FirthLogisticFit firth_logistic",
    "logistic_model": "LogisticFit logistic",
    "markers": "Marker biomarker_questions read_marker",
    "meta": "MetaAnalysis meta_analysis",
    "mixed": "MixedFit linear_model mixed_model",
    "multiplicity": "adjust_p",
    "noncompartmental": "Nca nca",
    "optimism": "Optimism optimism_corrected",
    "performance": (
        "AucOverTime BrierScore Calibration Concordance DecisionCurve ManyConcordances auc_over_time brier "
        "calibration calibration_response concordance concordance_many decision_curve decision_curve_response "
        "roc_curve"
    ),
    "planning": "Plan PlanRequest plan_from_record plan_response plan_survival single_arm",
    "power_model": "DoseProportionality dose_proportionality",
    "profiles": "nca_table",
    "published_scores": "loris",
    "responders": (
        "Counterfactuals Pathways Resistance Separation VarianceShares counterfactuals explained_response pathways "
        "resistance resistance_by_state separation variance_shares"
    ),
    "response": "best_responses response_table",
    "safety": "adverse_event_table dlt_table",
    "screen_result": "Screen",
    "screening": "screen screen_response screen_values",
    "signature_validation": "SignatureValidation leave_one_cohort_out nested_cross_validation signature_optimism",
    "signatures": "Signature signature",
    "survival": (
        "Bootstrap CoxCurves CoxFit CumulativeIncidence Episodes ExactTest FineGrayFit FirthCoxFit GrayTest "
        "KaplanMeier LogRank MaxCombo PermutationTest ProportionalHazards RestrictedMeans bootstrap cox "
        "cox_single_covariate_many cumulative_incidence episodes exact_logrank exact_score_test fine_gray "
        "firth_cox gray_test kaplan_meier landmark logrank logrank_many max_combo permutation_logrank "
        "permutation_score_test proportional_hazards_test restricted_means"
    ),
    "synergies": "Synergy synergy",
    "time_to_event": "endpoint_table endpoints",
    "trial_flow": "decision_path flow_table",
    "tumour_growth": "growth_table tumour_sizes",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}
__all__ = [
    "AddedValue",
    "Asked",
    "AucOverTime",
    "Belief",
    "Bootstrap",
    "BrierScore",
    "Calibration",
    "Cohort",
    "CompositionChange",
    "CompositionTrend",
    "Concordance",
    "Counterfactuals",
    "CoxCurves",
    "CoxFit",
    "CumulativeIncidence",
    "CutPoint",
    "DecisionCurve",
    "DoseProportionality",
    "Episodes",
    "ExactTest",
    "Finding",
    "Findings",
    "FineGrayFit",
    "FirthCoxFit",
    "FirthLogisticFit",
    "GrayTest",
    "Groups",
    "HazardModel",
    "KaplanMeier",
    "LogRank",
    "LogisticFit",
    "ManyConcordances",
    "Marker",
    "MaxCombo",
    "MetaAnalysis",
    "MixedFit",
    "Nca",
    "Null",
    "Optimism",
    "Pathways",
    "PermutationTest",
    "Plan",
    "PlanRequest",
    "ProportionalHazards",
    "Resistance",
    "RestrictedMeans",
    "Screen",
    "Separation",
    "Signature",
    "SignatureValidation",
    "Synergy",
    "VarianceShares",
    "adjust_p",
    "adverse_event_table",
    "aitchison_distance",
    "analyse",
    "ask",
    "auc_over_time",
    "believe",
    "best_responses",
    "biomarker_data",
    "biomarker_questions",
    "bootstrap",
    "brier",
    "calibration",
    "calibration_response",
    "centred_log_ratios",
    "change_table",
    "cohort_findings",
    "composition_change",
    "composition_trend",
    "concordance",
    "concordance_many",
    "counterfactuals",
    "cox",
    "cox_single_covariate_many",
    "cumulative_incidence",
    "cut_point",
    "cut_point_response",
    "decision_curve",
    "decision_curve_response",
    "decision_path",
    "dlt_table",
    "dose_proportionality",
    "duration_of_response",
    "endpoint_table",
    "endpoints",
    "episodes",
    "exact_logrank",
    "exact_score_test",
    "explained_response",
    "exposure_responses",
    "fine_gray",
    "firth_cox",
    "firth_logistic",
    "fit_hazards",
    "flow_table",
    "gray_test",
    "groups",
    "growth_table",
    "isometric_log_ratios",
    "kaplan_meier",
    "landmark",
    "leave_one_cohort_out",
    "linear_model",
    "logistic",
    "logrank",
    "logrank_many",
    "looked_at",
    "loris",
    "max_combo",
    "meta_analysis",
    "mixed_model",
    "nca",
    "nca_table",
    "nested_cross_validation",
    "optimism_corrected",
    "pathways",
    "permutation_logrank",
    "permutation_score_test",
    "plan_from_record",
    "plan_response",
    "plan_survival",
    "prior_needed",
    "probability_real",
    "proportional_hazards_test",
    "read_cohort",
    "read_marker",
    "replace_zeros",
    "resistance",
    "resistance_by_state",
    "response_table",
    "response_times",
    "restricted_means",
    "roc_curve",
    "screen",
    "screen_response",
    "screen_values",
    "separation",
    "signature",
    "signature_optimism",
    "single_arm",
    "synergy",
    "tumour_sizes",
    "type_m_and_s",
    "value_added",
    "variance_shares",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"opsonin.analysis has no {name!r}; its public names are {', '.join(__all__)}.")
    return getattr(import_module(f"opsonin.analysis.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
