"""Who of a study's virtual patients responds, and why: the pool, the pool with one mechanism changed, the analysis.

The same patients are simulated again with the same random numbers, so that a change in a patient's outcome is the
mechanism's doing. What the arrays are asked is `opsonin.analysis`' matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from opsonin.errors import AnalysisError, StudyError
from opsonin.study.again import Again
from opsonin.study.changes import Change, check_changes
from opsonin.study.judging import benefit, judge_of, takes_scans

if TYPE_CHECKING:
    import pandas as pd

    from opsonin.analysis import Finding, Findings
    from opsonin.study.study import Progress, Study
    from opsonin.trial import Plan, PotentialOutcomes

HIDDEN = "model parameter"  # of quantities that no clinic measures
INDICATION = "indication"  # all that an indication fixes, taken as one parameter


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
    patients: int | None = None,
    seed: int = 1,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Explained:
    """What separates responders in a study's pool, which parameters count, and what would have turned the others.

    changes: mechanism → parameter → a factor (0.5 halves it in every patient), or "responders": at least as good as in
    the median responder, the good side being that on which responders lie.
    outcome: "response" (best response CR or PR), "progression-free at 6 months" or "alive at 6 months" (any duration).
    level: the dose level, or the arm, by number.   barriers: what to call what a mechanism's change removes.
    early: the protocol day of the panel whose change from the first panel is looked at beside baseline; None for the
    first one after every agent was begun.   patients: so many of each indication of the pool, all where None.
    A changed patient has always been so: where the tumour and its immune cells stand before treatment follows anew.
    Raises: StudyError for parameters the model does not have, outcomes that are none, a protocol without the
    scans that the outcome takes, or fewer than 40 patients who can be judged; AnalysisError where all or none respond.
    """
    from opsonin.analysis import explained_response

    wanted = {name: dict(parts) for name, parts in (changes or {}).items()}
    check_changes(wanted, study.built.model.symbolic)
    strange = sorted(set(barriers or {}) - set(wanted))
    if strange:
        raise StudyError(f"a barrier is named for {strange[0]!r}, which is not among the changes.")
    again = Again(study, outcome, level, seed, patients, threads, progress)
    rows, parameters = np.flatnonzero(again.known), again.differing
    looked_at, kinds = _looked_at(again.plan, again.base, early)
    sources = _sources(again.model, list(parameters))
    every = parameters | looked_at
    fixed = _of_the_indication(parameters, again.groups)
    parameters = {name: x for name, x in parameters.items() if name not in fixed}
    quantities = parameters | looked_at
    kinds |= {name: HIDDEN for name in sources if name in parameters}
    if fixed:  # all of them cut the patients alike: each would be given what the cancer as a whole accounts for
        parameters |= {INDICATION: _by_rate(again.groups, again.good, again.known)}
        sources = {INDICATION: _source_of(fixed, sources)} | sources
    changed, gained = {}, {}
    for name, parts in wanted.items():
        made, good, _ = again.changed(parts)
        changed[name], gained[name] = good[rows], benefit(again.base, made)[rows]
    findings = explained_response(
        again.good[rows],
        quantities={n: x[rows] for n, x in quantities.items()},
        kinds=kinds,
        parameters={n: x[rows] for n, x in parameters.items()},
        sources=sources,
        changed=changed or None,
        benefit=gained or None,
        barriers=barriers,
        groups=again.groups[rows],
        weights=again.patients.weights[rows],
        seed=seed,
        outcome=outcome,
    )
    return Explained(findings, _table(again, rows, changed, every), int((~again.known).sum()))


def asked_why(
    study: Study, seed: int = 1, threads: int | None = None, progress: Progress | None = None
) -> list[Finding]:
    """The findings of what the study file asks under [questions.why]; none where it asks nothing.

    What cannot be answered, as where nobody responds, is a note among the findings.
    """
    from opsonin.analysis.findings import note
    from opsonin.study.benefit import explain_benefit

    asked = study.file.questions.why
    if asked is None:
        return []
    common: dict[str, Any] = {"outcome": asked.outcome, "level": asked.level, "patients": asked.patients}
    common |= {"seed": seed, "threads": threads, "progress": progress}
    try:
        explained = explain_response(study, asked.change, barriers=asked.barrier, early=asked.early, **common)
        found = list(explained.findings)
        if asked.pathways:
            found += explain_benefit(study, asked.pathways, **common).findings()
    except (AnalysisError, StudyError) as problem:  # the file was checked; these are about what the patients show
        return [note("why", f"Why patients respond: {problem}")]
    return found


def check_why(study: Study, symbolic: Any, levels: int) -> None:
    """What [questions.why] asks, against the model and the protocol.

    Raises: StudyError, with file and field, for parameters, levels, outcomes and barriers that there are not.
    """
    from opsonin.study.names import refuse, require

    asked = study.file.questions.why
    if asked is None:
        return
    where = ("questions", "why")
    if asked.level > levels:
        refuse(study, (*where, "level"), f"there is no level or arm {asked.level}; there are {levels}")
    try:
        judge_of(asked.outcome, study.file.follow_up.observe.days)
        check_changes(asked.change, symbolic)
        check_changes(asked.pathways, symbolic)
    except StudyError as problem:
        refuse(study, where, str(problem).rstrip("."))
    if study.file.assessments.tumour is None and takes_scans(asked.outcome):
        refuse(study, where, "response needs scans; give `tumour` under [assessments]")
    for name in asked.barrier:
        require(study, (*where, "barrier", name), name, asked.change, "change")


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


def _of_the_indication(parameters: Mapping[str, np.ndarray], groups: np.ndarray) -> list[str]:
    """Parameters that every patient of an indication has alike: nothing tells one of them from another, or from it."""
    if len(set(groups)) < 2:
        return []
    each = [groups == group for group in dict.fromkeys(groups)]
    return [name for name, x in parameters.items() if not any(_differs(x[mine]) for mine in each)]


def _by_rate(groups: np.ndarray, good: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Indications as numbers, in the order of how many have the outcome, so that bins join those that are alike."""
    rates = {group: float(good[known & (groups == group)].mean()) for group in dict.fromkeys(groups[known])}
    place = {group: float(k) for k, group in enumerate(sorted(rates, key=lambda group: rates[group]))}
    return np.array([place.get(group, np.nan) for group in groups])


def _source_of(names: Sequence[str], sources: Mapping[str, str]) -> str:
    """What the indication as a whole rests on: the parameters that it fixes."""
    assumed = any(sources.get(name, "").lower().startswith("assumed") for name in names)
    shown = ", ".join(name.replace("_", " ") for name in names)
    return f"{'in part assumed' if assumed else 'by its sources'}: what each indication fixes ({shown})"


def _differs(x: np.ndarray) -> bool:
    """Whether values differ by more than a solver's error."""
    seen = x[np.isfinite(x)]
    return bool(len(seen)) and float(np.ptp(seen)) > 1e-6 * float(np.abs(seen).max())


def _sources(model: Any, names: Sequence[str]) -> dict[str, str]:
    from opsonin.model import Parameter

    return {part.name: part.source for part, _ in model.parts(Parameter) if part.name in names}


def _table(
    again: Again, rows: np.ndarray, changed: Mapping[str, np.ndarray], quantities: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    import pandas as pd

    columns = {"pool": again.rows[rows], "group": again.groups[rows], "response": again.good[rows]}
    columns |= {f"response with {name}": now for name, now in changed.items()}
    return pd.DataFrame(columns | {name: x[rows] for name, x in quantities.items()})
