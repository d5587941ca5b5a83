"""From dose records (additional doses, steady states, resets) to a schedule of every dose that arrives.

The meaning of a record is that of NONMEM's PREDPP (Users Guide VI, chapter V; help pages "ss dose", "ss", "evid"),
checked against its output. All times of a record are known beforehand, so resets and steady states cancel what is
pending here, and the solver only meets doses and moments at which the state is set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.errors import RegimenError
from opsonin.simulate.marks import ADDED, RESET, STEADY, marks_of
from opsonin.simulate.schedule import Schedule

SAME = 1e-9  # days; moments closer than a tenth of a millisecond are the same
MOST_DOSES = 10_000_000
PERIODIC, CONTINUED = "periodic", "continued"


class Orders(NamedTuple):
    """Dose and reset records, one row each, every patient's in the order in which they were written.

    patient: row.   time: days, when taken.   administration: index.   amount: what arrives, in the species' unit.
    duration: days of infusion, 0 for a bolus; for a steady infusion (steady, interval 0) its amount is its rate.
    lag: days.   interval: days between additional doses and of steady states.   additional: doses that follow.
    steady: 0 no, 1 the state becomes the steady state of this dose, 2 it is added.   reset: before anything else.
    dose: whether there is a dose; a record may only reset.
    """

    patient: Int[np.ndarray, " record"]
    time: Float[np.ndarray, " record"]
    administration: Int[np.ndarray, " record"]
    amount: Float[np.ndarray, " record"]
    duration: Float[np.ndarray, " record"]
    lag: Float[np.ndarray, " record"]
    interval: Float[np.ndarray, " record"]
    additional: Int[np.ndarray, " record"]
    steady: Int[np.ndarray, " record"]
    reset: Bool[np.ndarray, " record"]
    dose: Bool[np.ndarray, " record"]


class Arrivals(NamedTuple):
    """Doses as they arrive, one row each; record: the row of the order, lag: days since it was taken."""

    record: np.ndarray
    time: np.ndarray
    amount: np.ndarray
    duration: np.ndarray
    lag: np.ndarray


def resolve(
    orders: Orders,
    patients: int,
    *,
    beyond_interval: str = PERIODIC,
    settling: Sequence[str] | None = None,
) -> Schedule:
    """The schedule of all doses and marks that the orders amount to.

    beyond_interval: what a steady state with a lag longer than its interval is. "periodic": doses taken before are
    still on their way and arrive in turn, so the profile is the same before and after. "continued": as NONMEM, which
    forgets them and continues the profile backwards from the next arrival (amounts may come out negative).
    settling: see Marks.
    """
    if beyond_interval not in (PERIODIC, CONTINUED):
        raise RegimenError(f"beyond_interval {beyond_interval!r} is neither 'periodic' nor 'continued'.")
    continued = (orders.steady > 0) & (orders.interval > 0) & (orders.lag > orders.interval + SAME)
    continued &= beyond_interval == CONTINUED
    arrivals = _joined([_taken(orders), _trains(orders, continued)])
    arrivals = _cut(orders, arrivals, patients)
    return _schedule(orders, arrivals, _marks(orders, continued), patients, settling)


def _taken(orders: Orders) -> Arrivals:
    """The doses of the records themselves and their additional ones."""
    given = orders.dose & (orders.amount > 0) & ~_constant(orders)
    count = np.where(given, orders.additional + 1, 0)
    if count.sum() > MOST_DOSES:
        raise RegimenError(f"the records amount to {count.sum()} doses; more than {MOST_DOSES} are not taken at once.")
    record = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(record)) - np.repeat(np.cumsum(count) - count, count)
    time = orders.time[record] + number * orders.interval[record] + orders.lag[record]
    return Arrivals(record, time, orders.amount[record], orders.duration[record], orders.lag[record])


def _constant(orders: Orders) -> np.ndarray:
    """Records of an infusion that has always run; it ends at the record."""
    return (orders.steady > 0) & (orders.interval == 0)


def _trains(orders: Orders, continued: np.ndarray) -> Arrivals:
    """What of a steady state's earlier doses arrives after its record: running infusions and, with a lag, whole doses.

    Dose k = 1, 2, … was taken k intervals before. A running infusion is given on from the record, at its rate.
    """
    trains = (orders.steady > 0) & (orders.interval > 0) & (orders.amount > 0)
    reach = np.where(trains, (orders.lag + orders.duration) / np.where(trains, orders.interval, 1.0), 0.0)
    count = np.ceil(reach - SAME).astype(np.int64).clip(0)
    record = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(record)) - np.repeat(np.cumsum(count) - count, count) + 1
    begin = orders.time[record] - number * orders.interval[record] + orders.lag[record]
    end = begin + orders.duration[record]
    since = orders.time[record]
    # NONMEM's continued profile: the infusions that run when the next dose arrives have run since the record
    next_arrival = since + np.where(continued, orders.lag - orders.interval, 0.0)[record]
    infused = orders.duration[record] > 0
    pending = ~continued[record] & (begin >= since + np.where(infused, SAME, -SAME))
    running = infused & (end > next_arrival + SAME) & (begin <= next_arrival + SAME) & ~pending
    kept = pending | running
    length = np.where(running, end - since, orders.duration[record])
    share = np.where(running, length / np.where(running, orders.duration[record], 1.0), 1.0)
    time = np.where(running, since, np.maximum(begin, since))
    return Arrivals(*(a[kept] for a in (record, time, orders.amount[record] * share, length, orders.lag[record])))


def _joined(parts: Sequence[Arrivals]) -> Arrivals:
    return Arrivals(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _cut(orders: Orders, arrivals: Arrivals, patients: int) -> Arrivals:
    """Without what resets and steady states of kind 1 cancel: infusions that run, doses on their way and to come.

    They cancel what earlier records of the same patient order.
    """
    clears = np.flatnonzero(orders.reset | (orders.steady == 1))
    if not len(clears) or not len(arrivals.record):
        return arrivals
    # for each record, the first moment at which a later record of the patient clears
    cleared = np.full(len(orders.time), np.inf)
    until = np.full(patients, np.inf)
    clearing = np.zeros(len(orders.time), dtype=bool)
    clearing[clears] = True
    for record in range(len(orders.time) - 1, clears[0] - 1, -1):
        cleared[record] = until[orders.patient[record]]
        if clearing[record]:
            until[orders.patient[record]] = min(until[orders.patient[record]], orders.time[record])
    cleared[: clears[0]] = until[orders.patient[: clears[0]]]
    until_day = cleared[arrivals.record]
    kept = arrivals.time < until_day - SAME
    arrivals, until_day = Arrivals(*(column[kept] for column in arrivals)), until_day[kept]
    length = np.minimum(arrivals.duration, until_day - arrivals.time)
    share = np.where(arrivals.duration > 0, length / np.where(arrivals.duration > 0, arrivals.duration, 1.0), 1.0)
    return arrivals._replace(amount=arrivals.amount * share, duration=np.where(arrivals.duration > 0, length, 0.0))


def _marks(orders: Orders, continued: np.ndarray) -> list[tuple[int, list[float | int]]]:
    """(patient, mark) of every reset and steady state."""
    made: list[tuple[int, list[float | int]]] = []
    for record in np.flatnonzero(orders.reset | (orders.steady > 0)):
        patient, time = int(orders.patient[record]), float(orders.time[record])
        if orders.reset[record] and orders.steady[record] != 1:
            made.append((patient, [time, RESET, 0, 0.0, 0.0, 0.0, 0.0]))
        if orders.steady[record]:
            interval, lag = float(orders.interval[record]), float(orders.lag[record])
            elapsed = 0.0
            if interval > 0:
                elapsed = interval - lag if continued[record] else -lag % interval
                if interval - elapsed < SAME or elapsed == 0.0:
                    elapsed = interval  # the next dose arrives at this very moment: just before it
            made.append(
                (
                    patient,
                    [
                        time,
                        STEADY if orders.steady[record] == 1 else ADDED,
                        int(orders.administration[record]),
                        float(orders.amount[record]),
                        float(orders.duration[record]),
                        interval,
                        elapsed,
                    ],
                )
            )
    return made


def _schedule(
    orders: Orders,
    arrivals: Arrivals,
    marks: list[tuple[int, list[float | int]]],
    patients: int,
    settling: Sequence[str] | None,
) -> Schedule:
    """One column for each dose of an administration, as many as the patient with the most has."""
    patient = orders.patient[arrivals.record]
    place = orders.administration[arrivals.record]
    order = np.lexsort((arrivals.time, patient, place))
    group = place[order] * patients + patient[order]
    first = np.r_[True, np.diff(group) != 0] if len(group) else np.zeros(0, dtype=bool)
    begins = np.flatnonzero(first)
    number = np.arange(len(group)) - np.repeat(begins, np.diff(np.r_[begins, len(group)]))
    places = np.unique(place)
    widths = np.array([number[place[order] == p].max() + 1 for p in places], dtype=np.int64)
    offset = np.cumsum(widths) - widths
    column = offset[np.searchsorted(places, place[order])] + number
    shape = (patients, int(widths.sum()))
    times, durations, lags = np.full(shape, np.inf), np.zeros(shape), np.zeros(shape)
    amounts = np.zeros(shape)
    where = (patient[order], column)
    times[where], amounts[where] = arrivals.time[order], arrivals.amount[order]
    durations[where], lags[where] = arrivals.duration[order], arrivals.lag[order]
    made = Schedule(
        times,
        np.repeat(places, widths).astype(np.int64),
        amounts,
        durations,
        marks_of(patients, marks, settling) if marks else None,
        lags if lags.any() else None,
    )
    return made.ordered()
