"""The virtual trial: draw virtual patients, treat them as the protocol says, observe them as a clinic would."""

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

__all__ = [
    "ImmunePlan",
    "Level",
    "Protocol",
    "SamplingPlan",
    "Treatment",
    "TumourPlan",
    "elapsed",
    "protocol_day",
]
