"""Dormant cancer cells: out of the cycle, scattered where T cells seldom come, and awake years later.

What is left after a response is not always nothing. Tumour cells that survive an attack by T cells are quiescent
(Baldominos 2022, Cell 185:1694), and scattered dormant cells last because T cells seldom meet them (Goddard 2024,
Cancer Cell 42:119). Each that wakes is a cycling cell with its antigen: whether it makes a relapse is decided by the
T cells that it finds (Park 2019, Nature 565:366: melanoma held in the skin by resident memory, and some of it growing
out when that is taken away).
"""

from __future__ import annotations

from opsonin.biology.clones import CELLS
from opsonin.model import LogNormal, Module, Parameter, Process, Species


def dormant_cells() -> Module:
    """A reservoir of dormant cells that nothing kills and that wakes slowly."""
    return Module(
        "dormant cells",
        [
            Parameter(
                "dormant_share",
                1e-4,
                "dimensionless",
                "assumed: a million cells beside a tumour of fifty millilitres, as many as one in a million of the "
                "marrow's nucleated cells (Braun 2005, N Engl J Med 353:793, for the order); spread assumed",
                LogNormal(3.0),
                upper=0.01,
                meaning="dormant cells before treatment, relative to the other cancer cells",
            ),
            Parameter(
                "awakening_rate",
                0.001,
                "1/day",
                "assumed: a dormant cell sleeps for some years, as relapses after a complete response are spread "
                "over years",
                meaning="dormant cells that return to the cycle",
            ),
            Species(
                "dormant",
                CELLS,
                lambda baseline_cells, dormant_share: baseline_cells * dormant_share,
                "dormant cells, too few and too scattered to be seen or found",
                scale=0.01,
            ),
            Process(
                "dormant_wake",
                lambda dormant, awakening_rate: awakening_rate * dormant,
                consumes="dormant",
                produces="clone_antigen",
            ),
        ],
        title="Dormant cancer cells",
        source="Goddard 2024, Cancer Cell 42:119; Baldominos 2022, Cell 185:1694; Park 2019, Nature 565:366",
    )
