"""`opsonin plan`: the size of the next trial and how likely it is to succeed, from the results of this one."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from opsonin.cli.screen import Phases, console, table
from opsonin.results import FINDINGS, RECORD, REPORT, new_results, record_folder, refuse_foreign

if TYPE_CHECKING:
    import pandas as pd

    from opsonin.analysis.planning import PlanRequest
    from opsonin.analysis.planning.from_record import Planned

SHOWN = 10  # sizes in the terminal
HEADS = {
    "n": "patients",
    "events": "events",
    "needed": "responders",
    "alpha": "error",
    "power": "power",
    "assurance": "assurance",
    "assurance_undoubted": "undoubted",
    "false_positive": "error",
}


def plan_trial(results: Path, out: Path | None, seed: int, **asked: Any) -> None:
    """Plan from a results or record folder; with `out` write the plan's record, findings and report there.

    Raises: RecordError where `results` holds no record; AnalysisError where the plan cannot be made.
    """
    where = record_folder(results)
    if out is not None:
        refuse_foreign(out)
    with Phases() as progress:
        progress("reading the record")
        from opsonin.analysis import Findings, ask
        from opsonin.analysis.planning import PlanRequest, plan_from_record
        from opsonin.record import TrialRecord

        record = TrialRecord.load(where)
        request = PlanRequest(**{name: value for name, value in asked.items() if value is not None})
        if asked.get("prior_sd") == 0:
            request = PlanRequest(**{**asdict(request), "prior_sd": None})
        progress("planning")
        planned = plan_from_record(ask(record, seed=seed), request)
        if out is not None:
            record.manifest.questions["plan"] = _chosen(request) | {"seed": seed}
            findings = Findings(planned.findings())
            with new_results(out) as fresh:
                record.save(fresh / RECORD)
                findings.save(fresh / FINDINGS)
                progress("writing the report")
                from opsonin.report import write_report

                write_report(record, findings, fresh / REPORT)
    _say(planned, out)


def _chosen(request: PlanRequest) -> dict[str, Any]:
    """What was asked for that is not so by itself."""
    usual = {f.name: f.default for f in fields(request)}
    return {name: value for name, value in asdict(request).items() if name == "endpoint" or value != usual[name]}


def _say(planned: Planned, out: Path | None) -> None:
    screen, plan = console(), planned.plan
    screen.print(f"[bold]{escape(plan.design)}[/bold]")
    for line in (plan.belief, *plan.said, *planned.said):
        screen.print(f"  • {escape(line)}", soft_wrap=True)
    columns = [c for c in HEADS if c in plan.table]
    rows = [[_cell(c, row[c]) for c in columns] for row in _some(plan.table, plan.enough).to_dict("records")]
    screen.print()
    heads = [HEADS[c] for c in columns]
    screen.print(table("Sizes", heads, rows, right=heads))
    if planned.enrichment is not None:
        rows = [
            (r["reading"], str(r["n"]), str(r["screened"]), _share(r["all_comers"]), _share(r["enriched"]))
            for r in _some(planned.enrichment, plan.enough, 5).to_dict("records")
        ]
        heads = ("reading", "patients", "screened", "all", "high only")
        screen.print()
        screen.print(table(f"Choosing patients by {planned.marker}: assurance", heads, rows, right=heads[1:]))
    if out is not None:
        screen.print(f"report    {escape(str(out / REPORT))}", soft_wrap=True)


def _some(frame: pd.DataFrame, chosen: int | None, most: int = SHOWN) -> pd.DataFrame:
    sizes = sorted(set(frame["n"]))
    kept = {*sizes[:: max(1, len(sizes) // most)], sizes[-1], *([chosen] if chosen else [])}
    return frame[frame["n"].isin(kept)]


def _cell(column: str, value: Any) -> str:
    return f"{float(value):.0f}" if column in ("n", "events", "needed") else _share(value)


def _share(value: Any) -> str:
    return f"{100 * float(value):.0f} %" if float(value) >= 0.1 else f"{100 * float(value):.1f} %"
