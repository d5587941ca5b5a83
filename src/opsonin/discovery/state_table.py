"""States of cells: gene sets scored by degree within one cell type, and sets of others in the usual formats."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from opsonin.errors import DiscoveryError

SHIPPED = {
    "T cells of tumours (Zheng 2021, Science 374:abe6474)": "SlimR_PCTIT",
    "macrophages of tumours (Ma 2022, Trends Immunol 43:546)": "SlimR_PCTAM",
    "T cell states (TCellSI)": "SlimR_TCellSI",
}


@dataclass(frozen=True)
class State:
    """One state.   within: the type whose cells are scored, "" for all.   positive, negative: genes.

    control: whether what random genes of like expression give is taken off.
    """

    name: str
    within: str
    positive: tuple[str, ...]
    negative: tuple[str, ...] = ()
    control: bool = True
    source: str = ""


@dataclass(frozen=True)
class Share:
    """The share of cells with `gene`, among those of type `within` that express one of `among` (all if none)."""

    name: str
    within: str
    gene: str
    among: tuple[str, ...] = ()
    source: str = ""


def default_states() -> tuple[tuple[State, ...], tuple[Share, ...]]:
    """The states and shares shipped with Opsonin: T cells and mononuclear phagocytes."""
    content = tomllib.loads((files("opsonin.discovery") / "states.toml").read_text("utf-8"))
    states = tuple(
        State(name, one["within"], tuple(one["positive"]), tuple(one.get("negative", ())), one.get("control", True),
              one["source"])
        for name, one in content["states"].items()
    )  # fmt: skip
    shares = tuple(
        Share(name, one["within"], one["gene"], tuple(one["among"]), one["source"])
        for name, one in content["shares"].items()
    )
    return states, shares


def shipped_sets(source: str | None = None, within: str = "") -> tuple[State, ...]:
    """Published gene sets that come with Opsonin (MIT licence, see gene_sets/LICENCES.md), as states.

    source: "SlimR_PCTIT" (40 T cell states), "SlimR_PCTAM" (7 of macrophages), "SlimR_TCellSI" (10 of T cells); all of
    them by default.
    Raises: DiscoveryError for another one.
    """
    known = sorted(SHIPPED.values())
    if source is not None and source not in known:
        raise DiscoveryError(f"no gene sets of {source!r} are shipped; there are {', '.join(known)}, or give a file.")
    with (files("opsonin.discovery") / "gene_sets" / "immune_states.csv").open(encoding="utf-8") as text:
        return _long(list(csv.DictReader(text)), source, within)


def read_gene_sets(path: str | Path, within: str = "", source: str | None = None) -> tuple[State, ...]:
    """Gene sets of one's own as states: GMT, or CSV with columns set and gene, perhaps source.

    within: the cell type that is scored with them.   source: only the rows of this one.
    Raises: DiscoveryError for a file that cannot be read, or without sets.
    """
    file = Path(path)
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise DiscoveryError(f"the gene sets {file} cannot be read ({problem}); give a GMT or CSV file.") from None
    if file.suffix == ".gmt":
        rows = [line.rstrip("\n").split("\t") for line in text.splitlines() if line.strip()]
        short = [row for row in rows if len(row) < 3]
        if short or not rows:
            raise DiscoveryError(f"{file.name}: a line of a GMT file has a name, a description and genes, by tabs.")
        return tuple(
            State(row[0], within, tuple(dict.fromkeys(filter(None, row[2:]))), source=file.name) for row in rows
        )
    rows = list(csv.DictReader(text.splitlines()))
    if not rows or not {"set", "gene"} <= set(rows[0]):
        raise DiscoveryError(f"{file.name} has no columns `set` and `gene`; gene sets are one row a set and gene.")
    found = _long(rows, source, within)
    if not found:
        raise DiscoveryError(f"{file.name} has no gene sets of the source {source!r}.")
    return found


def _long(rows: list[dict[str, str]], source: str | None, within: str) -> tuple[State, ...]:
    genes: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if source is None or row.get("source") == source:
            genes.setdefault((row.get("source", ""), row["set"]), []).append(row["gene"])
    return tuple(State(name, within, tuple(dict.fromkeys(own)), source=origin) for (origin, name), own in genes.items())
