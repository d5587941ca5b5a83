"""Monocytes given into the blood: how many live, how long they stay, and how many the tumour draws.

They leave the blood as fast as a patient's own, and a tumour draws of them the share that it draws of those, so that a
dose counts against the 2.5e9 monocytes that blood holds and replaces every day.
"""

from __future__ import annotations

from collections.abc import Mapping

from opsonin.biology.clones import CELLS
from opsonin.model import (
    Administration,
    Assay,
    LogitNormal,
    LogNormal,
    Modulation,
    Observable,
    Parameter,
    Process,
    Quantity,
    Species,
    laws,
)

MORONI = "Moroni 2019, Nat Med 25:1560 (autologous macrophages, up to 1e9, in nine patients: well tolerated)"
CT0508 = (
    "first trial of CT-0508, CAR macrophages, 2025, Nat Med (NCT04660929: no dose-limiting toxicity and no cytokine "
    "release syndrome of grade 3 in 14)"
)


def monocytes_in_blood(
    agent: str, prefix: str, becoming: Mapping[str, object], product: Mapping[str, str] | None = None
) -> list:
    """Dose, loss from blood, entry into the tumour and infusion reactions.

    becoming: the species that an entering cell becomes, with shares that add up to one (numbers or laws).
    product: figures of a batch beside its viability, by the column of the record's `products` that holds them.
    """
    p = prefix
    return [
        Parameter(
            f"{p}_viability",
            0.9,
            "dimensionless",
            "assumed: release criteria ask for 70 % and more; a batch's own figure stands in the record's products",
            LogitNormal(0.4),
            meaning="living share of the cells infused",
        ),
        Parameter(
            f"{p}_homing",
            1.0,
            "dimensionless",
            "assumed: a tumour draws infused monocytes as it draws the patient's own",
            LogNormal(0.4),
            meaning="entry of infused monocytes into the tumour relative to the patient's own",
        ),
        Parameter(f"{p}_blood_volume", 5.0, "l", "assumed: an adult's", meaning="blood volume"),
        Parameter(
            f"{p}_reaction",
            0.15,
            "1/day",
            f"assumed: reactions in about one infusion of ten, mild; {MORONI} had none",
            meaning="hazard of an infusion reaction while many infused cells are in blood",
        ),
        Parameter(
            f"{p}_reaction_cells",
            1000.0,
            CELLS,
            "assumed: a scale, the largest dose of the trial named above",
            meaning="infused cells in blood at which that hazard is half of its greatest",
        ),
        Species(f"{p}_blood", CELLS, 0.0, "infused living monocytes of the blood", scale=100.0),
        Quantity(
            f"{p}_entry",
            laws.reading(
                _entry,
                f"{p}_homing",
                f"{p}_blood_volume",
                "macrophage_supply",
                "drawing_volume",
                "monocyte_recruitment",
                "monocyte_baseline",
            ),
            "1/day",
            "entry of infused monocytes into the tumour",
        ),
        Process(
            f"{p}_leave",
            laws.reading(lambda blood, loss: loss * blood, f"{p}_blood", "monocyte_loss"),
            consumes=f"{p}_blood",
            meaning="to all other tissues",
        ),
        Process(
            f"{p}_enter",
            laws.reading(lambda blood, entry: entry * blood, f"{p}_blood", f"{p}_entry"),
            consumes=f"{p}_blood",
            produces=becoming,  # type: ignore[arg-type]
        ),
        Administration(
            agent,
            "intravenous infusion",
            into=f"{p}_blood",
            fraction=laws.reading(lambda viability: viability, f"{p}_viability"),
            meaning="cells infused, of which a share lives",
            product={"viability_fraction": f"{p}_viability", **(product or {})},
        ),
        Modulation(
            "infusion_reaction",
            laws.reading(
                lambda rate, blood, half: laws.emax(blood, rate, half),
                f"{p}_reaction",
                f"{p}_blood",
                f"{p}_reaction_cells",
            ),
        ),
        Observable(
            f"infused cells ({agent})",
            "measurements",
            laws.reading(lambda blood, volume: blood / volume, f"{p}_blood", f"{p}_blood_volume"),
            "cells/µl",
            Assay(cv=0.2, lower_limit=0.1, source="assumed: vector copies by quantitative PCR, or a label"),
            compartment="blood",
            panel="cell therapy",
            meaning="infused monocytes of the blood",
        ),
    ]


def _entry(homing, volume, macrophage_supply, drawing_volume, monocyte_recruitment, monocyte_baseline):
    """What the tumour draws of the patient's own monocytes in a day, over what the blood holds of them."""
    return homing * macrophage_supply * drawing_volume * monocyte_recruitment / (monocyte_baseline * volume)
