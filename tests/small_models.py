"""Small models that several tests share."""

from opsonin.model import (
    Administration,
    Assay,
    Hazard,
    LogNormal,
    Model,
    Modulation,
    Module,
    Observable,
    Parameter,
    Process,
    Quantity,
    Signal,
    Species,
    laws,
)


def parameter(name, value, unit, **more):
    return Parameter(name, value, unit, "assumed: a test", **more)


def oral_drug():
    """One compartment with first-order absorption, and an effect on the drug's own clearance through a signal."""
    return Module(
        "drug",
        [
            parameter("ka", 0.6, "1/h", spread=LogNormal(0.3)),
            parameter("cl", 14, "l/h", spread=LogNormal(0.36), meaning="apparent clearance"),
            parameter("v", 350, "l"),
            Signal("clearance", meaning="factor on clearance"),
            Species("gut", "mg"),
            Species("central", "mg", meaning="amount in plasma"),
            Quantity("concentration", lambda central, v: central / v, "mg/l"),
            Process("absorption", lambda gut, ka: ka * gut, "gut", "central"),
            Process("elimination", lambda concentration, cl, clearance: cl * concentration * clearance, "central"),
            Observable("drug", "concentrations", lambda concentration: concentration, "ng/ml", Assay(cv=0.1)),
            Administration("drug", "oral", "gut", fraction=0.9),
        ],
        source="a test",
    )


def inhibitor():
    """Halves the drug's clearance at 2 mg/l of the drug; its hazard grows with exposure, steeply."""
    return Module(
        "inhibitor",
        [
            parameter("ic50", 2000, "ng/ml"),
            parameter("toxic", 1.2, "mg/l"),
            parameter("steepness", 2.5, ""),
            parameter("k_fever", 0.1, "1/day"),
            Modulation("clearance", lambda concentration, ic50: laws.inhibition(concentration, ic50)),
            Hazard(
                "fever",
                lambda concentration, toxic, steepness, k_fever: k_fever * laws.hill(concentration, toxic, steepness),
                "fever",
                grades={1: 1.0, 2: 0.4, 3: 0.1},
                dlt=3,
            ),
        ],
    )


def combination():
    return Model([oral_drug(), inhibitor()])
