"""The grammar of models: named parts, composed by union, traced once into SymPy.

Parts are plain values, so that importing this package loads neither SymPy nor pint; a model is traced when its
`symbolic` form is first asked for.
"""

from __future__ import annotations

from opsonin.model import laws
from opsonin.model.changes import Event, Input
from opsonin.model.module import Model, Module
from opsonin.model.parts import (
    Administration,
    Assay,
    Covariate,
    Derived,
    Hazard,
    Modulation,
    Observable,
    Parameter,
    Process,
    Quantity,
    Signal,
    Species,
)
from opsonin.model.spreads import LogitNormal, LogNormal, Normal, Spread

__all__ = [
    "Administration",
    "Assay",
    "Covariate",
    "Derived",
    "Event",
    "Hazard",
    "Input",
    "LogNormal",
    "LogitNormal",
    "Model",
    "Modulation",
    "Module",
    "Normal",
    "Observable",
    "Parameter",
    "Process",
    "Quantity",
    "Signal",
    "Species",
    "Spread",
    "laws",
]
