"""Which assumptions the virtual mice with leukaemia hang on, and through which ways their cells work.

python -m opsonin.studies.mouse_doses [--mice 400] [--seed 1]

prints two Markdown tables: median survival of the same mice of `p21-mouse` where a dose, a day or a parameter is
another; and the shares of the benefit by which the cells lower the leukaemia.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from opsonin.studies.programs import how_many, told_in_a_line

if TYPE_CHECKING:
    from opsonin.study import Study

STUDY = "p21-mouse"
UNTREATED, UNMODIFIED, P21 = 1, 2, 3  # arms, by number
DOSE, DAYS = '"5 Mcell"', '"1, 8, 15"'  # as the study file has them
HOMING = ("p21_homing", "monocyte_product_homing")
WAYS = {"phagocytosis": {"p21_appetite": 0.0}, "reprogramming": {"p21_interferon": 0.0, "p21_spread": 0.0}}
OUTCOMES = ("lower leukaemia cells on day 22", "alive at 45 days")


@dataclass(frozen=True)
class Variant:
    """What is another.   text: what stands in the study file, and what instead.   values: parameter → factor."""

    text: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)


VARIANTS: Mapping[str, Variant] = {
    "as it is: 5 million cells, three times": Variant(),
    "1 million": Variant({DOSE: '"1 Mcell"'}),
    "2 million": Variant({DOSE: '"2 Mcell"'}),
    "10 million": Variant({DOSE: '"10 Mcell"'}),
    "once": Variant({DAYS: '"1"'}),
    "half as many settle": Variant(values=dict.fromkeys(HOMING, 0.5)),
    "twice as many settle": Variant(values=dict.fromkeys(HOMING, 2.0)),
    "begun a week later": Variant({DAYS: '"8, 15, 22"'}),
    "begun two weeks later": Variant({DAYS: '"15, 22, 29"'}),
    "no reprogramming": Variant(values=WAYS["reprogramming"]),
    "niches three times as large": Variant(values={"smallest_site": 3.0}),
    "niches half as large": Variant(values={"smallest_site": 0.5}),
}


def changed_study(text: Mapping[str, str]) -> Study:
    """The study with these words replaced wherever they stand, and nothing asked of why."""
    from opsonin.study import Study
    from opsonin.study.library import find, read

    written = re.sub(r"(?ms)^\[questions.why.*", "", read(find(STUDY)))
    for old, new in text.items():
        assert old in written, old
        written = written.replace(old, new)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{STUDY}.toml"
        path.write_text(written, encoding="utf-8")
        study = Study.load(path)
        assert study.built  # read while the file is there
        return study


def median_days(arm: int, variant: Variant, mice: int, seed: int) -> float:
    """Median survival of an arm's mice, days; inf where fewer than half die while they are followed."""
    from opsonin.analysis import kaplan_meier
    from opsonin.study.again import Again

    again = Again(changed_study(variant.text), "alive at 45 days", arm, seed, mice)
    seen = again.changed(variant.values)[0] if variant.values else again.base
    until = np.minimum(seen.drop_out, again.plan.end)
    return kaplan_meier(np.minimum(seen.death, until), seen.death <= until).median.estimate


def survival(mice: int, seed: int) -> str:
    """Median survival under every variant, as Markdown."""
    untreated = _days(median_days(UNTREATED, Variant(), mice, seed))
    lines = [f"| median survival, {mice} mice; untreated {untreated} | p21 monocytes | unmodified |", "|---|---|---|"]
    for name, variant in VARIANTS.items():
        found = (_days(median_days(arm, variant, mice, seed)) for arm in (P21, UNMODIFIED))
        lines.append(f"| {name} | {' | '.join(found)} |")
    return "\n".join(lines)


def _days(found: float) -> str:
    return f"{found:.0f} days" if np.isfinite(found) else "not reached"


def ways(mice: int, seed: int) -> str:
    """What each way is worth of the benefit of p21 monocytes, as Markdown."""
    from opsonin.study import Study, explain_benefit

    study = Study.load(STUDY)
    lines = [f"| way, {mice} mice | {' | '.join(OUTCOMES)} |", "|---|---|---|"]
    tables = [
        explain_benefit(study, WAYS, outcome=outcome, level=P21, patients=mice, seed=seed) for outcome in OUTCOMES
    ]
    shares = [one.table.set_index("pathway")["share"] for one in tables]
    lines += [f"| {way} | {' | '.join(f'{share[way]:.0%}' for share in shares)} |" for way in WAYS]
    return "\n".join(lines)


@told_in_a_line()
def main() -> None:
    """Print both tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--mice", type=how_many, default=400, help="of each group, at most the pool's 400")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    sys.stdout.write(f"{survival(given.mice, given.seed)}\n\n{ways(given.mice, given.seed)}\n")


if __name__ == "__main__":
    main()
