"""Where CAR T cells fail and why: one barrier removed, and two; another solid tumour; a leukaemia beside ELIANA.

python -m opsonin.studies.car_t_barriers [--patients 300] [--seed 1]

prints three Markdown tables of `cart-liquid-solid`, the last two of copies of it: with gastric cancer, of which first
products shrank half, and with children with leukaemia alone, after its dose of cells and after the highest of ELIANA.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from opsonin.studies.programs import how_many, told_in_a_line

if TYPE_CHECKING:
    from opsonin.study import Study

STUDY = "cart-liquid-solid"
DOSE, HIGHEST = "100 Mcell", "250 Mcell"
LIQUID, SOLID, CELLS = 1, 2, "car-t-solid"  # arms, by number, and what the second is given
PAIR = ("infused cells get in", "no antigen loss")
OPEN: Mapping[str, float] = {"car_solid_barrier": 1e-6}  # times as high: what infused cells have to pass beyond access
CHILDREN = 400  # in each of three arms
DRAWS = 400
ELIANA = {  # quantity as published → words, what ELIANA found
    "overall_remission_rate": ("remission", "81 % (71–89 %)"),
    "relapse_free_rate_6m": ("free of relapse at six months", "80 %"),
    "efs_rate_12m": ("free of events at a year", "50 % (35–64 %)"),
    "os_rate_12m": ("alive at a year", "76 %"),
    "os_rate_18m": ("alive at 18 months", "70 % (58–79 %)"),
    "crs_any_rate": ("cytokine release", "77 %"),
    "crs_grade3plus_rate": ("cytokine release, grade 3 or more", "46 %"),
}


def changed_study(indication: str, dose: str, patients: int | None = None) -> Study:
    """The study in one indication alone, after another dose of cells, with so many patients in every arm."""
    from opsonin.study import Study
    from opsonin.study.library import find, read

    text = re.sub(r"(?ms)^\[questions.why.*", "", read(find(STUDY)))
    said = {
        r"indication = \[.*?\]": f'indication = "{indication}"',
        r", criteria = \{.*?\}": "",
        f'"{DOSE}"': f'"{dose}"',
    }
    if patients is not None:
        said |= {r"pool = \d+": f"pool = {4 * patients}", r"(?m)^patients = \d+": f"patients = {patients}"}
    for old, new in said.items():
        text, count = re.subn(old, new, text)
        assert count, old
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{STUDY}.toml"
        path.write_text(text, encoding="utf-8")
        study = Study.load(path)
        assert study.built  # read while the file is there
        return study


def barriers(patients: int, seed: int) -> str:
    """Response to the plain product for solid tumours, as it is and with each change, as Markdown."""
    from opsonin.study import Study
    from opsonin.study.again import Again
    from opsonin.study.changes import changed_patients
    from opsonin.trial import Pool

    study = Study.load(STUDY)
    why = study.file.questions.why
    assert why is not None
    again = Again(study, why.outcome, SOLID, seed, patients)
    names = study.file.population.indications
    lines = [f"| changed, {patients} patients of each | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    both = [why.change[name] for name in PAIR]
    changes: dict[str, list[Any]] = {name: [parts] for name, parts in why.change.items()} | {" and ".join(PAIR): both}
    found = {"nothing": (again.good, again.known)} | {name: again.changed(*c)[1:] for name, c in changes.items()}
    open_ = changed_patients(again.patients, why.change[PAIR[0]], again.model.symbolic, again.good, again.known)
    without = Pool(again.model, open_, study.built.protocol, seed).outcomes(SOLID, frozenset({CELLS}))
    found["the same access, no cells given"] = again.judge(again.plan, without)
    for name, (good, known) in found.items():
        shares = (float(np.mean(good[(again.groups == one) & known])) for one in names)
        lines.append(f"| {name} | {' | '.join(f'{share:.1%}' for share in shares)} |")
    return "\n".join(lines)


def gastric(patients: int, seed: int) -> str:
    """Response of gastric cancer to the same product, as it is and without the barrier, as Markdown."""
    from opsonin.study.again import Again

    again = Again(changed_study("gastric", HIGHEST), "response", SOLID, seed, patients)
    good, known = again.changed(OPEN)[1:]
    lines = [f"| gastric cancer, {patients} patients, {HIGHEST} | response |", "|---|---|"]
    lines.append(f"| as it is | {np.mean(again.good[again.known]):.1%} |")
    return "\n".join([*lines, f"| without the barrier of infused cells | {np.mean(good[known]):.1%} |"])


def eliana(seed: int) -> str:
    """What becomes of children with leukaemia after either dose of CD19 CAR T cells, beside ELIANA, as Markdown."""
    from opsonin.studies.clinical_patients import clinical_patients, figure_of

    doses = (HIGHEST, DOSE)
    lines = [f"| {CHILDREN} children | after {' | after '.join(doses)} | ELIANA |", "|---|---|---|---|"]
    pools = []
    for dose in doses:
        study = changed_study("b-all", dose, CHILDREN)
        record = study.simulate(seed).record
        arm = study.built.protocol.levels[LIQUID - 1].name
        pools.append(clinical_patients(record).take((record.subjects["arm"].astype(str) == arm).to_numpy()))
    draws = np.random.Generator(np.random.Philox(key=seed)).integers(0, CHILDREN, (DRAWS, CHILDREN))
    for quantity, (what, published) in ELIANA.items():
        figure = figure_of(quantity)
        assert figure is not None
        cells = []
        for pool in pools:
            low, high = np.nanquantile([figure(pool.take(rows)) for rows in draws], (0.025, 0.975))
            cells.append(f"{figure(pool):.0f} % ({low:.0f}–{high:.0f} %)")
        lines.append(f"| {what} | {' | '.join(cells)} | {published} |")
    return "\n".join(lines)


@told_in_a_line()
def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--patients", type=how_many, default=300, help="of each cancer, at most the pool's 500")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    tables = (barriers(given.patients, given.seed), gastric(given.patients, given.seed), eliana(given.seed))
    sys.stdout.write("\n\n".join(tables) + "\n")


if __name__ == "__main__":
    main()
