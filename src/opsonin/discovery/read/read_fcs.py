"""Flow cytometry: FCS files gated by a saved strategy through the record's own reader, as counts by gate."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from opsonin.errors import DiscoveryError


def read_fcs(panel: Path) -> tuple[pd.DataFrame, pd.DataFrame, list[tuple[str, str, int | None]]]:
    """Events (tubes × gates), the tubes with subject and day, and what to note.   panel: as `opsonin gate` reads it.

    Only gates without gates of their own are counted, so that no event counts twice; the others are named.
    Raises: ImportDataError as `gate_panel`; DiscoveryError where no gate is left.
    """
    from opsonin.record import gate_panel
    from opsonin.record.read.fcs import SEPARATOR

    gated = gate_panel(panel)
    gates = gated.gates
    paths = set(gates["gate"].astype(str))
    inner = {SEPARATOR.join(path.split(SEPARATOR)[:-1]) for path in paths}
    leaves = gates[~gates["gate"].astype(str).isin(inner)]
    if not len(leaves):
        raise DiscoveryError(f"{panel}: the strategy has no gate whose events could be counted.")
    tubes = gates[["file", "subject_id", "day"]].drop_duplicates("file").reset_index(drop=True)
    counts = leaves.pivot_table(index="file", columns="gate", values="events", aggfunc="sum", sort=False)
    counts = counts.reindex(tubes["file"]).fillna(0).rename_axis(index="sample", columns=None)
    frame = pd.DataFrame({"sample": tubes["file"].astype(str), "subject": tubes["subject_id"].astype(str),
                          "day": tubes["day"].astype(float)})  # fmt: skip
    notes: list[tuple[str, str, int | None]] = [("note", note, None) for note in gated.notes]
    if inner & paths:
        notes.append(("left out", f"gates that hold other gates: {', '.join(sorted(inner & paths))}", None))
    return counts, frame, notes
