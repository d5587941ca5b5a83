"""Folders that change all at once: written beside the old one, then put in its place."""

from __future__ import annotations

import errno
import glob
import os
import platform
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

AT_ONCE = 8  # files that the disk is asked to hold at the same time
_begun: set[Path] = set()  # new folders of this process that are being filled


@contextmanager
def replacing(folder: str | Path) -> Iterator[Path]:
    """A new empty folder to fill; it takes the place of `folder` when the block ends well, and goes when it fails.

    A link to a folder stays, and the folder that it leads to is replaced.
    Raises: NotADirectoryError, where something else than a folder is there; OSError.
    The old folder stays whole until the new one lies on the disk beside it. A crash between the two renames leaves
    the old one as `.<name>.old`, which `recover` puts back.
    """
    target = Path(os.path.realpath(folder))
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "it is a file and no folder", str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    recover(target)
    fresh, old = _sibling(target, f"new-{platform.node()}-{os.getpid()}"), _sibling(target, "old")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    inner = not _begun.isdisjoint(target.parents)  # part of a folder that is flushed as a whole
    _begun.add(fresh)
    try:
        yield fresh
        if not inner:
            _flush(fresh)
        if target.exists():
            os.rename(target, old)
        try:
            os.rename(fresh, target)
        except OSError:
            if old.exists():
                os.rename(old, target)
            raise
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    finally:
        _begun.discard(fresh)
    if not inner:
        _flush_names(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def recover(folder: str | Path) -> None:
    """Puts back the old folder that a crash left aside, or clears it away where the new one is in place.

    New folders of killed processes of this machine, which nobody will finish, are cleared away too.
    """
    target = Path(os.path.realpath(folder))
    for left in target.parent.glob(glob.escape(_sibling(target, f"new-{platform.node()}-").name) + "*"):
        process = left.name.rpartition("-")[2]
        if process.isdecimal() and not _runs(int(process)):
            shutil.rmtree(left, ignore_errors=True)
    old = _sibling(target, "old")
    if not old.exists():
        return
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
    else:
        os.rename(old, target)


def _runs(process: int) -> bool:
    """Whether a process of this machine goes on, as far as can be told."""
    if os.name != "posix":
        return True  # elsewhere, asking would end it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _sibling(target: Path, what: str) -> Path:
    return target.with_name(f".{target.name}.{what}")


def _flush(folder: Path) -> None:
    """Has the disk hold every file of the folder before its name changes: many at once, as a disk takes them best."""
    paths = [folder, *folder.rglob("*")]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(_flush_file, (path for path in paths if path.is_file())))
    for path in paths:
        if path.is_dir():
            _flush_names(path)


def _flush_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _flush_names(folder: Path) -> None:
    """Has the disk hold a folder's names; a system that cannot open a folder (Windows) does without."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:  # some network file systems refuse; the names are then written when they please
        pass
    finally:
        os.close(handle)
