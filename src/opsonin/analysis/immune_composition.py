"""How the lymphocytes of the blood are shared out, and whether that changes: B, CD4+, CD8+ and NK as a composition.

Only parents that do not overlap are parts: subsets such as HLA-DR+ NK would be counted twice.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.compositions import centred_log_ratios, composition_change, composition_trend, replace_zeros
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.immune_courses import outcomes
from opsonin.errors import AnalysisError

PARENTS = {
    "CD4+": ("cd4+", "cd4", "cd4+ t", "cd4 t", "helper t"),
    "CD8+": ("cd8+", "cd8", "cd8+ t", "cd8 t", "cytotoxic t"),
    "NK": ("nk", "natural killer", "cd16+cd56+"),
    "B": ("b", "cd19+", "cd19", "b lymphocytes"),
}
FEWEST = 3  # patients with both days
DAYS = 8  # those with most patients
AITCHISON = "Aitchison 1986; Egozcue 2003, doi:10.1023/A:1023818214614"
ANDERSON = "Anderson 2001, doi:10.1111/j.1442-9993.2001.01070.pp.x; McArdle & Anderson 2001"


def lymphocyte_counts(measurements: pd.DataFrame) -> pd.DataFrame:
    """B, CD4+, CD8+ and NK of each subject and day that has all four in one compartment and unit, blood where it is.

    Columns: subject_id, day (protocol day), one for each parent; below the limit counts 0. Empty where one is lacking.
    """
    from opsonin.analysis.immune import protocol_day

    columns = ["subject_id", "day", *PARENTS]
    nothing = pd.DataFrame(columns=pd.Index(columns))
    if measurements.empty:
        return nothing
    called = {synonym: parent for parent, synonyms in PARENTS.items() for synonym in synonyms}
    plain = measurements["marker"].astype(str).str.strip().str.lower()
    plain = plain.str.removesuffix(" cells").str.removesuffix(" cell")
    rows: Any = measurements.assign(parent=plain.map(called)).dropna(subset=["parent"])
    rows["compartment"], rows["unit"] = rows["compartment"].astype(str), rows["unit"].astype(str)
    complete = rows.groupby(["compartment", "unit"])["parent"].nunique()
    complete = complete[complete == len(PARENTS)]
    if complete.empty:
        return nothing
    blood = [key for key in complete.index if "blood" in key[0].lower()]
    compartment, unit = (blood or list(complete.index))[0]
    rows = rows[(rows["compartment"] == compartment) & (rows["unit"] == unit)]
    low = rows["below_limit"].fillna(False).to_numpy(dtype=bool)
    rows["amount"] = np.where(low, 0.0, rows["value"].to_numpy(dtype=float, na_value=np.nan))
    rows["subject_id"], rows["protocol"] = rows["subject_id"].astype(str), protocol_day(rows["day"])
    wide = rows.pivot_table(index=["subject_id", "protocol"], columns="parent", values="amount", aggfunc="last")
    wide = wide.reindex(columns=pd.Index(list(PARENTS))).dropna()
    wide = wide[wide.sum(axis=1) > 0].reset_index().rename(columns={"protocol": "day"})
    return wide[columns]


def composition_findings(asked: Asked, dose: pd.Series, dose_words: str) -> list[Finding]:
    """`immune.composition.change`, `.<part>`, `.with_dose` and `.with_outcome`, per day after the first dose.

    dose: the amount by subject_id, empty where none varies.
    """
    table = lymphocyte_counts(asked.table("measurements"))
    if table.empty:
        return []
    exposures = asked.table("exposures")
    first = exposures.groupby("subject_id")["start_day"].min() if len(exposures) else pd.Series(dtype=float)
    try:
        table[list(PARENTS)] = replace_zeros(table[list(PARENTS)].to_numpy(dtype=float))
    except AnalysisError as problem:
        return [note("immune.composition", f"No composition of the lymphocytes: {problem}")]
    start = table["subject_id"].map(first).fillna(0.0).to_numpy(dtype=float)
    elapsed = np.where(table["day"] > 0, table["day"] - 1, table["day"]).astype(float)
    early = elapsed <= start + 1e-6
    before = table[early].sort_values("day", kind="stable").groupby("subject_id").last()
    after = table[~early & table["subject_id"].isin(before.index).to_numpy(dtype=bool)]
    days = after["day"].value_counts().sort_values(ascending=False, kind="stable").index[:DAYS]
    outcome = outcomes(asked, after)
    found: list[Finding] = []
    for day in sorted(int(d) for d in days):
        rows = after[after["day"] == day]
        for label, members in asked.groups.each():
            own = rows[rows["subject_id"].isin(members)].set_index("subject_id").sort_index()
            if len(own) >= FEWEST:
                found += _changes(f"{label}, day {day}", before, own, asked.seed)
        found += _with_dose(asked, day, before, rows, dose, dose_words)
        if outcome is not None:
            found += _with_outcome(asked, day, before, rows, outcome)
    return found


def _changes(group: str, before: pd.DataFrame, own: pd.DataFrame, seed: int) -> list[Finding]:
    parts = list(PARENTS)
    start = before.loc[own.index, parts].to_numpy(dtype=float)
    found = composition_change(start, own[parts].to_numpy(dtype=float), names=parts, seed=seed)
    signs = f"all {2**found.n:,} signs" if found.exact else "9,999 drawn signs"
    least = f" With {found.n} patients p cannot be below {2 / 2**found.n:.2g}." if found.exact and found.n < 7 else ""
    made = [
        Finding(
            "immune.composition.change", group, found.distance, p=found.p, n=found.n, unit="Aitchison distance",
            method=f"length of the mean change of B, CD4+, CD8+ and NK in log-ratios; p by {signs} of whole patients",
            reference=AITCHISON, note=f"0 is no change of any ratio between the four.{least}",
        )
    ]  # fmt: skip
    for part in found.parts:
        made.append(
            Finding(
                f"immune.composition.{part.part}", group, *part.ratio, 0.95, part.p, found.n, unit="ratio to baseline",
                method="the part over the geometric mean of the other three, value / baseline; Student's interval",
                reference=AITCHISON,
            )
        )  # fmt: skip
    return made


def _ratios(before: pd.DataFrame, rows: pd.DataFrame) -> tuple[np.ndarray, pd.Series]:
    """The changes in centred log-ratios, and who they are of."""
    parts = list(PARENTS)
    own = rows.sort_values("subject_id")
    start = before.loc[own["subject_id"], parts].to_numpy(dtype=float)
    return centred_log_ratios(own[parts].to_numpy(dtype=float)) - centred_log_ratios(start), own["subject_id"]


def _with_dose(
    asked: Asked, day: int, before: pd.DataFrame, rows: pd.DataFrame, dose: pd.Series, words: str
) -> list[Finding]:
    given = rows[rows["subject_id"].map(dose).to_numpy(dtype=float, na_value=np.nan) > 0] if len(dose) else rows[:0]
    if len(given) < 5:
        return []
    change, who = _ratios(before, given)
    amount = np.log2(who.map(dose).to_numpy(dtype=float))
    if np.ptp(amount) <= 0:
        return []
    method = f"share of the changes' spread that goes with each {words} (pseudo-F); p by permutation of patients"
    return [_trend("with_dose", day, change, amount, None, asked.seed, method)]


def _with_outcome(asked: Asked, day: int, before: pd.DataFrame, rows: pd.DataFrame, outcome: Any) -> list[Finding]:
    known = rows[rows["subject_id"].isin(outcome.of.index)]
    well = known["subject_id"].map(outcome.of).to_numpy(dtype=bool) if len(known) else np.zeros(0, dtype=bool)
    if min(int(well.sum()), int((~well).sum())) < FEWEST:
        return []
    change, who = _ratios(before, known)
    strata = who.map(asked.groups.of).astype(str).to_numpy(dtype=object) if asked.groups.several else None
    method = (
        f"share of the changes' spread between patients {outcome.words[0]} and {outcome.words[1]} (pseudo-F); p by "
    )
    method += f"permutation of patients{f' within {asked.groups.by}' if strata is not None else ''}"
    return [_trend("with_outcome", day, change, who.map(outcome.of).to_numpy(dtype=float), strata, asked.seed, method)]


def _trend(
    name: str, day: int, change: np.ndarray, against: np.ndarray, strata: Any, seed: int, method: str
) -> Finding:
    found = composition_trend(change, against, strata, seed)
    p = found.p if math.isfinite(found.p) else math.nan
    return Finding(
        f"immune.composition.{name}", f"day {day}", found.r_squared, p=p, n=found.n, unit="proportion", method=method,
        reference=ANDERSON,
    )  # fmt: skip
