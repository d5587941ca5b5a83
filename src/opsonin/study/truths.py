"""Truths to judge a study's designs under: its virtual patients, standard scenarios, rates, or a file of scenarios."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from opsonin.errors import DesignError
from opsonin.study.levels import grid_columns, level_count

if TYPE_CHECKING:
    from opsonin.designs import Truth
    from opsonin.study.study import Study
    from opsonin.trial.potential_doses import DosesOfPool

EFFICACY_DAYS = 56.0  # until when responses count, where the study does not say
POOL, STANDARD = "pool", "standard"
FORM = (
    f"write {POOL} (the study's virtual patients), {STANDARD} (scenarios around the target), rates such as "
    '"0.05,0.1,0.3,0.5" (with responses "0.05,0.1,0.3 response 0.1,0.3,0.5"; rows of two agents with / between), or a '
    "file: .toml with a [[scenario]] each, or .csv of dose–toxicity series"
)
_KEYS = {
    "name": "name", "dlt": "dlt", "response": "efficacy", "correlation": "correlation", "grades": "grades",
    "immune": "immune", "immune_sd": "immune_sd", "late": "late", "falling": "falling",
}  # fmt: skip
STANDARD_NOTE = "The scenarios are assumed: DLT rates rise by the same step on the logit scale from level to level."
RESPONSE_NOTE = (
    "Response rates in them are 50 % at the best level and above, and 15 points lower with each level below; the DLT "
    "rate sought is that one level above the best. An immune effect rises with the response rate."
)
GRADES_NOTE = (
    "Grades in them: of the patients without a DLT 40 % have no toxicity, 35 % grade 1 and 25 % grade 2; of those with "
    "one three in four have grade 3."
)
GRID_NOTE = (
    "The scenarios are assumed: on the logit scale DLT rates rise by the same step with each level of either agent, or "
    "by more with one of them than with the other."
)


def study_truths(
    study: Study,
    given: Sequence[str],
    target: float,
    seed: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
    needs: Set[str] = frozenset(),
) -> tuple[dict[str, Truth], list[str]]:
    """Truths by name, in the order asked for, and sentences on where they come from.

    target: of the standard scenarios.   seed: of the pool of virtual patients.   needs: what the designs look at, which
    the standard scenarios then have.
    Raises: DesignError for what cannot be read or does not have the study's levels; StudyError and what building the
    study's model may raise.
    """
    window = study.file.escalation.dlt_window.days
    found: dict[str, Truth] = {}
    notes: list[str] = []
    for text in given:
        if text.strip() == POOL:
            from opsonin.study.dose_finding import study_doses

            pool = study_doses(study, seed, progress=progress)
            more: Mapping[str, Truth] = {"virtual patients": pool.truth}
            notes.append(pool_words(pool, target, grid_columns(study.file)))
        elif text.strip() == STANDARD:
            more, told = _standard(study, target, window, needs)
            notes += told
        else:
            more = _scenarios(study, text.strip(), window)
            notes.append(f"Given: {text.strip()}.")
        twice = next((name for name in more if name in found), None)
        if twice is not None:
            raise DesignError(f"the truth {twice!r} is asked for twice; give each a name of its own.")
        found |= more
    if not found:
        raise DesignError(f"name at least one truth: {FORM}.")
    return found, notes


def _standard(study: Study, target: float, window: float, needs: Set[str]) -> tuple[Mapping[str, Truth], list[str]]:
    """The standard scenarios, and what is assumed in them."""
    from opsonin.designs.evidence import EFFICACY, GRADES, IMMUNE
    from opsonin.designs.standard_truths import grid_scenarios, response_scenarios, standard_scenarios

    columns, levels = grid_columns(study.file), level_count(study.file)
    if columns is not None:
        return grid_scenarios(levels // columns, columns, target, window), [GRID_NOTE]
    graded = GRADES in needs
    notes = [STANDARD_NOTE, *([GRADES_NOTE] if graded else [])]
    if not needs & {EFFICACY, IMMUNE}:
        return standard_scenarios(levels, target, window, graded=graded), notes
    asked = study.file.escalation.response
    until = EFFICACY_DAYS if asked is None else asked.days
    return response_scenarios(levels, target, window, until, graded=graded), [*notes, RESPONSE_NOTE]


def _scenarios(study: Study, text: str, window: float) -> Mapping[str, Truth]:
    from opsonin.designs.scenario_library import scenario_library

    if text.endswith(".toml"):
        return _from_toml(study, Path(text), window)
    if text.endswith(".csv"):
        return {one.name: one for one in scenario_library(text, levels=level_count(study.file))}
    rates, _, good = text.partition("response")
    options: dict[str, Any] = {"dlt": _rates(rates, text)}
    if good:
        options["response"] = _rates(good, text)
    return {text: _scenario(study, options, window, f"the truth {text!r}")}


def _rates(text: str, whole: str) -> list[float]:
    try:
        return [float(part) for part in text.replace("/", ",").split(",") if part.strip()]
    except ValueError:
        raise DesignError(f"the truth {whole!r} cannot be read; {FORM}.") from None


def _from_toml(study: Study, path: Path, window: float) -> Mapping[str, Truth]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise DesignError(f"the scenarios in {path} cannot be read: {problem.strerror}.") from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise DesignError(f"{path} is no TOML: {problem}.") from problem
    tables = data.get("scenario")
    if not isinstance(tables, list) or not tables or set(data) != {"scenario"}:
        raise DesignError(f'{path} holds tables [[scenario]], each with name = "…" and dlt = [0.05, 0.1, …].')
    made: dict[str, Truth] = {}
    for number, table in enumerate(tables, start=1):
        where = f"{path}, scenario {number}"
        unknown = [key for key in table if key not in _KEYS]
        if unknown or "dlt" not in table:
            what = f"has no key {unknown[0]!r}" if unknown else "needs dlt, a rate for each level"
            raise DesignError(f"{where}: a scenario {what}; its keys are {', '.join(_KEYS)}.")
        name = str(table.get("name", f"scenario {number}"))
        if name in made:
            raise DesignError(f"{where}: the name {name!r} is given twice.")
        made[name] = _scenario(study, table, window, where)
    return made


def _scenario(study: Study, table: Mapping[str, Any], window: float, where: str) -> Truth:
    from opsonin.designs import Scenario

    columns, levels = grid_columns(study.file), level_count(study.file)
    try:
        options = {_KEYS[key]: _flat(value, key) for key, value in table.items()}
        made = Scenario(**options, window_days=window, columns=columns)
    except (DesignError, TypeError, ValueError) as problem:
        raise DesignError(f"{where}: {problem}") from problem
    if made.doses != levels:
        raise DesignError(f"{where}: {made.doses} DLT rates were given, but the study has {levels} dose levels.")
    return made


def _flat(value: Any, key: str) -> Any:
    """Lists as arrays; rows of a grid one after the other."""
    return np.asarray(value, dtype=float).reshape(-1, 6) if key == "grades" else value


def pool_words(pool: DosesOfPool, target: float, columns: int | None = None) -> str:
    """How far the pool of virtual patients can be trusted, in a few sentences.   columns: of the grid of two agents."""
    from opsonin.designs.grid import cell_name

    count = len(pool.dlt)
    names = [str(k) if columns is None else cell_name(k, columns) for k in range(1, count + 1)]
    labels = [""] * count if columns is None else [f"{name} " for name in names]

    def told(rates: np.ndarray, errors: np.ndarray | None) -> str:
        spread = np.zeros(count) if errors is None else errors
        return ", ".join(f"{n}{p:.1%} ± {100 * e:.1f}" for n, p, e in zip(labels, rates, spread, strict=True))

    nearest = names[int(np.abs(pool.dlt - target).argmin())]
    responses = "" if pool.response is None else f", their response rates {told(pool.response, pool.response_se)}"
    level = f"level {nearest}" if columns is None else nearest
    return (
        f"Virtual patients: {len(pool.rows):,} of the study's pool, what each would show at every level having been "
        f"simulated; their DLT rates are {told(pool.dlt, pool.dlt_se)}{responses} (± the Monte Carlo standard error of "
        f"a pool of this size, which more trials do not make smaller), so that {level} is nearest to the target. "
        f"{pool.left_out:.1%} of the pool were left out, as they cannot be judged at every level; in a trial others "
        "take their place."
    )
