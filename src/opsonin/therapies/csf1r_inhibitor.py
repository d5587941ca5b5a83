"""Pexidartinib by mouth, an inhibitor of the receptor of colony-stimulating factor 1: 400 mg twice a day.

Without that signal the tumour's suppressive macrophages die faster. Alone it hardly shrinks a solid tumour; it is a
partner for others. Food, which doubles absorption, and the inactive metabolite are left out.
"""

from __future__ import annotations

from opsonin.model import (
    Administration,
    Assay,
    Covariate,
    LogNormal,
    Modulation,
    Module,
    Observable,
    Parameter,
    Process,
    Quantity,
    Species,
)

LABEL = "product information of pexidartinib"
YIN = "Yin 2021, J Clin Pharmacol 61:480 (375 patients and volunteers)"


def module() -> Module:
    """Pexidartinib: kinetics, block of CSF1R, rise of transaminases."""
    return Module(
        "pexidartinib",
        [*_kinetics(), *_effects()],
        title="Pexidartinib, a CSF1R inhibitor",
        source=f"{YIN}; {LABEL}",
    )


def _kinetics() -> list:
    return [
        Covariate("weight_kg", "kg", 72.0, "body weight"),
        Parameter(
            "pexidartinib_ka",
            1.2,
            "1/hour",
            f"calibrated to: peak at 2.5 hours, {LABEL}",
            LogNormal(0.4),
            meaning="absorption rate",
        ),
        Parameter(
            "pexidartinib_cl",
            5.83,
            "l/hour",
            f"{YIN}; spread assumed, as that of the area in the {LABEL} (32 %)",
            LogNormal(0.32),
            meaning="apparent clearance",
        ),
        Parameter(
            "pexidartinib_v",
            187.0,
            "l",
            f"{LABEL}; spread assumed",
            LogNormal(0.25),
            meaning="apparent volume at 80 kg",
        ),
        Parameter(
            "pexidartinib_v_weight",
            1.0,
            "dimensionless",
            "assumed: a volume grows with the body",
            meaning="power of weight in volume",
        ),
        Parameter("pexidartinib_weight_reference", 80.0, "kg", YIN, meaning="reference weight"),
        Species("pexidartinib_gut", "mg", 0.0, "pexidartinib in the gut", scale=400.0),
        Species("pexidartinib", "mg", 0.0, "pexidartinib in the body", scale=400.0),
        Quantity(
            "pexidartinib_concentration",
            lambda pexidartinib, pexidartinib_v, weight_kg, pexidartinib_weight_reference, pexidartinib_v_weight: (
                pexidartinib / (pexidartinib_v * (weight_kg / pexidartinib_weight_reference) ** pexidartinib_v_weight)
            ),
            "mg/l",
            "pexidartinib in plasma",
        ),
        Process(
            "pexidartinib_absorption",
            lambda pexidartinib_gut, pexidartinib_ka: pexidartinib_ka * pexidartinib_gut,
            consumes="pexidartinib_gut",
            produces="pexidartinib",
        ),
        Process(
            "pexidartinib_elimination",
            lambda pexidartinib_cl, pexidartinib_concentration: pexidartinib_cl * pexidartinib_concentration,
            consumes="pexidartinib",
        ),
        Administration("pexidartinib", "oral", into="pexidartinib_gut"),
        Observable(
            "pexidartinib",
            "concentrations",
            lambda pexidartinib_concentration: pexidartinib_concentration,
            "ng/ml",
            Assay(0.10, 5.0, source="assumed: liquid chromatography with mass spectrometry"),
            matrix="plasma",
            agent="pexidartinib",
        ),
    ]


def _effects() -> list:
    return [
        Parameter(
            "pexidartinib_free",
            0.005,
            "dimensionless",
            f"assumed: half of the less than 1 % that is not bound to protein, {LABEL}",
            LogNormal(0.4),
            meaning="free share of pexidartinib in plasma and tumour",
        ),
        Parameter(
            "pexidartinib_ki",
            8.4,
            "µg/l",
            "supplier's data: half inhibition of CSF1R at 20 nM; molar mass 417.8 g/mol",
            meaning="free concentration that holds half of CSF1R",
        ),
        Modulation(
            "csf1r_binding",
            lambda pexidartinib_free, pexidartinib_concentration, pexidartinib_ki: (
                pexidartinib_free * pexidartinib_concentration / pexidartinib_ki
            ),
        ),
        Parameter(
            "pexidartinib_transaminase",
            0.0045,
            "1/day",
            f"calibrated to: alanine aminotransferase raised in 64 % over half a year, {LABEL}; severe ones (20 %) "
            "come too seldom here, with the shares by grade of a cytokine",
            meaning="hazard of a rise of transaminases at the mean level of 400 mg twice a day",
        ),
        Parameter(
            "pexidartinib_fatigue",
            0.0045,
            "1/day",
            f"calibrated to: fatigue in about 64 % over half a year, {LABEL}; an exposure effect assumed",
            meaning="hazard of fatigue at that level",
        ),
        Parameter(
            "pexidartinib_usual",
            6.5,
            "mg/l",
            f"{LABEL}: area of 77.5 mg·h/l over 12 hours",
            meaning="mean level of 400 mg twice a day",
        ),
        Modulation(
            "transaminase_drive",
            lambda pexidartinib_transaminase, pexidartinib_concentration, pexidartinib_usual: (
                pexidartinib_transaminase * pexidartinib_concentration / pexidartinib_usual
            ),
        ),
        Modulation(
            "fatigue_drive",
            lambda pexidartinib_fatigue, pexidartinib_concentration, pexidartinib_usual: (
                pexidartinib_fatigue * pexidartinib_concentration / pexidartinib_usual
            ),
        ),
    ]
