"""A plan: for every size of the next trial how likely it is to succeed, and the size that is enough."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from opsonin.analysis.findings import Finding
from opsonin.analysis.planning.beliefs import HazardBelief, RateBelief, RatioBelief, percent
from opsonin.analysis.planning.randomised import Logistics, Patients, success
from opsonin.analysis.planning.single_arm import events_needed, single_arm, single_arm_rows
from opsonin.errors import AnalysisError

ASSURANCE = "O'Hagan, Stevens & Campbell 2005, doi:10.1002/pst.175"
TRIALS = 2000  # simulated for each size; a share of 80 % is then known to ±1.8 %
GRID = 14  # sizes on the curve


@dataclass(frozen=True)
class Plan:
    """One trial to come.   table: one row a size, with power (at the planned effect) and assurance (over the belief).

    enough: the size whose power reaches the goal; assured: whose assurance does; None where none looked at does.
    ceiling: the probability that there is an effect at all, which no assurance passes.   said: the plan in sentences.
    """

    endpoint: str
    design: str
    belief: str
    planned: float
    planned_interval: tuple[float, float]
    unit: str
    table: pd.DataFrame
    enough: int | None
    assured: int | None
    goal: float
    ceiling: float
    method: str
    reference: str
    said: list[str] = field(default_factory=list)

    def to_frame(self) -> pd.DataFrame:
        """One row a size."""
        return self.table.copy()

    def row(self, n: int) -> dict[str, Any]:
        """The row of the table that has this size, or the next one up."""
        at = np.flatnonzero(self.table["n"].to_numpy() >= n)
        if not at.size:
            raise AnalysisError(f"the plan ends at {int(self.table['n'].max())} patients; {n} were asked for.")
        return {str(k): v for k, v in self.table.iloc[int(at[0])].to_dict().items()}

    def findings(self) -> list[Finding]:
        """The effect that is planned with, the size, its power and assurance, as findings.json has them."""
        low, high = self.planned_interval
        stem = f"plan.{self.endpoint}"
        told: dict[str, Any] = {"method": self.method, "reference": self.reference}
        n = self.enough
        found = [
            Finding(f"{stem}.effect", "all", self.planned, low, high, 0.95, unit=self.unit, note=self.belief, **told),
            Finding(
                f"{stem}.ceiling", "all", self.ceiling, unit="proportion", note="Chance of any true effect.", **told
            ),
        ]
        size = math.nan if n is None else float(n)
        found.append(Finding(f"{stem}.patients", "all", size, note=" ".join(self.said), table=self.table, **told))
        if n is not None:
            row = self.row(n)
            for name in ("power", "assurance"):
                value = float(row[name])
                found.append(Finding(f"{stem}.{name}", f"n = {n}", value, n=n, unit="proportion", **told))
        return found

    def plot(self) -> Any:
        """Power and assurance against the number of patients, a Plotly figure."""
        import plotly.graph_objects as go

        figure = go.Figure()
        for name, colour in (("power", "#0072B2"), ("assurance", "#D55E00")):
            figure.add_scatter(x=self.table["n"], y=100 * self.table[name], name=name, line={"color": colour})
        figure.add_hline(y=100 * self.ceiling, line={"dash": "dot", "color": "#8A929B"})
        figure.update_layout(title=self.design, xaxis_title="patients", yaxis_title="chance of success, %")
        return figure


def plan_response(
    belief: RateBelief,
    null_rate: float,
    target: float | None = None,
    *,
    endpoint: str = "response",
    alpha: float = 0.05,
    goal: float = 0.8,
    largest: int = 100,
) -> Plan:
    """A one-arm trial against a rate that is not worth pursuing.   target: the rate that power is for; None: expected.

    Raises: AnalysisError for rates outside 0 to 1.
    """
    if not 0 < null_rate < 1:
        raise AnalysisError(f"the rate not worth pursuing is {null_rate:g}; it lies between 0 and 1.")
    hoped = belief.mean if target is None else target
    sizes = np.arange(5, max(largest, 6) + 1)
    table = pd.DataFrame(single_arm_rows(belief, null_rate, hoped, alpha, sizes))
    table["needed"] = table["needed"].astype(int)
    best = single_arm(null_rate, hoped, alpha, goal, largest) if hoped > null_rate else None
    enough = None if best is None else max(best.n, int(sizes[0]))
    assured = _first(sizes, table["assurance"].to_numpy(), goal)
    low, high = belief.interval()
    ceiling = belief.above(null_rate)
    said = [
        f"The rate is expected at {percent(belief.mean)} (95 % interval {100 * low:.0f} to {percent(high)}); it "
        f"exceeds the {percent(null_rate)} that is not worth pursuing with a probability of {percent(ceiling)}."
    ]
    if hoped <= null_rate:
        said.append("No trial is planned: the expected rate is not above the rate that is not worth pursuing.")
    elif enough is None:
        said.append(f"No trial of up to {largest} patients has {percent(goal)} power at a rate of {hoped:.2g}.")
    else:
        row = table[table["n"] == enough].iloc[0]
        said.append(
            f"{enough} patients, going on with {int(row['needed'])} responders or more: {percent(row['power'])} "
            f"power at a rate of {percent(hoped)}, {100 * row['alpha']:.1f} % error at {percent(null_rate)}. With all "
            f"that is uncertain counted it succeeds with a probability of {percent(row['assurance'])}."
        )
    said.append(_assured_words(assured, goal, ceiling, largest))
    return Plan(
        endpoint, f"one arm, {endpoint} above {percent(null_rate)}", "", belief.mean, (low, high), "proportion",
        table, enough, assured, goal, ceiling,
        "exact binomial test of one arm; assurance by the beta-binomial distribution",
        f"A'Hern 2001, doi:10.1002/sim.721; {ASSURANCE}", said,
    )  # fmt: skip


def plan_survival(
    belief: RatioBelief,
    control: HazardBelief,
    logistics: Logistics,
    *,
    endpoint: str = "PFS",
    prior_sd: float | None = 0.5,
    planned_ratio: float | None = None,
    alpha: float = 0.1,
    goal: float = 0.8,
    largest: int = 300,
    trials: int = TRIALS,
    seed: int = 1,
) -> Plan:
    """A randomised trial with a log-rank test.   belief: as phase I estimates it; doubted by a prior of `prior_sd`.

    alpha: one-sided.   planned_ratio: the hazard ratio that power is for; None: the doubted estimate.
    """
    if not 0 < alpha < 1 or not 0 < goal < 1:
        raise AnalysisError("the error and the power wanted lie between 0 and 1.")
    doubted = belief.doubted(prior_sd)
    planned = doubted.ratio if planned_ratio is None else planned_ratio
    if planned <= 0:
        raise AnalysisError(f"a hazard ratio of {planned:g} cannot be planned with; it is above 0.")
    patients = Patients(trials, max(largest, 20), seed, f"plan {endpoint}")
    controls = control.draws(seed, f"plan {endpoint}: control", trials)[:, None]
    drawn = doubted.draws(seed, f"plan {endpoint}: ratio", trials)[:, None]
    as_found = belief.draws(seed, f"plan {endpoint}: ratio", trials)[:, None]
    typical = np.full((1, 1), control.per_day)

    def at(n: int) -> dict[str, float]:
        power, events = success(patients, n, typical, np.full((1, 1), planned), logistics, alpha)
        return {
            "n": n,
            "events": events,
            "power": power,
            "assurance": success(patients, n, controls, drawn, logistics, alpha)[0],
            "assurance_undoubted": success(patients, n, controls, as_found, logistics, alpha)[0],
            "false_positive": success(patients, n, typical, np.ones((1, 1)), logistics, alpha)[0],
        }

    rows = {n: at(n) for n in _sizes(largest)}
    enough = _search(rows, at, "power", goal) if planned < 1 else None
    assured = _search(rows, at, "assurance", goal)
    table = pd.DataFrame([rows[n] for n in sorted(rows)])
    ceiling = doubted.better
    said = _survival_words(belief, doubted, prior_sd, planned, rows, enough, goal, alpha, logistics.treated_share)
    said.append(_assured_words(assured, goal, ceiling, largest))
    return Plan(
        endpoint, f"randomised, {endpoint}, log-rank test at one-sided {100 * alpha:g} %", "", doubted.ratio,
        doubted.interval(), "hazard ratio", table, enough, assured, goal, ceiling,
        f"{trials:,} simulated trials a size, constant hazards; log-rank test", ASSURANCE, said,
    )  # fmt: skip


def _survival_words(belief, doubted, prior_sd, planned, rows, enough, goal, alpha, treated_share) -> list[str]:
    low, high = belief.interval()
    said = [f"This trial puts the hazard ratio at {belief.ratio:.2g} (95 % interval {low:.2g} to {high:.2g})."]
    if prior_sd is not None:
        low, high = doubted.interval()
        said.append(
            f"Doubted by a prior that expects no effect (assumed: 95 % between {math.exp(-1.96 * prior_sd):.2g} and "
            f"{math.exp(1.96 * prior_sd):.2g}) it is {doubted.ratio:.2g} ({low:.2g} to {high:.2g})."
        )
    if planned >= 1:
        said.append("No trial is planned: the hazard ratio to plan with is not below 1.")
    elif enough is None:
        said.append(f"No trial of up to {max(rows)} patients has {percent(goal)} power at {planned:.2g}.")
    else:
        row = rows[enough]
        events = events_needed(planned, alpha, goal, treated_share)
        said.append(
            f"{enough} patients, about {row['events']:.0f} events (Schoenfeld's formula: {events}): "
            f"{percent(row['power'])} power if the hazard ratio is {planned:.2g}. With all that is uncertain counted "
            f"the trial succeeds with a probability of {percent(row['assurance'])} "
            f"({percent(row['assurance_undoubted'])} if this trial is taken at its word), and "
            f"if there is no effect with {percent(row['false_positive'])}."
        )
    return said


def _assured_words(assured: int | None, goal: float, ceiling: float, largest: int) -> str:
    if assured is not None:
        return f"{assured} patients make success {percent(goal)} likely, all uncertainty counted."
    if ceiling <= goal:
        return (
            f"No size makes success {percent(goal)} likely: the chance that there is an effect at all is "
            f"{percent(ceiling)}."
        )
    return f"No trial of up to {largest} patients makes success {percent(goal)} likely."


def _sizes(largest: int) -> list[int]:
    """Even sizes, closer together where small."""
    found = np.geomspace(20, max(largest, 20), GRID)
    return sorted({2 * round(float(n) / 2) for n in found if 2 * round(float(n) / 2) <= max(largest, 20)})


def _first(sizes: np.ndarray, share: np.ndarray, goal: float) -> int | None:
    """The first size from which on the share stays at the goal, as exact tests go up and down."""
    below = np.flatnonzero(share < goal)
    start = 0 if not below.size else int(below[-1]) + 1
    return int(sizes[start]) if start < len(sizes) else None


def _search(rows: dict[int, dict[str, float]], at: Callable[[int], dict[str, float]], what: str, goal: float):
    """The smallest even size that reaches the goal, by halving between the sizes of the curve; new ones are kept."""
    sizes = sorted(rows)
    reached = [n for n in sizes if rows[n][what] >= goal]
    if not reached:
        return None
    high = reached[0]
    lower = [n for n in sizes if n < high]
    low = lower[-1] if lower else high
    while high - low > 2:
        middle = 2 * ((low + high) // 4)
        rows[middle] = at(middle)
        low, high = (low, middle) if rows[middle][what] >= goal else (middle, high)
    return high
