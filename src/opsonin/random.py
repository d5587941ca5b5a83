"""Keyed random numbers: the same number for the same key, whatever else is drawn.

Philox 4x64 with ten rounds (Salmon 2011, "Parallel random numbers: as easy as 1, 2, 3", SC11), evaluated
over whole arrays. The key comes from the seed and the purpose (a stable hash), the counter from up to three integers
such as patient, visit and analyte: no state, so that neither order nor batch size nor threads can matter.
NumPy's own Philox draws from one key at a time; the test holds this one to it, bit for bit.
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b

import numpy as np

_MULTIPLIERS = (np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157))
_WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_CACHED = 16_384  # counters mixed at once, so that they stay in the processor's cache; this changes no number


def uniform(seed: int, purpose: str, *counters, draws: int = 1) -> np.ndarray:
    """Uniform numbers in (0, 1), never 0 and never 1.

    counters: one to three integers or integer arrays that broadcast together (patient, visit, analyte).
    Returns an array of the broadcast shape, with a last axis of length `draws`.
    """
    words = _words(seed, purpose, counters, draws)
    found = (words >> np.uint64(11)).astype(np.float64)
    found += 0.5
    found *= 2.0**-53
    # the half is lost to rounding above 2**52, so that the very last of 2**53 numbers would be 1
    return np.minimum(found, 1 - 2.0**-53, out=found)


def normal(seed: int, purpose: str, *counters, draws: int = 1) -> np.ndarray:
    """Standard normal numbers, by inversion of `uniform`; shapes as there."""
    from scipy.special import ndtri

    return ndtri(uniform(seed, purpose, *counters, draws=draws))


def exponential(seed: int, purpose: str, *counters, draws: int = 1) -> np.ndarray:
    """Exponential numbers of mean 1, by inversion of `uniform`; shapes as there."""
    return -np.log(uniform(seed, purpose, *counters, draws=draws))


def permutation(seed: int, purpose: str, size: int, *counters) -> np.ndarray:
    """A random order of `range(size)` for each counter: the ranks of uniform numbers along the last axis."""
    return np.argsort(uniform(seed, purpose, *counters, draws=size), axis=-1, kind="stable")


def weighted_order(seed: int, purpose: str, weights: np.ndarray, counters: np.ndarray, depth: int) -> np.ndarray:
    """For each counter the first `depth` items of a weighted draw without replacement, (counter, depth).

    Each item waits an exponential time at the rate of its weight; first come, first drawn. A deeper draw begins with
    the shallower one.   Source: Efraimidis & Spirakis (2006), Inf Process Lett 97:181.
    """
    found = np.empty((len(counters), depth), dtype=np.int64)
    together = max(1, 65_536 // max(1, len(weights)))  # as much as stays in the processor's cache
    for first in range(0, len(counters), together):
        block = slice(first, first + together)
        waits = exponential(seed, purpose, counters[block], draws=len(weights)) / weights
        soon = np.argpartition(waits, depth - 1, axis=1)[:, :depth]
        rank = np.argsort(np.take_along_axis(waits, soon, axis=1), axis=1, kind="stable")
        found[block] = np.take_along_axis(soon, rank, axis=1)
    return found


@cache
def stable_hash(text: str) -> int:
    """A 32-bit integer for a name (an analyte, a marker), the same on every machine and in every process."""
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "little")


@cache
def stream_key(seed: int, purpose: str) -> tuple[int, int]:
    """The two words of Philox's key for a seed and a purpose, for kernels that draw the same numbers themselves."""
    digest = blake2b(f"{int(seed)}\x1f{purpose}".encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")


def _words(seed: int, purpose: str, counters: tuple, draws: int) -> np.ndarray:
    if not 1 <= len(counters) <= 3:
        raise ValueError(f"random numbers are keyed by one to three counters; {len(counters)} were given.")
    arrays = np.broadcast_arrays(*(np.asarray(c, dtype=np.uint64) for c in counters))
    blocks = -(-draws // 4)
    shape = arrays[0].shape
    block = np.arange(blocks, dtype=np.uint64)
    whole = (*shape, blocks)
    state = [np.broadcast_to(block, whole).reshape(-1)]
    state += [np.broadcast_to(a[..., None], whole).reshape(-1) for a in arrays]
    state += [np.zeros(state[0].shape, dtype=np.uint64)] * (4 - len(state))
    key, words = stream_key(seed, purpose), np.empty((len(state[0]), 4), dtype=np.uint64)
    for first in range(0, len(words), _CACHED):
        part = slice(first, first + _CACHED)
        for place, mixed in enumerate(philox([counter[part] for counter in state], key)):
            words[part, place] = mixed
    return words.reshape(*shape, blocks * 4)[..., :draws]


def philox(counter: list[np.ndarray], key: tuple[int, int]) -> list[np.ndarray]:
    """Ten rounds of Philox 4x64 over four counter words of equal shape."""
    c0, c1, c2, c3 = (np.asarray(c, dtype=np.uint64) for c in counter)
    k0, k1 = key
    for _ in range(10):
        high0, low0 = _multiply(c0, _MULTIPLIERS[0])
        high1, low1 = _multiply(c2, _MULTIPLIERS[1])
        c0, c1, c2, c3 = high1 ^ c1 ^ np.uint64(k0), low1, high0 ^ c3 ^ np.uint64(k1), low0
        k0, k1 = (k0 + _WEYL[0]) % 2**64, (k1 + _WEYL[1]) % 2**64
    return [c0, c1, c2, c3]


def _multiply(a: np.ndarray, b: np.uint64) -> tuple[np.ndarray, np.ndarray]:
    """The high and low words of a 128-bit product. In place, since memory costs more than multiplying."""
    b_high, b_low = b >> _HALF, b & _LOW
    high, low = a >> _HALF, a & _LOW
    carried = low * b_low
    carried >>= _HALF
    cross = high * b_low
    cross += carried
    np.bitwise_and(cross, _LOW, out=carried)
    low *= b_high
    carried += low
    carried >>= _HALF
    cross >>= _HALF
    high *= b_high
    high += cross
    high += carried
    return high, a * b
