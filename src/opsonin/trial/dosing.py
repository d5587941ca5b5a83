"""The doses of a block of patients as decided so far: what of each planned dose is given, when, and why not whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

if TYPE_CHECKING:
    from opsonin.trial.block import Block

PLANNED = -1  # the reason of a dose given as it was planned


class Given(NamedTuple):
    """Some doses of some patients.   part: of the planned amount, 0 for none;   taken, end: days (end: of infusion)."""

    part: Float[np.ndarray, "patient column"]
    taken: Float[np.ndarray, "patient column"]
    end: Float[np.ndarray, "patient column"]


class Dosing:
    """What is decided about every dose of a block's schedule (columns), in the protocol's order of treatments.

    Arrays over all doses are made when the first decision needs them.
    """

    def __init__(self, block: Block):
        self.block, plan = block, block.plan
        self.taking = _taking(block)
        self.whole = block.planned
        self.present = np.array([t.agent not in block.left_out for t in plan.protocol.treatments], dtype=bool)
        self.dose = self.whole.dose
        self.treatment = plan.doses.treatment[self.dose]
        self.taken = plan.doses.times[self.dose]
        self.off = np.full((len(block), len(self.present)), np.inf)
        self.last = np.full(len(self.present), -np.inf)
        np.maximum.at(self.last, self.treatment, self.taken)
        self.infused = bool(np.any(self.whole.durations > 0))
        self.factor: np.ndarray | None = None
        self.because: np.ndarray | None = None
        self.shift: np.ndarray | None = None
        self.cut: np.ndarray | None = None

    def effective(self, rows: Int[np.ndarray, " chosen"], columns: Int[np.ndarray, " column"]) -> Given:
        """What of these doses is given; arrays may be views that repeat a row."""
        shape = (len(rows), len(columns))
        taken = np.broadcast_to(self.taken[columns], shape)
        if self.shift is not None:
            taken = taken + self.shift[np.ix_(rows, columns)]
        off = np.take(self.off[rows], self.treatment[columns], axis=1)
        given = taken < off
        part = given.astype(float)
        if self.factor is not None:
            part *= self.factor[np.ix_(rows, columns)]
        if not self.infused:
            return Given(part, taken, taken)
        end = np.minimum(taken + self._durations(rows, columns), np.maximum(off, taken))
        if self.cut is not None:
            end = np.minimum(end, self.cut[np.ix_(rows, columns)])
        return Given(part, taken, end)

    def forget(self, rows: Int[np.ndarray, " chosen"]) -> None:
        """Everything as planned again."""
        self.off[rows] = np.inf
        for array, usual in ((self.factor, 1.0), (self.because, PLANNED), (self.shift, 0.0), (self.cut, np.inf)):
            if array is not None:
                array[rows] = usual

    def window(self, rows: np.ndarray, begin: float, end: float) -> Int[np.ndarray, " column"]:
        """The doses of these patients that are taken before `end` and have not wholly arrived by `begin`."""
        whole, moved = self.whole, 0.0 if self.shift is None else self.shift[rows].max(axis=0, initial=0.0)
        arrived = whole.times + whole.durations
        last = arrived.max(axis=0, initial=-np.inf) if arrived.ndim == 2 else arrived
        stop = self.off[rows].max(initial=-np.inf)
        return np.flatnonzero((last + moved >= begin) & (self.taken < min(end, stop)))

    def days(self, columns: np.ndarray, begin: float, end: float) -> Float[np.ndarray, " time"]:
        """Every time at which one of these doses, or one put off, may be taken: the same for all patients."""
        if not any(rule.policy.do == "delay" for rule in self.block.plan.rules.rules):
            return self.taken[columns]
        within = np.unique(np.round(self.taken % 1.0, 9))
        return (np.arange(np.floor(begin), end)[:, None] + within).ravel()

    def share(self, rows: np.ndarray, columns: np.ndarray, given: Given) -> Float[np.ndarray, "patient column"]:
        """What of each planned amount is given: of infusions, what has run in."""
        if not self.infused:
            return given.part
        full = self._durations(rows, columns)
        span = given.end - given.taken
        return given.part * np.divide(span, full, out=np.ones_like(span), where=full > 0)

    def schedule(self, rows: np.ndarray, columns: np.ndarray, begin: Float[np.ndarray, " patient"]) -> Any:
        """These doses as the solver takes them, without what has wholly arrived before each patient's `begin`."""
        from opsonin.simulate import Schedule

        whole = self.whole
        given = self.effective(rows, columns)
        durations, lags = self._durations(rows, columns), _part(whole.lags, rows, columns)
        ahead = (
            given.end + (0.0 if lags is None else lags) >= begin[:, None]
        )  # a past dose would still set the solver's scale
        amounts = whole.amounts(rows, columns)
        amounts *= given.part
        amounts *= ahead
        if whole.times.ndim == 2 or whole.durations.ndim == 2:
            span = given.end - given.taken
            share = np.divide(span, durations, out=np.ones_like(span), where=durations > 0)
            times = _part(whole.times, rows, columns) + given.taken - self.taken[columns]
            return Schedule(times, whole.administration[columns], amounts * share, span, None, lags)
        moved = None
        if self.shift is not None or self.infused:
            moved = (given.part > 0) & ((given.taken != self.taken[columns]) | (given.end != given.taken + durations))
        if moved is None or not moved.any():
            used = (amounts > 0).any(axis=0)
            kept = columns[used]
            return Schedule(whole.times[kept], whole.administration[kept], amounts[:, used], whole.durations[kept])
        return self._moved(columns, amounts, durations, given, moved)

    def _moved(
        self, columns: np.ndarray, amounts: np.ndarray, durations: np.ndarray, given: Given, moved: np.ndarray
    ) -> Any:
        """Doses that some patients take on another day or not to the end stand in columns of their own."""
        from opsonin.simulate import Schedule

        row, place = np.nonzero(moved & (amounts > 0))
        keys = np.column_stack([place, given.taken[row, place], given.end[row, place]])
        unique, of = np.unique(keys, axis=0, return_inverse=True)
        of = of.ravel()
        extra = np.zeros((len(amounts), len(unique)))
        span, full = given.end[row, place] - given.taken[row, place], durations[row, place]
        share = np.divide(span, full, out=np.ones_like(span), where=full > 0)
        extra[row, of] = amounts[row, place] * share
        stay = np.where(moved, 0.0, amounts)
        used = (stay > 0).any(axis=0)
        kept, made = columns[used], columns[unique[:, 0].astype(np.int64)]
        times = np.concatenate([self.whole.times[kept], unique[:, 1]])
        order = np.argsort(times, kind="stable")
        return Schedule(
            times[order],
            self.whole.administration[np.concatenate([kept, made])][order],
            np.ascontiguousarray(np.concatenate([stay[:, used], extra], axis=1)[:, order]),
            np.concatenate([self.whole.durations[kept], unique[:, 2] - unique[:, 1]])[order],
        )

    def first_change(self, rows: np.ndarray, columns: np.ndarray, before: Given) -> Float[np.ndarray, " chosen"]:
        """The day of the first of these doses that is no longer given as it was, inf where all are."""
        after = self.effective(rows, columns)
        planned = self.whole.amounts(rows, columns) > 0
        other = (before.taken != after.taken) | (before.end != after.end)
        changed = (before.part != after.part) | (other & ((before.part > 0) | (after.part > 0)))
        days = np.where(planned & changed, np.minimum(before.taken, after.taken), np.inf)
        return days.min(axis=1, initial=np.inf)

    def write(
        self,
        rows: np.ndarray,
        day: np.ndarray,
        keep: Float[np.ndarray, "chosen treatment"],
        resume: Float[np.ndarray, "chosen treatment"],
        codes: tuple[np.ndarray, np.ndarray, np.ndarray],
        treatments: Bool[np.ndarray, " treatment"],
        latest: float,
    ) -> None:
        """Decide on all doses of some treatments from each patient's day on, and before a `latest` one.

        keep: part of the planned dose that is left;   resume: doses before this day are not given.
        codes: reasons (patient, treatment) of doses held, reduced and delayed.
        """
        shape = (len(self.block), len(self.dose))
        if self.factor is None:
            self.factor = np.ones(shape)
        if self.because is None:
            self.because = np.full(shape, PLANNED, dtype=np.int16)
        moved = np.zeros(len(self.dose)) if self.shift is None else self.shift[rows].max(axis=0, initial=0.0)
        taken = self.taken + moved
        columns = np.flatnonzero(
            treatments[self.treatment] & (taken >= day.min(initial=np.inf)) & (self.taken < latest)
        )
        place, of = np.ix_(rows, columns), self.treatment[columns]
        shift = np.zeros((1, len(of))) if self.shift is None else self.shift[place]
        taken = self.taken[columns] + shift
        ahead = taken >= day[:, None]
        held = taken < resume[:, of]
        part = np.where(held, 0.0, keep[:, of])
        held_code, reduced_code, delayed_code = (code[:, of] for code in codes)
        late = np.where(shift > 0, delayed_code, PLANNED)
        said = np.where(held, held_code, np.where(keep[:, of] < 1, reduced_code, late))
        self.factor[place] = np.where(ahead, part, self.factor[place])
        self.because[place] = np.where(ahead, said, self.because[place])

    def interrupt(self, rows: np.ndarray, day: np.ndarray, treatments: np.ndarray, code: np.ndarray) -> None:
        """End the infusions of these treatments that run on each patient's day, each for a reason."""
        if not self.infused:
            return
        if self.cut is None:
            self.cut = np.full((len(self.block), len(self.dose)), np.inf)
        if self.because is None:
            self.because = np.full(self.cut.shape, PLANNED, dtype=np.int16)
        given = self.effective(rows, np.arange(len(self.dose)))
        running = (given.part > 0) & (given.taken < day[:, None]) & (given.end > day[:, None])
        running &= treatments[self.treatment]
        self.cut[rows] = np.where(running, day[:, None], self.cut[rows])
        self.because[rows] = np.where(running, code[:, None], self.because[rows])

    def put_off(self, rows: np.ndarray, day: np.ndarray, until: np.ndarray, treatments: np.ndarray) -> None:
        """Move all doses of these treatments from each patient's day on by whole days, so that none is before `until`.

        The treatments move together, so that they stay in step.
        """
        if self.shift is None:
            self.shift = np.zeros((len(self.block), len(self.dose)))
        taken = self.taken + self.shift[rows]
        ahead = (taken >= day[:, None]) & treatments[self.treatment]
        following = np.where(ahead, taken, np.inf).min(axis=1, initial=np.inf)
        wait = np.where(np.isfinite(following), np.ceil(until - following - 1e-9), 0.0)
        self.shift[rows] += np.where(ahead, np.maximum(wait, 0.0)[:, None], 0.0)

    def any_due(
        self, rows: np.ndarray, day: np.ndarray, until: np.ndarray, treatments: np.ndarray
    ) -> Bool[np.ndarray, " chosen"]:
        """Who has a dose of these treatments due, or running in, between each patient's days."""
        mine = np.flatnonzero(treatments[self.treatment])
        taken = self.taken[mine] + (0.0 if self.shift is None else self.shift[np.ix_(rows, mine)])
        end = taken + self._durations(rows, mine)
        return np.any((np.maximum(taken, end) >= day[:, None]) & (taken < until[:, None]), axis=1)

    def last_taken(self, rows: np.ndarray) -> Float[np.ndarray, "chosen treatment"]:
        """The day of each treatment's last dose, if nothing stops it; -inf for one that is not given."""
        if self.shift is None:
            return np.tile(self.last, (len(rows), 1))
        last = np.full((len(rows), len(self.last)), -np.inf)
        taken = self.taken + self.shift[rows]
        for treatment in np.flatnonzero(self.present):
            last[:, treatment] = taken[:, self.treatment == treatment].max(axis=1, initial=-np.inf)
        return last

    def _durations(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        durations = _part(self.whole.durations, rows, columns)
        return np.broadcast_to(durations, (len(rows), len(columns)))


def _taking(block: Block) -> Bool[np.ndarray, "patient treatment"]:
    """Which treatments each patient is given: all but those left out, and those that an arm does without."""
    protocol = block.plan.protocol
    here = np.array([t.agent not in block.left_out for t in protocol.treatments], dtype=bool)
    if protocol.arms is None:
        return np.broadcast_to(here, (len(block), len(here)))
    given = [[t.dose(level.number) > 0 for t in protocol.treatments] for level in protocol.levels]
    return here & np.array(given, dtype=bool).reshape(len(given), len(here))[block.levels - 1]


def _part(array: np.ndarray | None, rows: np.ndarray, columns: np.ndarray) -> Any:
    if array is None:
        return None
    return array[columns] if array.ndim == 1 else np.ascontiguousarray(array[np.ix_(rows, columns)])
