"""An answer to a question of discovery: plain tables, findings and pages, for whoever writes and draws them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from opsonin.discovery.feature_table import FeatureTable
from opsonin.errors import DiscoveryError
from opsonin.record.schema import near


@dataclass(frozen=True)
class Answer:
    """question: targets, plasticity …   tables: name → table.   findings: rows with the fields of findings.json.

    pages: title → Markdown.   notes: what could not be done, or must be known, in words.   features: for the record.
    """

    question: str
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    pages: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    features: FeatureTable | None = None


def finding(name: str, group: str, estimate: float, **more: Any) -> dict[str, Any]:
    """One row of findings.json: lower, upper, level, p, n, unit, method, reference, note as given, else empty."""
    numbers = {key: float(more.get(key, math.nan)) for key in ("lower", "upper", "level", "p")}
    words = {key: str(more.get(key, "")) for key in ("unit", "method", "reference", "note")}
    n = more.get("n")
    return {"name": name, "group": group, "estimate": float(estimate), **numbers, "n": n, "events": None, **words}


def only(settings: Any, known: Collection[str], where: str) -> None:
    """Raises: DiscoveryError for a key that the section does not have, with its neighbours, or what is no section."""
    if not isinstance(settings, Mapping):
        raise DiscoveryError(f"{where} is {settings!r}; a table is needed, with the keys {', '.join(known)}.")
    for key in settings:
        if key not in known:
            raise DiscoveryError(f"{where} has no key {key!r}{near(key, list(known))}.")


def needed(settings: Mapping[str, Any], key: str, where: str) -> Any:
    """A key that must be given.

    Raises: DiscoveryError where it is not.
    """
    if key not in settings:
        raise DiscoveryError(f"{where} needs the key {key!r}.")
    return settings[key]


def number(settings: Mapping[str, Any], key: str, otherwise: float, where: str) -> float:
    """A number that may be given.

    Raises: DiscoveryError for what is none.
    """
    given = settings.get(key, otherwise)
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise DiscoveryError(f"{where}: {key} = {given!r} is not a number.")
    return float(given)


def all_numbers(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The same as numbers.

    Raises: DiscoveryError for a value that is none, as text is put in order by its letters.
    """
    made = table.apply(pd.to_numeric, errors="coerce").astype(float)
    wrong = (made.isna() & table.notna()).to_numpy()
    if wrong.any():
        row, column = (int(v) for v in np.argwhere(wrong)[0])
        raise DiscoveryError(f"{path}: {table.iat[row, column]!r} in the row {table.index[row]!r}, column "
                             f"{table.columns[column]!r}, is not a number.")  # fmt: skip
    return made


def listed(settings: Mapping[str, Any], key: str, where: str) -> list[str]:
    """A list of names that may be given; one name alone is a list of it. Names may be numbers, as those of clusters.

    Raises: DiscoveryError for what is neither.
    """
    given = settings.get(key, ())
    names = given if isinstance(given, list | tuple) else [given]
    wrong = next((one for one in names if isinstance(one, bool) or not isinstance(one, str | int)), None)
    if wrong is not None:
        raise DiscoveryError(f"{where}: {key} = {given!r} holds {wrong!r}, which is no name; write a list of names.")
    return [str(one) for one in names]


def beside(data: Path, name: Any, where: str) -> Path:
    """A file or folder named in a mapping, relative to the data.

    Raises: DiscoveryError where it is not there.
    """
    if not isinstance(name, str):
        raise DiscoveryError(f"{where}: {name!r} is no path; write the name of a file or folder in quotes.")
    path = (data if data.is_dir() else data.parent) / name
    if not path.exists():
        raise DiscoveryError(f"{where}: {path} is not there; paths are relative to the data.")
    return path
