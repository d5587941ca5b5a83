"""How good a prediction is: discrimination, calibration, overall accuracy, and what acting on it would gain."""

from opsonin.analysis.performance.concordance import (
    Concordance,
    ManyConcordances,
    Pairs,
    concordance,
    concordance_many,
)

__all__ = [
    "Concordance",
    "ManyConcordances",
    "Pairs",
    "concordance",
    "concordance_many",
]
