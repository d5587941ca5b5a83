"""Advanced melanoma, as the trials of checkpoint inhibitors enrolled it."""

from __future__ import annotations

from opsonin.patients import people
from opsonin.patients.advanced import LORIS, Burden, advanced, loris_albumin
from opsonin.patients.indication import Indication

JOSEPH = "Joseph 2018, Clin Cancer Res 24:4960 (KEYNOTE-001: median sum of diameters 102 mm, range 10 to 895)"


def melanoma() -> Indication:
    """Unresectable or metastatic cutaneous melanoma."""
    return advanced(
        "melanoma",
        title="Advanced melanoma",
        source=JOSEPH,
        age=people.age(65, 14, f"{LORIS}: median 65, SD 14"),
        male=people.male(0.68, f"{LORIS}: 68 % men"),
        ecog=people.ecog(0.70, 0.30, "assumed: two in three with status 0, the others 1, as trials required"),
        size=people.sum_of_diameters(
            102.0, 0.85, f"{JOSEPH}; spread assumed from the range, cut at 400 mm", largest=400
        ),
        albumin=loris_albumin(41, 4.6),
        burden=Burden(12.8, 1.41, 0.07),
        # calibrated to: KEYNOTE-001, CheckMate 066 and 067, KEYNOTE-006 (ipilimumab), one cancer centre (LORIS)
        values={"net_growth_rate": 0.00775, "access": 0.431, "death_rate": 0.0000555},
    )
