"""Concentrations and cell counts of all replicate trials, with assay error keyed by (trial, slot) and day."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Bool

from opsonin.trial.columns import MISSING, Rows
from opsonin.trial.enrol import Enrolment
from opsonin.trial.observe import assay, flow
from opsonin.trial.plan import Plan, given_on
from opsonin.trial.potential import PotentialOutcomes
from opsonin.trial.protocol import elapsed
from opsonin.trial.readings import analyte_errors, marker_errors, normal, shares


def concentrations(
    plan: Plan,
    enrolment: Enrolment,
    seen: PotentialOutcomes,
    seed: int,
    pool_seed: int,
    left_out: frozenset[str] = frozenset(),
) -> pd.DataFrame:
    """Blood samples after the doses that were given; none after death, drop-out or the end of treatment.

    pool_seed: of readings that a policy acts on, whose errors belong to the patient.
    left_out: agents not given; the errors of such a potential world are drawn apart.
    """
    rows = Rows(enrolment)
    where = np.searchsorted(plan.sample_times, plan.sample_time)
    visits = [
        (a, day) for a in range(len(plan.analytes)) for day in np.unique(plan.sample_day[plan.sample_analyte == a])
    ]
    for index, day in visits:
        analyte = plan.analytes[index]
        if analyte.agent in left_out:
            continue
        chosen = np.flatnonzero((plan.sample_analyte == index) & (plan.sample_day == day))
        times, start = plan.sample_time[chosen], elapsed(int(day))
        dosed = _dosed(plan, enrolment, analyte.agent, start)
        treated = (seen.dosed_on(plan, analyte.agent, start) | ~dosed) & _gets(plan, enrolment, analyte.agent)
        row, sample = np.nonzero(treated[:, None] & (times[None, :] < seen.left[:, None]))
        true = seen.concentrations[:, index, :][:, where[chosen]]
        watched = plan.rules.watch_of(analyte.name) is not None
        keys = (enrolment.patient,) if watched else (enrolment.trial, enrolment.slot)
        whose, world = pool_seed if watched else seed, tuple(sorted(left_out))
        score = analyte_errors(whose, analyte.name, keys, int(day), len(chosen), world, watched)
        read = assay(true[row, sample], score[row, sample], analyte.cv, analyte.limit)
        rows.add(
            row,
            analyte=index,
            matrix=index,
            day=times[sample],
            value=read.value,
            unit=index,
            below_limit=read.below_limit,
            limit=np.nan if analyte.limit is None else analyte.limit,
            agent=index,
            dose_day=np.where(dosed[row], start, np.nan),
            hours_after_dose=np.where(dosed[row], plan.sample_hours[chosen][sample], np.nan),
            period=np.where(dosed[row], int(np.searchsorted(plan.protocol.sampling.days, day)), MISSING),
        )
    text = {
        "analyte": [a.name for a in plan.analytes],
        "matrix": [a.matrix for a in plan.analytes],
        "unit": [a.unit for a in plan.analytes],
        "agent": [a.agent for a in plan.analytes],
        "period": [f"day {day}".replace("-", "−") for day in plan.protocol.sampling.days],
    }
    return rows.table(text, flags=("below_limit",))


def _dosed(plan: Plan, enrolment: Enrolment, agent: str, start: float) -> Bool[np.ndarray, " enrolled"]:
    """Whose level (or arm) doses an agent on the day that starts then."""
    protocol = plan.protocol
    if protocol.arms is None:
        return np.full(len(enrolment), given_on(protocol, agent, start))
    by_arm = [given_on(protocol, agent, start, level.number) for level in protocol.levels]
    return np.array(by_arm, dtype=bool)[enrolment.level - 1]


def _gets(plan: Plan, enrolment: Enrolment, agent: str) -> Bool[np.ndarray, " enrolled"]:
    """Whose arm gives an agent, on whatever day: nobody else has blood drawn for it."""
    if plan.protocol.arms is None:
        return np.ones(len(enrolment), dtype=bool)
    return np.array(plan.protocol.gives(agent), dtype=bool)[enrolment.level - 1]


def measurements(plan: Plan, enrolment: Enrolment, seen: PotentialOutcomes, seed: int, pool_seed: int) -> pd.DataFrame:
    """Immune monitoring while in the trial; baseline is the last value before the first dose of any agent.

    pool_seed: of readings that a policy acts on, whose errors belong to the patient.
    """
    rows = Rows(enrolment)
    times = plan.immune_times
    before = np.flatnonzero(times <= plan.protocol.first_time)
    row, visit = np.nonzero(times[None, :] < seen.left[:, None])
    share = shares(plan, seen.measurements)
    for index, marker in enumerate(plan.markers):
        watched = plan.rules.watch_of(marker.name) is not None
        keys = (enrolment.patient,) if watched else (enrolment.trial, enrolment.slot)
        whose = pool_seed if watched else seed
        drawn = marker_errors(whose, marker.name, keys, np.array(plan.protocol.immune.days), watched)
        read = flow(
            seen.measurements[row, index, visit],
            share[row, index, visit],
            drawn[row, visit, 0],
            normal(drawn[row, visit, 1]),
            marker.cv,
            marker.limit,
            marker.cells_counted,
        )
        rows.add(
            row,
            marker=index,
            compartment=index,
            day=times[visit],
            value=read.value,
            unit=index,
            method=0 if marker.cells_counted is not None else MISSING,
            below_limit=read.below_limit,
            baseline=visit == (before[-1] if len(before) else -1),
        )
    text = {
        "marker": [m.name for m in plan.markers],
        "compartment": [m.compartment for m in plan.markers],
        "unit": [m.unit for m in plan.markers],
        "method": ["flow cytometry"],
    }
    return rows.table(text, flags=("below_limit", "baseline"))
