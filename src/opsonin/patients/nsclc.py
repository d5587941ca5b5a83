"""Advanced non-small-cell lung cancer, as the trials of checkpoint inhibitors enrolled it."""

from __future__ import annotations

from opsonin.patients import people
from opsonin.patients.advanced import LORIS, Burden, advanced
from opsonin.patients.indication import Indication


def nsclc() -> Indication:
    """Advanced non-small-cell lung cancer without a driver mutation, mostly pretreated."""
    return advanced(
        "nsclc",
        title="Advanced non-small-cell lung cancer",
        source=LORIS,
        age=people.age(66, 10, f"{LORIS}: median 66; spread assumed"),
        male=people.male(0.58, "assumed: nearly three men in five, as in the trials of second-line treatment"),
        ecog=people.ecog(0.35, 0.65, "assumed: one in three with status 0, the others 1, as trials required"),
        size=people.sum_of_diameters(
            76.0, 0.65, "assumed: near the median of mixed cohorts (Bratman 2020, Nat Cancer 1:873: 73.5 mm)"
        ),
        burden=Burden(6.9, 0.99, 0.23),
        values={},
    )
