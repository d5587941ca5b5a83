"""Dose-finding designs: outcomes in, decisions out; they know neither models nor records.

What every design is written in is loaded with the room, the designs themselves on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# a function that is called as its module is named must come first: a module loaded later would take its place
from opsonin.designs.base import ACTIONS, Decision, Decisions, Design
from opsonin.designs.efftox_prior import efftox_prior
from opsonin.designs.evidence import Evidence, evidence, from_counts
from opsonin.designs.outcomes import Outcomes, outcomes, parse_outcomes
from opsonin.designs.pathways import Pathways, pathways
from opsonin.designs.registry import design, names
from opsonin.designs.scenario_library import scenario_library
from opsonin.designs.skeleton import skeleton
from opsonin.designs.truth import PotentialDoses, Scenario, Truth

if TYPE_CHECKING:
    from opsonin.designs.accelerated import Accelerated
    from opsonin.designs.backfill import Backfill
    from opsonin.designs.blrm import Blrm
    from opsonin.designs.blrm_pair import BlrmPair
    from opsonin.designs.boin import Boin
    from opsonin.designs.boin12 import Boin12, rank_based_scores
    from opsonin.designs.boin_comb import BoinComb
    from opsonin.designs.boin_et import BoinEt
    from opsonin.designs.characteristics import Simulated, difference
    from opsonin.designs.codata import Between, Source, codata_prior
    from opsonin.designs.crm import Crm
    from opsonin.designs.draws import Accrual
    from opsonin.designs.efftox import EffTox
    from opsonin.designs.gboin import GBoin
    from opsonin.designs.i3plus3 import I3Plus3
    from opsonin.designs.keyboard import Keyboard
    from opsonin.designs.limits import MaxPatients, MinPatients, StopWhenHere, StopWhenTreated
    from opsonin.designs.mtpi import Mtpi, Mtpi2
    from opsonin.designs.operating import OperatingCharacteristics, exact_characteristics
    from opsonin.designs.own_table import OwnTable
    from opsonin.designs.partial_order import PartialOrderFit, partial_order_crm
    from opsonin.designs.pocrm import Pocrm, standard_orders
    from opsonin.designs.rolling_six import RollingSix
    from opsonin.designs.saturating import Saturating
    from opsonin.designs.simulation import compare, simulate
    from opsonin.designs.stopping import StopWhenPrecise, StopWhenTooToxic
    from opsonin.designs.table import DecisionTable, TableDesign
    from opsonin.designs.three_plus_three import ThreePlusThree
    from opsonin.designs.tite_boin import TiteBoin
    from opsonin.designs.tite_boin12 import TiteBoin12
    from opsonin.designs.tite_boin_et import TiteBoinEt
    from opsonin.designs.tite_crm import TiteCrm
    from opsonin.designs.u_boin import UBoin
    from opsonin.designs.waterfall import Subtrial, Waterfall, next_subtrial
    from opsonin.designs.wrappers import Coherent, Cohorts, NoSkipping, OneStepUp, StartAt, Wrapper

# the public names of each module that is loaded on first use
_NAMES = {
    "accelerated": "Accelerated",
    "backfill": "Backfill",
    "blrm": "Blrm",
    "blrm_pair": "BlrmPair",
    "boin": "Boin",
    "boin12": "Boin12 rank_based_scores",
    "boin_comb": "BoinComb",
    "boin_et": "BoinEt",
    "characteristics": "Simulated difference",
    "codata": "Between Source codata_prior",
    "crm": "Crm",
    "draws": "Accrual",
    "efftox": "EffTox",
    "gboin": "GBoin",
    "i3plus3": "I3Plus3",
    "keyboard": "Keyboard",
    "limits": "MaxPatients MinPatients StopWhenHere StopWhenTreated",
    "mtpi": "Mtpi Mtpi2",
    "operating": "OperatingCharacteristics exact_characteristics",
    "own_table": "OwnTable",
    "partial_order": "PartialOrderFit partial_order_crm",
    "pocrm": "Pocrm standard_orders",
    "rolling_six": "RollingSix",
    "saturating": "Saturating",
    "simulation": "compare simulate",
    "stopping": "StopWhenPrecise StopWhenTooToxic",
    "table": "DecisionTable TableDesign",
    "three_plus_three": "ThreePlusThree",
    "tite_boin": "TiteBoin",
    "tite_boin12": "TiteBoin12",
    "tite_boin_et": "TiteBoinEt",
    "tite_crm": "TiteCrm",
    "u_boin": "UBoin",
    "waterfall": "Subtrial Waterfall next_subtrial",
    "wrappers": "Coherent Cohorts NoSkipping OneStepUp StartAt Wrapper",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}
__all__ = [
    "ACTIONS",
    "Accelerated",
    "Accrual",
    "Backfill",
    "Between",
    "Blrm",
    "BlrmPair",
    "Boin",
    "Boin12",
    "BoinComb",
    "BoinEt",
    "Coherent",
    "Cohorts",
    "Crm",
    "Decision",
    "DecisionTable",
    "Decisions",
    "Design",
    "EffTox",
    "Evidence",
    "GBoin",
    "I3Plus3",
    "Keyboard",
    "MaxPatients",
    "MinPatients",
    "Mtpi",
    "Mtpi2",
    "NoSkipping",
    "OneStepUp",
    "OperatingCharacteristics",
    "Outcomes",
    "OwnTable",
    "PartialOrderFit",
    "Pathways",
    "Pocrm",
    "PotentialDoses",
    "RollingSix",
    "Saturating",
    "Scenario",
    "Simulated",
    "Source",
    "StartAt",
    "StopWhenHere",
    "StopWhenPrecise",
    "StopWhenTooToxic",
    "StopWhenTreated",
    "Subtrial",
    "TableDesign",
    "ThreePlusThree",
    "TiteBoin",
    "TiteBoin12",
    "TiteBoinEt",
    "TiteCrm",
    "Truth",
    "UBoin",
    "Waterfall",
    "Wrapper",
    "codata_prior",
    "compare",
    "design",
    "difference",
    "efftox_prior",
    "evidence",
    "exact_characteristics",
    "from_counts",
    "names",
    "next_subtrial",
    "outcomes",
    "parse_outcomes",
    "partial_order_crm",
    "pathways",
    "rank_based_scores",
    "scenario_library",
    "simulate",
    "skeleton",
    "standard_orders",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"opsonin.designs has no {name!r}; its public names are {', '.join(__all__)}.")
    return getattr(import_module(f"opsonin.designs.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
