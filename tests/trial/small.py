"""A small model with a drug, two lesions and every role of hazard; patients and a protocol for it."""

import numpy as np
import pandas as pd

from opsonin import random
from opsonin.criteria import parse_rules
from opsonin.model import (
    Administration,
    Assay,
    Covariate,
    Hazard,
    Model,
    Module,
    Observable,
    Parameter,
    Process,
    Species,
)
from opsonin.patients import VirtualPatients
from opsonin.trial import ImmunePlan, Level, Protocol, SamplingPlan, Treatment, TumourPlan

ASSUMED = "assumed: a test"
GRADES = {1: 1.0, 3: 0.5, 4: 0.1}


def small_model() -> Model:
    return Model(
        [
            Module(
                "small",
                [
                    Parameter("clearance_rate", 1.0, "1/day", ASSUMED),
                    Parameter("volume", 50.0, "l", ASSUMED),
                    Parameter("growth", 0.012, "1/day", ASSUMED),
                    Parameter("kill", 0.02, "l/mg/day", ASSUMED),
                    Parameter("harm", 0.012, "l/mg/day", ASSUMED),
                    Parameter("mortality", 0.002, "1/day", ASSUMED),
                    Parameter("leaving", 0.001, "1/day", ASSUMED),
                    Parameter("spread_rate", 0.002, "1/day", ASSUMED),
                    Parameter("cells", 200.0, "cells/µl", ASSUMED),
                    Covariate("lesion_1", "mm", 40.0),
                    Covariate("lesion_2", "mm", 20.0),
                    Species("drug", "mg"),
                    Species("size", "dimensionless", 1.0),
                    Process("elimination", lambda clearance_rate, drug: clearance_rate * drug, consumes="drug"),
                    Process("growing", lambda growth, size: growth * size, produces="size"),
                    Process("killing", lambda kill, drug, volume, size: kill * drug / volume * size, consumes="size"),
                    Hazard("fatigue", lambda harm, drug, volume: harm * drug / volume, "fatigue", grades=GRADES, dlt=3),
                    Hazard("rash", lambda mortality: 10 * mortality, "rash", grades={1: 1.0}, related=False),
                    Hazard("death", lambda mortality: mortality, "death", role="death"),
                    Hazard("drop_out", lambda leaving: leaving, "drop-out", role="drop-out"),
                    Hazard("new_lesion", lambda spread_rate: spread_rate, "new lesion", role="new lesion"),
                    Observable(
                        "drug",
                        "concentrations",
                        lambda drug, volume: drug / volume,
                        "mg/l",
                        Assay(0.1, 0.2),
                        agent="drug",
                    ),
                    Observable(
                        "NK",
                        "measurements",
                        lambda cells, size: cells / size,
                        "cells/µl",
                        Assay(0.1, None, 5000),
                        panel="P",
                    ),
                    Observable(
                        "share", "measurements", lambda size: 10 / size, "percent", Assay(0.1, None, 5000), panel="P"
                    ),
                    Observable("lesion 1", "lesions", lambda lesion_1, size: lesion_1 * size, "mm"),
                    Observable("lesion 2", "lesions", lambda lesion_2, size: lesion_2 * size, "mm"),
                    Administration("drug", "oral", "drug"),
                    Administration("drug", "intravenous infusion", "drug"),
                ],
            )
        ]
    )


def small_protocol(**changes) -> Protocol:
    """Three levels; a dose a day on days 1–5 of each three weeks, with a lead-in dose on day −7."""
    usual = {
        "title": "small",
        "levels": (Level(1, "drug 50 mg"), Level(2, "drug 200 mg"), Level(3, "drug 500 mg")),
        "treatments": (
            Treatment("drug", (10.0,), "mg", "oral", ((-7, -7),)),
            Treatment("drug", (50.0, 200.0, 500.0), "mg", "oral", ((1, 5),), cycle_days=21.0),
        ),
        "dlt": parse_rules(["fatigue >= 3"]),
        "dlt_window_days": 21.0,
        "sampling": SamplingPlan(("drug",), (1, 5), (0.0, 2.0, 8.0, 24.0)),
        "immune": ImmunePlan("P", (-7, 1, 15)),
        "tumour": TumourPlan(every_days=42.0),
        "observe_days": 200.0,
        "indication": "small",
    }
    return Protocol(**(usual | changes))


def small_patients(model: Model, n: int, seed: int = 3) -> VirtualPatients:
    """Patients who differ in clearance, growth and lesion size; some have one lesion only."""
    symbolic = model.symbolic
    constants = np.tile(symbolic.typical, (n, 1))
    z = random.normal(seed, "test", np.arange(n), draws=4)
    for column, name in enumerate(("clearance_rate", "growth", "lesion_1")):
        constants[:, symbolic.constants.index(name)] *= np.exp(0.4 * z[:, column])
    constants[z[:, 3] > 0.8, symbolic.constants.index("lesion_2")] = 0.0
    draws = random.exponential(seed, "test thresholds", np.arange(n), draws=len(symbolic.hazard_list))
    limits = np.column_stack([draws[:, hazard] / share for hazard, _, share in symbolic.thresholds])
    covariates = pd.DataFrame({"sex": np.where(z[:, 0] > 0, "M", "F"), "weight_kg": 70 + 10 * z[:, 1]})
    return VirtualPatients(np.arange(n), constants, covariates, np.ones(n), limits)
