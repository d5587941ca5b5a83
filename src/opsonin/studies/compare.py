"""The virtual trial of imatinib with interleukin-2 beside what was published, as a page of the docs.

python -m opsonin.studies.compare [--seed 1] [--trials 1000] [--pool 2000] [--out docs/published.md]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from opsonin.studies.claims import CLAIMS
from opsonin.studies.published import Row, Simulated, compare, markdown, targets

if TYPE_CHECKING:
    from opsonin.trial import Pool


def rows(seed: int, trials: int, pool_size: int | None, name: str = "imatinib-il2") -> list[Row]:
    """Run the bundled study of this name and the direct simulations, and set them beside the claims."""
    from opsonin.studies.direct_figures import DirectFigures

    pool, simulated = of_trials(seed, trials, pool_size, name)
    simulated |= DirectFigures(pool.model, pool.patients.take(slice(0, 200))).all()
    return compare(CLAIMS, simulated)


def of_trials(seed: int, trials: int, pool_size: int | None, name: str) -> tuple[Pool, dict[str, Simulated]]:
    """The pool, and the figures of replicate trials by the claim's id."""
    from opsonin.patients import sample_patients
    from opsonin.studies.trial_figures import TrialFigures
    from opsonin.study import Study
    from opsonin.trial import Pool, run_trials

    study = Study.load(name)
    built = study.built
    patients = sample_patients(built.model, built.indication, pool_size or study.file.population.pool, seed)
    pool = Pool(built.model, patients, built.protocol, seed)
    replicates = run_trials(pool, built.protocol, built.design, seed, trials).replicates
    return pool, TrialFigures(replicates, len(built.protocol.levels)).all()


def page(table: list[Row], seed: int, trials: int, pool_size: int) -> str:
    """The page of the docs."""
    agreeing = sum(row.agrees for row in table)
    predicted = [row for row in table if row.status == "predicted"]
    return PAGE.format(
        table=markdown(table),
        seed=seed,
        trials=f"{trials:,}",
        pool=f"{pool_size:,}",
        rows=len(table),
        agreeing=agreeing,
        predicted=len(predicted),
        right=sum(row.agrees for row in predicted),
        targets=len(targets()),
    )


PAGE = """# The virtual trial beside the published one

Made by `python -m opsonin.studies.compare`, seed {seed}: {trials} replicate trials of the bundled study `imatinib-il2`
from a pool of {pool} virtual patients. Figures of the trial are medians over replicate trials, in brackets the middle
95 % of trials; those of other publications come from direct simulation of their regimens, in brackets the middle 95 %
of 200 virtual patients.

*Calibrated* rows are figures that parameters were set to meet; they show that the model can, not that it is right.
*Predicted* rows were not used: `src/opsonin/studies/targets.toml` lists the {targets} figures that were, and a test
fails when a row called predicted stands in it. Rows that disagree stay, with their likely cause. A patient who stops
interleukin-2 for a dose-limiting toxicity recovers before the sample of day 15, which flattens changes at the upper
levels.

{table}

{agreeing} of {rows} rows agree; of the {predicted} predicted ones {right} do. How the calibrated parameters were found
can be run again: `python benchmarks/calibrate_imatinib_il2.py`.
"""


def main() -> None:
    options = argparse.ArgumentParser(
        prog="python -m opsonin.studies.compare", description="published beside simulated"
    )
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--trials", type=int, default=1000)
    options.add_argument("--pool", type=int, default=2000)
    options.add_argument("--out", type=Path, default=Path("docs/published.md"))
    given = options.parse_args()
    made = page(rows(given.seed, given.trials, given.pool), given.seed, given.trials, given.pool)
    given.out.write_text(made, encoding="utf-8")
    sys.stdout.write(made)


if __name__ == "__main__":
    main()
