"""Which markers are asked about, and their values: from the measurements, or a numeric column of the subjects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.believability import floor_of
from opsonin.analysis.immune import protocol_day
from opsonin.analysis.time_to_event import endpoints
from opsonin.errors import AnalysisError

SPREAD = 4.0  # from this ratio of the 95th to the 5th percentile on, a positive marker is taken per doubling


class Question(NamedTuple):
    """One marker, on a protocol day (None: baseline), against endpoints."""

    marker: str
    day: int | None
    against: tuple[str, ...]


@dataclass(frozen=True)
class Marker:
    """Values by subject_id.   log: taken per doubling; else per SD.   words: "HLA-DR+ NK at day 15"."""

    name: str
    values: pd.Series
    unit: str
    day: int | None
    log: bool
    words: str

    @property
    def landmark_day(self) -> float:
        """The elapsed day of the sample; 0 for a baseline marker."""
        return 0.0 if self.day is None else float(self.day - 1 if self.day > 0 else self.day)

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """The values on the scale of the hazard ratio: log2, or SDs of all values."""
        if self.log:
            return np.log2(np.maximum(values, floor_of(self.values.to_numpy(dtype=float))))
        spread = float(self.values.std(ddof=1))
        return values / spread if spread > 0 else values

    @property
    def step(self) -> str:
        """What one unit of the scale is."""
        return "per doubling" if self.log else f"per SD ({float(self.values.std(ddof=1)):.3g} {self.unit})"


def biomarker_questions(asked: Asked) -> list[Question]:
    """The study's biomarkers, then each marker of a mapping against every endpoint, both at baseline."""
    there = tuple(endpoints(asked.table("survival")))
    usual = tuple(e for e in there if e in ("OS", "PFS")) or there
    found = []
    for item in asked.questions.get("biomarkers") or []:
        item = {"marker": item} if isinstance(item, str) else dict(item)
        day = item.get("day")
        found.append(
            Question(str(item["marker"]), None if day is None else int(day), tuple(item.get("against") or usual))
        )
    asked_for = {q.marker for q in found}
    found += [
        Question(str(m), None, (*usual, "response")) for m in asked.questions.get("markers") or [] if m not in asked_for
    ]
    return found


def read_marker(asked: Asked, name: str, day: int | None) -> Marker:
    """A marker's values: from the measurements (at baseline or on a day), else a numeric column of subjects.

    Raises: AnalysisError where neither has it, with what there is.
    """
    rows = asked.table("measurements")
    own = rows[(rows["marker"] == name).to_numpy(dtype=bool, na_value=False)]
    subjects = asked.table("subjects")
    if len(own):
        if day is None:
            flagged = own["baseline"].fillna(False).to_numpy(dtype=bool)
            own = own[flagged] if flagged.any() else own[own["day"] <= 0]
        else:
            own = own[protocol_day(own["day"]) == day]
        if not len(own):
            when = "at baseline" if day is None else f"on day {day}"
            raise AnalysisError(f"{name} was not measured {when}.")
        own = own.sort_values("day", kind="stable").drop_duplicates("subject_id", keep="last")
        low = own["below_limit"].fillna(False).to_numpy(dtype=bool)
        value = np.where(low, 0.0, own["value"].to_numpy(dtype=float, na_value=np.nan))
        values, unit = pd.Series(value, index=own["subject_id"].to_numpy(dtype=object)), str(own["unit"].iloc[0])
    elif name in subjects and pd.api.types.is_numeric_dtype(subjects[name]):
        number = subjects[name].to_numpy(dtype=float, na_value=np.nan)
        values, unit = pd.Series(number, index=subjects["subject_id"].to_numpy(dtype=object)), ""
    else:
        there = ", ".join(sorted(set(rows["marker"].dropna().astype(str)))[:12])
        raise AnalysisError(
            f"no marker or numeric column of subjects is called {name!r}; markers are {there or 'none'}."
        )
    values = values.dropna()
    low, high = np.quantile(values, [0.05, 0.95]) if len(values) else (0.0, 0.0)
    log = bool(len(values) and (values >= 0).all() and high > 0 and high >= SPREAD * max(float(low), 0.0))
    words = f"{name} at baseline" if day is None else f"{name} at day {day}"
    return Marker(name, values, unit, day, log, words)
