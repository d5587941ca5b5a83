"""What it takes to confirm a finding in new patients: events, and patients followed as these were.

A finding that was looked for is too strong, so that a trial planned on its estimate fails; plans are for an effect
shrunken towards none, and for one that the truth passes with 80 % probability if there is a link. Source: Hsieh &
Lavori (2000), Control Clin Trials 21:552 (a continuous covariate in Cox's model); Schoenfeld (1983), Biometrics 39:499
(two groups).
"""

from __future__ import annotations

import math
from statistics import NormalDist

MOST = 1_000_000  # events: more than this is never


def events_for(log_hazard_ratio: float, variance: float, power: float = 0.80, alpha: float = 0.05) -> float:
    """Events that show an effect per unit of a covariate with this variance; infinite where there is no effect.

    Two halves have the variance ¼. d = (z₁₋α⁄₂ + z_power)² / (variance · log² HR).
    """
    wanted = (NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)) ** 2
    told = variance * log_hazard_ratio**2
    return float(math.ceil(wanted / told - 1e-9)) if told * MOST > wanted else math.inf


def power_with(events: float, log_hazard_ratio: float, variance: float, alpha: float = 0.05) -> float:
    """The chance that so many events show the effect, in its direction."""
    shift = abs(log_hazard_ratio) * math.sqrt(max(events, 0.0) * variance)
    return NormalDist().cdf(shift - NormalDist().inv_cdf(1 - alpha / 2))
