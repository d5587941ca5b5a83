"""Models to give doses to: linear kinetics as in `nmtest_events.csv`, and a saturable elimination."""

from opsonin.model import Administration, Model, Module, Observable, Parameter, Process, Species


def parameter(name, value, unit):
    return Parameter(name, value, unit, "assumed: a test")


def plasma(nonnegative=True, **timing):
    """Depot and plasma, linear; doses into the plasma have the timing of the reference data."""
    laws = {
        "fraction": lambda bioav: bioav,
        "lag": lambda lagt: lagt,
        "duration": lambda dur2: dur2,
    } | timing
    return Model(
        [
            Module(
                "plasma",
                [
                    parameter("ka", 1.5, "1/h"),
                    parameter("clearance", 1.1, "l/h"),
                    parameter("volume", 20.0, "l"),
                    parameter("lagt", 0.0, "h"),
                    parameter("bioav", 1.0, "dimensionless"),
                    parameter("rat2", 10.0, "mg/h"),
                    parameter("dur2", 2.0, "h"),
                    Species("depot", "mg", nonnegative=nonnegative),
                    Species("central", "mg", nonnegative=nonnegative),
                    Species("gone", "mg", nonnegative=nonnegative),
                    Process("absorption", lambda ka, depot: ka * depot, "depot", "central"),
                    Process(
                        "elimination",
                        lambda clearance, volume, central: clearance / volume * central,
                        "central",
                        "gone",
                    ),
                    Observable("cp", "concentrations", lambda central, volume: central / volume, "µg/l"),
                    Administration("drug", "oral", "depot"),
                    Administration("drug", "into plasma", "central", **laws),
                    Administration("drug", "at once", "central"),
                ],
            )
        ]
    )


def saturable():
    """One compartment with Michaelis-Menten elimination beside a slow linear one, and a constant inflow."""
    return Model(
        [
            Module(
                "saturable",
                [
                    parameter("fastest", 100.0, "mg/day"),
                    parameter("half", 30.0, "mg"),
                    parameter("slow", 0.3, "1/day"),
                    parameter("inflow", 5.0, "mg/day"),
                    parameter("turnover", 0.8, "1/day"),
                    Species("central", "mg"),
                    Species("effect", "dimensionless", 1.0),
                    Species("gone", "mg"),
                    Process("inflow", lambda inflow: inflow, produces="central"),
                    Process(
                        "saturable", lambda fastest, half, central: fastest * central / (half + central), "central"
                    ),
                    Process("slow", lambda slow, central: slow * central, "central", "gone"),
                    Process("rise", lambda turnover, central, half: turnover * (1 + central / half), produces="effect"),
                    Process("fall", lambda turnover, effect: turnover * effect, "effect"),
                    Administration("drug", "oral", "central"),
                ],
            )
        ]
    )
