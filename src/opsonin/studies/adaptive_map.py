"""Where holding a targeted drug while the tumour is small holds a tumour for longer, and where it does not.

    python -m opsonin.studies.adaptive_map --patients 150

Lung cancers with mutated EGFR under erlotinib every day, and as `persisters-adaptive` gives it (held once half of the
living cells are gone, given again when three quarters are back, asked every four weeks), over what theory says decides:
how much sensitive cells hold resistant ones down, here by the room that vessels leave (`slowing_volume`), and what
resistance costs (`erlotinib_resistance_cost`). Theory: far from the capacity adaptive schedules need a cost of
resistance, near it none (Strobl 2021, Cancer Res 81:1135; Viossat & Noble 2021, Nat Ecol Evol 5:826).

Progression is counted twice: by RECIST 1.1, from the smallest size on, which a schedule that lets a tumour grow back
meets by what it is; and from the size before treatment. Nobody dies or leaves, and new lesions are not counted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from opsonin.studies.programs import how_many, told_in_a_line

INDICATION, DRUG = "nsclc-egfr", "erlotinib"
CAPACITY = (1000.0, 100.0, 30.0)  # ml; the first is the model's
COST = (0.0, 0.05, 0.2)  # the second is the model's
CYCLE, MG, SEED = 28.0, 150.0, 3
_LIVING = ("clone_antigen", "clone_escaped", "persisters")
Rule = Callable[[np.ndarray, np.ndarray], np.ndarray]


def every_day(living: Float[np.ndarray, " patient"], given: Bool[np.ndarray, " patient"]) -> np.ndarray:
    """Whether the drug is given in the next four weeks: always."""
    return given


def adaptive(living: Float[np.ndarray, " patient"], given: Bool[np.ndarray, " patient"]) -> np.ndarray:
    """Until half of the living cells are gone, and again when three quarters are back."""
    return np.where(given, living >= 0.5, living >= 0.75)


@dataclass(frozen=True, eq=False)
class Followed:
    """Of every patient at the start and after every four weeks: relative diameter, and the share that resists.

    given: the share of patients under the drug in each four weeks.
    """

    diameter: Float[np.ndarray, "patient look"]
    resistant: Float[np.ndarray, "patient look"]
    given: Float[np.ndarray, " cycle"]

    def months(self, worse: Bool[np.ndarray, "patient look"]) -> float:
        """The median time to what is worse; inf where fewer than half come to it."""
        first = np.where(worse.any(axis=1), worse.argmax(axis=1) * CYCLE / 30.4375, np.inf)
        return float(np.quantile(first, 0.5, method="lower"))

    @property
    def recist(self) -> float:
        """Median months until the diameter is a fifth above its smallest."""
        return self.months(self.diameter >= 1.2 * np.minimum.accumulate(self.diameter, axis=1))

    @property
    def baseline(self) -> float:
        """Median months until the diameter is a fifth above that before treatment."""
        return self.months(self.diameter >= 1.2)


@cache
def _model() -> Any:
    from opsonin.biology import full_core
    from opsonin.model import Model
    from opsonin.therapies import load_agent

    return Model([*full_core(), load_agent(DRUG)])


def patients(number: int, **values: float) -> Float[np.ndarray, "patient constant"]:
    """The constants of patients, some of them set to one value for all."""
    from opsonin.model.derived import completed
    from opsonin.patients import indication, sample_patients

    symbolic = _model().symbolic
    constants = sample_patients(_model(), indication(INDICATION), number, SEED).constants.copy()
    for name, value in values.items():
        constants[:, list(symbolic.constants).index(name)] = value
    return completed(symbolic, constants)


def follow(constants: Float[np.ndarray, "patient constant"], rule: Rule, cycles: int) -> Followed:
    """Patients under a schedule, cycle by cycle; what is given next follows from the living cells at its end."""
    from opsonin.simulate import GivenDoses, build_schedule, simulate

    model = _model()
    states, names = list(model.symbolic.states), list(model.symbolic.constants)
    of = {name: constants[:, names.index(name)] for name in ("baseline_cells", "cell_density", "baseline_volume")}
    given, now = np.ones(len(constants), dtype=bool), None
    diameter, resistant, share = [np.ones(len(constants))], [np.zeros(len(constants))], []
    for cycle in range(cycles):
        start = CYCLE * cycle
        days = start + np.arange(CYCLE)
        doses = GivenDoses(DRUG, "oral", "mg", days, np.where(given[:, None], MG, 0.0) * np.ones((1, len(days))))
        schedule = build_schedule(model, constants, [doses])
        made = simulate(model, constants, schedule, np.array([start + CYCLE]), start=start, initial_state=now)
        assert not made.failures
        now = made.states[:, -1]
        living = np.sum([now[:, states.index(name)] for name in _LIVING], axis=0)
        cells = (living + now[:, states.index("dead_cells")]) / (of["cell_density"] * of["baseline_volume"])
        diameter.append(np.cbrt(np.maximum(cells + now[:, states.index("stroma")], 0.0)))
        resistant.append(now[:, states.index(f"{DRUG}_resistant")])
        share.append(given.mean())
        given = rule(living / of["baseline_cells"], given)
    return Followed(np.array(diameter).T, np.array(resistant).T, np.array(share))


def table(number: int, cycles: int) -> str:
    """Every cost and capacity as a Markdown table."""
    lines = [
        "| a tumour grows half as fast at | resistance costs | RECIST, daily | adaptive | a fifth above baseline, "
        "daily | adaptive | resistant at a year, daily | adaptive | drug given, adaptive |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    year = round(365 / CYCLE)
    for capacity in CAPACITY:
        for cost in COST:
            chosen = patients(number, slowing_volume=capacity, **{f"{DRUG}_resistance_cost": cost})
            daily, held = (follow(chosen, rule, cycles) for rule in (every_day, adaptive))
            times = [_shown(x, cycles) for x in (daily.recist, held.recist, daily.baseline, held.baseline)]
            resists = [f"{100 * np.mean(one.resistant[:, year]):.0f} %" for one in (daily, held)]
            lines.append(
                f"| {capacity:g} ml | {100 * cost:g} % | {' | '.join(times)} | {' | '.join(resists)} "
                f"| {100 * held.given.mean():.0f} % of the time |"
            )
    return "\n".join(lines) + "\n"


def _shown(months: float, cycles: int) -> str:
    return f"{months:.1f} months" if np.isfinite(months) else f"over {cycles * CYCLE / 30.4375:.0f} months"


@told_in_a_line()
def main() -> None:
    """Print the map."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--patients", type=how_many, default=150)
    asked.add_argument("--cycles", type=int, default=65, help="of four weeks")
    given = asked.parse_args()
    sys.stdout.write(table(given.patients, given.cycles))


if __name__ == "__main__":
    main()
