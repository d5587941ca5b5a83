"""The model of a bundled study as a page of the docs: its flow diagram and its equations, made from the model itself.

python -m opsonin.studies.model_page [--study imatinib-il2] [--docs docs]
"""

from __future__ import annotations

import argparse
import html
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from opsonin.report.diagram import write_diagram
from opsonin.report.mathml import mathml

INTRODUCTION = """# The model of {study}

Made by `python -m opsonin.studies.model_page` from the model that `opsonin run {study}` integrates: {states} states,
{constants} constants for each patient. [Flow diagrams](model-diagram.md) says how to read the picture; parameters with
their sources are printed by `opsonin explain {study}`.

[![Flow diagram of the model](images/{study}-model.svg)](images/{study}-model.svg)

## Differential equations

Laws as their authors wrote them; quantities and signals stand by name and follow below. Units are converted where a law
mixes them.
"""


def page(told: Mapping[str, Any], study: str, states: int, constants: int) -> str:
    """The page, of what `Model.explain` tells."""
    meaning = {row["name"]: row["meaning"] for row in told["species"]}
    titles = {row["name"]: row["title"] or row["name"] for row in told["modules"]}
    module = {row["name"]: row["module"] for row in told["species"]}
    module |= {f"cumulative {row['name']}": row["module"] for row in told["hazards"]}
    parts = [INTRODUCTION.format(study=study, states=states, constants=constants)]
    for name, title in titles.items():
        rows = [
            (r["state"], meaning.get(r["state"], ""), r["latex"])
            for r in told["equations"]
            if module[r["state"]] == name
        ]
        if rows:
            parts += [f"### {title}\n", _table(rows)]
    parts += ["## Quantities\n", _table((q["name"], q["meaning"], q["latex"]) for q in told["quantities"])]
    parts.append(
        "## Signals\n\nWhat therapies do to biology; a signal that nothing modulates is 1 (product) or 0 (sum).\n"
    )
    parts.append(_table(_signals(told["signals"])))
    parts += ["## What the clinic measures\n", _table((o["name"], o["unit"], o["latex"]) for o in told["observables"])]
    return "\n".join(parts)


def _signals(signals: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    return [
        (signal["name"], f"{signal['combine']}, by {titled['module']}. {titled['meaning']}".strip(), titled["latex"])
        for signal in signals
        for titled in signal["modulations"]
    ]


def _table(rows: Iterable[tuple[str, str, str]]) -> str:
    """Rows of name, meaning and formula, in HTML: no script is needed to typeset them."""
    lines = ["<table>"]
    for name, said, latex in rows:
        small = f"<br><small>{html.escape(said)}</small>" if said else ""
        lines.append(f"<tr><td><b>{html.escape(name)}</b>{small}</td><td>{mathml(latex)}</td></tr>")
    return "\n".join([*lines, "</table>\n"])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--study", default="imatinib-il2")
    options.add_argument("--docs", type=Path, default=Path("docs"))
    given = options.parse_args()
    from opsonin.study import Study

    study = Study.load(given.study)
    model = study.built.model
    symbolic = model.symbolic
    write_diagram(model.diagram(study.file.title), given.docs / "images" / f"{given.study}-model.svg")
    target = given.docs / f"{given.study}-model.md"
    text = page(model.explain(), given.study, len(symbolic.states), len(symbolic.constants))
    target.write_text(text, encoding="utf-8")
    sys.stdout.write(f"written: {target}\n")


if __name__ == "__main__":
    main()
