"""Finding and Findings: what every analysis gives back, and their file `findings.json`."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import pandas as pd

from opsonin.errors import AnalysisError

NAN = math.nan
NUMBERS, COUNTS = ("estimate", "lower", "upper", "level", "p"), ("n", "events")
PURE = ("", "dimensionless", "proportion", "ratio", "hazard ratio", "odds ratio", "ratio of hazard ratios")


@dataclass(frozen=True)
class Finding:
    """One number that an analysis found, with its interval, its method and its source.

    name: dotted and stable ("survival.OS.hazard_ratio").  group: an arm, a dose level or a contrast.
    level: of the interval (0.95).  p: two-sided unless `method` says otherwise.  n: subjects (or replicate trials).
    What is not applicable is NaN here and null in the file.  table: the rows behind the number; not saved, since the
    record gives it again.
    """

    name: str
    group: str = "all"
    estimate: float = NAN
    lower: float = NAN
    upper: float = NAN
    level: float = NAN
    p: float = NAN
    n: int | None = None
    events: int | None = None
    unit: str = ""
    method: str = ""
    reference: str = ""
    note: str = ""
    table: pd.DataFrame | None = field(default=None, compare=False, repr=False)

    @property
    def is_note(self) -> bool:
        """Whether this says what could not be done, instead of giving a number."""
        return self.name.startswith("note.")

    def to_dict(self) -> dict[str, Any]:
        """The fields of findings.json; NaN and infinity become None."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "table"}
        return {key: None if isinstance(v, float) and not math.isfinite(v) else v for key, v in values.items()}

    def to_frame(self) -> pd.DataFrame:
        """The table behind the finding, or the finding itself as one row."""
        return self.table.copy() if self.table is not None else pd.DataFrame([self.to_dict()])

    def text(self) -> str:
        """The number in words: "0.729 (0.618 to 0.859)"."""
        if not math.isfinite(self.estimate):
            return "not reached" if self.unit in ("days", "weeks", "months") and self.n else "not estimable"
        unit = "" if self.unit in PURE else f" {self.unit}"
        low, high = (f"{v:.3g}" if math.isfinite(v) else "not reached" for v in (self.lower, self.upper))
        interval = f" ({low} to {high})" if math.isfinite(self.lower) or math.isfinite(self.upper) else ""
        return f"{self.estimate:.3g}{unit}{interval}"

    def plot(self) -> Any:
        """A small Plotly figure: the estimate as a dot with its interval."""
        import plotly.graph_objects as go

        low, high = (v if math.isfinite(v) else self.estimate for v in (self.lower, self.upper))
        error = {"type": "data", "array": [high - self.estimate], "arrayminus": [self.estimate - low]}
        dot = go.Scatter(x=[self.estimate], y=[self.group], error_x=error, mode="markers", marker={"color": "#0072B2"})
        figure = go.Figure(dot)
        figure.update_layout(title=f"{self.name}: {self.text()}", xaxis_title=self.unit or None, height=220)
        return figure


class Findings(list[Finding]):
    """A list of findings that can be looked up by name, tabulated and saved."""

    def named(self, prefix: str) -> Findings:
        """The findings whose name is `prefix` or starts with it and a dot."""
        return Findings(f for f in self if f.name == prefix or f.name.startswith(prefix + "."))

    def get(self, name: str, group: str | None = None) -> Finding:
        """The first finding of this name (and group).

        Raises: AnalysisError, naming what there is instead.
        """
        same = [f for f in self if f.name == name]
        found = [f for f in same if group is None or f.group == group]
        if found:
            return found[0]
        if same:
            there = ", ".join(repr(f.group) for f in same)
            raise AnalysisError(f"no finding {name!r} for the group {group!r}; its groups are {there}.")
        from difflib import get_close_matches

        near = get_close_matches(name, sorted({f.name for f in self}), n=4, cutoff=0.3)
        hint = f"; did you mean {', '.join(near)}?" if near else "."
        raise AnalysisError(f"no finding is named {name!r} among {len(self)}{hint}")

    @property
    def notes(self) -> list[str]:
        """What could not be done and why, in words."""
        return [f.note for f in self if f.is_note]

    @property
    def results(self) -> Findings:
        """The findings that are numbers."""
        return Findings(f for f in self if not f.is_note)

    def to_frame(self) -> pd.DataFrame:
        """One row a finding, with the columns of findings.json (missing values as None)."""
        columns = [f.name for f in fields(Finding) if f.name != "table"]
        return pd.DataFrame([f.to_dict() for f in self], columns=pd.Index(columns))

    def save(self, path: str | Path) -> Path:
        """Write findings.json; a crash leaves an older file whole."""
        target = Path(path)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        text = json.dumps([f.to_dict() for f in self], indent=1, ensure_ascii=False, allow_nan=False)
        try:
            temporary.write_text(text + "\n", encoding="utf-8")
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
        return target

    @classmethod
    def load(cls, path: str | Path) -> Findings:
        """Read findings.json.

        Raises: AnalysisError where the file is missing, no JSON, or holds something else.
        """
        source = Path(path)
        try:
            rows = json.loads(source.read_text(encoding="utf-8"))
        except OSError as problem:
            raise AnalysisError(f"the findings {source} cannot be read: {problem.strerror}.") from problem
        except (ValueError, RecursionError) as problem:
            raise AnalysisError(f"{source} is no JSON ({problem}); write it again with Findings.save.") from None
        known = {f.name for f in fields(Finding)} - {"table"}
        if not isinstance(rows, list) or not all(isinstance(r, dict) and "name" in r and set(r) <= known for r in rows):
            raise AnalysisError(f"{source} is no list of findings; each has the fields {', '.join(sorted(known))}.")
        for number, row in enumerate(rows, start=1):
            for key, value in row.items():
                if not _fits(key, value):
                    raise AnalysisError(
                        f"{source}: {key} of finding {number} is {value!r}; the file was damaged or edited, make the "
                        "results again."
                    )
        return cls(_from_dict(row) for row in rows)


def note(topic: str, text: str, group: str = "all") -> Finding:
    """A finding that says in words what was left out and why."""
    return Finding(name=f"note.{topic}", group=group, note=text)


def with_note(finding: Finding, text: str) -> Finding:
    """The finding with a sentence added to its note."""
    return replace(finding, note=f"{finding.note} {text}".strip())


def _fits(key: str, value: Any) -> bool:
    """Whether a field of findings.json is of its kind."""
    if key in NUMBERS:
        return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    if key in COUNTS:
        return value is None or (isinstance(value, int) and not isinstance(value, bool))
    return isinstance(value, str)


def _from_dict(row: dict[str, Any]) -> Finding:
    values = dict(row)
    for key in NUMBERS:
        values[key] = NAN if row.get(key) is None else float(row[key])
    return Finding(**values)
