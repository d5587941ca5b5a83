"""A study file, validated; builds model, patients, protocol and design from it, runs them and analyses the record."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsonin.study.benefit import explain_benefit
    from opsonin.study.library import bundled
    from opsonin.study.run import Run
    from opsonin.study.study import Study
    from opsonin.study.why import Explained, explain_response

# loaded on first use
_HOME = {
    "Explained": "why",
    "Run": "run",
    "Study": "study",
    "bundled": "library",
    "explain_benefit": "benefit",
    "explain_response": "why",
}
__all__ = ["Explained", "Run", "Study", "bundled", "explain_benefit", "explain_response"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"opsonin.study has no {name!r}; its public names are {', '.join(__all__)}.")
    return getattr(import_module(f"opsonin.study.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
