"""The figures of the page on antibodies and targeted drugs: severe events, exposure, response and what keeps it.

python -m opsonin.studies.drug_tables [--patients 300] [--seed 1]

prints three Markdown tables. No trial: nobody is scanned, stops or leaves.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from opsonin.biology import full_core
from opsonin.model import Model, Module, Observable, laws
from opsonin.simulate import intravenous_infusion, oral
from opsonin.studies.cell_tables import Pool, answered, pools
from opsonin.studies.programs import how_many, told_in_a_line
from opsonin.therapies import load_agent
from opsonin.units import DAYS_PER_MONTH

REFRACTORY = "refractory-solid-full"
# agent, mg/kg, days between doses, doses
REGIMENS: Mapping[str, Sequence[tuple[str, float, float, int]]] = {
    "nivolumab, 15 doses": (("nivolumab", 3.0, 14.0, 15),),
    "nivolumab, 7 doses": (("nivolumab", 3.0, 14.0, 7),),
    "ipilimumab, 4 doses of 3 mg/kg": (("ipilimumab", 3.0, 21.0, 4),),
    "both, 4 doses": (("nivolumab", 1.0, 21.0, 4), ("ipilimumab", 3.0, 21.0, 4)),
}
AFTER = 30.0  # days after the last interval in which events count
TABLETS = {"erlotinib": ("nsclc-egfr", 150.0), "imatinib-kit": ("gist", 400.0)}  # agent → indication, mg a day
SCANS = np.arange(0.0, 1441.0, 42.0)
KILLS = {"macrophage_kill": "macrophages' killing of a cell", "t_kill": "T cells' killing of a cell"}
VOLUME = "tumour_volume"
SEEN = (14.0, 28.0, 56.0, 120.0, 180.0, 360.0)  # days


def cohort(name: str, agents: Sequence[str], patients: int, seed: int) -> Pool:
    """Virtual patients of one indication under agents, whose volume and killing can be observed."""
    units = {VOLUME: "dimensionless"} | dict.fromkeys(KILLS, "1/day")
    shown = [Observable(what, "measurements", laws.reading(lambda x: x, what), unit) for what, unit in units.items()]
    model = Model([*full_core(), *(load_agent(agent) for agent in agents), Module("shown", shown)])
    return pools(model, name, patients=patients, seed=seed)[name]


def seen(pool: Pool, name: str, states: np.ndarray, times: np.ndarray) -> Float[np.ndarray, "patient time"]:
    """One observable's true values."""
    return pool.model.observe([name], states, pool.constants, times)[:, :, 0]


def severe(pool: Pool, states: np.ndarray, grade: int = 3) -> float:
    """The share with a related event of at least this grade by the last time."""
    symbolic = pool.model.symbolic
    hazard = np.zeros(len(states))
    for n, part in enumerate(symbolic.hazard_list):
        if part.role == "adverse event":
            hazard += dict(part.thresholds).get(grade, 0.0) * states[:, -1, len(symbolic.species) + n]
    return float(np.mean(-np.expm1(-hazard)))


def events(patients: int, seed: int) -> str:
    """Events of grade 3 or more by regimen, and pembrolizumab's exposure, as Markdown."""
    agents = sorted({agent for doses in REGIMENS.values() for agent, *_ in doses} | {"pembrolizumab"})
    pool = cohort(REFRACTORY, agents, patients, seed)
    weight = pool.column("weight_kg")
    rows = [f"| regimen, {patients} patients | grade 3 or more |", "|---|---|"]
    for title, regimen in REGIMENS.items():
        given, end = [], 0.0
        for agent, dose, every, number in regimen:
            amount = dose * weight[:, None] * np.ones((1, number))
            given.append(intravenous_infusion(agent, amount, "mg", every * np.arange(number), 0.5))
            end = max(end, every * number + AFTER)
        rows.append(f"| {title} | {severe(pool, pool.states(given, np.array([0.0, end]))):.0%} |")
    clearance = pool.column("pembrolizumab_clearance")  # l/day; two doses, three weeks apart, at steady state
    for title, dose in (("200 mg", np.full(patients, 200.0)), ("10 mg/kg", 10 * weight)):
        area = np.mean(2 * dose / clearance) / 1000
        rows.append(f"| pembrolizumab, area over six weeks, {title} | {area:.1f} mg·day/ml |")
    return "\n".join(rows)


def targeted(patients: int, seed: int) -> str:
    """Response and progression by diameter under a targeted drug, every six weeks, as Markdown."""
    rows = [f"| daily, {patients} patients | in | response | half have progressed after |", "|---|---|---|---|"]
    for agent, (name, dose) in TABLETS.items():
        pool = cohort(name, (agent,), patients, seed)
        states = pool.states([oral(agent, dose, "mg", np.arange(SCANS[-1]))], SCANS)
        response, months = outcome(np.cbrt(np.maximum(seen(pool, VOLUME, states, SCANS), 0.0)))
        rows.append(f"| {agent} | {name} | {response:.0%} | {months:.1f} months |")
    return "\n".join(rows)


def outcome(size: Float[np.ndarray, "patient scan"]) -> tuple[float, float]:
    """The share that shrinks by 30 % before it grows by 20 % from its smallest, and the median time to the latter.

    size: diameters at `SCANS`, relative to the first.   Months are inf where fewer than half progress.
    """
    response, progressed = answered(size / size[:, :1])
    days = np.r_[SCANS, np.inf][progressed]
    return float(response.mean()), float(np.median(days)) / DAYS_PER_MONTH


def killers(patients: int, seed: int) -> str:
    """What becomes of killing by macrophages and by T cells as erlotinib shrinks a tumour, as Markdown."""
    name, dose = TABLETS["erlotinib"]
    pool = cohort(name, ("erlotinib",), patients, seed)
    times = np.r_[0.0, SEEN]
    states = pool.states([oral("erlotinib", dose, "mg", np.arange(times[-1]))], times)
    rows = [f"| erlotinib, median of {patients}, × before | {' | '.join(f'day {day:g}' for day in SEEN)} |"]
    rows.append("|---|" + "---|" * len(SEEN))
    for what, words in KILLS.items():
        rate = seen(pool, what, states, times)
        ratio = np.median(rate[:, 1:] / rate[:, :1], axis=0)
        rows.append(f"| {words} | " + " | ".join(f"{x:.2g}" for x in ratio) + " |")
    return "\n".join(rows)


@told_in_a_line()
def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--patients", type=how_many, default=300, help="of each indication")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    tables = (made(given.patients, given.seed) for made in (events, targeted, killers))
    sys.stdout.write("\n\n".join(tables) + "\n")


if __name__ == "__main__":
    main()
