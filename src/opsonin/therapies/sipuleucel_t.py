"""Sipuleucel-T: a patient's antigen-presenting cells, loaded with a prostate antigen outside the body and given back.

The dose is counted in large CD54+ cells, as the product is released. What reaches lymphoid tissue presents for days.
"""

from __future__ import annotations

from opsonin.biology.clones import CELLS
from opsonin.model import (
    Administration,
    LogNormal,
    Modulation,
    Module,
    Parameter,
    Process,
    Quantity,
    Species,
)

IMPACT = "Kantoff 2010, N Engl J Med 363:411 (IMPACT)"
_TABLE = f"{IMPACT}, as tabulated in Can J Urol 2014, supplement of April"
SHEIKH = "Sheikh 2013, Cancer Immunol Immunother 62:137 (three trials: activation of antigen-presenting cells by dose)"


def module() -> Module:
    """Three infusions two weeks apart; cells, presentation, infusion-related symptoms."""
    return Module(
        "sipuleucel-t", [*_cells(), *_effect(), *_toxicity()], title="Sipuleucel-T", source=f"{IMPACT}; {SHEIKH}"
    )


def _cells() -> list:
    return [
        Parameter(
            "sipuleucel_clearance",
            1.0,
            "1/day",
            "assumed: antigen-presenting cells leave the blood within a day, as monocytes do",
            meaning="cells that leave the blood",
        ),
        Parameter(
            "sipuleucel_arrival",
            0.05,
            "dimensionless",
            "assumed: a twentieth of infused cells reaches lymphoid tissue alive",
            LogNormal(0.5),
            meaning="share of infused cells that reaches lymphoid tissue",
            upper=1,
        ),
        Species("sipuleucel_blood", CELLS, 0.0, "infused antigen-presenting cells of the blood", scale=50.0),
        Species("sipuleucel_node", CELLS, 0.0, "infused cells that present in lymphoid tissue", scale=5.0),
        Administration("sipuleucel-t", "intravenous infusion", into="sipuleucel_blood", meaning="CD54+ cells"),
        Process(
            "sipuleucel_arrive",
            lambda sipuleucel_blood, sipuleucel_clearance: sipuleucel_clearance * sipuleucel_blood,
            consumes="sipuleucel_blood",
            produces={"sipuleucel_node": lambda sipuleucel_arrival: sipuleucel_arrival},
        ),
        Process(
            "sipuleucel_lost",
            lambda sipuleucel_node, dendritic_turnover: dendritic_turnover * sipuleucel_node,
            consumes="sipuleucel_node",
        ),
    ]


def _effect() -> list:
    return [
        Parameter(
            "sipuleucel_activation",
            1.0,
            "dimensionless",
            f"assumed: a scale; activation (CD54) differs between doses and patients, and survival with it ({SHEIKH})",
            LogNormal(0.4),
            meaning="activation of the cells relative to a typical product",
        ),
        Parameter(
            "sipuleucel_strength",
            0.5,
            "dimensionless",
            "assumed: one antigen of many: half of what a tumour's own antigen can bring at most",
            meaning="greatest presentation by the product relative to a tumour's own",
        ),
        Parameter(
            "sipuleucel_half",
            10.0,
            CELLS,
            "assumed: what is left of 200 million cells, four times the least that is released",
            meaning="cells in lymphoid tissue at which presentation is half of its greatest",
        ),
        Modulation(
            "vaccine_antigen",
            lambda sipuleucel_strength, sipuleucel_activation, sipuleucel_node, sipuleucel_half: (
                sipuleucel_strength
                * sipuleucel_activation
                * sipuleucel_node
                / (sipuleucel_activation * sipuleucel_node + sipuleucel_half)
            ),
            "loaded antigen-presenting cells beside those the tumour brings",
        ),
    ]


def _toxicity() -> list:
    return [
        Parameter(
            "sipuleucel_chills",
            0.1,
            "1/day",
            f"calibrated to: chills in 54.1 % (placebo 12.5 %), {_TABLE}",
            meaning="hazard of chills while many infused cells are in blood",
        ),
        Parameter(
            "sipuleucel_fever",
            0.045,
            "1/day",
            f"calibrated to: fever in 29.3 % (placebo 13.7 %), {_TABLE}",
            meaning="hazard of fever while many infused cells are in blood",
        ),
        Parameter(
            "sipuleucel_nausea",
            0.02,
            "1/day",
            f"calibrated to: nausea in 28.1 % (placebo 20.8 %), {_TABLE}",
            meaning="hazard of nausea while many infused cells are in blood",
        ),
        Parameter(
            "sipuleucel_symptom_cells",
            50.0,
            CELLS,
            "assumed: the least number of cells that is released",
            meaning="infused cells in blood at which these hazards are half of their greatest",
        ),
        Quantity(
            "sipuleucel_symptoms",
            lambda sipuleucel_blood, sipuleucel_symptom_cells: (
                sipuleucel_blood / (sipuleucel_blood + sipuleucel_symptom_cells)
            ),
            "dimensionless",
            "infused cells' effect on how a patient feels, 0 to 1",
        ),
        Modulation(
            "chills_drive", lambda sipuleucel_chills, sipuleucel_symptoms: sipuleucel_chills * sipuleucel_symptoms
        ),
        Modulation("fever_drive", lambda sipuleucel_fever, sipuleucel_symptoms: sipuleucel_fever * sipuleucel_symptoms),
        Modulation(
            "nausea_drive", lambda sipuleucel_nausea, sipuleucel_symptoms: sipuleucel_nausea * sipuleucel_symptoms
        ),
    ]
