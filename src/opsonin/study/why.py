"""Who of a study's virtual patients responds, and why: the pool, the pool with one mechanism changed, the analysis.

The same patients are simulated again with the same random numbers, so that a change in a patient's outcome is the
mechanism's doing. What the arrays are asked is `opsonin.analysis`' matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from opsonin.errors import StudyError
from opsonin.study.texts import Duration

if TYPE_CHECKING:
    import pandas as pd

    from opsonin.analysis import Findings
    from opsonin.patients import VirtualPatients
    from opsonin.study.study import Progress, Study
    from opsonin.trial import Plan, PotentialOutcomes

RESPONDERS = "responders"
Change = float | int | str
HIDDEN = "model parameter"  # of quantities that no clinic measures
FEWEST = 40  # patients, below which nothing of this is worth asking


@dataclass(frozen=True)
class Explained:
    """findings: `why.…`, which the report draws.   patients: one row a patient of the pool who could be judged: pool
    (the row), group, response, the response with each mechanism changed, and what was looked at.
    left_out: patients who could not be judged.
    """

    findings: Findings
    patients: pd.DataFrame = field(repr=False)
    left_out: int


def explain_response(
    study: Study,
    changes: Mapping[str, Mapping[str, Change]] | None = None,
    *,
    outcome: str = "response",
    level: int = 1,
    barriers: Mapping[str, str] | None = None,
    early: int | None = None,
    seed: int = 1,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Explained:
    """What separates responders in a study's pool, which parameters count, and what would have turned the others.

    changes: mechanism → parameter → a factor (0.5 halves it in every patient), or "responders": at least as good as in
    the median responder, the good side being that on which responders lie.
    outcome: "response" (best response CR or PR) or "progression-free at 6 months" (any duration).   level: the dose
    level, or the arm, by number.   barriers: what to call what a mechanism's change removes.   early: the protocol day
    of the panel whose change from the first panel is looked at beside baseline; None for the first one after every
    agent was begun.
    Raises: StudyError for parameters the model does not have, outcomes that are none, a protocol without scans, or
    fewer than 40 patients who can be judged; AnalysisError where all or none respond.
    """
    from opsonin.analysis import explained_response
    from opsonin.study.run import _patients
    from opsonin.trial import Pool

    built = study.built
    judge = _judge(outcome, built.protocol.observe_days)
    if built.protocol.tumour is None:
        raise StudyError("response needs scans; give `tumour` under [assessments].")
    wanted = {name: dict(parts) for name, parts in (changes or {}).items()}
    _check_changes(wanted, built.model.symbolic.constants)
    patients = _patients(study, seed)

    def outcomes(some: VirtualPatients) -> tuple[Any, PotentialOutcomes]:
        pool = Pool(built.model, some, built.protocol, seed, threads=threads, progress=progress)
        return pool.plan, pool.outcomes(level)

    plan, base = outcomes(patients)
    good, known = judge(plan, base)
    if known.sum() < FEWEST:
        raise StudyError(f"{int(known.sum())} patients of the pool can be judged; enlarge `pool` under [population].")
    rows = np.flatnonzero(known)
    names, differing = _differing(built.model, patients.constants)
    looked_at, kinds = _looked_at(plan, base, early)
    kinds |= dict.fromkeys(_sources(built.model, names), HIDDEN)
    quantities = {n: patients.constants[:, k] for n, k in zip(names, differing, strict=True)} | looked_at
    changed, benefit = {}, {}
    for name, parts in wanted.items():
        _, now = outcomes(_changed(patients, parts, built.model.symbolic.constants, good, known))
        changed[name] = judge(plan, now)[0][rows]
        benefit[name] = _benefit(base, now)[rows]
    groups = _groups(study)
    findings = explained_response(
        good[rows],
        quantities={n: x[rows] for n, x in quantities.items()},
        kinds=kinds,
        parameters={n: patients.constants[rows, k] for n, k in zip(names, differing, strict=True)},
        sources=_sources(built.model, names),
        changed=changed or None,
        benefit=benefit or None,
        barriers=barriers,
        groups=groups[rows],
        weights=patients.weights[rows],
        seed=seed,
        outcome=outcome,
    )
    return Explained(findings, _table(rows, groups, good, changed, quantities), int((~known).sum()))


Judge = Callable[["Plan", "PotentialOutcomes"], tuple[Bool[np.ndarray, " patient"], Bool[np.ndarray, " patient"]]]


def _judge(outcome: str, observed: float) -> Judge:
    """Who has the outcome, and of whom it is known.   observed: days that patients are followed.

    Raises: StudyError for another outcome, or one beyond the follow-up.
    """
    if outcome == "response":
        return _response
    words, _, duration = outcome.partition(" at ")
    if words != "progression-free" or not duration:
        raise StudyError(f'the outcome {outcome!r} is unknown; use "response" or "progression-free at 6 months".')
    try:
        days = Duration.read(duration).days
    except ValueError as problem:
        raise StudyError(f"the outcome {outcome!r} cannot be read: {problem}.") from None
    if days >= observed:
        raise StudyError(f"the outcome {outcome!r} lies beyond the {observed:g} days that patients are followed.")

    def free(plan: Plan, seen: PotentialOutcomes) -> tuple[np.ndarray, np.ndarray]:
        event = np.minimum(seen.progression, seen.death)
        return event > days, (event <= days) | (seen.drop_out > days)

    return free


def _response(plan: Plan, seen: PotentialOutcomes) -> tuple[np.ndarray, np.ndarray]:
    """CR or PR as the best response; who was never scanned again is no responder, unless the simulation stopped."""
    from opsonin.trial.responding import responded

    return responded(plan, seen, plan.end).responder, ~seen.failed


def _check_changes(changes: Mapping[str, Mapping[str, Change]], constants: Sequence[str]) -> None:
    """Raises: StudyError naming the mechanism and the parameter that cannot be changed."""
    from opsonin.model.trace import unknown

    for name, parts in changes.items():
        if not parts:
            raise StudyError(f"the mechanism {name!r} changes no parameter.")
        for parameter, how in parts.items():
            if parameter not in constants:
                raise StudyError(f"{name!r} changes {parameter!r}, {unknown(parameter, dict.fromkeys(constants))}")
            number = isinstance(how, int | float) and not isinstance(how, bool)
            if how != RESPONDERS and not (number and np.isfinite(float(how)) and float(how) >= 0):
                raise StudyError(
                    f'{name!r} changes {parameter!r} by {how!r}; give a factor of 0 or more, or "{RESPONDERS}".'
                )


def _changed(
    patients: VirtualPatients,
    parts: Mapping[str, Change],
    constants: Sequence[str],
    good: Bool[np.ndarray, " patient"],
    known: Bool[np.ndarray, " patient"],
) -> VirtualPatients:
    """The same patients with some parameters changed.

    Raises: StudyError where the median responder is asked for and nobody responds.
    """
    made = np.array(patients.constants)
    for parameter, how in parts.items():
        column = made[:, list(constants).index(parameter)]
        if not isinstance(how, str):
            column *= float(how)
            continue
        yes, no = column[known & good], column[known & ~good]
        if not len(yes) or not len(no):
            raise StudyError("nobody, or everybody, responds; the median responder cannot be taken as an example.")
        middle = float(np.median(yes))
        column[:] = np.maximum(column, middle) if _higher(yes, no) else np.minimum(column, middle)
    return replace(patients, constants=made)


def _higher(yes: np.ndarray, no: np.ndarray) -> bool:
    """Whether responders have the higher values more often than not."""
    ordered = np.sort(no)
    below = np.searchsorted(ordered, yes, "left") + np.searchsorted(ordered, yes, "right")
    return float(below.mean()) >= len(no)


def _benefit(base: PotentialOutcomes, now: PotentialOutcomes) -> Float[np.ndarray, " patient"]:
    """How much smaller the tumour came to be with the change: the difference of the logarithms of its best size.

    True sizes, not read ones. 0 where there was no scan to tell.
    """

    def best(made: PotentialOutcomes) -> np.ndarray:
        size = np.where(np.isnan(made.true_mm), 0.0, made.true_mm).sum(axis=1)
        seen = ~np.isnan(made.true_mm).all(axis=1)
        # a tenth of a millimetre stands for none, so that a logarithm can be had
        return np.log(np.where(seen, np.maximum(size, 0.1), np.inf).min(axis=1))

    gap = best(base) - best(now)
    return np.where(np.isfinite(gap), gap, 0.0)


def _differing(model: Any, constants: np.ndarray) -> tuple[list[str], list[int]]:
    """The constants that differ between patients."""
    columns = [k for k in range(constants.shape[1]) if np.ptp(constants[:, k]) > 0]
    return [model.symbolic.constants[k] for k in columns], columns


def _looked_at(plan: Plan, base: PotentialOutcomes, early: int | None) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Markers at the first panel, and their change (a ratio) to an early one, with when each was seen.

    Raises: StudyError for a day without a panel.
    """
    from opsonin.trial import elapsed, protocol_day

    times, found, kinds = plan.immune_times, {}, {}
    if not len(times):
        if early is not None:
            raise StudyError(f"there is no panel on day {early}; the protocol measures no markers.")
        return found, kinds
    begun = max((elapsed(t.blocks[0][0]) for t in plan.protocol.treatments), default=0.0)
    after = np.flatnonzero(times > max(begun, float(times[0])))
    if early is not None:
        after = np.flatnonzero(np.abs(times - elapsed(early)) < 1e-9)
        if not len(after):
            days = ", ".join(str(protocol_day(t)) for t in times)
            raise StudyError(f"there is no panel on day {early}; panels are on days {days}.")
    for k, marker in enumerate(plan.markers):
        first = base.measurements[:, k, 0]
        found[marker.name] = first
        if len(after):
            later = base.measurements[:, k, int(after[0])]
            name = f"change of {marker.name}"
            found[name] = np.divide(later, first, out=np.full(first.shape, np.nan), where=first > 0)
            kinds[name] = f"day {protocol_day(float(times[int(after[0])]))}"
    found = {name: x for name, x in found.items() if _differs(x)}
    return found, {name: kind for name, kind in kinds.items() if name in found}


def _differs(x: np.ndarray) -> bool:
    """Whether values differ by more than a solver's error."""
    seen = x[np.isfinite(x)]
    return bool(len(seen)) and float(np.ptp(seen)) > 1e-6 * float(np.abs(seen).max())


def _sources(model: Any, names: Sequence[str]) -> dict[str, str]:
    from opsonin.model import Parameter

    return {part.name: part.source for part, _ in model.parts(Parameter) if part.name in names}


def _groups(study: Study) -> np.ndarray:
    """The indication of each patient of the pool, "all" where there is one."""
    indications, count = study.built.indications, study.file.population.pool
    if len(indications) == 1:
        return np.full(count, "all", dtype=object)
    return np.repeat(np.array([one.name for one in indications], dtype=object), count)


def _table(
    rows: np.ndarray,
    groups: np.ndarray,
    good: np.ndarray,
    changed: Mapping[str, np.ndarray],
    quantities: Mapping[str, np.ndarray],
) -> pd.DataFrame:
    import pandas as pd

    columns = {"pool": rows, "group": groups[rows], "response": good[rows]}
    columns |= {f"response with {name}": now for name, now in changed.items()}
    return pd.DataFrame(columns | {name: x[rows] for name, x in quantities.items()})
