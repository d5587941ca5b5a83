"""How good a prediction is: discrimination, calibration, overall accuracy, and what acting on it would gain."""

from opsonin.analysis.performance.brier import BrierScore, brier
from opsonin.analysis.performance.calibration import Calibration, calibration, calibration_response
from opsonin.analysis.performance.concordance import (
    Concordance,
    ManyConcordances,
    Pairs,
    concordance,
    concordance_many,
)
from opsonin.analysis.performance.decision_curve import DecisionCurve, decision_curve, decision_curve_response
from opsonin.analysis.performance.roc import AucOverTime, auc_over_time, roc_curve

__all__ = [
    "AucOverTime",
    "BrierScore",
    "Calibration",
    "Concordance",
    "DecisionCurve",
    "ManyConcordances",
    "Pairs",
    "auc_over_time",
    "brier",
    "calibration",
    "calibration_response",
    "concordance",
    "concordance_many",
    "decision_curve",
    "decision_curve_response",
    "roc_curve",
]
