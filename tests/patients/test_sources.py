"""Every number of the package has a unit and a source: of each therapy, each patient, each biology."""

from __future__ import annotations

import pytest

from opsonin.biology import core_named
from opsonin.model import Model, Parameter
from opsonin.model.parts import Covariate
from opsonin.patients import indication
from opsonin.patients.indication import INDICATIONS, indication_names
from opsonin.therapies import load_agent, names
from opsonin.units import registry

CORES = ("first", "full", "mouse")


def complaints(parts: list) -> list[str]:
    """What is missing of parameters and covariates."""
    found = []
    for part, module in parts:
        where = f"{part.name} of {module}"
        try:
            registry().parse_units(part.unit)
        except Exception as problem:  # whatever Pint raises
            found.append(f"{where}: the unit {part.unit!r} is none ({problem})")
        if not part.unit.strip():
            found.append(f"{where}: no unit; write 'dimensionless'")
        if isinstance(part, Parameter) and len(part.source.strip().removeprefix("assumed").strip(":, ")) < 4:
            found.append(f"{where}: the source {part.source!r} says nothing")
    return found


@pytest.mark.parametrize("core", CORES)
def test_every_parameter_and_covariate_of_the_body_has_a_unit_and_a_source(core):
    parts = Model(core_named(core)).parts(Parameter, Covariate)
    assert len(parts) > 20
    assert not complaints(parts)


@pytest.mark.parametrize("agent", names())
def test_every_parameter_of_a_therapy_has_a_unit_and_a_source(agent):
    module = load_agent(agent)
    parts = [(part, module.name) for part in module.parts if isinstance(part, Parameter | Covariate)]
    assert parts, agent
    assert not complaints(parts)


def test_every_attribute_of_a_product_is_a_parameter_of_its_therapy_or_body():
    """What a batch's figures stand for in the model has a unit and a source like all else."""
    seen = 0
    for agent in names():
        module = load_agent(agent)
        known = {part.name for part in module.parts if isinstance(part, Parameter)}
        for part in module.parts:
            product = getattr(part, "product", None) or {}
            seen += len(product)
            assert set(product.values()) <= known, (agent, product)
    assert seen


@pytest.mark.parametrize("name", indication_names())
def test_every_distribution_and_every_value_of_an_indication_has_a_unit_and_a_source(name):
    one = indication(name)
    assert one.source.strip()
    for variable in one.variables:
        assert variable.source.strip(), variable.name
        registry().parse_units(variable.unit)
    for column, unit in one.units.items():
        assert registry().parse_units(unit) is not None, column
    parts = {part.name: part for part, _ in Model(core_named(one.core)).parts(Parameter)}
    for agent in names():
        parts |= {part.name: part for part in load_agent(agent).parts if isinstance(part, Parameter)}
    assert set(one.values) | set(one.spreads) <= set(parts), "an indication changes what no model has"
    silent = [value for value in one.values if not one.sources.get(value, "").strip()]
    assert not silent, f"say where these values of {name} come from, in patients/sources.toml: {', '.join(silent)}"
    for kind in one.kinds:
        assert set(kind.values) | set(kind.spreads) <= set(parts), kind.name


def test_a_missing_source_is_complained_of():
    assert complaints([(Parameter("rate", 1.0, "1/day", "assumed"), "a module")])
    assert complaints([(Parameter("rate", 1.0, "days and a half", "assumed: as in a test"), "a module")])
    assert not complaints([(Parameter("rate", 1.0, "1/day", "assumed: as in a test"), "a module")])


def test_sources_are_of_indications_that_there_are():
    from opsonin.patients.sources import _all

    told = _all()
    assert set(told) - {"every"} <= set(INDICATIONS)
    for name in set(told) - {"every"}:
        assert set(told[name]) - {"like"} <= set(indication(name).values), name
