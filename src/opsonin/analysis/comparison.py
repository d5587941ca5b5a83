"""Who is compared with whom: groups of subjects by dose level, arm or any column, their order and reference."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from opsonin.errors import AnalysisError

EVERYONE = "all"
CONTROL = re.compile(r"placebo|control|best supportive care|standard of care", re.IGNORECASE)


@dataclass(frozen=True)
class Groups:
    """A label for each subject.   of: Series by subject_id, missing for those without a group.
    labels: in order.   by: the column they come from ("all" where there is none).   reference: the label that the
    others are compared with.   compared: False where groups stand side by side and no effect is asked for, as the
    indications of a basket.
    """

    of: pd.Series
    labels: list[str]
    by: str
    reference: str
    compared: bool = True

    @property
    def several(self) -> bool:
        """Whether there is anything to compare."""
        return len(self.labels) > 1

    @property
    def ordered(self) -> bool:
        """Whether the groups are dose levels."""
        return self.by == "level"

    def members(self, label: str) -> pd.Index:
        """The subjects of a group; of everyone for "all"."""
        if label == EVERYONE:
            return self.of.index
        known = self._members
        if label not in known:
            known[label] = self.of.index[(self.of == label).to_numpy(dtype=bool, na_value=False)]
        return known[label]

    @cached_property
    def _members(self) -> dict[str, pd.Index]:
        """What `members` has found, as it is asked for each group some hundred times."""
        return {}

    def size(self, label: str) -> int:
        """How many subjects a group has."""
        return len(self.members(label))

    def label(self, subject_id: pd.Series) -> pd.Series:
        """The group of each row of a table, as text (missing where a subject has none)."""
        return subject_id.map(self.of)

    def each(self, total: bool = True) -> Iterator[tuple[str, pd.Index]]:
        """Every group with its members; then everyone together where there are several groups."""
        for label in self.labels:
            yield label, self.members(label)
        if total and self.several:
            yield EVERYONE, self.of.index

    def contrasts(self) -> list[tuple[str, str]]:
        """Each other group against the reference; none where groups are not compared."""
        if not self.compared:
            return []
        return [(label, self.reference) for label in self.labels if label != self.reference]


def groups(subjects: pd.DataFrame, questions: Mapping[str, Any] | None = None) -> Groups:
    """The groups of a record: by `questions["compare"]` where given, else dose level, else arm, else everyone together.

    The reference is `questions["reference"]` where given, else the lowest level, else an arm called placebo or control,
    else the first in order.  Raises: AnalysisError where the column or the reference is not there.
    """
    asked = dict(questions or {})
    ids = pd.Index(subjects["subject_id"].astype(str))
    by = asked.get("compare") or next((c for c in ("level", "arm") if _filled(subjects, c)), EVERYONE)
    if by == EVERYONE:
        return Groups(pd.Series(EVERYONE, index=ids, dtype=object), [EVERYONE], EVERYONE, EVERYONE)
    if not _filled(subjects, by):
        there = ", ".join(c for c in subjects.columns if c != "subject_id" and _filled(subjects, c))
        raise AnalysisError(f"subjects have no {by!r} to compare by; filled columns are {there or 'none'}.")
    if by == "level":
        names = level_names(subjects, asked)
        of = subjects["level"].map(names).astype(object)
        labels = [names[k] for k in sorted(names)]
    else:
        text = subjects[by].astype("string")
        of: Any = text.astype(object).mask(text.isna())
        labels = sorted(text.dropna().unique().tolist(), key=_natural)
    of.index = ids
    side_by_side = by == "indication" and bool(asked.get("indications"))
    return Groups(of, labels, by, _reference(labels, asked.get("reference"), by), not side_by_side)


def level_names(subjects: pd.DataFrame, questions: Mapping[str, Any] | None = None) -> dict[int, str]:
    """The name of each dose level: the study's, else the arm all its subjects share, else "level 2"."""
    given = list((questions or {}).get("level_names") or [])
    filled = subjects[subjects["level"].notna()]
    there = [int(k) for k in np.unique(filled["level"].to_numpy(dtype=np.int64))] if len(filled) else []
    names = {k + 1: str(name) for k, name in enumerate(given)}
    for k in (k for k in there if k not in names):
        arms = filled.loc[filled["level"].astype(int) == k, "arm"].dropna().astype(str).unique().tolist()
        names[k] = arms[0] if len(arms) == 1 else f"level {k}"
    if len(set(names.values())) < len(names):
        names = {k: f"level {k}" for k in names}
    return names


def _reference(labels: list[str], asked: str | None, by: str) -> str:
    if asked is not None:
        if asked not in labels:
            raise AnalysisError(f"the reference {asked!r} is no {by} of this record; there are {', '.join(labels)}.")
        return asked
    return next((label for label in labels if by != "level" and CONTROL.search(label)), labels[0])


def _filled(subjects: pd.DataFrame, column: str) -> bool:
    return column in subjects.columns and bool(subjects[column].notna().any())


def _natural(text: str) -> list[tuple[int, float | str]]:
    """A sort key by which "dose 9" comes before "dose 12"."""
    return [(0, float(part)) if part[0].isdigit() else (1, part) for part in re.findall(r"\d+(?:\.\d+)?|\D+", text)]
