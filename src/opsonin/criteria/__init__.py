"""Response and toxicity criteria: pure functions of measurements, the same for virtual and for real patients."""

from opsonin.criteria.ctcae import GRADES, canonical, same_term
from opsonin.criteria.dlt import DltRule, check_terms, is_dose_limiting, parse_rules

__all__ = ["GRADES", "DltRule", "canonical", "check_terms", "is_dose_limiting", "parse_rules", "same_term"]
