"""Which genes speak for and against which cell types, and which type stands below which: a table anyone can edit.

The one shipped (`markers.toml`) was compiled for Opsonin from the publications it names, type by type.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from opsonin.errors import DiscoveryError

ROOT = ""  # the parent of the lineages
FEWEST = 2  # positive genes that must have been measured for a type to be looked for


@dataclass(frozen=True)
class CellType:
    """One type.   parent: "" for a lineage.   positive, negative: gene symbols.   source: the publication."""

    name: str
    parent: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class MarkerTable:
    """Cell types as a tree.   aliases: symbol → what older data call the gene."""

    types: tuple[CellType, ...]
    aliases: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        names = {ROOT}
        for kind in self.types:
            if kind.name in names:
                raise DiscoveryError(f"the marker table names {kind.name!r} twice; give each cell type one entry.")
            names.add(kind.name)
        for kind in self.types:
            if kind.parent not in names:
                raise DiscoveryError(
                    f"the marker table puts {kind.name!r} below {kind.parent!r}, which it lacks; correct `parent`."
                )
            if not kind.positive:
                raise DiscoveryError(f"the marker table gives {kind.name!r} no positive gene; give it two or more.")
            both = set(kind.positive) & set(kind.negative)
            if both:
                raise DiscoveryError(f"{sorted(both)[0]!r} speaks both for and against {kind.name!r}; take one out.")
            self.path(kind.name)

    @cached_property
    def by_name(self) -> dict[str, CellType]:
        return {kind.name: kind for kind in self.types}

    @cached_property
    def genes(self) -> list[str]:
        """Every gene named, in the order of the table."""
        return list(dict.fromkeys(gene for kind in self.types for gene in (*kind.positive, *kind.negative)))

    def children(self, parent: str) -> list[CellType]:
        """The types right below one ("" for the lineages)."""
        return [kind for kind in self.types if kind.parent == parent]

    def path(self, name: str) -> tuple[str, ...]:
        """From the lineage down to this type.

        Raises: DiscoveryError for a type that the table lacks, or parents that run in a circle.
        """
        found: list[str] = []
        while name != ROOT:
            if name in found:
                raise DiscoveryError(f"the marker table's parents run in a circle at {name!r}; correct `parent`.")
            if name not in self.by_name:
                raise DiscoveryError(f"the marker table has no cell type {name!r}; it has {', '.join(self.by_name)}.")
            found.append(name)
            name = self.by_name[name].parent
        return tuple(reversed(found))

    def below(self, name: str) -> set[str]:
        """A type and everything below it."""
        return {kind.name for kind in self.types if name in self.path(kind.name)}

    def only(self, lineages: Iterable[str]) -> MarkerTable:
        """The table with these types and all below them alone, for samples that were sorted.

        A type's parents are taken along. Raises: DiscoveryError for a type that the table lacks.
        """
        asked = list(lineages)
        kept = {name for one in asked for name in (*self.path(one), *self.below(one))}
        return MarkerTable(tuple(kind for kind in self.types if kind.name in kept), self.aliases)

    def to_frame(self) -> pd.DataFrame:
        """One row a type and gene: type, parent, gene, sign (+1, −1), source."""
        rows = [
            (kind.name, kind.parent, gene, sign, kind.source)
            for kind in self.types
            for sign, genes in ((1, kind.positive), (-1, kind.negative))
            for gene in genes
        ]
        return pd.DataFrame(rows, columns=["type", "parent", "gene", "sign", "source"])


def default_markers() -> MarkerTable:
    """The table shipped with Opsonin: blood and the microenvironment of human tumours."""
    return table_of(tomllib.loads((files("opsonin.discovery") / "markers.toml").read_text("utf-8")), "markers.toml")


def read_markers(path: str | Path) -> MarkerTable:
    """A marker table of one's own: TOML as the one shipped, or CSV with type, parent, gene, sign and perhaps source.

    Raises: DiscoveryError for a file that cannot be read or does not hold together.
    """
    file = Path(path)
    try:
        if file.suffix == ".toml":
            return table_of(tomllib.loads(file.read_text("utf-8")), file.name)
        frame = pd.read_csv(file, keep_default_na=False)
    except (OSError, UnicodeDecodeError, ValueError) as problem:
        raise DiscoveryError(f"the marker table {file} cannot be read ({problem}); give a TOML or CSV file.") from None
    return _from_rows(frame, file.name)


def gene_places(wanted: Iterable[str], genes: Iterable[str], aliases: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Where the genes wanted stand among those measured, by symbol or by what older data call them."""
    place = {str(gene): at for at, gene in reversed(list(enumerate(genes)))}
    upper = {gene.upper(): at for gene, at in reversed(list(place.items()))}
    found = {}
    for gene in wanted:
        for name in (gene, *aliases.get(gene, ())):
            at = place.get(name, upper.get(name.upper()))
            if at is not None:
                found[gene] = at
                break
    return found


def weights(kinds: list[CellType], universe: list[str]) -> np.ndarray:
    """(type, gene of the universe): a type's mean over its positive genes less that over its negative ones."""
    column = {gene: at for at, gene in enumerate(universe)}
    found = np.zeros((len(kinds), len(universe)))
    for row, kind in zip(found, kinds, strict=True):
        for sign, genes in ((1.0, kind.positive), (-1.0, kind.negative)):
            here = [column[gene] for gene in genes if gene in column]
            if here:
                row[here] = sign / len(here)
    return found


def table_of(content: dict, file: str) -> MarkerTable:
    """A marker table from what a TOML file holds.

    Raises: DiscoveryError naming the file and the entry that cannot be used.
    """
    types = []
    for name, entry in content.get("types", {}).items():
        unknown = set(entry) - {"parent", "positive", "negative", "source"}
        if unknown:
            raise DiscoveryError(f"{file}, {name!r}: {sorted(unknown)[0]!r} is no key of a cell type.")
        lists = [entry.get(key, []) for key in ("positive", "negative")]
        if not all(isinstance(genes, list) and all(isinstance(gene, str) for gene in genes) for genes in lists):
            raise DiscoveryError(f"{file}, {name!r}: `positive` and `negative` are lists of gene symbols.")
        positive, negative = (tuple(genes) for genes in lists)
        types.append(CellType(name, entry.get("parent", ROOT), positive, negative, entry.get("source", "")))
    if not types:
        raise DiscoveryError(f'{file} has no [types."…"]; a marker table names at least one cell type.')
    return MarkerTable(tuple(types), {gene: tuple(names) for gene, names in content.get("aliases", {}).items()})


def _from_rows(frame: pd.DataFrame, file: str) -> MarkerTable:
    missing = {"type", "gene"} - set(frame.columns)
    if missing:
        raise DiscoveryError(
            f"{file} has no column {sorted(missing)[0]!r}; a marker table has type, parent, gene, sign."
        )
    signs = pd.to_numeric(frame.get("sign", pd.Series(1, index=frame.index)), errors="coerce")
    if signs.isna().any():
        row = int(np.flatnonzero(signs.isna())[0]) + 2
        raise DiscoveryError(f"{file}, row {row}: `sign` is 1 for a gene that speaks for the type, -1 for one against.")
    types = []
    for name, rows in frame.assign(sign=signs).groupby("type", sort=False):
        parents = set(rows["parent"].astype(str)) if "parent" in rows else {ROOT}
        if len(parents) > 1:
            raise DiscoveryError(f"{file}: {name!r} has two parents, {' and '.join(sorted(parents))}; give one.")
        lists = [tuple(rows["gene"][rows["sign"] * sign > 0].astype(str)) for sign in (1, -1)]
        source = str(rows["source"].iloc[0]) if "source" in rows else ""
        types.append(CellType(str(name), parents.pop(), lists[0], lists[1], source))
    return MarkerTable(tuple(types), {})
