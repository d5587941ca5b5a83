"""Regimens in clinical terms (agent, route, amount with unit, protocol days) and what the solver needs of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import RegimenError
from opsonin.simulate.landings import landed, unit_factor
from opsonin.simulate.orders import PERIODIC, Orders, resolve
from opsonin.simulate.schedule import Schedule

ORAL = "oral"
SUBCUTANEOUS = "subcutaneous"
INTRAVENOUS_BOLUS = "intravenous bolus"
INTRAVENOUS_INFUSION = "intravenous infusion"


@dataclass(frozen=True)
class GivenDoses:
    """Doses of one agent by one route.

    times: days (K,).   amount: of each dose in `unit`; one number, (K,), or (n, K) for each patient (so are doses
    per kg or per m² given: multiplied out, in a plain unit).   infusion_days: length, 0 for a bolus or for the length
    that the model says; one, (K,) or (n, K).
    additional: doses that follow each of these, interval_days apart.   steady_state: 0, or 1 where the state becomes
    the steady state of doses given every interval_days for ever before, or 2 where that is added to what is there.
    """

    agent: str
    route: str
    unit: str
    times: Any
    amount: Any
    infusion_days: Any = 0.0
    additional: int = 0
    interval_days: float | int = 0.0
    steady_state: int = 0


def oral(agent: str, amount: Any, unit: str, times: Any) -> GivenDoses:
    """Doses taken by mouth."""
    return GivenDoses(agent, ORAL, unit, times, amount)


def subcutaneous(agent: str, amount: Any, unit: str, times: Any) -> GivenDoses:
    """Doses injected under the skin."""
    return GivenDoses(agent, SUBCUTANEOUS, unit, times, amount)


def intravenous_bolus(agent: str, amount: Any, unit: str, times: Any) -> GivenDoses:
    """Doses injected into a vein at once."""
    return GivenDoses(agent, INTRAVENOUS_BOLUS, unit, times, amount)


def intravenous_infusion(
    agent: str, amount: Any, unit: str, times: Any, hours: Any = None, *, per_hour: Any = None
) -> GivenDoses:
    """Doses that run into a vein at a constant rate: for so many hours, or so much (of `unit`) per hour."""
    if (hours is None) == (per_hour is None):
        raise RegimenError(f"{agent}: an infusion has `hours` or a rate `per_hour`; give one of them.")
    if per_hour is not None:
        with np.errstate(all="ignore"):
            hours = np.asarray(amount, float) / np.asarray(per_hour, float)
        if not np.all(np.isfinite(hours)):
            raise RegimenError(f"{agent}: an infusion of {per_hour} {unit} per hour never ends; give a rate above 0.")
    lengths = np.asarray(hours, float) / 24.0
    if not np.all((lengths > 0) & np.isfinite(lengths)):
        raise RegimenError(f"{agent}: an infusion of {hours} hours has no rate; give hours above 0 or a bolus.")
    return GivenDoses(agent, INTRAVENOUS_INFUSION, unit, times, amount, lengths)


def day_time(protocol_day: float | int) -> float:
    """The time in days at which a protocol day starts: day 1 is 0.0, day −1 is −1.0; there is no day 0."""
    if protocol_day == 0:
        raise RegimenError("there is no protocol day 0: the day before day 1 is day -1.")
    return protocol_day - 1.0 if protocol_day > 0 else float(protocol_day)


def dose_days(
    first_day: int,
    last_day: int,
    times_per_day: int = 1,
    cycle_days: float | int | None = None,
    until_day: float | int | None = None,
    cycles: int | None = None,
) -> Float[np.ndarray, " dose"]:
    """Times of doses on protocol days first_day to last_day, both included, `times_per_day` evenly spaced.

    cycle_days: the block is repeated every so many days from protocol day 1 on, until protocol day `until_day`
    (included) or `cycles` times, whichever comes first.  Without it the block is given once.
    Raises: RegimenError for day 0, a block backwards or longer than its cycle, a cycle without an end.
    """
    block = f"days {first_day} to {last_day}"
    start, stop = day_time(first_day), day_time(last_day)
    if stop < start:
        raise RegimenError(f"{block} run backwards; write the earlier day first.")
    if times_per_day < 1:
        raise RegimenError(f"{block}: {times_per_day} doses a day; give 1 or more.")
    within = np.arange(round(stop - start) + 1)[:, None] + np.arange(times_per_day)[None, :] / times_per_day
    once = start + within.ravel()
    last = np.inf if until_day is None else day_time(until_day) + 1.0
    if cycle_days is None:
        if cycles is not None:
            raise RegimenError(f"{block} for {cycles} cycles: the length of a cycle is missing.")
        return once[once < last]
    if first_day < 1:
        raise RegimenError(
            f"{block} begin before day 1, where cycles start; give that part once, as its own treatment."
        )
    if not stop + 1.0 <= cycle_days < np.inf or cycle_days <= 0:
        raise RegimenError(f"{block} do not fit into a cycle of {cycle_days:g} days.")
    if cycles is None and not last < np.inf:
        raise RegimenError(f"{block} every {cycle_days:g} days have no end; give until_day or cycles.")
    reached = np.inf if until_day is None else np.ceil((last - start) / cycle_days)
    repeats = int(max(0, min(reached, np.inf if cycles is None else cycles)))
    times = (once[None, :] + cycle_days * np.arange(repeats)[:, None]).ravel()
    return times[times < last]


def build_schedule(
    model: Any,
    constants: Float[np.ndarray, "patient constant"],
    doses: Sequence[GivenDoses],
    *,
    settling: Sequence[str] | None = None,
    beyond_interval: str = PERIODIC,
) -> Schedule:
    """Doses as amounts in the units of the model's states, for each patient, in order of time.

    constants: the patients' values of model.symbolic.constants, which bioavailable fractions, specific activities,
    lags and modelled durations may depend on.
    settling: the species that steady states are for, where not all come to rest (see `Marks`).   beyond_interval: see
    `resolve`.
    Raises: RegimenError for an agent or route that the model does not administer (it lists those it does), for a unit
    of another kind, and for lengths and intervals that contradict each other.
    """
    symbolic = getattr(model, "symbolic", model)
    parts = [_columns(symbolic, constants, given) for given in doses]
    if any(given.steady_state or given.additional for given in doses):
        return _resolved(parts, doses, len(constants), settling, beyond_interval)
    if not parts:
        return Schedule.empty(len(constants))
    made = parts[0]
    for part in parts[1:]:
        made = made.beside(part)
    return made.ordered()


def _columns(symbolic: Any, constants: np.ndarray, given: GivenDoses) -> Schedule:
    """The doses of one entry as they arrive; times are shared where all patients' are alike."""
    known = list(symbolic.administrations)
    place = _place(given, known)
    landing = symbolic.administrations[known[place]]
    times = np.atleast_1d(np.asarray(given.times, float))
    if times.ndim != 1:
        raise RegimenError(f"{given.agent}: times have shape {times.shape}; give one time a dose.")
    patients, count = len(constants), len(times)
    made = landed(symbolic, known[place], constants)
    factor = unit_factor(f"{given.agent}, {given.route}", given.unit, landing.dose_unit)
    with np.errstate(over="ignore"):  # what is beyond all numbers is refused by the schedule
        amounts = _amounts(given, patients, count) * (factor * made.factor * made.fraction)[:, None]
    lengths = _lengths(given, patients, count)
    modelled = made.duration is not None or made.rate is not None
    if modelled and lengths.any():
        raise RegimenError(
            f"{given.agent}, {given.route}: the model says how long this dose takes to arrive, and so does the "
            "regimen; leave out the length of infusion, or the administration's duration or rate."
        )
    if made.duration is not None:
        lengths = np.broadcast_to(made.duration[:, None], (patients, count))
    elif made.rate is not None:
        lengths = amounts / made.rate[:, None]
    lags = _same_for_all(np.broadcast_to(made.lag[:, None], (patients, count)))
    return Schedule(
        times + lags,
        np.full(count, place, dtype=np.int64),
        np.ascontiguousarray(amounts),
        np.ascontiguousarray(lengths if lengths.ndim == 1 else _same_for_all(lengths)),
        lags=lags if lags.any() else None,
    )


def _resolved(
    parts: Sequence[Schedule], doses: Sequence[GivenDoses], patients: int, settling: Any, beyond_interval: str
) -> Schedule:
    """Through dose records: additional doses and steady states."""
    columns: list[list[np.ndarray]] = []
    for part, given in zip(parts, doses, strict=True):
        _check_repeats(given)
        shape = part.amounts.shape
        lags = np.zeros(shape) if part.lags is None else np.broadcast_to(part.lags, shape)
        whole = [np.broadcast_to(part.times, shape) - lags, part.amounts, np.broadcast_to(part.durations, shape), lags]
        time, amount, duration, lag = (np.ravel(array) for array in whole)
        interval = np.full(amount.shape, float(given.interval_days))
        columns.append(
            [
                np.repeat(np.arange(patients), shape[1]),
                time,
                np.full(amount.shape, part.administration[0] if shape[1] else 0),
                amount,
                duration,
                lag,
                interval,
                np.full(amount.shape, int(given.additional)),
                np.full(amount.shape, int(given.steady_state)),
                np.zeros(amount.shape, dtype=bool),
                amount > 0,
            ]
        )
    joined = [np.concatenate(column) for column in zip(*columns, strict=True)]
    order = np.lexsort((joined[1], joined[0]))
    orders = Orders(*(column[order] for column in joined))
    return resolve(orders, patients, beyond_interval=beyond_interval, settling=settling)


def _check_repeats(given: GivenDoses) -> None:
    if given.steady_state not in (0, 1, 2):
        raise RegimenError(
            f"{given.agent}: steady_state is {given.steady_state!r}; 0 is none, 1 sets the state, 2 adds to it."
        )
    if not 0 <= given.additional < np.inf or given.additional != int(given.additional):
        raise RegimenError(f"{given.agent}: {given.additional} additional doses; give a whole number.")
    if (given.additional or given.steady_state) and not 0 < given.interval_days < np.inf:
        raise RegimenError(
            f"{given.agent}: additional doses and steady states need the days between doses, interval_days."
        )


def _place(given: GivenDoses, known: list[tuple[str, str]]) -> int:
    if (given.agent, given.route) in known:
        return known.index((given.agent, given.route))
    agents = sorted({agent for agent, _ in known})
    if given.agent in agents:
        routes = ", ".join(route for agent, route in known if agent == given.agent)
        raise RegimenError(f"{given.agent} is not given by route {given.route!r} in this model; its routes: {routes}.")
    near = get_close_matches(given.agent, agents, n=1)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    raise RegimenError(f"no agent {given.agent!r} in this model; known: {', '.join(agents) or 'none'}.{meant}")


def _amounts(given: GivenDoses, patients: int, count: int) -> np.ndarray:
    amount = np.asarray(given.amount, float)
    try:
        return np.array(np.broadcast_to(amount, (patients, count)))
    except ValueError:
        raise RegimenError(
            f"{given.agent}: amounts of shape {amount.shape} for {patients} patients and {count} doses; "
            "give one number, one a dose, or (patient, dose)."
        ) from None


def _lengths(given: GivenDoses, patients: int, count: int) -> np.ndarray:
    """Days of infusion, (count,) or (patients, count)."""
    lengths = np.asarray(given.infusion_days, float)
    try:
        return np.array(np.broadcast_to(lengths, (count,) if lengths.ndim < 2 else (patients, count)))
    except ValueError:
        raise RegimenError(
            f"{given.agent}: {np.shape(given.infusion_days)} lengths of infusion for {count} doses."
        ) from None


def _same_for_all(rows: np.ndarray) -> np.ndarray:
    """The one row where all patients' are alike, else all."""
    return rows[0] if len(rows) and np.array_equal(rows, np.broadcast_to(rows[:1], rows.shape)) else rows
