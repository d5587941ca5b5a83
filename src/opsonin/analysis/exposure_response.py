"""Exposure–response: each patient's exposure to the escalated agent against toxicity and against immune change.

One sampled occasion stands for a patient: that on which most of them have a profile after a dose. Exposure and dose go
together, so this says whether who had more also had more effect, whatever the reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.findings import Finding, note
from opsonin.analysis.immune import change_table
from opsonin.analysis.logistic_model import SPARSE, LogisticFit, logistic
from opsonin.analysis.pharmacokinetics import circulating
from opsonin.analysis.profiles import nca_table
from opsonin.analysis.safety import treated
from opsonin.analysis.statistics import Line, line, midranks
from opsonin.errors import AnalysisError
from opsonin.random import permutation

FEWEST = 5  # patients with an exposure; fewer make no curve
PROFILE = 3  # measured samples (median) from which on an area is taken, else the peak
PERMUTATIONS = 9999
LOGISTIC = "logistic model, odds ratio per doubling of {what}; profile likelihood interval, likelihood ratio p"
FIRTH = "logistic model with Firth's penalty, odds ratio per doubling of {what}; profile likelihood interval and test"
LOGISTIC_SOURCE = "McCullagh & Nelder 1989, Generalized Linear Models, 2nd ed., ch. 4"
FIRTH_SOURCE = "Firth 1993, doi:10.1093/biomet/80.1.27; Heinze & Schemper 2002, doi:10.1002/sim.1047"
SPEARMAN = "least squares of log2 fold change on log2 {what}, Student's interval; p by permutation of Spearman's ρ"
SPEARMAN_SOURCE = "Spearman 1904, doi:10.2307/1412159"
EVENTS = {"exposure_dlt": "a dose-limiting toxicity", "exposure_severe": "an adverse event of grade 3 or worse"}


class Exposure(NamedTuple):
    """One occasion of one analyte. rows: subject_id, exposure (> 0), dose, group.   what: "AUC on day 14"."""

    analyte: str
    measure: str
    period: str
    unit: str
    rows: Any

    @property
    def what(self) -> str:
        """The exposure in words."""
        return f"{self.measure} ({self.period})"


class Response(NamedTuple):
    """An exposure against an event (fit: a logistic model) or against the change of a marker (fit: a straight line).

    name: the end of the finding's name.   outcome: in words.   rows: those of the exposure with `event` or `fold`.
    problem: why there is no fit.   missed: patients with the event who have no exposure.
    """

    exposure: Exposure
    name: str
    outcome: str
    when: str
    rows: Any
    fit: LogisticFit | Line | None
    problem: str = ""
    missed: int = 0


def exposure_response_findings(asked: Asked) -> list[Finding]:
    """`pk.<analyte>.exposure_dlt`, `.exposure_severe`, and `.exposure_<marker>` for each marker asked about."""
    if not len(asked.table("concentrations")):
        return []
    found = []
    for one in exposure_responses(asked):
        if one.fit is None:
            found.append(note("pk.exposure", f"{one.exposure.analyte}, exposure–response: {one.problem}"))
        else:
            found.append(_toxicity(one) if isinstance(one.fit, LogisticFit) else _change(asked, one))
    return found


def exposure_responses(asked: Asked) -> Iterator[Response]:
    """Every pairing of an escalated agent's exposure with toxicity and with the markers asked about."""
    for exposure in exposures(asked):
        yield from _against_events(asked, exposure)
        yield from _against_markers(asked, exposure)


def exposures(asked: Asked) -> list[Exposure]:
    """The exposure to each escalated agent that was measured: AUC over the sampled interval, or Cmax of few samples."""
    table = circulating(asked.table("concentrations"))
    analyte = table["analyte"].astype(str)
    wanted = _escalated(asked)
    table = table[analyte.isin(wanted) & (analyte == table["agent"].astype(str))]
    profiles = nca_table(table, asked.table("exposures")) if len(table) else pd.DataFrame()
    found = []
    for name in wanted if len(profiles) else ():
        own = profiles[(profiles["analyte"] == name) & (profiles["dose"] > 0) & (profiles["cmax"] > 0)]
        if not len(own):
            continue
        sizes = own.groupby(["matrix", "period"]).agg(n=("subject_id", "nunique"), day=("dose_day", "median"))
        matrix, period = sizes.sort_values(["n", "day"], kind="stable").index[-1]
        rows = own[(own["matrix"] == matrix) & (own["period"] == period)].drop_duplicates("subject_id")
        area = float((rows["samples"] - rows["below_limit"]).median()) >= PROFILE and bool((rows["auc"] > 0).all())
        unit = str(rows["unit"].iloc[0])
        rows = rows.assign(exposure=rows["auc" if area else "cmax"], group=rows["subject_id"].map(asked.groups.of))
        kept = rows[["subject_id", "group", "dose", "dose_unit", "exposure"]].reset_index(drop=True)
        found.append(Exposure(name, "AUC" if area else "Cmax", str(period), f"{unit}·h" if area else unit, kept))
    return found


def _escalated(asked: Asked) -> list[str]:
    """The agents that the study escalates; else, where subjects have levels, those given at several first doses."""
    together = asked.questions.get("escalating_agents")
    if together:
        return [str(name) for name in together]
    agent = asked.questions.get("escalating_agent")
    if agent or not asked.groups.ordered:
        return [str(agent)] if agent else []
    given = asked.table("exposures")
    given = given[given["amount"] > 0].sort_values("start_day", kind="stable")
    first = given.groupby([given["agent"].astype(str), "subject_id"])["amount"].first()
    doses = first.groupby(level=0).nunique()
    return [str(name) for name in doses.index[doses > 1]]


def _against_events(asked: Asked, exposure: Exposure) -> Iterator[Response]:
    events = asked.table("adverse_events")
    if not len(events):
        return
    disposition = asked.table("disposition")
    limiting = set(events.loc[events["dlt"].fillna(False).to_numpy(dtype=bool), "subject_id"])
    said = set(disposition.loc[disposition["milestone"] == "DLT-evaluable", "subject_id"])
    everyone = set(treated(asked))
    grade = events["grade"].astype("Float64").fillna(0).to_numpy(dtype=float)
    severe = set(events.loc[grade >= 3, "subject_id"])
    told = {"exposure_dlt": (limiting, said | limiting if said else everyone)}
    if events["grade"].notna().any():
        told["exposure_severe"] = (severe, everyone)
    for name, (hit, among) in told.items():
        if name == "exposure_dlt" and not events["dlt"].notna().any():
            continue  # nobody looked
        rows = exposure.rows[exposure.rows["subject_id"].isin(among)]
        rows = rows.assign(event=rows["subject_id"].isin(hit)).reset_index(drop=True)
        missed = len(hit & among - set(rows["subject_id"]))
        fit, problem = _logistic(rows, EVENTS[name])
        yield Response(exposure, name, EVENTS[name], "", rows, fit, problem, missed)


def _logistic(rows: Any, outcome: str) -> tuple[LogisticFit | None, str]:
    hits = int(rows["event"].sum())
    if len(rows) < FEWEST:
        return None, f"only {len(rows)} patients have an exposure; {FEWEST} are needed."
    if hits in (0, len(rows)):
        return None, f"{'nobody' if hits == 0 else 'everybody'} of the {len(rows)} with an exposure had {outcome}."
    try:
        return logistic(np.log2(rows["exposure"].to_numpy(dtype=float)), rows["event"].to_numpy(dtype=bool)), ""
    except AnalysisError as problem:
        return None, str(problem)


def _against_markers(asked: Asked, exposure: Exposure) -> Iterator[Response]:
    measurements = asked.table("measurements")
    changes = change_table(measurements, asked.table("exposures")) if len(measurements) else pd.DataFrame()
    for marker, day in _markers(asked, changes) if len(changes) else ():
        own = changes[(changes["name"] == marker) & (changes["protocol_day"] == day)]
        rows = exposure.rows.merge(own.drop_duplicates("subject_id")[["subject_id", "fold"]], on="subject_id")
        if not len(rows):
            continue
        problem, fit = "", None
        if len(rows) < FEWEST:
            problem = f"only {len(rows)} patients have both an exposure and {marker} on day {day}; {FEWEST} are needed."
        else:
            x, y = (np.log2(rows[c].to_numpy(dtype=float)) for c in ("exposure", "fold"))
            fit = line(x, y)
            if not math.isfinite(fit.slope):
                problem, fit = f"all exposures are the same, so that {marker} cannot follow them.", None
        yield Response(exposure, f"exposure_{marker}", f"change of {marker}", f"day {day}", rows, fit, problem)


def _markers(asked: Asked, changes: pd.DataFrame) -> list[tuple[str, int]]:
    """The markers asked about, each on its day; without one, on the day after baseline with the most patients."""
    wanted: dict[str, Any] = {}
    for item in [*(asked.questions.get("biomarkers") or []), *(asked.questions.get("markers") or [])]:
        marker, day = (item, None) if isinstance(item, str) else (str(item["marker"]), item.get("day"))
        wanted[marker] = wanted.get(marker) or day
    found = []
    for marker, day in wanted.items():
        days = changes.loc[(changes["name"] == marker) & (changes["protocol_day"] > 0), "protocol_day"].value_counts()
        if day is None and len(days):
            day = max(days.index, key=lambda d: (days[d], d))
        if day is not None and int(day) in days.index:
            found.append((marker, int(day)))
    return found


def _toxicity(one: Response) -> Finding:
    fit: Any = one.fit
    told = f"{fit.events} of {fit.n} with an exposure had {one.outcome}."
    if one.missed:
        told += f" Not in the model, for want of an exposure on {one.exposure.period}: {one.missed} more with it."
    if fit.separated:
        told += " Separated: one exposure parts those with from those without, so that only the penalty keeps the "
        told += "estimate finite; read the direction and not the size."
    elif fit.penalised:
        told += f" Penalised, since fewer than {SPARSE} had it or fewer than {SPARSE} had it not."
    return Finding(
        f"pk.{one.exposure.analyte}.{one.name}",
        one.exposure.period,
        _doubled(fit.slope),
        _doubled(fit.lower),
        _doubled(fit.upper),
        fit.level,
        fit.p,
        fit.n,
        fit.events,
        "odds ratio",
        (FIRTH if fit.penalised else LOGISTIC).format(what=one.exposure.measure),
        FIRTH_SOURCE if fit.penalised else LOGISTIC_SOURCE,
        told,
        one.rows,
    )


def _change(asked: Asked, one: Response) -> Finding:
    fit: Any = one.fit
    x, y = (np.log2(one.rows[c].to_numpy(dtype=float)) for c in ("exposure", "fold"))
    draws = PERMUTATIONS if x.size <= 300 else PERMUTATIONS // 10
    rho, p = spearman(x, y, asked.seed, f"exposure {one.exposure.analyte} {one.name}", draws)
    return Finding(
        f"pk.{one.exposure.analyte}.{one.name}",
        f"{one.exposure.period}, {one.outcome} on {one.when}",
        fit.slope,
        fit.lower,
        fit.upper,
        0.95,
        p,
        len(one.rows),
        unit=f"log2 fold change per doubling of {one.exposure.measure}",
        method=SPEARMAN.format(what=one.exposure.measure),
        reference=SPEARMAN_SOURCE,
        note=f"Spearman's ρ {rho:.2f}.",
        table=one.rows,
    )


def spearman(
    x: np.ndarray, y: np.ndarray, seed: int, purpose: str, permutations: int = PERMUTATIONS
) -> tuple[float, float]:
    """Spearman's rank correlation with its two-sided p by permutation, which counts the data as seen once."""
    a, b = midranks(x), midranks(y)
    a, b = a - a.mean(), b - b.mean()
    size = math.sqrt(float(a @ a) * float(b @ b))
    if size == 0:
        return math.nan, math.nan
    seen = float(a @ b)
    at_least = 0
    for block in np.array_split(np.arange(permutations), max(1, permutations * a.size // 1_000_000)):
        drawn = b[permutation(seed, purpose, b.size, block)] @ a
        at_least += int((np.abs(drawn) >= abs(seen) - 1e-9).sum())
    return seen / size, (1 + at_least) / (1 + permutations)


def _doubled(slope: float) -> float:
    """exp of a slope on log2 exposure, an odds ratio per doubling; too large to tell is no limit."""
    return math.exp(slope) if slope < 600 else math.inf
