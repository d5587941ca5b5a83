"""Regulatory T cells and natural killer cells of the tumour, as in blood; suppressor cells; suppression."""

from __future__ import annotations

from opsonin.model import LogNormal, Module, Parameter, Process, Quantity, Species


def site_cells() -> Module:
    """What the blood sends into the tumour beside effectors and monocytes, and how killing is suppressed."""
    return Module(
        "regulatory and natural killer cells of the tumour",
        [*_regulatory(), *_natural_killers(), *_suppressors(), *_suppression()],
        title="Regulatory T cells, natural killer cells and suppression in the tumour",
        source="assumed forms; see the parameters",
    )


def _regulatory() -> list:
    return [
        Parameter(
            "treg_level",
            1.0,
            "dimensionless",
            "assumed: a scale, regulatory T cells in a volume of a typical tumour; spread assumed",
            LogNormal(0.6),
            meaning="regulatory T cells of the tumour at baseline, relative to a typical one",
        ),
        Parameter(
            "treg_site_loss",
            0.08,
            "1/day",
            "assumed: about that of the blood (Vukmanovic-Stejic 2006, J Clin Invest 116:2423)",
            meaning="loss of regulatory T cells from the tumour",
        ),
        Species(
            "treg_tumour", "dimensionless", lambda treg_level: treg_level, "regulatory T cells in a volume of tumour"
        ),
        Process(
            "treg_enter",
            lambda treg_level, treg_site_loss, treg_recruitment, treg_cells, treg_baseline: (
                treg_site_loss * treg_level * treg_recruitment * treg_cells / treg_baseline
            ),
            produces="treg_tumour",
        ),
        Process(
            "treg_lost_from_tumour",
            lambda treg_tumour, treg_site_loss, treg_depletion: (treg_site_loss + treg_depletion) * treg_tumour,
            consumes="treg_tumour",
        ),
    ]


def _natural_killers() -> list:
    return [
        Parameter(
            "nk_kill_rate",
            0.004,
            "1/day",
            "assumed: a small part of growth at full activation, as natural killer cells are few in solid tumours",
            LogNormal(0.5),
            meaning="greatest killing by activated natural killer cells",
        ),
        Parameter(
            "nk_kill_half",
            100.0,
            "cells/µl",
            "assumed: about the activated count of the blood after one course of IL-2",
            meaning="activated natural killer cells of the blood at which killing is half of its greatest",
        ),
        Quantity(
            "nk_kill",
            lambda nk_kill_rate, nk_kill_half, nk_active, nk_killing: (
                nk_kill_rate * nk_killing * nk_active / (nk_kill_half + nk_active)
            ),
            "1/day",
            "killing of cancer cells by natural killer cells",
        ),
    ]


def _suppressors() -> list:
    return [
        Parameter(
            "mdsc_level",
            1.0,
            "dimensionless",
            "assumed: a scale, suppressor cells in a volume of a typical tumour; spread assumed",
            LogNormal(0.7),
            meaning="myeloid-derived suppressor cells of the tumour, relative to a typical one",
        ),
        Parameter(
            "mdsc_loss",
            0.1,
            "1/day",
            "assumed: suppressor cells live for about ten days",
            meaning="loss of suppressor cells",
        ),
        Species("mdsc", "dimensionless", lambda mdsc_level: mdsc_level, "suppressor cells in a volume of tumour"),
        Process(
            "mdsc_enter",
            lambda mdsc_level, mdsc_loss, mdsc_recruitment: mdsc_loss * mdsc_level * mdsc_recruitment,
            produces="mdsc",
        ),
        Process("mdsc_lost", lambda mdsc, mdsc_loss: mdsc_loss * mdsc, consumes="mdsc"),
    ]


def _suppression() -> list:
    return [
        Parameter(
            "treg_weight",
            0.7,
            "dimensionless",
            "assumed: a typical tumour's regulatory T cells take about a quarter of killing away",
            meaning="weight of regulatory T cells in suppression",
        ),
        Parameter(
            "mdsc_weight",
            0.5,
            "dimensionless",
            "assumed: a typical tumour's suppressor cells weigh a little less than its regulatory T cells",
            meaning="weight of suppressor cells in suppression",
        ),
        Parameter(
            "macrophage_weight",
            0.7,
            "dimensionless",
            "assumed: a typical tumour's suppressive macrophages weigh as much as its regulatory T cells",
            meaning="weight of suppressive macrophages in suppression",
        ),
        Quantity(
            "suppression",
            lambda treg_weight, treg_tumour, mdsc_weight, mdsc, macrophage_weight, suppressive_density: (
                1 / (1 + treg_weight * treg_tumour + mdsc_weight * mdsc + macrophage_weight * suppressive_density)
            ),
            "dimensionless",
            "share of killing that regulatory T cells, suppressor cells and macrophages leave",
        ),
    ]
