"""What a mouse is looked at for: volume by caliper, cells of its leukaemia, immune cells; and when it is put down.

A study of mice has no scans, no lesions of ten millimetres and no performance status. Its people are modelled by the
same core as patients, with numbers of their own (`patients/mice.py`); adverse events, which are graded in patients
alone, are left out.
"""

from __future__ import annotations

from opsonin.biology.blood import CELLS, FLOW
from opsonin.model import Assay, Modulation, Module, Observable, Parameter

CALIPER = Assay(cv=0.1, lower_limit=1.0, source="assumed: two diameters by caliper, a tenth between readings")
COUNTED = Assay(cv=0.15, lower_limit=1e-3, source="assumed: flow cytometry of marrow, spleen and blood")
SOLID, LIQUID = "mouse tumour", "mouse leukaemia"


def mice() -> Module:
    """Humane end point, and the panels "mouse tumour" and "mouse leukaemia"."""
    return Module(
        "mice",
        [*_end_point(), *_tumour(), *_leukaemia()],
        title="Mice: what is measured, and the humane end point",
        source="assumed forms; see the parameters",
    )


def _end_point() -> list:
    return [
        Parameter(
            "end_point_volume",
            1.5,
            "ml",
            "assumed: mice are put down when the tumour comes near 1.5 ml, as is usual in such experiments",
            meaning="volume at which a mouse is about to be put down",
        ),
        Parameter(
            "end_point_steepness",
            8.0,
            "dimensionless",
            "assumed: from a tenth below that volume to a tenth above it the hazard rises fivefold",
            meaning="power of the volume in the hazard of death",
        ),
        Parameter(
            "end_point_factor",
            2000.0,
            "dimensionless",
            "assumed: at that volume a mouse lives for another day on average",
            meaning="hazard of death at that volume relative to that without a tumour",
        ),
        Modulation("mortality", _mortality, "put down at the humane end point"),
    ]


def _mortality(end_point_volume, end_point_steepness, end_point_factor, tumour_volume, baseline_volume):
    return 1 + end_point_factor * (tumour_volume * baseline_volume / end_point_volume) ** end_point_steepness


def _tumour() -> list:
    def counted(name, expression, meaning, compartment="blood", unit=CELLS, assay=FLOW):
        return Observable(
            name, "measurements", expression, unit, assay, compartment=compartment, panel=SOLID, meaning=meaning
        )

    return [
        counted(
            "tumour volume",
            lambda tumour_volume, baseline_volume: tumour_volume * baseline_volume,
            "volume of the tumour by caliper",
            "tumour",
            "mm**3",
            CALIPER,
        ),
        counted(
            "natural killers",
            lambda nk_dim, nk_bright, nk_active, homing_of_nk, margination: (
                (nk_dim + nk_bright + nk_active) / (1 + homing_of_nk * margination)
            ),
            "circulating NK cells",
        ),
        counted(
            "activated natural killers",
            lambda nk_active, homing_of_nk, margination: nk_active / (1 + homing_of_nk * margination),
            "circulating activated NK cells",
        ),
        counted(
            "regulatory T",
            lambda treg_cells, homing_of_cd4, margination: treg_cells / (1 + homing_of_cd4 * margination),
            "circulating regulatory T cells",
        ),
        counted(
            "regulatory T in the tumour",
            lambda treg_tumour: treg_tumour,
            "regulatory T cells in a volume of tumour, relative to a typical one",
            "tumour",
            "dimensionless",
            Assay(cv=0.2, source="assumed: flow cytometry of a few biopsies"),
        ),
        counted(
            "effector CD8",
            lambda cd8_effector, site_volume: cd8_effector / site_volume,
            "tumour-specific effectors in a volume of tumour",
            "tumour",
            CELLS,
            Assay(cv=0.2, source="assumed: flow cytometry of a few biopsies"),
        ),
    ]


def _leukaemia() -> list:
    return [
        Observable(
            "leukaemia cells",
            "measurements",
            lambda tumour_cells: tumour_cells,
            "Mcell",
            COUNTED,
            compartment="bone marrow",
            panel=LIQUID,
            meaning="human leukaemia cells of a whole mouse",
        ),
        Observable(
            "macrophages beside them",
            "measurements",
            lambda macrophage_inflammatory, macrophage_suppressive: macrophage_inflammatory + macrophage_suppressive,
            "Mcell",
            COUNTED,
            compartment="bone marrow",
            panel=LIQUID,
            meaning="macrophages without the vector, of a whole mouse",
        ),
        Observable(
            "inflammatory among them",
            "measurements",
            lambda macrophage_inflammatory, macrophage_suppressive: (
                macrophage_inflammatory / (macrophage_inflammatory + macrophage_suppressive)
            ),
            "percent",
            COUNTED,
            compartment="bone marrow",
            panel=LIQUID,
            meaning="inflammatory share of the macrophages without the vector",
        ),
    ]
