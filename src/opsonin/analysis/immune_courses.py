"""Markers over all their days at once: mixed models of the change from baseline, by day, dose and outcome.

The model of a marker: log₂(value / baseline) of each patient and day, a mean for each group and day, a random
intercept by patient, and a residual variance for each day, as cells spread more on the day on which they move. Patients
who missed a day stay in with their others. Kenward and Roger's degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.comparison import EVERYONE
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.mixed import Contrast, MixedFit, linear_model, mixed_model
from opsonin.analysis.response import best_responses
from opsonin.errors import AnalysisError

FEWEST = 3  # patients with and without the outcome
DAYS = 12  # of a marker, those with most patients
KENWARD = "Laird & Ware 1982, doi:10.2307/2529876; Kenward & Roger 1997, doi:10.2307/2533558"
POWER = "Smith 2000, doi:10.1023/A:1026451721686; Kenward & Roger 1997, doi:10.2307/2533558"
HOW = "random patient, a variance for each day; Kenward–Roger t"
MEANS = f"mixed model of the log ratio to baseline by group and day, {HOW}"
RESPONDED, CONTROLLED = ("CR", "PR"), ("CR", "PR", "SD")


class Outcome(NamedTuple):
    """Which patients did well.   of: True or False by subject_id.   words: ("with a response", "without")."""

    of: pd.Series
    words: tuple[str, str]


class Course(NamedTuple):
    """A marker's rows on its days: subject_id, protocol_day, group, log2 (of the ratio to baseline)."""

    name: str
    rows: Any

    @property
    def days(self) -> list[int]:
        """The days, in order."""
        return sorted(set(self.rows["protocol_day"].astype(int)))


def course_findings(asked: Asked, table: pd.DataFrame, dose: pd.Series, dose_words: str) -> list[Finding]:
    """`immune.<marker>.mean_change`, `.course_by_group`, `.dose_exponent` and `.course_by_outcome`.

    table: of `change_table`, with `group`.   dose: the amount by subject_id, empty where none varies.
    """
    found: list[Finding] = []
    refused: list[str] = []
    outcome = outcomes(asked, table)
    for course in courses(table):
        for make in (
            lambda c: _means(asked, c),
            lambda c: _exponents(c, dose, dose_words),
            lambda c: _by_outcome(asked, c, outcome),
        ):
            try:
                found += make(course)
            except AnalysisError as problem:
                refused.append(f"{course.name}: {problem}")
    if refused:
        more = f" ({len(refused) - 1} more models could not be fitted)" if len(refused) > 1 else ""
        found.append(note("immune.course", f"No mixed model of {refused[0]}{more}"))
    return found


def courses(table: pd.DataFrame) -> Iterator[Course]:
    """Each marker measured on two or more later days, its days with most patients, two rows or more a day."""
    for name, rows in table.groupby("name", sort=True):
        counts = rows.groupby("protocol_day")["subject_id"].nunique()
        counts = counts[counts >= 2].sort_values(ascending=False, kind="stable").head(DAYS)
        own: Any = rows[rows["protocol_day"].isin(counts.index)]
        own = own.sort_values("day", kind="stable").drop_duplicates(["subject_id", "protocol_day"], keep="last")
        if len(counts) > 1 and np.ptp(own["fold"].to_numpy(dtype=float)) > 0:
            yield Course(str(name), own.assign(log2=np.log2(own["fold"].to_numpy(dtype=float))))


def outcomes(asked: Asked, table: pd.DataFrame) -> Outcome | None:
    """Response against none where enough patients have either; else disease control against progression."""
    responses = asked.table("responses")
    if not len(responses):
        return None
    best = best_responses(responses)
    best = best[best.index.isin(set(table["subject_id"])) & best.isin(("CR", "PR", "SD", "PD"))]
    for good, words in (
        (RESPONDED, ("with a response (CR or PR)", "without")),
        (CONTROLLED, ("with disease control (CR, PR or SD)", "with progression")),
    ):
        if asked.questions.get("responder_only") and good is CONTROLLED:
            break  # SD and PD were not told apart
        well = best.isin(good)
        if min(int(well.sum()), int((~well).sum())) >= FEWEST:
            return Outcome(well, words)
    return None


def _means(asked: Asked, course: Course) -> list[Finding]:
    """The mean change of each group and day, and whether the groups' courses differ."""
    labels = [label for label in asked.groups.labels if (course.rows["group"] == label).any()]
    rows = course.rows[course.rows["group"].isin(labels)]
    cells = rows.groupby(["group", "protocol_day"])["subject_id"].nunique()
    cells = cells[cells >= 2]
    rows = rows.set_index(["group", "protocol_day"]).loc[lambda r: r.index.isin(cells.index)].reset_index()
    keys = [(label, day) for label in labels for day in course.days if (label, day) in cells.index]
    if len(keys) < 2 or not rows["subject_id"].duplicated().any():
        return []
    group, on = rows["group"].to_numpy(dtype=object), rows["protocol_day"].to_numpy()
    x = pd.DataFrame({f"{g} / {d}": ((group == g) & (on == d)).astype(float) for g, d in keys})
    fit, said = _fit(rows, x)
    made = []
    for label, day in keys:
        n = int(cells[label, day])
        made.append(_ratio(f"immune.{course.name}.mean_change", f"{label}, day {day}", fit, {f"{label} / {day}": 1.0},
                           n, "ratio to baseline", MEANS, said))  # fmt: skip
    if len({label for label, _ in keys}) > 1:
        made += _over_groups(course, fit, keys, cells, said)
        made += _between_groups(course, fit, keys)
    return made


def _over_groups(course: Course, fit: MixedFit, keys: list[Any], cells: Any, said: str) -> list[Finding]:
    """The mean change on each day, groups weighed by their patients."""
    made = []
    for day in course.days:
        own = [key for key in keys if key[1] == day]
        n = sum(int(cells[key]) for key in own)
        weights = {f"{g} / {d}": int(cells[g, d]) / n for g, d in own}
        if own:
            name = f"immune.{course.name}.mean_change"
            made.append(_ratio(name, f"{EVERYONE}, day {day}", fit, weights, n, "ratio to baseline", MEANS, said))
    return made


def _between_groups(course: Course, fit: MixedFit, keys: list[Any]) -> list[Finding]:
    """An F test that on every day all groups have the same mean."""
    rows = []
    for day in course.days:
        own = [f"{g} / {d}" for g, d in keys if d == day]
        rows += [{own[0]: -1.0, other: 1.0} for other in own[1:]]
    if not rows:
        return []
    test = fit.test(rows)
    return [
        Finding(
            f"immune.{course.name}.course_by_group",
            EVERYONE,
            test.statistic,
            p=test.p,
            n=fit.n_subjects,
            unit="F",
            method="F test that on every day the groups' mean changes are the same; Kenward–Roger degrees of freedom",
            reference=KENWARD,
            note=f"{test.contrasts} and {test.df:.1f} degrees of freedom.",
        )
    ]


def _exponents(course: Course, dose: pd.Series, words: str) -> list[Finding]:
    """The power of the dose with which the change from baseline goes, on each day."""
    if not len(dose) or words == "dose level":
        return []
    rows = course.rows.assign(dose=course.rows["subject_id"].map(dose).to_numpy(dtype=float, na_value=np.nan))
    rows = rows[rows["dose"] > 0]
    varied = rows.groupby("protocol_day")["dose"].agg(["nunique", "size"])
    days = [day for day in course.days if day in varied.index and varied.loc[day, "nunique"] > 1
            and varied.loc[day, "size"] >= 4]  # fmt: skip
    rows = rows[rows["protocol_day"].isin(days)]
    if not days:
        return []
    logs = np.log2(rows["dose"].to_numpy(dtype=float))
    at = {day: (rows["protocol_day"] == day).to_numpy(dtype=float) for day in days}
    x = pd.DataFrame({f"day {d}": v for d, v in at.items()} | {f"dose on day {d}": v * logs for d, v in at.items()})
    fit, told = _fit(rows, x)
    made = []
    for day in days:
        slope = fit.contrast({f"dose on day {day}": 1.0}, level=0.90)
        ratio = 2.0**slope.estimate
        made.append(
            Finding(
                f"immune.{course.name}.dose_exponent",
                f"day {day}",
                slope.estimate,
                slope.lower,
                slope.upper,
                0.90,
                slope.p,
                int(at[day].sum()),
                unit="exponent",
                method=f"power model of the ratio to baseline on the dose, a line for each day, {HOW}, 90 % interval",
                reference=POWER,
                note=f"A {words} multiplies the ratio to baseline by {ratio:.3g}; {_freedom(slope)}. {told}".strip(),
                table=rows[rows["protocol_day"] == day][["subject_id", "dose", "fold"]],
            )
        )
    return made


def _by_outcome(asked: Asked, course: Course, outcome: Outcome | None) -> list[Finding]:
    """How many times larger the ratio to baseline is in those who did well, at the same dose level, on each day."""
    if outcome is None:
        return []
    rows = course.rows[course.rows["subject_id"].isin(outcome.of.index)]
    well = rows["subject_id"].map(outcome.of).to_numpy(dtype=bool)
    days = []
    for day in course.days:
        there = (rows["protocol_day"] == day).to_numpy(dtype=bool)
        if min(int((there & well).sum()), int((there & ~well).sum())) >= FEWEST:
            days.append(day)
    keep = rows["protocol_day"].isin(days).to_numpy(dtype=bool)
    rows, well = rows[keep], well[keep]
    if not days:
        return []
    columns = {f"day {d}": (rows["protocol_day"] == d).to_numpy(dtype=float) for d in days}
    columns |= {f"well on day {d}": columns[f"day {d}"] * well for d in days}
    labels = [label for label in asked.groups.labels if (rows["group"] == label).any()]
    for label in labels[1:]:
        columns[f"group {label}"] = (rows["group"] == label).to_numpy(dtype=float)
    x = pd.DataFrame(columns)
    fit, told = _fit(rows, x)
    adjusted = f", adjusted for {asked.groups.by}" if len(labels) > 1 else ""
    method = f"mixed model of the log ratio to baseline by day and outcome{adjusted}, {HOW}"
    said = f"Patients {outcome.words[0]} against {outcome.words[1]}; those who left the study before a day are not seen"
    return [
        _ratio(f"immune.{course.name}.course_by_outcome", f"day {day}", fit, {f"well on day {day}": 1.0},
               int(columns[f"day {day}"].sum()), "ratio of ratios to baseline", method, f"{said} on it. {told}")
        for day in days
    ]  # fmt: skip


def _fit(rows: Any, x: pd.DataFrame) -> tuple[MixedFit, str]:
    """A mixed model, each day with a residual variance of its own; where patients have one day, least squares.

    The words say where one variance had to do for all days.
    """
    if not rows["subject_id"].duplicated().any():
        return linear_model(rows["log2"], x, rows["subject_id"], intercept=False), ""
    days = rows["protocol_day"]
    if days.nunique() > 1:
        try:
            return mixed_model(rows["log2"], x, rows["subject_id"], intercept=False, unequal=days), ""
        except AnalysisError:
            pass
    said = "One residual variance for all days, as those of single days could not be told apart."
    return mixed_model(rows["log2"], x, rows["subject_id"], intercept=False), said


def _ratio(
    name: str, group: str, fit: MixedFit, weights: dict[str, float], n: int, unit: str, method: str, said: str = ""
) -> Finding:
    """A contrast of log₂ ratios as a ratio."""
    found = fit.contrast(weights)
    value, low, high = (2.0**v if v < 1000 else math.inf for v in (found.estimate, found.lower, found.upper))
    words = f"{_freedom(found)[:1].upper()}{_freedom(found)[1:]}."
    return Finding(
        name, group, value, low, high, fit.level, found.p, n, unit=unit, method=method, reference=KENWARD,
        note=f"{said.strip()} {words}".strip(),
    )  # fmt: skip


def _freedom(found: Contrast) -> str:
    return f"{found.df:.3g} degrees of freedom"
