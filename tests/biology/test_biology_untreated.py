"""A patient without a drug stays what they were, except for the tumour; signals do what their names say."""

import numpy as np
import pytest

from combination import combination, course, observed, parameters, typical
from opsonin import units
from opsonin.biology import core, near_power
from opsonin.model import Administration, Model, Modulation, Module, Parameter, Signal, Species
from opsonin.simulate import dose_days, subcutaneous

STILL = ("B", "CD4+", "CD8+", "Treg", "Treg of CD4+", "CD4:CD8", "NK", "CD56bright NK", "HLA-DR+ NK", "TRAIL+ NK")


@pytest.fixture(scope="module")
def untreated():
    model = combination()
    constants = typical(model)
    return model, constants, course(model, constants, [], [-21.0, 0.0, 100.0], method="reference")


@pytest.mark.parametrize("marker", STILL)
def test_blood_counts_stand_still_without_treatment(untreated, marker):
    model, constants, trajectories = untreated
    counts = observed(model, trajectories, constants, marker)[marker][0]
    assert counts == pytest.approx(counts[0], rel=1e-6)


def test_the_tumour_grows_without_treatment_and_the_lesion_with_its_cube_root(untreated):
    model, constants, trajectories = untreated
    volume = trajectories.states[0, :, model.symbolic.species.index("tumour_volume")]
    first, last = observed(model, trajectories, constants, "lesion 1")["lesion 1"][0][[0, -1]]
    assert volume[0] == 1.0
    assert volume[-1] > 1.5
    assert last / first == pytest.approx(volume[-1] ** (1 / 3), rel=1e-9)


def test_no_adverse_event_without_a_drug(untreated):
    model, _, trajectories = untreated
    symbolic = model.symbolic
    hazards = trajectories.states[0, -1, len(symbolic.species) :]
    roles = {hazard.name: hazard.role for hazard in symbolic.hazard_list}
    for name, accumulated in zip(symbolic.hazards, hazards, strict=True):
        assert (accumulated == 0) == (roles[name] == "adverse event"), name


def test_every_parameter_says_where_it_comes_from_and_in_which_unit():
    for parameter in parameters(combination()):
        units.parse(parameter.unit)
        assert len(parameter.source) > 10, parameter.name
        assert parameter.meaning, parameter.name
        if parameter.kind != "published":
            assert ":" in parameter.source, f"{parameter.name}: an assumption or calibration says why or to what"


def test_every_signal_and_state_has_a_meaning():
    for part, module in combination().parts(Signal, Species):
        assert part.meaning, f"{part.name} of {module}"


def _with(**modulations: float):
    """The core biology with constant modulations, given as values in the signal's unit."""
    named = {part.name: part for part, _ in Model(core()).parts(Signal)}
    parts = []
    for signal, value in modulations.items():
        parts.append(Parameter(f"set_{signal}", value, named[signal].unit, "assumed: test"))
        parts.append(Modulation(signal, _reader(f"set_{signal}")))
    return Model([*core(), Module("set", [*parts, Species("nothing", "mg"), Administration("set", "oral", "nothing")])])


def _reader(name):
    from opsonin.model import laws

    return laws.reading(lambda value: value, name)


@pytest.mark.parametrize(
    ("signal", "value", "marker", "direction"),
    [
        ("margination", 1.0, "B", -1),
        ("margination", 1.0, "CD8+", -1),
        ("margination", 1.0, "NK", -1),
        ("t_cell_proliferation", 0.02, "CD8+", +1),
        ("treg_proliferation", 1.0, "Treg", +1),
        ("treg_depletion", 0.1, "Treg of CD4+", -1),
        ("lymphocyte_depletion", 0.1, "CD4+", -1),
        ("nk_proliferation", 0.5, "CD56bright NK", +1),
        ("nk_activation", 0.5, "HLA-DR+ NK", +1),
        ("nk_activation", 0.5, "TRAIL+ NK", +1),
        ("tumour_growth", 0.5, "lesion 1", -1),
        ("tumour_killing", 0.005, "lesion 1", -1),
        ("nk_killing", 2.0, "lesion 1", -1),
        ("t_killing", 2.0, "lesion 1", -1),
    ],
)
def test_each_signal_moves_what_it_names(signal, value, marker, direction):
    still, moved = Model(core()), _with(**{signal: value})
    ends = []
    for model in (still, moved):
        constants = typical(model)
        trajectories = course(model, constants, [], [-21.0, 10.0], method="reference")
        ends.append(observed(model, trajectories, constants, marker)[marker][0, -1])
    assert np.sign(ends[1] - ends[0]) == direction


def test_margination_returns_every_cell_it_took():
    model = _with(margination=1.0)
    constants = typical(model)
    trajectories = course(model, constants, [], [-21.0, 10.0], method="reference")
    b_cells = trajectories.states[0, :, model.symbolic.species.index("b_cells")]
    assert b_cells == pytest.approx(b_cells[0])


def test_regulatory_cells_recover_under_constant_depletion():
    # Ge 2012, Cancer Immunol Immunother 61:353: down by more than 40 %, then complete recovery during treatment
    model = _with(treg_depletion=0.12)
    constants = typical(model)
    trajectories = course(model, constants, [], np.arange(0.0, 100.0, 7.0), start=0.0, method="reference")
    share = observed(model, trajectories, constants, "Treg")["Treg"][0]
    assert share.min() < 0.6 * share[0]
    assert share[-1] > 0.9 * share[0]


def test_regulatory_cells_come_back_to_baseline_after_interleukin_2():
    """Weeks far above baseline must not starve them afterwards."""
    days = np.concatenate([21.0 * cycle + dose_days(10, 14) for cycle in range(3)])
    doses = [subcutaneous("interleukin-2", 6, "MIU", days)]
    model = combination()
    constants = typical(model)
    trajectories = course(model, constants, doses, [0.0, 56.0, 100.0, 150.0], start=0.0)
    counts = observed(model, trajectories, constants, "Treg")["Treg"][0]
    assert counts[1] > 1.5 * counts[0]
    assert counts[2:] == pytest.approx(counts[0], rel=0.1)


@pytest.mark.parametrize("power", [-1.01, -0.81, -0.65, 0.5])
def test_near_power_is_the_power_near_one(power):
    ratio = np.linspace(0.5, 2.2, 50)
    assert near_power(ratio, power) == pytest.approx(ratio**power, rel=0.016)
    assert near_power(1.0, power) == 1.0
