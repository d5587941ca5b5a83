"""Nivolumab, an antibody against PD-1: 3 mg/kg every two weeks, 240 mg every two or 480 mg every four.

Its clearance falls over months, by a quarter in the typical patient. Left out: kidney function and Asian descent in the
clearance, the correlation of clearance with volume.
"""

from __future__ import annotations

from opsonin.model import Module
from opsonin.therapies.antibody_kinetics import Antibody, Constant, Effect, Waning, binding, kinetics
from opsonin.therapies.checkpoint_toxicity import pd1_events

BAJAJ = "Bajaj 2017, CPT Pharmacometrics Syst Pharmacol 6:58 (1895 patients)"

NIVOLUMAB = Antibody(
    "nivolumab",
    BAJAJ,
    cl=Constant(
        9.4,
        "ml/hour",
        (
            Effect("weight_kg", 0.566, reference=80.0),
            Effect("male", 0.165, "man"),
            Effect("ecog", 0.172, "unfit"),
        ),
        cv=0.362,  # of ω² 0.123
    ),
    v=Constant(3.63, "l", (Effect("weight_kg", 0.597, reference=80.0), Effect("male", 0.152, "man")), cv=0.362),
    q=Constant(32.1, "ml/hour"),
    vp=Constant(2.78, "l", cv=0.542),  # of ω² 0.258
    waning=Waning(-0.295, 0.268, 58.75, 3.15),  # T50 1410 h
)


def module() -> Module:
    """Nivolumab: kinetics, block of PD-1, immune-related events."""
    return Module(
        "nivolumab",
        [
            *kinetics(NIVOLUMAB),
            *binding(
                "nivolumab",
                "pd1_binding",
                0.44,
                "mg/l",
                "assumed: the affinity of about 3 nM of Wang 2014, Cancer Immunol Res 2:846; 146 kDa",
            ),
            *pd1_events("nivolumab"),
        ],
        title="Nivolumab",
        source=BAJAJ,
    )
