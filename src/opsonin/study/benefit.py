"""Through which pathways a study's treatment does its good: every combination of them at work, in the same patients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from opsonin.errors import StudyError
from opsonin.study.again import Again
from opsonin.study.changes import Change, check_changes

if TYPE_CHECKING:
    from opsonin.analysis import Pathways
    from opsonin.study.study import Progress, Study
    from opsonin.trial import PotentialOutcomes

MOST = 5  # pathways: 32 simulations of the pool
SMALLER = "smaller tumour"
LOWER = re.compile(r"lower (.+) on day (-?\d+)")


def explain_benefit(
    study: Study,
    pathways: Mapping[str, Mapping[str, Change]],
    *,
    outcome: str = "response",
    level: int = 1,
    patients: int | None = None,
    seed: int = 1,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Pathways:
    """The benefit of a treatment shared out between its pathways.

    pathways: name → what switches it off, parameter → factor, 0 as a rule. Every combination is simulated, so that four
    pathways take sixteen times as long as none.   outcome: as for `explain_response`, or "smaller tumour": by how much
    the logarithm of the tumour's best size falls, beside what it is with no pathway; or "lower … on day 22", a marker
    of the panel: by how much its logarithm falls, in who is alive then under every combination.
    patients: so many of the pool.
    Raises: StudyError for parameters the model does not have, more than five pathways, or a study that cannot be asked;
    AnalysisError where a combination leaves patients who cannot be judged in every other.
    """
    from opsonin.analysis import pathways as shared
    from opsonin.study.judging import benefit

    if not 1 <= len(pathways) <= MOST:
        raise StudyError(f"a benefit is shared out between one to {MOST} pathways; {len(pathways)} were named.")
    off = {name: dict(parts) for name, parts in pathways.items()}
    check_changes(off, study.built.model.symbolic)
    lower = LOWER.fullmatch(outcome)
    judged_by = "response" if outcome == SMALLER else "alive at 1 day" if lower else outcome
    again = Again(study, judged_by, level, seed, patients, threads, progress)
    sets = [some for size in range(len(off) + 1) for some in combinations(off, size)]
    shown, judged = {}, again.known
    for at_work in sets:
        switched = [parts for name, parts in off.items() if name not in at_work]
        made, good, known = again.changed(*switched) if switched else (again.base, again.good, again.known)
        if lower:
            shown[at_work] = -_logarithm(again, made, lower[1], int(lower[2]))
            known = known & np.isfinite(shown[at_work])
        else:
            shown[at_work] = good.astype(float) if outcome != SMALLER else benefit(again.base, made)
        judged = judged & known
    if not judged.any():
        raise StudyError("no patient can be judged under every combination of pathways.")
    kept = np.flatnonzero(judged)
    return shared({key: x[kept] for key, x in shown.items()}, weights=again.patients.weights[kept], seed=seed)


def _logarithm(again: Again, made: PotentialOutcomes, marker: str, day: int) -> np.ndarray:
    """The logarithm of a marker's true value on a protocol day, NaN in who is gone by then.

    Raises: StudyError for a marker or a day that the panel does not have.
    """
    from opsonin.trial import elapsed, protocol_day

    names, times = [one.name for one in again.plan.markers], again.plan.immune_times
    if marker not in names:
        raise StudyError(f"the panel has no marker {marker!r}; it has {', '.join(names) or 'none'}.")
    at = np.flatnonzero(np.abs(times - elapsed(day)) < 1e-9)
    if not len(at):
        days = ", ".join(str(protocol_day(float(time))) for time in times)
        raise StudyError(f"there is no panel on day {day}; panels are on days {days}.")
    value = made.measurements[:, names.index(marker), int(at[0])]
    return np.log(np.maximum(value, 1e-9))  # a thousandth of a cell, in millions, stands for none
