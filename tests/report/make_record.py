"""A small invented trial with every table, and findings by hand, so that the report is tested without a simulator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis import Finding, Findings
from opsonin.record import Manifest, TrialRecord

NAMES = ["interleukin-2 3 MIU", "interleukin-2 6 MIU", "interleukin-2 9 MIU", "interleukin-2 12 MIU"]
LEVELS = [1] * 3 + [2] * 3 + [3] * 6 + [2] * 3 + [2, 1]
LIMITED = (7, 9, 13)  # positions in order of enrolment
MARKERS = {
    "B": -0.35,
    "CD4+": -0.3,
    "CD8+": -0.4,
    "Treg of CD4+": 0.15,
    "NK": 0.5,
    "CD56bright NK": 0.9,
    "HLA-DR+ NK": 0.8,
}
LATEX = r"\frac{d}{dt} \mathrm{drug} = - \frac{\mathrm{cl} \cdot \mathrm{drug}}{\mathrm{v}} + e^{- k \cdot t}"
HOSTILE = "fever <script>alert('x')</script> & <b>chills</b>"


def small_trial(hostile: bool = False) -> TrialRecord:
    """17 patients on four levels of interleukin-2 with every table filled; hostile: markup in names and terms."""
    draw = np.random.default_rng(20131)
    n = len(LEVELS)
    ids = [f"P{k + 1:04d}" for k in range(n)]
    level = np.array(LEVELS)
    subjects = pd.DataFrame(
        {
            "subject_id": ids,
            "arm": [NAMES[k - 1] for k in LEVELS],
            "level": level,
            "cohort": np.arange(n) // 3 + 1,
            "age_years": draw.integers(34, 76, n),
            "sex": draw.choice(["F", "M"], n),
            "weight_kg": draw.normal(70, 12, n).round(1),
            "ecog": draw.integers(0, 2, n),
            "enrolled_day": np.arange(n) * 14.0,
        }
    )
    frailty = draw.normal(0, 1, n)
    tables = {
        "subjects": subjects,
        "exposures": _exposures(ids, level, draw),
        "adverse_events": _events(ids, level, draw, hostile),
        "concentrations": _concentrations(ids, level, draw),
        "measurements": _measurements(ids, level, frailty, draw),
        "lesions": _lesions(ids),
        "responses": _responses(ids, frailty, draw),
        "survival": _survival(ids, frailty, draw),
        "disposition": _disposition(ids),
        "decisions": _decisions(),
    }
    title = "Imatinib, metronomic cyclophosphamide and escalating interleukin-2"
    manifest = Manifest(
        kind="virtual",
        title=f"{title} <img src=x onerror=alert(1)>" if hostile else title,
        source="An invented trial for tests",
        study='title = "Imatinib and interleukin-2"\n[population]\nindication = "refractory-solid"\n',
        study_hash="0" * 64,
        seed=7,
        assumptions=[
            {
                "sentence": "Interleukin-2 lowers the apparent clearance of imatinib through inflammation",
                "parameters": ["k_il6"],
            },
            {"sentence": "Toxicity follows exposure to interleukin-2 alone", "parameters": ["h_leak", "h_fatigue"]},
        ],
        model=model_tables(),
        questions={
            "level_names": NAMES,
            "escalating_agent": "interleukin-2",
            "design": "3+3",
            "interaction": ["imatinib", "interleukin-2"],
            "biomarkers": [{"marker": "HLA-DR+ NK", "day": 15, "against": ["PFS", "OS"]}],
        },
    )
    return TrialRecord(tables, manifest)


def arms_only(groups: int = 2, n: int = 240) -> TrialRecord:
    """A real trial with arms, best responses, survival and one baseline marker, and nothing else."""
    draw = np.random.default_rng(11)
    ids = [f"{k:05d}" for k in range(n)]
    arm = [f"arm {chr(65 + k % groups)}" for k in range(n)]
    scale = np.array([300 + 40 * (k % groups) for k in range(n)])
    marker = draw.gamma(2, 6, n)
    rows = []
    for endpoint, faster in (("OS", 1.0), ("PFS", 0.35)):
        day = draw.exponential(scale * faster)
        rows.append(
            pd.DataFrame(
                {
                    "subject_id": ids,
                    "endpoint": endpoint,
                    "day": np.minimum(day, 700),
                    "event": day < 700,
                    "origin_day": 0.0,
                }
            )
        )
    tables = {
        "subjects": pd.DataFrame({"subject_id": ids, "arm": arm, "age_years": draw.integers(40, 80, n), "sex": "F"}),
        "survival": pd.concat(rows),
        "responses": pd.DataFrame(
            {
                "subject_id": ids, "criteria": "RECIST 1.1", "day": 0.0, "best": True, "source": "reported",
                "overall": draw.choice(["PR", "SD", "PD", "NE"], n, p=[0.15, 0.4, 0.35, 0.1]),
            }
        ),
        "measurements": pd.DataFrame(
            {
                "subject_id": ids, "marker": "blood TMB", "compartment": "blood", "day": 0.0, "value": marker,
                "unit": "mutations", "below_limit": False, "baseline": True,
            }
        ),
    }  # fmt: skip
    manifest = Manifest(
        kind="real",
        title="Two arms compared",
        source="Invented",
        questions={"compare": "arm", "reference": "arm A", "markers": ["blood TMB"], "cut": {"blood TMB": 16}},
        rows_left_out=[{"file": "x.csv", "section": "survival.OS", "reason": "no time", "count": 2, "rows": "4, 9"}],
    )
    return TrialRecord(tables, manifest)


def small_findings() -> Findings:
    """Findings for the small trial, by hand."""
    within = "permutation of the marker within dose level"
    return Findings(
        [
            Finding("safety.mtd", estimate=2.0, n=17, method="3+3", reference="Storer 1989, Biometrics 45:925"),
            *(
                Finding("design.mtd_selected", name, share, share - 0.03, share + 0.03, 0.95, n=1000, unit="fraction")
                for name, share in zip([*NAMES, "none"], (0.17, 0.58, 0.16, 0.05, 0.04), strict=True)
            ),
            Finding("pk.imatinib.auc_ratio", "with / without interleukin-2", 1.38, 1.27, 1.51, 0.9, n=17, method="NCA"),
            Finding(
                "pk.imatinib.cmax_ratio", "with / without interleukin-2", 1.22, 1.10, 1.36, 0.9, n=17, method="NCA"
            ),
            Finding("pk.interleukin-2.auc_ratio", "with / without imatinib", 1.01, 0.94, 1.09, 0.9, n=17, method="NCA"),
            Finding("pk.imatinib.auc", NAMES[0], 31000.0, 27000.0, 36000.0, 0.95, n=4, unit="ng*h/ml"),
            *(
                Finding(f"immune.{marker}.dose_slope", estimate=0.1, p=0.03 + 0.1 * k)
                for k, marker in enumerate(MARKERS)
            ),
            Finding("response.objective_rate", "all", 0.0, 0.0, 0.195, 0.95, n=17, unit="fraction"),
            Finding("survival.PFS.median", "all", 84.0, 56.0, 120.0, 0.95, n=17, events=16, unit="days"),
            Finding("survival.OS.median", "all", 300.0, 210.0, float("nan"), 0.95, n=17, events=9, unit="days"),
            Finding("biomarker.PFS.HLA-DR+ NK.hazard_ratio", "all", 0.52, 0.3, 0.9, 0.95, 0.021, 16, 15, method=within),
            Finding("biomarker.OS.HLA-DR+ NK.hazard_ratio", "all", 0.74, 0.4, 1.4, 0.95, 0.38, 17, 9, method=within),
            Finding("note.pk", note="the half-life of interleukin-2 could not be estimated in 5 patients"),
        ]
    )


def model_tables() -> dict[str, Any]:
    """A model as `model.explain()` gives it, cut to three rows."""
    return {
        "parameters": [
            {"name": "cl", "meaning": "clearance", "value": 11.2, "unit": "l/h", "kind": "published", "source": "X"},
            {"name": "k_il6", "meaning": "effect", "value": 0.3, "unit": "1", "kind": "assumed", "source": "assumed"},
        ],
        "species": [{"name": "drug", "meaning": "imatinib in plasma"}],
        "equations": [{"state": "drug", "latex": LATEX}],
        "signals": [{"name": "imatinib clearance", "combine": "product", "meaning": "factor", "modulations": []}],
    }  # fmt: skip


def _exposures(ids, level, draw) -> pd.DataFrame:
    rows = []
    for subject, at in zip(ids, level, strict=True):
        cycles = int(draw.integers(2, 9))
        for cycle in range(cycles):
            for agent, dose, unit, route, first, last in (
                ("imatinib", 400.0, "mg", "oral", 0, 14),
                ("interleukin-2", 3.0 * at, "MIU", "subcutaneous", 9, 14),
            ):
                begin = 21 * cycle + first
                rows.append((subject, agent, float(begin), float(21 * cycle + last), dose, unit, route))
    return pd.DataFrame(rows, columns=["subject_id", "agent", "start_day", "end_day", "amount", "unit", "route"])


def _events(ids, level, draw, hostile: bool) -> pd.DataFrame:
    terms = [
        "fever",
        "chills",
        "fatigue",
        "nausea",
        "alanine aminotransferase increased",
        "capillary leak syndrome",
        "anorexia",
    ]
    if hostile:
        terms[0] = HOSTILE
    rows = []
    for k, (subject, at) in enumerate(zip(ids, level, strict=True)):
        for j, term in enumerate(terms):
            if draw.random() < 0.15 + 0.13 * at - 0.03 * j:
                rows.append(
                    (subject, term, int(min(3, 1 + draw.poisson(0.3 * at))), float(draw.integers(9, 16)), False)
                )
        if k in LIMITED:
            rows.append((subject, "capillary leak syndrome", 3, 12.5, True))
    frame = pd.DataFrame(rows, columns=["subject_id", "term", "grade", "start_day", "dlt"])
    frame["event_id"] = [f"E{k}" for k in range(len(frame))]
    return frame.assign(related="yes")


def _concentrations(ids, level, draw) -> pd.DataFrame:
    rows = []
    for subject, at in zip(ids, level, strict=True):
        own = np.exp(draw.normal(0, 0.3))
        for day, period, factor in ((8, "day 9", 1.0), (13, "day 14", 1.25)):
            for hours in (0, 1, 2, 4, 8, 24):
                value = 2000 * own * factor * (0.35 + hours / 3 * np.exp(-hours / 3)) * np.exp(draw.normal(0, 0.1))
                rows.append((subject, "imatinib", "plasma", day + hours / 24, value, "ng/ml", False, period, hours))
        for hours in (0, 1, 2, 4, 8, 24):
            value = 12 * at * own * hours / 4 * np.exp(1 - hours / 4)
            low = value < 2
            rows.append(
                (
                    subject,
                    "interleukin-2",
                    "serum",
                    13 + hours / 24,
                    np.nan if low else value,
                    "IU/ml",
                    low,
                    "day 14",
                    hours,
                )
            )
    columns = ["subject_id", "analyte", "matrix", "day", "value", "unit", "below_limit", "period", "hours_after_dose"]
    return pd.DataFrame(rows, columns=columns).assign(agent=lambda frame: frame["analyte"])


def _measurements(ids, level, frailty, draw) -> pd.DataFrame:
    rows = []
    for k, (subject, at) in enumerate(zip(ids, level, strict=True)):
        for marker, slope in MARKERS.items():
            base = 200 * np.exp(draw.normal(0, 0.3))
            for day, effect in ((-21.0, 0.0), (0.0, 0.05), (9.0, 0.2), (14.0, 1.0)):
                value = base * np.exp(
                    slope * effect * (0.4 + 0.3 * at) - 0.2 * effect * frailty[k] + draw.normal(0, 0.12)
                )
                rows.append((subject, marker, "blood", day, value, "cells/µl", False, day == -21.0))
    columns = ["subject_id", "marker", "compartment", "day", "value", "unit", "below_limit", "baseline"]
    return pd.DataFrame(rows, columns=columns)


def _lesions(ids) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "subject_id": ids,
            "lesion_id": "T1",
            "day": -21.0,
            "kind": "target",
            "diameter_mm": 40.0,
            "state": "measured",
            "lymph_node": False,
        }
    )


def _responses(ids, frailty, draw) -> pd.DataFrame:
    rows = []
    for k, subject in enumerate(ids):
        worst, change = "SD", 0.0
        for visit in range(1, 6):
            change += draw.normal(6 + 6 * frailty[k], 6)
            overall = "PD" if change > 20 else "SD"
            rows.append((subject, 42.0 * visit, False, overall, change))
            worst = overall if visit == 1 else worst
            if overall == "PD":
                break
        rows.append((subject, 42.0, True, worst, np.nan))
    frame = pd.DataFrame(rows, columns=["subject_id", "day", "best", "overall", "change_from_baseline_percent"])
    return frame.assign(criteria="RECIST 1.1", source="derived")


def _survival(ids, frailty, draw) -> pd.DataFrame:
    rows = []
    for k, subject in enumerate(ids):
        death = 400 * np.exp(-0.5 * frailty[k]) * draw.exponential()
        progression = min(death, 130 * np.exp(-0.6 * frailty[k]) * draw.exponential() + 30)
        rows.append((subject, "OS", min(death, 730), death < 730, 0.0))
        rows.append((subject, "PFS", min(progression, 730), progression < 730, 0.0))
    return pd.DataFrame(rows, columns=["subject_id", "endpoint", "day", "event", "origin_day"])


def _disposition(ids) -> pd.DataFrame:
    rows = []
    for k, subject in enumerate(ids):
        rows += [(subject, "enrolled", 14.0 * k, None), (subject, "first dose", 0.0, None)]
        if k != 4:
            rows.append((subject, "DLT-evaluable", 21.0, None))
        else:
            rows.append((subject, "replaced", 10.0, "withdrew before day 21"))
        why = "dose-limiting toxicity" if k in LIMITED else "progression" if k % 5 else "drop-out"
        rows.append((subject, "off treatment", 40.0 + 9 * k, why))
    return pd.DataFrame(rows, columns=["subject_id", "milestone", "day", "reason"])


def _decisions() -> pd.DataFrame:
    rows = [
        ("D1", 0.0, "", None, "start", 1, "the trial starts at the lowest level"),
        ("D2", 63.0, "1NNN", 1, "escalate", 2, "0 of 3 had a dose-limiting toxicity"),
        ("D3", 120.0, "1NNN 2NNN", 2, "escalate", 3, "0 of 3 had a dose-limiting toxicity"),
        ("D4", 180.0, "1NNN 2NNN 3NTNTNN", 3, "de-escalate", 2, "2 of 6 had a dose-limiting toxicity"),
        ("D5", 260.0, "1NNN 2NNN 3NTNTNN 2NTN", 2, "declare", 2, "1 of 6 had a dose-limiting toxicity"),
    ]
    columns = ["decision_id", "day", "seen", "level_from", "decision", "level_to", "reason"]
    return pd.DataFrame(rows, columns=columns).assign(design="3+3", cohort=1, numbers="{}")
