"""Patients with an advanced solid tumour, built from what differs between cancers: people, burden, biology.

Mutational burden, loss of an HLA allele, albumin, age and sex are those of patients treated with checkpoint inhibitors
at one cancer centre (LORIS). Burden gives T cells their precursors; cells without one HLA allele are counted among
those that T cells do not see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from opsonin.model import LogitNormal, LogNormal, Spread
from opsonin.patients import people
from opsonin.patients.indication import Indication, Variable

Derive = Callable[[dict[str, np.ndarray], np.ndarray], dict[str, np.ndarray]]
LORIS = "Chang 2024, Nat Cancer 5:1158 (LORIS: patients of one cancer centre; medians by cancer type)"
UNSEEN = 0.004  # calibrated to: most responses of melanoma and lung cancer last for years; where no HLA allele is lost
LOST = 0.15  # assumed: share of cells that T cells do not see where one is lost: a part of the antigens of all cells

# assumed: patients of these cancers die of their tumour, so that a tumour of median size makes four of five deaths, and
# who is rid of it lives on; melanoma's survival of one in three at five years needs it
BURDEN_HALF = 0.25

# calibrated to: 41 % of lung cancers with under 1 % of positive cells, 35 % with half of them or more (1032 of them, in
# LORIS); a stain is read as there or not, so that a small difference in ligand is a large one in positive cells
POSITIVE_MIDDLE, POSITIVE_SPREAD = 0.748, 0.150  # of the level's natural logarithm


class Burden(NamedTuple):
    """Mutations per megabase: median, and standard deviation of the logarithm; share of patients with HLA loss."""

    median: float
    log_spread: float
    hla_loss: float
    source: str = LORIS


def loris_albumin(mean: float, spread: float) -> Variable:
    """Albumin as in the patients of this cancer who were treated with checkpoint inhibitors at one centre, g/l."""
    return people.albumin(mean, spread, f"{LORIS}: median {mean:g}, SD {spread:g} g/l")


def log_normal(log_spread: float) -> LogNormal:
    """The log-normal whose logarithm has this standard deviation."""
    return LogNormal(float(np.sqrt(np.expm1(log_spread**2))))


def positive_percent(level: np.ndarray) -> np.ndarray:
    """Cancer cells that a pathologist calls positive for PD-L1, per cent, from its level."""
    from scipy.stats import norm

    return np.round(100 * norm.cdf((np.log(np.maximum(level, 1e-9)) - POSITIVE_MIDDLE) / POSITIVE_SPREAD), 1)


def escape_share(hla_loss: float) -> float:
    """The typical share of cells that T cells do not see, from the share of patients who have lost an HLA allele."""
    odds = [np.log(share / (1 - share)) for share in (UNSEEN, LOST)]
    middle = (1 - hla_loss) * odds[0] + hla_loss * odds[1]
    return float(1 / (1 + np.exp(-middle)))


def advanced(
    name: str,
    title: str,
    source: str,
    *,
    age: Variable,
    male: Variable,
    ecog: Variable,
    size: Variable,
    burden: Burden,
    values: Mapping[str, float | int],
    spreads: Mapping[str, Spread] | None = None,
    albumin: Variable = people.PHASE_ONE_ALBUMIN,
    body: tuple[Variable, ...] | None = None,
    derive: Derive = people.derive,
    criteria: str = "RECIST 1.1",
) -> Indication:
    """An indication of the full core.

    size: sum of target diameters.   values: typical values of parameters that are others here, beside those that follow
    from `burden`; each is explained where the indication is written.   body, derive: of adults where not given.
    """
    return Indication(
        name,
        title=title,
        source=f"{source}; {burden.source}",
        variables=(age, male, ecog, size, *(people.body(albumin) if body is None else body)),
        derive=derive,
        units=people.UNITS,
        values={
            "burden_half": BURDEN_HALF,
            "death_rate": 0.00012,
            "mutational_burden": burden.median,
            "escape_share": escape_share(burden.hla_loss),
            **values,
        },
        spreads={
            "mutational_burden": log_normal(burden.log_spread),
            "escape_share": LogitNormal(2.0),
            **(spreads or {}),
        },
        sources={
            "mutational_burden": burden.source,
            "escape_share": "calibrated to: lasting responses of melanoma and lung cancer, and the share of patients "
            f"who have lost an HLA allele, {burden.source}",
        },
        correlations=(
            *people.CORRELATIONS,
            ("nk_fitness", "frailty", -0.4),  # assumed, as in the first trial's patients
            ("net_growth_rate", "frailty", 0.3),  # assumed: fast tumours in frail patients
        ),
        columns=people.COLUMNS,
        core="full",
        criteria=criteria,
        biopsy={
            "tmb_per_mb": ("mutational_burden", lambda burden: np.round(burden, 1)),
            "pdl1_percent": ("baseline_pdl1", positive_percent),
        },
    )
