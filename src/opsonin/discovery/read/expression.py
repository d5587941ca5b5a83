"""Expression as a reader found it, before cells are joined to their patients."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from opsonin.discovery.samples import OnDisk


@dataclass(frozen=True)
class Read:
    """One file's content.   matrix: cells × genes.   cells: their names.   genes: names as they stand in the file.

    about: what the file says of its cells, one row each. other_names: further columns of the genes' table (symbols
    beside identifiers). notes: what the reader did that the user should know.
    """

    file: str
    matrix: csr_matrix | OnDisk
    cells: pd.Index
    genes: pd.Index
    about: pd.DataFrame | None = None
    other_names: pd.DataFrame | None = None
    notes: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
