"""Grades and terms of the Common Terminology Criteria for Adverse Events (CTCAE v5.0, NCI 2017).

Terms come to a record in the spelling of whoever wrote them, so rules compare `canonical` forms: case, spaces,
American spelling and the usual short forms of laboratory terms do not matter; nothing else is guessed.
"""

from __future__ import annotations

import re
from functools import cache

GRADES = {
    1: "mild",
    2: "moderate",
    3: "severe, not immediately life-threatening",
    4: "life-threatening",
    5: "death related to the event",
}

# short forms that teams write for a CTCAE term (CTCAE v5.0, "Investigations" and "Vascular disorders")
_SYNONYMS = {
    "alt increased": "alanine aminotransferase increased",
    "increased alt": "alanine aminotransferase increased",
    "ast increased": "aspartate aminotransferase increased",
    "increased ast": "aspartate aminotransferase increased",
    "capillary leak": "capillary leak syndrome",
    "neutropenia": "neutrophil count decreased",
    "thrombocytopenia": "platelet count decreased",
    "thrombopenia": "platelet count decreased",
    "lymphopenia": "lymphocyte count decreased",
    "pyrexia": "fever",
}
_BRITISH = {
    r"\banemia\b": "anaemia",
    r"\bdiarrhea\b": "diarrhoea",
    r"\bedema\b": "oedema",
    r"hemorrhage": "haemorrhage",
    r"\bdyspnea\b": "dyspnoea",
    r"leukemia": "leukaemia",
}


@cache
def canonical(term: str) -> str:
    """The form in which terms are compared: "ALT  increased" → "alanine aminotransferase increased"."""
    text = re.sub(r"\s+", " ", term.replace("_", " ")).strip().casefold()
    for american, british in _BRITISH.items():
        text = re.sub(american, british, text)
    return _SYNONYMS.get(text, text)


def same_term(one: str, other: str) -> bool:
    """Whether two texts name the same adverse event."""
    return canonical(one) == canonical(other)
