"""What natural killer cells do in the virtual phase II of stromal tumours: with them, without their killing, unroused.

python -m opsonin.studies.natural_killers [--patients 400] [--seed 1]

prints two Markdown tables: outcomes of the same patients with a mechanism changed, and how an answer of natural killer
cells to imatinib marks progression, beside what was published (Ménard 2009, Cancer Res 69:3563).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from opsonin.studies.published import Simulated

STUDY, MARKER = "gist-phase2", "HLA-DR+ NK"
ARMS = {1: "imatinib", 2: "with interleukin-2"}
UNROUSED = {"imatinib_kit_nk_drive": 0.0, "imatinib_kit_nk_priming": 0.0}
CHANGES: Mapping[str, Mapping[str, float]] = {
    "as they are": {},
    "imatinib does nothing to NK cells": UNROUSED,
    "NK cells do not kill": {"nk_kill_rate": 0.0},
    "they kill twice as well": {"nk_kill_rate": 2.0},
}
FALLEN, EVALUATED = 22, 56  # of whom interferon γ of NK cells had fallen by two months, Ménard 2009
PUBLISHED = "0.29 (0.12–0.70); 85 % and 50 % free of progression at two years"
TWO_YEARS = 24 * 30.4375


@dataclass(frozen=True)
class Outcomes:
    """Of the patients of one arm.   day, event: of progression or death.   answer: the marker at the last panel over
    the first."""

    response: Bool[np.ndarray, " patient"]
    day: Float[np.ndarray, " patient"]
    event: Bool[np.ndarray, " patient"]
    answer: Float[np.ndarray, " patient"]

    def free(self, rows: Any = slice(None)) -> Simulated:
        """Free of progression at two years, per cent, with 95 % interval."""
        from opsonin.analysis import kaplan_meier

        at = kaplan_meier(self.day[rows], self.event[rows]).at(TWO_YEARS).iloc[0]
        return Simulated(100 * float(at["survival"]), 100 * float(at["lower"]), 100 * float(at["upper"]))

    def median(self) -> float:
        """Months of median progression-free survival."""
        from opsonin.analysis import kaplan_meier

        return kaplan_meier(self.day, self.event).median.estimate / 30.4375

    def answered(self, landmark: float) -> tuple[Bool[np.ndarray, " patient"], Bool[np.ndarray, " patient"]]:
        """Who is looked at, alive and without progression at the landmark, and whose cells answered: the upper share
        of them that was published."""
        looked = np.isfinite(self.answer) & (self.day > landmark)
        return looked, self.answer > np.quantile(self.answer[looked], FALLEN / EVALUATED)

    def hazard_ratio(self, landmark: float) -> Simulated:
        """Of progression, of those whose natural killer cells answered against the others."""
        from opsonin.analysis import cox

        looked, high = self.answered(landmark)
        row = cox(self.day[looked], self.event[looked], high[looked].astype(float), names=["answer"]).to_frame().iloc[0]
        return Simulated(float(row["hazard_ratio"]), float(row["lower"]), float(row["upper"]))


def outcomes(arm: int, patients: int, seed: int) -> dict[str, tuple[Outcomes, float]]:
    """By change: what the arm's patients show, and the day of the last panel."""
    from opsonin.study import Study
    from opsonin.study.again import Again
    from opsonin.study.judging import judge_of

    study = Study.load(STUDY)
    again = Again(study, "progression-free at 24 months", arm, seed, patients)
    respond = judge_of("response", study.built.protocol.observe_days)
    marker = [one.name for one in again.plan.markers].index(MARKER)
    made = {}
    for name, change in CHANGES.items():
        seen = again.changed(change)[0] if change else again.base
        day = np.minimum(seen.progression, seen.death)
        until = np.minimum(seen.drop_out, again.plan.end)
        panel = seen.measurements[:, marker]
        made[name] = (
            Outcomes(respond(again.plan, seen)[0], np.minimum(day, until), day <= until, panel[:, -1] / panel[:, 0]),
            float(again.plan.immune_times[-1]),
        )
    return made


def tables(patients: int, seed: int) -> str:
    """Both tables, as Markdown."""
    first = [
        "| arm | patients' NK cells | response | free of progression at two years | median PFS |",
        "|---|---|---|---|---|",
    ]
    second = [
        "| | hazard ratio of progression, answer against none | free at two years, answer and none |",
        "|---|---|---|",
    ]
    second.append(f"| published, 56 patients under imatinib | {PUBLISHED.replace(';', ' |')} |")
    for arm, title in ARMS.items():
        for name, (seen, landmark) in outcomes(arm, patients, seed).items():
            cells = (
                title,
                name,
                f"{seen.response.mean():.0%}",
                f"{seen.free().words()} %",
                f"{seen.median():.1f} months",
            )
            first.append(f"| {' | '.join(cells)} |")
            if arm == 1 and np.ptp(seen.answer[np.isfinite(seen.answer)]) > 1e-3:
                looked, high = seen.answered(landmark)
                second.append(
                    f"| {name} | {seen.hazard_ratio(landmark).words()} | {seen.free(looked & high).words()} % and "
                    f"{seen.free(looked & ~high).words()} % |"
                )
    return "\n".join([*first, "", *second])


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m opsonin.studies.natural_killers", description=__doc__)
    options.add_argument("--patients", type=int, default=400)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    sys.stdout.write(tables(given.patients, given.seed) + "\n")


if __name__ == "__main__":
    main()
