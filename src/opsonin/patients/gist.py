"""Advanced gastrointestinal stromal tumour with mutated KIT, before imatinib."""

from __future__ import annotations

from opsonin.patients import people
from opsonin.patients.advanced import LORIS, Burden, advanced, log_normal
from opsonin.patients.indication import Indication

DEMETRI = "Demetri 2002, N Engl J Med 347:472 (147 patients, median age 54)"


def gist() -> Indication:
    """Unresectable or metastatic gastrointestinal stromal tumour."""
    return advanced(
        "gist",
        title="Advanced gastrointestinal stromal tumour",
        source=DEMETRI,
        age=people.age(54, 13, f"{DEMETRI}; spread assumed"),
        male=people.male(0.56, f"{DEMETRI}; share assumed"),
        ecog=people.ecog(0.42, 0.38, "assumed: two in five with status 0, one in five with 2 or more"),
        size=people.sum_of_diameters(150.0, 0.6, "assumed: large tumours of liver and peritoneum"),
        burden=Burden(1.5, 0.6, 0.15, f"assumed: as of sarcomas, {LORIS}: 1.8, HLA loss in 15 %"),
        values={
            # calibrated to, by hand: PFS and survival of B2222 (200 patients)
            "net_growth_rate": 0.004,
            "death_rate": 0.00005,
            # assumed: macrophages are the most frequent immune cells, mostly suppressive, beside regulatory T (van
            # Dongen 2010, Int J Cancer 127:899)
            "macrophage_supply": 0.7,
            "treg_level": 1.3,
            # natural killer cells lie in these tumours, their number marks outcome (Rusakiewicz 2013, Cancer Res
            # 73:3499), and so does what they make of imatinib: hazard of progression 0.29 (0.12 to 0.70) where their
            # interferon γ had not fallen (Ménard 2009, Cancer Res 69:3563). Assumed: ten times other tumours' killing,
            # which comes to the weak end of that interval
            "nk_kill_rate": 0.04,
        },
        # assumed: as numbers of natural killer cells differ between these tumours, by a factor of 2.3 either way
        spreads={"nk_kill_rate": log_normal(0.83)},
    )
