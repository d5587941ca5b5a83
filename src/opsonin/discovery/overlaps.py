"""Do two gene sets share more genes than chance would have it: the hypergeometric test, with its universe stated."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from opsonin.discovery.marker_sources import adjusted
from opsonin.errors import DiscoveryError

UNIVERSE = 20_000  # protein-coding genes, roughly; a measured universe is better, where it is known


@dataclass(frozen=True)
class Overlap:
    """first, second: genes of either set within the universe; shared: their common genes, in order of the alphabet.

    expected: shared genes by chance; p: of sharing as many or more, one-sided; fold: shared over expected.
    universe: its size; of_size: only its size was known, so that sets could not be cut down to it.
    """

    first: int
    second: int
    shared: tuple[str, ...]
    expected: float
    p: float
    universe: int
    of_size: bool

    @property
    def fold(self) -> float:
        return len(self.shared) / self.expected if self.expected > 0 else float("nan")

    @property
    def said(self) -> str:
        """In words."""
        base = "genes assumed in all" if self.of_size else "genes measured"
        chance = f"{self.expected:.1f} by chance, {self.universe:,} {base}"
        return f"{len(self.shared)} shared of {self.first} and {self.second} ({chance}), P {self.p:.2g}"


def overlap(first: Collection[str], second: Collection[str], universe: Collection[str] | int = UNIVERSE) -> Overlap:
    """The overlap of two sets of genes.

    universe: the genes that could have been in both sets (measured in both), or only how many. Both sets are cut down
    to genes named; a size alone cannot do so, and flatters sets of well-measured genes: a caution, not an error.
    Raises: DiscoveryError for a universe smaller than the sets.
    """
    from scipy.stats import hypergeom

    one, two = set(first), set(second)
    of_size = isinstance(universe, int | np.integer)
    if not of_size:
        everything = set(universe)  # type: ignore[arg-type]
        one, two, size = one & everything, two & everything, len(everything)
    else:
        size = int(universe)  # type: ignore[arg-type]
    if size < len(one | two):
        raise DiscoveryError(f"a universe of {size} genes cannot hold the {len(one | two)} genes of both sets.")
    shared = tuple(sorted(one & two))
    p = float(hypergeom.sf(len(shared) - 1, size, len(one), len(two)))
    return Overlap(len(one), len(two), shared, len(one) * len(two) / size if size else 0.0, p, size, of_size)


def overlap_table(
    genes: Collection[str], sets: Mapping[str, Collection[str]], universe: Collection[str] | int = UNIVERSE
) -> pd.DataFrame:
    """One row per set, the least p first: set, genes, shared, expected, fold, p, q (false discovery rate), universe."""
    rows = []
    for name, members in sets.items():
        found = overlap(genes, members, universe)
        counted = (found.second, len(found.shared), found.expected, found.fold, found.p, found.universe)
        rows.append((name, *counted, " ".join(found.shared)))
    columns = ["set", "genes", "shared", "expected", "fold", "p", "universe", "shared_genes"]
    frame = pd.DataFrame(rows, columns=pd.Index(columns)).sort_values("p", kind="stable", ignore_index=True)
    frame.insert(6, "q", adjusted(frame["p"].to_numpy(dtype=float)))
    return frame
