"""Covariates that patients of every indication have: age, sex, size, performance status, albumin, target lesions.

Names, scores and formulas are the same everywhere, so that a patient of one indication differs from the same patient of
another only where the indications do.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from opsonin.model import LogNormal
from opsonin.patients.indication import Variable

SMALLEST_MM = 10.0  # RECIST 1.1 measures no smaller lesion
LESION_NAMES = tuple(f"lesion_{k}" for k in range(1, 6))
UNITS: Mapping[str, str] = {
    "weight_kg": "kg",
    "height_cm": "cm",
    "bsa_m2": "m**2",
    **dict.fromkeys(LESION_NAMES, "mm"),
}
COLUMNS = (
    "age_years",
    "sex",
    "weight_kg",
    "height_cm",
    "ecog",
    "bsa_m2",
    "albumin_g_per_l",
    "aag_g_per_l",
    "sum_of_diameters_mm",
    "target_lesions",
)
CORRELATIONS = (
    ("albumin_g_per_l", "aag_g_per_l", -0.4),  # assumed: the acute phase lowers one and raises the other
    ("albumin_g_per_l", "ecog", -0.3),  # assumed
    ("sum_of_diameters_mm", "lesion_count", 0.5),  # assumed: more lesions, larger sum
    ("sum_of_diameters_mm", "albumin_g_per_l", -0.2),  # assumed
)
_DELBALDO = "Delbaldo 2006, Clin Cancer Res 12:6073 (reference 1.15 g/l in 35 patients with GIST); spread assumed"
_LESION_CUTS = (-0.8416, -0.0502, 0.5828, 1.1750)  # normal quantiles of 20, 48, 72 and 88 %


def age(median: float, spread: float, source: str, youngest: float = 18, oldest: float = 90) -> Variable:
    """Age in years, normal around the median."""
    return Variable("age_years", "year", lambda z: median + spread * z, source, youngest, oldest, "age")


def male(share: float, source: str) -> Variable:
    """1 for men."""
    from scipy.stats import norm

    cut = float(norm.ppf(share))
    return Variable("male", "dimensionless", lambda z: (z < cut).astype(float), source, meaning="1 for men")


def ecog(zero: float, one: float, source: str) -> Variable:
    """Performance status 0, 1 or 2, by the shares of 0 and of 1; nobody has 2 where those add up to one."""
    from scipy.stats import norm

    cuts = [float(norm.ppf(zero)), float(norm.ppf(min(zero + one, 1.0)))]
    return Variable(
        "ecog",
        "dimensionless",
        lambda z: np.searchsorted(cuts, z).astype(float),
        source,
        meaning="performance status",
    )


def sum_of_diameters(median: float, log_spread: float, source: str, largest: float = 400) -> Variable:
    """Sum of target diameters in mm, log-normal around the median."""
    return Variable(
        "sum_of_diameters_mm",
        "mm",
        lambda z: median * np.exp(log_spread * z),
        source,
        12,
        largest,
        "sum of target diameters",
    )


def albumin(mean: float, spread: float, source: str) -> Variable:
    """Serum albumin in g/l, normal around the mean."""
    return Variable("albumin_g_per_l", "g/l", lambda z: mean + spread * z, source, 20, 52, "serum albumin")


PHASE_ONE_ALBUMIN = albumin(
    38, 5, "assumed: mean 38, SD 5 g/l, as in phase I trials (Arkenau 2008, Br J Cancer 98:1029)"
)


def body(albumin: Variable = PHASE_ONE_ALBUMIN) -> tuple[Variable, ...]:
    """Height, body mass index, albumin, α1-acid glycoprotein and number of lesions of adults."""
    return (
        Variable(
            "height_score", "dimensionless", lambda z: z, "a normal score; see derived heights", -3, 3, "height for sex"
        ),
        Variable(
            "body_mass_index",
            "kg/m**2",
            lambda z: LogNormal(0.17).at(24.5, z),
            "assumed: median 24.5 kg/m², CV 17 %",
            16,
            42,
            "body mass index",
        ),
        albumin,
        Variable(
            "aag_g_per_l", "g/l", lambda z: LogNormal(0.35).at(1.15, z), _DELBALDO, 0.4, 3.5, "α1-acid glycoprotein"
        ),
        Variable(
            "lesion_count",
            "dimensionless",
            lambda z: 1.0 + np.searchsorted(_LESION_CUTS, z),
            "assumed: 20, 28, 24, 16 and 12 % with one to five target lesions",
            meaning="target lesions",
        ),
    )


def derive(drawn: dict[str, np.ndarray], share: np.ndarray) -> dict[str, np.ndarray]:
    """Heights and weights by sex, body surface, and target diameters that add up to the sum."""
    man = drawn["male"] > 0
    # assumed: means 176 and 163 cm, SD 7 cm (European adults born near 1950)
    height_m = np.where(man, 1.76, 1.63) + 0.07 * drawn["height_score"]
    weight_kg = drawn["body_mass_index"] * height_m**2
    diameters = _diameters(drawn["sum_of_diameters_mm"], drawn["lesion_count"], share)
    return {
        "sex": np.where(man, "M", "F"),
        "height_cm": 100 * height_m,
        "weight_kg": weight_kg,
        "bsa_m2": np.sqrt(100 * height_m * weight_kg / 3600),  # Mosteller 1987, N Engl J Med 317:1098
        "target_lesions": (diameters > 0).sum(axis=1),
        **{f"lesion_{k + 1}": diameters[:, k] for k in range(diameters.shape[1])},
    }


def _diameters(total: np.ndarray, wanted: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The sum cut into up to five lesions of at least 10 mm, largest first; 0 where there is no further one."""
    count = np.clip(np.minimum(wanted, np.floor(total / SMALLEST_MM)), 1, share.shape[1])
    pieces = np.where(np.arange(share.shape[1]) < count[:, None], -np.log(share), 0.0)
    pieces /= pieces.sum(axis=1, keepdims=True)
    spare = total - SMALLEST_MM * count
    diameters = np.where(pieces > 0, SMALLEST_MM + pieces * spare[:, None], 0.0)
    return -np.sort(-diameters, axis=1)
