"""Cyclophosphamide by mouth, low daily (metronomic) doses: it depletes regulatory T cells.

One compartment with first-order absorption. At 50 mg a day levels stay far below those of chemotherapy, so
autoinduction is left out.
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

AHMED = "Ahmed 2020, Front Pharmacol 11:406 (267 breast cancer patients)"
GE = "Ge 2012, Cancer Immunol Immunother 61:353 (50 mg a day)"


def module() -> Module:
    """Cyclophosphamide: kinetics, depletion of regulatory T cells, a slight one of other lymphocytes."""
    return Module(
        "cyclophosphamide",
        [
            Covariate("bsa_m2", "m**2", 1.85, "body surface area"),
            Parameter(
                "cyclophosphamide_ka",
                1.0,
                "1/hour",
                "assumed: peak about one hour after a tablet",
                meaning="absorption rate",
            ),
            Parameter(
                "cyclophosphamide_f",
                0.85,
                "dimensionless",
                "assumed: oral bioavailability above 75 % (product information)",
                lower=0,
                upper=1,
                meaning="bioavailability",
            ),
            Parameter("cyclophosphamide_cl", 5.41, "l/hour", AHMED, LogNormal(0.464), meaning="clearance"),
            Parameter("cyclophosphamide_v", 46.5, "l", AHMED, LogNormal(0.359), meaning="volume at 1.58 m²"),
            Parameter(
                "cyclophosphamide_v_bsa", 0.861, "dimensionless", AHMED, meaning="power of body surface area in volume"
            ),
            Parameter("cyclophosphamide_bsa_reference", 1.58, "m**2", AHMED, meaning="reference body surface area"),
            Parameter(
                "cyclophosphamide_treg_kill",
                0.395,
                "l/mg/day",
                f"calibrated to: a fall of regulatory T cells by more than 40 %, {GE}",
                LogNormal(0.3),
                meaning="death rate of regulatory T cells per concentration",
            ),
            Parameter(
                "cyclophosphamide_selectivity",
                0.03,
                "dimensionless",
                (
                    "assumed: other lymphocytes hardly change at this dose (Ghiringhelli 2007, Cancer "
                    "Immunol Immunother 56:641: selective)"
                ),
                meaning="effect on other lymphocytes relative to regulatory T cells",
            ),
            Species("cyclophosphamide_gut", "mg", 0.0, "cyclophosphamide in the gut", scale=50.0),
            Species("cyclophosphamide", "mg", 0.0, "cyclophosphamide in the body", scale=50.0),
            Quantity(
                "cyclophosphamide_volume",
                lambda cyclophosphamide_v, bsa_m2, cyclophosphamide_bsa_reference, cyclophosphamide_v_bsa: (
                    cyclophosphamide_v * (bsa_m2 / cyclophosphamide_bsa_reference) ** cyclophosphamide_v_bsa
                ),
                "l",
                "volume of distribution",
            ),
            Quantity(
                "cyclophosphamide_concentration",
                lambda cyclophosphamide, cyclophosphamide_volume: cyclophosphamide / cyclophosphamide_volume,
                "mg/l",
                "cyclophosphamide in plasma",
            ),
            Process(
                "cyclophosphamide_absorption",
                lambda cyclophosphamide_gut, cyclophosphamide_ka: cyclophosphamide_ka * cyclophosphamide_gut,
                consumes="cyclophosphamide_gut",
                produces="cyclophosphamide",
            ),
            Process(
                "cyclophosphamide_elimination",
                lambda cyclophosphamide_cl, cyclophosphamide_concentration: (
                    cyclophosphamide_cl * cyclophosphamide_concentration
                ),
                consumes="cyclophosphamide",
            ),
            Administration(
                "cyclophosphamide",
                "oral",
                into="cyclophosphamide_gut",
                fraction=lambda cyclophosphamide_f: cyclophosphamide_f,
            ),
            Modulation(
                "treg_depletion",
                lambda cyclophosphamide_treg_kill, cyclophosphamide_concentration: (
                    cyclophosphamide_treg_kill * cyclophosphamide_concentration
                ),
                "regulatory T cells are the most sensitive lymphocytes",
            ),
            Modulation(
                "lymphocyte_depletion",
                lambda cyclophosphamide_treg_kill, cyclophosphamide_selectivity, cyclophosphamide_concentration: (
                    cyclophosphamide_selectivity * cyclophosphamide_treg_kill * cyclophosphamide_concentration
                ),
            ),
            Observable(
                "cyclophosphamide",
                "concentrations",
                lambda cyclophosphamide_concentration: cyclophosphamide_concentration,
                "ng/ml",
                Assay(0.15, 10.0, source="assumed: liquid chromatography with mass spectrometry"),
                matrix="plasma",
                agent="cyclophosphamide",
            ),
        ],
        title="Metronomic cyclophosphamide",
        source=f"{AHMED}; {GE}",
    )
