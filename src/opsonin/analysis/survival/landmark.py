"""A landmark: only those still at risk on the day a marker was known, so that no one is judged by their own future.

Source: Anderson, Cain & Gelber (1983), J Clin Oncol 1:710.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from opsonin.analysis.survival.data import checked


@dataclass(frozen=True)
class Landmark:
    """Who is kept, and how many were lost before the landmark. Times keep their origin."""

    day: float
    kept: Bool[np.ndarray, " patient"]
    events_before: int
    censored_before: int

    @property
    def sentence(self) -> str:
        """What was left out, in words."""
        gone = self.events_before + self.censored_before
        if not gone:
            return f"Landmark at day {self.day:g}: everyone was still at risk."
        return (
            f"Landmark at day {self.day:g}: {gone} left out, {self.events_before} with the event by then, "
            f"{self.censored_before} censored by then."
        )


def landmark(time: Any, event: Any, day: float | int) -> Landmark:
    """Who has neither had the event nor been censored by `day` (time > day)."""
    t, d, _ = checked(time, event)
    kept = t > day
    return Landmark(float(day), kept, int((~kept & d).sum()), int((~kept & ~d).sum()))
