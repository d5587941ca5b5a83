"""The driver as machine code: Numba translates it once for all models, LLVM's object file is kept, and later processes
load that without Numba, whose import alone takes longer than a small simulation.

An entry takes one table of addresses and shapes for all its arrays (`Call`), so that a call costs a microsecond, and
leaves Python's lock free while it runs.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import numpy as np

from opsonin.model import kernel_cache, machine_code
from opsonin.model.lanes import LANES
from opsonin.simulate import calling, control

PARTS = (
    "driver_patients", "driver_doses", "driver_crossings", "driver_events", "driver_exact", "driver", "driver_fastest",
)  # fmt: skip
_MODEL = "at:i1 functions:i1 jacobian:i2 by_time:i1 order:i1 constants:f2 initial:f2 "
# name, kind (integer, float, boolean) and number of dimensions of what each entry takes; 0: one number
ENTRIES = {
    "run_block": _MODEL + "start:f1 end:f1 times:f2 event_time:f2 event_kind:i2 event_dose:i2 dose_input:i1 "
    "dose_row:i1 dose_time:f2 dose_end:f2 amounts:f2 set_values:f3 set_added:b2 watched:i1 limits:f2 breaks:f2 "
    "given:f3 slopes:f3 directions:i1 jumps:i2 input_row:i1 rates:f2 shapes:f3 back:f3 rtol:f0 atol:f2 max_steps:i0 "
    "turns:i0 states:f3 crossings:f2 final:f2 status:i1 day:f1 steps:i2 happened:i2 days:f3 fault:i2",
    "fastest": _MODEL + "start:f0 given:f1 rho:f1",
}  # fmt: skip
WRITTEN = frozenset(["states", "crossings", "final", "status", "day", "steps", "happened", "days", "fault", "rho"])
TYPES = {"i": np.dtype(np.int64), "f": np.dtype(np.float64), "b": np.dtype(np.bool_)}
BOOK, FLAGS = 4 * LANES, 3 * LANES  # integers and booleans that an entry works with
# Read when this module is, and never again: a process that outlives an update of the package would otherwise keep
# what its old driver writes under the name of the new one, and the next process would run into it.
_parts = [
    files("opsonin.simulate").joinpath(f"{name}.py").read_text(encoding="utf-8").split("# driver\n", 1)[1]
    for name in PARTS
]
_pointers = files("opsonin.simulate").joinpath("address_call.py").read_text(encoding="utf-8")
_NATIVE = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 6)


class Call:
    """An entry and its arrays, to be run for any patients of theirs, in several threads at once."""

    def __init__(self, entry: str, native: Callable[..., int], arrays: Sequence[Any]):
        """arrays: in the order of ENTRIES; those that are read are copied where they are not contiguous.

        Raises: TypeError for an array to be written to that is of another kind or not contiguous.
        """
        self._native, self._kept = native, []
        table: list[int] = []
        for (name, kind, dimensions), given in zip(parameters(entry), arrays, strict=True):
            array = np.asarray(given)
            if array.dtype != TYPES[kind] or not array.flags.c_contiguous or array.ndim != dimensions:
                if name in WRITTEN or array.ndim != dimensions:
                    raise TypeError(
                        f"{entry} takes {name} as {dimensions}-dimensional {TYPES[kind]}, not {array.dtype}."
                    )
                array = np.ascontiguousarray(array, dtype=TYPES[kind]).reshape(array.shape)
            self._kept.append(array)
            table += [array.__array_interface__["data"][0], *array.shape]
        self._table = np.array(table, dtype=np.int64)
        places = self._kept[0]
        self._size = int(places[len(calling.RANGES) + calling.SIZES.index("N_ALL")])
        self._extra = 2 * int(places[len(calling.RANGES) + calling.SIZES.index("N_STATES")]) + LANES

    def __call__(self, first: int, last: int) -> None:
        """Run patients first … last - 1."""
        room = np.zeros(self._size + self._extra + LANES)
        book, flags = np.zeros(BOOK, dtype=np.int64), np.zeros(FLAGS, dtype=np.bool_)
        result = np.zeros(2, dtype=np.int64)
        begin = _address(room)
        begin += -begin % (8 * LANES)
        answer = self._native(
            _address(result), _address(result) + 8, first, last, _address(self._table), begin, _address(book),
            _address(flags),
        )  # fmt: skip
        if answer:
            raise RuntimeError(f"the driver ended with {answer}; this is a fault of Opsonin.")


def call(entry: str, arrays: Sequence[Any]) -> Call:
    """An entry on some arrays; compiled where the cache does not have it."""
    return Call(entry, _native(entry, str(kernel_cache.folder()))[0], arrays)


@cache
def _native(entry: str, folder: str) -> tuple[Callable[..., int], machine_code.MachineCode]:
    name = kernel_cache.key(entry, source(), _pointers, version("numba"))
    plan, code = machine_code.load(name, lambda: _translated(entry), machine_code.as_it_is)
    return _NATIVE(code.address(plan["entry"])), code


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def parameters(entry: str) -> list[tuple[str, str, int]]:
    """Name, kind and number of dimensions of each array."""
    found = re.findall(r"(\w+):(\w)(\d)", ENTRIES[entry])
    return [(name, kind, int(dimensions)) for name, kind, dimensions in found]


def _translated(entry: str) -> tuple[dict[str, Any], str]:
    """The name of an entry in LLVM's code, and that code."""
    from numba import types

    module: dict[str, Any] = {"__name__": f"opsonin_driver_{entry}"}
    exec(compile(source(), f"<{entry} of the driver>", "exec"), module)  # our own files, put together
    function = module[f"enter_{entry}"]
    function.compile((types.int64,) * 6)
    signature = function.signatures[0]
    return {"entry": function.overloads[signature].fndesc.llvm_func_name}, function.inspect_llvm(signature)


@cache
def source() -> str:
    """The driver's parts below their imports, behind the names they use and before the entries."""
    head = [
        "import math",
        "import numpy as np",
        "from numba import carray, njit",
        "from opsonin.simulate.address_call import call, pointer_to",
        f"LANES = {LANES}",
        calling.names_as_code(),
        f"STIFF_STEPS = {control.STIFF_STEPS}",
    ]
    return "\n".join([*head, *_parts, *(_entry(name) for name in ENTRIES)])


def _entry(name: str) -> str:
    """The text of the function that takes the table apart."""
    lines = [
        '@njit(error_model="numpy", boundscheck=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)',
        f"def enter_{name}(first, last, table, room, book, flags):",
        f"    table = carray(pointer_to(table), {sum(1 + max(1, d) for *_, d in parameters(name))}, np.int64)",
    ]
    given, place = [], 0
    for parameter, kind, dimensions in parameters(name):
        shape = "".join(f"table[{place + 1 + n}], " for n in range(dimensions)) or "1, "
        lines.append(f"    {parameter} = carray(pointer_to(table[{place}]), ({shape}), np.{TYPES[kind].name})")
        given.append(parameter if dimensions else f"{parameter}[0]")
        place += 1 + dimensions
    extra = "at[N_ALL] + 2 * at[N_STATES] + LANES"
    lines += [
        f"    room = carray(pointer_to(room), ({extra},), np.float64)",
        "    book = carray(pointer_to(book), (4, LANES), np.int64)",
        "    flags = carray(pointer_to(flags), (3, LANES), np.bool_)",
        f"    {name}(first, last, room, book, flags, {', '.join(given)})",
    ]
    return "\n".join(lines)
