"""How the calibrated parameters of the imatinib and interleukin-2 model were found; run again after a change.

    python benchmarks/calibrate_imatinib_il2.py [--pool 600]

Each step moves the named parameters until the typical patient (or a small pool) meets a published figure and prints
what it finds beside what the model holds. It changes no file: a person reads the table and edits the source. Nothing
here looks at a figure that `src/opsonin/studies/targets.toml` does not list.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize

from opsonin.biology import core
from opsonin.designs import design, exact_characteristics
from opsonin.model import Model
from opsonin.patients import VirtualPatients, indication, sample_patients
from opsonin.simulate import build_schedule, dose_days, intravenous_infusion, oral, simulate, subcutaneous
from opsonin.therapies import load_agent

MODEL = Model([*core(), *(load_agent(agent) for agent in ("cyclophosphamide", "imatinib", "interleukin-2"))])
NAMES = list(MODEL.symbolic.constants)
STATES = list(MODEL.symbolic.species)
TYPICAL = np.asarray(MODEL.symbolic.typical, dtype=float)
BSA = TYPICAL[NAMES.index("bsa_m2")]
DAILY = "interleukin-2"


@dataclass(frozen=True)
class Fit:
    """One line of the table: parameters as found here, figure aimed at and reached."""

    target: str
    aim: str
    reached: str
    parameters: dict[str, float]


def main() -> None:
    options = argparse.ArgumentParser(description="calibrations")
    options.add_argument("--pool", type=int, default=600, help="patients for the steps that need a pool")
    pool = sample_patients(MODEL, indication("refractory-solid"), options.parse_args().pool, seed=1)
    for step in (
        site_capacity,
        nk_growth,
        treg_growth,
        treg_depletion,
        cyp3a,
        lambda: toxicity(pool),
        lambda: tumour(pool),
    ):
        fit = step()
        print(f"{fit.target}\n    aim {fit.aim}; reached {fit.reached}")
        for name, value in fit.parameters.items():
            print(f"    {name:32s} here {value:8.4g}   in the model {TYPICAL[NAMES.index(name)] / scale(name):8.4g}")


def scale(name: str) -> float:
    """The model's coherent unit per unit in which the parameter was written."""
    from opsonin.model import Parameter
    from opsonin.units import factor

    part = next(p for p, _ in MODEL.parts(Parameter) if p.name == name)
    return factor(part.unit, MODEL.symbolic.constant_units[NAMES.index(name)])


def run(doses: list, times: np.ndarray, **values: float) -> dict[str, np.ndarray]:
    """The typical patient's states by name, with parameters set in their written units."""
    constants = TYPICAL.copy()
    for name, value in values.items():
        constants[NAMES.index(name)] = value * scale(name)
    schedule = build_schedule(MODEL, constants[None, :], doses)
    made = simulate(MODEL, constants[None, :], schedule, times, start=min(0.0, float(times[0])))
    level = MODEL.observe(["interleukin-2"], made.states, constants[None, :], times)[0, :, 0]
    return {name: made.states[0, :, n] for n, name in enumerate(STATES)} | {"level": level}


def _root(miss: Callable[[float], float], low: float, high: float) -> float:
    """Where a miss changes sign between two bounds."""
    found: Any = optimize.brentq(miss, low, high)
    return float(found)


def site_capacity() -> Fit:
    """AUC(0–24 h) of 20 MIU/m² once: Kirchner 1998."""
    times = np.linspace(0, 1, 97)

    def area(capacity: float) -> float:
        found = run([subcutaneous(DAILY, 20 * BSA, "MIU", np.array([0.0]))], times, il2_site_capacity=capacity)
        return float(np.trapezoid(found["level"], times * 24))

    best = _root(lambda capacity: area(capacity) - 627, 0.5, 50)
    return Fit("AUC(0–24 h) of 20 MIU/m² once", "627 IU·h/ml", f"{area(best):.0f}", {"il2_site_capacity": best})


def nk_growth() -> Fit:
    """NK and CD56bright fold changes at 7 weeks of 0.4 and 1.75 MIU/m² a day: Meropol 1996."""
    names = ("il2_ec50_nk_growth", "bright_growth", "bright_crowding", "dim_recruitment")
    times = np.array([0.0, 49.0, 84.0])
    start = [TYPICAL[NAMES.index(name)] / scale(name) for name in names]

    def folds(values: np.ndarray) -> np.ndarray:
        found = []
        for miu in (0.4, 1.75):
            made = run(
                [subcutaneous(DAILY, miu * BSA, "MIU", dose_days(1, 90))],
                times,
                **dict(zip(names, values, strict=True)),
            )
            bright, every = made["nk_bright"], made["nk_bright"] + made["nk_dim"] + made["nk_active"]
            found += [bright[1] / bright[0], every[1] / every[0]]
        return np.array([*found, bright[2] / bright[1]])

    aim = np.array([4.68, 2.54, 28.63, 6.30, 1.05])  # the last: sustained from week 7 to week 12
    fit = optimize.least_squares(
        lambda logs: np.log(folds(np.exp(logs)) / aim) * [1, 1, 1, 1, 0.3], np.log(start), diff_step=1e-3
    )
    best = np.exp(fit.x)
    return Fit(
        "CD56bright and NK folds at 0.4, then 1.75 MIU/m² a day",
        "4.68, 2.54, 28.6, 6.30",
        ", ".join(f"{x:.3g}" for x in folds(best)[:4]),
        dict(zip(names, best, strict=True)),
    )


def treg_growth() -> Fit:
    """Regulatory T cells at 4 weeks of 1 MIU/m² a day: Koreth 2011."""

    def fold(growth: float) -> float:
        made = run([subcutaneous(DAILY, BSA, "MIU", dose_days(1, 28))], np.array([0.0, 28.0]), treg_growth=growth)
        return float(made["treg_cells"][1] / made["treg_cells"][0])

    best = _root(lambda growth: fold(growth) - 8, 0.05, 0.6)
    return Fit("Treg fold at 4 weeks of 1 MIU/m² a day", "8", f"{fold(best):.2f}", {"treg_growth": best})


def treg_depletion() -> Fit:
    """Regulatory T cells under 50 mg of cyclophosphamide a day: Ge 2012 (more than 40 % down; half is aimed at)."""
    times = np.arange(0.0, 92.0, 7.0)

    def course(kill: float) -> np.ndarray:
        made = run([oral("cyclophosphamide", 50, "mg", dose_days(1, 91))], times, cyclophosphamide_treg_kill=kill)
        return made["treg_cells"] / made["treg_cells"][0]

    best = _root(lambda kill: course(kill).min() - 0.5, 0.05, 2)
    reached = f"{course(best).min():.2f}, after 13 weeks {course(best)[-1]:.2f}"
    return Fit("lowest Treg count over baseline", "0.5, then recovery", reached, {"cyclophosphamide_treg_kill": best})


def cyp3a() -> Fit:
    """CYP3A activity three days after five days of 10.5 MIU/m² a day into a vein: Elkahwaji 1999."""

    def activity(suppression: float, miu: float = 10.5) -> float:
        doses = [intravenous_infusion(DAILY, miu * BSA, "MIU", dose_days(1, 5), 24.0)]
        return float(run(doses, np.array([0.0, 7.0]), cyp3a_suppression=suppression)["cyp3a_activity"][-1])

    best = _root(lambda suppression: activity(suppression) - 0.5, 0.1, 0.99)
    reached = (
        f"{activity(best):.2f}; at 4.5 MIU/m², not aimed at, {activity(best, 4.5):.2f} (published: no significant fall)"
    )
    return Fit("CYP3A activity after 10.5 MIU/m² a day for five days", "0.50", reached, {"cyp3a_suppression": best})


def toxicity(pool: VirtualPatients) -> Fit:
    """Dose-limiting toxicities by day 21 and what a 3+3 declares: 6 MIU a day, Pautier 2013."""
    symbolic = MODEL.symbolic
    rates = []
    for miu in (3.0, 6.0, 9.0, 12.0):
        schedule = build_schedule(MODEL, pool.constants, [subcutaneous(DAILY, miu, "MIU", dose_days(10, 14))])
        made = simulate(MODEL, pool.constants, schedule, np.array([0.0, 21.0]), start=0.0)
        hit = np.zeros(len(pool), dtype=bool)
        for n, (hazard, grade, _) in enumerate(symbolic.thresholds):
            if grade is not None and grade == symbolic.hazard_list[hazard].dlt:
                hit |= made.states[:, -1, len(STATES) + hazard] >= pool.thresholds[:, n]
        rates.append(hit.mean())
    select = exact_characteristics(design("3+3", 4), np.array(rates)).select
    names = ("il2_capillary_leak", "il2_fatigue", "il2_anorexia")
    reached = f"declared {', '.join(f'{x:.2f}' for x in select)} at DLT rates {', '.join(f'{x:.2f}' for x in rates)}"
    return Fit(
        "dose that a 3+3 declares most often",
        "level 2",
        reached,
        {n: TYPICAL[NAMES.index(n)] / scale(n) for n in names},
    )


def tumour(pool: VirtualPatients) -> Fit:
    """Stable disease and response at the first scans, and survival: Pautier 2013, Arkenau 2008 (treated throughout)."""
    scans = np.array([-21.0, 42.0, 84.0, 126.0])
    until = 730.0
    doses = [
        oral("cyclophosphamide", 50, "mg", dose_days(-21, 14)),
        oral("imatinib", 400, "mg", dose_days(1, 14, cycle_days=21, until_day=84)),
        subcutaneous(DAILY, 6, "MIU", dose_days(10, 14, cycle_days=21, until_day=84)),
    ]
    schedule = build_schedule(MODEL, pool.constants, doses)
    times = np.append(scans, until)
    made = simulate(MODEL, pool.constants, schedule, times, start=-21.0, thresholds=pool.thresholds)
    watched = [hazard for hazard, _, _ in MODEL.symbolic.thresholds]
    first = {name: watched.index(n) for n, name in enumerate(MODEL.symbolic.hazards)}
    death, new = made.crossings[:, first["death"]], made.crossings[:, first["new_lesion"]]
    ratio = np.cbrt(made.states[:, :4, STATES.index("tumour_volume")])
    alive = death > 42
    response = alive & (new > 84) & (ratio[:, 1:3].min(axis=1) <= 0.7)
    stable = alive & (new > 42) & (ratio[:, 1] < 1.2 * np.minimum(ratio[:, 0], 1)) & ~response
    weeks = np.median(death) / 7
    reached = f"{stable.mean():.2f} stable, {response.mean():.2f} responding, median survival {weeks:.0f} weeks"
    names = ("tumour_growth_rate", "death_rate")
    return Fit(
        "stable disease, survival",
        "8/17 = 0.47, rare, 43 weeks",
        reached,
        {n: TYPICAL[NAMES.index(n)] / scale(n) for n in names},
    )


if __name__ == "__main__":
    main()
