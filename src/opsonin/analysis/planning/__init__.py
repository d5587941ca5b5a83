"""Planning phase II from what phase I showed: sizes, power, and the probability of success with its uncertainty."""

from opsonin.analysis.planning.beliefs import HazardBelief, RateBelief, RatioBelief, hazard_from, ratio_of
from opsonin.analysis.planning.enrichment import MarkedPatients, enrichment_table
from opsonin.analysis.planning.from_record import PlanRequest, plan_from_record
from opsonin.analysis.planning.plan import Plan, plan_response, plan_survival
from opsonin.analysis.planning.randomised import Logistics
from opsonin.analysis.planning.single_arm import SingleArm, events_needed, single_arm

__all__ = [
    "HazardBelief",
    "Logistics",
    "MarkedPatients",
    "Plan",
    "PlanRequest",
    "RateBelief",
    "RatioBelief",
    "SingleArm",
    "enrichment_table",
    "events_needed",
    "hazard_from",
    "plan_from_record",
    "plan_response",
    "plan_survival",
    "ratio_of",
    "single_arm",
]
