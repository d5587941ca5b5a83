"""Advanced non-small-cell lung cancer, all of it and by histology, as the trials of second-line treatment enrolled it.

Squamous tumours have lost an HLA allele twice as often. Tumours with a mutated EGFR carry few mutations and draw few
T cells.
"""

from __future__ import annotations

from collections.abc import Mapping

from opsonin.patients import people
from opsonin.patients.advanced import LORIS, Burden, advanced, loris_albumin
from opsonin.patients.indication import Indication, Variable

MCGRANAHAN = "McGranahan 2017, Cell 171:1259 (an HLA allele lost in 61 % of squamous cancers, 29 % of adenocarcinomas)"
_SIZE = "849 patients of OAK: median 66 mm, tenth centiles 27 and 144 mm, as the table of published figures gives them"
# calibrated to: OAK's progressions as best response, and its diameters at the first scan; nearly five times other
# cancers' rate. Of 341 progressions in trials of one centre target lesions made 53 %, and 62 % came with new measurable
# lesions (Cancer Imaging 2015, 15 Suppl 1:S8)
NEW_LESIONS = 0.0076


def nsclc() -> Indication:
    """Advanced non-small-cell lung cancer without a driver mutation, mostly pretreated."""
    # calibrated to: pretreated patients of KEYNOTE-001, and OAK with its first scan (400 patients)
    values = {"net_growth_rate": 0.0110, "access": 0.146, "death_rate": 0.000126, "new_lesion_rate": NEW_LESIONS}
    return _lung("nsclc", "Advanced non-small-cell lung cancer", Burden(6.9, 0.94, 0.21), 0.58, values)


def first_line() -> Indication:
    """Advanced non-small-cell lung cancer without a driver mutation, before any treatment of its metastases."""
    # calibrated to: response and PFS of KEYNOTE-024, response of untreated patients of KEYNOTE-001
    values = {"net_growth_rate": 0.0077, "access": 0.692, "death_rate": 0.000126, "new_lesion_rate": NEW_LESIONS}
    reck = (
        "Reck 2016, N Engl J Med 375:1823 (KEYNOTE-024: 54 of 154 with status 0, 99 with 1, one with 2; as two later "
        "publications print it, PMC7973789 and BMC Cancer 2023, doi:10.1186/s12885-023-10959-3)"
    )
    ecog = people.ecog(0.35, 0.65, reck)
    return _lung(
        "nsclc-first-line",
        "Advanced non-small-cell lung cancer, untreated",
        Burden(6.9, 0.94, 0.21),
        0.60,
        values,
        ecog,
    )


def squamous() -> Indication:
    """Advanced squamous non-small-cell lung cancer after platinum."""
    # assumed: the burden of all lung cancers; loss of HLA twice that of non-squamous ones, at one centre's level
    burden = Burden(7.5, 0.7, 0.33, f"{LORIS}; by histology {MCGRANAHAN}")
    # calibrated to: CheckMate 017
    values = {"net_growth_rate": 0.00846, "access": 0.216, "death_rate": 0.000294, "new_lesion_rate": NEW_LESIONS}
    return _lung("nsclc-squamous", "Advanced squamous non-small-cell lung cancer", burden, 0.76, values)


def nonsquamous() -> Indication:
    """Advanced non-squamous non-small-cell lung cancer after platinum."""
    burden = Burden(6.5, 1.0, 0.17, f"{LORIS}; by histology {MCGRANAHAN}")
    # calibrated to: CheckMate 057
    values = {"net_growth_rate": 0.0124, "access": 0.273, "death_rate": 0.000133, "new_lesion_rate": NEW_LESIONS}
    return _lung("nsclc-nonsquamous", "Advanced non-squamous non-small-cell lung cancer", burden, 0.55, values)


def egfr_mutated() -> Indication:
    """Advanced lung adenocarcinoma with an activating mutation of EGFR, before targeted treatment."""
    burden = Burden(
        3.5,
        0.6,
        0.17,
        "assumed: half the burden of other lung cancers, as in never-smokers (Rizvi 2015, Science 348:124, for the "
        "direction)",
    )
    # assumed: fewer T cells (Gainor 2016, Clin Cancer Res 22:4585: hardly any CD8+ cells together with PD-L1)
    # erlotinib: a mutation that activates EGFR makes nearly all cells depend on it
    # growth calibrated to: progression and duration of response of FLAURA's older drugs
    values = {"net_growth_rate": 0.0115, "access": 0.15, "pdl1_own": 0.3, "erlotinib_sensitivity": 0.95}
    return _lung("nsclc-egfr", "Advanced lung cancer with mutated EGFR", burden, 0.38, values)


_SECOND = people.ecog(0.30, 0.70, "assumed: near one in three with status 0, the others 1, as trials required")


def _lung(
    name: str, title: str, burden: Burden, men: float, values: Mapping[str, float | int], ecog: Variable = _SECOND
) -> Indication:
    return advanced(
        name,
        title=title,
        source=LORIS,
        age=people.age(66, 11, f"{LORIS}: median 66, SD 11"),
        male=people.male(
            men, "assumed: as in the trials of that line of treatment (of erlotinib where EGFR is mutated)"
        ),
        ecog=ecog,
        size=people.sum_of_diameters(66.0, 0.65, _SIZE),
        albumin=loris_albumin(39, 3.9),
        burden=burden,
        values=values,
    )
