"""CD8+ T cells specific for the tumour before they get there: primed in the lymph node, recalled, in blood."""

from __future__ import annotations

from opsonin.biology.clone_numbers import QSP
from opsonin.biology.clones import CELLS
from opsonin.model import (
    Assay,
    Derived,
    LogitNormal,
    LogNormal,
    Observable,
    Parameter,
    Process,
    Quantity,
    Species,
)


def primed_cells() -> list:
    """Precursors, priming in the node, central memory."""
    return [
        Parameter(
            "mutational_burden",
            5.0,
            "mutations/megabase",
            "Chang 2024, Nat Cancer 5:1158 (medians of 3.5 to 11 in most cancers treated with checkpoint blockade); "
            "each indication has its own",
            LogNormal(1.0),
            lower=0.1,
            upper=300,
            meaning="somatic mutations of the tumour",
        ),
        Parameter(
            "precursors_per_mutation",
            0.028,
            "Mcell/(mutations/megabase)",
            f"assumed: at 5 mutations per megabase 63 clones (Morisaki 2021, Cancers 13:4364, {QSP}) of the 1.1 "
            "million into which 2.5e9 naive CD8+ cells of the blood are divided (Robins 2009, Blood 114:4099)",
            LogNormal(0.7),
            meaning="naive CD8+ T cells that can see the tumour, for each mutation per megabase",
        ),
        Derived(
            "specific_precursors",
            lambda mutational_burden, precursors_per_mutation: mutational_burden * precursors_per_mutation,
            CELLS,
            "naive CD8+ T cells that can see the tumour",
        ),
        Observable(
            "mutational burden",
            "measurements",
            lambda mutational_burden: mutational_burden,
            "mutations/megabase",
            Assay(cv=0.1, source="assumed: a panel of 500 genes counts within a tenth"),
            compartment="tumour",
            panel="tumour",
            meaning="mutational burden by panel sequencing",
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
            lambda cd8_node, node_exit, memory_share, memory_formation: (
                memory_share * memory_formation * node_exit * cd8_node
            ),
            produces="cd8_memory",
        ),
        Process("memory_lost", lambda cd8_memory, memory_loss: memory_loss * cd8_memory, consumes="cd8_memory"),
    ]


def circulating_cells() -> list:
    """Effectors of the blood and their way into the tumour."""
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
            0.2,
            "dimensionless",
            "assumed: one entering cell in five finds a niche that keeps it stem-like in an inflamed tumour, one in "
            "ten in a typical one",
            LogitNormal(0.8),
            meaning="share of entering cells that stay stem-like in an inflamed tumour",
        ),
        Quantity(
            "stem_kept",
            lambda stem_share, chemokine: stem_share * chemokine,
            "dimensionless",
            "share of entering cells that stay stem-like: in niches of antigen-presenting cells, which a tumour "
            "without T cells lacks (Jansen 2019, Nature 576:465), so that they follow interferon γ as chemokines do",
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
            lambda cd8_blood, entry, stem_kept: entry * stem_kept * cd8_blood,
            consumes="cd8_blood",
            produces="cd8_stem",
        ),
        Process(
            "cd8_enter_effector",
            lambda cd8_blood, entry, stem_kept: entry * (1 - stem_kept) * cd8_blood,
            consumes="cd8_blood",
            produces="cd8_effector",
        ),
    ]
