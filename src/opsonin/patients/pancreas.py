"""Metastatic pancreatic adenocarcinoma, pretreated: stroma, few vessels, few mutations."""

from __future__ import annotations

from opsonin.patients import people
from opsonin.patients.advanced import LORIS, Burden, advanced, loris_albumin
from opsonin.patients.indication import Indication

NEESSE = "Neesse 2011, Gut 60:861 (stroma is most of the tumour)"
OLIVE = "Olive 2009, Science 324:1457 (few vessels, poorly perfused; mouse)"


def pancreas() -> Indication:
    """Metastatic pancreatic ductal adenocarcinoma after first-line chemotherapy."""
    return advanced(
        "pancreas",
        title="Metastatic pancreatic adenocarcinoma",
        source=f"{LORIS} (pancreatic cancers); {NEESSE}; {OLIVE}",
        age=people.age(61, 12, f"{LORIS}: median 61, SD 12"),
        male=people.male(0.60, f"{LORIS}: 60 % men"),
        ecog=people.ecog(0.30, 0.70, "assumed: near one in three with status 0"),
        size=people.sum_of_diameters(80.0, 0.6, "assumed: near the median of mixed cohorts"),
        albumin=loris_albumin(37, 4.6),
        burden=Burden(3.0, 0.66, 0.20),
        values={
            "net_growth_rate": 0.011,  # assumed: progression within two months without treatment
            "access": 0.0402,  # calibrated to: hardly any response (LORIS; durvalumab's second line)
            "death_rate": 0.0007,  # assumed: half die within four months without a treatment that works
            "stroma_share": 0.6,  # assumed, after NEESSE: more stroma than cancer cells, in metastases less than that
            "entry_volume": 90.0,  # assumed, after OLIVE: a third of the vessels
            # assumed: macrophages and suppressor cells dominate what immune cells there are (Clark 2007, Cancer Res
            # 67:9518, for the direction; mouse)
            "macrophage_supply": 0.8,
            "mdsc_level": 1.7,
        },
    )
