"""Imatinib by mouth, with its main metabolite CGP74588.

It kills tumour cells that carry a target, helps dendritic cells to prime NK cells, and makes some patients sick.
Kinetics are in `imatinib_kinetics.py`.
"""

from __future__ import annotations

from opsonin.model import Assay, LogitNormal, LogNormal, Modulation, Module, Observable, Parameter, Quantity
from opsonin.therapies.imatinib_kinetics import PETAIN, kinetics

_ASSAY = "assumed: liquid chromatography with mass spectrometry, 15 % with the error of sampling times, limit 10 ng/ml"


def module() -> Module:
    """Imatinib and CGP74588: kinetics, a direct effect on sensitive tumours, and priming of NK cells."""
    return Module(
        "imatinib",
        [*kinetics(), *_effect_parameters(), *_effects(), *observables()],
        title="Imatinib and its metabolite CGP74588",
        source=PETAIN,
    )


def _effect_parameters() -> list:
    return [
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
            "imatinib_nk_activation",
            0.0,
            "dimensionless",
            "assumed: none in patients without a cytokine; in mice some (patients/mice.py)",
            meaning="NK cells activated by imatinib alone, as a share of a cytokine's greatest effect",
        ),
        Parameter(
            "imatinib_treg_loss",
            0.0,
            "1/day",
            "assumed: none in patients, whose regulatory share rose a little under the combination (Chaput 2013, "
            "OncoImmunology 2:e23080); in mice some (patients/mice.py)",
            meaning="death of regulatory T cells at high concentration",
        ),
        Parameter(
            "imatinib_nausea",
            0.03,
            "1/day",
            "assumed: nausea in about a third of patients in the first two weeks of 400 mg a day",
            meaning="hazard of nausea at high concentration",
        ),
    ]


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
            "nk_activation",
            lambda imatinib_nk_activation, imatinib_effect: imatinib_nk_activation * imatinib_effect,
            "NK cells that dendritic cells activate without a cytokine",
        ),
        Modulation(
            "treg_depletion",
            lambda imatinib_treg_loss, imatinib_effect: imatinib_treg_loss * imatinib_effect,
            "regulatory T cells that imatinib kills or starves",
        ),
        Modulation(
            "nausea_drive",
            lambda imatinib_nausea, imatinib_effect: imatinib_nausea * imatinib_effect,
            "nausea from imatinib",
        ),
    ]


def observables() -> list:
    """What an assay of plasma shows."""
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
