"""What makes response to one drug differ between cancers: distributions of mechanisms, equalised one by one.

python -m opsonin.studies.response_spread [--patients 500] [--seed 1]

prints the response of eight cancers to pembrolizumab (`checkpoint-basket`) as they are, and again where one mechanism
of every cancer is distributed as in lung cancer: each patient keeps the rank within the cancer, and all else. Last,
everything that differs between patients is distributed so. No cancer has a rate of its own in the model if all rates
are then lung cancer's.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from opsonin.studies.programs import how_many, told_in_a_line

STUDY, REFERENCE = "checkpoint-basket", "nsclc"
MECHANISMS: Mapping[str, tuple[str, ...]] = {
    "how far T cells get in": ("access",),
    "antigens": ("mutational_burden", "precursors_per_mutation"),
    "antigen loss": ("escape_share", "escape_visibility"),
    "PD-L1 and suppressive cells": ("pdl1_own", "pd1_half", "macrophage_supply", "treg_level", "mdsc_level"),
    "growth and burden": ("net_growth_rate", "new_lesion_rate", *(f"lesion_{k}" for k in range(1, 6))),
}
AS_THEY_ARE, EVERYTHING = "as they are", "everything"


def as_in(own: Float[np.ndarray, " patient"], other: Float[np.ndarray, " patient"]) -> Float[np.ndarray, " patient"]:
    """The values of the others, given by rank; as many of both.   Ties are broken by order."""
    ranks: Int[np.ndarray, " patient"] = np.argsort(np.argsort(own, kind="stable"), kind="stable")
    return np.sort(other)[ranks]


def equalised(
    constants: Float[np.ndarray, "patient constant"], groups: np.ndarray, columns: Sequence[int]
) -> Float[np.ndarray, "patient constant"]:
    """Patients of every cancer with these columns distributed as in the reference."""
    made, reference = constants.copy(), groups == REFERENCE
    for name in dict.fromkeys(groups):
        rows = groups == name
        for column in columns:
            made[rows, column] = as_in(constants[rows, column], constants[reference, column])
    return made


def rates(patients: int, seed: int) -> dict[str, dict[str, float]]:
    """What is equalised → cancer → share who respond."""
    from opsonin.model.derived import completed
    from opsonin.study import Study
    from opsonin.study.again import Again

    again = Again(Study.load(STUDY), "response", 1, seed, patients)
    symbolic, constants = again.model.symbolic, again.patients.constants
    place = {name: k for k, name in enumerate(symbolic.constants)}
    free = [k for k in range(constants.shape[1]) if k not in symbolic.derived and np.ptp(constants[:, k]) > 0]
    asked = {name: [place[one] for one in parts] for name, parts in MECHANISMS.items()} | {EVERYTHING: free}
    good = {AS_THEY_ARE: (again.good, again.known)}
    for name, columns in asked.items():
        changed = completed(symbolic, equalised(constants, again.groups, columns))
        plan, seen = again.outcomes(dataclasses.replace(again.patients, constants=changed))
        good[name] = again.judge(plan, seen)
    cancers = list(dict.fromkeys(again.groups))
    return {
        name: {cancer: float(who[known & (again.groups == cancer)].mean()) for cancer in cancers}
        for name, (who, known) in good.items()
    }


def table(found: Mapping[str, Mapping[str, float]]) -> str:
    """A row each cancer, and the standard deviation between cancers below."""
    lines = [f"| responding, as in {REFERENCE} is | {' | '.join(found)} |", "|---" * (len(found) + 1) + "|"]
    for cancer in found[AS_THEY_ARE]:
        lines.append(f"| {cancer} | {' | '.join(f'{row[cancer]:.0%}' for row in found.values())} |")
    spread = (100 * float(np.std(list(row.values()), ddof=1)) for row in found.values())
    lines.append(f"| standard deviation between cancers | {' | '.join(f'{sd:.0f} points' for sd in spread)} |")
    return "\n".join(lines)


@told_in_a_line()
def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--patients", type=how_many, default=500, help="of each cancer, at most the pool's 500")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    sys.stdout.write(table(rates(given.patients, given.seed)) + "\n")


if __name__ == "__main__":
    main()
