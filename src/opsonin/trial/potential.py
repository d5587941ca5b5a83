"""What each patient of a pool would show under one dose level: arrays, one row a patient, on the patient's clock."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.trial.plan import Plan
from opsonin.trial.rules import TOXIC, TOXIC_OUTSIDE


@dataclass(eq=False)
class PotentialOutcomes:
    """Truth and policy of one key (level, agents left out). Days are elapsed days, inf for what never happens.

    done: rows simulated so far; the others hold nothing.
    concentrations, measurements: true values in the observables' units at the plan's times (NaN after the end).
    true_mm, seen_mm: lesion diameters at baseline (scan 0) and each scan; NaN where no lesion is or no scan was made.
    crossings: day on which each threshold of the model is crossed (of any grade or role).
    death, drop_out: whichever comes first; the other is not seen.
    new_lesion: day of the first new lesion, seen at the next scan.   progression: day on which a scan showed it.
    off_treatment: the day from which no dose is given, and `reason`, an index into REASONS.
    failed: whose simulation stopped while they were still seen; `drop_out` is then the day it stopped.
    criteria: which of the criteria in use (`TumourPlan.used`) judges the patient's scans.

    Where doses may be given otherwise than planned (`Plan.varies`), for each of the plan's doses: `given`, the part of
    the planned amount (death, drop-out and `off_treatment` apart), `late`, by how many days, and `because`, an index
    into the rules' reasons (−1: as planned). `stopped`: the day from which a treatment is not given, with `stop_code`.
    `answer`: the number of the rule that acted on an event, −1 for none;   `recovered`: when the event was over.
    """

    done: Bool[np.ndarray, " patient"]
    concentrations: Float[np.ndarray, "patient analyte time"]
    measurements: Float[np.ndarray, "patient marker visit"]
    true_mm: Float[np.ndarray, "patient lesion scan"]
    seen_mm: Float[np.ndarray, "patient lesion scan"]
    crossings: Float[np.ndarray, "patient threshold"]
    death: Float[np.ndarray, " patient"]
    drop_out: Float[np.ndarray, " patient"]
    new_lesion: Float[np.ndarray, " patient"]
    progression: Float[np.ndarray, " patient"]
    off_treatment: Float[np.ndarray, " patient"]
    reason: Int[np.ndarray, " patient"]
    failed: Bool[np.ndarray, " patient"]
    criteria: Int[np.ndarray, " patient"]
    given: Float[np.ndarray, "patient dose"]
    late: Float[np.ndarray, "patient dose"]
    because: Int[np.ndarray, "patient dose"]
    stopped: Float[np.ndarray, "patient treatment"]
    stop_code: Int[np.ndarray, "patient treatment"]
    answer: Int[np.ndarray, "patient event"]
    recovered: Float[np.ndarray, "patient event"]

    @classmethod
    def empty(cls, plan: Plan, patients: int) -> PotentialOutcomes:
        """Room for the outcomes of so many patients."""

        def nowhere(*shape: int) -> np.ndarray:
            return np.full((patients, *shape), np.nan)

        never = np.full(patients, np.inf)
        lesions, scans = len(plan.lesions), len(plan.scans) + 1
        doses, treatments, events = (
            (len(plan.doses.times), len(plan.protocol.treatments), len(plan.events)) if plan.varies else (0, 0, 0)
        )
        return cls(
            np.zeros(patients, dtype=bool),
            nowhere(len(plan.analytes), len(plan.sample_times)),
            nowhere(len(plan.markers), len(plan.immune_times)),
            nowhere(lesions, scans),
            nowhere(lesions, scans),
            np.full((patients, len(plan.events)), np.inf),
            never.copy(),
            never.copy(),
            never.copy(),
            never.copy(),
            np.full(patients, plan.end),
            np.zeros(patients, dtype=np.int64),
            np.zeros(patients, dtype=bool),
            np.zeros(patients, dtype=np.int8),
            np.ones((patients, doses), dtype=np.float32),
            np.zeros((patients, doses), dtype=np.float32),
            np.full((patients, doses), -1, dtype=np.int16),
            np.full((patients, treatments), np.inf),
            np.full((patients, treatments), -1, dtype=np.int16),
            np.full((patients, events), -1, dtype=np.int8),
            np.full((patients, events), np.nan),
        )

    def put(self, rows: Int[np.ndarray, " chosen"], made: PotentialOutcomes) -> None:
        """Write the outcomes of some patients into their rows."""
        for field in fields(self):
            getattr(self, field.name)[rows] = getattr(made, field.name)

    def take(self, rows: Int[np.ndarray, " chosen"]) -> PotentialOutcomes:
        """The outcomes of some patients, in this order, a patient perhaps more than once."""
        return PotentialOutcomes(*(getattr(self, field.name)[rows] for field in fields(self)))

    @property
    def left(self) -> Float[np.ndarray, " patient"]:
        """The day a patient is last seen: death, drop-out (or a failed simulation), inf if followed to the end."""
        return np.minimum(self.death, self.drop_out)

    def first_limiting(self, plan: Plan) -> Float[np.ndarray, " patient"]:
        """The day of the first dose-limiting toxicity within the window, inf without one.

        Like every adverse event it is seen only until some time after treatment.
        """
        days = np.where(plan.limiting[None, :], self.crossings, np.inf)
        until = np.minimum(self.left, self.off_treatment + plan.protocol.event_follow_up_days)
        inside = (days >= 0) & (days < plan.protocol.dlt_window_days) & (days < until[:, None])
        return np.where(inside, days, np.inf).min(axis=1, initial=np.inf)

    def off_because(self, plan: Plan) -> Int[np.ndarray, " patient"]:
        """Why treatment ended, an index into REASONS; a DLT only where the design counts it as one."""
        outside = (self.reason == TOXIC) & ~np.isfinite(self.first_limiting(plan))
        return np.where(outside, TOXIC_OUTSIDE, self.reason)

    def evaluable(self, plan: Plan) -> Bool[np.ndarray, " patient"]:
        """Who can be judged for DLT: had one, or was treated and seen to the end of the window."""
        until = self._judgeable(plan)
        return np.isfinite(self.first_limiting(plan)) | (until >= plan.protocol.dlt_window_days)

    def judged_on(self, plan: Plan) -> Float[np.ndarray, " patient"]:
        """The day on which it is known whether a patient has a DLT, or cannot be judged."""
        until = np.minimum(self._judgeable(plan), plan.protocol.dlt_window_days)
        return np.minimum(until, self.first_limiting(plan))

    def dosed_on(self, plan: Plan, agent: str, day: float) -> Bool[np.ndarray, " patient"]:
        """Who is given an agent within the day that starts at `day`, on which the protocol doses it."""
        if not plan.varies:
            return self.off_treatment > day
        mine = [k for k, treatment in enumerate(plan.protocol.treatments) if treatment.agent == agent]
        doses = np.flatnonzero(np.isin(plan.doses.treatment, mine) & (plan.doses.times < day + 1.0))
        taken = plan.doses.times[doses] + self.late[:, doses]
        here = (taken >= day) & (taken < day + 1.0) & (self.given[:, doses] > 0)
        return np.any(here & (taken < self.off_treatment[:, None]), axis=1)

    def _judgeable(self, plan: Plan) -> Float[np.ndarray, " patient"]:
        """Until when a patient is seen and treated with the agents that are escalated, if any is."""
        until = np.minimum(self.left, self.off_treatment)
        if not plan.varies:
            return until
        ladders = [k for k, treatment in enumerate(plan.protocol.treatments) if treatment.is_ladder]
        return np.minimum(until, self.stopped[:, ladders].min(axis=1, initial=np.inf))


def gather(levels: dict[int, PotentialOutcomes], level: np.ndarray, patient: np.ndarray) -> PotentialOutcomes:
    """The outcomes of enrolled patients, each at their own level.   levels: level → outcomes of the whole pool."""
    used = np.unique(level).tolist()
    rows = {number: np.flatnonzero(level == number) for number in used}
    made = []
    for field in fields(PotentialOutcomes):
        like = getattr(levels[used[0]], field.name)
        column = np.empty((len(level), *like.shape[1:]), dtype=like.dtype)
        for number in used:
            column[rows[number]] = getattr(levels[number], field.name)[patient[rows[number]]]
        made.append(column)
    return PotentialOutcomes(*made)
