"""The driver's machine code: kept on disk, loaded without Numba, and strict about what it is given."""

import subprocess
import sys

import numpy as np
import pytest

from opsonin.model import kernel_cache, machine_code
from opsonin.simulate import driver_code
from opsonin.simulate.compiled import solver

DOUBLE = """
define i32 @double_it(ptr %result, ptr %fault, i64 %first, i64 %last, i64 %t, i64 %w, i64 %b, i64 %f) {
  ret i32 0
}
"""


@pytest.fixture
def arrays(linear):
    """What `fastest` takes for two patients of the linear model."""
    constants = np.tile(linear.symbolic.typical, (2, 1))
    initial = np.ascontiguousarray(linear.initial_state(constants))
    return [*solver(linear.symbolic, "rosenbrock").model, constants, initial, 0.0, np.zeros(0), np.zeros(2)]


def test_the_entries_take_what_they_say(arrays):
    names = [name for name, *_ in driver_code.parameters("fastest")]
    assert names[-1] == "rho"
    assert len(names) == len(arrays)
    call = driver_code.call("fastest", arrays)
    call(0, 2)
    assert (arrays[-1] > 0).all()
    assert arrays[-1][0] == arrays[-1][1]


def test_what_is_read_may_lie_anyhow_in_memory(arrays):
    straight, crooked = list(arrays), list(arrays)
    straight[-1], crooked[-1] = np.zeros(2), np.zeros(2)
    constants = next(n for n, (name, *_) in enumerate(driver_code.parameters("fastest")) if name == "constants")
    crooked[constants] = np.asfortranarray(arrays[constants])
    for given in (straight, crooked):
        driver_code.call("fastest", given)(0, 2)
    assert np.array_equal(straight[-1], crooked[-1])


@pytest.mark.parametrize("rho", [np.zeros(2, dtype=np.float32), np.zeros(4)[::2], np.zeros((2, 1))])
def test_what_is_written_must_be_as_the_driver_takes_it(arrays, rho):
    with pytest.raises(TypeError, match="fastest takes rho"):
        driver_code.call("fastest", [*arrays[:-1], rho])


def test_an_object_that_numba_wrote_is_kept_and_read(tmp_path, monkeypatch):
    monkeypatch.setenv("OPSONIN_CACHE", str(tmp_path))
    asked = []

    def write():
        asked.append(1)
        return {"entry": "double_it"}, DOUBLE

    for _ in range(2):
        plan, code = machine_code.load("driver", write, machine_code.as_it_is)
        assert code.address(plan["entry"]) > 0
    assert len(asked) == 1
    assert [path.name for path in kernel_cache.folder().iterdir()] == ["driver.o"]


def test_a_process_that_finds_the_driver_loads_no_numba():
    driver_code._native("fastest", str(kernel_cache.folder()))
    text = (
        "import sys; from opsonin.simulate import driver_code; from opsonin.model import kernel_cache; "
        "driver_code._native('fastest', str(kernel_cache.folder())); print('numba' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
