"""Conduct of a trial, virtual or real: outcomes so far, the design's decision, the record's `decisions`."""

from opsonin.conduct.conduct import Conduct, decision_row, decision_table
from opsonin.conduct.endpoints import Endpoints, ImmuneEndpoint
from opsonin.conduct.next_cohort import Advice, advise, advise_on, with_decision
from opsonin.conduct.prior import other_priors, prior_sensitivity

__all__ = [
    "Advice",
    "Conduct",
    "Endpoints",
    "ImmuneEndpoint",
    "advise",
    "advise_on",
    "decision_row",
    "decision_table",
    "other_priors",
    "prior_sensitivity",
    "with_decision",
]
