"""Dose-finding designs: outcomes in, decisions out; they know neither models nor records."""

from opsonin.designs.base import ACTIONS, Decision, Decisions, Design
from opsonin.designs.boin import Boin
from opsonin.designs.characteristics import Simulated, difference
from opsonin.designs.evidence import Evidence, evidence, from_counts
from opsonin.designs.operating import OperatingCharacteristics, exact_characteristics
from opsonin.designs.outcomes import Outcomes, outcomes, parse_outcomes
from opsonin.designs.registry import design, names
from opsonin.designs.simulation import Accrual, compare, simulate
from opsonin.designs.table import DecisionTable, TableDesign
from opsonin.designs.three_plus_three import ThreePlusThree
from opsonin.designs.truth import PotentialDoses, Scenario, Truth
from opsonin.designs.wrappers import MaxPatients, NoSkipping, StopWhenTreated, Wrapper

__all__ = [
    "ACTIONS",
    "Accrual",
    "Boin",
    "Decision",
    "DecisionTable",
    "Decisions",
    "Design",
    "Evidence",
    "MaxPatients",
    "NoSkipping",
    "OperatingCharacteristics",
    "Outcomes",
    "PotentialDoses",
    "Scenario",
    "Simulated",
    "StopWhenTreated",
    "TableDesign",
    "ThreePlusThree",
    "Truth",
    "Wrapper",
    "compare",
    "design",
    "difference",
    "evidence",
    "exact_characteristics",
    "from_counts",
    "names",
    "outcomes",
    "parse_outcomes",
    "simulate",
]
