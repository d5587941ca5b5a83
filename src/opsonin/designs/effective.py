"""What patients still in their windows count for: the part of the window that has been followed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int

from opsonin.designs.base import WAIT, Decisions
from opsonin.designs.evidence import Evidence, Patients
from opsonin.errors import DesignError


def toxicity_sizes(seen: Evidence) -> Float[np.ndarray, "trial dose"]:
    """The effective number of patients DLTs are counted of: judged ones, and of the others the part followed.

    Source: Lin & Yuan (2020), Biostatistics 21:807, doi:10.1093/biostatistics/kxz007.
    """
    if seen.pending is None or seen.followed is None:
        return seen.patients.astype(float)
    return seen.patients - seen.pending + seen.followed


def efficacy_sizes(seen: Evidence) -> Float[np.ndarray, "trial dose"]:
    """The effective number of patients responses are counted of."""
    if seen.efficacy_pending is None or seen.efficacy_followed is None:
        return seen.patients.astype(float)
    return seen.patients - seen.efficacy_pending + seen.efficacy_followed


def awaited(people: Patients) -> tuple[Bool[np.ndarray, "trial patient"], Bool[np.ndarray, "trial patient"]]:
    """Who may still have a DLT, and who a response, that has not been seen."""
    there = people.dose > 0
    toxic = there & (people.weight < 1.0)
    if people.efficacy_weight is None:
        return toxic, np.zeros_like(toxic)
    return toxic, there & (people.efficacy_weight < 1.0)


def nothing_known(seen: Evidence) -> Bool[np.ndarray, " trial"]:
    """Whether of the patients at the current dose nobody has been followed at all, for DLTs or for responses."""
    at = (seen.trials, np.maximum(seen.current, 1) - 1)
    unknown = (toxicity_sizes(seen)[at] <= 0) | (efficacy_sizes(seen)[at] <= 0)
    return unknown & (seen.current > 0) & (seen.patients[at] > 0)


def anybody_awaited(seen: Evidence) -> Bool[np.ndarray, " trial"]:
    """Whether somebody's DLT or response may still come."""
    found = np.zeros(len(seen), dtype=bool)
    for pending in (seen.pending, seen.efficacy_pending):
        if pending is not None:
            found |= pending.sum(axis=1) > 0
    return found


def still_followed(seen: Evidence, here: int) -> str:
    """How many at a level are in their windows still, in words; nothing where nobody is."""
    if not anybody_awaited(seen)[0] or seen.pending is None or seen.efficacy_pending is None:
        return ""
    toxic, good = int(seen.pending[0, here - 1]), int(seen.efficacy_pending[0, here - 1])
    return f" ({toxic} may have a DLT yet, {good} a response)"


def chances(
    events: Int[np.ndarray, "trial dose"],
    sizes: Float[np.ndarray, "trial dose"],
    people: Patients,
    shown: Bool[np.ndarray, "trial patient"],
    weight: Float[np.ndarray, "trial patient"] | None,
) -> Float[np.ndarray, "trial patient"]:
    """The probability that each patient has, or will have, an event; 1 for whom it is seen, 0 for who had none.

    An event comes at any time of the window alike, with the rate seen so far: p (1 - w) / (1 - p w) after part w of it.
    Source: Zhou et al. (2022), Stat Med 41:1918, section 2.2.2.
    """
    rate = np.divide(events, sizes, out=np.zeros(sizes.shape), where=sizes > 0)
    p = np.take_along_axis(rate, np.maximum(people.dose - 1, 0), axis=1)
    if weight is None:
        return shown.astype(float)
    left = p * (1.0 - weight)
    return np.where(shown, 1.0, np.divide(left, 1.0 - p + left, out=np.zeros(p.shape), where=left > 0))


def at_doses(
    values: Float[np.ndarray, "trial patient"], people: Patients, doses: int
) -> Float[np.ndarray, "trial dose"]:
    """The sum of patients' values at each dose."""
    cell = np.arange(len(values))[:, None] * (doses + 1) + people.dose
    summed = np.bincount(cell.ravel(), weights=values.ravel(), minlength=len(values) * (doses + 1))
    return summed.astype(float).reshape(-1, doses + 1)[:, 1:]


def decided_unless(
    waits: Bool[np.ndarray, " trial"], seen: Evidence, decide: Callable[[Evidence], Decisions]
) -> Decisions:
    """What a rule decides, but some trials wait until more is known, and so do those it would end before all is."""
    nothing = np.zeros(len(seen), dtype=np.int64)
    made = Decisions(np.full(len(seen), WAIT), nothing, nothing.copy(), nothing.copy())
    going = np.flatnonzero(~waits)
    if len(going):
        known = seen.take(going)
        decided = decide(known)
        stays = ~(decided.stop & anybody_awaited(known))
        for whole, part in zip(made, decided, strict=True):
            whole[going[stays]] = part[stays]
    return made


def check_windows(most_pending: float, **days: float) -> None:
    """Raises: DesignError for a window without length, or a share of patients that is none."""
    for name, value in days.items():
        if not value > 0:
            raise DesignError(f"{name.replace('_', ' ')} are {value:g}; give a number above 0.")
    if not 0 < most_pending <= 1:
        raise DesignError(f"most_pending is {most_pending:g}; it is a share above 0 and at most 1.")
