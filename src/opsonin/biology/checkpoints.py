"""The brakes: PD-1 and its ligand in the tumour, CTLA-4 in the lymph node; interferon γ, which induces the ligand.

The PD-1 brake is the share of killing it takes away: bound / (bound + half), where bound is the product of free
receptor, free ligand and the ligand's level. Drugs reduce what is free by competitive binding; the brake without a
drug is kept beside it, as division of stem-like cells is measured against it.
"""

from __future__ import annotations

from opsonin.biology.clone_numbers import QSP
from opsonin.model import LogNormal, Module, Observable, Parameter, Process, Quantity, Species


def checkpoints() -> Module:
    """PD-1, PD-L1, CTLA-4 and interferon γ."""
    return Module(
        "checkpoints",
        [*_interferon(), *_pd1(), *_ctla4()],
        title="Checkpoints and interferon γ",
        source=f"Taube 2012, Sci Transl Med 4:127ra37 (PD-L1 follows infiltrating T cells); {QSP}",
    )


def _interferon() -> list:
    return [
        Parameter(
            "interferon_reference",
            0.45,
            "Mcell/ml",
            "assumed: a scale only, effectors in a typical tumour of the model",
            meaning="effector density that gives a level of interferon γ of 1",
        ),
        Parameter(
            "helper_interferon",
            0.2,
            "dimensionless",
            "assumed: helper cells, most of them outside the tumour, count a fifth",
            meaning="interferon γ of a helper cell relative to an effector",
        ),
        Quantity(
            "interferon",
            _interferon_level,
            "dimensionless",
            "level of interferon γ in the tumour, relative to a typical one (half-life of hours, so in balance)",
        ),
        Parameter(
            "chemokine_floor",
            0.3,
            "dimensionless",
            "assumed: a third of entry needs no interferon-induced chemokine (CXCL9, CXCL10)",
            meaning="entry without interferon γ, relative to plenty",
        ),
        Quantity(
            "chemokine",
            lambda interferon, chemokine_floor: chemokine_floor + (1 - chemokine_floor) * interferon / (1 + interferon),
            "dimensionless",
            "chemokines that draw T cells, relative to plenty",
        ),
    ]


def _interferon_level(
    cd8_effector, helper_cells, helper_interferon, site_volume, interferon_reference, interferon_source
):
    made = (cd8_effector + helper_interferon * helper_cells) / (site_volume * interferon_reference)
    return made + interferon_source


def _pd1() -> list:
    return [
        Parameter(
            "pdl1_own",
            0.5,
            "dimensionless",
            "assumed: ligand that cancer cells show by themselves; a half of a typical tumour's",
            LogNormal(1.0),
            meaning="PD-L1 without interferon γ",
        ),
        Parameter(
            "pdl1_induced",
            3.0,
            "dimensionless",
            "assumed: interferon γ raises PD-L1 severalfold (Taube 2012, Sci Transl Med 4:127ra37, for the direction)",
            LogNormal(0.4),
            meaning="PD-L1 that plenty of interferon γ adds",
        ),
        Parameter(
            "pdl1_interferon_half",
            2.0,
            "dimensionless",
            "assumed: twice a typical tumour's interferon γ induces half of what can be",
            meaning="interferon γ at which induction is half of its greatest",
        ),
        Parameter(
            "pdl1_turnover",
            0.5,
            "1/day",
            "assumed: surface protein, about a day and a half",
            meaning="turnover of PD-L1",
        ),
        Parameter(
            "pd1_half",
            1.8,
            "dimensionless",
            "assumed: a typical tumour's ligand takes about half of killing away",
            LogNormal(0.5),
            meaning="bound PD-1 at which the brake takes half of killing away",
        ),
        Quantity(
            "pdl1_target",
            lambda pdl1_own, pdl1_induced, interferon, pdl1_interferon_half: (
                pdl1_own + pdl1_induced * interferon / (interferon + pdl1_interferon_half)
            ),
            "dimensionless",
            "PD-L1 in balance with interferon γ",
        ),
        Species("pdl1", "dimensionless", lambda baseline_pdl1: baseline_pdl1, "level of PD-L1"),
        Process("pdl1_made", lambda pdl1_turnover, pdl1_target: pdl1_turnover * pdl1_target, produces="pdl1"),
        Process("pdl1_lost", lambda pdl1_turnover, pdl1: pdl1_turnover * pdl1, consumes="pdl1"),
        Quantity(
            "pd1_free", lambda pd1_binding: 1 / (1 + pd1_binding), "dimensionless", "share of PD-1 without a drug"
        ),
        Quantity(
            "pdl1_free", lambda pdl1_binding: 1 / (1 + pdl1_binding), "dimensionless", "share of PD-L1 without a drug"
        ),
        Quantity(
            "pd1_brake",
            lambda pd1_free, pdl1_free, pdl1, pd1_half: (
                pd1_free * pdl1_free * pdl1 / (pd1_free * pdl1_free * pdl1 + pd1_half)
            ),
            "dimensionless",
            "share of killing that PD-1 takes away",
        ),
        Quantity(
            "pd1_release",
            lambda pd1_brake, pdl1, pd1_half: (1 - pd1_brake) * (pdl1 + pd1_half) / pd1_half,
            "dimensionless",
            "what a drug leaves of T-cell activity relative to no drug: 1 without one",
        ),
        Observable(
            "PD-L1",
            "measurements",
            lambda pdl1: pdl1 / (1 + pdl1),
            "percent",
            compartment="tumour",
            panel="tumour",
            meaning="share of cancer cells that are PD-L1 positive (assumed: half at a level of 1)",
        ),
    ]


def _ctla4() -> list:
    return [
        Quantity(
            "ctla4_free",
            lambda ctla4_binding: 1 / (1 + ctla4_binding),
            "dimensionless",
            "share of CTLA-4 without a drug",
        ),
        Observable(
            "TCF7+ of CD8+",
            "measurements",
            lambda cd8_stem, cd8_effector, cd8_exhausted: cd8_stem / (cd8_stem + cd8_effector + cd8_exhausted),
            "percent",
            compartment="tumour",
            panel="tumour",
            meaning="stem-like share of the tumour's specific CD8+ T cells",
        ),
        Observable(
            "CD8+ density",
            "measurements",
            lambda cd8_stem, cd8_effector, cd8_exhausted, cd8_resident, site_volume: (
                (cd8_stem + cd8_effector + cd8_exhausted + cd8_resident) / site_volume
            ),
            "cells/µl",
            compartment="tumour",
            panel="tumour",
            meaning="tumour-specific CD8+ T cells in a volume of tumour",
        ),
        Observable(
            "CD103+ of CD8+",
            "measurements",
            lambda cd8_stem, cd8_effector, cd8_exhausted, cd8_resident: (
                cd8_resident / (cd8_stem + cd8_effector + cd8_exhausted + cd8_resident)
            ),
            "percent",
            compartment="tumour",
            panel="tumour",
            meaning="tissue-resident memory of the tumour's specific CD8+ T cells",
        ),
    ]
