"""Classical Hodgkin lymphoma, relapsed after autologous transplantation.

Few cancer cells lie among many immune cells, and show much PD-L1 through gains of 9p24.1. Most have lost MHC class I;
those that T cells see here are seen through class II as well, which is why response does not depend on class I.
"""

from __future__ import annotations

from opsonin.model import LogitNormal
from opsonin.patients import people
from opsonin.patients.advanced import Burden, advanced
from opsonin.patients.indication import Indication

ROEMER = "Roemer 2018, J Clin Oncol 36:942 (9p24.1 altered in all evaluable tumours; response not tied to class I)"


def hodgkin() -> Indication:
    """Classical Hodgkin lymphoma after transplantation."""
    return advanced(
        "hodgkin",
        title="Classical Hodgkin lymphoma, relapsed",
        source=ROEMER,
        age=people.age(34, 13, "Armand 2018, J Clin Oncol 36:1428 (CheckMate 205: median 34); spread assumed"),
        male=people.male(0.58, "assumed: a few more men than women"),
        ecog=people.ecog(0.52, 0.48, "assumed: half with status 0, the others 1"),
        size=people.sum_of_diameters(70.0, 0.6, "assumed: several nodes of two to three centimetres"),
        # both absent in about half of tumours (Roemer 2016, Cancer Immunol Res 4:910: class I reduced in 79 %,
        # class II in 67 %)
        burden=Burden(
            7.0,
            0.6,
            0.53,
            "Wienand 2019, Blood Adv 3:4065, for a burden among the higher of lymphomas; its figure assumed; loss of "
            "both MHC classes Roemer 2016, Cancer Immunol Res 4:910",
        ),
        values={
            # assumed: one cell in twenty is a cancer cell (a hundredth to a tenth); the others go when they go
            "cell_density": 10.0,
            "stroma_share": 0.15,  # assumed: fibrous bands
            # assumed: nearly four times as many T cells see it for each mutation, as most of the tumour is T cells, and
            # those with CD4 kill too, through class II (ROEMER: response goes with class II)
            "precursors_per_mutation": 0.1,
            # calibrated to: response, PFS and duration of response of CheckMate 205 (600 patients). Responses end as
            # cells without MHC, which T cells kill only beside others, grow slowly back
            "access": 0.759,
            "escape_visibility": 0.128,
            "net_growth_rate": 0.0057,
            "macrophage_supply": 0.1,  # assumed: fewer than in solid tumours, for so few cancer cells
            "pdl1_own": 4.0,  # assumed: many times other tumours', ROEMER for the direction
            "treg_level": 2.0,  # assumed: the infiltrate holds many regulatory T cells
            # assumed: most deaths are years away, as later treatments work
            "death_rate": 0.00010,
        },
        # assumed: patches without MHC are in every tumour rather than in few, as responses are many and end
        spreads={"escape_share": LogitNormal(1.0)},
        criteria="Lugano",
    )
