"""Fludarabine and intravenous cyclophosphamide: they make room for cells that are given afterwards.

What they do to lymphocytes follows the concentration, so that the depth of depletion follows exposure, as the benefit
of cells given afterwards does (Fabrizio 2022, Blood Adv 6:1961: relapse after tisagenlecleucel is 2.5 times as
frequent where fludarabine's AUC is below 13.8 mg·h/l).
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
    laws,
)

LN2 = 0.6931471805599453
LANGENHORST = "Langenhorst 2019, Clin Pharmacokinet 58:627 (258 recipients of a transplant, 0.3 to 74 years)"
AHMED = "Ahmed 2020, Front Pharmacol 11:406 (267 breast cancer patients)"
_DEPTH = (
    "calibrated to: lymphocytes of less than a tenth of baseline after 4 x 30 mg/m² of fludarabine with 2 x 500 mg/m² "
    "of cyclophosphamide, the regimen of ELIANA (Maude 2018, N Engl J Med 378:439); the depth is assumed"
)
_REGULATORY = (
    "assumed: regulatory T cells die of fludarabine as other lymphocytes do, and of cyclophosphamide twice as fast "
    "(Ghiringhelli 2007, Cancer Immunol Immunother 56:641, for the direction)"
)
_BLOOD = (
    "calibrated to: haematologic toxicity of grade 3 or more in every patient (Qi 2022, Nat Med 28:1189), most of it "
    "neutropenia; the split between the two drugs is assumed"
)
_NAUSEA = "assumed: nausea in about a third of patients under prophylaxis"


def fludarabine() -> Module:
    """Fludarabine phosphate as an infusion, followed as the nucleoside F-ara-A in plasma."""
    return Module(
        "fludarabine",
        [
            *_nucleoside(),
            *_effects("fludarabine", lymphocytes=2.2, regulatory=2.2, neutropenia=4.5, anaemia=0.5, nausea=0.2),
        ],
        title="Fludarabine before cells",
        source=LANGENHORST,
    )


def cyclophosphamide() -> Module:
    """Cyclophosphamide as an infusion of hundreds of mg/m²; low daily doses by mouth are another module's."""
    return Module(
        "lymphodepleting-cyclophosphamide",
        [
            *_alkylator(),
            *_effects(
                "ld_cyclophosphamide", lymphocytes=0.08, regulatory=0.16, neutropenia=0.18, anaemia=0.02, nausea=0.05
            ),
        ],
        title="Cyclophosphamide before cells",
        source=AHMED,
    )


def _nucleoside() -> list:
    """Two compartments by weight; the first of the paper's peripheral volumes fills in an hour and is the plasma's."""
    return [
        Covariate("weight_kg", "kg", 72.0, "body weight"),
        Parameter(
            "glomerular_filtration",
            100.0,
            "ml/minute",
            "assumed: a middle value of adults without disease of the kidney",
            LogNormal(0.2),
            lower=20,
            upper=180,
            meaning="estimated glomerular filtration rate",
        ),
        Parameter(
            "fludarabine_cl_other",
            3.24,
            "l/hour",
            LANGENHORST,
            LogNormal(0.2),
            meaning="clearance at 70 kg beside the kidney's (spread assumed)",
        ),
        Parameter(
            "fludarabine_cl_renal",
            0.782,
            "dimensionless",
            LANGENHORST,
            LogNormal(0.2),
            meaning="renal clearance over glomerular filtration (spread assumed)",
        ),
        Parameter(
            "fludarabine_v",
            59.0,
            "l",
            f"{LANGENHORST}: 39 and 20 l, which exchange 8.6 l/h",
            LogNormal(0.2),
            meaning="volume of plasma and what is near it at 70 kg (spread assumed)",
        ),
        Parameter("fludarabine_q", 3.8, "l/hour", LANGENHORST, meaning="exchange with the slow volume at 70 kg"),
        Parameter("fludarabine_v_slow", 50.0, "l", LANGENHORST, meaning="slow volume at 70 kg"),
        Parameter("fludarabine_weight", 70.0, "kg", LANGENHORST, meaning="reference weight"),
        Parameter(
            "fludarabine_active",
            0.781,
            "dimensionless",
            "molar masses of F-ara-A and of fludarabine phosphate (285.2 and 365.2)",
            meaning="mass of F-ara-A from a mass of fludarabine phosphate",
        ),
        Quantity(
            "fludarabine_size",
            lambda weight_kg, fludarabine_weight: weight_kg / fludarabine_weight,
            "dimensionless",
            "weight relative to 70 kg",
        ),
        Species("fludarabine", "mg", 0.0, "F-ara-A in plasma and what is near it", scale=50.0),
        Species("fludarabine_slow", "mg", 0.0, "F-ara-A in the slow volume", scale=50.0),
        Quantity(
            "fludarabine_concentration",
            lambda fludarabine, fludarabine_v, fludarabine_size: fludarabine / (fludarabine_v * fludarabine_size),
            "mg/l",
            "F-ara-A in plasma",
        ),
        Process(
            "fludarabine_elimination",
            _cleared,
            consumes="fludarabine",
        ),
        Process(
            "fludarabine_outward",
            lambda fludarabine_concentration, fludarabine_q, fludarabine_size: (
                fludarabine_q * fludarabine_size**0.75 * fludarabine_concentration
            ),
            consumes="fludarabine",
            produces="fludarabine_slow",
        ),
        Process(
            "fludarabine_inward",
            lambda fludarabine_slow, fludarabine_q, fludarabine_v_slow, fludarabine_size: (
                fludarabine_q * fludarabine_size**-0.25 / fludarabine_v_slow * fludarabine_slow
            ),
            consumes="fludarabine_slow",
            produces="fludarabine",
        ),
        Administration(
            "fludarabine",
            "intravenous infusion",
            into="fludarabine",
            fraction=lambda fludarabine_active: fludarabine_active,
        ),
        _measured("fludarabine", "fludarabine"),
    ]


def _cleared(
    fludarabine_concentration, fludarabine_cl_other, fludarabine_cl_renal, glomerular_filtration, fludarabine_size
):
    clearance = fludarabine_cl_other + fludarabine_cl_renal * glomerular_filtration
    return clearance * fludarabine_size**0.75 * fludarabine_concentration


def _alkylator() -> list:
    return [
        Covariate("bsa_m2", "m**2", 1.85, "body surface area"),
        Parameter("ld_cyclophosphamide_cl", 5.41, "l/hour", AHMED, LogNormal(0.464), meaning="clearance"),
        Parameter("ld_cyclophosphamide_v", 46.5, "l", AHMED, LogNormal(0.359), meaning="volume at 1.58 m²"),
        Parameter(
            "ld_cyclophosphamide_v_bsa", 0.861, "dimensionless", AHMED, meaning="power of body surface area in volume"
        ),
        Parameter("ld_cyclophosphamide_bsa", 1.58, "m**2", AHMED, meaning="reference body surface area"),
        Species("ld_cyclophosphamide", "mg", 0.0, "cyclophosphamide given into a vein, in the body", scale=200.0),
        Quantity(
            "ld_cyclophosphamide_concentration",
            _alkylator_concentration,
            "mg/l",
            "cyclophosphamide in plasma",
        ),
        Process(
            "ld_cyclophosphamide_elimination",
            lambda ld_cyclophosphamide_cl, ld_cyclophosphamide_concentration: (
                ld_cyclophosphamide_cl * ld_cyclophosphamide_concentration
            ),
            consumes="ld_cyclophosphamide",
        ),
        Administration("lymphodepleting-cyclophosphamide", "intravenous infusion", into="ld_cyclophosphamide"),
        _measured("ld_cyclophosphamide", "lymphodepleting-cyclophosphamide"),
    ]


def _alkylator_concentration(
    ld_cyclophosphamide,
    ld_cyclophosphamide_v,
    ld_cyclophosphamide_v_bsa,
    ld_cyclophosphamide_bsa,
    bsa_m2,
):
    volume = ld_cyclophosphamide_v * (bsa_m2 / ld_cyclophosphamide_bsa) ** ld_cyclophosphamide_v_bsa
    return ld_cyclophosphamide / volume


def _measured(prefix: str, agent: str) -> Observable:
    return Observable(
        agent,
        "concentrations",
        laws.reading(lambda level: level, f"{prefix}_concentration"),
        "ng/ml",
        Assay(0.15, 10.0, source="assumed: liquid chromatography with mass spectrometry"),
        matrix="plasma",
        agent=agent,
    )


def _effects(
    prefix: str, lymphocytes: float, regulatory: float, neutropenia: float, anaemia: float, nausea: float
) -> list:
    """Death rates and hazards in proportion to the concentration."""
    parts: list = []
    for signal, name, value, source, meaning, spread in (
        ("lymphocyte_depletion", "lymphocyte_kill", lymphocytes, _DEPTH, "death of other lymphocytes", LogNormal(0.3)),
        ("treg_depletion", "treg_kill", regulatory, _REGULATORY, "death of regulatory T cells", LogNormal(0.3)),
        ("neutropenia_drive", "neutropenia", neutropenia, _BLOOD, "hazard of neutropenia", None),
        ("anaemia_drive", "anaemia", anaemia, _BLOOD, "hazard of anaemia", None),
        ("nausea_drive", "nausea", nausea, _NAUSEA, "hazard of nausea", None),
    ):
        rate = f"{prefix}_{name}"
        parts += [
            Parameter(rate, value, "l/mg/day", source, spread, meaning=f"{meaning} per concentration"),
            Modulation(signal, laws.reading(lambda each, level: each * level, rate, f"{prefix}_concentration")),
        ]
    return parts
