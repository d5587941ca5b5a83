"""How much memory a step needs, said before it starts; more than there is is refused with a remedy."""

from __future__ import annotations

import os
from pathlib import Path

from opsonin.errors import DiscoveryError

GIB = 2**30
SHARE = 0.8  # of the free memory that one step may take
LIMIT = "OPSONIN_MEMORY_GIB"  # an upper limit that the user sets
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def free_bytes() -> int:
    """Bytes that this process may still take: of the machine, its container, and the limit OPSONIN_MEMORY_GIB.

    Raises: DiscoveryError for a limit that is not a number.
    """
    free = [_of_machine()]
    for most, used in _CGROUPS:
        try:
            free.append(int(Path(most).read_text()) - int(Path(used).read_text()))
        except (OSError, ValueError):  # no such container, or "max": no limit
            continue
    said = os.environ.get(LIMIT, "").strip()
    if said:
        try:
            free.append(int(float(said) * GIB))
        except ValueError as problem:
            raise DiscoveryError(f"{LIMIT}={said!r} is not a number of GiB; write {LIMIT}=8.") from problem
    return max(0, min(free))


def _of_machine() -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.split(":")[0] == "MemAvailable"}
        return kilobytes["MemAvailable"] * 1024
    except (OSError, KeyError, ValueError):  # another system than Linux
        return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")) if hasattr(os, "sysconf") else 8 * GIB


def csr_bytes(values: int, rows: int, each: int = 4) -> int:
    """Bytes of a sparse matrix of float32 (each = 4) with 32-bit columns."""
    return values * (each + 4) + 8 * (rows + 1)


def said(size: float) -> str:
    """ "3.2 GiB", "40 MiB"."""
    return f"{size / GIB:.1f} GiB" if size >= 0.1 * GIB else f"{max(1.0, size / 2**20):.0f} MiB"


def refuse_beyond(needed: float, what: str, remedy: str = "") -> None:
    """Refuse a step that needs more than there is.

    Raises: DiscoveryError, saying how much is needed, how much is free, and what to do instead.
    """
    free = free_bytes()
    if needed <= SHARE * free:
        return
    raise DiscoveryError(
        f"{what} would need about {said(needed)} of memory, and {said(free)} are free; "
        + (remedy or "save the cells as h5ad, which is read by blocks, choose fewer genes or samples, or use a machine "
           "with more memory.")
    )  # fmt: skip
