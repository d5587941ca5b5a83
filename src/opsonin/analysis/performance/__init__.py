"""How good a prediction is: discrimination, calibration, overall accuracy, and what acting on it would gain."""

from opsonin.analysis.performance.brier import BrierScore, brier
from opsonin.analysis.performance.concordance import (
    Concordance,
    ManyConcordances,
    Pairs,
    concordance,
    concordance_many,
)
from opsonin.analysis.performance.roc import AucOverTime, auc_over_time, roc_curve

__all__ = [
    "AucOverTime",
    "BrierScore",
    "Concordance",
    "ManyConcordances",
    "Pairs",
    "auc_over_time",
    "brier",
    "concordance",
    "concordance_many",
    "roc_curve",
]
