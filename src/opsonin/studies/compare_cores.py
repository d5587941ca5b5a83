"""The first trial of imatinib with interleukin-2 on both models of a patient, beside what was published.

python -m opsonin.studies.compare_cores [--seed 1] [--trials 1000] [--pool 2000] [--out docs/imatinib-il2-full.md]

The first core takes the tumour as one volume; the full core has its immune cells. Blood, drugs and toxicity are the
same in both, so that only figures of the tumour and of survival can differ much. The text between the tables is kept.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from opsonin.studies.compare import of_trials, rows
from opsonin.studies.published import Row, Simulated

FIRST, FULL = "imatinib-il2", "imatinib-il2-full"
INDICATION = "refractory-solid-full"
# of the tumour and of survival: calibrated anew for the full core; the link of NK cells with outcome was not
OF_THE_TUMOUR = (
    "objective-responses",
    "stable-disease",
    "stable-disease-duration",
    "survival-phase-1",
    "pfs-phase-1",
    "hladr-nk-outcome",
    "cd4-cd8-outcome",
)
PREDICTED_BY_FULL = ("objective-responses", "hladr-nk-outcome")
NK_KILLING = (0, 1, 4, 10)  # times the full core's own
FEWER = 3  # of the trials, for each strength
BEGIN, END = "<!-- {}: made by opsonin.studies.compare_cores -->", "<!-- end of {} -->"


def of_the_trial(found: list[Row]) -> list[Row]:
    """The rows of the trial itself; those of other publications ask the blood and the drugs, which are the same."""
    ends = next(k for k, row in enumerate(found) if row.claim.id == "pfs-phase-1")
    return found[: ends + 1]


def both(first: list[Row], full: list[Row]) -> str:
    """Claim | published | first core | full core, each with how it is known and whether it agrees."""
    lines = ["| | published | first core | | full core | |", "|---|---|---|---|---|---|"]
    for one, other in zip(of_the_trial(first), of_the_trial(full), strict=True):
        cells = (
            one.claim.quantity,
            one.claim.published,
            one.simulated.words(),
            f"{one.status}, {_verdict(one)}",
            other.simulated.words(),
            f"{status_on_full(other)}, {_verdict(other)}",
        )
        lines.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    return "\n".join(lines)


def status_on_full(row: Row) -> str:
    """What was not set anew for the full core is predicted by it, though the first core was calibrated to it."""
    return "predicted" if row.claim.id in PREDICTED_BY_FULL else row.status


def counted(first: list[Row], full: list[Row]) -> str:
    """How many rows agree, and of those predicted."""
    words = []
    for name, found, status in (
        ("first", of_the_trial(first), lambda row: row.status),
        ("full", of_the_trial(full), status_on_full),
    ):
        predicted = [row for row in found if status(row) == "predicted"]
        words.append(
            f"On the {name} core {sum(row.agrees for row in found)} of {len(found)} rows of the trial agree, and "
            f"{sum(row.agrees for row in predicted)} of the {len(predicted)} predicted ones."
        )
    return " ".join(words)


def nk_killing(seed: int, trials: int, pool: int) -> str:
    """What the link of HLA-DR+ NK cells with outcome takes on the full core: the same trial with stronger killing."""
    from opsonin.biology import full_core
    from opsonin.model import Model
    from opsonin.patients import indication, trying

    typical = Model(full_core()).symbolic
    own = indication(INDICATION).values.get(
        "nk_kill_rate", float(typical.typical[typical.constants.index("nk_kill_rate")])
    )
    lines = [
        "| NK killing, times the core's | HLA-DR+ NK against PFS and OS | stable disease of 17 | responses of 17 |",
        "|---|---|---|---|",
    ]
    for times in NK_KILLING:
        with trying(INDICATION, {"nk_kill_rate": own * times}):
            _, found = of_trials(seed, trials, pool, FULL)
        lines.append(
            f"| {times} | {_link(found['hladr-nk-outcome'])} | {_figure(found['stable-disease'])} "
            f"| {_figure(found['objective-responses'])} |"
        )
    return "\n".join(lines)


def _verdict(row: Row) -> str:
    return "agrees" if row.agrees else "**does not**"


def _figure(simulated: Simulated) -> str:
    return Simulated(simulated.value, simulated.lower, simulated.upper).words()


def _link(simulated: Simulated) -> str:
    return simulated.text.removeprefix("hazard ratio per standard deviation, within dose level: ")


def put(page: str, name: str, made: str) -> str:
    """The page with what stands between the marks of this name made anew. Raises: ValueError without such marks."""
    begin, end = BEGIN.format(name), END.format(name)
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"the page has no marks {begin!r} and {end!r}")
    return f"{before}{begin}\n\n{made}\n\n{end}{after}"


def main() -> None:
    options = argparse.ArgumentParser(
        prog="python -m opsonin.studies.compare_cores", description="both models of a patient beside what was published"
    )
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--trials", type=int, default=1000)
    options.add_argument("--pool", type=int, default=2000)
    options.add_argument("--out", type=Path, default=Path("docs/imatinib-il2-full.md"))
    given = options.parse_args()
    first, full = (rows(given.seed, given.trials, given.pool, name) for name in (FIRST, FULL))
    made = {
        "both cores": f"{both(first, full)}\n\n{counted(first, full)}",
        "NK killing": nk_killing(given.seed, given.trials // FEWER, given.pool),
    }
    page = given.out.read_text(encoding="utf-8")
    for name, text in made.items():
        page = put(page, name, text)
    given.out.write_text(page, encoding="utf-8")
    sys.stdout.write("\n\n".join(made.values()) + "\n")


if __name__ == "__main__":
    main()
