"""From the text of generated functions to machine code in this process, kept on disk as an object file.

LLVM is called directly (llvmlite, which Numba brings): a model of 40 states takes it a second or two, where a
compiler of Python source would take many times that to find out what the generator knew.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from opsonin.model import kernel_cache, vector_math

# 512-bit vectors where the processor has them: LLVM's own default for many of them is 256
ATTRIBUTES = '\nattributes #0 = { nounwind "prefer-vector-width"="512" "min-legal-vector-width"="512" }\n'


class MachineCode:
    """Compiled functions; the addresses are good as long as this object lives."""

    def __init__(self, engine: Any):
        self.engine = engine

    def address(self, function: str) -> int:
        """Where a public function begins."""
        return int(self.engine.get_function_address(function))


def load(
    name: str, write: Callable[[], tuple[dict[str, Any], str]], compiler: Callable[[str], bytes] | None = None
) -> tuple[dict[str, Any], MachineCode]:
    """The plan and the functions called `name` in the cache.

    write: gives them, the plan as what JSON holds and the functions as text; asked only where the cache does not have
    them, or holds a file that cannot be used (cut short, overwritten).   compiler: from that text to an object file.
    """
    kept = kernel_cache.read(name)
    if kept is not None:
        plan, code = kept.split(b"\n", 1)
        return json.loads(plan), _engine(code)
    made, text = write()
    plan, code = json.dumps(made, default=int).encode(), (compiler or compiled)(text)
    kernel_cache.write(name, plan + b"\n" + code)
    return json.loads(plan), _engine(code)


def in_memory(text: str) -> MachineCode:
    """The machine code of LLVM functions, not kept."""
    return _engine(compiled(text))


def compiled(text: str) -> bytes:
    """The object file of LLVM functions.

    Raises: RuntimeError where the text is no LLVM code (a fault of the generator).
    """
    return _machine().emit_object(_optimised(text))


def as_it_is(text: str) -> bytes:
    """The object file of a whole LLVM module that its writer, Numba, has optimised.

    Numba's count of references to an array would free the array at nought; ours are not counted, so that the function
    it would call then is one that does nothing.
    """
    import llvmlite.binding as llvm

    machine = _machine()
    module = llvm.parse_assembly(text)
    module.link_in(llvm.parse_assembly("define void @NRT_MemInfo_call_dtor(ptr %0) {\n  ret void\n}\n"))
    module.verify()
    return machine.emit_object(module)


def assembly(text: str) -> str:
    """The assembly of LLVM functions, to be looked at."""
    return _machine().emit_assembly(_optimised(text))


def _optimised(text: str) -> Any:
    import llvmlite.binding as llvm

    module = llvm.parse_assembly(vector_math.functions() + text + ATTRIBUTES)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = False  # the code is vectors already
    builder = llvm.create_pass_builder(_machine(), options)
    builder.getModulePassManager().run(module, builder)
    return module


def _machine() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    features = llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=2, jit=True)


def _engine(code: bytes) -> MachineCode:
    import llvmlite.binding as llvm

    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return MachineCode(engine)
