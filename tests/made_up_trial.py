"""A made-up dose escalation with known truths, as one record and as replicates."""

from typing import Any

import numpy as np
import pandas as pd

from opsonin.record import Manifest, TrialRecord

LEVELS = ["interleukin-2 3 MIU", "interleukin-2 6 MIU", "interleukin-2 9 MIU"]
HOURS = (0.0, 1.0, 2.0, 4.0, 8.0, 24.0)
QUESTIONS = {
    "level_names": LEVELS,
    "escalating_agent": "interleukin-2",
    "biomarkers": [{"marker": "HLA-DR+ NK", "day": 15, "against": ["PFS", "OS"]}],
    "interaction": ["imatinib", "interleukin-2"],
    "analytes": ["imatinib", "interleukin-2"],
}


def escalation(trials=1, per_level=6, seed=5, effect=0.0) -> dict[str, Any]:
    """Tables of `trials` trials: 18 patients at three levels. effect: log hazard ratio per doubling of the marker."""
    rng = np.random.default_rng(seed)
    size = per_level * 3
    trial = np.repeat(np.arange(1, trials + 1), size)
    level = np.tile(np.repeat([1, 2, 3], per_level), trials)
    ids = np.tile([f"P{k + 1:04d}" for k in range(size)], trials)
    n = trial.size
    base = pd.DataFrame({"trial": trial, "subject_id": ids})
    marker = 2.0 ** (5 + level + rng.normal(0, 0.7, n))
    hazard = 0.01 * 2.0 ** (effect * (np.log2(marker) - 5 - level)) * np.array([1.0, 0.8, 0.6])[level - 1]
    death = rng.exponential(1 / hazard) + 20
    progression = np.minimum(death, rng.exponential(0.5 / hazard) + 15)
    follow = 400.0
    dlt = rng.random(n) < np.array([0.05, 0.25, 0.6])[level - 1]
    tables: dict[str, Any] = {"subjects": base.assign(arm=np.array(LEVELS)[level - 1], level=level, age_years=60.0)}
    tables["survival"] = pd.concat(
        base.assign(endpoint=name, day=np.minimum(t, follow), event=t < follow, origin_day=0.0)
        for name, t in (("OS", death), ("PFS", progression))
    )
    best = np.where(progression > 42, "SD", "PD")
    best[::17] = "PR"
    tables["responses"] = base.assign(criteria="RECIST 1.1", day=42.0, best=True, overall=best, source="derived")
    events = [base[dlt].assign(event_id="1", term="capillary leak syndrome", grade=3, dlt=True, start_day=11.0)]
    events.append(base.assign(event_id="2", term="fever", grade=1 + level % 2, dlt=False, start_day=10.0))
    tables["adverse_events"] = pd.concat(events).assign(related="yes", serious=False)
    measured = []
    for name, after in (("HLA-DR+ NK", marker), ("CD8+", 400 * 2.0 ** (-0.5 * level + rng.normal(0, 0.2, n)))):
        for day, value in ((-21.0, np.full(n, 40.0 if name != "CD8+" else 400.0)), (14.0, after)):
            measured.append(base.assign(marker=name, day=day, value=value, baseline=day < 0))
    tables["measurements"] = pd.concat(measured).assign(compartment="blood", unit="cells/µl", below_limit=False)
    declared = np.array([2, 1, 3, 0])[np.arange(trials) % 4]
    start = pd.DataFrame({"trial": np.arange(1, trials + 1), "decision_id": "01", "day": 0.0, "level_to": 1})
    end = start.assign(decision_id="02", day=200.0, level_to=declared)
    both = pd.concat([start.assign(decision="start"), end.assign(decision="declare")])
    tables["decisions"] = both.assign(design="3+3", seen="1NNN", reason="fewer than 2 of 6", numbers="{}", level_from=1)
    return tables


def bloods(ids, levels, il2_lowers=1.5, with_il2=True, with_imatinib=True, seed=2):
    """Concentrations and exposures: imatinib's AUC rises by `il2_lowers` on day 14; IL-2 is proportional to dose."""
    rng = np.random.default_rng(seed)
    clearance = np.exp(rng.normal(0, 0.3, len(ids)))
    noise = np.random.default_rng(9)
    rows, doses = [], []
    for who, level, cl in zip(ids, levels, clearance, strict=True):
        for day, elapsed in ((9, 8.0), (14, 13.0)):
            for agent, peak, keep in (("imatinib", 2000.0, 18.0), ("interleukin-2", 15.0 * level, 4.0)):
                unit = "ng/ml" if agent == "imatinib" else "IU/ml"
                wanted = with_imatinib if agent == "imatinib" else with_il2
                absent = not wanted or (agent == "interleukin-2" and day == 9)
                more = il2_lowers if agent == "imatinib" and day == 14 and with_il2 else 1.0
                for hour in HOURS:
                    shape = np.exp(-hour / keep) * (0.3 + 0.7 * (hour > 0))
                    level_now = peak * more / cl * shape * np.exp(noise.normal(0, 0.02))
                    low = absent or level_now < 0.1
                    value, at = None if low else level_now, elapsed + hour / 24
                    rows.append((who, agent, "plasma", at, value, unit, low, 0.1, agent, elapsed, hour, f"day {day}"))
        if with_imatinib:
            doses += [(who, "imatinib", float(d), 400.0, "mg", "oral") for d in range(14)]
        if with_il2:
            doses += [(who, "interleukin-2", float(d), 3.0 * level, "MIU", "subcutaneous") for d in range(9, 14)]
    names = "subject_id analyte matrix day value unit below_limit limit agent dose_day hours_after_dose period"
    concentrations = pd.DataFrame(rows, columns=names.split())
    exposures = pd.DataFrame(doses, columns=["subject_id", "agent", "start_day", "amount", "unit", "route"])
    return {"concentrations": concentrations, "exposures": exposures}


def one_record(effect=0.0, seed=5):
    tables = {name: frame.drop(columns="trial") for name, frame in escalation(1, seed=seed, effect=effect).items()}
    tables |= bloods(tables["subjects"]["subject_id"], tables["subjects"]["level"])
    return TrialRecord(tables, Manifest(kind="virtual", title="made up", questions=QUESTIONS))
