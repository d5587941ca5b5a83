"""The kinetics of imatinib by mouth and of its main metabolite CGP74588.

One compartment with first-order absorption, one for the metabolite. α1-acid glycoprotein binds imatinib in plasma, so
that clearance and volume fall as it rises; part of the metabolism is CYP3A's. Both change under a cytokine through the
acute phase (`biology/acute_phase.py`), on top of what they were in this patient before treatment.
"""

from __future__ import annotations

from opsonin.biology.acute_phase import near_power
from opsonin.model import Administration, Covariate, LogNormal, Parameter, Process, Quantity, Species

PETAIN = "Petain 2008, Clin Cancer Res 14:7102 (67 children and adults with GIST and other solid tumours)"
_DUTREIX = "Dutreix 2004, Cancer Chemother Pharmacol 54:290 (single dose with ketoconazole: clearance −28.6 %)"


def kinetics() -> list:
    """Parameters, states, processes and the oral route; concentrations as quantities in mg/l."""
    return [*_parameters(), *_processes()]


def _parameters() -> list:
    return [
        Covariate("weight_kg", "kg", 72.0, "body weight"),
        Covariate("aag_g_per_l", "g/l", 1.15, "α1-acid glycoprotein before treatment"),
        Covariate("albumin_g_per_l", "g/l", 38.0, "serum albumin"),
        Parameter(
            "imatinib_ka",
            1.03,
            "1/hour",
            PETAIN,
            LogNormal(0.5),
            lower=0.2,
            upper=4,
            meaning="absorption rate (published spread of 82 % cut to 50 %: it only sharpens peaks)",
        ),
        Parameter(
            "imatinib_cl",
            7.29,
            "l/hour",
            PETAIN,
            LogNormal(0.19),
            meaning="apparent clearance at 54 kg, α1-acid glycoprotein 1.13 g/l, albumin 38 g/l",
        ),
        Parameter(
            "imatinib_v",
            202.0,
            "l",
            PETAIN,
            LogNormal(0.2),
            meaning="apparent volume at the same reference (spread assumed, none published)",
        ),
        Parameter("imatinib_weight_reference", 54.0, "kg", PETAIN, meaning="reference weight"),
        Parameter("imatinib_aag_reference", 1.13, "g/l", PETAIN, meaning="reference α1-acid glycoprotein"),
        Parameter("imatinib_albumin_reference", 38.0, "g/l", PETAIN, meaning="reference albumin"),
        Parameter("imatinib_cl_weight", 0.56, "dimensionless", PETAIN, meaning="power of weight in clearance"),
        Parameter(
            "imatinib_cl_aag", -0.65, "dimensionless", PETAIN, meaning="power of α1-acid glycoprotein in clearance"
        ),
        Parameter("imatinib_cl_albumin", 0.66, "dimensionless", PETAIN, meaning="power of albumin in clearance"),
        Parameter("imatinib_v_weight", 0.79, "dimensionless", PETAIN, meaning="power of weight in volume"),
        Parameter("imatinib_v_aag", -1.01, "dimensionless", PETAIN, meaning="power of α1-acid glycoprotein in volume"),
        Parameter(
            "imatinib_cyp3a_share",
            0.286,
            "dimensionless",
            (
                f"{_DUTREIX}; at steady state ritonavir changes nothing (van Erp 2007, Clin Cancer Res "
                "13:7394), so this is an upper bound"
            ),
            meaning="share of clearance that is CYP3A's",
        ),
        Parameter(
            "cgp74588_share",
            0.2,
            "dimensionless",
            (
                "assumed: share of imatinib's clearance that forms CGP74588; not identifiable, it "
                "cancels out of the concentrations"
            ),
            meaning="share of clearance that forms the metabolite",
        ),
        Parameter(
            "cgp74588_cl",
            44.0,
            "l/hour",
            (
                "calibrated to: metabolite-to-parent ratio between day 1 (52.2 l/h) and day 29 (36.5 "
                f"l/h) of {PETAIN}, as sampled on day 9 to 14"
            ),
            LogNormal(0.28),
            meaning="clearance of the metabolite over the share formed, at 54 kg and 1.13 g/l",
        ),
        Parameter(
            "cgp74588_v",
            32.2,
            "l",
            PETAIN,
            meaning=(
                "volume of the metabolite over the share formed (published spread of 81 % left out: it "
                "only moves a fast mode)"
            ),
        ),
        Parameter(
            "cgp74588_cl_weight",
            -0.62,
            "dimensionless",
            PETAIN,
            meaning="power of weight in the metabolite's clearance",
        ),
        Parameter(
            "cgp74588_cl_aag",
            -0.81,
            "dimensionless",
            PETAIN,
            meaning="power of α1-acid glycoprotein in the metabolite's clearance",
        ),
        Parameter(
            "cgp74588_mass_ratio",
            0.9716,
            "dimensionless",
            "molar masses 479.57 and 493.60 g/mol, from the formulas",
            meaning="mass of metabolite per mass of imatinib",
        ),
    ]


def _processes() -> list:
    return [
        Species("imatinib_gut", "mg", 0.0, "imatinib in the gut", scale=400.0),
        Species("imatinib", "mg", 0.0, "imatinib in the body", scale=400.0),
        Species("cgp74588", "mg", 0.0, "CGP74588 in the body", scale=5.0),
        Quantity("imatinib_cl_patient", _clearance_of_patient, "l/day", "apparent clearance before treatment"),
        Quantity("imatinib_v_patient", _volume_of_patient, "l", "apparent volume before treatment"),
        Quantity(
            "cgp74588_cl_patient", _metabolite_clearance_of_patient, "l/day", "clearance of CGP74588 before treatment"
        ),
        Quantity(
            "imatinib_metabolism",
            lambda imatinib_cyp3a_share, cyp3a_activity: 1 - imatinib_cyp3a_share * (1 - cyp3a_activity),
            "dimensionless",
            "capacity of metabolism, relative to before treatment",
        ),
        Quantity(
            "imatinib_clearance",
            lambda imatinib_cl_patient, imatinib_metabolism, aag_ratio, imatinib_cl_aag: (
                imatinib_cl_patient * imatinib_metabolism * near_power(aag_ratio, imatinib_cl_aag)
            ),
            "l/day",
            "apparent clearance of imatinib",
        ),
        Quantity(
            "imatinib_volume",
            lambda imatinib_v_patient, aag_ratio, imatinib_v_aag: (
                imatinib_v_patient * near_power(aag_ratio, imatinib_v_aag)
            ),
            "l",
            "apparent volume of imatinib",
        ),
        Quantity(
            "cgp74588_clearance",
            lambda cgp74588_cl_patient, imatinib_metabolism, aag_ratio, cgp74588_cl_aag: (
                cgp74588_cl_patient * imatinib_metabolism * near_power(aag_ratio, cgp74588_cl_aag)
            ),
            "l/day",
            "clearance of CGP74588",
        ),
        Quantity(
            "imatinib_concentration",
            lambda imatinib, imatinib_volume: imatinib / imatinib_volume,
            "mg/l",
            "imatinib in plasma",
        ),
        Quantity(
            "cgp74588_concentration",
            lambda cgp74588, cgp74588_v, cgp74588_share: cgp74588 / (cgp74588_share * cgp74588_v),
            "mg/l",
            "CGP74588 in plasma",
        ),
        Process(
            "imatinib_absorption",
            lambda imatinib_gut, imatinib_ka: imatinib_ka * imatinib_gut,
            consumes="imatinib_gut",
            produces="imatinib",
        ),
        Process(
            "cgp74588_formation",
            lambda imatinib_clearance, imatinib_concentration, cgp74588_share: (
                cgp74588_share * imatinib_clearance * imatinib_concentration
            ),
            consumes="imatinib",
            produces={"cgp74588": lambda cgp74588_mass_ratio: cgp74588_mass_ratio},
        ),
        Process(
            "imatinib_elimination",
            lambda imatinib_clearance, imatinib_concentration, cgp74588_share: (
                (1 - cgp74588_share) * imatinib_clearance * imatinib_concentration
            ),
            consumes="imatinib",
        ),
        Process(
            "cgp74588_elimination",
            lambda cgp74588_clearance, cgp74588_concentration: cgp74588_clearance * cgp74588_concentration,
            consumes="cgp74588",
        ),
        Administration(
            "imatinib",
            "oral",
            into="imatinib_gut",
            meaning="clearance and volume are apparent: bioavailability is in them",
        ),
    ]


def _clearance_of_patient(
    imatinib_cl,
    weight_kg,
    imatinib_weight_reference,
    imatinib_cl_weight,
    aag_g_per_l,
    imatinib_aag_reference,
    imatinib_cl_aag,
    albumin_g_per_l,
    imatinib_albumin_reference,
    imatinib_cl_albumin,
):
    size = (weight_kg / imatinib_weight_reference) ** imatinib_cl_weight
    binding = (aag_g_per_l / imatinib_aag_reference) ** imatinib_cl_aag
    return imatinib_cl * size * binding * (albumin_g_per_l / imatinib_albumin_reference) ** imatinib_cl_albumin


def _volume_of_patient(
    imatinib_v,
    weight_kg,
    imatinib_weight_reference,
    imatinib_v_weight,
    aag_g_per_l,
    imatinib_aag_reference,
    imatinib_v_aag,
):
    size = (weight_kg / imatinib_weight_reference) ** imatinib_v_weight
    return imatinib_v * size * (aag_g_per_l / imatinib_aag_reference) ** imatinib_v_aag


def _metabolite_clearance_of_patient(
    cgp74588_share,
    cgp74588_cl,
    weight_kg,
    imatinib_weight_reference,
    cgp74588_cl_weight,
    aag_g_per_l,
    imatinib_aag_reference,
    cgp74588_cl_aag,
):
    size = (weight_kg / imatinib_weight_reference) ** cgp74588_cl_weight
    return cgp74588_share * cgp74588_cl * size * (aag_g_per_l / imatinib_aag_reference) ** cgp74588_cl_aag
