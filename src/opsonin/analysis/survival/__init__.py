"""Survival: Kaplan–Meier, log-rank, Cox and landmarks, with the numbers and conventions of R's survival package."""

from opsonin.analysis.survival.bootstrap import Bootstrap, bootstrap
from opsonin.analysis.survival.competing import CumulativeIncidence, cumulative_incidence
from opsonin.analysis.survival.cox import CoxFit, cox
from opsonin.analysis.survival.episodes import Episodes, episodes
from opsonin.analysis.survival.exact_tests import ExactTest, exact_logrank
from opsonin.analysis.survival.fine_gray import FineGrayFit, fine_gray
from opsonin.analysis.survival.firth import FirthCoxFit, firth_cox
from opsonin.analysis.survival.gray import GrayTest, gray_test
from opsonin.analysis.survival.km import KaplanMeier, Quantile, kaplan_meier
from opsonin.analysis.survival.landmark import Landmark, landmark
from opsonin.analysis.survival.logrank import LogRank, logrank
from opsonin.analysis.survival.logrank_many import logrank_many
from opsonin.analysis.survival.many import ManyCox, cox_single_covariate_many
from opsonin.analysis.survival.permutation import PermutationTest, permutation_logrank
from opsonin.analysis.survival.prediction import CoxCurves
from opsonin.analysis.survival.proportionality import ProportionalHazards, proportional_hazards_test
from opsonin.analysis.survival.restricted_mean import RestrictedMeans, restricted_means
from opsonin.analysis.survival.score_tests import exact_score_test, permutation_score_test
from opsonin.analysis.survival.weighted import MaxCombo, max_combo

__all__ = [
    "Bootstrap",
    "CoxCurves",
    "CoxFit",
    "CumulativeIncidence",
    "Episodes",
    "ExactTest",
    "FineGrayFit",
    "FirthCoxFit",
    "GrayTest",
    "KaplanMeier",
    "Landmark",
    "LogRank",
    "ManyCox",
    "MaxCombo",
    "PermutationTest",
    "ProportionalHazards",
    "Quantile",
    "RestrictedMeans",
    "bootstrap",
    "cox",
    "cox_single_covariate_many",
    "cumulative_incidence",
    "episodes",
    "exact_logrank",
    "exact_score_test",
    "fine_gray",
    "firth_cox",
    "gray_test",
    "kaplan_meier",
    "landmark",
    "logrank",
    "logrank_many",
    "max_combo",
    "permutation_logrank",
    "permutation_score_test",
    "proportional_hazards_test",
    "restricted_means",
]
