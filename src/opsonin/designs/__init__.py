"""Dose-finding designs: outcomes in, decisions out; they know neither models nor records."""

from opsonin.designs.base import ACTIONS, Decision, Decisions, Design
from opsonin.designs.operating import OperatingCharacteristics, exact_characteristics
from opsonin.designs.outcomes import Outcomes, outcomes, parse_outcomes
from opsonin.designs.registry import design, names
from opsonin.designs.three_plus_three import ThreePlusThree

__all__ = [
    "ACTIONS",
    "Decision",
    "Decisions",
    "Design",
    "OperatingCharacteristics",
    "Outcomes",
    "ThreePlusThree",
    "design",
    "exact_characteristics",
    "names",
    "outcomes",
    "parse_outcomes",
]
