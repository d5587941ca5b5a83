"""What the driver needs and Numba lacks: calls and arrays by address. Only what translates the driver loads Numba."""

from __future__ import annotations

from typing import Any

from numba.core import types
from numba.extending import intrinsic


@intrinsic
def call(typing_context: Any, address: Any, w: Any) -> Any:
    """call(address, pointer): the function at an address on the array that begins at a pointer, both integers."""
    signature = types.void(types.int64, types.int64)

    def generated(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        from llvmlite import ir

        pointer = ir.IntType(8).as_pointer()
        function_type = ir.FunctionType(ir.VoidType(), [pointer])
        function = builder.inttoptr(arguments[0], function_type.as_pointer())
        builder.call(function, [builder.inttoptr(arguments[1], pointer)])
        return context.get_dummy_value()

    return signature, generated


@intrinsic
def pointer_to(typing_context: Any, address: Any) -> Any:
    """pointer_to(address): the address, an integer, as the pointer that `carray` makes an array of."""

    def generated(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        from llvmlite import ir

        return builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.int64), generated
