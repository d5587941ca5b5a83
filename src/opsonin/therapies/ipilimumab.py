"""Ipilimumab, an antibody against CTLA-4: 3 mg/kg every three weeks, four times.

It blocks CTLA-4 where T cells are primed, so that the concentration that counts is that of the lymph node. Left out:
depletion of the tumour's regulatory T cells, which mice show and patients did not (Sharma 2019, Clin Cancer Res
25:1233), and lactate dehydrogenase in the clearance.
"""

from __future__ import annotations

from opsonin.biology.immune_toxicity import LARKIN
from opsonin.model import Module
from opsonin.therapies.antibody_kinetics import Antibody, Constant, Effect, binding, kinetics
from opsonin.therapies.checkpoint_toxicity import immune_events

FENG = "Feng 2014, Br J Clin Pharmacol 78:106 (499 patients)"

IPILIMUMAB = Antibody(
    "ipilimumab",
    FENG,
    cl=Constant(0.36, "l/day", (Effect("weight_kg", 0.642, reference=80.0),), cv=0.354),
    v=Constant(4.15, "l", (Effect("weight_kg", 0.708, reference=80.0),), cv=0.149),
    q=Constant(0.9864, "l/day"),
    vp=Constant(3.11, "l"),
)
RATES = {
    "rash_drive": 0.0105,
    "colitis_drive": 0.0032,
    "hepatitis_drive": 0.00096,
    "pneumonitis_drive": 0.00024,
    "hypothyroidism_drive": 0.00096,
    "other_immune_drive": 0.047,
}


def module() -> Module:
    """Ipilimumab: kinetics, block of CTLA-4, immune-related events."""
    return Module(
        "ipilimumab",
        [
            *kinetics(IPILIMUMAB),
            *binding(
                "ipilimumab",
                "ctla4_binding",
                0.8,
                "mg/l",
                "assumed: 5 nM at CTLA-4 measured on a surface (product information), 148 kDa",
                place="node",
            ),
            *immune_events(
                "ipilimumab",
                30.0,
                "assumed: half of the greatest at the mean level of 3 mg/kg, as events of grade 3 or 4 rise with the "
                "dose from 0.3 to 10 mg/kg (Wolchok 2010, Lancet Oncol 11:155: 0, 7 and 25 %)",
                RATES,
                f"calibrated to: rash 33 %, colitis 12 %, hepatitis 4 %, hypothyroidism 4 %, any event 86 % after four "
                f"doses of 3 mg/kg, {LARKIN}",
            ),
        ],
        title="Ipilimumab",
        source=FENG,
    )
