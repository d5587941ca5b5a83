"""How far a finding can be believed: against chance, for its size, for what was known before, and what confirms it."""

from opsonin.analysis.believability.belief import Belief, believe, verdict
from opsonin.analysis.believability.exaggeration import Errors, type_m_and_s
from opsonin.analysis.believability.looked_at import LookedAt, looked_at
from opsonin.analysis.believability.null import Null, shuffle_within
from opsonin.analysis.believability.prior import prior_needed, probability_real
from opsonin.analysis.believability.replicate_trials import Arrays, replicate_strengths

__all__ = [
    "Arrays",
    "Belief",
    "Errors",
    "LookedAt",
    "Null",
    "believe",
    "looked_at",
    "prior_needed",
    "probability_real",
    "replicate_strengths",
    "shuffle_within",
    "type_m_and_s",
    "verdict",
]
