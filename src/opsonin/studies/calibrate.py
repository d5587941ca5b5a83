"""Typical growth, access and death rate of each cancer's patients, fitted to published figures.

`python -m opsonin.studies.calibrate TABLE [INDICATION …]` simulates virtual trials of the treatments whose rows are
marked "calibrate", changes the typical values until response, progression and survival meet them, and prints what to
write into the indication. What no row tells stays near where it was. Nothing else of an indication is touched:
mutations, loss of HLA, macrophages, suppressor cells and stroma have sources of their own, and the rows marked
"predict" are left.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from opsonin.errors import StudyError
from opsonin.fit import Target
from opsonin.studies import clinical_targets
from opsonin.studies.calibration_plans import Plan, plans
from opsonin.studies.clinical_patients import figure_of
from opsonin.studies.clinical_pools import ClinicalPools, Mapped, NotRepresented
from opsonin.studies.few_steps import Fit, few_steps

FITTED = re.compile(
    r"objective_response_rate|median_(os|pfs|duration_of_response)_months|(os|pfs)_rate_\d+m"
    r"|progressive_disease_as_best_response|median_diameter_ratio_at_first_scan"
)
BOUNDS = {
    "net_growth_rate": (0.002, 0.04),
    "access": (0.01, 0.9),
    "death_rate": (0.00001, 0.0015),
    "escape_visibility": (0.02, 0.5),
    "new_lesion_rate": (0.0005, 0.02),
}
GRAIN = 0.25  # of the logarithm of a median time to progression, which scans see only every six to nine weeks
LEAST_SE = 0.10  # trials of one cancer and treatment differ by more than their patients' number: a log, or a logit
RATIO_SE = 0.03  # of the logarithm of diameters' median ratio between two scans
SPREAD = 1.0  # how far a value may lie from its start, on the scale of the search, where no row speaks
USUAL = 100  # patients of a publication that does not say how many
LONGEST = 120.0  # months that stand for a median that is not reached


def rows_of(plan: Plan, found: Sequence[clinical_targets.Target], mapped: Mapped) -> list[clinical_targets.Target]:
    """The published figures that an indication is fitted to: marked so, of treatments that are simulated."""
    pools = ClinicalPools(2, 1, mapped)
    words = {published for published, names in mapped.indications.items() if plan.indication in names}
    return [
        replace(
            row,
            treatment=plan.stands_for.get(row.treatment, row.treatment),
            indication=mapped.words(row.id, row.indication),
        )
        for row in found
        if mapped.words(row.id, row.indication) in words
        and row.suggested_use == "calibrate"
        and FITTED.fullmatch(row.quantity)
        and plan.stands_for.get(row.treatment, row.treatment) in mapped.treatments
        and _is_told_apart(row.setting, pools)
        and row.id not in plan.left_out
    ]


def fit_target(row: clinical_targets.Target) -> Target:
    """A row on the scale of the fit: the logit of a rate, the logarithm of a time."""
    n = row.n or USUAL
    if row.is_rate:
        share = row.value / 100
        made = Target.share(row.id, round(share * n), n)
        return replace(made, se=max(made.se, LEAST_SE), events=None, n=None)
    least = GRAIN if re.search("_pfs_|_duration_", row.quantity) else LEAST_SE
    if np.isfinite([row.lower, row.upper]).all():
        made = Target.interval(row.id, row.value, row.lower, row.upper)
        return replace(made, se=max(made.se, least))
    if "diameter_ratio" in row.quantity:
        return Target(row.id, row.value, RATIO_SE, "log")
    # of a median of exponential times, three in four of whose ends were seen
    return Target(row.id, row.value, max(least, 1.44 / np.sqrt(0.75 * n)), "log")


def fitted(
    plan: Plan,
    found: Sequence[clinical_targets.Target],
    patients: int,
    seed: int,
    steps: int = 6,
    say: Callable[[str], None] = lambda text: None,
) -> Fit:
    """The calibration of one indication.   Raises: StudyError where no row speaks of it."""
    from opsonin.patients import indication, trying

    mapped = Mapped.read()
    rows = rows_of(plan, found, mapped)
    try:
        ClinicalPools(2, seed, mapped)._indication(rows[0].indication)
        rows = [row for row in rows if _is_simulated(row, mapped)]
    except (IndexError, NotRepresented):
        rows = []
    if not rows:
        raise StudyError(f"no row marked 'calibrate' of {plan.indication} is of a treatment that is simulated.")
    start = _start(plan, indication(plan.indication).values)

    def summaries(values: np.ndarray) -> np.ndarray:
        with trying(plan.indication, dict(zip(plan.knobs, map(float, values), strict=True))):
            pools = ClinicalPools(patients, seed, mapped)
            return np.array([_figure(row, pools) for row in rows])

    lower, upper = zip(*(BOUNDS[name] for name in plan.knobs), strict=True)
    return few_steps(
        summaries,
        [fit_target(row) for row in rows],
        start,
        lower,
        upper,
        names=plan.knobs,
        prior_sd=SPREAD,
        steps=steps,
        say=say,
    )


def _start(plan: Plan, values: Mapping[str, float | int]) -> list[float]:
    from opsonin.biology import full_core
    from opsonin.model import Model, Parameter

    own: dict[str, Any] = {part.name: part.value for part, _ in Model(full_core()).parts(Parameter)}
    return [float(values.get(name, own[name])) for name in plan.knobs]


def _is_told_apart(setting: str, pools: ClinicalPools) -> bool:
    try:
        pools.setting(setting)
    except NotRepresented:
        return False
    return True


def _is_simulated(row: clinical_targets.Target, mapped: Mapped) -> bool:
    from opsonin import therapies

    known = therapies.names()
    regimen = mapped.treatments[row.treatment].get("regimen")
    if regimen is None:
        return False
    return all(any(agent in known for agent in one["agent"]) for one in regimen)  # of nobody treated, too


def _figure(row: clinical_targets.Target, pools: ClinicalPools) -> float:
    figure = figure_of(pools.mapped.read_as.get(row.id, row.quantity))
    assert figure is not None  # FITTED names such quantities only
    pool = pools.pool(row.indication, row.treatment, pools.scans(row.id))
    value = figure(pool.part(pools.setting(row.setting)))
    return value / 100 if row.is_rate else min(value, LONGEST)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the fitted values of the indications named, or of all that calibrate.toml lists."""
    known = plans()
    parser = argparse.ArgumentParser(prog="python -m opsonin.studies.calibrate", description=__doc__)
    parser.add_argument("table", help="clinical_targets.csv")
    parser.add_argument("indication", nargs="*", choices=[*known, []], help="all of calibrate.toml where none is named")
    parser.add_argument(
        "--patients", type=int, default=1000, help="of each virtual trial; few meet the figures by luck"
    )
    parser.add_argument("--steps", type=int, default=6, help="after the first slopes")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    found = clinical_targets.read_targets(given.table)
    for name in given.indication or known:
        try:
            result = fitted(known[name], found, given.patients, given.seed, given.steps, _say)
        except StudyError as problem:
            _say(f"{name}: {problem}")
            continue
        _say(f"{name}\n{result.text()}\n")
    return 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what the program is for


if __name__ == "__main__":
    raise SystemExit(main())
