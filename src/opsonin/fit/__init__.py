"""Fits: what data and published figures say of parameters and of virtual patients. Arrays in, arrays out.

Nothing here knows a model or a trial: whoever calls hands over samples, outcomes or a function from parameters to
summaries, and gets weights or parameters back. What is random is keyed by a seed.
"""

from opsonin.fit.approximation import Approximation, approximate
from opsonin.fit.calibration import Calibration, calibrate
from opsonin.fit.inclusion import Inclusion, inclusion
from opsonin.fit.populations import Populations, populations
from opsonin.fit.reference import Normal, Observed
from opsonin.fit.scores import normal_scores
from opsonin.fit.targets import Target, misfit
from opsonin.fit.tilting import Tilt, tilt
from opsonin.fit.weights import effective_sample_size, weighted_mean, weighted_quantile

__all__ = [
    "Approximation",
    "Calibration",
    "Inclusion",
    "Normal",
    "Observed",
    "Populations",
    "Target",
    "Tilt",
    "approximate",
    "calibrate",
    "effective_sample_size",
    "inclusion",
    "misfit",
    "normal_scores",
    "populations",
    "tilt",
    "weighted_mean",
    "weighted_quantile",
]
