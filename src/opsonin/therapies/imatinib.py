"""Imatinib by mouth, with its main metabolite CGP74588.

One compartment with first-order absorption for each. α1-acid glycoprotein binds imatinib in plasma, so that clearance
and volume fall as it rises; part of the clearance is CYP3A's. Both change under interleukin-2 through the acute
phase (`biology/acute_phase.py`), which is how the combination raises exposure to both analytes.
"""

from __future__ import annotations

from opsonin.model import (
    Administration,
    Assay,
    Covariate,
    LogitNormal,
    LogNormal,
    Modulation,
    Module,
    Observable,
    Parameter,
    Process,
    Quantity,
    Species,
)

PETAIN = "Petain 2008, Clin Cancer Res 14:7102 (67 children and adults with GIST and other solid tumours)"
_DUTREIX = "Dutreix 2004, Cancer Chemother Pharmacol 54:290 (single dose with ketoconazole: clearance −28.6 %)"
_ASSAY = "assumed: liquid chromatography with mass spectrometry, 15 % with the error of sampling times, limit 10 ng/ml"


def module() -> Module:
    """Imatinib and CGP74588: kinetics, a direct effect on sensitive tumours, and priming of NK cells."""
    return Module(
        "imatinib",
        [*_parameters(), *_kinetics(), *_effects(), *_observables()],
        title="Imatinib and its metabolite CGP74588",
        source=PETAIN,
    )


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
        Parameter(
            "imatinib_sensitivity",
            0.03,
            "dimensionless",
            "assumed: most refractory solid tumours carry no target; a few (GIST, KIT-mutated melanoma) answer in part",
            LogitNormal(1.2),
            meaning="share of the full effect of imatinib that this patient's tumour feels",
        ),
        Parameter(
            "imatinib_kill_rate",
            0.02,
            "1/day",
            "assumed: shrinks a fully sensitive tumour slowly, as in GIST",
            meaning="killing of a fully sensitive tumour at high concentration",
        ),
        Parameter(
            "imatinib_ec50",
            0.5,
            "mg/l",
            "Peng 2005, Clin Pharmacokinet 44:879 (concentration for kinase inhibition in vitro)",
            meaning="concentration of half the effect",
        ),
        Parameter(
            "imatinib_nk_priming",
            0.3,
            "dimensionless",
            (
                "assumed: imatinib helps dendritic cells to activate NK cells (Borg 2004, J Clin Invest "
                "114:379); size not known in this regimen"
            ),
            LogNormal(0.4),
            meaning="greatest added readiness of NK cells",
        ),
        Parameter(
            "imatinib_nausea",
            0.03,
            "1/day",
            "assumed: nausea in about a third of patients in the first two weeks of 400 mg a day",
            meaning="hazard of nausea at high concentration",
        ),
    ]


def _kinetics() -> list:
    return [
        Species("imatinib_gut", "mg", 0.0, "imatinib in the gut", scale=400.0),
        Species("imatinib", "mg", 0.0, "imatinib in the body", scale=400.0),
        Species("cgp74588", "mg", 0.0, "CGP74588 in the body", scale=5.0),
        Quantity(
            "imatinib_aag",
            lambda aag_g_per_l, aag_ratio, imatinib_aag_reference: aag_g_per_l * aag_ratio / imatinib_aag_reference,
            "dimensionless",
            "α1-acid glycoprotein now, relative to the reference",
        ),
        Quantity("imatinib_clearance", _clearance, "l/day", "apparent clearance of imatinib"),
        Quantity(
            "imatinib_volume",
            lambda imatinib_v, weight_kg, imatinib_weight_reference, imatinib_v_weight, imatinib_aag, imatinib_v_aag: (
                imatinib_v * (weight_kg / imatinib_weight_reference) ** imatinib_v_weight * imatinib_aag**imatinib_v_aag
            ),
            "l",
            "apparent volume of imatinib",
        ),
        Quantity(
            "imatinib_concentration",
            lambda imatinib, imatinib_volume: imatinib / imatinib_volume,
            "mg/l",
            "imatinib in plasma",
        ),
        Quantity("cgp74588_clearance", _metabolite_clearance, "l/day", "clearance of CGP74588"),
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


def _clearance(
    imatinib_cl,
    weight_kg,
    imatinib_weight_reference,
    imatinib_cl_weight,
    imatinib_aag,
    imatinib_cl_aag,
    albumin_g_per_l,
    imatinib_albumin_reference,
    imatinib_cl_albumin,
    imatinib_cyp3a_share,
    cyp3a_activity,
):
    patient = (weight_kg / imatinib_weight_reference) ** imatinib_cl_weight * (
        albumin_g_per_l / imatinib_albumin_reference
    ) ** imatinib_cl_albumin
    return imatinib_cl * patient * imatinib_aag**imatinib_cl_aag * (1 - imatinib_cyp3a_share * (1 - cyp3a_activity))


def _metabolite_clearance(
    cgp74588_share,
    cgp74588_cl,
    weight_kg,
    imatinib_weight_reference,
    cgp74588_cl_weight,
    imatinib_aag,
    cgp74588_cl_aag,
    imatinib_cyp3a_share,
    cyp3a_activity,
):
    patient = (weight_kg / imatinib_weight_reference) ** cgp74588_cl_weight * imatinib_aag**cgp74588_cl_aag
    return cgp74588_share * cgp74588_cl * patient * (1 - imatinib_cyp3a_share * (1 - cyp3a_activity))


def _effects() -> list:
    return [
        Quantity(
            "imatinib_effect",
            lambda imatinib_concentration, imatinib_ec50: (
                imatinib_concentration / (imatinib_ec50 + imatinib_concentration)
            ),
            "dimensionless",
            "share of imatinib's full effect",
        ),
        Modulation(
            "tumour_killing",
            lambda imatinib_kill_rate, imatinib_sensitivity, imatinib_effect: (
                imatinib_kill_rate * imatinib_sensitivity * imatinib_effect
            ),
            "direct effect on tumours that carry a target",
        ),
        Modulation(
            "nk_priming",
            lambda imatinib_nk_priming, imatinib_effect: 1 + imatinib_nk_priming * imatinib_effect,
            "NK cells made readier by dendritic cells",
        ),
        Modulation(
            "nausea_drive",
            lambda imatinib_nausea, imatinib_effect: imatinib_nausea * imatinib_effect,
            "nausea from imatinib",
        ),
    ]


def _observables() -> list:
    return [
        Observable(
            "imatinib",
            "concentrations",
            lambda imatinib_concentration: imatinib_concentration,
            "ng/ml",
            Assay(0.15, 10.0, source=_ASSAY),
            matrix="plasma",
            agent="imatinib",
        ),
        Observable(
            "CGP74588",
            "concentrations",
            lambda cgp74588_concentration: cgp74588_concentration,
            "ng/ml",
            Assay(0.15, 10.0, source=_ASSAY),
            matrix="plasma",
            agent="imatinib",
        ),
    ]
