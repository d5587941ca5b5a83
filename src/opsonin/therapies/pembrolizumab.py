"""Pembrolizumab, an antibody against PD-1: 200 mg (or 2 mg/kg) every three weeks, or 400 mg every six.

Left out of the published clearance: kidney function, tumour type, tumour size and earlier ipilimumab, each of little
effect in the source. So a patient's clearance does not depend on the cancer, nor fall with time or response; weight,
albumin, sex and performance status make it differ.
"""

from __future__ import annotations

from opsonin.model import Module
from opsonin.therapies.antibody_kinetics import Antibody, Constant, Effect, binding, kinetics
from opsonin.therapies.checkpoint_toxicity import pd1_events

AHAMADI = (
    "Ahamadi 2017, CPT Pharmacometrics Syst Pharmacol 6:49 (2188 patients), without its effects of tumour type, tumour "
    "size, kidney function and earlier ipilimumab"
)

PEMBROLIZUMAB = Antibody(
    "pembrolizumab",
    AHAMADI,
    cl=Constant(
        0.22,
        "l/day",
        (
            Effect("weight_kg", 0.595, reference=76.8),
            Effect("albumin_g_per_l", -0.907, reference=39.6),
            Effect("male", -0.152, "woman"),
            Effect("ecog", -0.0768, "unfit"),  # published as 1 − 0.0739
        ),
        cv=0.379,  # of ω² 0.134
    ),
    v=Constant(
        3.48,
        "l",
        (
            Effect("weight_kg", 0.489, reference=76.8),
            Effect("albumin_g_per_l", -0.208, reference=39.6),
            Effect("male", -0.134, "woman"),
        ),
        cv=0.206,  # of ω² 0.0417
    ),
    q=Constant(0.795, "l/day", (Effect("weight_kg", 0.595, reference=76.8),)),
    vp=Constant(4.06, "l", (Effect("weight_kg", 0.489, reference=76.8),)),
    joint=True,
)


def module() -> Module:
    """Pembrolizumab: kinetics, block of PD-1, immune-related events."""
    return Module(
        "pembrolizumab",
        [
            *kinetics(PEMBROLIZUMAB),
            *binding(
                "pembrolizumab",
                "pd1_binding",
                0.07,
                "mg/l",
                "assumed: half of PD-1 held at 0.07 mg/l, fifteen times the affinity of 0.03 nM measured on a "
                "surface, as cells hold the drug back",
            ),
            *pd1_events("pembrolizumab"),
        ],
        title="Pembrolizumab",
        source=AHAMADI,
    )
