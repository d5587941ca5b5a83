"""How long adverse events last once their drug is withheld: an assumption of the study, drawn for each patient."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from opsonin import random
from opsonin.trial.block import Block


def days_per_grade(block: Block) -> Float[np.ndarray, "patient threshold"]:
    """Days in which each event of each patient falls by one grade, the same at every level and in every world."""
    plan = block.plan
    recovery = plan.protocol.recovery
    sigma = np.sqrt(np.log1p(recovery.cv**2))
    drawn = {
        term: random.normal(block.seed, f"recovery of {term}", block.rows)[..., 0]
        for term in dict.fromkeys(event.term for event in plan.events)
    }
    scores = np.stack([drawn[event.term] for event in plan.events], axis=1)
    return np.asarray(recovery.median_days * np.exp(sigma * scores))
