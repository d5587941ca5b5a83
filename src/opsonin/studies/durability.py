"""Whether memory keeps an answer: responders to pembrolizumab, followed on with and without what may keep it.

    python -m opsonin.studies.durability melanoma --patients 1000
    python -m opsonin.studies.durability melanoma --factor escape_visibility=0.3

Patients are simulated to their first response; from there the same patients go on as they are, with no more memory
made, or with a kind of cells taken away at once, as antibodies do in mice (Park 2019, Nature 565:366). What a patient
was like before does not change, nor how fast the tumour grew: only the cells. Nobody dies or leaves here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from opsonin.studies.programs import how_many, told_in_a_line

MEMORY = ("cd8_resident", "cd8_memory")
SPECIFIC = ("cd8_stem", "cd8_effector", "cd8_exhausted", "cd8_resident")  # in the tumour
# name → cells taken away at response, whether memory is made from then on
VARIANTS: dict[str, tuple[tuple[str, ...], bool]] = {
    "as it is": ((), True),
    "no more memory made": ((), False),
    "memory lost": (MEMORY, False),
    "resident memory lost, made anew": (("cd8_resident",), True),
    "circulating memory lost, made anew": (("cd8_memory",), True),
    "stem-like cells lost": (("cd8_stem",), True),
}
SCAN_DAYS = 42.0
TREATED_DAYS = 730.0
MONTHS = (12, 24, 36)
_LIVING = ("clone_antigen", "clone_escaped", "persisters")
_LEAST_MM = 5.0  # growth that counts as progression (Eisenhauer 2009, 4.3.1)


@dataclass(frozen=True, eq=False)
class Responders:
    """Patients who responded.   states: at response (patient, state);   day: of it;   nadir: relative diameter then.

    of: how many were treated.   resident, stem: share of resident memory and of stem-like cells among the tumour's
    specific CD8+ cells before treatment, of all that were treated.
    """

    model: Any
    constants: Float[np.ndarray, "patient constant"]
    states: Float[np.ndarray, "patient state"]
    day: Float[np.ndarray, " patient"]
    nadir: Float[np.ndarray, " patient"]
    of: int
    resident: Float[np.ndarray, " treated"]
    stem: Float[np.ndarray, " treated"]

    @cached_property
    def after(self) -> dict[str, Float[np.ndarray, " patient"]]:
        """Each variant's months from response to progression, inf where there is none within three years."""
        return {name: _months(self, *variant) for name, variant in VARIANTS.items()}

    def table(self) -> pd.DataFrame:
        """Share of responders still in response so many months after it, with its exact 95 % interval."""
        from opsonin.analysis.statistics import proportion

        rows = []
        for name, lasts in self.after.items():
            for months in MONTHS:
                found = proportion(int((lasts >= months).sum()), len(lasts))
                rows.append((name, months, found.value, found.lower, found.upper))
        return pd.DataFrame(rows, columns=pd.Index(["variant", "months", "share", "lower", "upper"]))


def responders(name: str, patients: int, seed: int = 1, factors: Mapping[str, float] | None = None) -> Responders:
    """Who responds to two years of pembrolizumab, of so many patients of an indication.

    factors: parameter → what it is multiplied by in every patient.
    Raises: StudyError for a parameter that the model does not have.
    """
    from opsonin.patients import indication, sample_patients
    from opsonin.study.changes import changed_patients, check_changes

    model = _model()
    drawn = sample_patients(model, indication(name), patients, seed)
    if factors:
        check_changes({"factors": factors}, model.symbolic)
        everybody = np.ones(patients, dtype=bool)
        drawn = changed_patients(drawn, factors, model.symbolic, everybody, everybody)
    constants = drawn.constants
    days = np.arange(0.0, TREATED_DAYS + 1, SCAN_DAYS)
    made = _simulated(model, constants, days, 0.0, None)
    diameter = _diameter(model, constants, made)
    worse = _progressed(diameter, np.minimum.accumulate(diameter, axis=1), _sum(model, constants))
    smaller = diameter <= 0.7
    first = np.where(smaller.any(axis=1), smaller.argmax(axis=1), len(days))
    rows = np.flatnonzero(first < np.where(worse.any(axis=1), worse.argmax(axis=1), len(days)))
    at = first[rows]
    cells = {part: _of(model, made, part)[:, 0] for part in SPECIFIC}
    whole = sum(cells.values())
    return Responders(
        model,
        constants[rows],
        made[rows, at],
        days[at],
        diameter[rows, at],
        patients,
        cells["cd8_resident"] / whole,
        cells["cd8_stem"] / whole,
    )


def _model() -> Any:
    """The full core with pembrolizumab and a switch for the making of memory."""
    from opsonin.biology import full_core
    from opsonin.model import Model, Modulation, Module, Parameter, laws
    from opsonin.therapies import load_agent

    switch = Module(
        "switch",
        [
            Parameter("memory_made", 1.0, "dimensionless", "assumed: a switch of this program, 1 as it is"),
            Modulation("memory_formation", laws.reading(lambda made: made, "memory_made")),
        ],
    )
    return Model([*full_core(), load_agent("pembrolizumab"), switch])


def _months(found: Responders, lost: tuple[str, ...], made: bool) -> Float[np.ndarray, " patient"]:
    from opsonin.units import DAYS_PER_MONTH

    constants, states = found.constants.copy(), found.states.copy()
    constants[:, found.model.symbolic.constants.index("memory_made")] = float(made)
    for name in lost:
        states[:, found.model.symbolic.states.index(name)] = 0.0
    passed = np.arange(0.0, 37 * DAYS_PER_MONTH, SCAN_DAYS)
    course = _simulated(found.model, constants, found.day[:, None] + passed, found.day, states)
    diameter = _diameter(found.model, constants, course)
    nadir = np.minimum.accumulate(np.minimum(diameter, found.nadir[:, None]), axis=1)
    worse = _progressed(diameter, nadir, _sum(found.model, constants))
    return np.where(worse.any(axis=1), passed[worse.argmax(axis=1)] / DAYS_PER_MONTH, np.inf)


def _simulated(model: Any, constants: Any, days: Any, start: Any, states: Any) -> Float[np.ndarray, "patient time s"]:
    from opsonin.simulate import build_schedule, intravenous_infusion, simulate

    doses = [intravenous_infusion("pembrolizumab", 200.0, "mg", np.arange(0.0, TREATED_DAYS, 21.0), 0.5)]
    schedule = build_schedule(model, constants, doses)
    made = simulate(model, constants, schedule, days, start=start, initial_state=states)
    assert not made.failures
    return made.states


def _of(model: Any, states: np.ndarray, name: str) -> np.ndarray:
    return states[:, :, list(model.symbolic.states).index(name)]


def _constant(model: Any, constants: np.ndarray, name: str) -> np.ndarray:
    return constants[:, list(model.symbolic.constants).index(name)]


def _diameter(model: Any, constants: np.ndarray, states: np.ndarray) -> Float[np.ndarray, "patient time"]:
    cells = sum(_of(model, states, name) for name in (*_LIVING, "dead_cells"))
    whole = _constant(model, constants, "cell_density") * _constant(model, constants, "baseline_volume")
    return np.cbrt(np.maximum(cells / whole[:, None] + _of(model, states, "stroma"), 0.0))


def _sum(model: Any, constants: np.ndarray) -> Float[np.ndarray, " patient"]:
    """Sum of target diameters at baseline, mm."""
    return np.sum([_constant(model, constants, f"lesion_{k}") for k in range(1, 6)], axis=0)


def _progressed(diameter: np.ndarray, nadir: np.ndarray, sum_mm: np.ndarray) -> Bool[np.ndarray, "patient time"]:
    return (diameter >= 1.2 * nadir) & ((diameter - nadir) * sum_mm[:, None] >= _LEAST_MM)


@told_in_a_line()
def main() -> None:
    """Print how long responses last, with and without memory."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("indication", nargs="*", default=["melanoma", "nsclc"])
    asked.add_argument("--patients", type=how_many, default=1000)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--factor", action="append", default=[], help="such as escape_visibility=0.3; may be repeated")
    given = asked.parse_args()
    try:
        factors = {one.partition("=")[0]: float(one.partition("=")[2]) for one in given.factor}
    except ValueError:
        sys.exit("--factor takes a parameter and a number, such as escape_visibility=0.3.")
    for name in given.indication:
        sys.stdout.write(words(name, responders(name, given.patients, given.seed, factors)))


def words(name: str, found: Responders) -> str:
    """A Markdown table of an indication, and a line on who responds and what cells there were before treatment."""
    resident, stem = (_spread(share) for share in (found.resident, found.stem))
    lines = [
        f"{name}: {len(found.day)} of {found.of} respond; before treatment {resident} of specific CD8+ cells are "
        f"resident, {stem} stem-like",
        "",
        "| still in response | " + " | ".join(f"{months} months" for months in MONTHS) + " |",
        "|---|---|---|---|",
    ]
    for variant, rows in found.table().groupby("variant", sort=False):
        shares = zip(rows["share"], rows["lower"], rows["upper"], strict=True)
        shown = [f"{100 * p:.0f} % ({100 * low:.0f}–{100 * high:.0f} %)" for p, low, high in shares]
        lines.append(f"| {variant} | {' | '.join(shown)} |")
    return "\n".join(lines) + "\n\n"


def _spread(share: np.ndarray) -> str:
    """The median, and where four of five patients lie."""
    low, middle, high = np.quantile(share, (0.1, 0.5, 0.9))
    return f"{middle:.0%} (in four of five patients {low:.0%} to {high:.0%})"


if __name__ == "__main__":
    main()
