"""Advanced hepatocellular carcinoma after sorafenib.

Growth is that measured at diagnosis, and not calibrated.
"""

from __future__ import annotations

from opsonin.patients import people
from opsonin.patients.advanced import LORIS, Burden, advanced, log_normal, loris_albumin
from opsonin.patients.indication import Indication

NATHANI = "Nathani 2021, Gut 70:401 (pooled doubling time 140 days; a third below 3 months, a third above 9)"


def hcc() -> Indication:
    """Hepatocellular carcinoma, preserved liver function, after sorafenib."""
    return advanced(
        "hcc",
        title="Advanced hepatocellular carcinoma",
        source=f"{LORIS} (hepatobiliary cancers); {NATHANI}",
        age=people.age(65, 11, "assumed: median 65, as in trials after sorafenib"),
        male=people.male(0.80, "assumed: four men to one woman, as in trials after sorafenib"),
        ecog=people.ecog(0.58, 0.42, "assumed: a little more than half with status 0"),
        size=people.sum_of_diameters(85.0, 0.6, "assumed: liver lesions are large"),
        albumin=loris_albumin(36, 5.3),
        burden=Burden(3.9, 0.85, 0.10),
        values={
            "net_growth_rate": 0.00495,  # ln 2 / 140 days, NATHANI
            # calibrated to: response and survival of KEYNOTE-240
            "access": 0.0674,
            "death_rate": 0.000128,
            # assumed: a liver's resident macrophages and suppressor cells add to a tumour's own
            "macrophage_supply": 0.65,
            "mdsc_level": 1.3,
        },
        spreads={"net_growth_rate": log_normal(1.0)},  # NATHANI: the shares below three and above nine months
    )
