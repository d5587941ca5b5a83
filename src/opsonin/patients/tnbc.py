"""Metastatic triple-negative breast cancer, pretreated."""

from __future__ import annotations

from opsonin.patients import people
from opsonin.patients.advanced import LORIS, Burden, advanced, loris_albumin
from opsonin.patients.indication import Indication

KN086 = "Adams 2019, Ann Oncol 30:397 (KEYNOTE-086, cohort A: 170 women)"


def tnbc() -> Indication:
    """Metastatic triple-negative breast cancer after earlier treatment of metastases."""
    return advanced(
        "tnbc",
        title="Metastatic triple-negative breast cancer",
        source=f"{KN086}; {LORIS} (breast cancers)",
        age=people.age(53, 11, f"{KN086}: median 53.5; spread assumed"),
        male=people.male(0.005, "assumed: hardly any men"),
        ecog=people.ecog(0.52, 0.48, "assumed: half with status 0, the others 1"),
        size=people.sum_of_diameters(80.0, 0.65, "assumed: near the median of mixed cohorts"),
        albumin=loris_albumin(40, 5.0),
        burden=Burden(3.5, 0.84, 0.12),
        values={
            "net_growth_rate": 0.012,  # assumed: faster than most solid tumours
            # calibrated to: response and survival of KEYNOTE-086, cohort A
            "access": 0.0444,
            "death_rate": 0.000168,
            # assumed: macrophages are many in triple-negative tumours, and suppressor cells
            "macrophage_supply": 0.7,
            "mdsc_level": 1.3,
        },
    )
