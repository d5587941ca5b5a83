"""Which markers are asked about, and their values: from the measurements, or a numeric column of the subjects.

A marker is read at baseline or on a protocol day, as it is or as its change from baseline; "CD4+:CD8+" is the quotient
of two measured markers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.immune import protocol_day
from opsonin.analysis.time_to_event import endpoints
from opsonin.errors import AnalysisError

SPREAD = 4.0  # from this ratio of the 95th to the 5th percentile on, a positive marker is taken per doubling
CHANGES = {"": "", "ratio": "ratio to baseline", "difference": "difference to baseline"}
QUOTIENTS = (":", "/")


class Question(NamedTuple):
    """One marker, on a protocol day (None: baseline), against endpoints.

    change: "ratio" or "difference" to baseline; "" for the value itself.   time_varying: as a covariate that changes at
    each measurement, instead of by landmark.   naive: as if its later value had been known from the start.
    """

    marker: str
    day: int | None
    against: tuple[str, ...]
    change: str = ""
    time_varying: bool = False
    naive: bool = False
    label: str = ""  # what findings are called by: the marker, and what tells two questions on it apart


@dataclass(frozen=True)
class Marker:
    """Values by subject_id.   log: taken per doubling; else per SD.   words: "HLA-DR+ NK at day 15"."""

    name: str
    values: pd.Series
    unit: str
    day: int | None
    log: bool
    words: str
    change: str = ""

    @property
    def binary(self) -> bool:
        """Whether it only says yes (1) or no (0)."""
        return bool(len(self.values)) and set(self.values.unique()) <= {0.0, 1.0}

    @property
    def landmark_day(self) -> float:
        """The elapsed day of the sample; 0 for a baseline marker."""
        return 0.0 if self.day is None else elapsed_day(self.day)

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """The values on the scale of the hazard ratio: log2, or SDs of all values."""
        if self.binary:
            return values
        if self.log:
            return np.log2(np.maximum(values, floor_of(self.values.to_numpy(dtype=float))))
        spread = float(self.values.std(ddof=1))
        return values / spread if spread > 0 else values

    @property
    def step(self) -> str:
        """What one unit of the scale is."""
        if self.binary:
            return "1 against 0"
        if self.log:
            return "per doubling of the ratio" if self.change else "per doubling"
        spread = f"{float(self.values.std(ddof=1)):.3g} {self.unit}".strip()
        return f"per SD ({spread})"


def elapsed_day(day: int) -> float:
    """The elapsed day of a protocol day: 1 → 0, 15 → 14, −1 → −1 (there is no day 0)."""
    return float(day - 1 if day > 0 else day)


def floor_of(values: np.ndarray) -> float:
    """Half the smallest positive value: what stands for 0 on a log scale."""
    positive = values[np.isfinite(values) & (values > 0)]
    return float(positive.min()) / 2 if positive.size else 1.0


def wants_log(values: np.ndarray) -> bool:
    """Whether values are taken per doubling: none is negative, and they spread fourfold or more."""
    if not values.size or (values < 0).any():
        return False
    low, high = np.quantile(values, [0.05, 0.95])
    return bool(high > 0 and high >= SPREAD * max(float(low), 0.0))


def biomarker_questions(asked: Asked) -> list[Question]:
    """The study's biomarkers, then each marker of a mapping against every endpoint, both at baseline."""
    there = tuple(endpoints(asked.table("survival")))
    usual = tuple(e for e in there if e in ("OS", "PFS")) or there
    found = []
    for item in asked.questions.get("biomarkers") or []:
        item = {"marker": item} if isinstance(item, str) else dict(item)
        day = item.get("day")
        found.append(
            Question(
                str(item["marker"]),
                None if day is None else int(day),
                tuple(item.get("against") or usual),
                str(item.get("change") or ""),
                bool(item.get("time_varying")),
                bool(item.get("naive")),
            )
        )
    asked_for = {q.marker for q in found}
    found += [
        Question(str(m), None, (*usual, "response")) for m in asked.questions.get("markers") or [] if m not in asked_for
    ]
    return labelled(found)


def labelled(questions: list[Question]) -> list[Question]:
    """Each question with the label of its findings: the marker alone, unless two questions would be called alike."""
    out = []
    for q in questions:
        label = f"{q.marker} {CHANGES[q.change]}".strip()
        alike = {other.day for other in questions if other._replace(day=q.day, against=q.against) == q}
        if len(alike) > 1:
            label += " at baseline" if q.day is None else f" on day {q.day}"
        for said, others in (("over time", q.time_varying), ("naive", q.naive)):
            label += f" {said}" if others else ""
        out.append(q._replace(label=label))
    return out


def read_marker(asked: Asked, name: str, day: int | None, change: str = "") -> Marker:
    """A marker's values: from the measurements (at baseline or on a day), else a numeric column of subjects.

    change: "ratio" or "difference" of the value on the day to the subject's own baseline.
    Raises: AnalysisError where neither has it, with what there is.
    """
    rows, subjects = asked.table("measurements"), asked.table("subjects")
    when = "at baseline" if day is None else f"at day {day}"
    if change and day is None:
        raise AnalysisError(f"the change of {name} from baseline is read on a day; give one, such as day = 15.")
    values, unit = _read(rows, name, day) or _of_subjects(subjects, name) or (None, "")
    if values is None:
        there = ", ".join(sorted(map(str, named(rows)["name"].unique()))[:12])
        raise AnalysisError(
            f"no marker or numeric column of subjects is called {name!r}; markers are {there or 'none'}."
        )
    if change:
        base, _ = _read(rows, name, None) or (pd.Series(dtype=float), "")
        values, unit = _changed(values, base, change), "" if change == "ratio" else unit
        if not len(values):
            raise AnalysisError(f"{name} has no value both at baseline and on day {day}, so that no change is known.")
    number = values.to_numpy(dtype=float)
    # a ratio that hardly moves has no doubling in its reach: it is taken per SD
    log = bool(np.log2(number).std() > 0.01) if change == "ratio" else not change and wants_log(number)
    words = f"{name} {when}" + (f" ({CHANGES[change]})" if change else "")
    return Marker(name, values, unit, day, log, words, change)


def named(measurements: pd.DataFrame) -> Any:
    """Measurements with a `name` (marker, with its compartment where it has several) and a `number`.

    What is below the limit counts as 0.
    """
    marker, where = measurements["marker"].astype("category"), measurements["compartment"].astype("category")
    pairs = pd.DataFrame({"marker": marker.cat.codes, "where": where.cat.codes}).drop_duplicates()
    places = pairs.groupby("marker")["where"].size()
    name: Any = marker
    if (places > 1).any():
        several = marker.cat.codes.isin(places.index[places > 1]).to_numpy(dtype=bool)
        text = marker.astype(str)
        name = pd.Series(np.where(several, text + " (" + where.astype(str) + ")", text), measurements.index)
    low = measurements["below_limit"].fillna(False).to_numpy(dtype=bool)
    number = np.where(low, 0.0, measurements["value"].to_numpy(dtype=float, na_value=np.nan))
    return measurements.assign(name=name.astype("category"), number=number)


def at_day(rows: Any, day: int | None) -> Any:
    """The rows of a baseline (flagged; else the last up to day 1) or a protocol day, one a subject, the last."""
    if day is None:
        flagged = rows["baseline"].fillna(False).to_numpy(dtype=bool)
        rows = rows[flagged] if flagged.any() else rows[rows["day"] <= 0]
    else:
        rows = rows[protocol_day(rows["day"]) == day]
    return rows.sort_values("day", kind="stable").drop_duplicates("subject_id", keep="last")


def parts_of_quotient(name: str, there: set[str]) -> tuple[str, str] | None:
    """The two measured markers whose quotient a name asks for: "CD4:CD8" of "CD4+" and "CD8+"; None where it does not.

    A marker that is measured under the whole name is no quotient.
    """
    for sign in QUOTIENTS if name not in there else ():
        left, found, right = (part.strip() for part in name.partition(sign))
        pair = [next((m for m in (part, f"{part}+") if m in there), None) for part in (left, right)]
        if found and pair[0] and pair[1]:
            return pair[0], pair[1]
    return None


def _read(measurements: pd.DataFrame, name: str, day: int | None) -> tuple[pd.Series, str] | None:
    """Values by subject and their unit; None where no measurement goes by this name."""
    rows = named(measurements)
    there = {str(one) for one in rows["name"].unique()}
    pair = parts_of_quotient(name, there)
    if pair:
        (over, one), (under, other) = (_one(rows, part, day) for part in pair)
        under = under.where(under > 0, floor_of(under.to_numpy(dtype=float)))
        return (over / under).dropna(), "" if one == other else f"{one} / {other}"
    if name not in there and (rows["marker"].astype(str) == name).any():
        where = sorted(map(str, rows.loc[rows["marker"].astype(str) == name, "name"].unique()))
        raise AnalysisError(f"{name} was measured in several places; ask for one of them: {', '.join(where)}.")
    return _one(rows, name, day) if name in there else None


def _one(rows: Any, name: str, day: int | None) -> tuple[pd.Series, str]:
    own = rows[(rows["name"] == name).to_numpy(dtype=bool)]
    found = at_day(own, day)
    if not len(found):
        days = [int(d) for d in sorted(set(protocol_day(own["day"])))]
        shown = ", ".join(map(str, days[:8])) + (" …" if len(days) > 8 else "")
        if day is not None:
            raise AnalysisError(f"{name} was not measured on day {day}; it was on {shown}.")
        raise AnalysisError(
            f"{name} was not measured at baseline. It was first on day {days[0]}: a value of that day cannot explain "
            f"what came before it, so ask for it with day = {days[0]} (a landmark) or time_varying = true."
        )
    values = pd.Series(found["number"].to_numpy(dtype=float), index=found["subject_id"].to_numpy(dtype=object))
    return values.dropna(), str(found["unit"].iloc[0])


def _of_subjects(subjects: pd.DataFrame, name: str) -> tuple[pd.Series, str] | None:
    if name not in subjects or not pd.api.types.is_numeric_dtype(subjects[name]):
        return None
    number = subjects[name].to_numpy(dtype=float, na_value=np.nan)
    return pd.Series(number, index=subjects["subject_id"].to_numpy(dtype=object)).dropna(), ""


def _changed(values: pd.Series, base: pd.Series, change: str) -> pd.Series:
    """The ratio or difference of values to a baseline, where both are known; 0 counts as half the smallest positive."""
    base = base.reindex(values.index)
    if change == "difference":
        return (values - base).dropna()
    if (values < 0).any() or (base < 0).any():
        raise AnalysisError("a ratio to baseline needs values that are not negative; ask for the difference.")
    low = floor_of(np.concatenate([values.to_numpy(dtype=float), base.to_numpy(dtype=float)]))
    return (values.clip(lower=low) / base.clip(lower=low)).dropna()
