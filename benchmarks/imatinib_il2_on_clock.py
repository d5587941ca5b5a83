"""Whole virtual trials of imatinib-il2 under designs that look at more than counts: doses declared, patients, duration.

Makes the table of docs/trial-clock.md: `python benchmarks/imatinib_il2_on_clock.py --trials 1000`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

from opsonin.study import Study
from opsonin.study.run import simulate

DESIGNS = {
    "BOIN": '{ name = "boin", target = 0.30, patients = 24 }',
    "TITE-BOIN": '{ name = "tite-boin", target = 0.30, patients = 24 }',
    "TITE-CRM": '{ name = "tite-crm", target = 0.30, patients = 24, no_skipping = true }',
    "rolling six": '"rolling-six"',
    "gBOIN": '{ name = "gboin", patients = 24 }',
    "BOIN, backfill": '{ name = "boin", target = 0.30, patients = 24, backfill = { responses = false } }',
    "BOIN, saturating": '{ name = "boin", target = 0.30, patients = 24, saturating = 0.9 }',
    "BOIN12": '{ name = "boin12", patients = 24 }',
    "TITE-BOIN12": '{ name = "tite-boin12", patients = 24 }',
}
KEYS = 'response = "12 weeks"\nimmune = { marker = "HLA-DR+ NK", day = 15, change = "ratio" }\n'
MONTH = 30.4375


def study(design: str, folder: Path) -> Study:
    """imatinib-il2 with another design, and what it may look at."""
    text = (files("opsonin.studies") / "imatinib-il2.toml").read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    made = "".join(f"design = {design}\n{KEYS}" if line.startswith("design = ") else line for line in lines)
    path = folder / "study.toml"
    path.write_text(made, encoding="utf-8")
    return Study.load(path)


def measured(design: str, trials: int, folder: Path) -> dict[str, Any]:
    """What trials of a design come to."""
    begun = time.process_time()
    made = simulate(study(design, folder), 1, trials, None, None).replicates
    seconds = time.process_time() - begun
    assert made is not None
    decisions, subjects, events = (made.table(name) for name in ("decisions", "subjects", "adverse_events"))
    last = decisions.groupby("trial").tail(1)
    declared = last["level_to"].where(last["decision"] == "declare").fillna(0).astype(int)
    sizes = subjects.groupby("trial").size()
    toxic = events[events["dlt"].astype(bool)].drop_duplicates(["trial", "subject_id"]).groupby("trial").size()
    found = {f"level {k}": float((declared == k).mean()) for k in range(5)}
    return found | {
        "patients": float(sizes.mean()),
        "with DLT": float(toxic.sum() / len(sizes)),
        "at level 4": float((subjects["level"] == 4).groupby(subjects["trial"]).mean().mean()),
        "months": float(last["day"].mean() / MONTH),
        "processor seconds": seconds,
    }


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--trials", type=int, default=1000)
    given.add_argument("--json", action="store_true")
    asked = given.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = {name: measured(design, asked.trials, Path(folder)) for name, design in DESIGNS.items()}
    if asked.json:
        print(json.dumps(found))
        return
    heads = list(found["BOIN"])
    print("| design | " + " | ".join(heads) + " |")
    print("|---" * (len(heads) + 1) + "|")
    for name, row in found.items():
        cells = [f"{100 * row[h]:.1f} %" if h.startswith(("level", "at")) else f"{row[h]:.1f}" for h in heads]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
