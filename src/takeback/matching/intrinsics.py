# ruff: noqa: ANN401 - numba and llvmlite describe what they hand over with no types
# mypy: disable-error-code="no-untyped-call"
"""Machine instructions that Python has no word for, as numba intrinsics: population count, prefetch, vector compare.

numba does not notice a change here when it looks into its cache on disk: after editing, touch ``kernels.py``.

**Source:** the LLVM language reference, ``llvm.ctpop``, ``llvm.cttz`` and ``llvm.prefetch``.
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

__all__ = ["LANES", "address_of", "lowest_set_bit", "popcount", "prefetch", "sketches_within"]

LANES = 32
"""Sketches compared at a time: 32 of 16 bits fill one AVX-512 register, two of AVX2, four of NEON."""


@intrinsic
def popcount(_typing: Any, word: Any) -> Any:  # noqa: ARG001 - numba asks for the parameter
    """Set bits of a uint64."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@intrinsic
def lowest_set_bit(_typing: Any, word: Any) -> Any:  # noqa: ARG001 - numba asks for the parameter
    """Position of the lowest set bit of a uint64 that is not 0."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


@intrinsic
def address_of(_typing: Any, array: Any) -> Any:
    """Address of an array's first element, as uint64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        struct = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0])
        return builder.ptrtoint(struct.data, ir.IntType(64))

    return types.uint64(array), generate


@intrinsic
def prefetch(_typing: Any, address: Any) -> Any:  # noqa: ARG001 - numba asks for the parameter
    """Ask the processor to bring the cache line of an address; any address is allowed."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        # declare_intrinsic would name it after typed pointers, a name that LLVM no longer knows.
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        read, keep, data = number(0), number(3), number(1)
        builder.call(function, [builder.inttoptr(arguments[0], pointer), read, keep, data])
        return context.get_dummy_value()

    return types.void(types.uint64), generate


def _broadcast(builder: Any, word: Any, vector: Any) -> Any:
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, builder.trunc(word, ir.IntType(16)), ir.IntType(32)(0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(first, undefined, everywhere)


@intrinsic
def sketches_within(_typing: Any, address: Any, sketch: Any, limit: Any) -> Any:  # noqa: ARG001
    """Compare ``LANES`` 16-bit sketches at an address with one.

    Returns:
        uint64, bit k set where sketch k differs in at most ``limit`` bits.
    """

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.IntType(16), LANES)
        loaded = builder.load(builder.inttoptr(arguments[0], vector.as_pointer()))
        loaded.align = 2
        differing = builder.xor(loaded, _broadcast(builder, arguments[1], vector))
        kind = ir.FunctionType(vector, [vector])
        count = cgutils.get_or_insert_function(builder.module, kind, f"llvm.ctpop.v{LANES}i16")
        near = builder.icmp_unsigned("<=", builder.call(count, [differing]), _broadcast(builder, arguments[2], vector))
        return builder.zext(builder.bitcast(near, ir.IntType(LANES)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64, types.uint64), generate
