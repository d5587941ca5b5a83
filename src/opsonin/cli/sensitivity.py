"""`opsonin sensitivity`: what the outcomes of a study's typical patient depend on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from opsonin.cli.given import listed
from opsonin.cli.screen import Phases, console, table
from opsonin.errors import SimulationError

if TYPE_CHECKING:
    import pandas as pd

    from opsonin.simulate.outcomes import Outcome
    from opsonin.study.sensitivity import Asked

METHODS = ("local", "sobol", "morris", "pawn")
WORDS = {
    "local": "percent of change with one percent of a parameter, in the typical patient",
    "sobol": "share of the outcome's variance: 'first' by the factor alone, 'total' with its interactions",
    "morris": "mean size of the change over the factor's central 95 %, in the outcome's unit; 'spread' its SD",
    "pawn": "distance between the outcome's distributions, 0 to 1: 'median' and 'largest' over slices of the factor",
}
_NOTHING = ": nothing has a percent of nought; ask for another day, or take a global method"
SAMPLES = {"sobol": 256, "morris": 20, "pawn": 1000}


def study_sensitivity(
    name: str,
    outcomes: Sequence[str],
    parameters: str | None,
    method: str,
    samples: int | None,
    level: int,
    days: float,
    fold: float,
    most: int,
    out: Path | None,
    seed: int,
    threads: int | None,
) -> None:
    """Print a table for each outcome, the strongest factors first; write all of it to a CSV file where asked to.

    Raises: SimulationError for a method that is none, a factor that is no range, a file that cannot be written.
    """
    from opsonin.study import Study
    from opsonin.study.sensitivity import Asked

    if method not in METHODS:
        raise SimulationError(f"method {method!r} is none of {', '.join(METHODS)}.")
    if not 1 < fold < float("inf"):
        raise SimulationError(f"--fold {fold:g} is no range; give a number above 1.")
    if out is not None:
        _check_place(out)
    names = listed(parameters or "")
    study = Study.load(name)
    asked = Asked(study, level, days)
    wanted = asked.outcomes(list(outcomes) or asked.questions())
    screen = console()
    screen.print(f"[bold]{escape(study.file.title)}[/bold]")
    dose = study.built.protocol.levels[level - 1].name
    patient = f"Typical patient, {dose}, days {asked.begin:g} to {days:g}, every dose given."
    screen.print(escape(f"{patient} {method}: {WORDS[method]}."))
    with Phases() as progress:
        if method == "local":
            frame, notes = _local(asked, names, wanted, threads, progress)
        else:
            frame, notes = _global(asked, names, wanted, method, samples, fold, seed, threads, progress)
    for made in _tables(frame, method, most):
        screen.print()
        screen.print(made)
    for note in notes:
        screen.print(f"\n{escape(note)}", soft_wrap=True)
    if out is not None:
        try:
            frame.to_csv(out, index=False)
        except OSError as problem:
            raise SimulationError(f"{out} cannot be written: {problem.strerror or problem}.") from problem
        screen.print(f"\nwritten   {escape(str(out))}", soft_wrap=True)


def _check_place(out: Path) -> None:
    """Before the work, not after it. Raises: SimulationError for a file that cannot be written."""
    if out.suffix != ".csv":
        raise SimulationError(f"--out {out} is no .csv file; name one.")
    if out.is_dir() or not out.parent.is_dir():
        what = "is a folder" if out.is_dir() else f"lies in {out.parent}, which is no folder"
        raise SimulationError(f"--out {out} {what}; name a .csv file in a folder that exists.")
    if not os.access(out if out.exists() else out.parent, os.W_OK):
        raise SimulationError(f"--out {out} cannot be written; name another place.")


def _local(
    asked: Asked, names: list[str], wanted: Sequence[Outcome], threads: int | None, progress: Any
) -> tuple[pd.DataFrame, list[str]]:
    import pandas as pd

    from opsonin.simulate import build_schedule
    from opsonin.simulate.outcome_sensitivity import outcome_sensitivities

    chosen = names or [factor.name for factor in asked.factors()]
    constants = asked.patient[None, :]
    made = outcome_sensitivities(
        asked.model,
        constants,
        build_schedule(asked.model, constants, asked.doses(constants)),
        asked.times,
        chosen,
        wanted,
        threads=threads,
        progress=lambda done, total: progress("solving the sensitivity equations", done, total),
    )
    if made.failures:
        raise SimulationError(f"the typical patient could not be followed: {made.failures[0]}")
    rows = [
        (outcome, "elasticity", parameter, float(made.elasticities[0, j, k]), None, None)
        for j, outcome in enumerate(made.outcomes)
        for k, parameter in enumerate(made.parameters)
    ]
    notes = [
        f"{outcome} is {made.values[0, j]:.4g} in the typical patient{'' if made.values[0, j] else _NOTHING}."
        for j, outcome in enumerate(made.outcomes)
    ]
    if made.switches:
        notes.append(
            "Rates that switch at a moment which the states or these parameters decide: "
            f"{'; '.join(made.switches)}. Where a rate jumps there, its part in the derivative is left out."
        )
    return pd.DataFrame(rows, columns=["outcome", "index", "factor", "value", "lower", "upper"]), notes


def _global(
    asked: Asked,
    names: list[str],
    wanted: Sequence[Outcome],
    method: str,
    samples: int | None,
    fold: float,
    seed: int,
    threads: int | None,
    progress: Any,
) -> tuple[pd.DataFrame, list[str]]:
    from opsonin.simulate.global_sensitivity import morris, pawn, sobol
    from opsonin.simulate.model_outcomes import ModelOutcomes

    factors = asked.factors(names, fold)
    function = ModelOutcomes(
        asked.model,
        factors,
        wanted,
        asked.times,
        asked.patient,
        asked.doses,
        threads=threads,
        progress=lambda done, total: progress("simulating patients", done, total),
    )
    count = SAMPLES[method] if samples is None else samples
    if method == "morris":
        made = morris(function, factors, trajectories=count, seed=seed)
    else:
        made = (sobol if method == "sobol" else pawn)(function, factors, samples=count, seed=seed)
    notes = [
        f"{made.evaluations:,} patients simulated; intervals {100 * made.level:.0f} % by bootstrap. Factors vary "
        f"independently of each other. {made.source}."
    ]
    if method == "pawn":
        noise = "; ".join(f"{name}: {value:.2f}" for name, value in zip(made.outcomes, made.noise, strict=True))
        notes.append(f"What a factor without influence would have: {noise}.")
    return made.to_frame(), notes


def _tables(frame: pd.DataFrame, method: str, most: int) -> list[Any]:
    """For each outcome its factors by the first index that counts all of their influence, strongest first."""
    made = []
    key = {"local": "elasticity", "sobol": "total", "morris": "effect", "pawn": "median"}[method]
    for outcome, here in frame.groupby("outcome", sort=False):
        indices = list(dict.fromkeys(here["index"]))
        shown = sorted(indices, key=lambda index: index != key)
        wide = here.pivot(index="factor", columns="index", values=["value", "lower", "upper"])
        order = wide["value", key].astype(float).abs().sort_values(ascending=False, kind="stable").index
        strong = [factor for factor in order[:most] if not _nothing(wide.loc[factor, ("value", key)])]
        bounded = {name for name, low in zip(here["index"], here["lower"], strict=True) if not _missing(low)}
        rows = []
        for factor in strong:
            row = [str(factor)]
            for index in shown:
                value, low, high = (wide.loc[factor, (part, index)] for part in ("value", "lower", "upper"))
                row += [_number(value), *([f"{_number(low)} to {_number(high)}"] if index in bounded else [])]
            rows.append(row)
        heads = [head for index in shown for head in (index, *(["interval"] if index in bounded else []))]
        left = len(order) - len(rows)
        rest = f"and {left} weaker or without effect" if rows else f"none of {left} has an effect"
        rows += [[rest, *[""] * len(heads)]] if left else []
        made.append(table(str(outcome), ["", *heads], rows, right=shown))
    return made


def _number(value: Any) -> str:
    return "–" if _missing(value) else f"{float(value):.3g}"


def _nothing(value: Any) -> bool:
    return _missing(value) or bool(value == 0)


def _missing(value: Any) -> bool:
    return value is None or bool(value != value)
