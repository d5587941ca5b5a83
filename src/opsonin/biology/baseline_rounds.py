"""The circle of T cells and interferon γ at baseline, closed by a few rounds from a typical level."""

from __future__ import annotations

from opsonin.biology.clones import CELLS
from opsonin.model import Derived, laws

ROUNDS = 4  # then the level moves by less than a few per cent


def round_of_balance(number: int) -> list[Derived]:
    """One round of the circle: from a level of interferon γ to the level that the T cells it leads to would make."""
    before = "interferon_reference_level" if number == 1 else f"interferon_{number - 1}"
    primed, helper = f"primed_{number}", f"helper_{number}"
    what = f"of round {number} towards the balance at baseline"
    return [
        Derived(
            f"presented_{number}",
            laws.reading(
                _presented_at,
                before,
                "baseline_supply",
                "macrophage_loss",
                "suppressive_turn",
                "inflammatory_turn",
                "turn_interferon_half",
                "macrophage_reference",
                "macrophage_starving",
                "baseline_antigen",
                "presentation_half",
            ),
            "dimensionless",
            f"priming {what}",
        ),
        Derived(
            helper,
            laws.reading(
                helper_balance,
                "helper_precursors",
                "activation_rate",
                "helper_burst",
                f"presented_{number}",
                "helper_loss",
            ),
            CELLS,
            f"helper cells {what}",
        ),
        Derived(
            primed,
            laws.reading(
                primed_balance,
                "specific_precursors",
                "activation_rate",
                "baseline_burst",
                f"presented_{number}",
                helper,
                "helper_half",
                "helpless_share",
            ),
            "Mcell/day",
            f"effectors made in the node {what}",
        ),
        Derived(
            f"entry_{number}",
            laws.reading(entry_balance, "baseline_entry_limit", "chemokine_floor", before),
            "1/day",
            f"entry of T cells {what}",
        ),
        Derived(
            f"interferon_{number}" if number < ROUNDS else "baseline_interferon",
            laws.reading(
                _interferon_of,
                primed,
                helper,
                f"entry_{number}",
                before,
                "chemokine_floor",
                "blood_loss",
                "stem_share",
                "baseline_offspring",
                "baseline_effector_loss",
                "helper_interferon",
                "baseline_volume",
                "interferon_reference",
            ),
            "dimensionless",
            f"interferon γ {what}",
        ),
    ]


def _presented_at(
    level, supply, loss, suppressive, inflammatory, half, reference, starving, antigen, presentation_half
):
    turn = inflammatory * level / (level + half)
    dense = supply / loss * suppressive / (suppressive + loss + turn) / reference
    dendritic = antigen / (1 + starving * dense)
    return dendritic / (dendritic + presentation_half)


def _interferon_of(
    primed,
    helper,
    entry,
    level,
    floor,
    blood_loss,
    stem_share,
    offspring,
    lost,
    helper_interferon,
    volume,
    reference,
):
    kept = stem_balance(stem_share, floor, level)
    effectors = primed * entry / (blood_loss + entry) * (1 - kept + kept * offspring) / lost
    return (effectors + helper_interferon * helper) / (volume * reference)


def helper_balance(helper_precursors, activation_rate, helper_burst, baseline_presented, helper_loss):
    """Helper cells in balance with priming."""
    return helper_precursors * activation_rate * helper_burst * baseline_presented / helper_loss


def primed_balance(
    specific_precursors,
    activation_rate,
    baseline_burst,
    baseline_presented,
    baseline_helper,
    helper_half,
    helpless_share,
):
    """Effectors made in the node a day."""
    given = helpless_share + (1 - helpless_share) * baseline_helper / (baseline_helper + helper_half)
    return specific_precursors * activation_rate * baseline_burst * baseline_presented * given


def entry_balance(baseline_entry_limit, chemokine_floor, baseline_interferon):
    """Entry of T cells at a level of interferon γ."""
    return stem_balance(baseline_entry_limit, chemokine_floor, baseline_interferon)


def stem_balance(stem_share, chemokine_floor, baseline_interferon):
    """The share of entering cells that stay stem-like at a level of interferon γ."""
    return stem_share * (chemokine_floor + (1 - chemokine_floor) * baseline_interferon / (1 + baseline_interferon))
