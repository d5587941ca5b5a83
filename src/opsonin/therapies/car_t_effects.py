"""What CAR T cells do: killing, B-cell loss, interferon γ, cytokine release syndrome and neurotoxicity.

Their killing is held back by the tumour as that of its own T cells is: by PD-1's ligand and by suppressor cells, each
by the share that acts on the product. Cytokines follow activity, which is cells times stimulation: what a patient
suffers from is an expansion that has met a tumour.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opsonin.biology.clones import CELLS
from opsonin.model import LogNormal, Modulation, Parameter, Process, Quantity, Species, laws
from opsonin.therapies.car_t_kinetics import naming
from opsonin.therapies.car_t_parameters import Product

ELIANA = "Maude 2018, N Engl J Med 378:439 (ELIANA)"


def effects(product: Product) -> list:
    """Everything that a product's cells do."""
    law = naming(product.prefix)
    return [*_killing(product, law), *_cytokines(product, law)]


def _killing(product: Product, law: Callable[..., Any]) -> list:
    p = product.prefix
    return [
        Parameter(
            f"{p}_kill_rate",
            6.0,
            "1/day",
            f"calibrated to: remission within a month in four of five of {ELIANA}",
            LogNormal(0.4),
            meaning="killing where CAR T cells abound and nothing holds them back",
        ),
        Parameter(
            f"{p}_kill_ratio",
            0.03,
            "dimensionless",
            "assumed: CAR T cells kill one target after another, so that one to thirty kill half as fast as plenty",
            meaning="CAR T cells to cancer cells at which killing is half of its greatest",
        ),
        Parameter(
            f"{p}_exhausted_strength",
            0.1,
            "dimensionless",
            "assumed: exhausted cells keep a tenth of their killing, as the tumour's own do",
            meaning="killing by an exhausted cell relative to another",
        ),
        Quantity(
            f"{p}_in_tumour",
            law(
                lambda cells, share, exhausted, strength: cells * share + strength * exhausted,
                "_cells",
                "_share",
                "_exhausted",
                "_exhausted_strength",
            ),
            CELLS,
            "CAR T cells of the tumour that kill",
        ),
        Quantity(
            f"{p}_unheld",
            law(
                lambda braked, brake, suppressed, suppression: (
                    (1 - braked * brake) * (1 - suppressed * (1 - suppression))
                ),
                "_braked",
                "pd1_brake",
                "_suppressed",
                "suppression",
            ),
            "dimensionless",
            "share of killing that the tumour's brakes leave",
        ),
        Quantity(
            f"{p}_kill",
            law(
                _kill,
                "_kill_rate",
                "_kill_ratio",
                "_activation",
                "_unheld",
                "_in_tumour",
                "t_killing",
                "tumour_cells",
                "few_cells",
            ),
            "1/day",
            "killing of cells that show the antigen by CAR T cells",
        ),
        Modulation("antigen_positive_killing", law(lambda kill: kill, "_kill")),
        Modulation("antigen_loss_killing", law(lambda kill, share: kill * share, "_kill", "_bystander")),
        Parameter(
            f"{p}_b_cell_kill",
            0.5,
            "1/day",
            "assumed: B cells of the blood are gone within two weeks of an expansion",
            meaning="killing of normal B cells where CAR T cells abound",
        ),
        Parameter(
            f"{p}_b_cell_half",
            20.0,
            CELLS,
            "assumed: B cells stay away while a thousandth of the peak persists, as aplasia lasts for the months in "
            f"which cells are found ({ELIANA}, for the direction)",
            meaning="CAR T cells at which B cells are killed half as fast",
        ),
        Process(
            f"{p}_b_cells_killed",
            law(_b_cells_killed, "_on_b_cells", "_b_cell_kill", "_b_cell_half", "_cells", "_memory", "b_cells"),
            consumes="b_cells",
        ),
    ]


def _kill(kill_rate, kill_ratio, activation, unheld, in_tumour, t_killing, tumour_cells, few_cells):
    there = in_tumour / (in_tumour + kill_ratio * (tumour_cells + few_cells))
    return kill_rate * activation * unheld * t_killing * there


def _b_cells_killed(on_b_cells, kill, half, cells, memory, b_cells):
    return on_b_cells * kill * (cells + memory) / (cells + memory + half) * b_cells


def _cytokines(product: Product, law: Callable[..., Any]) -> list:
    p = product.prefix
    return [
        Parameter(
            f"{p}_cytokine_cells",
            3000.0,
            CELLS,
            "assumed: a scale only, a tenth of the peak of a typical expansion",
            meaning="stimulated CAR T cells that make a level of cytokines of 1",
        ),
        Parameter(
            f"{p}_cytokine_turnover",
            0.5,
            "1/day",
            "assumed: cytokine release begins some days before the peak of cells and lasts for about a week",
            meaning="turnover of the cytokine level",
        ),
        Parameter(
            f"{p}_crs",
            0.075,
            "1/day",
            f"calibrated to: cytokine release syndrome in 77 % of {ELIANA}",
            meaning="hazard of cytokine release syndrome at a high level of cytokines",
        ),
        Parameter(
            f"{p}_severe_crs",
            0.036,
            "1/day",
            f"calibrated to: grade 3 or 4 in 46 % of {ELIANA}",
            meaning="hazard of severe cytokine release syndrome at a high level of cytokines",
        ),
        Parameter(
            f"{p}_severe_level",
            2.0,
            "dimensionless",
            "assumed: severe cytokine release needs twice the level",
            meaning="level of cytokines at which that hazard is half of its greatest",
        ),
        Parameter(
            f"{p}_neurotoxic",
            0.030,
            "1/day",
            f"calibrated to: neurological events in 40 % of {ELIANA}",
            meaning="hazard of neurotoxicity at a high level of cytokines",
        ),
        Species(f"{p}_cytokine", "dimensionless", 0.0, "level of cytokines from CAR T cells", scale=0.1),
        Process(
            f"{p}_cytokine_rise",
            law(
                lambda turnover, cells, stimulus, scale: turnover * cells * stimulus / scale,
                "_cytokine_turnover",
                "_cells",
                "_stimulus",
                "_cytokine_cells",
            ),
            produces=f"{p}_cytokine",
        ),
        Process(
            f"{p}_cytokine_fall",
            law(lambda turnover, level: turnover * level, "_cytokine_turnover", "_cytokine"),
            consumes=f"{p}_cytokine",
        ),
        Modulation("cytokine_release", law(lambda rate, level: laws.emax(level, rate, 1), "_crs", "_cytokine")),
        Modulation(
            "severe_cytokine_release",
            law(
                lambda rate, factor, level, half: laws.emax(level, rate * factor, half, 2),
                "_severe_crs",
                "_severity",
                "_cytokine",
                "_severe_level",
            ),
        ),
        Modulation("neurotoxicity", law(lambda rate, level: laws.emax(level, rate, 1, 2), "_neurotoxic", "_cytokine")),
        Modulation(
            "interferon_source",
            law(
                lambda inside, stimulus, volume, reference: inside * stimulus / (volume * reference),
                "_in_tumour",
                "_on_tumour",
                "site_volume",
                "interferon_reference",
            ),
            "as much of it as effectors make, while they meet antigen",
        ),
    ]
