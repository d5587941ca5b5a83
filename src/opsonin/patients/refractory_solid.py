"""Adults with solid tumours that no longer answer standard treatment, as phase I trials enrol them."""

from __future__ import annotations

import numpy as np

from opsonin.patients import people
from opsonin.patients.indication import Indication, Variable

ARKENAU = "Arkenau 2008, Br J Cancer 98:1029 (212 patients of 29 phase I trials)"
_INSPIRE = "Bratman 2020, Nat Cancer 1:873 (INSPIRE, 94 patients: median sum 73.5 mm, quartiles 49.3 and 108.8)"


def refractory_solid() -> Indication:
    """The population of the first trial of imatinib with interleukin-2."""
    return Indication(
        "refractory-solid",
        title="Refractory solid tumours in adults, performance status 0 to 2",
        source=ARKENAU,
        variables=(
            people.age(58, 12, f"{ARKENAU}: median 58, range 18 to 86", oldest=86),
            # two men to one woman; these cuts, and not their quantiles, are what the first trial was calibrated with
            Variable(
                "male",
                "dimensionless",
                lambda z: (z < 0.4307).astype(float),
                f"{ARKENAU}: two men to one woman",
                meaning="1 for men",
            ),
            Variable(
                "ecog",
                "dimensionless",
                lambda z: np.searchsorted([-0.385, 1.282], z).astype(float),
                "assumed: ECOG 0, 1, 2 in 35, 55, 10 %",
                meaning="performance status",
            ),
            people.sum_of_diameters(73.5, 0.587, _INSPIRE, largest=300),
            *people.body(),
        ),
        derive=people.derive,
        units=people.UNITS,
        correlations=(
            *people.CORRELATIONS,
            ("nk_fitness", "frailty", -0.4),  # assumed, so that NK activation carries prognosis beside its mechanism
            ("nk_fitness", "tumour_growth_rate", -0.2),  # assumed, for the same reason
        ),
        columns=people.COLUMNS,
    )
