"""Generated code on disk, named by what it is made from, so that a model is compiled once.

A file `<key>.o` is the machine code of one model's functions, or of the driver, with a checksum. The key is a hash of
the content and of everything that the machine code depends on (versions of the LLVM bindings, Python and the
generator, the CPU's name), so a stale file is never met, only left behind. Files are written to a temporary name and
moved into place, so that two processes may make the same kernel at once.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from functools import cache
from pathlib import Path

CHECKSUM = 32  # bytes of a SHA-256 behind the machine code


def folder() -> Path:
    """Where kernels are kept: OPSONIN_CACHE, else XDG_CACHE_HOME/opsonin, else ~/.cache/opsonin (then `kernels`).

    A folder that cannot be written falls back to one for this user under the system's temporary folder.
    """
    chosen = os.environ.get("OPSONIN_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    wanted = Path(chosen) if chosen else Path(home) / "opsonin"
    try:
        return _writable(wanted / "kernels")
    except OSError:
        user = getattr(os, "getuid", os.getpid)()
        return _writable(Path(tempfile.gettempdir()) / f"opsonin-{user}" / "kernels")


def key(*parts: str) -> str:
    """The name of a kernel made from these texts on this machine."""
    digest = hashlib.sha256()
    for part in (*_toolchain(), *parts):
        digest.update(part.encode())
        digest.update(b"\0")
    return digest.hexdigest()[:32]


def read(name: str) -> bytes | None:
    """The machine code called `name`; None where there is none, or the file is not what was written."""
    try:
        kept = (folder() / f"{name}.o").read_bytes()
    except FileNotFoundError:
        return None
    code = kept[:-CHECKSUM]
    return code if hashlib.sha256(code).digest() == kept[-CHECKSUM:] else None


def write(name: str, code: bytes) -> None:
    """Keep machine code under a name."""
    _write_atomically(folder() / f"{name}.o", code + hashlib.sha256(code).digest())


@cache
def _toolchain() -> tuple[str, ...]:
    import llvmlite
    import llvmlite.binding

    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    features = llvmlite.binding.get_host_cpu_features().flatten()  # a container may hide some of the processor's
    return (python, llvmlite.__version__, llvmlite.binding.get_host_cpu_name(), features)


@cache
def _writable(path: Path) -> Path:
    """The folder, once it has been tried: every call of the solver asks for it.   Raises: OSError."""
    path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path):
        return path


def _write_atomically(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)  # somebody may have emptied the cache meanwhile
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
