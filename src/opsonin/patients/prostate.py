"""Metastatic castration-resistant prostate cancer: after docetaxel, and with few symptoms before it."""

from __future__ import annotations

from collections.abc import Mapping

from opsonin.patients import people
from opsonin.patients.advanced import Burden, advanced
from opsonin.patients.indication import Indication, Variable

ANTONARAKIS = "Antonarakis 2020, J Clin Oncol 38:395 (KEYNOTE-199)"
KANTOFF = "Kantoff 2010, N Engl J Med 363:411 (IMPACT)"
MCNEEL = (
    "McNeel 2014, Cancer Immunol Res 2:988 (377 men given sipuleucel-T in IMPACT and two like it: 309, or 82 %, with "
    "status 0; medians of 70 and 72 years in two groups; half with bone metastases only)"
)


def prostate() -> Indication:
    """Castration-resistant prostate cancer with measurable disease, after docetaxel."""
    return _prostate(
        "prostate",
        "Metastatic castration-resistant prostate cancer",
        ANTONARAKIS,
        age=people.age(69, 8, "assumed: median 69, as in trials after docetaxel", youngest=45),
        ecog=people.ecog(0.33, 0.57, "assumed: one in three with status 0, one in ten with 2"),
        size=people.sum_of_diameters(70.0, 0.6, "assumed: measurable disease is mostly in lymph nodes"),
        albumin=people.PHASE_ONE_ALBUMIN,
        # calibrated to: response and survival of KEYNOTE-199, cohort 1
        fitted={"access": 0.0206, "death_rate": 0.000181},
    )


def minimally_symptomatic() -> Indication:
    """Metastatic castration-resistant prostate cancer with few symptoms or none, most of it before docetaxel."""
    return _prostate(
        "prostate-minimal",
        "Metastatic castration-resistant prostate cancer with few symptoms",
        KANTOFF,
        age=people.age(71, 8, f"{MCNEEL}; spread assumed", youngest=45),
        ecog=people.ecog(0.82, 0.18, f"{MCNEEL}; the others assumed to have 1, the worst that IMPACT took"),
        size=people.sum_of_diameters(
            45.0, 0.6, f"assumed: less than after docetaxel; none had visceral metastases. {MCNEEL}"
        ),
        albumin=people.albumin(41, 3.5, "assumed: near normal without symptoms"),
        # access as after docetaxel; calibrated to: survival under placebo of IMPACT
        fitted={"access": 0.0206, "death_rate": 0.0000416},
    )


def _prostate(
    name: str,
    title: str,
    source: str,
    *,
    age: Variable,
    ecog: Variable,
    size: Variable,
    albumin: Variable,
    fitted: Mapping[str, float | int],
) -> Indication:
    return advanced(
        name,
        title=title,
        source=source,
        age=age,
        male=people.male(0.9999, "men only"),
        ecog=ecog,
        size=size,
        albumin=albumin,
        burden=Burden(
            2.0,
            0.9,
            0.12,
            "assumed: among the lower burdens of solid tumours, a few very high by mismatch repair; loss of an HLA "
            "allele as in 12 % of prostate cancers of a Chinese cohort of 1482 patients",
        ),
        values={
            "net_growth_rate": 0.010,  # assumed: half progress within two to three months
            # assumed: suppressor cells are many (Calcinotto 2018, Nature 559:363, for the direction)
            "mdsc_level": 1.7,
            "pdl1_own": 0.25,  # assumed: rarely positive
            **fitted,
        },
    )
