"""The patient's biology that therapies act on: blood cells, acute phase, tumour, toxicity, survival.

`core()` gives every module of a patient without a drug. Biology knows no therapy: it declares signals
(`signals.py`), and whatever modulates them is the therapy's affair.
"""

from __future__ import annotations

from opsonin.biology.acute_phase import acute_phase, near_power
from opsonin.biology.blood import blood
from opsonin.biology.nk import natural_killer_cells
from opsonin.biology.signals import signals
from opsonin.biology.survival import survival
from opsonin.biology.toxicity import toxicity
from opsonin.biology.tumour import tumour
from opsonin.model import Module

__all__ = [
    "acute_phase",
    "blood",
    "core",
    "natural_killer_cells",
    "near_power",
    "signals",
    "survival",
    "toxicity",
    "tumour",
]


def core() -> list[Module]:
    """The modules of an untreated patient, in reading order; add therapies to make a model."""
    return [signals(), acute_phase(), blood(), natural_killer_cells(), tumour(), toxicity(), survival()]
