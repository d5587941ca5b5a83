"""The trial itself: flow of patients, path of decisions, dose declared, the design's operating characteristics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.phase_two import has_arms
from opsonin.analysis.response import EXACT_SOURCE
from opsonin.analysis.statistics import proportion

NONE = "none"
MONTE_CARLO = "share of replicate trials; exact interval of the Monte Carlo error"
RANGE = "mean of replicate trials; interval: the middle 95 % of trials"


def flow_table(asked: Asked) -> pd.DataFrame:
    """Subjects by milestone, reason and group: milestone, reason, group, subjects."""
    rows = asked.table("disposition")
    rows = rows.assign(group=rows["subject_id"].map(asked.groups.of), reason=rows["reason"].astype("string").fillna(""))
    counts = rows.groupby(["milestone", "reason", "group"], as_index=False, observed=True, dropna=False)
    return (
        counts.agg(subjects=("subject_id", "nunique"))
        .sort_values(["milestone", "reason", "group"])
        .reset_index(drop=True)
    )


def decision_path(asked: Asked) -> pd.DataFrame:
    """The decisions in the order they were taken, with the levels' names."""
    rows = asked.table("decisions").reset_index(drop=True)
    names = asked.levels
    for end in ("from", "to"):
        rows[f"{end}_name"] = [names.get(int(v), NONE) if pd.notna(v) else "" for v in rows[f"level_{end}"]]
    return rows


def flow_findings(asked: Asked) -> list[Finding]:
    """How many were enrolled, treated, evaluable, replaced and why they stopped; the dose declared."""
    table = flow_table(asked) if len(asked.table("disposition")) else None
    found = [
        Finding(
            "trial.enrolled", label, float(len(members)), n=len(members), unit="subjects", method="count", table=table
        )
        for label, members in asked.groups.each()
    ]
    if table is None:
        found.append(note("trial", "The flow of patients is not recorded (no disposition table)."))
    else:
        for milestone, own in table[table["milestone"] != "enrolled"].groupby("milestone", sort=False):
            name = f"trial.{str(milestone).replace(' ', '_')}"
            found.append(_counted(asked, name, own))
            found += [
                _counted(asked, f"{name}.{reason}", part)
                for reason, part in own.groupby("reason", sort=False)
                if reason
            ]
    return found + mtd_findings(asked)


def _counted(asked: Asked, name: str, rows: pd.DataFrame) -> Finding:
    count = int(rows["subjects"].sum())
    return Finding(
        name, "all", float(count), n=asked.groups.of.size, events=count, unit="subjects", method="count", table=rows
    )


def mtd_findings(asked: Asked) -> list[Finding]:
    """The maximum tolerated dose that the recorded decisions declare."""
    if has_arms(asked):
        return []
    path = decision_path(asked)
    if not len(path):
        if asked.levels and len(asked.levels) > 1:
            return [note("safety.mtd", "No maximum tolerated dose: the record has no decisions.")]
        return []
    last = path.iloc[-1]
    ended = str(last["decision"]) in ("declare", "stop")
    if not ended:
        return [
            note("safety.mtd", "No maximum tolerated dose yet: the last decision on record does not end the trial.")
        ]
    declared = int(last["level_to"]) if pd.notna(last["level_to"]) and str(last["decision"]) == "declare" else 0
    return [
        Finding(
            name="safety.mtd",
            group=asked.levels.get(declared, NONE) if declared else NONE,
            estimate=float(declared) if declared else float("nan"),
            n=int(asked.groups.of.size),
            unit="dose level",
            method=f"declared by the design ({last['design']})",
            note=str(last["reason"]),
            table=path,
        )
    ]


def selected_levels(decisions: pd.DataFrame, trials: np.ndarray) -> np.ndarray:
    """The level each replicate trial declared, 0 where none: the last decision of each trial, if it declares."""
    last = decisions.groupby("trial", sort=True).tail(1).set_index("trial")
    declares = (last["decision"].astype(str) == "declare").to_numpy()
    level = last["level_to"].astype("Float64").fillna(0).to_numpy(dtype=float)
    return pd.Series(np.where(declares, level, 0), index=last.index).reindex(trials).fillna(0).to_numpy(dtype=np.int64)


def operating_characteristics(asked: Asked) -> list[Finding]:
    """What the design does over replicate trials: level declared, patients and DLT per level, duration, responses."""
    replicates = asked.replicates
    if replicates is None or not len(replicates.table("subjects")):
        return []
    if has_arms(asked):
        from opsonin.analysis.arm_characteristics import arm_characteristics

        return arm_characteristics(asked)
    subjects, trials = replicates.table("subjects"), np.asarray(replicates.trials)
    count, names = trials.size, asked.levels
    trial = np.searchsorted(trials, subjects["trial"].to_numpy())
    level = subjects["level"].astype("Float64").fillna(0).to_numpy(dtype=float).astype(np.int64)
    top = max([*names, int(level.max(initial=0))])
    given = np.zeros((count, top + 1))
    np.add.at(given, (trial, level), 1)
    hit = _per_level(_limiting(replicates), subjects, trials, top)
    found = _selection(replicates.table("decisions"), trials, names)
    for number in range(1, top + 1):
        name = names.get(number, f"level {number}")
        found.append(_mean("design.patients", name, given[:, number], "patients"))
        found.append(_mean("design.dlt", name, hit[:, number], "patients"))
        found.append(_rate_over_trials(name, hit[:, number], given[:, number]))
    found.append(_mean("design.patients", "all", given.sum(axis=1), "patients"))
    found.append(_mean("design.dlt", "all", hit.sum(axis=1), "patients"))
    return found + _duration(replicates, trials) + _responses(replicates, trials)


def _selection(decisions: pd.DataFrame, trials: np.ndarray, names: dict[int, str]) -> list[Finding]:
    if not len(decisions):
        return []
    chosen, n = selected_levels(decisions, trials), trials.size
    labels = {0: NONE, **names}
    rows = [{"level": k, "group": labels[k], "trials": int((chosen == k).sum())} for k in sorted(labels)]
    table = pd.DataFrame(rows).assign(share=lambda t: t["trials"] / n)
    found = []
    for row in table.to_dict("records"):
        value, lower, upper = proportion(row["trials"], n)
        error = float(np.sqrt(value * (1 - value) / n))
        found.append(
            Finding(
                "design.mtd_selected",
                row["group"],
                value,
                lower,
                upper,
                0.95,
                n=n,
                events=row["trials"],
                unit="proportion",
                method=MONTE_CARLO,
                reference=EXACT_SOURCE,
                note=f"Monte Carlo standard error {error:.2g}.",
                table=table,
            )
        )
    return found


def _limiting(replicates: Any) -> pd.DataFrame:
    """Trial and subject of everyone with a dose-limiting toxicity, once each."""
    events = replicates.table("adverse_events")
    flagged = events[events["dlt"].fillna(False).to_numpy(dtype=bool)]
    return flagged[["trial", "subject_id"]].drop_duplicates()


def _per_level(who: pd.DataFrame, subjects: pd.DataFrame, trials: np.ndarray, top: int) -> np.ndarray:
    """Counts of subjects by (trial, level)."""
    out = np.zeros((trials.size, top + 1))
    if len(who):
        where = subjects[["trial", "subject_id", "level"]].astype({"subject_id": str})
        joined = who.astype({"subject_id": str}).merge(where, on=["trial", "subject_id"], how="left")
        level = joined["level"].astype("Float64").fillna(0).to_numpy(dtype=float).astype(np.int64)
        np.add.at(out, (np.searchsorted(trials, joined["trial"].to_numpy()), level), 1)
    return out


def _mean(name: str, group: str, values: np.ndarray, unit: str) -> Finding:
    low, high = (float(v) for v in np.quantile(values, [0.025, 0.975]))
    error = float(values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else float("nan")
    remark = f"Monte Carlo standard error of the mean {error:.2g}."
    return Finding(
        name, group, float(values.mean()), low, high, 0.95, n=values.size, unit=unit, method=RANGE, note=remark
    )


def _rate_over_trials(group: str, hit: np.ndarray, given: np.ndarray) -> Finding:
    """DLT per patient treated at a level, pooled over trials; the interval lets trials differ (ratio estimator)."""
    total = float(given.sum())
    rate = float(hit.sum()) / total if total else float("nan")
    method = (
        "DLT per patient treated, pooled over replicate trials; interval of the Monte Carlo error, trials as clusters"
    )
    if not total or given.size < 2:
        return Finding(
            "design.dlt_rate", group, rate, n=int(total), events=int(hit.sum()), unit="proportion", method=method
        )
    error = float(np.sqrt(((hit - rate * given) ** 2).sum() * given.size / (given.size - 1))) / total
    low, high = max(0.0, rate - 1.96 * error), min(1.0, rate + 1.96 * error)
    return Finding(
        "design.dlt_rate",
        group,
        rate,
        low,
        high,
        0.95,
        n=int(total),
        events=int(hit.sum()),
        unit="proportion",
        method=method,
    )


def _duration(replicates: Any, trials: np.ndarray) -> list[Finding]:
    """The trial's day of the last decision."""
    rows = replicates.table("decisions")
    if not len(rows):
        return []
    last = rows.groupby("trial")["day"].max().reindex(trials).dropna().to_numpy(dtype=float)
    return [_mean("design.duration", "all", last, "days")] if last.size else []


def _responses(replicates: Any, trials: np.ndarray) -> list[Finding]:
    """Per trial: the share of patients with an objective response and with stable disease as their best."""
    rows = replicates.table("responses")
    rows = rows[rows["best"].fillna(False).to_numpy(dtype=bool)]
    if not len(rows):
        return []
    size = replicates.table("subjects").groupby("trial").size().reindex(trials).to_numpy(dtype=float)
    word, trial = rows["overall"].astype(str).to_numpy(), np.searchsorted(trials, rows["trial"].to_numpy())
    found = []
    for name, words in (("objective_rate", ("CR", "PR", "iCR", "iPR")), ("stable_disease_rate", ("SD", "iSD"))):
        counts = np.bincount(trial[np.isin(word, words)], minlength=trials.size)
        found.append(_mean(f"design.{name}", "all", counts / size, "proportion"))
    return found
