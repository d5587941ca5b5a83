"""The virtual trial: draw virtual patients, treat them as the protocol says, observe them as a clinic would."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from opsonin.trial.policy import Policy, Progression, Reading, Recovery, Toxicity
from opsonin.trial.protocol import (
    ImmuneEffect,
    ImmunePlan,
    Level,
    Protocol,
    SamplingPlan,
    Treatment,
    TumourPlan,
    elapsed,
    protocol_day,
)

if TYPE_CHECKING:
    from opsonin.trial.plan import Plan, make_plan
    from opsonin.trial.pool import Pool
    from opsonin.trial.potential import PotentialOutcomes
    from opsonin.trial.run import TrialRun, run_trials
    from opsonin.trial.sentences import assumptions

# loaded on first use: who only checks a protocol needs no tables
_HOME = {
    "Plan": "plan",
    "Pool": "pool",
    "PotentialOutcomes": "potential",
    "TrialRun": "run",
    "assumptions": "sentences",
    "make_plan": "plan",
    "run_trials": "run",
}
__all__ = [
    "ImmuneEffect",
    "ImmunePlan",
    "Level",
    "Plan",
    "Policy",
    "Pool",
    "PotentialOutcomes",
    "Progression",
    "Protocol",
    "Reading",
    "Recovery",
    "SamplingPlan",
    "Toxicity",
    "Treatment",
    "TrialRun",
    "TumourPlan",
    "assumptions",
    "elapsed",
    "make_plan",
    "protocol_day",
    "run_trials",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"opsonin.trial has no {name!r}; its public names are {', '.join(__all__)}.")
    return getattr(import_module(f"opsonin.trial.{_HOME[name]}"), name)
