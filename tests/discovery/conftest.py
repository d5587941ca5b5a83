"""Fixtures of discovery: samples made once."""

import pytest

from made_up_samples import made_up


@pytest.fixture(scope="session")
def small():
    """240 cells of six subjects."""
    return made_up()
