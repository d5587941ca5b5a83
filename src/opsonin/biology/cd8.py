"""CD8+ T cells specific for the tumour: primed in the lymph node, in blood, in the tumour, and as memory.

In the tumour, stem-like cells (TCF7+) renew themselves and give effectors by asymmetric division; effectors kill, and
wear out under lasting antigen; where antigen is scarce, they become tissue-resident memory. A block of the PD-1 brake
lets effectors kill and stem-like cells divide more (Im 2016, Nature 537:417; Siddiqui 2019, Immunity 50:195).
"""

from __future__ import annotations

from opsonin.biology.clones import CELLS, QSP
from opsonin.model import LogitNormal, LogNormal, Module, Parameter, Process, Quantity, Species

_IM = "Im 2016, Nature 537:417 (the proliferative burst after PD-1 blockade comes from TCF1+ cells)"


def cd8_cells() -> Module:
    """Priming, trafficking, killing, exhaustion and memory of CD8+ T cells."""
    return Module(
        "CD8 T cells",
        [*_priming(), *_traffic(), *_fate(), *_killing()],
        title="Tumour-specific CD8+ T cells",
        source=f"{_IM}; Siddiqui 2019, Immunity 50:195; {QSP}",
    )


def _priming() -> list:
    return [
        Parameter(
            "specific_precursors",
            0.14,
            CELLS,
            f"assumed: 63 clones (Morisaki 2021, Cancers 13:4364, {QSP}) of the 1.1 million into which 2.5e9 naive "
            "CD8+ cells of the blood are divided (Robins 2009, Blood 114:4099); spread: tumours differ",
            LogNormal(1.0),
            lower=0.002,
            upper=10,
            meaning="naive CD8+ T cells that can see the tumour",
        ),
        Parameter(
            "activation_rate",
            0.3,
            "1/day",
            "assumed: at full presentation a naive cell meets a dendritic cell that shows its antigen within days",
            meaning="activation of naive cells at full presentation",
        ),
        Parameter(
            "burst_divisions",
            11.0,
            "dimensionless",
            "assumed: more than the seven divisions that priming starts by itself (Kaech 2001, Nat Immunol 2:415)",
            meaning="divisions of a primed cell when CTLA-4 does not hold it back",
        ),
        Parameter(
            "ctla4_divisions",
            1.5,
            "dimensionless",
            "assumed: CTLA-4 costs one to two of them, so that its block multiplies priming about threefold",
            LogNormal(0.3),
            meaning="divisions that CTLA-4 costs",
        ),
        Parameter(
            "node_exit",
            0.3,
            "1/day",
            "assumed: three days of division before activated cells leave the lymph node",
            meaning="rate at which activated cells leave the node",
        ),
        Parameter(
            "recall_rate",
            0.02,
            "1/day",
            "assumed: memory cells answer again at full presentation, slowly enough not to feed on themselves",
            meaning="effectors made by a memory cell at full presentation",
        ),
        Quantity(
            "burst",
            lambda burst_divisions, ctla4_divisions, ctla4_free: 2 ** (burst_divisions - ctla4_divisions * ctla4_free),
            "dimensionless",
            "cells made of one primed cell",
        ),
        Species(
            "cd8_node", CELLS, lambda baseline_cd8_node: baseline_cd8_node, "activated cells of the node", scale=1.0
        ),
        Species("cd8_memory", CELLS, lambda baseline_cd8_memory: baseline_cd8_memory, "central memory", scale=1.0),
        Process(
            "cd8_primed",
            lambda specific_precursors, activation_rate, burst, presented, help_given, priming: (
                specific_precursors * activation_rate * burst * presented * help_given * priming
            ),
            produces="cd8_node",
        ),
        Process(
            "cd8_recalled",
            lambda cd8_memory, recall_rate, presented: recall_rate * presented * cd8_memory,
            produces="cd8_node",
        ),
        Process(
            "cd8_leave_node",
            lambda cd8_node, node_exit: node_exit * cd8_node,
            consumes="cd8_node",
            produces="cd8_blood",
        ),
        Parameter(
            "memory_share",
            0.02,
            "dimensionless",
            "assumed: a few of a hundred effectors survive as memory (5 to 10 % after infection, fewer in cancer)",
            meaning="memory cells made for each effector that leaves the node",
        ),
        Parameter(
            "memory_loss",
            0.0005,
            "1/day",
            "assumed: a half-life of four years (human memory to vaccinia: 8 to 15 years, Hammarlund 2003, "
            "Nat Med 9:1131; shorter in cancer)",
            meaning="loss of central memory",
        ),
        Process(
            "memory_made",
            lambda cd8_node, node_exit, memory_share: memory_share * node_exit * cd8_node,
            produces="cd8_memory",
        ),
        Process("memory_lost", lambda cd8_memory, memory_loss: memory_loss * cd8_memory, consumes="cd8_memory"),
    ]


def _traffic() -> list:
    return [
        Parameter(
            "blood_loss",
            0.25,
            "1/day",
            "assumed: effectors leave the blood for tissues or die within days",
            meaning="loss of effectors from blood to all other tissues",
        ),
        Parameter(
            "entry_rate",
            0.25,
            "1/day",
            "assumed: a large tumour without a barrier draws as many effectors as all other tissues together",
            meaning="entry into a large tumour without a barrier",
        ),
        Parameter(
            "entry_volume",
            30.0,
            "ml",
            "assumed: a small tumour's few vessels let few cells in",
            meaning="tumour volume at which entry is half of its greatest",
        ),
        Parameter(
            "access",
            0.35,
            "dimensionless",
            "assumed: between inflamed tumours and those whose T cells stay at the margin or outside; about a third "
            "of tumours are inflamed (Hegde 2016, Clin Cancer Res 22:1865)",
            LogitNormal(1.6),
            meaning="how far T cells get in: 1 without a barrier, 0 excluded",
        ),
        Parameter(
            "stem_share",
            0.10,
            "dimensionless",
            "assumed: one entering cell in ten keeps TCF7",
            LogitNormal(0.5),
            meaning="share of entering cells that are stem-like",
        ),
        Species("cd8_blood", CELLS, lambda baseline_cd8_blood: baseline_cd8_blood, "effectors in blood", scale=1.0),
        Quantity(
            "entry",
            lambda entry_rate, access, infiltration, site_volume, entry_volume, chemokine: (
                entry_rate * access * infiltration * chemokine * site_volume / (site_volume + entry_volume)
            ),
            "1/day",
            "entry of T cells from blood into the tumour",
        ),
        Process("cd8_lost_from_blood", lambda cd8_blood, blood_loss: blood_loss * cd8_blood, consumes="cd8_blood"),
        Process(
            "cd8_enter_stem",
            lambda cd8_blood, entry, stem_share: entry * stem_share * cd8_blood,
            consumes="cd8_blood",
            produces="cd8_stem",
        ),
        Process(
            "cd8_enter_effector",
            lambda cd8_blood, entry, stem_share: entry * (1 - stem_share) * cd8_blood,
            consumes="cd8_blood",
            produces="cd8_effector",
        ),
    ]


def _fate() -> list:
    return [
        Parameter(
            "stem_loss",
            0.02,
            "1/day",
            "assumed: stem-like cells of a tumour persist for weeks to months",
            meaning="loss of stem-like cells",
        ),
        Parameter(
            "stem_division",
            3.0,
            "1/day",
            "assumed: a division every two or three days, whose offspring divides three times more before it is spent",
            LogNormal(0.4),
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
            0.03,
            "1/day",
            "assumed: terminally exhausted cells live for a month",
            meaning="death of exhausted cells",
        ),
        Parameter(
            "residency_rate",
            0.02,
            "1/day",
            "assumed: effectors settle as resident memory where antigen is scarce",
            meaning="effectors that become resident memory where antigen is scarce",
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
            0.2,
            "1/day",
            "assumed: resident memory answers within days",
            meaning="resident memory that turns to effectors under plentiful antigen",
        ),
        Parameter(
            "resident_burst",
            4.0,
            "dimensionless",
            "assumed: two divisions; fewer effectors than it takes to leave as many resident cells again, so that "
            "memory does not feed on itself",
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
        Species("cd8_resident", CELLS, 0.0, "tissue-resident memory", scale=1.0),
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
            "effector_lost", lambda cd8_effector, effector_loss: effector_loss * cd8_effector, consumes="cd8_effector"
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
            "effector_settles",
            lambda cd8_effector, residency_rate, antigen_load: residency_rate * (1 - antigen_load) * cd8_effector,
            consumes="cd8_effector",
            produces="cd8_resident",
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
        Quantity(
            "t_kill",
            lambda t_kill_rate, t_kill_ratio, t_killing, killers, tumour_cells, pd1_brake, suppression, few_cells: (
                t_kill_rate
                * t_killing
                * (1 - pd1_brake)
                * suppression
                * killers
                / (killers + t_kill_ratio * (tumour_cells + few_cells))
            ),
            "1/day",
            "killing of cancer cells by T cells",
        ),
    ]
