"""Words for those whom a record is about: what is said of patients, said of mice.

Texts are written of patients. Where a record says that its subjects are mice (the question `species`), `said` puts the
right nouns in, and says survival, not overall survival, as there is no progression beside it. Sources are never put
through it: what a publication says of patients stays so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HUMAN, MOUSE = "human", "mouse"
_WORDS = {
    "simulated patients, no one was treated": "simulated mice, no animal was treated",
    "simulated patients; no one was treated": "simulated mice; no animal was treated",
    "patients'": "mice's",
    "patients’": "mice's",
    "patients": "mice",
    "patient": "mouse",
    "overall survival": "survival",
    "os": "survival",
    "response and survival": "survival",
    "immune monitoring": "burden and immune cells",
    "immune cells on": "measured on",
    "immune panel": "panel",
    "cell type": "marker",
    "why they respond": "why they live longer",
    "the trial": "the experiment",
    "virtual trial": "virtual experiment",
    "replicate trial": "replicate experiment",
    "replicate trials": "replicate experiments",
    "progression is seen on a scan, drop-out or death": "the last dose planned, or death",
    "beyond safety, response and survival": "beyond survival",
}
_MONTHS = re.compile(r" \(\d[\d.,]* months\)")  # beside days, which mice do not live long enough for
_ANY = re.compile(
    r"\b(" + "|".join(map(re.escape, sorted(_WORDS, key=len, reverse=True))) + r")(?![\w-])", re.IGNORECASE
)


def species_of(questions: Mapping[str, Any] | None) -> str:
    """Whose a record is: "human" where it does not say."""
    return str((questions or {}).get("species") or HUMAN)


def said(text: str, species: str) -> str:
    """The text with the nouns of the species; as it is for people. A capital letter stays one."""
    if species == HUMAN or not text:
        return text
    return _ANY.sub(_put, _MONTHS.sub("", text))


def _put(found: re.Match[str]) -> str:
    old, new = found[0], _WORDS[found[0].lower()]
    return new[0].upper() + new[1:] if old[0].isupper() and old != "OS" else new
