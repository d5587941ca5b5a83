"""What counts as a dose-limiting toxicity: rules such as "capillary leak syndrome >= 3" and the window they look at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from opsonin.criteria.ctcae import GRADES, canonical, same_term
from opsonin.errors import CriteriaError

_ANY = "any"
_FORM = "write a CTCAE term and the lowest grade that counts, such as 'fatigue >= 3' ('any >= 4' for every term)"


@dataclass(frozen=True)
class DltRule:
    """An adverse event of at least `grade` is dose-limiting.   term: a CTCAE term, or "any"."""

    term: str
    grade: int

    def __post_init__(self) -> None:
        if not self.term.strip():
            raise CriteriaError(f"a DLT rule names no adverse event; {_FORM}.")
        if self.grade not in GRADES:
            raise CriteriaError(f"the DLT rule for {self.term!r} asks for grade {self.grade}; CTCAE grades are 1 to 5.")

    @property
    def text(self) -> str:
        return f"{self.term} >= {self.grade}"

    @property
    def is_any(self) -> bool:
        return canonical(self.term) == _ANY

    def names(self, term: str) -> bool:
        """Whether the rule is about this adverse event."""
        return self.is_any or same_term(self.term, term)

    @classmethod
    def parse(cls, text: str) -> DltRule:
        """From "capillary leak syndrome >= 3" ("≥" and "> 2" are read too).

        Raises: CriteriaError, quoting the text and the accepted form.
        """
        match = re.fullmatch(r"\s*(?P<term>[^<>=≥≤]*?)\s*(?P<sign>>=|≥|>)\s*(?:grade\s*)?(?P<grade>\d+)\s*", text)
        if match is None:
            raise CriteriaError(f"the DLT rule {text!r} cannot be read; {_FORM}.")
        lowest = int(match["grade"]) + (match["sign"] == ">")
        return cls(match["term"], lowest)


def parse_rules(texts: Iterable[str]) -> tuple[DltRule, ...]:
    """Several rules; an event that meets any of them is dose-limiting.

    Raises: CriteriaError for an unreadable rule or for one term with two grades.
    """
    rules = tuple(DltRule.parse(text) for text in texts)
    seen: dict[str, DltRule] = {}
    for rule in rules:
        other = seen.setdefault(canonical(rule.term), rule)
        if other.grade != rule.grade:
            raise CriteriaError(
                f"the DLT rules {other.text!r} and {rule.text!r} give one term two grades; keep the one that is meant."
            )
    return rules


def check_terms(rules: Sequence[DltRule], known: Iterable[str]) -> None:
    """Whether every rule can ever be met by the adverse events that a model or a protocol knows.

    Raises: CriteriaError naming the rule and the known terms.
    """
    terms = sorted(set(known))
    for rule in rules:
        if not any(rule.names(term) for term in terms):
            raise CriteriaError(
                f"the DLT rule {rule.text!r} can never be met: no adverse event of that name occurs; known are "
                f"{', '.join(terms) or 'none'}."
            )


def is_dose_limiting(
    rules: Sequence[DltRule],
    terms: Sequence[str],
    grades: Float[np.ndarray, " event"],
    start_day: Float[np.ndarray, " event"],
    window_days: float,
) -> Bool[np.ndarray, " event"]:
    """Which adverse events are DLTs: a rule is met and the grade began within [0, window) from protocol day 1.

    grades: NaN where not known (such an event meets no rule).   start_day: elapsed days, NaN where not known.
    """
    inside = (start_day >= 0) & (start_day < window_days)
    met = np.zeros(len(terms), dtype=bool)
    for term in set(terms):
        lowest = min((rule.grade for rule in rules if rule.names(term)), default=None)
        if lowest is not None:
            here = np.array([t == term for t in terms], dtype=bool)
            met |= here & (grades >= lowest)
    return met & inside
