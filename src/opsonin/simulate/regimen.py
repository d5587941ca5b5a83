"""Regimens in clinical terms (agent, route, amount with unit, protocol days) and what the solver needs of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
from jaxtyping import Float

from opsonin import units
from opsonin.errors import RegimenError, UnitError
from opsonin.simulate.schedule import Schedule

ORAL = "oral"
SUBCUTANEOUS = "subcutaneous"
INTRAVENOUS_BOLUS = "intravenous bolus"
INTRAVENOUS_INFUSION = "intravenous infusion"


@dataclass(frozen=True)
class GivenDoses:
    """Doses of one agent by one route.

    times: days (K,).   amount: of each dose in `unit`; one number, (K,), or (n, K) for each patient (so are doses
    per kg or per m² given: multiplied out, in a plain unit).   infusion_days: length, 0 for a bolus; one or (K,).
    """

    agent: str
    route: str
    unit: str
    times: Any
    amount: Any
    infusion_days: Any = 0.0


def oral(agent: str, amount: Any, unit: str, times: Any) -> GivenDoses:
    """Doses taken by mouth."""
    return GivenDoses(agent, ORAL, unit, times, amount)


def subcutaneous(agent: str, amount: Any, unit: str, times: Any) -> GivenDoses:
    """Doses injected under the skin."""
    return GivenDoses(agent, SUBCUTANEOUS, unit, times, amount)


def intravenous_bolus(agent: str, amount: Any, unit: str, times: Any) -> GivenDoses:
    """Doses injected into a vein at once."""
    return GivenDoses(agent, INTRAVENOUS_BOLUS, unit, times, amount)


def intravenous_infusion(agent: str, amount: Any, unit: str, times: Any, hours: Any) -> GivenDoses:
    """Doses that run into a vein at a constant rate for so many hours."""
    lengths = np.asarray(hours, float) / 24.0
    if np.any(lengths <= 0):
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
    if cycle_days <= 0 or stop + 1.0 > cycle_days:
        raise RegimenError(f"{block} do not fit into a cycle of {cycle_days:g} days.")
    if cycles is None and until_day is None:
        raise RegimenError(f"{block} every {cycle_days:g} days have no end; give until_day or cycles.")
    reached = np.inf if until_day is None else np.ceil((last - start) / cycle_days)
    repeats = int(max(0, min(reached, np.inf if cycles is None else cycles)))
    times = (once[None, :] + cycle_days * np.arange(repeats)[:, None]).ravel()
    return times[times < last]


def build_schedule(
    model: Any, constants: Float[np.ndarray, "patient constant"], doses: Sequence[GivenDoses]
) -> Schedule:
    """Doses as amounts in the units of the model's states, for each patient, in order of time.

    constants: the patients' values of model.symbolic.constants, which bioavailable fractions and specific activities
    may depend on.
    Raises: RegimenError for an agent or route that the model does not administer (it lists those it does) and for a
    unit of another kind.
    """
    symbolic = getattr(model, "symbolic", model)
    known = list(symbolic.administrations)
    patients = len(constants)
    columns: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
    for given in doses:
        place = _place(given, known)
        landing = symbolic.administrations[known[place]]
        times = np.atleast_1d(np.asarray(given.times, float))
        if times.ndim != 1:
            raise RegimenError(f"{given.agent}: times have shape {times.shape}; give one time a dose.")
        count = len(times)
        amounts = _amounts(given, patients, count)
        scale = _unit_factor(given, landing) * _per_patient(symbolic, landing, constants)
        if not np.all(scale >= 0) or not np.all(np.isfinite(scale)):
            row = int(np.flatnonzero(~(scale >= 0) | ~np.isfinite(scale))[0])
            raise RegimenError(
                f"{given.agent}, {given.route}: the fraction that arrives comes to {scale[row]} in patient row {row}; "
                "look at the administration's `fraction` and `unit_factor`."
            )
        try:
            lengths = np.broadcast_to(np.asarray(given.infusion_days, float), (count,))
        except ValueError:
            raise RegimenError(
                f"{given.agent}: {np.shape(given.infusion_days)} lengths of infusion for {count} doses."
            ) from None
        columns.append((times, np.full(count, place, dtype=np.int64), amounts * scale[:, None], lengths))
    if not columns:
        return Schedule.empty(patients)
    times, places, amounts, lengths = (np.concatenate(parts, axis=-1) for parts in zip(*columns, strict=True))
    order = np.argsort(times, kind="stable")
    return Schedule(times[order], places[order], np.ascontiguousarray(amounts[:, order]), lengths[order])


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


def _unit_factor(given: GivenDoses, landing: Any) -> float:
    needed = landing.dose_unit
    try:
        return units.factor(given.unit, needed)
    except UnitError as problem:
        raise RegimenError(
            f"{given.agent}, {given.route}: a dose in {given.unit!r} cannot be given where the model needs {needed!r} "
            f"or a unit of the same kind ({problem})"
        ) from problem


def _per_patient(symbolic: Any, landing: Any, constants: np.ndarray) -> np.ndarray:
    """Fraction × unit factor of every patient."""
    import sympy

    expression = sympy.sympify(landing.fraction) * (1 if landing.unit_factor is None else landing.unit_factor)
    used = sorted(expression.free_symbols, key=lambda symbol: symbol.name)
    columns = [constants[:, symbolic.constants.index(symbol.name)] for symbol in used]
    value = sympy.lambdify(used, expression, modules="numpy")(*columns)
    return np.broadcast_to(np.asarray(value, float), (len(constants),))
