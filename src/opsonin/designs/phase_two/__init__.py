"""Phase II: exact single-stage and two-stage designs, monitoring by predictive or posterior probability, selection."""

from opsonin.designs.phase_two.bop2 import Bop2, bop2
from opsonin.designs.phase_two.inference import TwoStageInference, two_stage_inference
from opsonin.designs.phase_two.looks import Looks, LooksCharacteristics
from opsonin.designs.phase_two.predictive import predictive_probability, predictive_probability_design
from opsonin.designs.phase_two.selection import pick_the_winner, selection_size
from opsonin.designs.phase_two.simon import Simon, SimonDesigns, simon
from opsonin.designs.phase_two.single_stage import SingleStage, single_stage

__all__ = [
    "Bop2",
    "Looks",
    "LooksCharacteristics",
    "Simon",
    "SimonDesigns",
    "SingleStage",
    "TwoStageInference",
    "bop2",
    "pick_the_winner",
    "predictive_probability",
    "predictive_probability_design",
    "selection_size",
    "simon",
    "single_stage",
    "two_stage_inference",
]
