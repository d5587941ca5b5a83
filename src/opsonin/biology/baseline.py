"""Where a patient's tumour and immune system stand before treatment: every pool in balance with the tumour as it is.

Interferon γ turns macrophages and draws T cells, and T cells make it; that circle is closed by a few passes, enough
for a balance within a few per cent. The killing that results is added to the growth the patient's tumour shows.
"""

from __future__ import annotations

from opsonin.biology.baseline_rounds import (
    ROUNDS,
    entry_balance,
    helper_balance,
    primed_balance,
    round_of_balance,
    stem_balance,
)
from opsonin.biology.clones import CELLS
from opsonin.model import Derived, Module, Parameter


def baseline() -> Module:
    """The immune system at baseline, as initial values of its cells."""
    return Module(
        "baseline",
        [
            Parameter(
                "disease_age",
                365.0,
                "day",
                "assumed: a year of immune answer before the trial",
                meaning="time over which memory was made",
            ),
            Parameter(
                "interferon_reference_level",
                1.0,
                "dimensionless",
                "assumed: where the circle is begun, at a typical tumour's level",
                meaning="interferon γ of the first round",
            ),
            Derived(
                "baseline_supply",
                lambda macrophage_supply, baseline_cells, cell_density, smallest_site, baseline_volume: (
                    macrophage_supply * (baseline_cells / cell_density + smallest_site) / baseline_volume
                ),
                "Mcell/ml/day",
                "monocytes that enter a volume of tumour",
            ),
            Derived("baseline_entry_limit", _entry_limit, "1/day", "entry of T cells with plenty of chemokine"),
            Derived("baseline_load", _load, "dimensionless", "how plentiful antigen is"),
            Derived("baseline_burst", _burst, "dimensionless", "cells made of one primed cell"),
            Derived("baseline_antigen", _antigen, "dimensionless", "saturation of dendritic cells by antigen"),
            Derived("baseline_offspring", _offspring, "dimensionless", "effectors that each stem-like cell comes to"),
            Derived("baseline_settled", _settled, "dimensionless", "resident memory beside each effector"),
            Derived(
                "baseline_effector_loss", _effector_loss, "1/day", "loss of effectors, by growth of the tumour too"
            ),
            *(quantity for number in range(1, ROUNDS + 1) for quantity in round_of_balance(number)),
            Derived("baseline_suppressive", _suppressive_cells, CELLS, "suppressive macrophages"),
            Derived("baseline_inflammatory", _inflammatory_cells, CELLS, "inflammatory macrophages"),
            Derived("baseline_dendritic", _dendritic, "dimensionless", "loaded dendritic cells of the node"),
            Derived("baseline_presented", _presented, "dimensionless", "priming by them"),
            Derived("baseline_helper", helper_balance, CELLS, "helper cells"),
            Derived("baseline_primed", primed_balance, "Mcell/day", "effectors made in the node"),
            Derived(
                "baseline_cd8_node",
                lambda baseline_primed, node_exit: baseline_primed / node_exit,
                CELLS,
                "activated cells of the node",
            ),
            Derived("baseline_cd8_memory", _memory, CELLS, "central memory"),
            Derived("baseline_entry", entry_balance, "1/day", "entry of T cells into the tumour"),
            Derived("baseline_stem_kept", stem_balance, "dimensionless", "share of entering cells that stay stem-like"),
            Derived("baseline_cd8_blood", _blood, CELLS, "effectors of the blood"),
            Derived("baseline_cd8_stem", _stem, CELLS, "stem-like cells"),
            Derived("baseline_cd8_effector", _effector, CELLS, "effectors of the tumour"),
            Derived("baseline_cd8_exhausted", _exhausted, CELLS, "exhausted cells"),
            Derived(
                "baseline_cd8_resident",
                lambda baseline_settled, baseline_cd8_effector: baseline_settled * baseline_cd8_effector,
                CELLS,
                "tissue-resident memory",
            ),
            Derived("baseline_pdl1", _pdl1, "dimensionless", "PD-L1"),
            Derived("baseline_suppression", _suppression, "dimensionless", "share of killing that suppression leaves"),
            Derived("baseline_t_kill", _t_kill, "1/day", "killing by T cells"),
            Derived("baseline_nk_kill", _nk_kill, "1/day", "killing by natural killer cells"),
            Derived("baseline_macrophage_kill", _macrophage_kill, "1/day", "killing by macrophages"),
            Derived("baseline_kill", _kill, "1/day", "immune killing, over all cancer cells"),
        ],
        title="The immune system before treatment",
        source="balances of the processes of the other modules",
    )


def _entry_limit(entry_rate, access, baseline_volume, entry_volume):
    return entry_rate * access * baseline_volume / (baseline_volume + entry_volume)


def _load(baseline_cells, escape_share, exhausting_cells):
    seen = baseline_cells * (1 - escape_share)
    return seen / (seen + exhausting_cells)


def _burst(burst_divisions, ctla4_divisions):
    return 2 ** (burst_divisions - ctla4_divisions)


def _antigen(natural_death, baseline_cells, antigen_half):
    return natural_death * baseline_cells / (natural_death * baseline_cells + antigen_half)


def _offspring(stem_division, stem_loss, net_growth_rate, baseline_load):
    return stem_division * baseline_load / (stem_loss + net_growth_rate)


def _settled(effector_loss, resident_share, baseline_load, resident_loss, resident_recall, net_growth_rate):
    """Resident memory beside each effector, once both grow with the tumour."""
    return resident_share * effector_loss / (resident_loss + resident_recall * baseline_load + net_growth_rate)


def _effector_loss(
    effector_loss,
    exhaustion_rate,
    baseline_load,
    net_growth_rate,
    resident_recall,
    resident_burst,
    baseline_settled,
):
    lost = effector_loss + exhaustion_rate * baseline_load + net_growth_rate
    return lost - resident_burst * resident_recall * baseline_load * baseline_settled


def _suppressive_cells(
    baseline_supply,
    baseline_volume,
    macrophage_loss,
    suppressive_turn,
    inflammatory_turn,
    baseline_interferon,
    turn_interferon_half,
):
    turn = inflammatory_turn * baseline_interferon / (baseline_interferon + turn_interferon_half)
    return (
        baseline_supply
        * baseline_volume
        / macrophage_loss
        * suppressive_turn
        / (suppressive_turn + macrophage_loss + turn)
    )


def _inflammatory_cells(baseline_supply, baseline_volume, macrophage_loss, baseline_suppressive):
    return baseline_supply * baseline_volume / macrophage_loss - baseline_suppressive


def _dendritic(baseline_antigen, macrophage_starving, baseline_suppressive, baseline_volume, macrophage_reference):
    return baseline_antigen / (
        1 + macrophage_starving * baseline_suppressive / (baseline_volume * macrophage_reference)
    )


def _presented(baseline_dendritic, presentation_half):
    return baseline_dendritic / (baseline_dendritic + presentation_half)


def _memory(memory_share, baseline_primed, disease_age):
    return memory_share * baseline_primed * disease_age


def _blood(baseline_primed, blood_loss, baseline_entry):
    return baseline_primed / (blood_loss + baseline_entry)


def _stem(baseline_cd8_blood, baseline_entry, baseline_stem_kept, stem_loss, net_growth_rate):
    return baseline_cd8_blood * baseline_entry * baseline_stem_kept / (stem_loss + net_growth_rate)


def _effector(
    baseline_cd8_blood,
    baseline_entry,
    baseline_stem_kept,
    baseline_cd8_stem,
    stem_division,
    baseline_load,
    baseline_effector_loss,
):
    made = (
        baseline_cd8_blood * baseline_entry * (1 - baseline_stem_kept)
        + stem_division * baseline_load * baseline_cd8_stem
    )
    return made / baseline_effector_loss


def _exhausted(baseline_cd8_effector, exhaustion_rate, baseline_load, exhausted_loss, net_growth_rate):
    return baseline_cd8_effector * exhaustion_rate * baseline_load / (exhausted_loss + net_growth_rate)


def _pdl1(pdl1_own, pdl1_induced, baseline_interferon, pdl1_interferon_half):
    return pdl1_own + pdl1_induced * baseline_interferon / (baseline_interferon + pdl1_interferon_half)


def _suppression(
    treg_weight,
    treg_level,
    mdsc_weight,
    mdsc_level,
    macrophage_weight,
    baseline_suppressive,
    baseline_volume,
    macrophage_reference,
):
    dense = baseline_suppressive / (baseline_volume * macrophage_reference)
    return 1 / (1 + treg_weight * treg_level + mdsc_weight * mdsc_level + macrophage_weight * dense)


def _t_kill(
    t_kill_rate,
    t_kill_ratio,
    baseline_pdl1,
    pd1_half,
    baseline_suppression,
    baseline_cd8_effector,
    baseline_cd8_exhausted,
    baseline_cd8_resident,
    exhausted_strength,
    resident_strength,
    baseline_cells,
    baseline_volume,
    search_density,
    smallest_site,
):
    killers = (
        baseline_cd8_effector + exhausted_strength * baseline_cd8_exhausted + resident_strength * baseline_cd8_resident
    )
    free = pd1_half / (baseline_pdl1 + pd1_half)
    needed = t_kill_ratio * baseline_cells + search_density * (baseline_volume + smallest_site)
    return t_kill_rate * free * baseline_suppression * killers / (killers + needed)


def _nk_kill(nk_kill_rate, nk_kill_half, dim_baseline, hladr_share):
    active = dim_baseline * hladr_share
    return nk_kill_rate * active / (nk_kill_half + active)


def _macrophage_kill(
    eating_rate,
    eating_density,
    cd47_signal,
    baseline_inflammatory,
    baseline_suppressive,
    suppressive_appetite,
    baseline_volume,
    smallest_site,
):
    eaters = baseline_inflammatory + suppressive_appetite * baseline_suppressive
    return eating_rate / (1 + cd47_signal) * eaters / (eaters + eating_density * (baseline_volume + smallest_site))


def _kill(baseline_t_kill, baseline_nk_kill, baseline_macrophage_kill, escape_share, escape_visibility, missing_self):
    seen = baseline_t_kill + baseline_nk_kill
    unseen = escape_visibility * baseline_t_kill + missing_self * baseline_nk_kill
    return (1 - escape_share) * seen + escape_share * unseen + baseline_macrophage_kill
