"""Models of a trial's size for the benchmarks: 40 and 50 states, in the grammar, with their patients and their doses.

An antibody with target-mediated disposition, subcutaneous interleukin-2, an oral kinase inhibitor whose clearance the
immune response slows, blood cells, and lesions of three clones that T cells enter, kill in and tire in. Every lesion
is the same ten states under another name: two lesions make 40 states, three make 50, hazards included. The numbers are
of the right order and no more; these models measure solvers, they say nothing about medicine.
"""

from typing import Any

import numpy as np

from model_drugs import antibody, inhibitor, interleukin_2, number
from opsonin.model import Assay, Hazard, Model, Module, Observable, Parameter, Process, Quantity, Signal, Species, laws
from opsonin.simulate import Schedule, build_schedule, dose_days, intravenous_infusion, oral, subcutaneous


def body(lesions: list[str]) -> Module:
    """CD8+, regulatory T and NK cells of the blood, interleukin-6, CYP3A: five states and four hazards."""
    effectors = [f"effectors_{lesion}" for lesion in lesions]
    burdens = [f"burden_{lesion}" for lesion in lesions]
    return Module(
        "body",
        [
            number("cd8_normal", 300.0, "cells/µl", 0.4),
            number("treg_normal", 40.0, "cells/µl", 0.3),
            number("nk_normal", 150.0, "cells/µl", 0.4),
            number("cell_turnover", 0.025, "1/day"),
            number("growth_most", 0.02, "1/day", 0.3),
            number("il6_normal", 3.0, "pg/ml", 0.5),
            number("il6_turnover", 4.0, "1/day"),
            number("il6_by_effectors", 0.15, "µl/cells"),
            number("il6_half", 60.0, "pg/ml"),
            number("cyp3a_turnover", 0.46, "1/day"),
            number("release_rate", 0.004, "1/day", 0.5),
            number("fatigue_rate", 0.006, "1/day", 0.5),
            number("death_rate", 2e-7, "1/day/mm**3", 0.4),
            number("new_lesion_rate", 1e-7, "1/day/mm**3", 0.4),
            Signal("t_cell_growth", meaning="factor on the growth of T and NK cells"),
            Species("cd8", "cells/µl", lambda cd8_normal: cd8_normal),
            Species("treg", "cells/µl", lambda treg_normal: treg_normal),
            Species("nk", "cells/µl", lambda nk_normal: nk_normal),
            Species("il6", "pg/ml", lambda il6_normal: il6_normal),
            Species("cyp3a", "dimensionless", 1.0),
            Quantity("inflammation", lambda il6, il6_half: laws.hill(il6, il6_half, 2), "dimensionless"),
            Quantity("burden", laws.reading(lambda *each: sum(each), *burdens), "mm**3"),
            *[
                part
                for cell in ("cd8", "treg", "nk")
                for part in (
                    Process(f"{cell}_supply", laws.reading(lambda k, n: k * n, "cell_turnover", f"{cell}_normal"),
                            produces=cell),
                    Process(f"{cell}_growth",
                            laws.reading(lambda most, growth, x, n: most * (growth - 1) * x / (1 + x / (20 * n)),
                                         "growth_most", "t_cell_growth", cell, f"{cell}_normal"), produces=cell),
                    Process(f"{cell}_loss", laws.reading(lambda k, x: k * x, "cell_turnover", cell), cell),
                    Observable(cell, "measurements", laws.reading(lambda x: x, cell), "cells/µl", Assay(cv=0.08)),
                )
            ],
            Process("il6_release",
                    laws.reading(lambda k, n, by, il2, *each: k * n * (1 + 2 * il2 + by * sum(each)),
                                 "il6_turnover", "il6_normal", "il6_by_effectors", "il2_drive", *effectors),
                    produces="il6"),
            Process("il6_loss", lambda il6_turnover, il6: il6_turnover * il6, "il6"),
            Process("cyp3a_synthesis", lambda cyp3a_turnover, inflammation: cyp3a_turnover * (1 - 0.7 * inflammation),
                    produces="cyp3a"),
            Process("cyp3a_loss", lambda cyp3a_turnover, cyp3a: cyp3a_turnover * cyp3a, "cyp3a"),
            Hazard("release", lambda release_rate, inflammation: release_rate * inflammation,
                   "cytokine release syndrome", grades={1: 1.0, 2: 0.4, 3: 0.1}, dlt=3),
            Hazard("fatigue", lambda fatigue_rate, il2_drive, ki_effect: fatigue_rate * (il2_drive + ki_effect),
                   "fatigue", grades={1: 1.0, 2: 0.3, 3: 0.05}, dlt=3),
            Hazard("death", lambda death_rate, burden: death_rate * burden, "death", role="death"),
            Hazard("new lesion", lambda new_lesion_rate, burden: new_lesion_rate * burden, "new lesion",
                   role="new lesion"),
        ],
    )  # fmt: skip


def lesion_numbers() -> Module:
    """What all lesions share."""
    return Module(
        "lesions",
        [
            number("clone_growth", 0.012, "1/day", 0.4),
            number("ceiling", 4e5, "mm**3"),
            number("escape", 1e-5, "1/day", 1.0),
            number("ki_kill", 0.03, "1/day", 0.3),
            number("t_kill", 0.05, "1/day", 0.5),
            number("kill_half", 60.0, "cells/µl"),
            number("debris_loss", 0.1, "1/day"),
            number("activation", 0.5, "1/day", 0.3),
            number("debris_half", 300.0, "mm**3"),
            number("entry", 0.02, "1/day", 0.4),
            number("division", 0.35, "1/day", 0.3),
            number("effector_loss", 0.1, "1/day"),
            number("tiring", 0.25, "1/day", 0.3),
            number("tired_loss", 0.03, "1/day"),
            number("treg_half", 30.0, "cells/µl"),
            number("ifn_release", 0.8, "pg/ml/day*µl/cells"),
            number("ifn_loss", 6.0, "1/day"),
            number("ifn_half", 15.0, "pg/ml"),
            number("pdl1_turnover", 0.7, "1/day"),
            number("pdl1_most", 6.0, "dimensionless"),
            number("pdl1_half", 2.0, "dimensionless"),
        ],
    )


CLONES = {"sensitive": (1.0, 1.0, 0.9), "resistant": (0.0, 1.0, 0.09), "lost": (0.2, 0.1, 0.01)}  # drug, T cells, share


def lesion(name: str, volume: float) -> Module:
    """Three clones, debris, dendritic activation, effector, tired and regulatory T cells, interferon-γ, PD-L1."""

    def here(text: str) -> str:
        return f"{text}_{name}"

    def law(function: Any, *names: str) -> Any:
        """A law of this lesion's species (named with a dot before) and of what all share."""
        return laws.reading(function, *(here(text[1:]) if text.startswith(".") else text for text in names))

    clones = [f".{clone}" for clone in CLONES]
    parts: list[Any] = [
        Species(here("debris"), "mm**3", scale=100.0),
        Species(here("activated"), "dimensionless", 0.05),
        Species(here("effectors"), "cells/µl", 5.0),
        Species(here("tired"), "cells/µl", 5.0),
        Species(here("regulatory"), "cells/µl", 5.0),
        Species(here("ifn"), "pg/ml", 1.0),
        Species(here("pdl1"), "dimensionless", 1.0),
        Quantity(here("burden"), law(lambda *each: sum(each), *clones), "mm**3"),
        Quantity(here("brake"), law(lambda p, half, bound: laws.hill(p * (1 - bound), half, 2),
                                    ".pdl1", "pdl1_half", "pd1_occupancy"), "dimensionless"),
        Quantity(here("killing"),
                 law(lambda k, e, half, treg, treg_half, brake: k * laws.hill(e, half) / (1 + treg / treg_half)
                     * (1 - 0.8 * brake), "t_kill", ".effectors", "kill_half", ".regulatory", "treg_half", ".brake"),
                 "1/day"),
        Process(here("debris_removal"), law(lambda k, d: k * d, "debris_loss", ".debris"), here("debris")),
        Process(here("priming"), law(lambda k, d, half, a: k * laws.hill(d, half) * (1 - a),
                                     "activation", ".debris", "debris_half", ".activated"), produces=here("activated")),
        Process(here("calming"), law(lambda k, a: 0.4 * k * a, "activation", ".activated"), here("activated")),
        Process(here("entry"), law(lambda k, x, a: k * x * a, "entry", "cd8", ".activated"),
                produces=here("effectors")),
        Process(here("division"), law(lambda k, e, a, growth, half: k * growth / (4 + growth) * a * e / (1 + e / half),
                                      "division", ".effectors", ".activated", "t_cell_growth", "cd8_normal"),
                produces=here("effectors")),
        Process(here("effector_loss"), law(lambda k, e: k * e, "effector_loss", ".effectors"), here("effectors")),
        Process(here("tiring"), law(lambda k, e, brake: k * e * (0.1 + brake), "tiring", ".effectors", ".brake"),
                here("effectors"), here("tired")),
        Process(here("tired_loss"), law(lambda k, x: k * x, "tired_loss", ".tired"), here("tired")),
        Process(here("treg_entry"), law(lambda k, x, v: k * x * laws.hill(v, 5.0), "entry", "treg", ".pdl1"),
                produces=here("regulatory")),
        Process(here("treg_loss"), law(lambda k, x: k * x, "effector_loss", ".regulatory"), here("regulatory")),
        Process(here("ifn_release"), law(lambda k, e, brake: k * e * (1 - 0.5 * brake),
                                         "ifn_release", ".effectors", ".brake"), produces=here("ifn")),
        Process(here("ifn_loss"), law(lambda k, x: k * x, "ifn_loss", ".ifn"), here("ifn")),
        Process(here("pdl1_rise"), law(lambda k, most, x, half: k * (1 + most * laws.hill(x, half)),
                                       "pdl1_turnover", "pdl1_most", ".ifn", "ifn_half"), produces=here("pdl1")),
        Process(here("pdl1_fall"), law(lambda k, p: k * p, "pdl1_turnover", ".pdl1"), here("pdl1")),
        Observable(f"lesion {name}", "lesions",
                   law(lambda v: (6 / np.pi * laws.positive(v)) ** (1 / 3), ".burden"), "mm"),
    ]  # fmt: skip
    for clone, (to_drug, to_cells, share) in CLONES.items():
        parts += [
            Species(here(clone), "mm**3", share * volume, scale=volume),
            Process(here(f"{clone}_growth"), law(lambda k, v, every, ceiling: k * v * (1 - every / ceiling),
                                                 "clone_growth", f".{clone}", ".burden", "ceiling"),
                    produces=here(clone)),
            Process(here(f"{clone}_killed"),
                    law(lambda k, effect, kill, v, d=to_drug, c=to_cells: (d * k * effect + c * kill) * v,
                        "ki_kill", "ki_effect", ".killing", f".{clone}"), here(clone), here("debris")),
        ]  # fmt: skip
    for start, end in (("sensitive", "resistant"), ("sensitive", "lost")):
        rate = law(lambda k, v: k * v, "escape", f".{start}")
        parts.append(Process(here(f"escape_to_{end}"), rate, here(start), here(end)))
    return Module(f"lesion {name}", parts)


def trial_model(lesions: int = 2) -> Model:
    """20 states of the body and ten of each lesion, hazards included."""
    names = [f"l{k}" for k in range(1, lesions + 1)]
    sites = [lesion(name, 14_000.0 / (k + 1)) for k, name in enumerate(names)]
    return Model([antibody(), interleukin_2(), inhibitor(), body(names), lesion_numbers(), *sites])


def model_of_40_states() -> Model:
    """Two lesions."""
    return trial_model(2)


def model_of_50_states() -> Model:
    """Three lesions."""
    return trial_model(3)


def patients(model: Model, count: int, seed: int = 1) -> np.ndarray:
    """Constants (count, constants) with the spreads of the parameters."""
    symbolic = model.symbolic
    constants = np.tile(symbolic.typical, (count, 1))
    random = np.random.default_rng(seed)
    for part, _ in model.parts(Parameter):
        if part.spread is not None:
            column = constants[:, symbolic.constants.index(part.name)]
            column[:] = part.spread.at(part.value, random.standard_normal(count))
    return constants


def doses(model: Model, constants: np.ndarray, cycles: int = 8) -> Schedule:
    """Three-week cycles: antibody on day 1, inhibitor on days 1 to 14, interleukin-2 on days 10 to 14."""
    return build_schedule(
        model,
        constants,
        [
            intravenous_infusion("antibody", 200.0, "mg", dose_days(1, 1, cycle_days=21, cycles=cycles), 0.5),
            oral("inhibitor", 400.0, "mg", dose_days(1, 14, cycle_days=21, cycles=cycles)),
            subcutaneous("interleukin-2", 9.0, "MIU", dose_days(10, 14, cycle_days=21, cycles=cycles)),
        ],
    )
