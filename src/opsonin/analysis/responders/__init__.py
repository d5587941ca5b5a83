"""Why some patients respond: what separates them, which parameters, which mechanisms, and what holds the others back.

Arrays of outcomes go in, one entry a patient, from a pool of virtual patients or from real ones; who simulates the
counterfactuals is another room's matter.
"""

from opsonin.analysis.responders.counterfactuals import Counterfactuals, counterfactuals
from opsonin.analysis.responders.explained import explained_response
from opsonin.analysis.responders.pathways import Pathways, pathways
from opsonin.analysis.responders.resistance import Resistance, resistance, resistance_by_state
from opsonin.analysis.responders.separation import Separation, separation
from opsonin.analysis.responders.variance import VarianceShares, variance_shares

__all__ = [
    "Counterfactuals",
    "Pathways",
    "Resistance",
    "Separation",
    "VarianceShares",
    "counterfactuals",
    "explained_response",
    "pathways",
    "resistance",
    "resistance_by_state",
    "separation",
    "variance_shares",
]
