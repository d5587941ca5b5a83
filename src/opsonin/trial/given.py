"""The record's exposures: what was given, and, where doses were held, reduced, delayed or cut short, why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from opsonin.trial.columns import MISSING, Rows
from opsonin.trial.enrol import Enrolment
from opsonin.trial.plan import Plan, blocks
from opsonin.trial.potential import PotentialOutcomes
from opsonin.trial.protocol import Treatment
from opsonin.trial.rules import REASONS, TOXIC, TOXIC_OUTSIDE

_SAME = 1e-6  # parts of a dose that are one (they are kept in single precision)


def exposures(
    plan: Plan, enrolment: Enrolment, seen: PotentialOutcomes, pool: Any, left_out: frozenset[str] = frozenset()
) -> pd.DataFrame:
    """One row for each agent and block of days: the amount of each dose, from the first dose to the last one given."""
    treatments = [t for t in plan.protocol.treatments if t.agent not in left_out]
    if plan.varies:
        return _as_given(plan, enrolment, seen, pool, treatments)
    rows, because = Rows(enrolment), seen.off_because(plan)
    for number, treatment in enumerate(treatments):
        times, first, last = blocks(treatment, plan.end)
        amount = _amounts(pool, enrolment, treatment)
        given = np.searchsorted(times, seen.off_treatment, side="left")  # doses before the day treatment stopped
        row, block = np.nonzero((first[None, :] < given[:, None]) & _gets(plan, amount)[:, None])
        final = np.minimum(last[block], given[row] - 1)
        cut = final < last[block]
        rows.add(
            row,
            agent=number,
            start_day=times[first[block]],
            end_day=times[final],
            amount=amount[row],
            unit=number,
            route=number,
            planned_amount=amount[row],
            reason=np.where(cut, because[row], MISSING),
        )
    text = {
        "agent": [t.agent for t in treatments],
        "unit": [t.unit for t in treatments],
        "route": [t.route for t in treatments],
        "reason": [f"stopped: {reason}" for reason in REASONS],
    }
    return rows.table(text)


def _amounts(pool: Any, enrolment: Enrolment, treatment: Treatment) -> Float[np.ndarray, " enrolled"]:
    """One dose of a treatment for each enrolled patient, at their level."""
    amount = np.empty(len(enrolment))
    for level in np.unique(enrolment.level).tolist():
        here = enrolment.level == level
        amount[here] = pool.amounts(treatment, level, enrolment.patient[here])
    return amount


def _gets(plan: Plan, amount: Float[np.ndarray, " enrolled"]) -> Bool[np.ndarray, " enrolled"]:
    """Who is given a treatment of these amounts: a ladder may hold a dose of 0, an arm with 0 is without it."""
    return np.ones(len(amount), dtype=bool) if plan.protocol.arms is None else amount > 0


def _as_given(
    plan: Plan, enrolment: Enrolment, seen: PotentialOutcomes, pool: Any, treatments: list[Treatment]
) -> pd.DataFrame:
    """One row for each agent and run of days on which the same was given for the same reason.

    Doses held are rows of amount 0; doses after the end of treatment are none. An infusion that was cut short is a row
    of its own, which ends when the infusion did.
    """
    rows = Rows(enrolment)
    reasons = plan.rules.reasons
    ended = _ended(plan, seen)
    for number, treatment in enumerate(treatments):
        place = plan.protocol.treatments.index(treatment)
        mine = np.flatnonzero(plan.doses.treatment == place)
        part, because = seen.given[:, mine].astype(float), seen.because[:, mine].astype(np.int64)
        taken = plan.doses.times[mine] + seen.late[:, mine]
        off = np.minimum(seen.off_treatment, seen.stopped[:, place])
        shown = (taken < off[:, None]) & (taken < plan.end) & ((part > 0) | (because >= 0))
        cut = (part > 0) & (part < 1 - _SAME) & (treatment.infusion_days > 0) & ~_reduced(reasons)[because]
        amount = _amounts(pool, enrolment, treatment)
        shown &= _gets(plan, amount)[:, None]
        first, last = _runs(shown, taken, part, because, cut, 1.0 / treatment.times_per_day + 1e-9)
        row, begin = np.nonzero(first)
        _, end = np.nonzero(last)
        broken = _broken_off(plan, taken[row], end, off[row], treatment) | (cut[row, end] & (because[row, end] < 0))
        broken &= part[row, end] > 0
        final = np.append(row[1:] != row[:-1], True)[: len(row)]  # the last row of each patient
        broken |= final & (because[row, end] < 0) & (seen.stopped[row, place] < seen.off_treatment[row])
        ran = np.where(cut[row, end], treatment.infusion_days * part[row, end], 0.0)
        why = np.where(broken, ended[row, place], because[row, begin])
        rows.add(
            row,
            agent=number,
            start_day=taken[row, begin],
            end_day=taken[row, end] + ran,
            amount=amount[row] * part[row, begin],
            unit=number,
            route=number,
            planned_amount=amount[row],
            reason=why,
        )
    text = {
        "agent": [t.agent for t in treatments],
        "unit": [t.unit for t in treatments],
        "route": [t.route for t in treatments],
        "reason": used_words([f"stopped: {r}" for r in REASONS], reasons, rows, "reason"),
    }
    return rows.table(text)


def used_words(fixed: list[str], reasons: tuple[str, ...], rows: Rows, column: str) -> list[str]:
    """The words that a column of codes may need: the fixed ones, and of the policies' only those that occur.

    A policy that never acts so leaves the table as it would be without it.
    """
    codes = np.unique(np.concatenate([part[column] for part in rows.parts])) if rows.parts else np.zeros(0, int)
    occur = set(codes.tolist())
    return [*fixed, *(reasons[k] if k in occur else fixed[0] for k in range(len(fixed), len(reasons)))]


def _runs(
    shown: Bool[np.ndarray, "patient dose"],
    taken: Float[np.ndarray, "patient dose"],
    part: Float[np.ndarray, "patient dose"],
    because: Int[np.ndarray, "patient dose"],
    cut: Bool[np.ndarray, "patient dose"],
    apart: float,
) -> tuple[Bool[np.ndarray, "patient dose"], Bool[np.ndarray, "patient dose"]]:
    """The first and the last dose of every run of doses that are no further apart and alike."""
    alike = np.zeros(shown.shape, dtype=bool)  # as the dose before
    alike[:, 1:] = (
        shown[:, 1:]
        & shown[:, :-1]
        & (np.diff(taken, axis=1) <= apart)
        & (np.abs(np.diff(part, axis=1)) < _SAME)
        & (np.diff(because, axis=1) == 0)
        & ~cut[:, 1:]
        & ~cut[:, :-1]
    )
    follows = np.zeros(shown.shape, dtype=bool)
    follows[:, :-1] = alike[:, 1:]
    return shown & ~alike, shown & ~follows


def _broken_off(
    plan: Plan, taken: Float[np.ndarray, "row dose"], end: np.ndarray, off: np.ndarray, treatment: Treatment
) -> np.ndarray:
    """Whether the dose that would come next in the same run of days was not given, because treatment had ended.

    taken: of all doses of each row's patient;   end: the last dose of each row.
    """
    row = np.arange(len(end))
    following = np.column_stack([taken, np.full(len(taken), np.inf)])[row, end + 1]
    near = following - taken[row, end] <= 1.0 / treatment.times_per_day + 1e-9
    return near & (following >= off) & (off < plan.end)


def _ended(plan: Plan, seen: PotentialOutcomes) -> Int[np.ndarray, "patient treatment"]:
    """Why each treatment ended, an index into the rules' reasons; MISSING where it did not."""
    whole = seen.off_because(plan)
    codes = seen.stop_code.astype(np.int64)
    codes = np.where(codes == TOXIC, _toxic(plan, seen)[:, None], codes)
    alone = (codes >= 0) & (seen.stopped < seen.off_treatment[:, None])
    return np.where(alone, codes, np.where(whole > 0, whole, MISSING)[:, None])


def _toxic(plan: Plan, seen: PotentialOutcomes) -> np.ndarray:
    return np.where(np.isfinite(seen.first_limiting(plan)), TOXIC, TOXIC_OUTSIDE)


def _reduced(reasons: tuple[str, ...]) -> Bool[np.ndarray, " reason"]:
    """Which reasons stand for a smaller dose; the last entry is that of a dose given as planned."""
    return np.array([*(reason.startswith("reduced") for reason in reasons), False], dtype=bool)
