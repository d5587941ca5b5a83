"""The points at which therapies may modulate a patient's biology, in one list.

A signal that combines as a product has the neutral value 1 and multiplies (independent actions, Bliss); one that
combines as a sum has the neutral value 0 and adds. A therapy names a signal and gives its contribution; biology
uses the combined value and never knows whose it is.
"""

from __future__ import annotations

from opsonin.model import Module, Signal

_CYTOKINE = "share of the greatest effect a cytokine can have, 0 to 1"


def signals() -> Module:
    """Every signal of the core biology."""
    return Module(
        "signals",
        [
            # blood
            Signal(
                "margination", "sum", meaning="homing of lymphocytes out of the blood: counts fall by 1 + weight × it"
            ),
            Signal("t_cell_proliferation", "sum", "1/day", meaning="extra growth of conventional T cells"),
            Signal("treg_proliferation", "sum", meaning=f"cytokine drive of regulatory T cells ({_CYTOKINE})"),
            Signal("treg_depletion", "sum", "1/day", meaning="extra death of regulatory T cells"),
            Signal("lymphocyte_depletion", "sum", "1/day", meaning="extra death of all other lymphocytes"),
            # natural killer cells
            Signal("nk_proliferation", "sum", meaning=f"cytokine drive of NK cell growth ({_CYTOKINE})"),
            Signal("nk_activation", "sum", meaning=f"cytokine drive of NK cell activation ({_CYTOKINE})"),
            Signal("nk_priming", "product", meaning="readiness of NK cells to be activated (dendritic cells)"),
            # tumour
            Signal("tumour_growth", "product", meaning="growth rate of the tumour"),
            Signal("tumour_killing", "sum", "1/day", meaning="direct killing of tumour cells by a drug"),
            Signal("nk_killing", "product", meaning="killing of tumour cells by activated NK cells"),
            Signal("t_killing", "product", meaning="killing of tumour cells by CD8+ T cells"),
            # liver
            Signal("acute_phase_drive", "sum", meaning=f"cytokine drive of the acute phase ({_CYTOKINE})"),
            # toxicity: added hazards of a first event of any grade
            Signal("capillary_leak", "sum", "1/day", meaning="hazard of capillary leak syndrome"),
            Signal("fatigue_drive", "sum", "1/day", meaning="hazard of fatigue"),
            Signal("anorexia_drive", "sum", "1/day", meaning="hazard of anorexia"),
            Signal("fever_drive", "sum", "1/day", meaning="hazard of fever"),
            Signal("chills_drive", "sum", "1/day", meaning="hazard of chills"),
            Signal("transaminase_drive", "sum", "1/day", meaning="hazard of a rise of alanine aminotransferase"),
            Signal("nausea_drive", "sum", "1/day", meaning="hazard of nausea"),
            # survival
            Signal("mortality", "product", meaning="hazard of death"),
        ],
        title="Signals that therapies may modulate",
    )
