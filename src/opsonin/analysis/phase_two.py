"""A trial of arms: what its looks at responses decided, and what such a trial would do if it were repeated."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.comparison import EVERYONE
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.response import EXACT, EXACT_SOURCE, best_responses
from opsonin.analysis.statistics import proportion

GO = "declare"  # the decision that the drug is worth going on with
SHARE = "share of replicate trials; exact interval of the Monte Carlo error"
RANGE = "mean of replicate trials; interval: the middle 95 % of trials"
TWO_STAGE = (
    "unbiased estimate after a two-stage design; exact limits, each on one side at 97.5 %; p of the null, one-sided"
)
TWO_STAGE_SOURCE = "Jung & Kim 2004, doi:10.1002/sim.1653; Koyama & Chen 2008, Stat Med 27:3145"
RESPONDED = ("CR", "PR", "iCR", "iPR")
ENDPOINTS = ("PFS", "OS")
ALPHA = 0.05


def has_arms(asked: Asked) -> bool:
    """Whether the record is of a trial that enrolled arms and looked for no dose."""
    return bool(asked.questions.get("arms"))


def look_table(decisions: pd.DataFrame) -> pd.DataFrame:
    """Every look: trial (where there), day, cohort, decision, reason; its arm, indication, patients and responses."""
    rows = decisions.reset_index(drop=True)
    about = [json.loads(text) if isinstance(text, str) and text else {} for text in rows["numbers"]]
    told = pd.DataFrame(about, columns=pd.Index(["arm", "indication", "patients", "responses"]))
    kept = [c for c in ("trial", "day", "cohort", "decision", "reason", "design") if c in rows]
    return pd.concat([rows[kept], told], axis=1)


def phase_two_findings(asked: Asked) -> list[Finding]:
    """What the looks of a phase II design decided, and what the indications of a basket borrow from one another."""
    return [*_looked_at(asked), *_borrowed(asked)]


def _borrowed(asked: Asked) -> list[Finding]:
    """The response rate of each indication of a basket, arm by arm, learnt together with the others."""
    indications = list(asked.questions.get("indications") or [])
    best = best_responses(asked.table("responses")) if len(asked.table("responses")) else None
    if len(indications) < 2 or best is None:
        return []
    subjects = asked.table("subjects")
    hit = subjects["subject_id"].map(best).isin(RESPONDED)
    found: list[Finding] = []
    for arm, own in subjects.assign(hit=hit.to_numpy()).groupby(subjects["arm"].astype(str), sort=True):
        counts = own.groupby(own["indication"].astype(str))["hit"].agg(["sum", "count"])
        if len(counts) > 1:
            found += _of_basket(asked, str(arm), counts)
    return found


def _of_basket(asked: Asked, arm: str, counts: pd.DataFrame) -> list[Finding]:
    from opsonin.analysis.basket import METHOD, SOURCE, basket

    null = (asked.questions.get("phase_two") or {}).get("null")
    names, hits, n = counts.index.tolist(), counts["sum"].tolist(), counts["count"].tolist()
    made = basket(names, hits, n, None if null is None else float(null), asked.seed)
    several = len(list(asked.questions.get("arms") or [])) > 1
    table, found = made.to_frame(), []
    for k, name in enumerate(made.names):
        alone = made.alone[k]
        said = f"Alone {hits[k]} of {n[k]} ({100 * alone.lower:.1f}–{100 * alone.upper:.1f} %)."
        if null is not None:
            said += f" Above {100 * float(null):g} % with a probability of {made.above[k]:.2f}."
        found.append(
            Finding(
                "basket.response_rate", f"{arm}, {name}" if several else name, *made.rates[k], 0.95, n=n[k],
                events=hits[k], unit="proportion", method=METHOD, reference=SOURCE, note=said, table=table,
            )
        )  # fmt: skip
    said = "p of equal rates, by permutation: between indications responses are dealt out anew."
    found.append(
        Finding(
            "basket.spread", arm if several else EVERYONE, *made.spread, 0.95, p=made.p, n=sum(n), events=sum(hits),
            unit="log-odds, standard deviation", method=METHOD, reference=SOURCE, note=said, table=table,
        )
    )  # fmt: skip
    return found


def _looked_at(asked: Asked) -> list[Finding]:
    """The response rate of each arm as its design reads it, and whether the drug is worth going on with."""
    design = asked.questions.get("phase_two")
    if not isinstance(design, Mapping) or not design:
        return []
    if not len(asked.table("decisions")):
        return [note("phase_two", "No phase II decision: the record holds no look at the responses.")]
    looks = _labelled(asked, look_table(asked.table("decisions")))
    last = looks.groupby("label", sort=False).tail(1)
    return [_judged(dict(row), design, looks) for row in last.to_dict("records")]


def _judged(look: dict[Any, Any], design: Mapping[str, Any], table: pd.DataFrame) -> Finding:
    from opsonin.designs.phase_two.inference import two_stage_inference

    n, hits = int(look["patients"]), int(look["responses"])
    stages, futile = list(design.get("patients") or [n]), list(design.get("futile") or [-1])
    found = proportion(hits, n)
    value, lower, upper, p, method, source = *found, math.nan, f"CR or PR by the look; {EXACT}", EXACT_SOURCE
    if len(stages) == 2 and futile[0] >= 0 and n in stages:
        two = two_stage_inference(hits, futile[0], stages[0], stages[1], float(design["null"]), 0.025)
        value, lower, upper, p = two.estimate, two.lower, two.upper, min(1.0, two.p)
        method, source = TWO_STAGE, TWO_STAGE_SOURCE
    return Finding(
        name="phase_two.response_rate",
        group=str(look["label"]),
        estimate=value,
        lower=lower,
        upper=upper,
        level=0.95,
        p=p,
        n=n,
        events=hits,
        unit="proportion",
        method=method,
        reference=source,
        note=f"{str(look['reason'])[0].upper()}{str(look['reason'])[1:]}.",
        table=table,
    )


def arm_characteristics(asked: Asked) -> list[Finding]:
    """Over replicate trials: patients, responses, decisions and hazard ratios, by arm or indication."""
    replicates = asked.replicates
    subjects, trials = replicates.table("subjects"), np.asarray(replicates.trials)
    subjects = _labelled(asked, subjects.astype({"arm": object, "indication": object}))
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
    looks = _labelled(asked, look_table(decisions))
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


def _labelled(asked: Asked, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with a `label`: arm, indication, or both, whatever there are several of."""
    arms, indications = (list(asked.questions.get(name) or []) for name in ("arms", "indications"))
    if len(indications) < 2:
        label = rows["arm"].astype(str)
    elif len(arms) < 2:
        label = rows["indication"].astype(str)
    else:
        label = rows["arm"].astype(str) + ", " + rows["indication"].astype(str)
    return rows.assign(label=label.to_numpy(dtype=object))


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
