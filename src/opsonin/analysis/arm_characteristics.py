"""A trial of arms repeated: patients, responses, decisions and hazard ratios over replicate trials."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.comparison import EVERYONE
from opsonin.analysis.findings import Finding
from opsonin.analysis.phase_two import RESPONDED, labelled, look_table
from opsonin.analysis.response import EXACT_SOURCE
from opsonin.analysis.statistics import proportion

GO = "declare"  # the decision that the drug is worth going on with
SHARE = "share of replicate trials; exact interval of the Monte Carlo error"
RANGE = "mean of replicate trials; interval: the middle 95 % of trials"
ENDPOINTS = ("PFS", "OS")
ALPHA = 0.05


def arm_characteristics(asked: Asked) -> list[Finding]:
    """Over replicate trials: patients, responses, decisions and hazard ratios, by arm or indication."""
    replicates = asked.replicates
    subjects, trials = replicates.table("subjects"), np.asarray(replicates.trials)
    subjects = labelled(asked, subjects.astype({"arm": object, "indication": object}))
    place = np.searchsorted(trials, subjects["trial"].to_numpy())
    labels = list(dict.fromkeys(sorted(subjects["label"])))
    code = subjects["label"].map({label: k for k, label in enumerate(labels)}).to_numpy()
    given = np.zeros((trials.size, len(labels)))
    np.add.at(given, (place, code), 1)
    found = _decided(asked, replicates.table("decisions"), trials)
    several = len(labels) > 1
    found += [_mean("design.patients", label, given[:, k], "patients") for k, label in enumerate(labels) if several]
    found.append(_mean("design.patients", EVERYONE, given.sum(axis=1), "patients"))
    enrolled = subjects.groupby("trial")["enrolled_day"].max().reindex(trials).to_numpy(dtype=float)
    found.append(_mean("design.enrolment_duration", EVERYONE, enrolled, "days"))
    return found + _rates(replicates, subjects, labels, given, trials) + _compared(asked, subjects, trials)


def _decided(asked: Asked, decisions: pd.DataFrame, trials: np.ndarray) -> list[Finding]:
    """How often each arm is found worth going on with, and how often it stops before its last look."""
    if not len(decisions):
        return []
    looks = labelled(asked, look_table(decisions))
    stages = list((asked.questions.get("phase_two") or {}).get("patients") or [])
    last = looks.groupby(["trial", "label"], sort=True).tail(1)
    found = []
    for label, own in last.groupby("label"):
        found.append(_share("design.worth_going_on", str(label), int((own["decision"] == GO).sum()), trials.size))
        if len(stages) > 1:
            early = int((own["patients"] < stages[-1]).sum())
            found.append(_share("design.stopped_early", str(label), early, trials.size))
    return found


def _rates(
    replicates: Any, subjects: pd.DataFrame, labels: list[str], given: np.ndarray, trials: np.ndarray
) -> list[Finding]:
    """Objective response rates over trials."""
    rows = replicates.table("responses")
    rows = rows[rows["best"].fillna(False).to_numpy(dtype=bool)]
    if not len(rows):
        return []
    good = rows.loc[rows["overall"].astype(str).isin(RESPONDED), ["trial", "subject_id"]].astype({"subject_id": str})
    where = subjects[["trial", "subject_id", "label"]].astype({"subject_id": str})
    hit = good.merge(where, on=["trial", "subject_id"], how="left")
    counts = np.zeros_like(given)
    code = hit["label"].map({label: k for k, label in enumerate(labels)}).to_numpy(dtype=np.int64)
    np.add.at(counts, (np.searchsorted(trials, hit["trial"].to_numpy()), code), 1)
    found = []
    for k, label in enumerate(labels):
        there = given[:, k] > 0
        if there.any():
            found.append(
                _mean("design.objective_rate", label, counts[there, k] / given[there, k], "proportion", len(labels))
            )
    return found


def _compared(asked: Asked, subjects: pd.DataFrame, trials: np.ndarray) -> list[Finding]:
    """Hazard ratios between randomised arms: their spread over trials, and how often the log-rank test finds them."""
    if asked.groups.by != "arm" or not asked.groups.several:
        return []
    from opsonin.analysis.survival.logrank_many import logrank_many
    from opsonin.analysis.survival.many import cox_single_covariate_many

    survival = asked.replicates.table("survival").astype({"subject_id": str, "endpoint": str})
    whose = subjects[["trial", "subject_id", "arm", "indication"]].astype({"subject_id": str})
    found = []
    for endpoint in ENDPOINTS:
        rows = survival[survival["endpoint"] == endpoint].merge(whose, on=["trial", "subject_id"], how="left")
        for one, other in asked.groups.contrasts():
            own = rows[rows["arm"].isin([one, other])]
            if not len(own):
                continue
            time, event, group, stratum = _side_by_side(own, one, trials)
            strata = stratum if asked.questions.get("strata") else None
            fit = cox_single_covariate_many(time, event, group, strata=strata)
            p = logrank_many(time, event, np.nan_to_num(group), strata=strata).p
            label = f"{one} vs {other}"
            ratio = np.exp(fit.coefficient[np.isfinite(fit.coefficient)])
            if ratio.size:
                found.append(_median(f"design.{endpoint}.hazard_ratio", label, ratio))
            found.append(_share(f"design.{endpoint}.significant", label, int((p < ALPHA).sum()), trials.size))
    return found


def _side_by_side(rows: pd.DataFrame, one: str, trials: np.ndarray) -> tuple[np.ndarray, ...]:
    """(trial, patient) arrays of time (NaN: nobody), event, group (1: of the arm `one`) and stratum."""
    rows = rows.sort_values("trial", kind="stable")
    trial = np.searchsorted(trials, rows["trial"].to_numpy())
    slot = np.arange(len(rows)) - np.searchsorted(trial, trial)
    shape = (trials.size, int(slot.max()) + 1)
    time, group = np.full(shape, np.nan), np.full(shape, np.nan)
    event, stratum = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    time[trial, slot] = rows["day"].to_numpy(dtype=float)
    event[trial, slot] = rows["event"].to_numpy(dtype=bool)
    group[trial, slot] = (rows["arm"] == one).to_numpy(dtype=float)
    stratum[trial, slot] = pd.factorize(rows["indication"])[0]
    return time, event, group, stratum


def _share(name: str, group: str, count: int, trials: int) -> Finding:
    value, lower, upper = proportion(count, trials)
    return Finding(
        name, group, value, lower, upper, 0.95, n=trials, events=count, unit="proportion", method=SHARE,
        reference=EXACT_SOURCE,
    )  # fmt: skip


def _mean(name: str, group: str, values: np.ndarray, unit: str, several: int = 2) -> Finding:
    low, high = (float(v) for v in np.quantile(values, [0.025, 0.975]))
    error = float(values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else math.nan
    remark = f"Monte Carlo standard error of the mean {error:.2g}."
    whom = group if several > 1 else EVERYONE
    return Finding(
        name, whom, float(values.mean()), low, high, 0.95, n=values.size, unit=unit, method=RANGE, note=remark
    )


def _median(name: str, group: str, values: np.ndarray) -> Finding:
    low, middle, high = (float(v) for v in np.quantile(values, [0.025, 0.5, 0.975]))
    method = "median of replicate trials; interval: the middle 95 % of trials; Cox model, Efron's ties"
    return Finding(name, group, middle, low, high, 0.95, n=values.size, unit="hazard ratio", method=method)
