"""Published outcomes beside simulated ones, row by row of a table of published figures, as a page of the docs.

python -m opsonin.studies.clinical_targets TABLE.csv [--patients 1000] [--only melanoma] [--out clinical-targets.md]
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from opsonin import random
from opsonin.errors import StudyError
from opsonin.studies.clinical_page import page, words_of
from opsonin.studies.clinical_patients import figure_of, hazard_ratio, hazard_ratios
from opsonin.studies.clinical_pools import ClinicalPools, NotRepresented
from opsonin.studies.programs import how_many, told_in_a_line
from opsonin.studies.published import TARGETS, targets

DRAWS = 400  # trials as large as the published one, for the interval
USUAL = 100  # patients of a publication that does not say how many
COLUMNS = (
    "id", "indication", "treatment", "setting", "quantity", "value", "lower", "upper", "n", "unit", "source",
    "how_known", "suggested_use", "note",
)  # fmt: skip
AT_SCANS = "^median_(pfs|time_to|days_to|stable)|^pfs_upper"
OF_SCANS = "respon|remission|pfs|efs|relapse|sld|diameter|decrease|increase|disease|progression|vdt|doubling"
BASELINE = ("median_baseline_sld_mm", "baseline_sld_mm_10th_centile", "baseline_sld_mm_90th_centile")


@dataclass(frozen=True)
class Target:
    """One published figure.

    lower, upper: its interval, NaN without one;   computed: the interval is worked out here.
    """

    id: str
    indication: str
    treatment: str
    setting: str
    quantity: str
    value: float
    lower: float
    upper: float
    n: int | None
    unit: str
    source: str
    how_known: str
    suggested_use: str
    note: str
    computed: bool = False

    @property
    def is_rate(self) -> bool:
        return self.unit == "percent"


@dataclass(frozen=True)
class Compared:
    """A target beside the simulated figure.   lower, upper: the middle 95 % of trials as large as the published one."""

    target: Target
    value: float
    lower: float
    upper: float
    calibrated: bool

    @property
    def overlaps(self) -> bool:
        """Whether the intervals overlap; without a published one, whether the published value lies in the simulated."""
        low, high = self.target.lower, self.target.upper
        if np.isnan(low) and np.isnan(high):
            low = high = self.target.value
        low = -np.inf if np.isnan(low) else low
        high = np.inf if np.isnan(high) else high
        return bool(self.lower <= high and low <= self.upper)

    @property
    def error(self) -> float:
        """Percentage points between rates; for times and ratios by what factor they differ (1: not)."""
        if self.target.is_rate:
            return abs(self.value - self.target.value)
        pair = sorted([self.value, self.target.value])
        return float(pair[1] / pair[0]) if pair[0] > 0 and np.isfinite(pair[1]) else np.inf

    @property
    def distance(self) -> float:
        """The error in widths of the two intervals together: what makes a row one of the worst."""
        ours = (self.value, self.lower, self.upper)
        theirs = (self.target.value, self.target.lower, self.target.upper)
        scale = (lambda x: x) if self.target.is_rate else (lambda x: float(np.log(max(x, 1e-9))))
        width = sum(scale(high) - scale(low) for _, low, high in (ours, theirs) if np.isfinite([low, high]).all())
        gap = abs(scale(ours[0]) - scale(theirs[0])) if np.isfinite(ours[0]) else np.inf
        return float(gap / max(width / 2, 1e-9))


@dataclass(frozen=True)
class Missing:
    """A target for which nothing is simulated, and why."""

    target: Target
    why: str


def read_targets(path: str | Path) -> list[Target]:
    """The rows of the table of published figures.

    An interval that is a range or quartiles of patients is none of the figure; a rate without one gets the exact
    interval of its number of patients (Clopper & Pearson 1934).
    Raises: StudyError for what is no such table.
    """
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as problem:
        raise StudyError(f"{path} cannot be read as a table of published figures: {problem}.") from problem
    lacking = [name for name in COLUMNS if name not in table]
    if lacking:
        raise StudyError(f"{path} has no column {lacking[0]!r}; a table of published figures has {', '.join(COLUMNS)}.")
    return [_target(dict(row)) for row in table.to_dict("records")]


def _target(row: dict[Any, Any]) -> Target:
    from opsonin.analysis.statistics import proportion

    text = {name: "" if pd.isna(row[name]) else str(row[name]) for name in ("setting", "unit", "source", "note")}
    n = None if pd.isna(row["n"]) else int(row["n"])
    value, low, high = (float(row[name]) for name in ("value", "lower", "upper"))
    spread = "are the range" in text["note"] or "quartiles" in text["note"]
    low, high = (np.nan, np.nan) if spread else (low, high)
    computed = text["unit"] == "percent" and bool(np.isnan([low, high]).all()) and 0 <= value <= 100
    computed = computed and n is not None
    if computed and n is not None:
        _, below, above = proportion(round(value * n / 100), n)
        low, high = 100 * below, 100 * above
    words = {name: str(row[name]) for name in ("id", "indication", "treatment", "quantity", "how_known")}
    use = str(row["suggested_use"])
    return Target(**words, **text, value=value, lower=low, upper=high, n=n, suggested_use=use, computed=computed)


def calibrated_rows() -> set[str]:
    """The rows that parameters were set to meet.

    targets.toml lists them, as targets of their own or under the `rows` of another, and calibrate.toml those that the
    values of an indication were `fitted` to; clinical_pools.toml those that therapies were, and those that an
    indication's values are.
    """
    fits = tomllib.loads(TARGETS.with_name("calibrate.toml").read_text(encoding="utf-8"))
    fitted = {row for plan in fits.values() if isinstance(plan, dict) for row in plan.get("fitted", [])}
    pools = tomllib.loads(TARGETS.with_name("clinical_pools.toml").read_text(encoding="utf-8"))
    fitted |= {row for rows in pools["calibrated"].values() for row in rows}
    return fitted | {name for target in targets() for name in (target["id"], *target.get("rows", []))}


def compared(found: Iterable[Target], pools: ClinicalPools) -> tuple[list[Compared], list[Missing]]:
    """Every target with its simulated figure, and those that have none."""
    known = calibrated_rows()
    rows: list[Compared] = []
    missing: list[Missing] = []
    for target in found:
        try:
            value, low, high = _simulated(target, pools)
        except NotRepresented as problem:
            missing.append(Missing(target, str(problem)))
            continue
        if np.isnan(value):
            missing.append(Missing(target, "too few simulated patients to give it"))
            continue
        rows.append(Compared(target, value, low, high, target.id in known))
    return rows, missing


def _simulated(target: Target, pools: ClinicalPools) -> tuple[float, float, float]:
    """The figure of the whole pool, and its spread over trials of the published size."""
    if target.quantity.startswith("hazard_ratio_"):
        return _contrast(target, pools)
    figure = figure_of(pools.mapped.read_as.get(target.id, target.quantity))
    if figure is None:
        raise NotRepresented(_elsewhere(target, pools))
    if target.treatment == "any" and target.quantity not in BASELINE:
        raise NotRepresented("of patients under any treatment")
    treatment = "none" if target.treatment == "any" else target.treatment
    pool = pools.pool(pools.mapped.words(target.id, target.indication), treatment, pools.scans(target.id))
    if not pool.scanned and re.search(OF_SCANS, target.quantity):
        raise NotRepresented("neither response nor progression is seen in these patients")
    patients = pool.part(pools.setting(target.setting))
    drawn = [figure(patients.take(rows)) for rows in _draws(target, len(patients), pools.seed)]
    low, high = _spread(drawn)
    return figure(patients), low - _between_scans(target, pools), high


def _between_scans(target: Target, pools: ClinicalPools) -> float:
    """What is seen at a scan happened since the one before: how far back that is, for times that scans tell."""
    from opsonin.units import DAYS_PER_MONTH

    if not re.search(AT_SCANS, target.quantity):
        return 0.0
    return pools.scan_days(target.id) / (DAYS_PER_MONTH if target.unit == "months" else 1.0)


def _contrast(target: Target, pools: ClinicalPools) -> tuple[float, float, float]:
    endpoint = target.quantity.removeprefix("hazard_ratio_")
    if endpoint not in ("os", "pfs"):
        raise NotRepresented(_elsewhere(target, pools))
    scans, words = pools.scans(target.id), pools.mapped.words(target.id, target.indication)
    one, versus, other = target.treatment.partition(" vs ")
    if versus:
        setting = pools.setting(target.setting)
        sides = tuple(pools.pool(words, side, scans).part(setting) for side in (one, other))
    else:
        split = pools.mapped.settings.get(target.setting, {}).get("split")
        if split is None:
            raise NotRepresented("the pool does not tell apart the groups that are compared")
        sides = pools.pool(words, one, scans).halves(split)
    a, b = sides
    draws = (_draws(target, len(side), pools.seed, name, 2) for side, name in ((a, "one"), (b, "other")))
    drawn = hazard_ratios(a, b, endpoint, *draws)
    return hazard_ratio(a, b, endpoint), *_spread(drawn.tolist())


def _elsewhere(target: Target, pools: ClinicalPools) -> str:
    """Why a quantity is not read from virtual trials: where it is shown instead, as far as that is known."""
    for pattern, why in pools.mapped.elsewhere.items():
        if re.search(pattern, f"{target.id} {target.quantity}"):
            return why
    return f"{words_of(target.quantity)}: not read from virtual trials"


def _draws(target: Target, there: int, seed: int, side: str = "", share: int = 1) -> np.ndarray:
    """Rows of trials as large as the published one (trial, patient), drawn with replacement from a pool.

    The pool is itself drawn anew for each trial, as it is a sample too.
    share: of the published patients one side of a comparison has (2: half).
    """
    size, trials = max(2, (target.n or USUAL) // share), np.arange(DRAWS)
    pool = random.uniform(seed, f"pool of {target.id} {side}", trials, draws=there)
    drawn = random.uniform(seed, f"published {target.id} {side}", trials, draws=size)
    chosen = (drawn * there).astype(np.int64)
    return np.take_along_axis((pool * there).astype(np.int64), chosen, axis=1)


def _spread(drawn: list[float]) -> tuple[float, float]:
    known = np.sort(np.array([value for value in drawn if not np.isnan(value)]))
    if not known.size:
        return np.nan, np.nan
    low, high = (known[round(share * (known.size - 1))] for share in (0.025, 0.975))  # exact where it is not reached
    return float(low), float(high)


@told_in_a_line()
def main(arguments: list[str] | None = None) -> None:
    """Write the page."""
    options = argparse.ArgumentParser(
        prog="python -m opsonin.studies.clinical_targets", description="published outcomes beside simulated ones"
    )
    options.add_argument("table", type=Path, help="the table of published figures (CSV)")
    options.add_argument("--patients", type=how_many, default=1000, help="in each pool")
    options.add_argument("--only", default="", help="rows whose id, indication or treatment holds this (a pattern)")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--out", type=Path, default=Path("docs/clinical-targets.md"))
    given = options.parse_args(arguments)
    try:
        only = re.compile(given.only)
    except re.error as problem:
        raise StudyError(
            f"--only {given.only!r} is no pattern: {problem}; put a backslash before ( and [."
        ) from problem
    pools = ClinicalPools(given.patients, given.seed)
    asked = [t for t in read_targets(given.table) if only.search(f"{t.id} {t.indication} {t.treatment}")]
    rows, missing = compared(asked, pools)
    made = page(rows, missing, pools.mapped.causes, given.patients, given.seed)
    given.out.write_text(made, encoding="utf-8")
    sys.stdout.write(made)


if __name__ == "__main__":
    main()
