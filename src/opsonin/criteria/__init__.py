"""Response and toxicity criteria: pure functions of measurements, the same for virtual and for real patients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsonin.criteria.ctcae import GRADES, canonical, same_term
from opsonin.criteria.dlt import DltRule, check_terms, is_dose_limiting, parse_rules

if TYPE_CHECKING:
    from opsonin.criteria.from_lesions import responses_from_lesions
    from opsonin.criteria.lesion_checks import suspicious_sizes

__all__ = [
    "GRADES",
    "DltRule",
    "canonical",
    "check_terms",
    "is_dose_limiting",
    "parse_rules",
    "responses_from_lesions",
    "same_term",
    "suspicious_sizes",
]


def __getattr__(name: str) -> Any:
    if name == "responses_from_lesions":  # pandas loads when it is first used
        from opsonin.criteria.from_lesions import responses_from_lesions

        return responses_from_lesions
    if name == "suspicious_sizes":
        from opsonin.criteria.lesion_checks import suspicious_sizes

        return suspicious_sizes
    raise AttributeError(f"opsonin.criteria has no {name!r}.")
