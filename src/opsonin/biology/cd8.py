"""CD8+ T cells specific for the tumour: primed in the lymph node, in blood, in the tumour, and as memory.

In the tumour, stem-like cells (TCF7+) renew themselves and give effectors by asymmetric division; effectors kill, and
wear out under lasting antigen; where antigen is scarce, they become tissue-resident memory. A block of the PD-1 brake
lets effectors kill and stem-like cells divide more (Im 2016, Nature 537:417; Siddiqui 2019, Immunity 50:195).
"""

from __future__ import annotations

from opsonin.biology.cd8_cytokines import cytokine_division
from opsonin.biology.cd8_priming import circulating_cells, primed_cells
from opsonin.biology.clone_numbers import QSP
from opsonin.biology.clones import CELLS
from opsonin.model import LogNormal, Module, Parameter, Process, Quantity, Species

_IM = "Im 2016, Nature 537:417 (the proliferative burst after PD-1 blockade comes from TCF1+ cells)"


def cd8_cells() -> Module:
    """Priming, trafficking, killing, exhaustion and memory of CD8+ T cells."""
    return Module(
        "CD8 T cells",
        [*primed_cells(), *circulating_cells(), *_fate(), *cytokine_division(), *_killing()],
        title="Tumour-specific CD8+ T cells",
        source=f"{_IM}; Siddiqui 2019, Immunity 50:195; {QSP}",
    )


def _fate() -> list:
    return [
        Parameter(
            "stem_loss",
            0.005,
            "1/day",
            "assumed: stem-like cells renew themselves and last for months, in niches of antigen-presenting cells "
            "(Jansen 2019, Nature 576:465)",
            LogNormal(0.5),
            meaning="loss of stem-like cells",
        ),
        Parameter(
            "stem_division",
            0.3,
            "1/day",
            "assumed: a division a month, as most stem-like cells rest until a drug releases them, whose offspring "
            "divides three times more before it is spent; so a tenth of a tumour's specific CD8+ cells is stem-like",
            LogNormal(0.2),
            meaning="effectors made by a stem-like cell a day while PD-1 holds it as before treatment",
        ),
        Parameter(
            "effector_loss",
            0.05,
            "1/day",
            "assumed: effectors live for about three weeks",
            meaning="death of effectors",
        ),
        Parameter(
            "exhaustion_rate",
            0.10,
            "1/day",
            f"{QSP}, estimated there; spread assumed",
            LogNormal(0.5),
            meaning="exhaustion of effectors under plentiful antigen",
        ),
        Parameter(
            "exhausting_cells",
            100.0,
            CELLS,
            "assumed: tumours above about half a millilitre exhaust their T cells",
            meaning="cancer cells at which exhaustion is half of its greatest",
        ),
        Parameter(
            "exhausted_loss",
            0.08,
            "1/day",
            "assumed: terminally exhausted cells live for two weeks and do not renew themselves",
            meaning="death of exhausted cells",
        ),
        Parameter(
            "resident_share",
            0.3,
            "dimensionless",
            "assumed: of effectors at the end of their life three in ten stay as resident memory, so that a tenth of a "
            "tumour's specific CD8+ cells is resident. Thought to be the lower end of what biopsies of lung cancers "
            "show (CD103+, one to three in ten or more: Djenidi 2015, J Immunol 194:3475; Ganesan 2017, Nat Immunol "
            "18:940), but only abstracts could be read, which give no share",
            meaning="share of effectors at the end of their life that settle as resident memory",
        ),
        Parameter(
            "resident_loss",
            0.0015,
            "1/day",
            "assumed: a half-life of a year and more (Bartolomé-Casado 2019, J Exp Med 216:2412: resident CD8+ "
            "cells of the gut persist for more than a year)",
            meaning="loss of resident memory",
        ),
        Parameter(
            "resident_recall",
            0.02,
            "1/day",
            "assumed: resident memory kills where it is and slowly turns to effectors; faster, and a tumour would hold "
            "hardly any of it",
            meaning="resident memory that turns to effectors under plentiful antigen",
        ),
        Parameter(
            "resident_burst",
            4.0,
            "dimensionless",
            "assumed: two divisions. Under plentiful antigen a recalled cell leaves 4 × 0.3 × 0.05 / (0.05 + "
            "exhaustion_rate) resident cells: 0.4 at the usual 0.1/day, 0.8 at a quarter of it, the least that a "
            "bundled study asks about in a typical patient. Without exhaustion it is 1.2, and memory feeds on itself "
            "while antigen lasts, below about 0.006/day, where resident_loss no longer makes up for it",
            meaning="effectors made of one recalled resident cell",
        ),
        Quantity(
            "antigen_load",
            lambda clone_antigen, persisters, exhausting_cells: (
                (clone_antigen + persisters) / (clone_antigen + persisters + exhausting_cells)
            ),
            "dimensionless",
            "how plentiful antigen is in the tumour, 0 to 1",
        ),
        Species("cd8_stem", CELLS, lambda baseline_cd8_stem: baseline_cd8_stem, "stem-like cells", scale=1.0),
        Species(
            "cd8_effector", CELLS, lambda baseline_cd8_effector: baseline_cd8_effector, "effector cells", scale=1.0
        ),
        Species(
            "cd8_exhausted", CELLS, lambda baseline_cd8_exhausted: baseline_cd8_exhausted, "exhausted cells", scale=1.0
        ),
        Species(
            "cd8_resident",
            CELLS,
            lambda baseline_cd8_resident: baseline_cd8_resident,
            "tissue-resident memory",
            scale=1.0,
        ),
        Process(
            "stem_gives_effectors",
            lambda cd8_stem, stem_division, pd1_release, antigen_load: (
                stem_division * pd1_release * antigen_load * cd8_stem
            ),
            produces="cd8_effector",
            meaning="asymmetric: the stem-like cell stays",
        ),
        Process("stem_lost", lambda cd8_stem, stem_loss: stem_loss * cd8_stem, consumes="cd8_stem"),
        Process(
            "effector_ends",
            lambda cd8_effector, effector_loss: effector_loss * cd8_effector,
            consumes="cd8_effector",
            meaning="death, or settling as resident memory",
        ),
        Process(
            "effector_settles",
            lambda cd8_effector, effector_loss, resident_share, memory_formation: (
                resident_share * memory_formation * effector_loss * cd8_effector
            ),
            produces="cd8_resident",
            meaning="of those that end",
        ),
        Process(
            "effector_exhausted",
            lambda cd8_effector, exhaustion_rate, exhaustion, antigen_load: (
                exhaustion_rate * exhaustion * antigen_load * cd8_effector
            ),
            consumes="cd8_effector",
            produces="cd8_exhausted",
        ),
        Process(
            "exhausted_lost",
            lambda cd8_exhausted, exhausted_loss: exhausted_loss * cd8_exhausted,
            consumes="cd8_exhausted",
        ),
        Process(
            "resident_recalled",
            lambda cd8_resident, resident_recall, antigen_load: resident_recall * antigen_load * cd8_resident,
            consumes="cd8_resident",
            produces={"cd8_effector": lambda resident_burst: resident_burst},
            meaning="resident memory turns to effectors when antigen comes back",
        ),
        Process(
            "resident_lost",
            lambda cd8_resident, resident_loss: resident_loss * cd8_resident,
            consumes="cd8_resident",
        ),
    ]


def _killing() -> list:
    return [
        Parameter(
            "t_kill_rate",
            0.9,
            "1/day",
            f"Robertson-Tessi 2012, J Theor Biol 294:56, {QSP}; spread assumed",
            LogNormal(0.5),
            meaning="killing where T cells abound and nothing holds them back",
        ),
        Parameter(
            "t_kill_ratio",
            0.45,
            "dimensionless",
            f"assumed: a third of 1.2 ({QSP}, from Robertson-Tessi 2012), as only specific cells are counted here",
            meaning="effectors to cancer cells at which killing is half of its greatest",
        ),
        Parameter(
            "search_density",
            0.3,
            "Mcell/ml",
            "assumed: a T cell that moves 7 µm a minute (Boissonnas 2007, J Exp Med 204:345, for the order) and "
            "touches what lies within 10 µm searches 0.0032 µl a day, so that 300 in a µl meet each cell about once "
            "a day; scarcity hides the last cells (Goddard 2024, Cancer Cell 42:119)",
            meaning="density of T cells at which each finds half as many of a few cancer cells as it could kill",
        ),
        Parameter(
            "exhausted_strength",
            0.1,
            "dimensionless",
            "assumed: exhausted cells keep a tenth of their killing",
            meaning="killing by an exhausted cell relative to an effector",
        ),
        Parameter(
            "resident_strength",
            0.5,
            "dimensionless",
            "assumed: resident memory kills half as well as effectors",
            meaning="killing by a resident memory cell relative to an effector",
        ),
        Quantity(
            "killers",
            lambda cd8_effector, cd8_exhausted, cd8_resident, exhausted_strength, resident_strength: (
                cd8_effector + exhausted_strength * cd8_exhausted + resident_strength * cd8_resident
            ),
            CELLS,
            "T cells that kill, in effectors",
        ),
        Quantity("t_kill", _kill, "1/day", "killing of cancer cells by T cells"),
    ]


def _kill(
    t_kill_rate,
    t_kill_ratio,
    search_density,
    t_killing,
    killers,
    tumour_cells,
    site_volume,
    pd1_brake,
    suppression,
    few_cells,
):
    """Held back by too many cancer cells for each T cell, and by too few T cells to find the last cancer cells."""
    needed = t_kill_ratio * (tumour_cells + few_cells) + search_density * site_volume
    return t_kill_rate * t_killing * (1 - pd1_brake) * suppression * killers / (killers + needed)
