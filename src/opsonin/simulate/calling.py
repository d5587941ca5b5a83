"""How the compiled driver calls a model's functions: by their addresses, on the array w.

The driver is compiled once and serves every model: what it needs to know of one are the places of its ranges in w
(`places`) and the addresses of its functions (`addresses`), in the order of the names below.
"""

from __future__ import annotations

RANGES = (
    "TY", "H", "THETA", "NORM", "RTOL", "PROPOSED", "STOP", "NEXT", "MOST", "BEFORE", "FRESH", "IDLE",
    "ACCEPTED", "LANDED", "REACHED", "TAKEN", "REJECTED", "AGAIN", "MASK", "LIMIT",
    "Y", "STAGE", "B", "DENSE", "ATOL", "FT", "U", "P", "LU", "WEIGHT", "K",
    "TD", "GIVEN", "SLOPE", "SINCE", "GUARD", "SIDE", "JUMP", "FOUND", "LOOKED",
    "LAMBDA", "Z", "CONSTANT", "SHAPE", "STIFF",
)  # fmt: skip
FUNCTIONS = ("prepare", "begin", "advance", "weigh", "dense_states", "keep", "guards", "jumps")
SIZES = (
    "N_STATES",
    "N_BOUNDED",
    "N_INTEGRATED",
    "N_INPUTS",
    "N_CONSTANTS",
    "N_JACOBIAN",
    "N_BY_TIME",
    "N_WEIGHTS",
    "N_ALL",
    "ORDER",
    "N_GIVEN",
    "N_EVENTS",
)


def names_as_code() -> str:
    """Assignments that let the driver call a range, function or size by its name."""
    lines = [f"{name} = {n}" for n, name in enumerate(RANGES)]
    lines += [f"{name.upper()} = {n}" for n, name in enumerate(FUNCTIONS)]
    lines += [f"{name} = {len(RANGES) + n}" for n, name in enumerate(SIZES)]
    return "\n".join(lines)


def places(first: dict[str, int], sizes: dict[str, int], lanes: int) -> list[int]:
    """The first element of every range, then the sizes."""
    return [first[name] * lanes if name in first else -1 for name in RANGES] + [sizes[name] for name in SIZES]
