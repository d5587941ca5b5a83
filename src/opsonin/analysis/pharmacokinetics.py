"""Pharmacokinetic findings: exposure per period and group, ratios with and without a partner, dose proportionality.

AUC is taken over the sampled interval; subjects without a measurable sample are left out of geometric means.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.profiles import nca_table
from opsonin.analysis.statistics import geometric_cv_percent, geometric_mean, line, mean_interval, t_p

TRAPEZOIDS = "non-compartmental, linear-up log-down trapezoids; below the limit = 0 at the ends of a profile"
NCA_SOURCE = "Gabrielsson & Weiner 2016, Pharmacokinetic and Pharmacodynamic Data Analysis, 5th ed."
POWER_SOURCE = "Gough 1995, Drug Inf J 29:1039; Smith 2000, doi:10.1023/A:1026451721686"
RATIO_SOURCE = "Schuirmann 1987, doi:10.1007/BF01068419"
COLLECTED = ("urine", "faeces", "feces", "stool")
REPORTED = (
    ("auc", "auc", "{unit}·h", "AUC over the sampled interval"),
    ("cmax", "cmax", "{unit}", "highest concentration"),
    ("half_life", "half_life", "h", "terminal half-life"),
    ("clearance", "clearance", "l/h", "dose / AUC (apparent where not intravenous)"),
)


def pharmacokinetic_findings(asked: Asked) -> list[Finding]:
    """Exposure of every analyte, its ratios with and without a partner, and dose proportionality."""
    concentrations, exposures = asked.table("concentrations"), asked.table("exposures")
    if not len(concentrations):
        return [note("pk", "No pharmacokinetics: the record has no concentrations.")]
    table = nca_table(circulating(concentrations), exposures)
    found = _excreted(concentrations)
    if not len(table):
        return [*found, note("pk", "No pharmacokinetics: no sample has a time after its dose.")]
    table["group"] = table["subject_id"].map(asked.groups.of)
    others = {
        a: nca_table(circulating(_table(r, "concentrations")), _table(r, "exposures"))
        for a, r in (asked.potential or {}).items()
    }
    for analyte in _ordered(table["analyte"], asked.questions.get("analytes") or ()):
        here: Any = table[table["analyte"] == analyte]
        for matrix, rows in here.groupby("matrix", sort=False):
            name = f"{analyte} ({matrix})" if here["matrix"].nunique() > 1 else analyte
            own: Any = rows[rows["auc"] > 0]
            if not len(own):
                measured = bool((rows["samples"] > rows["below_limit"]).any())
                why = (
                    "was measured too seldom after a dose for an area under the curve"
                    if measured
                    else "was below the limit of quantification in every sample"
                )
                found.append(note(f"pk.{name}", f"{name} {why}."))
                continue
            found += _exposure(asked, name, own)
            found += _ratios(asked, name, own, exposures, others)
            found += _proportionality(name, own)
    return found


def circulating(concentrations: pd.DataFrame) -> pd.DataFrame:
    """The samples whose concentration over time is an exposure: all but urine and faeces, which collect."""
    return concentrations[~_collected(concentrations)]


def _collected(concentrations: pd.DataFrame) -> np.ndarray:
    return concentrations["matrix"].astype("string").str.lower().isin(COLLECTED).to_numpy(dtype=bool, na_value=False)


def _excreted(concentrations: pd.DataFrame) -> list[Finding]:
    """A note on what has no profile of its own."""
    rows = concentrations[_collected(concentrations)]
    return [
        note(
            f"pk.{analyte}",
            f"{analyte}: {len(own)} samples of {' and '.join(sorted(set(own['matrix'].astype(str))))} have no profile; "
            "how much was excreted needs the amounts collected, which a record does not hold.",
        )
        for analyte, own in rows.groupby(rows["analyte"].astype(str), sort=True)
    ]


def ratio_finding(name: str, group: str, with_it: pd.Series, without: pd.Series, method: str, remark: str) -> Finding:
    """The geometric mean ratio of paired values (matched by index) with its 90 % interval."""
    pairs = pd.concat([with_it, without], axis=1, join="inner", keys=["with", "without"]).dropna()
    pairs = pairs[(pairs > 0).all(axis=1)]
    logs = np.log(pairs["with"].to_numpy(dtype=float) / pairs["without"].to_numpy(dtype=float))
    estimate, lower, upper = mean_interval(logs, 0.90)
    p = math.nan
    if logs.size > 1 and logs.std() > 0:
        p = t_p(estimate / (float(logs.std(ddof=1)) / math.sqrt(logs.size)), logs.size - 1)
    table = pairs.assign(ratio=np.exp(logs)).reset_index(names="subject_id")
    value, low, high = (math.exp(v) if math.isfinite(v) else math.nan for v in (estimate, lower, upper))
    return Finding(
        name,
        group,
        value,
        low,
        high,
        0.90,
        p,
        int(logs.size),
        unit="ratio",
        method=method,
        reference=RATIO_SOURCE,
        note=remark,
        table=table,
    )


def _exposure(asked: Asked, analyte: str, own: Any) -> list[Finding]:
    found = []
    for period, part in own.groupby("period", sort=False):
        for label, members in asked.groups.each():
            rows = part[part["subject_id"].isin(members)]
            if not len(rows):
                continue
            words = {"unit": rows["unit"].iloc[0]}
            for name, column, unit, what in REPORTED:
                value = geometric_mean(rows[column])
                if not math.isfinite(value.value):
                    continue
                n = int((rows[column] > 0).sum())
                found.append(
                    Finding(
                        f"pk.{analyte}.{name}",
                        f"{label}, {period}",
                        *value,
                        0.95,
                        n=n,
                        unit=unit.format(**words),
                        method=f"{what}; geometric mean; {TRAPEZOIDS}",
                        reference=NCA_SOURCE,
                        note=f"Geometric CV {geometric_cv_percent(rows[column]):.0f} %." if n > 1 else "",
                        table=rows,
                    )
                )
            low, mid, high = (float(q) for q in np.quantile(rows["tmax"].to_numpy(dtype=float), [0.0, 0.5, 1.0]))
            found.append(
                Finding(
                    f"pk.{analyte}.tmax",
                    f"{label}, {period}",
                    mid,
                    low,
                    high,
                    1.0,
                    n=len(rows),
                    unit="h",
                    method="time of the highest concentration; median and range",
                    table=rows,
                )
            )
    return found


def _ratios(asked: Asked, called: str, own: Any, exposures: Any, others: dict[str, pd.DataFrame]) -> list[Finding]:
    """With and without a partner: between periods of the record, then against the potential outcome without it."""
    asked_for = asked.questions.get("interaction")
    analyte, matrix = str(own["analyte"].iloc[0]), str(own["matrix"].iloc[0])
    if asked_for and analyte not in asked_for:
        return []
    found = []
    days = own.groupby("period")["dose_day"].median().sort_values()
    for period in days.index[1:]:
        found += _between_periods(called, own, exposures, days, days.index[0], period, bool(asked_for))
    for agent, without in others.items():
        if agent == own["agent"].iloc[0] or not len(without):
            continue
        there = without[(without["analyte"] == analyte) & (without["matrix"] == matrix) & (without["auc"] > 0)]
        shared = [p for p in days.index if p in set(there["period"])]
        remark = f"Without: the same virtual patients' potential outcome with {agent} left out."
        for period in shared[-1:]:
            one, other = (x[x["period"] == period].set_index("subject_id") for x in (own, there))
            group, method = (
                f"with vs without {agent}, {period}",
                "paired geometric mean ratio, 90 % interval (Student's t)",
            )
            for name, column in (("auc_ratio", "auc"), ("cmax_ratio", "cmax")):
                found.append(ratio_finding(f"pk.{called}.{name}", group, one[column], other[column], method, remark))
    return found


def _between_periods(
    analyte: str, own: Any, exposures: Any, days: Any, first: str, then: str, asked_for: bool
) -> list[Finding]:
    """Ratios between two periods, where an agent came or went between them, or where they are asked for.

    Without either the ratio is the drug's own accumulation, which must not be read as an interaction; nor must one
    between different doses of the drug itself, as where doses step up.
    """
    came = sorted(_agents_on(exposures, days[then]) - _agents_on(exposures, days[first]))
    went = sorted(_agents_on(exposures, days[first]) - _agents_on(exposures, days[then]))
    said = [f"{', '.join(agents)} {word}" for agents, word in ((came, "added"), (went, "stopped")) if agents]
    one, other = (own[own["period"] == p].set_index("subject_id") for p in (then, first))
    steps = _dose_steps(one["dose"], other["dose"])
    if not asked_for and (steps or not said):
        return []
    remark = f"Between the periods: {' and '.join([*said, *steps]) or 'no agent was added or stopped'}."
    method = "paired geometric mean ratio within subjects, 90 % interval (Student's t)"
    group = f"{then} vs {first}"
    return [
        ratio_finding(f"pk.{analyte}.{name}", group, one[column], other[column], method, remark)
        for name, column in (("auc_ratio", "auc"), ("cmax_ratio", "cmax"))
    ]


def _dose_steps(then: Any, first: Any) -> list[str]:
    """ "its own dose changed", where it did in half of the subjects or more."""
    ratio = (then / first).dropna()
    return ["its own dose changed"] if len(ratio) and np.mean(np.abs(ratio - 1) > 0.01) >= 0.5 else []


def _agents_on(exposures: Any, day: float) -> set[str]:
    """The agents that at least half of those still dosed with anything were under on a day.

    A dose counts until the next one is due: an antibody every three weeks is not stopped on the days between.
    """
    exposures = exposures[exposures["amount"] != 0]  # doses held
    end = exposures["end_day"].fillna(exposures["start_day"])
    until = end + _interval(exposures.assign(end_day=end)) - 1
    on = exposures[(exposures["start_day"] < day + 0.99) & (until > day - 0.01)]
    count = on.groupby(on["agent"].astype(str))["subject_id"].nunique()
    return set(count.index[count >= 0.5 * on["subject_id"].nunique()])


def _interval(exposures: Any) -> pd.Series:
    """For each row the agent's usual days between doses; 1 where it is given day by day, or once."""
    rows = exposures.sort_values("start_day")
    between = rows.groupby(["subject_id", "agent"], observed=True)["start_day"].diff()
    single = rows["end_day"] - rows["start_day"] < 1
    days = between.where(single).groupby(rows["agent"]).transform("median")
    daily = (~single).groupby(rows["agent"]).transform("any")
    return days.where(~daily).fillna(1.0).clip(lower=1.0).reindex(exposures.index)


def _proportionality(analyte: str, own: Any) -> list[Finding]:
    """The power model: AUC ∝ dose^b, for a parent drug given at several doses."""
    found = []
    for period, rows in own[own["dose"] > 0].groupby("period", sort=False):
        if rows["dose"].nunique() < 2 or len(rows) < 4:
            continue
        x, y = np.log(rows["dose"].to_numpy(dtype=float)), np.log(rows["auc"].to_numpy(dtype=float))
        fitted = line(x, y, 0.90)
        found.append(
            Finding(
                f"pk.{analyte}.dose_proportionality",
                str(period),
                fitted.slope,
                fitted.lower,
                fitted.upper,
                0.90,
                n=len(rows),
                unit="exponent",
                method="power model: log AUC on log dose, 90 % interval; 1 is proportional",
                reference=POWER_SOURCE,
                table=rows[["subject_id", "dose", "dose_unit", "auc", "unit"]],
            )
        )
    return found


def _ordered(there: Iterable[Any], first: Iterable[str]) -> list[str]:
    names = list(dict.fromkeys(str(a) for a in there))
    return [a for a in first if a in names] + [a for a in names if a not in set(first)]


def _table(record: Any, name: str) -> Any:
    frame = getattr(record, name)
    return frame.assign(subject_id=frame["subject_id"].astype(str))
