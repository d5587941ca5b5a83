"""The page of assumptions: which assumed parameters the outcomes of bundled studies hang on, made by a program.

python -m opsonin.studies.assumptions                    # writes docs/assumptions.md, in about four minutes
python -m opsonin.studies.assumptions --patients 100     # fewer patients of each indication
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from opsonin.studies.programs import how_many, told_in_a_line
from opsonin.study import Study
from opsonin.study.assumptions import FOLD, Assumptions, assumed_shares

PAGE = Path("docs/assumptions.md")
SHOWN = 10
PATIENTS = 4000  # of a study, over its indications


class Asked(NamedTuple):
    """One study's outcome at a level or in an arm."""

    study: str
    level: int
    outcome: str


ASKED = (
    Asked("checkpoint-basket", 1, "response"),
    Asked("cart-liquid-solid", 1, "response"),
    Asked("p21-monocytes", 3, "progression-free at 3 months"),
    Asked("persisters-egfr", 1, "progression-free at 12 months"),
    Asked("vaccine-prostate", 1, "alive at 24 months"),
    Asked("imatinib-il2", 2, "progression-free at 12 weeks"),
)
HEAD = """# Which assumptions matter

Every parameter has a unit and a source; many sources say *assumed*, because nobody measured the number, or not in
patients. This page, written by `python -m opsonin.studies.assumptions`, says which of them the answers hang on. Each
assumed number is made uncertain by a factor of {fold:g} either way (95 % of its values lie within it; of the odds,
where it is a share), differently in every virtual patient, beside all that differs between patients anyway. Its share
is that of the outcome's variance, within each indication, for which it accounts by itself ([method](why.md)). A share
near nought means that another value would hardly change the answer; a large one, that the answer is no better than the
assumption. What a wrong assumption does to all patients at once can be larger: the two rates of each study show how
far the outcome moves when all are uncertain together.

`opsonin why STUDY --assumed` gives the same for any study, outcome and arm; `--fold` another uncertainty, `--out` the
whole table.
"""


def page(asked: Sequence[Asked] = ASKED, patients: int = PATIENTS, seed: int = 1) -> str:
    """The page as Markdown.   patients: of each study, shared over its indications."""
    parts = [HEAD.format(fold=FOLD)]
    for one in asked:
        study = Study.load(one.study)
        each = max(40, patients // len(study.built.indications))
        found = assumed_shares(study, outcome=one.outcome, level=one.level, patients=each, seed=seed)
        parts.append(section(one, study, found))
    return "\n".join(parts)


def section(asked: Asked, study: Study, found: Assumptions) -> str:
    """One study's words and table."""
    arm = study.built.protocol.levels[asked.level - 1].name
    clear = found.table[found.table["lower"] > 0]
    lines = [
        f"## {study.file.title}",
        "",
        f'`opsonin why {asked.study} --assumed --level {asked.level} --outcome "{asked.outcome}"`: {arm}, '
        f"{found.n:,} patients.",
        "",
        f"{len(found.table)} parameters are assumed. {asked.outcome[0].upper()}{asked.outcome[1:]}: "
        f"{100 * found.rate_as_assumed:.1f} % as assumed, {100 * found.rate:.1f} % with all of them uncertain. "
        f"{_told(found, clear)}",
        "",
        "| parameter | value | share of the variance, 95 % interval | assumed |",
        "|---|---|---|---|",
    ]
    for _, row in clear.head(SHOWN).iterrows():
        unit = "" if row["unit"] == "dimensionless" else f" {row['unit']}"
        why = str(row["source"]).partition(":")[2].strip() or "without a reason"
        lines.append(
            f"| `{row['parameter']}` | {row['value']:.4g}{unit} | {100 * row['share']:.1f} % "
            f"({100 * row['lower']:.1f} to {100 * row['upper']:.1f}) | {why.replace('|', '/')} |"
        )
    return "\n".join([*lines, ""])


def _told(found: Assumptions, clear: pd.DataFrame) -> str:
    """How many can be told from nought, and how large a share must be for that, lest silence be read as safety."""
    width = 100 * float((found.table["upper"] - found.table["lower"]).median()) / 2.0
    limit = f"a share below about {width:.1f} % cannot be told from nought with so many patients"
    if clear.empty:
        return f"None of them can be told from nought by itself: {limit}."
    count = (
        "One of them can be told from nought and accounts"
        if len(clear) == 1
        else (f"{len(clear)} of them can be told from nought and account together")
    )
    return f"{count} for {100 * clear['share'].sum():.0f} % of the variance; {limit}."


@told_in_a_line()
def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=how_many, default=PATIENTS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    options.page.write_text(page(patients=options.patients, seed=options.seed), encoding="utf-8")


if __name__ == "__main__":
    main()
