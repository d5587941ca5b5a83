"""Metastatic castration-resistant prostate cancer after docetaxel."""

from __future__ import annotations

from opsonin.patients import people
from opsonin.patients.advanced import Burden, advanced
from opsonin.patients.indication import Indication

ANTONARAKIS = "Antonarakis 2020, J Clin Oncol 38:395 (KEYNOTE-199)"


def prostate() -> Indication:
    """Castration-resistant prostate cancer with measurable disease, after docetaxel."""
    return advanced(
        "prostate",
        title="Metastatic castration-resistant prostate cancer",
        source=ANTONARAKIS,
        age=people.age(69, 8, "assumed: median 69, as in trials after docetaxel", youngest=45),
        male=people.male(0.9999, "men only"),
        ecog=people.ecog(0.33, 0.57, "assumed: one in three with status 0, one in ten with 2"),
        size=people.sum_of_diameters(70.0, 0.6, "assumed: measurable disease is mostly in lymph nodes"),
        burden=Burden(
            2.0,
            0.9,
            0.12,
            "assumed: among the lower burdens of solid tumours, a few very high by mismatch repair; loss of an HLA "
            "allele as in 12 % of prostate cancers of a Chinese cohort of 1482 patients",
        ),
        values={
            # calibrated to: response and survival of KEYNOTE-199, cohort 1
            "access": 0.0224,
            "death_rate": 0.00014,
            "net_growth_rate": 0.010,  # assumed: half progress within two to three months
            # assumed: suppressor cells are many (Calcinotto 2018, Nature 559:363, for the direction)
            "mdsc_level": 1.7,
            "pdl1_own": 0.25,  # assumed: rarely positive
        },
    )
