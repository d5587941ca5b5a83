"""Cancers that are matched in their rates only: what is known of their mutations and infiltrate, and little else.

Their sizes, growth and frailty are assumptions; use them to compare cancers, not to plan a trial of one of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from opsonin.model import LogNormal, Spread
from opsonin.patients import people
from opsonin.patients.advanced import LORIS, Burden, advanced, loris_albumin
from opsonin.patients.indication import Indication, Variable

MARK = "matched in rates only"
_SIZE = "assumed: near the median of mixed cohorts (Bratman 2020, Nat Cancer 1:873: 73.5 mm)"


def renal() -> Indication:
    """Advanced clear-cell renal cell carcinoma."""
    return _matched(
        "rcc",
        "Advanced clear-cell renal cell carcinoma",
        (58, 12, 0.67),
        loris_albumin(40, 5.5),
        Burden(3.5, 0.73, 0.25),
        {
            # insertions and deletions, which make more neoantigens each, are more of them than in any other cancer
            # (Turajlic 2017, Lancet Oncol 18:1009); twice as many precursors for each mutation assumed
            "precursors_per_mutation": 0.056,
            "entry_volume": 15.0,  # assumed: loss of VHL makes vessels grow, twice as many
            # calibrated to: response, progression and survival of CheckMate 025
            "net_growth_rate": 0.00670,
            "access": 0.0995,
            "death_rate": 0.0000627,
        },
    )


def urothelial() -> Indication:
    """Advanced urothelial carcinoma after platinum."""
    # T cells lie outside or are absent in three of four (Mariathasan 2018, Nature 554:544): calibrated access follows
    return _matched(
        "urothelial",
        "Advanced urothelial carcinoma",
        (66, 10.5, 0.70),
        loris_albumin(39, 4.5),
        Burden(7.9, 0.83, 0.21),
        {"access": 0.0710, "death_rate": 0.000213},  # calibrated to: KEYNOTE-045, and LORIS
    )


def msi_colorectal() -> Indication:
    """Metastatic colorectal cancer with deficient mismatch repair."""
    # B2M is mutated in a quarter, which hardly lowers response (Middha 2019, JCO Precis Oncol 3): not counted as loss
    return _matched(
        "msi-colorectal",
        "Metastatic colorectal cancer with deficient mismatch repair",
        (55, 15, 0.55),
        loris_albumin(38, 6),
        Burden(53.0, 0.76, 0.08, f"{LORIS}: 13 patients"),
        {"access": 0.0595},  # calibrated to: response of KEYNOTE-164, cohort A, and KEYNOTE-177
    )


def head_and_neck() -> Indication:
    """Recurrent or metastatic squamous cancer of head and neck after platinum."""
    return _matched(
        "head-and-neck",
        "Recurrent squamous cancer of head and neck",
        (62, 12.5, 0.78),
        loris_albumin(39, 4.7),
        Burden(5.3, 0.95, 0.25),
        {
            # the most regulatory T cells of ten cancers (Mandal 2016, JCI Insight 1:e89829); twice as many assumed
            "treg_level": 2.0,
            # calibrated to: CheckMate 141, and LORIS
            "net_growth_rate": 0.0144,
            "access": 0.273,
            "death_rate": 0.000206,
        },
    )


def gastric() -> Indication:
    """Advanced gastric adenocarcinoma, pretreated."""
    return _matched(
        "gastric",
        "Advanced gastric adenocarcinoma",
        (62, 13, 0.73),
        loris_albumin(37, 4.7),
        Burden(4.4, 1.04, 0.20),
        # growth assumed: between lung and head and neck; access calibrated to: response of KEYNOTE-059
        {"net_growth_rate": 0.010, "access": 0.0612},
    )


def dlbcl() -> Indication:
    """Diffuse large B-cell lymphoma after two or more treatments."""
    # one in three has lost B2M, and two in three MHC class I or CD58 of the surface (Challa-Malladi 2011, Cancer
    # Cell 20:728)
    return _matched(
        "dlbcl",
        "Diffuse large B-cell lymphoma, relapsed",
        (56, 13, 0.63),
        people.PHASE_ONE_ALBUMIN,
        Burden(5.0, 0.7, 0.5, "assumed: a middle burden; loss Challa-Malladi 2011, Cancer Cell 20:728"),
        {
            "net_growth_rate": 0.0239,  # doubling in 29 days, as tabulated in the clinical targets
            "access": 0.7,  # assumed: a lymph node lets T cells in, more than a solid tumour
            "stroma_share": 0.1,  # assumed
        },
        {"net_growth_rate": LogNormal(0.6)},
        criteria="Lugano",
    )


def _matched(
    name: str,
    title: str,
    people_like: tuple[float, float, float],
    albumin: Variable,
    burden: Burden,
    values: Mapping[str, float | int],
    spreads: Mapping[str, Spread] | None = None,
    criteria: str = "RECIST 1.1",
) -> Indication:
    """people_like: median age, its SD, share of men."""
    years, spread, men = people_like
    return advanced(
        name,
        title=f"{title} ({MARK})",
        source=f"{burden.source}; {MARK}",
        age=people.age(years, spread, f"{LORIS}: median and SD of the cancer, or of its pivotal trials"),
        male=people.male(men, f"{LORIS}, or the pivotal trials"),
        ecog=people.ecog(0.40, 0.60, "assumed: two in five with status 0, the others 1"),
        size=people.sum_of_diameters(76.0, 0.65, _SIZE),
        albumin=albumin,
        burden=burden,
        values=values,
        spreads=spreads,
        criteria=criteria,
    )
