"""`opsonin gate`: instrument files of flow cytometry to counts per µl, in a record that every analysis reads."""

from __future__ import annotations

import shutil
from pathlib import Path

from rich.markup import escape

from opsonin.cli.screen import Phases, console, table
from opsonin.results import GATES, MEASUREMENTS, PANEL, RECORD, new_results, refuse_foreign

SHOWN = 12  # lines of the table of markers


def gate_files(panel: Path, out: Path | None) -> None:
    """Gate the tubes of a panel file and write a record, its measurements as a table, and the events of every gate."""
    folder = out or Path("results") / panel.stem
    refuse_foreign(folder)
    with Phases() as progress:
        progress("loading FlowKit")
        from opsonin.record import gate_panel

        gated = gate_panel(panel, progress)
        with new_results(folder) as fresh:
            progress("writing the tables")
            gated.record.save(fresh / RECORD)
            gated.record.measurements.to_csv(fresh / MEASUREMENTS, index=False)
            gated.gates.to_csv(fresh / GATES, index=False)
            shutil.copyfile(panel, fresh / PANEL)
    screen = console()
    measured = gated.record.measurements
    by = measured.groupby(["marker", "unit"], sort=False)["value"]
    rows = [
        (f"{marker}", f"{unit}", f"{own.size}", f"{own.median():.4g}", f"{own.min():.4g} to {own.max():.4g}")
        for (marker, unit), own in by
    ]
    columns = ("marker", "unit", "tubes", "median", "range")
    screen.print(table("Gated", columns, rows[:SHOWN], right=["tubes", "median"]))
    if len(rows) > SHOWN:
        screen.print(f"  and {len(rows) - SHOWN} more markers")
    for note in gated.notes:
        screen.print(f"  • {escape(note)}", soft_wrap=True)
    screen.print(f"record        {escape(str(folder / RECORD))}", soft_wrap=True)
    screen.print(f"measurements  {escape(str(folder / MEASUREMENTS))}", soft_wrap=True)
    screen.print(f"gates         {escape(str(folder / GATES))}", soft_wrap=True)
