"""Adults with solid tumours that no longer answer standard treatment, as phase I trials enrol them."""

from __future__ import annotations

import numpy as np

from opsonin.model import LogNormal
from opsonin.patients.indication import Indication, Variable

ARKENAU = "Arkenau 2008, Br J Cancer 98:1029 (212 patients of 29 phase I trials)"
_DELBALDO = "Delbaldo 2006, Clin Cancer Res 12:6073 (reference 1.15 g/l in 35 patients with GIST); spread assumed"
_INSPIRE = "Bratman 2020, Nat Cancer 1:873 (INSPIRE, 94 patients: median sum 73.5 mm, quartiles 49.3 and 108.8)"
SMALLEST_MM = 10.0  # RECIST 1.1 measures no smaller lesion


def refractory_solid() -> Indication:
    """The population of the first trial of imatinib with interleukin-2."""
    lesions = [f"lesion_{k}" for k in range(1, 6)]
    return Indication(
        "refractory-solid",
        title="Refractory solid tumours in adults, performance status 0 to 2",
        source=ARKENAU,
        variables=(
            Variable(
                "age_years", "year", lambda z: 58 + 12 * z, f"{ARKENAU}: median 58, range 18 to 86", 18, 86, "age"
            ),
            Variable(
                "male",
                "dimensionless",
                lambda z: (z < 0.4307).astype(float),
                f"{ARKENAU}: two men to one woman",
                meaning="1 for men",
            ),
            Variable(
                "height_score",
                "dimensionless",
                lambda z: z,
                "a normal score; see derived heights",
                -3,
                3,
                "height for sex",
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
            Variable(
                "ecog",
                "dimensionless",
                lambda z: np.searchsorted([-0.385, 1.282], z).astype(float),
                "assumed: ECOG 0, 1, 2 in 35, 55, 10 %",
                meaning="performance status",
            ),
            Variable(
                "albumin_g_per_l",
                "g/l",
                lambda z: 38 + 5 * z,
                f"assumed: mean 38, SD 5; a quarter below the threshold of 35 g/l of {ARKENAU}",
                20,
                52,
                "serum albumin",
            ),
            Variable(
                "aag_g_per_l", "g/l", lambda z: LogNormal(0.35).at(1.15, z), _DELBALDO, 0.4, 3.5, "α1-acid glycoprotein"
            ),
            Variable(
                "sum_of_diameters_mm",
                "mm",
                lambda z: 73.5 * np.exp(0.587 * z),
                _INSPIRE,
                12,
                300,
                "sum of target diameters",
            ),
            Variable(
                "lesion_count",
                "dimensionless",
                lambda z: 1.0 + np.searchsorted(_LESION_CUTS, z),
                "assumed: 20, 28, 24, 16 and 12 % with one to five target lesions",
                meaning="target lesions",
            ),
        ),
        derive=_derive,
        units={"weight_kg": "kg", "height_cm": "cm", "bsa_m2": "m**2", **dict.fromkeys(lesions, "mm")},
        correlations=(
            ("albumin_g_per_l", "aag_g_per_l", -0.4),  # assumed: the acute phase lowers one and raises the other
            ("albumin_g_per_l", "ecog", -0.3),  # assumed
            ("sum_of_diameters_mm", "lesion_count", 0.5),  # assumed: more lesions, larger sum
            ("sum_of_diameters_mm", "albumin_g_per_l", -0.2),  # assumed
            ("nk_fitness", "frailty", -0.4),  # assumed, so that NK activation carries prognosis beside its mechanism
            ("nk_fitness", "tumour_growth_rate", -0.2),  # assumed, for the same reason
        ),
        columns=(
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
        ),
    )


_LESION_CUTS = (-0.8416, -0.0502, 0.5828, 1.1750)  # normal quantiles of the cumulated shares above


def _derive(drawn: dict[str, np.ndarray], share: np.ndarray) -> dict[str, np.ndarray]:
    """Heights and weights by sex, body surface, and target diameters that add up to the sum."""
    male = drawn["male"] > 0
    # assumed: means 176 and 163 cm, SD 7 cm (European adults born near 1950)
    height_m = np.where(male, 1.76, 1.63) + 0.07 * drawn["height_score"]
    weight_kg = drawn["body_mass_index"] * height_m**2
    diameters = _diameters(drawn["sum_of_diameters_mm"], drawn["lesion_count"], share)
    return {
        "sex": np.where(male, "M", "F"),
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
