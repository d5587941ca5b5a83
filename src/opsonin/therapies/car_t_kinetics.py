"""CAR T cells in the body: engraftment, expansion by antigen, contraction, memory.

One pool stands for all CAR T cells of the body, of which blood shows a small share. Cells that meet antigen divide,
each a limited number of times: `…_divisions` is the sum of the divisions that the cells of the pool have left, so that
a second infusion brings its own. Which share of the pool is in the tumour is a partition between it and the rest of
the body, in odds: the square of the odds of `access`, as cells made outside the body have two barriers in a row before
them (the wall of vessels and the stroma), over a product's own `…_barrier`. In a liquid tumour, whose access is near 1,
most of the pool is among the cancer cells; in a typical solid one, hardly any.

Products share these laws and differ in the numbers of a `Product`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opsonin.biology.clones import CELLS
from opsonin.model import (
    Administration,
    Assay,
    Observable,
    Process,
    Quantity,
    Species,
    laws,
)
from opsonin.therapies.car_t_parameters import Product, parameters


def kinetics(product: Product) -> list:
    """Parameters, pools and processes of a product."""
    law = naming(product.prefix)
    return [*parameters(product), *_pools(product, law), *_dynamics(product, law)]


def naming(prefix: str) -> Callable[..., Any]:
    """`law(function, "_cells", "entry")` reads the product's own `prefix_cells` and the patient's `entry`."""

    def law(function: Callable[..., Any], *names: str) -> Any:
        return laws.reading(function, *(prefix + name if name.startswith("_") else name for name in names))

    return law


def _pools(product: Product, law: Callable[..., Any]) -> list:
    p = product.prefix
    return [
        Species(f"{p}_fresh", CELLS, 0.0, "infused cells that have not settled", scale=10.0),
        Species(f"{p}_cells", CELLS, 0.0, "CAR T cells of the body", scale=10.0),
        Species(f"{p}_divisions", CELLS, 0.0, "divisions left, summed over these cells", scale=100.0),
        Species(f"{p}_memory", CELLS, 0.0, "memory CAR T cells", scale=1.0),
        Species(f"{p}_exhausted", CELLS, 0.0, "exhausted CAR T cells of the tumour", scale=1.0),
        Quantity(
            f"{p}_share",
            law(_share, "_barrier", "access", "infiltration", "site_volume", "entry_volume"),
            "dimensionless",
            "share of the pool that is in the tumour",
        ),
        Quantity(
            f"{p}_contact",
            law(lambda share, half: share * (1 + half) / (share + half), "_share", "_contact_half"),
            "dimensionless",
            "stimulation of cells that pass through the tumour relative to cells that stay in it",
        ),
        Quantity(
            f"{p}_activation",
            law(lambda density: density / (1 + density), "_antigen_density"),
            "dimensionless",
            "activation of a CAR by a cancer cell's antigen",
        ),
        Quantity(
            f"{p}_on_tumour",
            law(_on_tumour, "_contact", "_activation", "_antigen_half", "clone_antigen", "persisters"),
            "dimensionless",
            "stimulation by the tumour, 0 to 1",
        ),
        Quantity(
            f"{p}_stimulus",
            law(_stimulus, "_on_tumour", "_on_b_cells", "_body_b_cells", "_blood_volume", "_antigen_half", "b_cells"),
            "dimensionless",
            "stimulation by all antigen, 0 to 1",
        ),
        Quantity(
            f"{p}_room",
            law(_room, "_sink", "cd4_cells", "cd8_cells", "cd4_baseline", "cd8_baseline"),
            "dimensionless",
            "room that lymphodepletion makes",
        ),
        Quantity(
            f"{p}_active",
            law(_active, "_stimulus", "_room", "_cells", "_divisions", "few_cells"),
            "dimensionless",
            "share of the pool that divides; it neither contracts nor is exhausted meanwhile",
        ),
        Quantity(
            f"{p}_growth",
            law(lambda rate, active: rate * active, "_division_rate", "_active"),
            "1/day",
            "growth of the pool",
        ),
        Quantity(
            f"{p}_contraction",
            law(lambda loss, active: loss * (1 - active), "_loss", "_active"),
            "1/day",
            "contraction of the pool",
        ),
        Observable(
            f"CAR T cells ({product.agent})",
            "measurements",
            law(
                lambda cells, memory, share, volume: (cells + memory) * share / volume,
                "_cells",
                "_memory",
                "_blood_share",
                "_blood_volume",
            ),
            "cells/µl",
            Assay(cv=0.2, lower_limit=0.01, source="assumed: transgene by quantitative PCR"),
            compartment="blood",
            panel="CAR-T",
            meaning="CAR T cells of the blood",
        ),
    ]


def _share(barrier, access, infiltration, site_volume, entry_volume):
    """Two barriers in a row, the wall of vessels and the stroma: each lets through the odds of access."""
    passed = (access / (1 - access)) ** 2 / barrier
    odds = infiltration * passed * site_volume / (site_volume + entry_volume)
    return odds / (1 + odds)


def _on_tumour(contact, activation, half, clone_antigen, persisters):
    return contact * activation * (clone_antigen + persisters) / (clone_antigen + persisters + half)


def _stimulus(on_tumour, on_b_cells, body, volume, half, b_cells):
    """Either antigen is enough: one less both are missing."""
    there = on_b_cells * body * volume * b_cells
    return 1 - (1 - on_tumour) * half / (there + half)


def _room(sink, cd4_cells, cd8_cells, cd4_baseline, cd8_baseline):
    return 1 / (1 + sink * (cd4_cells + cd8_cells) / (cd4_baseline + cd8_baseline))


def _active(stimulus, room, cells, divisions, few_cells):
    """Cells with half a division left divide half as fast."""
    left = laws.positive(divisions) / (laws.positive(cells) + few_cells)
    return stimulus * room * left**2 / (left**2 + 0.25)


def _dynamics(product: Product, law: Callable[..., Any]) -> list:
    p = product.prefix
    return [
        Administration(
            product.agent, "intravenous infusion", into=f"{p}_fresh", meaning="living cells that carry the CAR"
        ),
        Process(
            f"{p}_settle",
            law(lambda fresh, homing, share: homing * share * fresh, "_fresh", "_homing", "_engraftment"),
            consumes=f"{p}_fresh",
            produces={f"{p}_cells": 1, f"{p}_divisions": law(lambda first: first, "_divisions_first")},
        ),
        Process(
            f"{p}_fail_to_settle",
            law(lambda fresh, homing, share: homing * (1 - share) * fresh, "_fresh", "_homing", "_engraftment"),
            consumes=f"{p}_fresh",
        ),
        Process(f"{p}_divide", law(lambda cells, growth: growth * cells, "_cells", "_growth"), produces=f"{p}_cells"),
        Process(
            f"{p}_divisions_inherited",
            law(lambda divisions, growth: growth * divisions, "_divisions", "_growth"),
            produces=f"{p}_divisions",
            meaning="both daughters have what the mother had left",
        ),
        Process(
            f"{p}_divisions_spent",
            law(lambda cells, growth: growth * cells / 0.6931471805599453, "_cells", "_growth"),
            consumes=f"{p}_divisions",
            meaning="less one division for each doubling",
        ),
        Process(
            f"{p}_contract",
            law(lambda cells, loss: loss * cells, "_cells", "_contraction"),
            consumes=f"{p}_cells",
            produces={f"{p}_memory": law(lambda share: share, "_memory_share")},
        ),
        Process(
            f"{p}_exhaust",
            law(lambda cells, rate: rate * cells, "_cells", "_exhaustion"),
            consumes=f"{p}_cells",
            produces=f"{p}_exhausted",
        ),
        Process(
            f"{p}_divisions_lost",
            law(lambda divisions, loss, rate: (loss + rate) * divisions, "_divisions", "_contraction", "_exhaustion"),
            consumes=f"{p}_divisions",
        ),
        Quantity(
            f"{p}_exhaustion",
            law(
                lambda own, rate, signal, share, load, active: own * rate * signal * share * load * (1 - active),
                "_exhausting",
                "exhaustion_rate",
                "exhaustion",
                "_share",
                "antigen_load",
                "_active",
            ),
            "1/day",
            "exhaustion of CAR T cells of the tumour, shared by the pool",
        ),
        Process(
            f"{p}_exhausted_lost",
            law(lambda cells, loss: loss * cells, "_exhausted", "exhausted_loss"),
            consumes=f"{p}_exhausted",
        ),
        Process(
            f"{p}_recalled",
            law(lambda memory, recall, tumour: recall * tumour * memory, "_memory", "_recall", "_on_tumour"),
            meaning="by the tumour; the few B cells that marrow makes are killed without it",
            consumes=f"{p}_memory",
            produces={f"{p}_cells": 1, f"{p}_divisions": law(lambda divisions: divisions, "_recall_divisions")},
        ),
        Process(
            f"{p}_memory_lost",
            law(lambda memory, loss: loss * memory, "_memory", "_memory_loss"),
            consumes=f"{p}_memory",
        ),
    ]
