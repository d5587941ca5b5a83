import pytest

from opsonin import units
from opsonin.errors import UnitError


@pytest.mark.parametrize(
    ("unit", "to", "factor"),
    [
        ("mg/l", "ng/ml", 1000.0),
        ("MIU", "IU", 1e6),
        ("cells/µl", "cells/l", 1e6),
        ("cells/\u03bcl", "cells/µl", 1.0),  # the Greek letter and the micro sign
        ("percent", "dimensionless", 0.01),
        ("%", "percent", 1.0),
        ("1/h", "1/day", 24.0),
        ("mutations/megabase", "mutations/megabase", 1.0),
        ("mm", "cm", 0.1),
        ("MPFU/ml", "PFU/µl", 1e3),
        ("vg/ml", "viral_genomes/l", 1e3),
    ],
)
def test_factors(unit, to, factor):
    assert units.factor(unit, to) == pytest.approx(factor, rel=1e-12)


@pytest.mark.parametrize(
    ("unit", "to"), [("mg", "cells"), ("IU", "mg"), ("cells/µl", "copies/µl"), ("PFU", "vg"), ("degC", "kelvin")]
)
def test_what_cannot_be_converted_is_refused(unit, to):
    with pytest.raises(UnitError, match=unit):
        units.factor(unit, to)


def test_an_unreadable_unit_is_quoted():
    with pytest.raises(UnitError, match="'mgg/l'"):
        units.parse("mgg/l")


def test_dimensions():
    assert units.same_dimension("ng/ml", "mol/mol*g/l")
    assert not units.same_dimension("cells/µl", "1/µl")
