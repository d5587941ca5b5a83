"""Analyses: a record goes in, findings come out; the same code for virtual and real trials.

Importing this costs nothing: pandas, NumPy and the analyses load on first use, and no simulator ever does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsonin.analysis.findings import Finding, Findings
    from opsonin.analysis.nca import Nca, nca
    from opsonin.analysis.survival import (
        CoxFit,
        KaplanMeier,
        LogRank,
        cox,
        cox_single_covariate_many,
        kaplan_meier,
        landmark,
        logrank,
    )

# where each public name lives
_HOME = {
    "Finding": "findings",
    "Findings": "findings",
    "Nca": "nca",
    "nca": "nca",
    "CoxFit": "survival",
    "KaplanMeier": "survival",
    "LogRank": "survival",
    "cox": "survival",
    "cox_single_covariate_many": "survival",
    "kaplan_meier": "survival",
    "landmark": "survival",
    "logrank": "survival",
}
__all__ = [
    "CoxFit",
    "Finding",
    "Findings",
    "KaplanMeier",
    "LogRank",
    "Nca",
    "cox",
    "cox_single_covariate_many",
    "kaplan_meier",
    "landmark",
    "logrank",
    "nca",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"opsonin.analysis has no {name!r}; its public names are {', '.join(__all__)}.")
    return getattr(import_module(f"opsonin.analysis.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
