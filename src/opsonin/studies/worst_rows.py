"""Why the worst rows of the table of clinical targets disagree: the same patients with one mechanism changed.

python -m opsonin.studies.worst_rows [--patients 300]

prints a Markdown table of what CAR T cells do in lymphoma (JULIET) and in gastric cancer (SATRI22), as they are and
changed, beside childhood leukaemia: pools without a trial, as in `cell_tables`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from opsonin.studies.cell_tables import AGENTS, CRS, TIMES, Course, Pool, cells, pools
from opsonin.studies.programs import how_many, told_in_a_line

MILLION = 250.0  # cells, as the table gives
NODE_MM = 15.0  # a node of this diameter or less is none by Lugano's rules on size (Cheson 2014, J Clin Oncol 32:3059)
DEEP = 0.01  # of the living cancer cells left: what a scan of metabolism would hardly see
NOBODY = 1e-9  # times as many cells that T cells do not see
OPEN = 1e-6  # times as high a wall before infused cells


@dataclass(frozen=True)
class Asked:
    """Whose cells, and what is changed.   factors: parameter → what it is multiplied by."""

    indication: str
    agent: str
    factors: Mapping[str, float] = field(default_factory=dict)


ASKED: Mapping[str, Asked] = {
    "leukaemia of children, against CD19": Asked("b-all", "car-t"),
    "DLBCL, against CD19": Asked("dlbcl", "car-t"),
    "– no cells that T cells do not see": Asked("dlbcl", "car-t", {"escape_share": NOBODY, "escape_mutation": 0.0}),
    "gastric cancer, against CLDN18.2": Asked("gastric", "car-t-solid"),
    "– infused cells meet no wall": Asked("gastric", "car-t-solid", {"car_solid_barrier": OPEN}),
}


def course(pool: Pool, asked: Asked) -> Course:
    """What becomes of the patients after lymphodepletion and the cells."""
    changed = pool.changed(**{name: pool.column(name) * factor for name, factor in asked.factors.items()})
    return changed.under(*changed.lymphodepletion(), cells(asked.agent, MILLION))


def figures(made: Course, agent: str) -> dict[str, float]:
    """Shares of patients, and the median peak of infused cells in blood, cells/µl."""
    after = TIMES > 0
    left = made.cells[:, after] / made.cells[:, :1]
    place, rows = left.argmin(axis=1), np.arange(len(left))
    unseen = made.state("clone_escaped")[:, after][rows, place] / made.cells[:, after][rows, place]
    return {
        "response": float(made.response.mean()),
        "fewer than 1 % of living cells left": float((left.min(axis=1) < DEEP).mean()),
        "largest lesion at most 15 mm": float((made.largest_mm[:, after].min(axis=1) <= NODE_MM).mean()),
        "of what is left in responders, not seen": float(np.median(unseen[made.response]))
        if made.response.any()
        else 0,
        "any cytokine release": made.event(CRS),
        "peak, cells/µl": float(np.median(made.peak(agent.replace("-t", "").replace("-", "_")))),
    }


def table(patients: int) -> str:
    """A row a question, as Markdown."""
    from opsonin.biology import full_core
    from opsonin.model import Model
    from opsonin.therapies import load_agent

    model = Model([*full_core(), *(load_agent(agent) for agent in AGENTS)])
    names = list(dict.fromkeys(asked.indication for asked in ASKED.values()))
    every = pools(model, *names, patients=patients)
    rows = {name: figures(course(every[asked.indication], asked), asked.agent) for name, asked in ASKED.items()}
    heads = list(next(iter(rows.values())))
    lines = [f"| {patients} patients of each | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for name, row in rows.items():
        told = (f"{value:.3g}" if "cells/µl" in head else f"{value:.0%}" for head, value in row.items())
        lines.append(f"| {name} | {' | '.join(told)} |")
    return "\n".join(lines)


@told_in_a_line()
def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--patients", type=how_many, default=300)
    sys.stdout.write(table(options.parse_args().patients) + "\n")


if __name__ == "__main__":
    main()
