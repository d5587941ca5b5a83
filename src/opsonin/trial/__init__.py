"""The virtual trial: draw virtual patients, treat them as the protocol says, observe them as a clinic would."""

from opsonin.trial.plan import Plan, make_plan
from opsonin.trial.pool import Pool
from opsonin.trial.potential import PotentialOutcomes
from opsonin.trial.protocol import (
    ImmunePlan,
    Level,
    Protocol,
    SamplingPlan,
    Treatment,
    TumourPlan,
    elapsed,
    protocol_day,
)
from opsonin.trial.run import TrialRun, run_trials

__all__ = [
    "ImmunePlan",
    "Level",
    "Plan",
    "Pool",
    "PotentialOutcomes",
    "Protocol",
    "SamplingPlan",
    "Treatment",
    "TrialRun",
    "TumourPlan",
    "elapsed",
    "make_plan",
    "protocol_day",
    "run_trials",
]
