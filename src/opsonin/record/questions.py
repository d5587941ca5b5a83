"""What a record is asked: the questions that a study, a mapping's [analysis] or a call may put, each of its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opsonin.record.schema import near


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(_is_text(one) for one in value)


def _are_numbers(value: Any) -> bool:
    return isinstance(value, Mapping) and all(_is_number(one) for one in value.values())


def _are_words(value: Any) -> bool:
    return isinstance(value, Mapping) and all(_is_text(one) for one in value.values())


def _are_biomarkers(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(_is_text(one) or _is_biomarker(one) for one in value)


def _is_biomarker(value: Any) -> bool:
    if not isinstance(value, Mapping) or not _is_text(value.get("marker")) or set(value) - BIOMARKER:
        return False
    day, against = value.get("day"), value.get("against")
    right_day = day is None or (isinstance(day, int) and not isinstance(day, bool) and day != 0)
    yes_or_no = all(value.get(key) in (None, True, False) for key in ("time_varying", "naive"))
    right_change = value.get("change") in (None, "", "ratio", "difference")
    return right_day and right_change and yes_or_no and (against is None or _are_texts(against))


def _is_cohort(value: Any) -> bool:
    if not isinstance(value, Mapping) or set(value) - {*COHORT_TEXTS, "outcome", "at_months"}:
        return False
    outcome, at = value.get("outcome"), value.get("at_months")
    lists = all(_are_texts(value[name]) for name in COHORT_TEXTS if value.get(name) is not None)
    return lists and (outcome is None or _is_text(outcome)) and (at is None or _is_number(at))


def _is_screen(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return _is_text(value) or (_are_texts(value) and bool(value))
    day, markers = value.get("day"), value.get("markers")
    right_day = day is None or (isinstance(day, int) and not isinstance(day, bool) and day != 0)
    right = _are_texts(value.get("against")) and bool(value["against"]) and not set(value) - SCREEN_KEYS
    return right and right_day and (markers is None or _are_texts(markers))


def _is_synergy(value: Any) -> bool:
    if not isinstance(value, Mapping) or set(value) - SYNERGY_KEYS:
        return False
    day, alone = value.get("day"), value.get("alone")
    right_day = isinstance(day, int) and not isinstance(day, bool) and day != 0
    named = _is_text(value.get("marker")) and _is_text(value.get("together"))
    control = value.get("control")
    two = isinstance(alone, list | tuple) and len(alone) == 2 and _are_texts(alone)
    return right_day and named and two and (control is None or _is_text(control))


SYNERGY_KEYS = {"marker", "day", "together", "alone", "control"}
SCREEN_KEYS = {"against", "markers", "day"}
COHORT_TEXTS = ("markers", "adjust", "categories")
BIOMARKER = {"marker", "day", "against", "change", "time_varying", "naive"}
TEXT = (_is_text, 'a text, such as "arm"')
TEXTS = (_are_texts, 'a list of texts, such as ["TMB", "CD8+"]')
NUMBER = (_is_number, "a number")
YES = (lambda value: isinstance(value, bool), "true or false")
SEARCHED = (
    lambda value: value in ("asked", "record"),
    '"record" (all that the record holds was looked at) or "asked" (the protocol fixed beforehand what is asked)',
)
MARKED = (_are_numbers, "a table of numbers, such as { TMB = 10 }")
NAMED = (_are_words, 'a table of texts, such as { TTDE = "Time to First Dermatologic Event" }')
BIOMARKERS = (
    _are_biomarkers,
    'a list such as [{ marker = "CD8+", day = 15, against = ["OS"] }], without day 0; change = "ratio" or "difference" '
    "may be added, and time_varying or naive = true, and no other keys",
)
COHORT = (_is_cohort, 'a table such as { outcome = "PFS", markers = ["CD3"], adjust = ["ecog"] }, without other keys')
CRITERIA = (
    lambda value: value in ("RECIST 1.1", "iRECIST", "Lugano", "marrow"),
    'the criteria by which lesions are judged, "RECIST 1.1", "iRECIST", "Lugano" or "marrow"',
)
SCREEN = (
    _is_screen,
    'endpoints, such as ["PFS", "response"], or a table such as { against = ["PFS"], day = 15, markers = ["CD8+"] }, '
    "without day 0 and without other keys",
)
PHASE_TWO = (
    lambda value: isinstance(value, Mapping) and all(_is_number(value.get(key)) for key in ("null", "target")),
    'a phase II design, such as { name = "simon", null = 0.05, target = 0.20 }',
)
SPECIES = (lambda value: value in ("human", "mouse"), 'whose bodies these are, "human" or "mouse"')
SYNERGY = (
    lambda value: isinstance(value, list | tuple) and all(_is_synergy(one) for one in value),
    'a list such as [{ marker = "tumour volume", day = 12, together = "A + B", alone = ["A", "B"] }], with '
    'control = "untreated" where that is not the arm the others are compared with, and no other keys',
)
STRATA = (lambda value: _is_text(value) or _are_texts(value), 'a column, or a list of columns, such as ["ecog"]')

KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "compare": TEXT, "reference": TEXT, "markers": TEXTS, "cut": MARKED, "biomarkers": BIOMARKERS, "strata": STRATA,
    "interaction": TEXTS, "analytes": TEXTS, "endpoint_names": NAMED, "level_names": TEXTS, "escalating_agent": TEXT,
    "escalating_agents": TEXTS,
    "confirm": YES, "criteria": CRITERIA, "dlt": TEXTS, "dlt_window_days": NUMBER, "design": TEXT, "levels": NUMBER,
    "design_seeks": TEXT,
    "cohort": COHORT, "phase_two": PHASE_TWO,
    "screen": SCREEN, "adjust": STRATA, "naive": YES, "searched": SEARCHED, "search_cut": TEXTS,
    "species": SPECIES, "synergy": SYNERGY,
}  # fmt: skip


def wrong_question(questions: Mapping[str, Any]) -> str | None:
    """What is wrong with the first question of a wrong kind, in words; None where all can be asked."""
    for name, value in questions.items():
        right, words = KINDS.get(name, (None, ""))
        if right is not None and value is not None and not right(value):
            return f"{name} = {value!r} cannot be used; write {words}."
    return None


def unknown_question(questions: Mapping[str, Any]) -> str | None:
    """The first question that no analysis reads, in words; None where all are known."""
    for name in questions:
        if name not in KINDS:
            return f"unknown key {name!r}{near(name, KINDS)}; it knows {', '.join(KINDS)}."
    return None
