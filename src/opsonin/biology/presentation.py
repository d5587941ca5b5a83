"""Dendritic cells that carry the tumour's antigen to the lymph node, and helper T cells.

One state stands for the dendritic cells of the node: 1 is what a tumour can bring there at most by itself. A vaccine
adds to it. Dead cells feed it; suppressive macrophages starve it; cells eaten by macrophages feed it too.
"""

from __future__ import annotations

from opsonin.biology.clone_numbers import QSP
from opsonin.biology.clones import CELLS
from opsonin.model import LogNormal, Module, Parameter, Process, Quantity, Species


def presentation() -> Module:
    """Antigen, dendritic cells, helper T cells."""
    return Module(
        "presentation",
        [*_dendritic(), *_helpers()],
        title="Presentation of antigen and help",
        source=f"Chen & Mellman 2013, Immunity 39:1 (the cycle of immunity); {QSP}",
    )


def _dendritic() -> list:
    return [
        Parameter(
            "antigen_half",
            200.0,
            "Mcell/day",
            "assumed: the death of 50 ml of tumour in balance half saturates the dendritic cells that can come",
            meaning="death of cancer cells at which presentation is half of its greatest",
        ),
        Parameter(
            "eaten_weight",
            1.5,
            "dimensionless",
            "assumed: a cell eaten alive by an inflammatory phagocyte feeds presentation more than one that dies by "
            "itself (Allouch 2022, Nat Commun 13:6739, for the direction)",
            meaning="antigen of a cell eaten, relative to a cell that dies",
        ),
        Parameter(
            "dendritic_turnover",
            0.3,
            "1/day",
            "assumed: migrated dendritic cells live for days in the node",
            meaning="turnover of dendritic cells in the node",
        ),
        Parameter(
            "presentation_half",
            0.5,
            "dimensionless",
            "assumed: half of the dendritic cells a tumour can bring prime half as well as any number",
            meaning="dendritic cells at which priming is half of its greatest",
        ),
        Parameter(
            "macrophage_starving",
            1.0,
            "dimensionless",
            "assumed: a typical tumour's suppressive macrophages halve what dendritic cells bring",
            LogNormal(0.5),
            meaning="how strongly suppressive macrophages starve presentation",
        ),
        Quantity(
            "antigen_supply",
            lambda dead_cells, dead_clearance, phagocytosed, eaten_weight: (
                dead_clearance * dead_cells + eaten_weight * phagocytosed
            ),
            "Mcell/day",
            "cancer cells whose antigen dendritic cells find",
        ),
        Quantity(
            "starved",
            lambda macrophage_starving, suppressive_density: 1 / (1 + macrophage_starving * suppressive_density),
            "dimensionless",
            "share of the antigen that suppressive macrophages leave",
        ),
        Species("dendritic", "dimensionless", lambda baseline_dendritic: baseline_dendritic, "loaded dendritic cells"),
        Process(
            "dendritic_arrive",
            lambda dendritic_turnover, antigen_supply, antigen_half, starved, presentation: (
                dendritic_turnover * presentation * starved * antigen_supply / (antigen_supply + antigen_half)
            ),
            produces="dendritic",
        ),
        Process(
            "dendritic_vaccinated",
            lambda dendritic_turnover, vaccine_antigen: dendritic_turnover * vaccine_antigen,
            produces="dendritic",
        ),
        Process(
            "dendritic_lost", lambda dendritic, dendritic_turnover: dendritic_turnover * dendritic, consumes="dendritic"
        ),
        Quantity(
            "presented",
            lambda dendritic, presentation_half: dendritic / (dendritic + presentation_half),
            "dimensionless",
            "priming by the dendritic cells of the node, 0 to 1",
        ),
    ]


def _helpers() -> list:
    return [
        Parameter(
            "helper_precursors",
            0.1,
            CELLS,
            f"assumed: as many clones of helper cells as of CD8+ cells, in naive CD4+ cells of the blood ({QSP})",
            LogNormal(0.6),
            meaning="naive CD4+ T cells that can see the tumour",
        ),
        Parameter(
            "helper_burst",
            300.0,
            "dimensionless",
            "assumed: one or two divisions fewer than CD8+ cells",
            meaning="helper cells made of one primed cell",
        ),
        Parameter(
            "helper_loss", 0.03, "1/day", "assumed: helper cells live for about a month", meaning="loss of helper cells"
        ),
        Parameter(
            "helper_half",
            60.0,
            CELLS,
            "assumed: a typical patient's helper cells give about half of the help there can be",
            meaning="helper cells at which help is half of its greatest",
        ),
        Parameter(
            "helpless_share",
            0.3,
            "dimensionless",
            "assumed: priming without help is a third as strong (Janssen 2003, Nature 421:852: primed without help, "
            "CD8+ cells do not divide again)",
            meaning="priming without helper cells, relative to full help",
        ),
        Species("helper_cells", CELLS, lambda baseline_helper: baseline_helper, "tumour-specific helper T cells"),
        Process(
            "helper_primed",
            lambda helper_precursors, activation_rate, helper_burst, presented, priming: (
                helper_precursors * activation_rate * helper_burst * presented * priming
            ),
            produces="helper_cells",
        ),
        Process("helper_lost", lambda helper_cells, helper_loss: helper_loss * helper_cells, consumes="helper_cells"),
        Quantity(
            "help_given",
            lambda helper_cells, helper_half, helpless_share: (
                helpless_share + (1 - helpless_share) * helper_cells / (helper_cells + helper_half)
            ),
            "dimensionless",
            "help for priming, relative to full help",
        ),
    ]
