"""Survival: Kaplan–Meier, log-rank, Cox and landmarks, with the numbers and conventions of R's survival package."""

from opsonin.analysis.survival.cox import CoxFit, cox
from opsonin.analysis.survival.firth import FirthCoxFit, firth_cox
from opsonin.analysis.survival.km import KaplanMeier, Quantile, kaplan_meier
from opsonin.analysis.survival.landmark import Landmark, landmark
from opsonin.analysis.survival.logrank import LogRank, logrank
from opsonin.analysis.survival.many import ManyCox, cox_single_covariate_many
from opsonin.analysis.survival.prediction import CoxCurves
from opsonin.analysis.survival.proportionality import ProportionalHazards, proportional_hazards_test

__all__ = [
    "CoxCurves",
    "CoxFit",
    "FirthCoxFit",
    "KaplanMeier",
    "Landmark",
    "LogRank",
    "ManyCox",
    "ProportionalHazards",
    "Quantile",
    "cox",
    "cox_single_covariate_many",
    "firth_cox",
    "kaplan_meier",
    "landmark",
    "logrank",
    "proportional_hazards_test",
]
