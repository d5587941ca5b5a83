"""Acute lymphoblastic leukaemia of B and T cells, relapsed or refractory: a liquid tumour without a barrier.

The marrow is one sphere of blasts: its volume is their number over their density, and it shrinks without a scar.
Nothing keeps T cells out, the mutations are few, and growth is fast.
"""

from __future__ import annotations

from collections.abc import Mapping

from opsonin.model import LogitNormal, LogNormal
from opsonin.patients import children, people
from opsonin.patients.advanced import Burden, advanced
from opsonin.patients.indication import Indication

MAUDE = "Maude 2018, N Engl J Med 378:439 (ELIANA: median age 11, range 3 to 23)"
BRADY = "Brady 2022, Nat Genet 54:1376 (2754 children: mutation burdens are low); the figure assumed"


def b_all() -> Indication:
    """Relapsed or refractory B-cell acute lymphoblastic leukaemia of children and young adults."""
    return _leukaemia("b-all", "B-cell acute lymphoblastic leukaemia of children, relapsed", 0.57, {})


def t_all() -> Indication:
    """Relapsed or refractory T-cell acute lymphoblastic leukaemia of children and young adults."""
    # assumed: three boys to one girl, as at diagnosis; faster growth
    return _leukaemia(
        "t-all", "T-cell acute lymphoblastic leukaemia of children, relapsed", 0.75, {"net_growth_rate": 0.07}
    )


def _leukaemia(name: str, title: str, boys: float, values: Mapping[str, float]) -> Indication:
    albumin = people.albumin(37, 5, "assumed: a little low under chemotherapy")
    return advanced(
        name,
        title=title,
        source=f"{MAUDE}; {BRADY}",
        age=children.age(11.0, 0.5, f"{MAUDE}; spread assumed from the range", 3, 25),
        male=people.male(boys, "assumed: more boys, most of all in T-cell leukaemia"),
        ecog=people.ecog(0.6, 0.35, "assumed: most children are up and about"),
        size=people.sum_of_diameters(
            90.0, 0.25, "assumed: 0.4 litres of blasts after bridging treatment, a sphere of 90 mm", largest=150
        ),
        burden=Burden(0.4, 0.6, 0.03, BRADY),
        albumin=albumin,
        body=children.body(albumin),
        derive=children.derive,
        criteria="marrow",
        values={
            "net_growth_rate": 0.05,  # assumed: blasts double in two weeks when chemotherapy fails
            "access": 0.97,  # a liquid tumour: no barrier
            # calibrated to: four of five free of relapse at six months, half free of events at a year (ELIANA), as
            # blasts without CD19 return; most children have none, a few have many
            "escape_share": 1e-9,
            "escape_mutation": 1e-12,  # assumed: both copies of CD19 have to go, one in a million each
            "dormant_share": 1e-6,  # assumed: few blasts sleep
            "cell_density": 1000.0,  # assumed: a packed marrow, without much between the cells
            "stroma_share": 0.0003,  # assumed: a marrow leaves no scar
            "untargeted_share": 0.1,  # assumed: little outside marrow and blood
            "slowing_volume": 2000.0,  # assumed: the space of a child's marrows and blood, in litres
            "persister_share": 0.0005,  # assumed
            "macrophage_supply": 0.1,  # assumed: few macrophages draw to a marrow full of blasts
            "new_lesion_rate": 0.0003,  # assumed: relapse outside the marrow is rare
            # calibrated to: three of four alive at a year (ELIANA). Children die of the leukaemia: at the burden they
            # come with four times as fast as in remission, and half within five months where nothing works (Jeha 2006,
            # J Clin Oncol 24:1917: three months under clofarabine)
            "death_rate": 0.0002,
            "burden_half": 0.35,
            **values,
        },
        spreads={"access": LogitNormal(0.5), "net_growth_rate": LogNormal(0.4), "escape_share": LogitNormal(6.0)},
    )
