"""What a scan shows of a tumour: up to five target lesions that change in proportion, and new ones.

A lesion's diameter is its baseline diameter times the cube root of the tumour's volume relative to baseline.
"""

from __future__ import annotations

from opsonin.model import Covariate, Hazard, Observable, Parameter, Quantity, laws

LESIONS = 5  # RECIST 1.1 measures at most five


def new_lesion_rate() -> Parameter:
    """The hazard of a new lesion."""
    return Parameter(
        "new_lesion_rate",
        0.0016,
        "1/day",
        "assumed: about a fifth of progressions show new lesions first",
        meaning="hazard of a new lesion at baseline volume",
    )


def baseline_diameters() -> list[Covariate]:
    """The target lesions' diameters at baseline."""
    return [
        Covariate(
            f"lesion_{k}",
            "mm",
            40.0 if k == 1 else 0.0,
            f"baseline diameter of target lesion {k}; 0 where there is none",
        )
        for k in range(1, LESIONS + 1)
    ]


def relative_diameter() -> Quantity:
    """The diameter relative to baseline, from the relative volume."""
    return Quantity(
        "tumour_diameter",
        lambda tumour_volume: laws.positive(tumour_volume) ** (1 / 3),
        "dimensionless",
        "diameter of the tumour, relative to the start",
    )


def new_lesion(volume: str = "tumour_volume") -> Hazard:
    """New lesions, more of them from larger tumours, up to ten times the baseline volume.

    volume: what seeds them, relative to baseline; where stroma is told apart, a scar seeds none.
    """
    return Hazard(
        "new_lesion",
        laws.reading(lambda rate, seeding: rate * seeding / (1 + seeding / 10), "new_lesion_rate", volume),
        term="new lesion",
        role="new lesion",
        related=False,
        meaning="a lesion seen where there was none",
    )


def measured_lesions() -> list[Observable]:
    """What the radiologist measures."""
    return [
        Observable(
            f"lesion {k}",
            "lesions",
            laws.reading(lambda diameter, baseline: baseline * diameter, "tumour_diameter", f"lesion_{k}"),
            "mm",
            meaning=f"longest diameter of target lesion {k}",
        )
        for k in range(1, LESIONS + 1)
    ]
