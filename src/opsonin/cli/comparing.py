"""`opsonin design compare`: the document a protocol needs on its design."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from opsonin.cli.given import listed
from opsonin.cli.screen import Phases, console, table
from opsonin.errors import DesignError

if TYPE_CHECKING:
    from opsonin.designs import Design, Truth
    from opsonin.designs.comparison import Comparison
    from opsonin.study import Study

TARGET = 0.30  # where the study's design has none


def compare_study_designs(
    study: str,
    designs: str,
    out: Path,
    *,
    target: float | None,
    patients: int | None,
    cohort: int,
    cohorts: int,
    trials: int,
    accrual: float,
    virtual: bool,
    word: bool | None,
    seed: int,
) -> None:
    """Compare designs on standard scenarios and, where `virtual`, on the study's virtual patients; write the document.

    Raises: StudyError, DesignError for what cannot be built; ReportError where it cannot be written.
    """
    from opsonin.designs import Accrual
    from opsonin.designs.comparison import compare_designs, standard_scenarios
    from opsonin.report.dose_finding import About, write_comparison
    from opsonin.study import Study
    from opsonin.study.dose_finding import level_names

    read = Study.load(study)
    levels, window = level_names(read), read.file.escalation.dlt_window.days
    sought = _target(read) if target is None else target
    common = {"target": sought, "cohort": cohort} | ({} if patients is None else {"patients": patients})
    made = {name: built(read, name, common) for name in _names(designs)}
    scenarios: dict[str, Truth] = {}
    notes = ["The scenarios are assumed: DLT rates rise by the same step on the logit scale from level to level."]
    with Phases() as progress:
        if virtual:
            from opsonin.study.dose_finding import study_doses

            pool = study_doses(read, seed, progress=progress)
            scenarios["virtual patients"] = pool.truth
            notes.append(pool_words(pool, sought))
        scenarios |= standard_scenarios(len(levels), sought, window)
        progress("simulating trials")
        found = compare_designs(made, scenarios, sought, trials, seed, Accrual(accrual), cohorts)
        progress("writing the document")
        written = write_comparison(found, About(read.file.title, levels, read.file.source, notes), out, word)
    _say(found)
    for path in written[: 2 if written[1].suffix == ".docx" else 1]:
        console().print(f"document  {escape(str(path))}", soft_wrap=True)


def built(study: Study, name: str, common: Mapping[str, Any]) -> Design:
    """A design for the study's levels, with what all designs share where it has such an option."""
    from opsonin.designs.registry import ENDS, REGISTRY
    from opsonin.study.dose_finding import study_design

    own = signature(REGISTRY[name]).parameters if name in REGISTRY else {}
    rules = () if name in ENDS else ("patients",)
    options = {key: value for key, value in common.items() if key in own or key in rules}
    mine = study.file.escalation.design
    if mine["name"] == name:  # as the study has it, but for what was asked for
        options = options | mine
    return study_design(study, {"name": name, **options})


def pool_words(pool: Any, target: float) -> str:
    """How far the pool of virtual patients can be trusted, in a sentence."""
    import numpy as np

    rates = ", ".join(f"{p:.1%} ± {100 * e:.1f}" for p, e in zip(pool.dlt, pool.dlt_se, strict=True))
    nearest = int(np.abs(pool.dlt - target).argmin()) + 1
    return (
        f"Virtual patients: {len(pool.rows):,} of the study's pool, what each would show at every level having been "
        f"simulated; their DLT rates are {rates} (± the Monte Carlo standard error of a pool of this size, which more "
        f"trials do not make smaller), so that level {nearest} is nearest to the target. {pool.left_out:.1%} of the "
        "pool were left out, as they cannot be judged at every level; in a trial others take their place."
    )


def _target(study: Study) -> float:
    from opsonin.study.dose_finding import study_design

    return float(getattr(study_design(study), "target", TARGET))


def _names(designs: str) -> list[str]:
    names = listed(designs)
    if not names:
        raise DesignError("name the designs to compare, between commas: --designs boin,crm,3+3.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DesignError(f"the design {twice[0]!r} is named twice; name each once.")
    return names


def _say(found: Comparison) -> None:
    from opsonin.report.dose_finding.content import MEASURES, by_key, cell

    heads = ["design", *(head for head, _ in MEASURES.values())]
    numbers = by_key(found.characteristics(), "mean")
    screen = console()
    for scene in found.scenarios:
        rows = [[n, *(cell(*numbers[scene, n, m], kind) for m, (_, kind) in MEASURES.items())] for n in found.designs]
        screen.print()
        screen.print(table(scene, heads, rows, right=heads[1:]))
    screen.print()
