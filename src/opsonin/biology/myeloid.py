"""Monocytes of the blood, and macrophages of the tumour between inflammatory and suppressive.

Monocytes enter the tumour and become macrophages; its milieu turns them suppressive. Interferon γ and what they eat
turn them back, which makes more of them eat: reprogramming spreads to cells that no drug has touched (Allouch 2022,
Nat Commun 13:6739). The signal of CD47 at SIRPα holds their appetite back. They eat whom they meet: by their density in
the tumour's volume, not by their number relative to the cancer cells, and as living cancer cells draw monocytes, they
become fewer with the tumour.
"""

from __future__ import annotations

from opsonin.biology.clone_numbers import QSP
from opsonin.biology.clones import CELLS
from opsonin.model import LogNormal, Module, Observable, Parameter, Process, Quantity, Species

_PATEL = "Patel 2017, J Exp Med 214:1913"


def myeloid_cells() -> Module:
    """Monocytes, macrophages, phagocytosis."""
    return Module(
        "myeloid cells",
        [*_monocytes(), *_macrophages(), *_phagocytosis()],
        title="Monocytes and macrophages",
        source=f"{_PATEL}; Allouch 2022, Nat Commun 13:6739; {QSP}",
    )


def _monocytes() -> list:
    return [
        Parameter(
            "monocyte_baseline",
            500.0,
            "cells/µl",
            "clinical reference range 200 to 800 per µl; middle and spread assumed",
            LogNormal(0.35),
            lower=100,
            upper=2000,
            meaning="monocytes of the blood before treatment",
        ),
        Parameter(
            "monocyte_loss",
            1.0,
            "1/day",
            f"{_PATEL} (classical monocytes circulate for about a day)",
            meaning="loss of monocytes from blood",
        ),
        Species("monocytes", "cells/µl", lambda monocyte_baseline: monocyte_baseline, "monocytes of the blood"),
        Process(
            "monocyte_supply",
            lambda monocyte_loss, monocyte_baseline: monocyte_loss * monocyte_baseline,
            produces="monocytes",
        ),
        Process("monocyte_leave", lambda monocytes, monocyte_loss: monocyte_loss * monocytes, consumes="monocytes"),
        Observable(
            "monocytes",
            "measurements",
            lambda monocytes: monocytes,
            "cells/µl",
            compartment="blood",
            panel="T-B-NK",
            meaning="circulating monocytes",
        ),
    ]


def _macrophages() -> list:
    return [
        Parameter(
            "macrophage_supply",
            0.5,
            "Mcell/ml/day",
            f"assumed: of the order of 0.17 ({QSP}, from Yang 2018), higher, so that macrophages are a tenth of the "
            "cells; spread assumed",
            LogNormal(0.6),
            meaning="monocytes that a volume of living cancer cells draws at the baseline count of the blood",
        ),
        Parameter(
            "macrophage_loss",
            0.02,
            "1/day",
            f"Ginhoux 2016, Immunity 44:439, {QSP}",
            meaning="death of macrophages",
        ),
        Parameter(
            "suppressive_turn",
            0.25,
            "1/day",
            f"assumed: {QSP}, estimated there",
            meaning="turn of inflammatory macrophages to suppressive ones by the tumour's milieu",
        ),
        Parameter(
            "inflammatory_turn",
            0.045,
            "1/day",
            f"assumed: {QSP}, estimated there; reached with plenty of interferon γ",
            LogNormal(0.4),
            meaning="turn of suppressive macrophages to inflammatory ones under plenty of interferon γ",
        ),
        Parameter(
            "turn_interferon_half",
            3.0,
            "dimensionless",
            "assumed: three times a typical tumour's interferon γ turns half as fast as plenty",
            meaning="interferon γ at which that turn is half of its greatest",
        ),
        Parameter(
            "eating_turn",
            0.1,
            "dimensionless",
            "assumed: every tenth suppressive macrophage that eats a cancer cell turns inflammatory (Allouch 2022, "
            "Nat Commun 13:6739, for the direction)",
            meaning="suppressive macrophages turned by each cell they eat",
        ),
        Parameter(
            "macrophage_reference",
            20.0,
            "Mcell/ml",
            "assumed: a scale only, suppressive macrophages of a typical tumour of the model",
            meaning="density at which the density relative to a typical tumour is 1",
        ),
        Quantity(
            "csf1r_free",
            lambda csf1r_binding: 1 / (1 + csf1r_binding),
            "dimensionless",
            "share of CSF1R without a drug",
        ),
        Parameter(
            "csf1_dependence",
            3.0,
            "dimensionless",
            "assumed: without CSF1, macrophages die four times as fast (Ries 2014, Cancer Cell 25:846: CSF1R blockade "
            "depletes CSF1R+ macrophages of tumours)",
            meaning="extra death of suppressive macrophages without CSF1, relative to their natural death",
        ),
        Quantity(
            "suppressive_density",
            lambda macrophage_suppressive, site_volume, macrophage_reference: (
                macrophage_suppressive / (site_volume * macrophage_reference)
            ),
            "dimensionless",
            "suppressive macrophages in a volume of tumour, relative to a typical one",
        ),
        Species(
            "macrophage_inflammatory",
            CELLS,
            lambda baseline_inflammatory: baseline_inflammatory,
            "inflammatory",
            scale=1.0,
        ),
        Species(
            "macrophage_suppressive", CELLS, lambda baseline_suppressive: baseline_suppressive, "suppressive", scale=1.0
        ),
        Process(
            "monocytes_enter_tumour",
            lambda macrophage_supply, drawing_volume, monocytes, monocyte_baseline, monocyte_recruitment: (
                macrophage_supply * drawing_volume * monocyte_recruitment * monocytes / monocyte_baseline
            ),
            produces="macrophage_inflammatory",
        ),
        Process(
            "turn_suppressive",
            lambda macrophage_inflammatory, suppressive_turn: suppressive_turn * macrophage_inflammatory,
            consumes="macrophage_inflammatory",
            produces="macrophage_suppressive",
        ),
        Process(
            "turn_inflammatory",
            lambda macrophage_suppressive, inflammatory_turn, interferon, turn_interferon_half, inflammatory_drive: (
                (inflammatory_turn * interferon / (interferon + turn_interferon_half) + inflammatory_drive)
                * macrophage_suppressive
            ),
            consumes="macrophage_suppressive",
            produces="macrophage_inflammatory",
        ),
        Process(
            "turn_by_eating",
            lambda eating_turn, suppressive_eats, tumour_cells: eating_turn * suppressive_eats * tumour_cells,
            consumes="macrophage_suppressive",
            produces="macrophage_inflammatory",
        ),
        Process(
            "inflammatory_lost",
            lambda macrophage_inflammatory, macrophage_loss: macrophage_loss * macrophage_inflammatory,
            consumes="macrophage_inflammatory",
        ),
        Process(
            "suppressive_lost",
            lambda macrophage_suppressive, macrophage_loss, csf1_dependence, csf1r_free: (
                macrophage_loss * (1 + csf1_dependence * (1 - csf1r_free)) * macrophage_suppressive
            ),
            consumes="macrophage_suppressive",
        ),
    ]


def _phagocytosis() -> list:
    return [
        Parameter(
            "eating_rate",
            0.33,
            "1/day",
            f"Pan 2020, {QSP}",
            meaning="killing by phagocytosis where macrophages abound and nothing holds them back",
        ),
        Parameter(
            "eating_density",
            270.0,
            "Mcell/ml",
            f"assumed: two macrophages to each living cancer cell ({QSP}, estimated there) where these are packed as "
            "in a solid tumour, 135 Mcell/ml; a density, since a macrophage eats one cell in a fortnight here and "
            "digests one within hours, so that meetings limit it and not its appetite",
            meaning="inflammatory macrophages in a volume of tumour at which phagocytosis is half of its greatest",
        ),
        Parameter(
            "suppressive_appetite",
            0.1,
            "dimensionless",
            "assumed: suppressive macrophages hardly eat (Allouch 2022, Nat Commun 13:6739, for the direction)",
            meaning="appetite of a suppressive macrophage relative to an inflammatory one",
        ),
        Parameter(
            "cd47_signal",
            1.0,
            "dimensionless",
            "assumed: CD47 holds one of two meals back (Willingham 2012, Proc Natl Acad Sci 109:6662, for the "
            "direction; its block alone shrinks few solid tumours)",
            LogNormal(0.4),
            meaning="strength of the signal of CD47 at SIRPα; the brake is it over one and it",
        ),
        Quantity(
            "cd47_free", lambda cd47_binding: 1 / (1 + cd47_binding), "dimensionless", "share of CD47 without a drug"
        ),
        Quantity(
            "appetite",
            lambda phagocytosis, cd47_signal, cd47_free: phagocytosis / (1 + cd47_signal * cd47_free),
            "dimensionless",
            "share of meals that CD47 does not hold back",
        ),
        Quantity(
            "eating",
            _eating,
            "1/day/Mcell",
            "killing of cancer cells by one inflammatory macrophage",
        ),
        Quantity(
            "suppressive_eats",
            lambda eating, suppressive_appetite, macrophage_suppressive: (
                eating * suppressive_appetite * macrophage_suppressive
            ),
            "1/day",
            "killing of cancer cells by suppressive macrophages",
        ),
        Quantity(
            "macrophage_kill",
            lambda eating, macrophage_inflammatory, suppressive_eats: (
                eating * macrophage_inflammatory + suppressive_eats
            ),
            "1/day",
            "killing of cancer cells by macrophages",
        ),
        Quantity(
            "phagocytosed",
            lambda macrophage_kill, added_phagocytosis, tumour_cells: (
                (macrophage_kill + added_phagocytosis) * tumour_cells
            ),
            "Mcell/day",
            "cancer cells eaten",
        ),
        Observable(
            "inflammatory of macrophages",
            "measurements",
            lambda macrophage_inflammatory, macrophage_suppressive: (
                macrophage_inflammatory / (macrophage_inflammatory + macrophage_suppressive)
            ),
            "percent",
            compartment="tumour",
            panel="tumour",
            meaning="inflammatory share of the tumour's macrophages",
        ),
    ]


def _eating(
    eating_rate,
    eating_density,
    appetite,
    macrophage_inflammatory,
    macrophage_suppressive,
    suppressive_appetite,
    site_volume,
):
    """Mass action in the volume of the site: each cancer cell is met as often as macrophages are dense around it.

    Where a drug has left few cancer cells, each is eaten no faster, and each macrophage eats in proportion to what it
    meets. That is the law of two saturations (Gadhamsetty 2014, Biophys J 106:1780) where prey satiates nobody.
    """
    eaters = macrophage_inflammatory + suppressive_appetite * macrophage_suppressive
    return eating_rate * appetite / (eaters + eating_density * site_volume)
