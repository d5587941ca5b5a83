"""When a dose arrives: lag, modelled duration and modelled rate of an administration, in units of their own."""

import pytest

from opsonin.errors import ModelError
from opsonin.model import Administration, Model, Module, Parameter, Process, Species


def tablet(**timing):
    def parameter(name, value, unit):
        return Parameter(name, value, unit, "assumed: a test")

    return Model(
        [
            Module(
                "tablet",
                [
                    parameter("ka", 1.5, "1/h"),
                    parameter("delay", 30.0, "min"),
                    parameter("release", 48.0, "h"),
                    parameter("speed", 10.0, "mg/h"),
                    Species("gut", "g"),
                    Process("absorption", lambda ka, gut: ka * gut, "gut"),
                    Administration("drug", "oral", "gut", **timing),
                ],
            )
        ]
    )


def landing(**timing):
    symbolic = tablet(**timing).symbolic
    values = dict(zip(symbolic.constant_symbols, symbolic.typical, strict=True))
    found = symbolic.administrations["drug", "oral"]
    return {
        name: None if getattr(found, name) is None else float(getattr(found, name).subs(values))
        for name in ("lag", "duration", "rate")
    }


def test_timing_comes_to_days_and_to_the_unit_of_the_species():
    assert landing() == {"lag": 0.0, "duration": None, "rate": None}
    assert landing(lag=lambda delay: delay)["lag"] == pytest.approx(0.5 / 24)
    assert landing(lag=0.25)["lag"] == 0.25
    assert landing(duration=lambda release: release)["duration"] == pytest.approx(2.0)
    assert landing(rate=lambda speed: speed)["rate"] == pytest.approx(0.24)  # g per day


WRONG = [
    ({"lag": lambda speed: speed}, "its lag must be in day"),
    ({"lag": lambda gut: gut / gut}, "its lag must be in day"),
    ({"duration": lambda ka, gut, release: release * ka * gut}, "its duration must be in day"),
    ({"rate": lambda release: release}, "its rate must be in"),
    ({"rate": lambda speed, t, release: speed * t / release}, "its rate depends on t"),
    ({"lag": float("nan")}, "lag must be a finite number"),
    ({"duration": 1.0, "rate": lambda speed: speed}, "one follows from the other"),
]


@pytest.mark.parametrize(("timing", "message"), WRONG, ids=[message for _, message in WRONG])
def test_timing_that_makes_no_sense_is_named(timing, message):
    with pytest.raises(ModelError, match=message):
        _ = tablet(**timing).symbolic
