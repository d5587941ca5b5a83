"""A retrospective cohort as a model wants it: who, how long, the markers, and the clinical variables coded in words.

`questions["cohort"]` says what is asked: { outcome = "PFS", markers = ["CD3"], adjust = ["miettinen", "kit"] }, with
`categories` for ordered scales that are to be taken as categories, and `at_months` for the time of calibration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.markers import Marker, read_marker
from opsonin.analysis.time_to_event import endpoint_table, endpoints
from opsonin.errors import AnalysisError
from opsonin.record.schema import near

MOST_LEVELS = 12  # a column with more words than this is no category (a name, a date, a free text)
FEW_NUMBERS = 6  # a whole number with at most so many values (ECOG, a count of sites) is taken per 1
SCALES = (
    ("none", "very low", "low", "moderate", "high", "very high"),
    ("none", "very low", "low", "intermediate", "high", "very high"),
    ("negative", "weak", "moderate", "strong"),
    ("i", "ii", "iii", "iv"),
    ("g1", "g2", "g3", "g4"),
    ("0", "1+", "2+", "3+"),
)


@dataclass(frozen=True)
class Variable:
    """One variable of the model, by subject_id.   role: "marker" or "clinical".   kind: number, scale or category.

    raw: as recorded (missing where unknown).   terms: its columns in a model, missing where raw is; a category has one
    for each level but the reference.   step: what a term's ratio is per.   levels: words in order, the reference first
    for a category.
    """

    name: str
    role: str
    kind: str
    raw: pd.Series
    terms: pd.DataFrame
    unit: str
    step: str
    levels: list[str] = field(default_factory=list)

    @property
    def known(self) -> pd.Index:
        """The subjects in whom it is known."""
        return self.terms.index[self.terms.notna().all(axis=1).to_numpy(dtype=bool)]

    @property
    def words(self) -> str:
        """What a ratio is per, in words: "CD3, per doubling"."""
        return f"{self.name}, {self.step}" if self.step else self.name


@dataclass(frozen=True)
class Cohort:
    """rows: subject_id as index; day, event.   at_months: when predictions are held against what happened."""

    outcome: str
    rows: pd.DataFrame
    markers: list[Variable]
    clinical: list[Variable]
    at_months: float | None = None

    @property
    def variables(self) -> list[Variable]:
        """The markers, then the clinical variables."""
        return [*self.markers, *self.clinical]

    def complete(self, variables: Sequence[Variable]) -> pd.Index:
        """Those of the cohort in whom every one of these is known."""
        known = self.rows.index
        for variable in variables:
            known = known[known.isin(variable.known)]
        return known

    def design(self, variables: Sequence[Variable], who: pd.Index) -> pd.DataFrame:
        """The terms of these variables as columns; those that do not vary among `who` are left out."""
        parts = [v.terms.loc[who] for v in variables]
        x = pd.concat(parts, axis=1) if parts else pd.DataFrame(index=who)
        return x.loc[:, x.nunique().to_numpy() > 1].astype(float)


def read_cohort(asked: Asked) -> Cohort:
    """The cohort that the questions ask about.

    Raises: AnalysisError for an outcome, marker or column that is not there, or one that no model can use.
    """
    question = dict(asked.questions.get("cohort") or {})
    outcome = _outcome(asked, question.get("outcome"))
    rows = endpoint_table(asked.table("survival"), outcome).set_index("subject_id")[["day", "event"]]
    if not rows["event"].any():
        raise AnalysisError(f"nobody of the {len(rows)} patients had the event of {outcome}: nothing can be estimated.")
    names, adjust = list(question.get("markers") or []), list(question.get("adjust") or [])
    if not names:
        raise AnalysisError('a cohort is asked about markers: name them, such as --markers "CD3,NKp46".')
    twice = next((n for k, n in enumerate([*names, *adjust]) if n in [*names, *adjust][:k]), None)
    if twice is not None:
        raise AnalysisError(f"{twice!r} is named twice; give it among the markers or among the adjustments.")
    as_words = set(question.get("categories") or [])
    markers = [_marker(asked, name, rows.index) for name in names]
    clinical = [_clinical(asked, name, rows.index, name in as_words) for name in adjust]
    at = question.get("at_months")
    return Cohort(outcome, rows, markers, clinical, None if at is None else float(at))


def _outcome(asked: Asked, wanted: str | None) -> str:
    there = endpoints(asked.table("survival"))
    if not there:
        raise AnalysisError("the record has no times to event, so that no outcome can be analysed.")
    if wanted is None:
        return "PFS" if "PFS" in there else there[0]
    if wanted not in there:
        raise AnalysisError(f"there is no outcome {wanted!r}{near(wanted, there)}; the record has {', '.join(there)}.")
    return wanted


def _marker(asked: Asked, name: str, who: pd.Index) -> Variable:
    try:
        marker = read_marker(asked, name, None)
    except AnalysisError as problem:
        known = [str(m) for m in asked.table("measurements")["marker"].dropna().unique()]
        raise AnalysisError(f"{str(problem).rstrip('.')}{near(name, known)}.") from problem
    return _number(name, "marker", marker, who)


def _number(name: str, role: str, marker: Marker, who: pd.Index) -> Variable:
    """A number as every marker of a report is taken: per doubling where it spreads, else per SD."""
    raw = marker.values.reindex(who).astype(float)
    if raw.nunique() < 2:
        raise AnalysisError(
            f"{name} is the same in all {int(raw.notna().sum())} patients it is known in; leave it out."
        )
    terms = pd.DataFrame({name: marker.scaled(raw.to_numpy(dtype=float))}, index=who).where(
        raw.notna().to_numpy()[:, None]
    )
    return Variable(name, role, "number", raw, terms, marker.unit, marker.step)


def _clinical(asked: Asked, name: str, who: pd.Index, as_words: bool) -> Variable:
    """A column of the subjects: a number, an ordered scale (a score per step) or a category; else a marker."""
    subjects = asked.table("subjects").set_index("subject_id")
    columns = [c for c in subjects.columns if subjects[c].notna().any()]
    if name not in columns:
        markers = {str(m) for m in asked.table("measurements")["marker"].dropna().unique()}
        if name in markers:
            return _number(name, "clinical", read_marker(asked, name, None), who)
        raise AnalysisError(
            f"there is no column {name!r} of subjects to adjust for{near(name, [*columns, *markers])}; there are "
            f"{', '.join([*columns, *sorted(markers)])}."
        )
    raw: Any = subjects[name].reindex(who)
    if pd.api.types.is_bool_dtype(raw):
        raw = raw.map({True: "yes", False: "no"})
    if pd.api.types.is_numeric_dtype(raw) and not as_words:
        values = raw.astype(float)
        if values.dropna().nunique() < 2:
            raise AnalysisError(f"{name} is the same in everyone it is known in; leave it out of the adjustment.")
        if values.dropna().nunique() <= FEW_NUMBERS and (values.dropna() % 1 == 0).all():
            terms = pd.DataFrame({name: values})
            return Variable(name, "clinical", "scale", values, terms, "", "per 1", _words(values))
        return _number(name, "clinical", read_marker(asked, name, None), who)
    text = raw.astype("string").str.strip()
    return _worded(name, text.astype(object).mask(text.isna()), as_words)


def _worded(name: str, raw: pd.Series, as_words: bool) -> Variable:
    counts = raw.dropna().value_counts()
    if counts.size < 2:
        raise AnalysisError(f"{name} is the same in everyone it is known in; leave it out of the adjustment.")
    if counts.size > MOST_LEVELS:
        some = ", ".join(map(str, counts.index[:4]))
        raise AnalysisError(
            f"{name} has {counts.size} different words ({some} …); a category has at most {MOST_LEVELS}. Group them "
            "first, or give a number."
        )
    scale = _scale(counts.index.astype(str).tolist())
    if scale and not as_words:
        place = {word: float(k) for k, word in enumerate(scale)}
        score = raw.map(lambda word: place.get(str(word).lower(), np.nan), na_action="ignore").astype(float)
        levels = [w for w in scale if w in {str(x).lower() for x in counts.index}]
        return Variable(name, "clinical", "scale", raw, pd.DataFrame({name: score}), "", "per step", levels)
    ordered = (
        [next(w for w in counts.index if str(w).lower() == s) for s in scale if s in _lower(counts)] if scale else []
    )
    reference = ordered[0] if ordered else sorted(counts.index[counts == counts.max()].astype(str))[0]
    others = ordered[1:] if ordered else sorted(str(w) for w in counts.index if str(w) != reference)
    terms = {f"{name}: {w} vs {reference}": (raw == w).astype(float).where(raw.notna()) for w in others}
    return Variable(
        name, "clinical", "category", raw, pd.DataFrame(terms), "", f"against {reference}", [reference, *others]
    )


def _lower(counts: pd.Series) -> set[str]:
    return {str(w).lower() for w in counts.index}


def _scale(words: list[str]) -> tuple[str, ...]:
    """The known ordered scale that holds all these words, three or more of them; empty where there is none."""
    folded = {w.lower() for w in words}
    if len(folded) < 3:
        return ()
    return next((scale for scale in SCALES if folded <= set(scale)), ())


def _words(values: pd.Series) -> list[str]:
    return [f"{v:g}" for v in sorted(values.dropna().unique())]
