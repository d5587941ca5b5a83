"""Children and young adults: height and weight grow with age.

Height is two straight lines by age up to that of an adult: 25 cm in the first year, 6 cm a year until grown.
"""

from __future__ import annotations

import numpy as np

from opsonin.model import LogNormal
from opsonin.patients import people
from opsonin.patients.indication import Variable

_FEMALE, _MALE = 163.0, 176.0  # cm, of adults, as in people.derive


def age(median: float, log_spread: float, source: str, youngest: float, oldest: float) -> Variable:
    """Age in years, log-normal around the median."""
    return Variable("age_years", "year", lambda z: median * np.exp(log_spread * z), source, youngest, oldest, "age")


def body(albumin: Variable) -> tuple[Variable, ...]:
    """As of adults, but with a child's body mass index, and all disease as one lesion: a marrow."""
    kept = {one.name: one for one in people.body(albumin)}
    kept["body_mass_index"] = Variable(
        "body_mass_index",
        "kg/m**2",
        lambda z: LogNormal(0.15).at(18.0, z),
        "assumed: median 18 kg/m² near the age of eleven, CV 15 %",
        13,
        35,
        "body mass index",
    )
    kept["lesion_count"] = Variable(
        "lesion_count", "dimensionless", lambda z: np.ones_like(z), "the marrow is one site", meaning="target lesions"
    )
    return tuple(kept.values())


def derive(drawn: dict[str, np.ndarray], share: np.ndarray) -> dict[str, np.ndarray]:
    """As of adults, with heights by age and sex."""
    derived = people.derive(drawn, share)
    grown = np.where(drawn["male"] > 0, _MALE, _FEMALE)
    # assumed: 75 cm at one year, then 6 cm a year; SD 4 % of the height
    typical = np.minimum(75.0 + 6.2 * np.maximum(drawn["age_years"] - 1.0, 0.0), grown)
    height = typical * (1 + 0.04 * drawn["height_score"])
    weight = drawn["body_mass_index"] * (height / 100) ** 2
    return {
        **derived,
        "height_cm": height,
        "weight_kg": weight,
        "bsa_m2": np.sqrt(height * weight / 3600),  # Mosteller 1987, N Engl J Med 317:1098
    }
