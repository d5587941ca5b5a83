"""The patient's biology that therapies act on: blood cells, acute phase, tumour, toxicity, survival.

`core()` gives every module of a patient without a drug. Biology knows no therapy: it declares signals
(`signals.py`), and whatever modulates them is the therapy's affair.
"""

from __future__ import annotations

from opsonin.biology.acute_phase import acute_phase, near_power
from opsonin.biology.baseline import baseline
from opsonin.biology.blood import blood
from opsonin.biology.cd8 import cd8_cells
from opsonin.biology.checkpoints import checkpoints
from opsonin.biology.clones import clones
from opsonin.biology.dormancy import dormant_cells
from opsonin.biology.immune_toxicity import immune_toxicity
from opsonin.biology.mice import mice
from opsonin.biology.myeloid import myeloid_cells
from opsonin.biology.nk import natural_killer_cells
from opsonin.biology.presentation import presentation
from opsonin.biology.signals import signals
from opsonin.biology.site_cells import site_cells
from opsonin.biology.site_signals import site_signals
from opsonin.biology.sites import DIFFERENT, MOST_SITES, site_names, sites_core
from opsonin.biology.survival import survival
from opsonin.biology.toxicity import toxicity
from opsonin.biology.tumour import tumour
from opsonin.errors import ModelError
from opsonin.model import Model, Module

__all__ = [
    "DIFFERENT",
    "MOST_SITES",
    "acute_phase",
    "baseline",
    "blood",
    "cd8_cells",
    "checkpoints",
    "clones",
    "core",
    "core_for",
    "core_named",
    "dormant_cells",
    "full_core",
    "immune_toxicity",
    "mice",
    "mouse_core",
    "myeloid_cells",
    "natural_killer_cells",
    "near_power",
    "presentation",
    "signals",
    "site_cells",
    "site_names",
    "site_signals",
    "sites_core",
    "survival",
    "toxicity",
    "tumour",
]


def full_core() -> list[Module]:
    """The modules of an untreated patient whose tumour holds immune cells, in reading order."""
    return [
        signals(),
        site_signals(),
        acute_phase(),
        blood(),
        natural_killer_cells(),
        clones(),
        dormant_cells(),
        presentation(),
        cd8_cells(),
        checkpoints(),
        myeloid_cells(),
        site_cells(),
        baseline(),
        toxicity(),
        immune_toxicity(),
        survival(),
    ]


def mouse_core() -> list[Module]:
    """The full core as mice are looked at: without the adverse events that are graded in patients."""
    of_patients = ("toxicity", "immune toxicity")
    return [*(module for module in full_core() if module.name not in of_patients), mice()]


def core_named(name: str, sites: int = 1) -> list[Module]:
    """The modules of an untreated patient by the name an indication gives: "first", "full" or "mouse".

    sites: of lesions that have immune systems of their own; the first core has one.
    """
    modules = {"first": core, "full": full_core, "mouse": mouse_core}[name]()
    return modules if sites == 1 else sites_core(modules, sites)


def core_for(module: Module) -> list[Module]:
    """The core a therapy is explained in: the smaller one, unless it acts on what only the full one has."""
    try:
        Model([module, *core()]).symbolic  # noqa: B018 - tracing raises where the module does not fit
    except ModelError:
        return full_core()
    return core()


def core() -> list[Module]:
    """The modules of an untreated patient, in reading order; add therapies to make a model."""
    return [signals(), acute_phase(), blood(), natural_killer_cells(), tumour(), toxicity(), survival()]
