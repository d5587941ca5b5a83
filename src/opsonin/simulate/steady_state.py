"""Steady states: where nothing changes any more, from several starts, and whether the model comes back to them.

Pseudo-transient continuation (Kelley & Keyes 1998, SIAM J Numer Anal 35:508): implicit Euler steps that follow the
model's own course as long as it moves much, keep what it conserves, and grow into Newton's method as it comes to rest
(the switched evolution relaxation of Mulder & van Leer 1985, J Comput Phys 59:232). All patients and starts at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Complex, Float, Int

from opsonin import random
from opsonin.errors import ModelError, SimulationError
from opsonin.model.derived import completed
from opsonin.simulate.rates import Rates

ITERATIONS = 400
FIRST_STEP, SHORTEST_STEP = 1e-2, 1e-8  # days
LONGEST_STEP = 1e6  # days; with a longer one rounding would change what the model conserves
LAST_STEP = 1e5  # days: a row rests if so long a step moves it no more
AT_REST = 1e-9  # of its size and its scale together
SAME = 1e-6  # relative: nearer than this two steady states are one
NEUTRAL = 1e-7  # 1/day: eigenvalues nearer to nought belong to what the model conserves
LOOKED_AT = 1000.0  # days, and ten times as many: what grows between them goes on growing
FOLD = 100.0  # further starts lie within this factor of the model's own


@dataclass(frozen=True)
class SteadyStates:
    """Up to K steady states of each of n patients; the first is where the model's own initial state leads, if it does.

    states: in the model's order, cumulative hazards 0; NaN beyond `count`.   stable: whether no eigenvalue of the
    Jacobian has a positive real part (an eigenvalue of 0 belongs to a whole that the model conserves: where there is
    one, only the model's own start counts, since others hold another amount of it).   eigenvalues: of the species that
    stand still, 1/day, slowest first.
    ignored: species that were not asked to stand still; they are as the model's initial state has them.
    """

    names: tuple[str, ...]
    states: Float[np.ndarray, "patient found state"]
    count: Int[np.ndarray, " patient"]
    stable: Bool[np.ndarray, "patient found"]
    eigenvalues: Complex[np.ndarray, "patient found species"]
    ignored: tuple[str, ...]

    @property
    def first(self) -> Float[np.ndarray, "patient state"]:
        """The first steady state of each patient: `simulate(..., initial_state=steady.first)` goes on from there."""
        return np.ascontiguousarray(self.states[:, 0])

    def state(self, name: str) -> Float[np.ndarray, "patient found"]:
        """One state by name. Raises: KeyError listing the names."""
        if name not in self.names:
            raise KeyError(f"no state {name!r}; states: {', '.join(self.names)}")
        return self.states[:, :, self.names.index(name)]


def steady_states(
    model: Any,
    constants: Float[np.ndarray, "patient constant"],
    *,
    infusions: Mapping[tuple[str, str], Any] | None = None,
    ignore: Sequence[str] = (),
    starts: int = 8,
    seed: int = 1,
) -> SteadyStates:
    """The steady states of each patient, found from the model's initial state and from `starts` others around it.

    infusions: (agent, route) -> what arrives a day for ever, in the unit of the species that it enters; one number
    or one a patient.   ignore: species that only add up (amounts eliminated) and need not stand still.
    Cumulative hazards never stand still and are left out. Which states a search from finitely many starts does not
    find, it cannot know.
    Raises: SimulationError for a model whose rates depend on time, and for a patient without a steady state, naming
    the states that go on growing; ModelError for unknown names.
    """
    if constants.ndim != 2:
        raise SimulationError(f"constants have shape {constants.shape}; give one row a patient.")
    if starts < 0:
        raise SimulationError(f"starts is {starts}; give how many others to begin from, 0 or more.")
    constants = completed(model.symbolic, constants)
    rates = Rates(model.symbolic, infusions or {}, len(constants))
    _refuse_time(model)
    moving = _moving(model, ignore)
    own = model.initial_state(constants)
    begins: np.ndarray = np.concatenate([own[:, None], _starts(rates, own, starts, seed)], axis=1)
    patients, tries = begins.shape[:2]
    which = np.repeat(np.arange(patients), tries)
    faithful = np.tile(np.arange(tries) == 0, patients)
    found: np.ndarray
    found, rested = _settle(rates, begins.reshape(patients * tries, own.shape[1]), constants, which, moving, faithful)
    found, rested = found.reshape(patients, tries, own.shape[1]), rested.reshape(patients, tries)
    if not rested.any(axis=1).all():
        _refuse(model, rates, constants, np.flatnonzero(~rested.any(axis=1)), moving)
    keeps = np.ones(own.shape[1], dtype=bool)
    keeps[moving] = False
    found[:, :, keeps] = own[:, None, keeps]
    return _distinct(rates, found, rested, constants, moving, tuple(ignore))


def _refuse_time(model: Any) -> None:
    symbolic = model.symbolic
    timed = [
        name for name, rate in zip(symbolic.states, symbolic.rates, strict=True) if symbolic.time in rate.free_symbols
    ]
    timed = [name for name in timed if name in symbolic.species]
    if timed:
        raise SimulationError(
            f"the rates of {', '.join(timed)} depend on time itself, so the model has no steady state; hold what "
            "changes in time at one value (a parameter) and ask again."
        )


def _moving(model: Any, ignore: Sequence[str]) -> np.ndarray:
    """Indices of the species that must stand still."""
    from opsonin.model.trace import unknown

    species = model.symbolic.species
    for name in ignore:
        if name not in species:
            raise ModelError(f"species {name!r} is to be ignored, {unknown(name, dict.fromkeys(species))}")
    symbolic, left_out = model.symbolic, set(ignore)
    for i, j in symbolic.jacobian:
        if i < len(species) and species[i] not in left_out and symbolic.states[j] in left_out:
            raise SimulationError(
                f"species {symbolic.states[j]!r} cannot be ignored: the rate of {species[i]!r} depends on it."
            )
    return np.array([i for i, name in enumerate(species) if name not in left_out], dtype=np.int64)


def _starts(rates: Rates, own: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Further states to begin from: each species times its own factor within FOLD, log-uniform; nought from 0 up."""
    species = len(rates.symbolic.species)
    patients = len(own)
    drawn = random.uniform(seed, "steady state start", np.arange(patients)[:, None], np.arange(count), draws=species)
    factor = FOLD ** (2 * drawn - 1)
    sized = np.where(own[:, None, :species] == 0, rates.scale[:species], own[:, None, :species])
    made = np.zeros((patients, count, own.shape[1]))
    made[:, :, :species] = sized * factor
    return made


def _settle(
    rates: Rates, state: np.ndarray, constants: np.ndarray, which: np.ndarray, moving: np.ndarray, faithful: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Follow every row until it rests. Gives states and which of them rest.

    faithful: rows that keep to the model's own course, by steps in which no state more than doubles; the others may
    jump, and so come to rest where the model itself would not stay.
    """
    size = len(moving)
    step = np.full(len(state), FIRST_STEP)
    change = rates(state, constants, which)[:, moving]
    force = _force(change, state[:, moving], rates.scale[moving])
    rested = np.zeros(len(state), dtype=bool)
    for _ in range(ITERATIONS):
        rows = np.flatnonzero(~rested & np.isfinite(state).all(axis=1) & np.isfinite(force))
        if not len(rows):
            break
        jacobian = rates.jacobian(state[rows], constants, which[rows])[:, moving[:, None], moving]
        matrix = np.eye(size) / step[rows, None, None] - jacobian
        move = _solved(matrix, change[rows])
        trial = state[rows].copy()
        trial[:, moving] += move
        overshot = (rates.nonnegative & (trial < -0.01 * state[rows])).any(axis=1)  # a step longer than growth allows
        trial = np.where(rates.nonnegative & (trial < 0), 0.0, trial)
        after = rates(trial, constants, which[rows])[:, moving]
        pull = _force(after, trial[:, moving], rates.scale[moving])
        shift = np.abs(trial - state[rows])[:, moving]
        leap = (shift / (np.abs(state[rows][:, moving]) + rates.scale[moving])).max(axis=1)
        good = np.isfinite(pull) & (pull <= 10 * force[rows]) & (~faithful[rows] | ((leap <= 1) & ~overshot))
        taken = rows[good]
        small = np.abs(move[good]) <= AT_REST * (np.abs(trial[good][:, moving]) + rates.scale[moving])
        rested[taken] = small.all(axis=1) & (step[taken] >= LAST_STEP)
        gain = 2 * np.clip((force[taken] + 1e-300) / (pull[good] + 1e-300), 0.1, 10.0)
        step[taken] *= np.where(faithful[taken], np.clip(0.5 / np.maximum(leap[good], 0.05), 0.5, 10.0), gain)
        step[rows[~good]] *= 0.1
        step = np.clip(step, SHORTEST_STEP, LONGEST_STEP)
        state[taken], change[taken], force[taken] = trial[good], after[good], pull[good]
    return state, rested


def _force(change: np.ndarray, state: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """How much a row moves: its fastest relative change a day."""
    with np.errstate(all="ignore"):
        return (np.abs(change) / (np.abs(state) + scale)).max(axis=1)


def _solved(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solutions of small systems; NaN where a matrix is singular."""
    try:
        return np.linalg.solve(matrix, right[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        made = np.full(right.shape, np.nan)
        for row in range(len(right)):
            try:
                made[row] = np.linalg.solve(matrix[row], right[row])
            except np.linalg.LinAlgError:
                continue
        return made


def _distinct(
    rates: Rates, found: np.ndarray, rested: np.ndarray, constants: np.ndarray, moving: np.ndarray,
    ignored: tuple[str, ...],
) -> SteadyStates:  # fmt: skip
    """Each steady state of a patient once, in the order of the starts."""
    patients, tries, size = found.shape
    flat = np.where(rested[:, :, None], found, 0.0).reshape(patients * tries, size)
    jacobian = rates.jacobian(flat, constants, np.repeat(np.arange(patients), tries))[:, moving[:, None], moving]
    rested = rested & np.isfinite(jacobian).all(axis=(1, 2)).reshape(rested.shape)  # a law may be singular there
    values: Any = np.linalg.eigvals(np.where(np.isfinite(jacobian), jacobian, 0.0)).astype(complex)
    values = np.take_along_axis(values, np.argsort(-values.real, axis=1, kind="stable"), axis=1)
    values = values.reshape(patients, tries, len(moving))
    kept: list[list[int]] = []
    for patient in range(patients):
        mine: list[int] = []
        for start in np.flatnonzero(rested[patient]):
            here = found[patient, start, moving]
            others = found[patient, mine][:, moving]
            near = np.abs(others - here) <= SAME * (np.abs(others) + np.abs(here) + rates.scale[moving])
            if not near.all(axis=1).any():
                mine.append(int(start))
        conserved = len(mine) > 1 and (np.abs(values[patient, mine[0]]) < NEUTRAL).any()
        kept.append(mine[:1] if conserved else mine)
    most = max(map(len, kept), default=0)
    states = np.full((patients, most, size), np.nan)
    stable = np.zeros((patients, most), dtype=bool)
    eigenvalues = np.full((patients, most, len(moving)), np.nan + 0j)
    for patient, mine in enumerate(kept):
        states[patient, : len(mine)] = found[patient, mine]
        eigenvalues[patient, : len(mine)] = values[patient, mine]
        stable[patient, : len(mine)] = (values[patient, mine].real < NEUTRAL).all(axis=1)
    count = np.array([len(mine) for mine in kept], dtype=np.int64)
    return SteadyStates(tuple(rates.symbolic.states), states, count, stable, eigenvalues, ignored)


def _refuse(model: Any, rates: Rates, constants: np.ndarray, without: np.ndarray, moving: np.ndarray) -> None:
    """Raises: SimulationError for the first patient without a steady state, with what their states do instead."""
    patient = int(without[0])
    others = f" (and in {len(without) - 1} others)" if len(without) > 1 else ""
    begin = f"no steady state was found in patient row {patient}{others}: "
    days, early, late = _followed(model, rates, constants[patient], patient, begin)
    early, late = early[moving], late[moving]
    scale = rates.scale[moving]
    growing = np.flatnonzero(np.abs(late) > 1.5 * np.abs(early) + 1e-6 * scale)
    names, units = rates.symbolic.species, rates.symbolic.species_units
    if not len(growing):
        raise SimulationError(
            f"{begin}its states stay bounded but do not come to rest, as in an oscillation; look at their course with "
            "simulate(…), or give more starts."
        )
    told = [
        f"{names[i]} from {early[n]:.3g} {units[i]} at day {days[0]:,.0f} to {late[n]:.3g} at day {days[1]:,.0f}"
        for n, i in zip(growing, moving[growing], strict=True)
    ]
    read = {j for i, j in rates.symbolic.jacobian if i in set(moving.tolist())}
    counters = [names[i] for i in moving[growing] if i not in read]
    advice = (
        f"nothing depends on {', '.join(counters)}: if that only adds up, ignore={counters!r} leaves it out."
        if counters
        else "their production has to be balanced by a loss that grows with them."
    )
    raise SimulationError(f"{begin}states grow for ever, {'; '.join(told)}; {advice}")


def _followed(
    model: Any, rates: Rates, constants: np.ndarray, patient: int, begin: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A patient's states on two days, the second ten times as late: as late as they can be followed.

    Raises: SimulationError where they cannot be followed at all.
    """
    problem: ModelError | None = None
    for last in (10.0 * LOOKED_AT, LOOKED_AT, 0.1 * LOOKED_AT, 1.0):
        doses = [(0.0, int(i), float(rates.inflow[patient, i] * last), last)
                 for i in np.flatnonzero(rates.inflow[patient])]  # fmt: skip
        days = np.array([0.1 * last, last])
        try:
            early, late = model.reference(constants, doses, days, start=0.0)
        except ModelError as met:
            problem = problem or met
            continue
        return days, early, late
    raise SimulationError(f"{begin}followed from its initial state, {problem}") from problem
