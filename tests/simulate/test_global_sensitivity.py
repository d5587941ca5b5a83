"""Global sensitivity against functions whose indices are known, and of a model whose outcomes have closed forms."""

import sys

import numpy as np
import pytest

from opsonin.errors import ModelError, SimulationError
from opsonin.model import LogNormal, Parameter
from opsonin.simulate import build_schedule, oral, simulate
from opsonin.simulate.factors import between, scored, spread_of, within_factor
from opsonin.simulate.global_sensitivity import morris, pawn, slice_distances, sobol
from opsonin.simulate.model_outcomes import ModelOutcomes
from opsonin.simulate.outcomes import outcome
from opsonin.simulate.trajectories import Trajectories

ANGLES = [between(name, -np.pi, np.pi) for name in ("x1", "x2", "x3")]


def ishigami(x: np.ndarray) -> np.ndarray:
    """Ishigami & Homma 1990 (doi:10.1109/ISUMA.1990.151285), with a = 7 and b = 0.1."""
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


def ishigami_shares() -> tuple[list[float], list[float]]:
    """First-order and total shares of the variance, from its closed form."""
    a, b = 7.0, 0.1
    one, two = 0.5 * (1 + b * np.pi**4 / 5) ** 2, a**2 / 8
    together = b**2 * np.pi**8 * (1 / 18 - 1 / 50)
    whole = one + two + together
    return [one / whole, two / whole, 0.0], [(one + together) / whole, two / whole, together / whole]


def test_sobols_shares_are_those_of_ishigamis_closed_form():
    made = sobol(ishigami, ANGLES, samples=4096, pairs=True)
    first, total = ishigami_shares()
    assert made.indices["first"][:, 0] == pytest.approx(first, abs=0.01)
    assert made.indices["total"][:, 0] == pytest.approx(total, abs=0.01)
    assert made.pairs is not None
    assert made.pairs[0, 2, 0] == pytest.approx(total[2], abs=0.03)
    assert made.evaluations == 4096 * (2 * 3 + 2)
    for name, exact in (("first", first), ("total", total)):
        ends = made.intervals[name][:, 0]
        assert np.all((ends[:, 0] <= exact) & (exact <= ends[:, 1]))
    assert made.ranked()[0][0] == "x1"


def test_intervals_narrow_with_the_sample_and_a_seed_gives_the_same_again():
    few, many = (sobol(ishigami, ANGLES, samples=n) for n in (256, 4096))
    width = [np.ptp(made.intervals["total"][:, 0], axis=1) for made in (few, many)]
    assert np.all(width[1] < width[0] / 2)
    for seed in (0, 3):
        one, two = (sobol(ishigami, ANGLES, samples=64, seed=seed) for _ in range(2))
        assert np.array_equal(one.intervals["total"], two.intervals["total"])
        assert np.array_equal(one.indices["first"], two.indices["first"])


def test_morris_effects_of_a_plane_are_its_slopes():
    factors = [between("steep", 0, 10), between("flat", 0, 1), between("nothing", -1, 1)]
    made = morris(lambda x: 3 * x[:, 0] - 2 * x[:, 1], factors, trajectories=10)
    assert made.indices["effect"][:, 0] == pytest.approx([0.95 * 30, 0.95 * 2, 0.0])  # over the central 95 %
    assert made.indices["spread"][:, 0] == pytest.approx([0, 0, 0], abs=1e-9)
    assert made.evaluations == 10 * 4
    bent = morris(ishigami, ANGLES)
    assert bent.indices["spread"][0, 0] > bent.indices["spread"][1, 0]  # x1 acts together with x3


def test_pawn_tells_influence_from_noise():
    factors = [*ANGLES, between("nothing", 0, 1)]
    made = pawn(ishigami, factors, resamples=10)
    median = made.indices["median"][:, 0]
    assert np.argmax(median) == 1  # the published order: x2, then x1 (Pianosi & Wagener 2018)
    assert np.all(median[:2] > 3 * made.noise[0])
    assert median[3] < 2 * made.noise[0]
    ends = made.intervals["median"][:, 0]
    assert np.all((ends[:, 0] <= median) & (median <= ends[:, 1]))
    again = pawn(ishigami, factors, resamples=10)
    assert np.array_equal(again.intervals["median"], made.intervals["median"])


def test_distances_of_slices_are_salibs():
    from SALib.analyze import pawn as salib

    rng = np.random.default_rng(3)
    shares = rng.uniform(size=(400, 3))
    outcome = np.round(ishigami(2 * np.pi * shares - np.pi), 1)  # with ties, as a bootstrap has
    made = slice_distances(shares, outcome, 10)
    expected = salib.analyze({"num_vars": 3, "names": ["x1", "x2", "x3"], "bounds": [[0, 1]] * 3}, shares, outcome)
    assert np.median(made, axis=1) == pytest.approx(expected["median"])
    assert made.max(axis=1) == pytest.approx(expected["maximum"])


def test_the_area_under_a_curve_depends_on_what_arrives_and_what_clears_it(linear):
    """AUC = F · dose / CL: log AUC is a sum, whose shares of variance are those of its parts."""
    days = np.concatenate([np.linspace(0, 0.5, 120), np.linspace(0.55, 8, 150)])
    factors = [within_factor(name, value, 1.5) for name, value in
               (("ka", 6.0), ("clearance", 120.0), ("volume", 60.0), ("absorbed", 0.8))]  # fmt: skip

    def log_area(made: Trajectories, constants: np.ndarray) -> np.ndarray:
        plasma = made.state("plasma") / constants[:, linear.symbolic.constants.index("volume"), None]
        return np.log(np.trapezoid(plasma, made.times, axis=1))

    function = ModelOutcomes(linear, factors, [log_area, "plasma: max"], days, doses=[oral("drug", 100, "mg", [0.0])])
    made = sobol(function, factors, samples=256)
    assert made.outcomes == ("log_area", "plasma: max")
    assert made.indices["total"][:, 0] == pytest.approx([0, 0.5, 0, 0.5], abs=0.02)
    assert made.indices["total"][0, 1] > 0.05  # the peak does depend on the rate of absorption
    frame = made.to_frame()
    assert list(frame.columns) == ["outcome", "index", "factor", "value", "lower", "upper"]
    assert len(frame) == 2 * 2 * 4


def test_doses_may_depend_on_the_patient(linear):
    per_volume = ModelOutcomes(
        linear, ["volume", "clearance"], ["plasma: at 0.001"], np.array([0.0]), method="reference",
        doses=lambda constants: [oral("drug", constants[:, [linear.symbolic.constants.index("volume")]], "mg", [0.0])],
        start=0.0,
    )  # fmt: skip
    made = per_volume(np.array([[60.0, 120.0], [120.0, 120.0]]))
    assert made[1, 0] == pytest.approx(2 * made[0, 0], rel=1e-3)


def test_words_make_outcomes(linear, constants):
    rows = constants(linear, 2, clearance=np.array([120.0, 60.0]))
    times = np.linspace(0, 2, 401)
    schedule = build_schedule(linear, rows, [oral("drug", 100, "mg", [0.0])])
    made = simulate(linear, rows, schedule, times, method="reference")

    def value(text: str) -> np.ndarray:
        return outcome(linear, text).value(made, rows)

    plasma = made.state("plasma")
    assert value("plasma: last") == pytest.approx(plasma[:, -1])
    assert value("plasma: max") == pytest.approx(plasma.max(axis=1))
    assert value("plasma: at 1") == pytest.approx(plasma[:, 200])
    whole, half = value("plasma: AUC"), value("plasma: AUC from 0 to 1")
    assert whole == pytest.approx(value("plasma: mean") * 2)
    assert whole == pytest.approx(half + value("plasma: AUC from 1 to 2"))
    ka, k = 6.0, np.array([2.0, 1.0])
    peak = np.log(ka / k) / (ka - k)  # Bateman's function
    assert value("plasma: time of max") == pytest.approx(peak, abs=0.005)
    assert value("plasma: time above 10") + value("plasma: time below 10") == pytest.approx([2.0, 2.0])
    fine = np.linspace(0, 2, 200_001)
    exact = 80 * ka / (ka - k[:, None]) * (np.exp(-k[:, None] * fine) - np.exp(-ka * fine))
    assert value("plasma: time above 10") == pytest.approx((exact > 10).mean(axis=1) * 2, abs=1e-3)
    assert value("fall: risk") == pytest.approx(1 - np.exp(-0.02 * 2), rel=1e-6)
    assert value("fall: risk of grade 3") == pytest.approx(1 - np.exp(-0.25 * 0.02 * 2), rel=1e-6)


def test_factors_follow_their_distributions():
    parameter = Parameter("x", 4.0, "mg", "assumed: a test", LogNormal(0.5), lower=2.0, upper=6.0)
    shares = np.array([0.0, 0.01, 0.5, 0.99, 1.0])
    values = spread_of(parameter).at(shares)
    assert np.all(np.diff(values) > 0)
    assert values[0] >= 2.0 - 1e-9
    assert values[-1] <= 6.0 + 1e-9
    unlimited = spread_of(Parameter("x", 4.0, "mg", "assumed: a test", LogNormal(0.5)))
    assert unlimited.at(np.array([0.5]))[0] == pytest.approx(4.0)
    assert within_factor("x", 4.0, 2.0).at(np.array([0.5]))[0] == pytest.approx(4.0)
    assert between("x", 1, 3).at(np.array([0.25]))[0] == pytest.approx(1.5)


def test_an_outcome_that_is_no_number_names_the_patient(stiff):
    function = ModelOutcomes(stiff, ["burst"], ["fuse: last"], np.array([0.0, 2.0]), start=0.0, method="rosenbrock")
    with pytest.raises(SimulationError, match=r"'fuse: last' is nan in sample row \d+ \(patient with burst = ") as told:
        sobol(function, [between("burst", 0.1, 1.0)], samples=16)
    assert "(day 1." in str(told.value) or "(day 0." in str(told.value) or "(day 2" in str(told.value)
    assert "other rows have no number either" in str(told.value)
    with pytest.raises(SimulationError, match=r"'outcome 1' is nan in sample row .* \(patient with x1 = "):
        sobol(lambda x: np.where(x[:, 0] > 3, np.nan, 1.0), ANGLES, samples=64)


def test_an_outcome_that_does_not_vary_is_refused(linear):
    function = ModelOutcomes(linear, ["ka"], ["fall: risk"], np.array([0.0, 2.0]), start=0.0, method="reference")
    with pytest.raises(SimulationError, match=r"'fall: risk' is 0.0392.* in all 3\d samples: none of ka moves it"):
        morris(function, [between("ka", 3, 9)], trajectories=16)
    with pytest.raises(SimulationError, match="is 1 in all"):
        sobol(lambda x: np.ones(len(x)), ANGLES, samples=16)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("plasma AUC", "cannot be read; write a name and a statistic"),
        ("plasma: median", "cannot be read; write a name and a statistic"),
        ("plasma: at", "'at' needs a number"),
        ("plasma: max 3", "'max' takes no number"),
        ("plasma: AUC from 3 to 1", "ends before it begins"),
        ("plasma: last from 1 to 2", "is of one moment"),
        ("plasm: max", "'plasma'"),
        ("fal: risk", "did you mean 'fall'"),
        ("fall: risk of grade 2", "its grades: 1, 3"),
    ],
)
def test_outcomes_that_cannot_be_are_named(linear, text, why):
    with pytest.raises((SimulationError, ModelError), match=why):
        outcome(linear, text)


def test_bad_input_is_named(linear, monkeypatch):
    with pytest.raises(SimulationError, match="power of 2, not 1000 samples"):
        sobol(ishigami, ANGLES, samples=1000)
    with pytest.raises(SimulationError, match="more than memory should hold; give at most"):
        sobol(ishigami, ANGLES, samples=2**40)
    with pytest.raises(SimulationError, match="level is 95; intervals hold a share between 0 and 1"):
        morris(ishigami, ANGLES, level=95)
    with pytest.raises(SimulationError, match="resamples is 0; a bootstrap needs"):
        pawn(ishigami, ANGLES, resamples=0)
    with pytest.raises(SimulationError, match="'x1' is given twice"):
        sobol(ishigami, [*ANGLES, ANGLES[0]])
    with pytest.raises(SimulationError, match="no factor is given"):
        morris(ishigami, [])
    with pytest.raises(SimulationError, match="at least 20 samples a slice"):
        pawn(ishigami, ANGLES, samples=50)
    with pytest.raises(SimulationError, match="even number of levels"):
        morris(ishigami, ANGLES, levels=5)
    with pytest.raises(SimulationError, match=r"outcomes of shape \(3,\) for"):
        sobol(lambda x: np.zeros(3), ANGLES, samples=16)
    with pytest.raises(SimulationError, match="from 3 to 1 is no range"):
        between("x", 3, 1)
    with pytest.raises(SimulationError, match="of which there is no multiple"):
        within_factor("x", 0, 2)
    with pytest.raises(SimulationError, match="has no spread between patients"):
        spread_of(Parameter("x", 1.0, "mg", "assumed: a test"))
    with pytest.raises(SimulationError, match="no value between its limits"):
        scored("x", lambda z: z, 4, 3)
    with pytest.raises(ModelError, match=r"'kka' is to vary.*'ka'"):
        ModelOutcomes(linear, ["kka"], ["plasma: max"], np.array([0.0, 1.0]))
    function = ModelOutcomes(linear, ["ka"], ["plasma: max"], np.array([0.0, 1.0]))
    with pytest.raises(SimulationError, match="but 1 constants vary here; give the analysis the same factors"):
        sobol(function, [between("ka", 1, 2), between("volume", 1, 2)], samples=16)
    with pytest.raises(SimulationError, match="no outcome is asked for"):
        ModelOutcomes(linear, ["ka"], [], np.array([0.0, 1.0]))
    monkeypatch.setitem(sys.modules, "SALib.analyze.sobol", None)
    with pytest.raises(SimulationError, match=r"needs SALib; install it with: pip install 'opsonin\[sensitivity\]'"):
        sobol(ishigami, ANGLES)
