"""The tumour: one volume relative to baseline, grown by itself, killed by NK cells, CD8+ T cells and drugs.

All target lesions of a patient change in proportion; a lesion's diameter is its baseline diameter times the cube root
of the relative volume.
"""

from __future__ import annotations

from opsonin.biology.lesions import (
    baseline_diameters,
    measured_lesions,
    new_lesion,
    new_lesion_rate,
    relative_diameter,
)
from opsonin.model import LogNormal, Module, Parameter, Process, Quantity, Species

ARKENAU = "Arkenau 2008, Br J Cancer 98:1029 (212 patients of 29 phase I trials: median PFS 11 weeks, OS 43 weeks)"
PAUTIER = "Pautier 2013, OncoImmunology 2:e23079 (stable disease 8/17, no response)"


def tumour() -> Module:
    """Relative tumour volume, lesion diameters in mm, and new lesions."""
    return Module(
        "tumour",
        [
            Parameter(
                "tumour_growth_rate",
                0.0108,
                "1/day",
                f"calibrated to: stable disease in 8 of 17, {PAUTIER}",
                LogNormal(0.5),
                lower=0.0005,
                upper=0.1,
                meaning="growth rate of the volume without killing",
            ),
            Parameter(
                "tumour_ceiling",
                60.0,
                "dimensionless",
                "assumed: growth stops at 60 times the baseline volume, beyond what patients survive",
                meaning="largest relative volume",
            ),
            Parameter(
                "nk_kill_rate",
                0.008,
                "1/day",
                "assumed: moderate, two thirds of the median growth rate at full NK activation; "
                "gives HLA-DR+ NK cells their link "
                "with PFS and OS by mechanism (Chaput 2013, OncoImmunology 2:e23080)",
                LogNormal(0.5),
                meaning="greatest killing by activated NK cells",
            ),
            Parameter(
                "nk_kill_half",
                100.0,
                "cells/µl",
                "assumed: about the activated count after one course of IL-2",
                meaning="activated NK cells at which killing is half of its greatest",
            ),
            Parameter(
                "t_kill_rate",
                0.003,
                "1/day",
                "assumed: small, since disease is refractory and responses to IL-2 are rare",
                LogNormal(0.5),
                meaning="killing by CD8+ T cells at baseline counts without regulatory T cells",
            ),
            Parameter(
                "treg_suppression",
                0.08,
                "dimensionless",
                "assumed: half of T-cell killing is suppressed at the baseline regulatory share",
                meaning="regulatory share of CD4+ cells that halves T-cell killing",
            ),
            new_lesion_rate(),
            *baseline_diameters(),
            Species("tumour_volume", "dimensionless", 1.0, "volume of the tumour, relative to the start"),
            Quantity("nk_kill", _nk_kill, "1/day", "killing of the tumour by activated NK cells"),
            Quantity("t_kill", _t_kill, "1/day", "killing of the tumour by CD8+ T cells"),
            relative_diameter(),
            Process("tumour_grow", _grow, produces="tumour_volume"),
            Process(
                "tumour_killed",
                lambda tumour_volume, nk_kill, t_kill, tumour_killing: (
                    (nk_kill + t_kill + tumour_killing) * tumour_volume
                ),
                consumes="tumour_volume",
            ),
            new_lesion(),
            *measured_lesions(),
        ],
        title="Tumour growth and killing",
        source=f"{PAUTIER}; {ARKENAU}",
    )


def _grow(tumour_volume, tumour_growth_rate, tumour_growth, tumour_ceiling):
    return tumour_growth_rate * tumour_growth * tumour_volume * (1 - tumour_volume / tumour_ceiling)


def _nk_kill(nk_kill_rate, nk_kill_half, nk_active, nk_killing):
    return nk_kill_rate * nk_killing * nk_active / (nk_kill_half + nk_active)


def _t_kill(t_kill_rate, cd8_cells, cd8_baseline, treg_share, treg_suppression, t_killing):
    return t_kill_rate * t_killing * cd8_cells / cd8_baseline / (1 + treg_share / treg_suppression)
