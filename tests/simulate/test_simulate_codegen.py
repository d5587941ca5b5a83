"""Generated code against the expressions it was made from, run without compiling it."""

import os
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.errors import ModelError
from opsonin.model import Hazard, Model, Module, Parameter, Process, Species, codegen, kernel_cache, laws, sparse_lu
from opsonin.model.reference import functions
from opsonin.simulate import compiled

ASSUMED = "assumed: a test"
LANES = codegen.LANES


@lru_cache
def as_python(model: Model) -> dict:
    """The functions of a model's generated source, uncompiled."""
    plain = (
        codegen.model_source(model.symbolic).text.replace("from numba import njit", "").replace(codegen.DECORATOR, "")
    )
    made: dict = {}
    exec(plain, made)
    return made


def evaluated(model: Model, states: np.ndarray, constants: np.ndarray, time: float) -> tuple[np.ndarray, np.ndarray]:
    """Rates and Jacobian of the generated code in the last lane."""
    made = as_python(model)
    n, lane = made["N_STATES"], LANES - 1
    w = np.zeros(made["N_WORK"])
    for each in range(LANES):
        made["prepare"](constants, w, each)
        w[made["TY"] + each] = w[made["TS"] + each] = time
        for i in range(n):
            w[made["Y"] + LANES * i + each] = w[made["STAGE"] + LANES * i + each] = states[i]
    with np.errstate(all="ignore"):
        made["rhs"](w)
        made["rhs_jac"](w)
    rates = w[made["RATE"] + lane : made["RATE"] + LANES * n : LANES]
    np.testing.assert_allclose(rates, w[made["F"] + lane : made["F"] + LANES * n : LANES], rtol=1e-12, atol=1e-8)
    jacobian = np.zeros((n, n))
    entries = w[made["JAC"] + lane : made["JAC"] + LANES * made["N_JACOBIAN"] : LANES]
    jacobian[made["JACOBIAN_ROWS"], made["JACOBIAN_COLUMNS"]] = entries
    return rates, jacobian


@settings(max_examples=30)
@given(st.lists(st.floats(0.01, 20.0), min_size=7, max_size=7), st.floats(-5.0, 20.0))
def test_rates_and_jacobian_are_those_of_the_model(stiff, states, time):
    typical = stiff.symbolic.typical
    rates, jacobian = evaluated(stiff, np.array(states), typical, time)
    rhs, exact = functions(stiff.symbolic)
    np.testing.assert_allclose(rates, rhs(time, np.array(states), typical), rtol=1e-12, atol=1e-8)
    np.testing.assert_allclose(jacobian, exact(time, np.array(states), typical), rtol=1e-12, atol=1e-8)


def test_names_of_a_model_cannot_clash_with_the_code():
    law = laws.reading(lambda w, rhs: w * rhs, "w", "rhs")
    parts = [Parameter("w", 2.0, "1/day", ASSUMED), Species("rhs", "mg", 3.0), Process("l", law, consumes="rhs")]
    model = Model([Module("clash", [*parts, Species("q0", "mg", 1.0), Hazard("t", lambda w: w, term="x")])])
    rates, _ = evaluated(model, np.array([3.0, 1.0, 0.0]), model.symbolic.typical, 0.0)
    assert rates.tolist() == [-6.0, 0.0, 2.0]


FUNCTIONS = {
    "max": lambda x, k: laws.maximum(x, k),
    "where": lambda x, k: laws.where(x < k, x**2 / k, 2 * x - k),
    "root": lambda x, k: laws.sqrt(x * k),
    "power": lambda x, k: k * (x / k) ** 2.5,
    "inverse": lambda x, k: k**3 / (k + x) ** 2,
    "exp": lambda x, k: k * laws.exp(-x / k),
    "log": lambda x, k: k * laws.log(1 + x / k),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("x", [0.5, 3.0])
def test_every_law_has_code(name, x):
    law = FUNCTIONS[name]
    model = Model(
        [
            Module(
                "one",
                [
                    Parameter("k", 2.0, "mg", ASSUMED),
                    Parameter("rate", 0.3, "1/day", ASSUMED),
                    Species("x", "mg", 1.0),
                    Process("loss", lambda rate, x, k: rate * law(x, k), consumes="x"),
                ],
            )
        ]
    )
    rates, jacobian = evaluated(model, np.array([x]), model.symbolic.typical, 0.0)
    step = 1e-6
    slope = (law(x + step, 2.0) - law(x - step, 2.0)) / (2 * step)
    assert rates[0] == pytest.approx(-0.3 * float(law(x, 2.0)), rel=1e-14)
    assert jacobian[0, 0] == pytest.approx(-0.3 * float(slope), rel=1e-7)


def test_a_rate_without_code_is_named():
    import sympy

    class Odd:
        pass

    odd = Odd()
    x = sympy.Symbol("x")
    for name, value in {
        "states": ("x",), "constants": (), "rates": [sympy.Function("mystery")(x)], "jacobian": {}, "hazards": (),
        "time": sympy.Symbol("t"), "time_derivatives": {}, "administrations": {}, "species_list": (),
    }.items():  # fmt: skip
        setattr(odd, name, value)
    with pytest.raises(ModelError, match=r"rate of 'x' .* mystery\(x\), for which there is no code"):
        codegen.model_source(odd)


@given(
    st.integers(1, 9),
    st.sets(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=30),
    st.lists(st.floats(-3.0, 3.0), min_size=90, max_size=90),
)
def test_the_written_out_factors_solve_any_pattern(size, pattern, numbers):
    entries = sorted({(i % size, j % size) for i, j in pattern})
    matrix = np.zeros((size, size))
    for (i, j), number in zip(entries, numbers, strict=False):
        matrix[i, j] = number
    right = np.array(numbers[-size:])
    shifted = 40.0 * np.eye(size) - matrix

    elimination = sparse_lu.plan(size, entries)
    ranges = {"GINV": np.array([40.0]), "JAC": np.array([matrix[e] for e in entries]), "LU": np.zeros(elimination.size)}
    ranges["B"] = right.copy()

    def place(name: str, i: int = 0) -> str:
        return f"{name}[{i}]"

    for lines in (sparse_lu.factor_lines(elimination, entries, place), sparse_lu.solve_lines(elimination, place)):
        exec("\n".join(lines), dict(ranges))
    np.testing.assert_allclose(ranges["B"], np.linalg.solve(shifted, right), rtol=1e-10, atol=1e-12)
    assert elimination.size == len({*entries, *((i, i) for i in range(size))}) + elimination.fill_ins


def test_states_that_nothing_depends_on_fill_nothing_in():
    """An arrow matrix: eliminated in the wrong order it fills completely, in the right one not at all."""
    size = 12
    arrow = [(0, j) for j in range(size)] + [(i, 0) for i in range(size)]
    assert sparse_lu.plan(size, arrow).fill_ins == 0
    assert sparse_lu.plan(size, [(size - 1, j) for j in range(size)]).lower == ((),) * size


def test_kernels_go_where_they_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("OPSONIN_CACHE", str(tmp_path / "here"))
    assert kernel_cache.folder() == tmp_path / "here" / "kernels"
    monkeypatch.delenv("OPSONIN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    assert kernel_cache.folder() == tmp_path / "user" / "opsonin" / "kernels"


def test_a_folder_that_cannot_be_written_falls_back(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("OPSONIN_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
    os.mkdir(tmp_path / "elsewhere")
    assert kernel_cache.folder().is_relative_to(tmp_path / "elsewhere")


def test_a_kernel_is_written_once_and_read_again(tmp_path, monkeypatch):
    monkeypatch.setenv("OPSONIN_CACHE", str(tmp_path))
    asked = []

    def source() -> str:
        asked.append(1)
        return "answer = 42\n"

    name = kernel_cache.key("a test", "1")
    assert kernel_cache.load(name, source).answer == 42
    assert kernel_cache.load(name, source).answer == 42
    assert len(asked) == 1
    assert [path.name for path in (tmp_path / "kernels").glob("*.py")] == [f"{name}.py"]
    assert kernel_cache.key("a test", "2") != name
    assert kernel_cache.key("a tes", "t1") != name


def test_the_key_tells_models_apart(linear, stiff):
    assert linear.symbolic.content_hash != stiff.symbolic.content_hash
    assert codegen.administered_states(linear.symbolic) == (0, 1)


@pytest.mark.parametrize("damage", [b"", b"answer = 4", b"\xff\xfe junk"])
def test_a_damaged_kernel_file_is_written_again(tmp_path, monkeypatch, damage):
    monkeypatch.setenv("OPSONIN_CACHE", str(tmp_path))
    name = kernel_cache.key("a test of damage", repr(damage))
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / f"{name}.py").write_bytes(damage)
    assert kernel_cache.load(name, lambda: "answer = 42\n").answer == 42


@pytest.mark.parametrize("end", ["nbi", "nbc"])
def test_damaged_machine_code_is_made_again(tmp_path, monkeypatch, end):
    monkeypatch.setenv("OPSONIN_CACHE", str(tmp_path))
    text = "from numba import njit\n@njit(cache=True)\ndef double(x):\n    return 2 * x\n"
    monkeypatch.setattr(codegen, "kernels", lambda *_: kernel_cache.load("double", lambda: text))

    class Model:
        states = ("x",)

    assert compiled.ready(Model(), "rosenbrock", lambda module: module.double(1)).double(4) == 8
    for file in (tmp_path / "kernels" / "__pycache__").glob(f"*.{end}"):
        file.write_bytes(b"no pickle")
    kernel_cache._loaded.clear()  # as in another process
    assert compiled.ready(Model(), "rosenbrock", lambda module: module.double(1)).double(4) == 8


def test_an_error_of_the_kernel_itself_is_the_callers(tmp_path, monkeypatch):
    monkeypatch.setenv("OPSONIN_CACHE", str(tmp_path))
    monkeypatch.setattr(codegen, "kernels", lambda *_: kernel_cache.load("nothing", lambda: "answer = 42\n"))

    class Model:
        states = ("x",)

    with pytest.raises(AttributeError, match="question"):
        compiled.ready(Model(), "rosenbrock", lambda module: module.question)
