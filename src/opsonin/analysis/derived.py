"""What follows from a record's own tables and is not in it: responses from lesions, time to progression from visits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import pandas as pd

from opsonin.analysis.durations import endpoints_from_visits, response_times
from opsonin.errors import CriteriaError

CRITERIA = "RECIST 1.1"
LATE_DAYS = 14.0  # a first scan later than this after the start cannot stand for baseline unsaid


class Completed(NamedTuple):
    """A record with what followed from it.   derived: what that was;   problems: what could not be derived, and why."""

    record: Any
    derived: tuple[str, ...]
    problems: tuple[str, ...]


def completed(record: Any, questions: Mapping[str, Any] | None = None) -> Completed:
    """The record with what its lesions and visits say; its manifest's notes say what was derived.

    Responses are derived where the record has lesions and no responses, by `questions["criteria"]` (RECIST 1.1 where
    nothing is said), confirmed where `questions["confirm"]` is true; time to progression (where deaths are known,
    progression-free survival too) where visits are judged and neither is on record. The record given is not changed.
    """
    asked, problems = dict(questions or {}), []
    responses, said = record.responses, []
    if not len(responses) and len(record.lesions):
        made, words = _responses(record, str(asked.get("criteria") or CRITERIA), bool(asked.get("confirm")))
        (problems if made is None else said).append(words)
        responses = responses if made is None else made
    survival = _survival(record, responses, said)
    if not said:
        return Completed(record, (), tuple(problems))
    whole = record.view()
    whole.responses, whole.survival = responses, survival
    whole.manifest = replace(record.manifest, notes=[*record.manifest.notes, *said])
    return Completed(whole, tuple(said), tuple(problems))


def _responses(record: Any, criteria: str, confirm: bool) -> tuple[pd.DataFrame | None, str]:
    from opsonin.criteria.from_lesions import responses_from_lesions
    from opsonin.criteria.lesion_checks import suspicious_sizes
    from opsonin.record.tables import conform

    try:
        table = responses_from_lesions(
            record.lesions, criteria, confirm=confirm, measurements=record.measurements if len(record.lesions) else None
        )
    except CriteriaError as problem:
        return None, f"No responses could be derived from the lesions: {problem}"
    odd = suspicious_sizes(record.lesions)
    words = f"Responses were derived from the lesions by {criteria}, responses {'' if confirm else 'not '}confirmed."
    if len(odd):
        row = odd.iloc[0]
        first = (
            f"{row['lesion_id']} of {row['subject_id']} on day {row['day']:g}, {row['diameter_mm']:g} mm: {row['why']}"
        )
        words += f" Sizes to look at again: {len(odd)}, the first {first}"
    late = _late_baselines(record.lesions)
    if len(late):
        words += (
            f" Nothing was measured before treatment of {len(late)} subject{'s' if len(late) > 1 else ''}, the first "
            f"{late.index[0]}: the scan of day {late.iloc[0]:g} stands for baseline, and what happened before it is "
            "not seen."
        )
    return conform("responses", table), words


def _late_baselines(lesions: pd.DataFrame) -> pd.Series:
    """The first elapsed day measured, of subjects without a scan in time: until two weeks after the start."""
    first = lesions.groupby(lesions["subject_id"].astype(str))["day"].min().astype(float)
    return first[first > LATE_DAYS]


def _survival(record: Any, responses: pd.DataFrame, said: list[str]) -> pd.DataFrame:
    from opsonin.record.tables import conform

    survival = record.survival
    known = set(survival["endpoint"].dropna().astype(str)) if len(survival) else set()
    visits = responses[~responses["best"].fillna(False).to_numpy(dtype=bool)] if len(responses) else responses
    if not len(visits) or known & {"TTP", "PFS"}:
        return survival
    death_known = "OS" in known or bool((record.disposition["milestone"] == "death").any())
    times = response_times(responses, survival, record.disposition)
    made = endpoints_from_visits(times, death_known)
    which = "Time to progression and progression-free survival were" if death_known else "Time to progression was"
    said.append(
        f"{which} derived from the visits' responses, counted from day 1, censored at the last evaluable visit."
    )
    return conform("survival", pd.concat([survival, made], ignore_index=True) if len(survival) else made)
