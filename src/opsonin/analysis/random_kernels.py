"""Keyed random numbers inside compiled loops: those of `opsonin.random`, number for number.

A replicate draws from its own stream (seed, purpose, replicate), so that neither batches nor threads can matter, and
the NumPy path of the same analysis sees the same numbers. Compiled on import: import it only where thousands of data
sets are made. Source: Salmon (2011), SC11; see `opsonin.random`.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from opsonin.random import stream_key

_FIRST, _SECOND = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_WEYL_0, _WEYL_1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)
_LARGEST = 1 - 2.0**-53


def key_of(seed: int, purpose: str) -> np.ndarray:
    """The key of a stream, (2,) unsigned, as the kernels take it."""
    return np.array(stream_key(seed, purpose), dtype=np.uint64)


@intrinsic
def _high_word(_context, a, b):
    """The upper 64 bits of a product of two unsigned words: one instruction, which Python has no name for."""

    def build(_context, builder, _signature, words):
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(words[0], wide), builder.zext(words[1], wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), build


@njit(cache=True, nogil=True)
def fill_uniform(out, key, counter):
    """Fill `out` with uniform(seed, purpose, counter, draws=out.size) of `opsonin.random`."""
    for block in range((out.size + 3) // 4):
        c0, c1, c2, c3 = np.uint64(block), np.uint64(counter), np.uint64(0), np.uint64(0)
        k0, k1 = key[0], key[1]
        for _ in range(10):
            high0, low0 = _high_word(c0, _FIRST), c0 * _FIRST  # pyright: ignore[reportCallIssue]  - an intrinsic
            high1, low1 = _high_word(c2, _SECOND), c2 * _SECOND  # pyright: ignore[reportCallIssue]
            c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
            k0, k1 = k0 + _WEYL_0, k1 + _WEYL_1
        first = 4 * block
        out[first] = _unit(c0)
        if first + 1 < out.size:
            out[first + 1] = _unit(c1)
        if first + 2 < out.size:
            out[first + 2] = _unit(c2)
        if first + 3 < out.size:
            out[first + 3] = _unit(c3)


@njit(cache=True, nogil=True)
def _unit(word):
    return min((np.float64(word >> np.uint64(11)) + 0.5) * 2.0**-53, _LARGEST)


@njit(cache=True, nogil=True)
def shuffle(values, last, unit, key, counter):
    """Shuffle `values` in place within blocks of neighbours: `last[i]` is the end (exclusive) of the block of place i.

    Fisher and Yates's shuffle (Durstenfeld 1964, Commun ACM 7:420), driven by the stream's uniform numbers; unit: a
    buffer of the size of `values`.
    """
    fill_uniform(unit, key, counter)
    for i in range(values.size):
        j = i + int(unit[i] * (last[i] - i))
        values[i], values[j] = values[j], values[i]
