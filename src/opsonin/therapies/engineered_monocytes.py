"""Autologous monocytes transduced to overexpress p21 (CDKN1A), for phagocytosis-guided cell therapy.

p21 represses SIRPα, the receptor of the signal of CD47 ("don't eat me"), so that the macrophages these monocytes become
eat more. What has eaten turns inflammatory and stays so, turns neighbours through interferon γ, and hands antigen on:
three pathways, each with a strength of its own, whose shares in the benefit can be asked for. Cells that the vector has
missed, and those whose vector has fallen silent, are macrophages like any others.
"""

from __future__ import annotations

from opsonin.biology.clones import CELLS
from opsonin.model import (
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
from opsonin.therapies.monocyte_kinetics import CT0508, monocytes_in_blood

ALLOUCH = "Allouch 2022, Nat Commun 13:6739"
_DIRECTION = f"{ALLOUCH}, for the direction"


def module() -> Module:
    """p21 monocytes: product, fate in the tumour, phagocytosis, reprogramming, help for T cells, toxicity."""
    cells = monocytes_in_blood(
        "p21-monocytes",
        "p21",
        {"p21_macrophages": lambda p21_transduced: p21_transduced, "macrophage_inflammatory": _missed},
        {"transduced_fraction": "p21_transduced"},
    )
    return Module(
        "p21-monocytes",
        [*cells, *_fate(), *_phagocytosis(), *_reprogramming(), *_help(), *_toxicity()],
        title="Monocytes that overexpress p21",
        source=ALLOUCH,
    )


def _missed(p21_transduced):
    return 1 - p21_transduced


def _fate() -> list:
    return [
        Parameter(
            "p21_transduced",
            0.6,
            "dimensionless",
            "assumed: a middle value of lentiviral transduction of monocytes; a batch's own figure stands in the "
            "record's products",
            LogitNormal(0.5),
            meaning="share of infused cells that carry the vector",
        ),
        Parameter(
            "p21_silencing",
            0.01,
            "1/day",
            "assumed: macrophages lose the effect of the vector over months",
            meaning="p21 macrophages that become ordinary ones",
        ),
        Species("p21_macrophages", CELLS, 0.0, "macrophages of the tumour that overexpress p21", scale=1.0),
        Process(
            "p21_die",
            lambda p21_macrophages, macrophage_loss: macrophage_loss * p21_macrophages,
            consumes="p21_macrophages",
        ),
        Process(
            "p21_silenced",
            lambda p21_macrophages, p21_silencing: p21_silencing * p21_macrophages,
            consumes="p21_macrophages",
            produces="macrophage_inflammatory",
        ),
        Observable(
            "p21 macrophages",
            "measurements",
            lambda p21_macrophages, site_volume: p21_macrophages / site_volume,
            "cells/µl",
            compartment="tumour",
            panel="tumour",
            meaning="macrophages that overexpress p21 in a volume of tumour",
        ),
    ]


def _phagocytosis() -> list:
    return [
        Parameter(
            "p21_sirpa_repression",
            0.7,
            "dimensionless",
            f"assumed: most of SIRPα is gone ({_DIRECTION})",
            LogitNormal(0.4),
            meaning="share of SIRPα that p21 takes away",
        ),
        Parameter(
            "p21_appetite",
            5.0,
            "dimensionless",
            f"assumed: one that has begun to eat goes on; several meals for one of a macrophage of the tumour "
            f"({_DIRECTION})",
            LogNormal(0.5),
            meaning="meals relative to an inflammatory macrophage of the tumour, CD47's signal aside",
        ),
        Quantity(
            "p21_unheld",
            lambda phagocytosis, cd47_signal, cd47_free, p21_sirpa_repression: (
                phagocytosis / (1 + cd47_signal * cd47_free * (1 - p21_sirpa_repression))
            ),
            "dimensionless",
            "share of their meals that CD47 does not hold back",
        ),
        Quantity("p21_eats", _eats, "1/day", "phagocytosis of cancer cells by p21 macrophages"),
        Modulation("added_phagocytosis", lambda p21_eats: p21_eats, "cells that were given eat"),
    ]


def _eats(
    p21_macrophages,
    p21_appetite,
    p21_unheld,
    eating_rate,
    eating_density,
    macrophage_inflammatory,
    site_volume,
):
    eaters = macrophage_inflammatory + p21_macrophages + eating_density * site_volume
    return eating_rate * p21_appetite * p21_unheld * p21_macrophages / eaters


def _reprogramming() -> list:
    return [
        Parameter(
            "p21_interferon",
            0.5,
            "dimensionless",
            f"assumed: of what an effector T cell makes, and makes others make, half for each that eats ({_DIRECTION})",
            LogNormal(0.5),
            meaning="interferon γ by a p21 macrophage relative to an effector T cell",
        ),
        Parameter(
            "p21_spread",
            2.0,
            "1/day",
            f"assumed: one p21 macrophage among many turns two neighbours a day ({_DIRECTION})",
            LogNormal(0.5),
            meaning="suppressive macrophages turned by contact where p21 macrophages abound",
        ),
        Modulation(
            "interferon_source",
            lambda p21_interferon, p21_macrophages, p21_unheld, site_volume, interferon_reference: (
                p21_interferon * p21_unheld * p21_macrophages / (site_volume * interferon_reference)
            ),
            "spreads to bystanders, induces PD-L1 and draws T cells",
        ),
        Modulation("inflammatory_drive", _turning, "bystanders turn inflammatory"),
    ]


def _turning(p21_spread, p21_macrophages, p21_unheld, macrophage_suppressive, few_cells):
    return p21_spread * p21_unheld * p21_macrophages / (p21_macrophages + macrophage_suppressive + few_cells)


def _help() -> list:
    return [
        Parameter(
            "p21_presentation",
            1.0,
            "dimensionless",
            "assumed: antigen that p21 macrophages eat reaches dendritic cells past the suppressive ones, as much as a "
            "tumour's own antigen can at most",
            LogNormal(0.5),
            meaning="greatest presentation by way of p21 macrophages, relative to a tumour's own",
        ),
        Modulation(
            "vaccine_antigen",
            lambda p21_presentation, p21_eats, tumour_cells, antigen_half: (
                p21_presentation * p21_eats * tumour_cells / (p21_eats * tumour_cells + antigen_half)
            ),
            "stimulates T cells as a vaccine would",
        ),
    ]


def _toxicity() -> list:
    return [
        Parameter(
            "p21_fever",
            0.2,
            "1/day",
            f"assumed: mild fever in some; {CT0508}",
            meaning="hazard of fever while many infused cells are in blood",
        ),
        Parameter(
            "p21_crs",
            0.02,
            "1/day",
            f"assumed: mild cytokine release in a few of ten at the highest doses; {CT0508}",
            meaning="hazard of cytokine release syndrome at plenty of phagocytosis",
        ),
        Parameter(
            "p21_crs_cells",
            200.0,
            "Mcell/day",
            "assumed: a scale, as many cells as half saturate presentation",
            meaning="cells eaten a day at which that hazard is half of its greatest",
        ),
        Modulation(
            "fever_drive",
            lambda p21_fever, p21_blood, p21_reaction_cells: p21_fever * p21_blood / (p21_blood + p21_reaction_cells),
        ),
        Modulation(
            "cytokine_release",
            lambda p21_crs, p21_eats, tumour_cells, p21_crs_cells: (
                p21_crs * p21_eats * tumour_cells / (p21_eats * tumour_cells + p21_crs_cells)
            ),
        ),
    ]
