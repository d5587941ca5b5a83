"""A plan for the next trial from the record of this one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.asked import Asked
from opsonin.analysis.biomarkers import biomarker_data
from opsonin.analysis.findings import Finding
from opsonin.analysis.markers import read_marker
from opsonin.analysis.planning.beliefs import HazardBelief, RateBelief, RatioBelief, hazard_from, percent, ratio_of
from opsonin.analysis.planning.enrichment import MarkedPatients, enrichment_table, enrichment_words
from opsonin.analysis.planning.plan import TRIALS, Plan, plan_response, plan_survival
from opsonin.analysis.planning.randomised import Logistics
from opsonin.analysis.predictive import cut_of
from opsonin.analysis.response import response_table
from opsonin.analysis.survival import cox
from opsonin.analysis.time_to_event import endpoint_table, endpoints
from opsonin.errors import AnalysisError
from opsonin.units import DAYS_PER_MONTH

ENRICHMENT = "Simon & Maitournam 2004, doi:10.1158/1078-0432.CCR-04-0496"
RESPONSE, CONTROL = ("response", "disease control"), "disease control"
ALPHA = {True: 0.05, False: 0.10}  # one arm and a response; randomised with a time to event (both one-sided)


@dataclass(frozen=True)
class PlanRequest:
    """What the next trial is to be.

    group: the dose level or arm whose patients count; None: all.   weight: what a patient of this trial counts against
    one of the next.   null_rate, target_rate: of a response.   control_median_months: what the comparator is expected
    to give, and from how many events that is known (None: taken as known); needed where this trial had no control.
    accrual, follow-up: months.   dropout_per_year: the share lost.   prior_sd: of the doubt; None: none.
    enrich: a marker; day: of its sample; cut: where high begins, the median otherwise.
    """

    endpoint: str = "PFS"
    group: str | None = None
    weight: float = 1.0
    null_rate: float = 0.1
    target_rate: float | None = None
    control_median_months: float | None = None
    control_events: float | None = None
    planned_ratio: float | None = None
    alpha: float | None = None
    goal: float = 0.8
    accrual_months: float = 18.0
    follow_up_months: float = 12.0
    dropout_per_year: float = 0.05
    prior_sd: float | None = 0.5
    largest: int | None = None
    enrich: str | None = None
    day: int | None = None
    cut: float | None = None
    trials: int = TRIALS


@dataclass(frozen=True)
class Planned:
    """A plan; and where a marker was asked about, what choosing patients by it would do: a table, and in sentences."""

    plan: Plan
    enrichment: pd.DataFrame | None = None
    marker: str = ""
    said: list[str] = field(default_factory=list)

    def findings(self) -> list[Finding]:
        """The plan's findings, and `plan.<endpoint>.enriched`: the assurance in patients chosen by the marker."""
        found = self.plan.findings()
        if self.enrichment is None:
            return found
        n = self.plan.enough or int(self.plan.table["n"].max())
        at = self.enrichment[self.enrichment["n"] == n]
        for k, row in enumerate(at.to_dict("records")):
            found.append(
                Finding(
                    f"plan.{self.plan.endpoint}.enriched", f"{self.marker}, {row['reading']}", float(row["enriched"]),
                    n=n, unit="proportion", method=f"{self.plan.method}; patients chosen by a marker",
                    reference=ENRICHMENT, note=" ".join(self.said) if k == 0 else "", table=self.enrichment,
                )
            )  # fmt: skip
        return found


def plan_from_record(asked: Asked, request: PlanRequest) -> Planned:
    """The plan for an endpoint of this record: "response", "disease control", or a time to event such as PFS.

    Raises: AnalysisError where the record does not say what is needed, with what to give instead.
    """
    if not 0 < request.weight <= 1:
        raise AnalysisError(f"a patient of this trial counts {request.weight:g}; give a weight above 0 and up to 1.")
    if request.endpoint in RESPONSE:
        return _response(asked, request)
    there = endpoints(asked.table("survival"))
    if request.endpoint not in there:
        raise AnalysisError(
            f"no endpoint is called {request.endpoint!r}; this record has {', '.join((*RESPONSE, *there))}."
        )
    return _survival(asked, request)


def _response(asked: Asked, request: PlanRequest) -> Planned:
    if not asked.table("responses")["best"].fillna(False).any():
        raise AnalysisError("the record has no best overall responses; plan for a time to event instead.")
    hits, n, whom = _responders(asked, request)
    belief = RateBelief(hits * request.weight, n * request.weight)
    alpha = ALPHA[True] if request.alpha is None else request.alpha
    plan = plan_response(
        belief, request.null_rate, request.target_rate, endpoint=request.endpoint, alpha=alpha, goal=request.goal,
        largest=request.largest or 100,
    )  # fmt: skip
    words = f"{hits} of {n} patients ({whom}); Jeffreys' prior.{_counted(request)}"
    plan = replace(plan, belief=words)
    if request.enrich is None:
        return Planned(plan)
    return Planned(plan, *_response_by_marker(asked, request, alpha, plan))


def _responders(asked: Asked, request: PlanRequest) -> tuple[int, int, str]:
    table = response_table(asked).set_index("group")
    group = request.group or ("all" if "all" in table.index else str(table.index[0]))
    if group not in table.index:
        raise AnalysisError(f"no response is recorded for a group {group!r}; there are {', '.join(table.index)}.")
    row: Any = table.loc[group]
    hits = int(row["responders"]) + (int(row["SD"]) if request.endpoint == CONTROL else 0)
    return hits, int(row["subjects"]), "all patients" if group == "all" else group


def _response_by_marker(asked: Asked, request: PlanRequest, alpha: float, plan: Plan):
    """The same trial in those high in the marker alone: exact, as for all."""
    from opsonin.analysis.planning.single_arm import single_arm_rows
    from opsonin.analysis.response import best_responses

    marker = read_marker(asked, str(request.enrich), request.day)
    best = best_responses(asked.table("responses"))
    there = marker.values.index.intersection(_members(asked, request.group))
    value = marker.values[there]
    rows = pd.DataFrame({"value": value.to_numpy(dtype=float)})
    cut, words = (request.cut, "stated cut") if request.cut is not None else cut_of(asked, marker, rows)
    good = ["CR", "PR", "SD"] if request.endpoint == CONTROL else ["CR", "PR"]
    hit = best.reindex(there).isin(good).to_numpy(dtype=bool)
    high = (rows["value"] >= float(cut)).to_numpy(dtype=bool)
    if high.all() or not high.any():
        raise AnalysisError(f"{marker.words}: the cut {float(cut):.4g} leaves no patient on one side; give another.")
    belief = RateBelief(float(hit[high].sum()) * request.weight, float(high.sum()) * request.weight)
    target = plan.planned if request.target_rate is None else request.target_rate
    sizes = plan.table["n"].to_numpy(dtype=np.int64)
    share = float(high.mean())
    rows = single_arm_rows(belief, request.null_rate, target, alpha, sizes)
    table = pd.DataFrame(
        {
            "n": sizes,
            "screened": [math.ceil(n / share) for n in sizes],
            "reading": "as observed",
            "all_comers": plan.table["assurance"].to_numpy(),
            "enriched": [row.assurance for row in rows],
        }
    )
    n = plan.enough or int(sizes[-1])
    at = table[table["n"] == n].iloc[0]
    said = (
        f"{marker.words}, high at {float(cut):.3g} {marker.unit} ({words.split(' ')[0]}): {int(hit[high].sum())} of "
        f"{int(high.sum())} against {int(hit[~high].sum())} of {int((~high).sum())}. With {n} patients success has a "
        f"probability of {percent(at['all_comers'])} in all and {percent(at['enriched'])} in the high "
        f"({int(at['screened'])} screened). The cut was looked at in the same patients: expect less."
    )
    return table, marker.name, [said]


def _survival(asked: Asked, request: PlanRequest) -> Planned:
    rows = endpoint_table(asked.table("survival"), request.endpoint, asked.groups.of)
    treated_group, control_group = _arms(asked, request)
    treated = rows if treated_group is None else rows[rows["group"] == treated_group]
    if not len(treated):
        raise AnalysisError(f"{request.endpoint} is not recorded in {treated_group}.")
    logistics = _logistics(request)
    own = hazard_from(float(treated["event"].sum()), float(treated["day"].sum()), request.weight)
    if control_group is None:
        control, overall, words = _against_stated(request, own, len(treated), int(treated["event"].sum()))
    else:
        control, overall, words = _against_arm(rows, request, str(treated_group), control_group)
    alpha = ALPHA[False] if request.alpha is None else request.alpha
    plan = plan_survival(
        overall, control, logistics, endpoint=request.endpoint, prior_sd=request.prior_sd,
        planned_ratio=request.planned_ratio, alpha=alpha, goal=request.goal, largest=request.largest or 300,
        trials=request.trials, seed=asked.seed,
    )  # fmt: skip
    words += _counted(request)
    plan = replace(plan, belief=words)
    if request.enrich is None:
        return Planned(plan)
    marked, note = _marked(asked, request, treated_group, control_group)
    sizes = [int(n) for n in plan.table["n"]]
    table = enrichment_table(
        marked, overall, control, logistics, sizes, prior_sd=request.prior_sd, alpha=alpha, trials=request.trials,
        seed=asked.seed,
    )  # fmt: skip
    said = [note, *enrichment_words(marked, table, plan.enough or sizes[-1])]
    return Planned(plan, table, marked.name, said)


def _arms(asked: Asked, request: PlanRequest) -> tuple[str | None, str | None]:
    """Who is treated and who is the control; no control where groups are dose levels or everyone is together."""
    groups = asked.groups
    if request.group is not None and request.group not in groups.labels:
        raise AnalysisError(f"no group is called {request.group!r}; there are {', '.join(groups.labels)}.")
    if groups.ordered or not groups.several or request.control_median_months is not None:
        return request.group, None
    others = [label for label in groups.labels if label != groups.reference]
    if request.group is None and len(others) > 1:
        raise AnalysisError(f"which arm is to go on? Give one of {', '.join(others)} as the group.")
    chosen = request.group or others[0]
    if chosen == groups.reference:
        raise AnalysisError(f"{chosen!r} is the reference; give one of {', '.join(others)} as the group.")
    return chosen, groups.reference


def _logistics(request: PlanRequest) -> Logistics:
    if not 0 <= request.dropout_per_year < 1:
        raise AnalysisError(f"{request.dropout_per_year:g} of patients lost a year is no share; give 0 to below 1.")
    lost = -math.log1p(-request.dropout_per_year) / (12 * DAYS_PER_MONTH)
    return Logistics(request.accrual_months * DAYS_PER_MONTH, request.follow_up_months * DAYS_PER_MONTH, lost)


def _against_stated(request: PlanRequest, own: HazardBelief, n: int, events: int):
    if request.control_median_months is None:
        raise AnalysisError(
            f"this trial had no control arm: give the median {request.endpoint} expected of the comparator "
            "(--control-median, in months), from earlier studies of such patients."
        )
    if not request.control_median_months > 0:
        raise AnalysisError("the comparator's median is a number of months above 0.")
    known = math.inf if request.control_events is None else request.control_events
    control = HazardBelief(math.log(2) / (request.control_median_months * DAYS_PER_MONTH), known)
    sure = "taken as known" if math.isinf(known) else f"as known from {known:g} events"
    words = (
        f"{n} patients with {events} events, median {request.endpoint} {own.median_days / DAYS_PER_MONTH:.3g} months "
        f"if the hazard is constant, against a stated {request.control_median_months:g} months ({sure}). Patients of "
        "another trial are no control: selection alone can make such a difference."
    )
    return control, ratio_of(own, control), words


def _against_arm(rows: pd.DataFrame, request: PlanRequest, one: str, other: str):
    pair = rows[rows["group"].isin([one, other])]
    reference = pair[pair["group"] == other]
    control = hazard_from(float(reference["event"].sum()), float(reference["day"].sum()), request.weight)
    fit = cox(pair["day"], pair["event"], (pair["group"] == one).to_numpy(dtype=float), names=[one])
    overall = RatioBelief(float(fit.coefficient[0]), float(fit.se[0]) / math.sqrt(request.weight))
    words = f"{one} against {other}: {fit.n} patients, {fit.events} events, Cox model."
    return control, overall, words


def _marked(asked: Asked, request: PlanRequest, one: str | None, other: str | None) -> tuple[MarkedPatients, str]:
    marker = read_marker(asked, str(request.enrich), request.day)
    rows, left = biomarker_data(asked, marker, request.endpoint)
    rows = rows if one is None else rows[rows["group"].isin([one, other])]
    cut, _ = (request.cut, "stated") if request.cut is not None else cut_of(asked, marker, rows)
    high = rows["value"] >= float(cut)
    told = f"{marker.words}, high at {float(cut):.3g} {marker.unit} and more: {int(high.sum())} of {len(rows)}."
    if other is None:
        ratio = ratio_of(_hazard(rows[high], request), _hazard(rows[~high], request))
        low, up = ratio.interval()
        told += f" Their hazard ratio against the low is {ratio.ratio:.2g} ({low:.2g} to {up:.2g}). {left}"
        return MarkedPatients(marker.name, int(high.sum()), len(rows), ratio), told.strip()
    treated = rows["group"] == one
    sides = [
        ratio_of(_hazard(rows[treated & side], request), _hazard(rows[~treated & side], request))
        for side in (high, ~high)
    ]
    told += (
        f" The treatment's hazard ratio is {sides[0].ratio:.2g} in the high, {sides[1].ratio:.2g} in the low. {left}"
    )
    return MarkedPatients(marker.name, int(high.sum()), len(rows), None, *sides), told.strip()


def _hazard(rows: pd.DataFrame, request: PlanRequest) -> HazardBelief:
    return hazard_from(float(rows["event"].sum()), float(rows["day"].sum()), request.weight)


def _members(asked: Asked, group: str | None) -> pd.Index:
    return asked.groups.members(group or "all")


def _counted(request: PlanRequest) -> str:
    return "" if request.weight == 1 else f" Each patient of this trial counts {request.weight:g} of one of the next."
