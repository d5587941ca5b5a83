"""Atezolizumab, an antibody against PD-L1: 1200 mg every three weeks.

Left out: antibodies against the drug, which quicken its clearance by a sixth, and tumour size in the clearance;
correlations of clearance and volumes.
"""

from __future__ import annotations

from opsonin.biology.clones import QSP
from opsonin.model import Module
from opsonin.therapies.antibody_kinetics import Antibody, Constant, Effect, binding, kinetics
from opsonin.therapies.checkpoint_toxicity import pd1_events

STROH = "Stroh 2017, Clin Pharmacol Ther 102:305"

ATEZOLIZUMAB = Antibody(
    "atezolizumab",
    STROH,
    cl=Constant(
        0.200,
        "l/day",
        (Effect("weight_kg", 0.808, reference=77.0), Effect("albumin_g_per_l", -1.12, reference=40.0)),
        cv=0.301,  # of ω² 0.0867
    ),
    v=Constant(
        3.28,
        "l",
        (
            Effect("weight_kg", 0.559, reference=77.0),
            Effect("albumin_g_per_l", -0.350, reference=40.0),
            Effect("male", -0.129, "woman"),
        ),
        cv=0.183,  # of ω² 0.0328
    ),
    q=Constant(0.546, "l/day"),
    vp=Constant(3.63, "l", (Effect("male", -0.272, "woman"),), cv=0.348),  # of ω² 0.114
)


def module() -> Module:
    """Atezolizumab: kinetics, block of PD-L1, immune-related events."""
    return Module(
        "atezolizumab",
        [
            *kinetics(ATEZOLIZUMAB),
            *binding(
                "atezolizumab",
                "pdl1_binding",
                0.06,
                "mg/l",
                f"assumed: 0.4 nM at PD-L1, 145 kDa; {QSP}",
            ),
            *pd1_events("atezolizumab"),
        ],
        title="Atezolizumab",
        source=STROH,
    )
