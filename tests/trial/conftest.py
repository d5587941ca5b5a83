import pytest

from opsonin.model import Model
from opsonin.trial import Pool
from trial.small import small_model, small_patients, small_protocol


@pytest.fixture(scope="session")
def model() -> Model:
    return small_model()


@pytest.fixture(scope="session")
def pool(model) -> Pool:
    """120 patients, every level simulated."""
    made = Pool(model, small_patients(model, 120), small_protocol(), seed=11)
    for level in (1, 2, 3):
        made.outcomes(level)
    return made
