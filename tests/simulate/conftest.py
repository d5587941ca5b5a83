"""Two small models, compiled once for all tests of this folder (and kept in the kernel cache for the next run)."""

import numpy as np
import pytest

from opsonin.model import Administration, Hazard, Model, Module, Parameter, Process, Quantity, Species, laws

ASSUMED = "assumed: a test"


def one_compartment() -> Model:
    """Linear: depot, plasma and what has been eliminated; a constant hazard and one that follows the drug."""
    return Model(
        [
            Module(
                "plasma",
                [
                    Parameter("ka", 6.0, "1/day", ASSUMED),
                    Parameter("clearance", 120.0, "l/day", ASSUMED),
                    Parameter("volume", 60.0, "l", ASSUMED),
                    Parameter("absorbed", 0.8, "dimensionless", ASSUMED),
                    Parameter("activity", 16.0, "MIU/mg", ASSUMED),
                    Parameter("rate_of_falls", 0.02, "1/day", ASSUMED),
                    Parameter("rate_by_drug", 0.1, "l/mg/day", ASSUMED),
                    Species("depot", "mg"),
                    Species("plasma", "mg"),
                    Species("gone", "mg"),
                    Quantity("concentration", lambda plasma, volume: plasma / volume, "mg/l"),
                    Process("absorption", lambda ka, depot: ka * depot, consumes="depot", produces="plasma"),
                    Process(
                        "elimination",
                        lambda clearance, concentration: clearance * concentration,
                        consumes="plasma",
                        produces="gone",
                    ),
                    Hazard("fall", lambda rate_of_falls: rate_of_falls, term="fall", grades={1: 1.0, 3: 0.25}),
                    Hazard("nausea", lambda rate_by_drug, concentration: rate_by_drug * concentration, term="nausea"),
                    Administration("drug", "oral", "depot", fraction=lambda absorbed: absorbed),
                    Administration("drug", "intravenous bolus", "plasma"),
                    Administration("drug", "intravenous infusion", "plasma"),
                    Administration("cytokine", "subcutaneous", "depot", unit_factor=lambda activity: 1 / activity),
                ],
            )
        ]
    )


def lively() -> Model:
    """Nonlinear and stiff: fast binding, saturation, a fractional power, a rhythm in time, a state that can burst."""
    return Model(
        [
            Module(
                "lively",
                [
                    Parameter("binding", 2000.0, "1/day", ASSUMED),
                    Parameter("release", 400.0, "1/day", ASSUMED),
                    Parameter("decay", 0.7, "1/day", ASSUMED),
                    Parameter("growth", 0.25, "1/day", ASSUMED),
                    Parameter("capacity", 50.0, "dimensionless", ASSUMED),
                    Parameter("killing", 0.9, "1/day", ASSUMED),
                    Parameter("burst", 0.0, "1/day", ASSUMED),
                    Parameter("peak", 8.0, "day", ASSUMED),
                    Parameter("width", 2.0, "day", ASSUMED),
                    Parameter("risk", 0.0028, "1/day", ASSUMED),
                    Species("ligand", "dimensionless"),
                    Species("receptor", "dimensionless", 1.0),
                    Species("bound", "dimensionless"),
                    Species("tumour", "dimensionless", 5.0),
                    Species("debris", "dimensionless", 0.2),
                    Species("fuse", "dimensionless", 1.0),
                    Process(
                        "binding",
                        lambda binding, ligand, receptor: binding * ligand * receptor,
                        consumes=("ligand", "receptor"),
                        produces="bound",
                    ),
                    Process(
                        "release",
                        lambda release, bound: release * bound,
                        consumes="bound",
                        produces=("ligand", "receptor"),
                    ),
                    Process("decay", lambda decay, ligand: decay * ligand, consumes="ligand"),
                    Process(
                        "growth",
                        lambda growth, tumour, capacity, t, peak, width: (
                            growth
                            * tumour
                            * laws.log(capacity / tumour)
                            * (1 + 0.3 * laws.exp(-(((t - peak) / width) ** 2)))
                        ),
                        produces="tumour",
                    ),
                    Process(
                        "killing",
                        lambda killing, tumour, bound: killing * tumour * laws.hill(bound, 0.3, 2),
                        consumes="tumour",
                        produces="debris",
                    ),
                    Process("clearing", lambda decay, debris: decay * debris**0.75, consumes="debris"),
                    Process("burst", lambda burst, fuse: burst * fuse**2, produces="fuse"),
                    Hazard("event", lambda risk, tumour: risk * tumour, term="event"),
                    Administration("ligand", "intravenous bolus", "ligand"),
                    Administration("ligand", "intravenous infusion", "ligand"),
                ],
            )
        ]
    )


@pytest.fixture(scope="session")
def linear() -> Model:
    return one_compartment()


@pytest.fixture(scope="session")
def stiff() -> Model:
    return lively()


@pytest.fixture(scope="session")
def constants():
    """Rows of typical constants with some changed: constants(model, n, name=value or array of n)."""

    def make(model: Model, patients: int, **changed: object) -> np.ndarray:
        rows = np.tile(model.symbolic.typical, (patients, 1))
        for name, value in changed.items():
            rows[:, model.symbolic.constants.index(name)] = value
        return rows

    return make
