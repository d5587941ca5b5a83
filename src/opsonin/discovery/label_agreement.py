"""How far two labellings of the same cells agree: adjusted Rand index, confusion, and F1 of each type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from opsonin.discovery.annotation import UNKNOWN
from opsonin.errors import DiscoveryError


@dataclass(frozen=True)
class Agreement:
    """Labels found against labels given.

    adjusted_rand: 1 for the same partition, about 0 for chance; cells found unknown are a class of their own.
    adjusted_rand_known: among cells that were not found unknown.   known: their share.
    types: one row a given type: type, cells, found, precision, recall, f1.   confusion: given × found, cells.
    after_the_fact: given labels were matched to what most of their cells were found to be, which flatters.
    """

    adjusted_rand: float
    adjusted_rand_known: float
    known: float
    types: pd.DataFrame
    confusion: pd.DataFrame
    after_the_fact: bool

    @property
    def mean_f1(self) -> float:
        """Mean over the given types, each counting alike."""
        return float(self.types["f1"].mean())

    def told(self) -> list[str]:
        """The agreement as sentences."""
        if self.known == 0:
            return ["the markers name none of these cells, so that nothing agrees or disagrees."]
        matched = "; given labels matched to what most of their cells were found to be" if self.after_the_fact else ""
        worst = self.types.sort_values("f1").iloc[0]
        return [
            f"adjusted Rand index {self.adjusted_rand:.2f} ({self.adjusted_rand_known:.2f} among the {self.known:.0%} "
            f"of cells found to be something){matched}.",
            f"mean F1 {self.mean_f1:.2f}; least for {worst['type']} ({worst['f1']:.2f}).",
        ]


def agreement(given: Any, found: Any, same: Mapping[str, str] | None = None) -> Agreement:
    """Labels given against labels found, cell by cell; cells without a given label (missing) are left out.

    same: what each given label is called in the found ones; without it each is matched to what most of its cells that
    are not unknown were found to be.
    Raises: DiscoveryError for lists of different lengths, no labelled cell, or a label that `same` leaves out.
    """
    ours, theirs = pd.Series(list(given), dtype=object), pd.Series(list(found), dtype=object)
    if len(ours) != len(theirs):
        raise DiscoveryError(f"{len(ours)} labels given and {len(theirs)} found; both have one a cell, in one order.")
    kept = ours.notna().to_numpy()
    if not kept.any():
        raise DiscoveryError("no cell has a given label, so nothing can agree; map the column that holds them.")
    a, b = (
        ours[kept].astype(str).reset_index(drop=True),
        theirs[kept].fillna(UNKNOWN).astype(str).reset_index(drop=True),
    )
    confusion = pd.crosstab(a, b).rename_axis(index="given", columns="found")
    names = dict(same) if same is not None else _most(confusion)
    lacking = sorted(set(a) - set(names))
    if lacking:
        raise DiscoveryError(f"`same` does not say what the given label {lacking[0]!r} is called in the found ones.")
    renamed = a.map(names)
    rows = []
    for kind in dict.fromkeys(names[label] for label in confusion.index):
        is_, was = (renamed == kind).to_numpy(), (b == kind).to_numpy()
        both = int((is_ & was).sum())
        precision = both / was.sum() if was.any() else 0.0
        recall = both / is_.sum()
        f1 = 2 * both / (is_.sum() + was.sum())
        rows.append((kind, int(is_.sum()), int(was.sum()), float(precision), float(recall), float(f1)))
    types = pd.DataFrame(rows, columns=["type", "cells", "found", "precision", "recall", "f1"])
    known = (b != UNKNOWN).to_numpy()
    rand_known = adjusted_rand(renamed[known], b[known]) if known.any() else float("nan")
    return Agreement(adjusted_rand(renamed, b), rand_known, float(known.mean()), types, confusion, same is None)


def adjusted_rand(one: Any, other: Any) -> float:
    """The adjusted Rand index of two partitions of the same cells; 1 where both are one class.

    Source: Hubert & Arabie (1985), J Classif 2:193.
    """
    table = pd.crosstab(np.asarray(one, dtype=object), np.asarray(other, dtype=object)).to_numpy(dtype=float)

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    whole = table.sum() * (table.sum() - 1) / 2
    rows, columns = pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    expected = rows * columns / whole if whole else 0.0
    most = (rows + columns) / 2
    return 1.0 if most == expected else (pairs(table) - expected) / (most - expected)


def _most(confusion: pd.DataFrame) -> dict[str, str]:
    known = confusion.drop(columns=UNKNOWN, errors="ignore")
    if known.shape[1] == 0:
        return {str(label): str(label) for label in confusion.index}  # nothing was found: nothing agrees
    return {
        str(label): str(known.columns[int(np.argmax(row))])
        for label, row in zip(known.index, known.to_numpy(), strict=True)
    }
