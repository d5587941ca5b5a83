"""SAS transport files (version 5), read by pyreadstat once their length has been proved whole.

Source: SAS Institute, TS-140, "The record layout of a data set in SAS transport (XPORT) format". The format tells no
number of rows, so a file that was cut off reads as a shorter one: the layout is checked first.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pandas as pd

from opsonin.errors import ImportDataError

RECORD = 80
_LIBRARY = b"HEADER RECORD*******LIB"
_MEMBER = b"HEADER RECORD*******MEMBER  HEADER RECORD!!!!!!!"
_NAMES = b"HEADER RECORD*******NAMESTR HEADER RECORD!!!!!!!"
_ROWS = b"HEADER RECORD*******OBS     HEADER RECORD!!!!!!!"


def read_transport(path: Path) -> pd.DataFrame:
    """The first member's rows; text is Latin-1, dates are dates.

    Raises: ImportDataError, where the file is truncated or no transport file.
    """
    import pyreadstat

    content = path.read_bytes()
    _prove_whole(path, content)
    try:
        frame: Any = pyreadstat.read_xport(str(path), encoding="LATIN1")[0]
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, ValueError, OverflowError) as problem:
        raise ImportDataError(f"{path} cannot be read as a SAS transport file: {problem}.") from problem
    return frame


def _prove_whole(path: Path, content: bytes) -> None:
    cut = f"{path} is truncated: "
    if not content.startswith(_LIBRARY):
        raise ImportDataError(f"{path} is not a SAS transport file (its first words are {content[:20]!r}).")
    if content.startswith(b"HEADER RECORD*******LIBV8"):
        return  # version 8 lays its names out otherwise; pyreadstat alone judges it
    if len(content) % RECORD:
        raise ImportDataError(f"{cut}its {len(content)} bytes are no whole number of {RECORD}-byte records.")
    member, names = content.find(_MEMBER), content.find(_NAMES)
    rows = content.find(_ROWS, max(names, 0))
    if min(member, names, rows) < 0:
        raise ImportDataError(f"{cut}it ends before its rows begin; get the file again.")
    size = int(content[member + 74 : member + 78])
    count = int(content[names + 54 : names + 58])
    first = names + RECORD
    width = sum(struct.unpack_from(">h", content, first + i * size + 4)[0] for i in range(count))
    body = content[rows + RECORD :]
    rest = body[len(body) - len(body) % width :] if width else b""
    if rest.strip(b" ") or len(rest) >= RECORD:
        whole = len(body) // width
        raise ImportDataError(f"{cut}after {whole} whole rows of {width} bytes, part of one is left; get it again.")
