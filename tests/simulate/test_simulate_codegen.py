"""Generated machine code against the expressions it was made from."""

import ctypes
import os
from functools import lru_cache
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsonin.errors import ModelError
from opsonin.model import (
    Hazard,
    Model,
    Module,
    Parameter,
    Process,
    Species,
    codegen,
    kernel_cache,
    laws,
    machine_code,
    sparse_lu,
)
from opsonin.model.lanes import LANES, Lines
from opsonin.model.reference import functions

ASSUMED = "assumed: a test"


class Running:
    """Compiled functions and an array w for them, seen as rows of lanes."""

    def __init__(self, text: str, rows: int):
        self.code = machine_code.in_memory(text)
        room = np.zeros((rows + 1) * LANES)
        skip = (-(room.ctypes.data // 8)) % LANES
        self.w = room[skip : skip + rows * LANES].reshape(rows, LANES)

    def call(self, function: str, *rows: int) -> None:
        """Run a function on w, and on the addresses of rows."""
        addresses = [self.w.ctypes.data, *(self.w[row:].ctypes.data for row in rows)]
        ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(addresses))(self.code.address(function))(*addresses)


@lru_cache
def running(model: Model) -> tuple[codegen.Generated, Running]:
    made = codegen.generate(model.symbolic)
    made.lay("K", made.n_states)
    return made, Running(made.text.replace("define internal void", "define void"), made.rows)


def evaluated(model: Model, states: np.ndarray, constants: np.ndarray, time: float) -> tuple[np.ndarray, np.ndarray]:
    """Rates and Jacobian of the generated code in the last lane."""
    made, run = running(model)
    first, order, n, w = made.first, list(made.order), made.n_states, run.w
    w[:] = 0.0
    w[first["P"] : first["P"] + made.n_constants] = constants[:, None]
    w[first["TY"]] = w[first["TS"]] = time
    w[first["Y"] : first["Y"] + n] = w[first["STAGE"] : first["STAGE"] + n] = states[order, None]
    run.call("prepare")
    run.call("begin")
    run.call("rates", first["K"])
    rates, jacobian = np.zeros(n), np.zeros((n, n))
    rates[order] = w[first["K"] : first["K"] + n, LANES - 1]
    np.testing.assert_allclose(rates[order], w[first["B"] : first["B"] + n, LANES - 1], rtol=1e-12, atol=1e-8)
    for i, j in made.jacobian:
        jacobian[order[i], order[j]] = w[first["LU"] + made.elimination.entries[i, j], LANES - 1]
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

    x = sympy.Symbol("x")
    odd = SimpleNamespace(
        states=("x",), species_list=(), constants=(), rates=[sympy.Function("mystery")(x)], jacobian={}, hazards=(),
        time=sympy.Symbol("t"), time_derivatives={}, administrations={}, inputs=(),
        input_derivatives={}, events=(),
    )  # fmt: skip
    with pytest.raises(ModelError, match=r"rate of 'x' .* mystery\(x\), for which there is no code"):
        codegen.generate(odd)


ROWS = {
    "exp": (np.exp, [0.0, -0.0, 1.0, 700.0, 710.0, -708.5, -745.1, -746.0, np.inf, -np.inf, np.nan]),
    "log": (np.log, [1.0, 0.999, 1e-310, 1e308, 0.0, -1.0, np.inf, np.nan]),
    "tanh": (np.tanh, [0.0, 0.3, -20.0, np.nan]),
}


@pytest.mark.parametrize("name", ROWS)
def test_functions_of_rows_are_those_of_numbers_to_the_last_places(name):
    exact, corners = ROWS[name]
    code = Lines()
    code.store(1, code.called(f"{name}_row", code.load(0)))
    run = Running(code.function("apply"), 2)
    rng = np.random.default_rng(1)
    sample = np.concatenate([rng.normal(size=4000), rng.uniform(-700, 700, 4000)])
    x = np.resize(np.concatenate([corners, np.abs(sample) if name == "log" else sample]), (1003, LANES))
    with np.errstate(all="ignore"):
        expected = exact(x)
    made = np.empty_like(x)
    for place, row in enumerate(x):
        run.w[0] = row
        run.call("apply")
        made[place] = run.w[1]
    np.testing.assert_array_equal(np.isnan(made), np.isnan(expected))
    np.testing.assert_allclose(made, expected, rtol=4.5e-16, atol=5e-324)


@pytest.mark.parametrize(("x", "y"), [(0.0, 2.5), (0.0, 0.0), (0.0, -1.5), (2.0, 0.5), (1e-5, 1.7), (np.inf, 0.3)])
def test_a_power_of_rows_is_that_of_numbers(x, y):
    code = Lines()
    code.store(2, code.called("pow_row", code.load(0), code.load(1)))
    run = Running(code.function("apply"), 3)
    run.w[0], run.w[1] = x, y
    run.call("apply")
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(run.w[2], np.float64(x) ** y, rtol=1e-14)


def test_the_code_is_vectors_as_wide_as_the_processor_has(stiff):
    import llvmlite.binding as llvm

    made = codegen.generate(stiff.symbolic)
    text = machine_code.assembly(made.text)
    widest = [
        name for feature, name in (("avx512f", "zmm"), ("avx", "ymm")) if llvm.get_host_cpu_features().get(feature)
    ]
    if not widest:
        pytest.skip("no processor with AVX")
    assert text.count(f"%{widest[0]}") > 10 * len(made.jacobian)
    assert "vfmadd" in text or "vfnmadd" in text or not llvm.get_host_cpu_features().get("fma")


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
    first = {"GINV": 0, "LU": 1, "B": 1 + elimination.size}
    factor, solve = Lines(), Lines()
    sparse_lu.factor(factor, elimination, entries, first)
    solved = sparse_lu.solve(solve, elimination, first, {i: solve.load(first["B"] + i) for i in range(size)})
    for i, value in solved.items():
        solve.store(first["B"] + i, value)
    run = Running(factor.function("factor") + solve.function("solve"), first["B"] + size)
    run.w[:] = np.nan  # what is not given is not read
    run.w[0] = 40.0
    for entry in entries:
        run.w[first["LU"] + elimination.entries[entry]] = matrix[entry]
    run.w[first["B"] :] = right[:, None]
    run.call("factor")
    run.call("solve")
    for lane in range(LANES):
        np.testing.assert_allclose(run.w[first["B"] :, lane], np.linalg.solve(shifted, right), rtol=1e-10, atol=1e-12)
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


def test_the_key_tells_texts_apart():
    assert kernel_cache.key("a test", "1") == kernel_cache.key("a test", "1")
    assert kernel_cache.key("a test", "2") != kernel_cache.key("a test", "1")
    assert kernel_cache.key("a tes", "t1") != kernel_cache.key("a test", "1")


def test_the_key_tells_models_apart(linear, stiff):
    assert linear.symbolic.content_hash != stiff.symbolic.content_hash
    assert codegen.administered_states(linear.symbolic) == (0, 1)


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff\xfe junk" * 40])
def test_damaged_machine_code_is_made_again(tmp_path, monkeypatch, damage):
    monkeypatch.setenv("OPSONIN_CACHE", str(tmp_path))
    code = Lines()
    code.store(0, code.number(42.0))
    asked = []

    def write():
        asked.append(1)
        return {"rows": 1}, code.function("answer")

    plan, _ = machine_code.load("answer", write)
    assert plan == {"rows": 1}
    machine_code.load("answer", write)
    assert len(asked) == 1
    (tmp_path / "kernels" / "answer.o").write_bytes(damage)
    _, made = machine_code.load("answer", write)
    assert len(asked) == 2
    assert made.address("answer") > 0
