"""What captions and tables say follows the trial: who was judged, which arm moved, what the numbers are."""

import pandas as pd

from opsonin.analysis import Finding, analyse
from opsonin.record import Manifest, TrialRecord
from opsonin.report.chapters.pharmacokinetics import chapter as pharmacokinetics
from opsonin.report.chapters.response import chapter as response
from opsonin.report.chapters.safety import chapter as safety
from opsonin.report.chapters.trial import chapter as trial
from opsonin.report.content import Table
from opsonin.report.context import Context
from opsonin.report.figures.immune import changes
from opsonin.report.figures.trial import staircase
from opsonin.report.groups import grouped
from opsonin.report.write import render
from report.make_record import arms_only, small_findings, small_trial
from report.test_report_monitoring import measured


def unjudged() -> TrialRecord:
    """The invented trial with its last patient, at level 1 and without a DLT, not evaluable."""
    record = small_trial()
    who = str(record.subjects["subject_id"].iloc[-1])
    disposition = record.disposition
    gone = (disposition["subject_id"].astype(str) == who) & (disposition["milestone"] == "DLT-evaluable")
    assert gone.any()
    tables = {name: getattr(record, name) for name in ("subjects", "adverse_events", "exposures", "decisions")}
    return TrialRecord(tables | {"disposition": disposition[~gone]}, record.manifest)


def tables_of(chapter) -> dict[str, Table]:
    return {block.title: block for block in chapter.blocks if isinstance(block, Table)}


def test_toxicities_are_counted_among_those_who_could_be_judged():
    record = unjudged()
    context = Context(record, list(small_findings()), grouped(record))
    caption = tables_of(safety(context))["Dose-limiting toxicities"].caption
    assert "0 of 3 at interleukin-2 3 MIU" in caption
    assert "Two patients could not be judged and are not counted." in caption
    figure = staircase(record)
    assert figure is not None
    assert "0/3 DLT" in str(figure.plot.to_json())


def test_operating_characteristics_of_arms_keep_comparisons_apart():
    record = arms_only(2)
    record.manifest.questions["arms"] = ["arm A", "arm B"]
    found = [
        Finding("design.patients", "arm A", 20.0, unit="patients", method="m", n=20),
        Finding("design.patients", "arm B", 20.0, unit="patients", method="m", n=20),
        Finding("design.PFS.hazard_ratio", "arm B vs arm A", 0.7, unit="hazard ratio", method="m", n=20),
        Finding("design.PFS.significant", "arm B vs arm A", 0.4, unit="proportion", method="m", n=20),
    ]
    tables = tables_of(trial(Context(record, found, grouped(record))))
    by_arm = next(table for title, table in tables.items() if title.startswith("Operating characteristics"))
    assert [row[0] for row in by_arm.rows] == ["arm A", "arm B"]
    assert "Hazard" not in by_arm.caption
    compared = tables["Arms compared, over replicate trials"]
    assert [row[0] for row in compared.rows] == ["arm B vs arm A"]
    assert all(cell for row in [*by_arm.rows, *compared.rows] for cell in row)


def test_the_caption_on_markers_names_the_arm_that_moved():
    record = measured(["cells", "antibody", "both"])
    figure = changes(record, grouped(record))
    assert figure is not None
    assert "moved most in p21 (× 4.0, cells) and TCF7 (×" in figure.caption.replace("\u00a0", " ")


def test_wide_tables_may_wrap_their_numbers():
    page = render(small_trial(), small_findings())
    assert 'class="small many"' not in page  # six columns at most here
    subjects = pd.DataFrame({"subject_id": [f"P{k}" for k in range(16)], "arm": [f"arm {k % 8}" for k in range(16)]})
    events = small_trial().adverse_events.head(16).assign(subject_id=subjects["subject_id"])
    record = TrialRecord({"subjects": subjects, "adverse_events": events}, Manifest(questions={"compare": "arm"}))
    assert 'class="small many"' in render(record, analyse(record))


def test_dose_proportionality_needs_more_than_one_level():
    record = small_trial()
    found = [Finding("pk.imatinib.dose_proportionality", "day 1", 0.3, n=17, unit="exponent", method="m")]
    title = "Dose proportionality: exponent of dose in exposure"
    assert title in tables_of(pharmacokinetics(Context(record, found, grouped(record))))
    tables = {"subjects": record.subjects.assign(level=1), "concentrations": record.concentrations}
    one = TrialRecord(tables, record.manifest)
    assert title not in tables_of(pharmacokinetics(Context(one, found, grouped(one))))


def test_tables_of_very_many_columns_are_set_smaller():
    subjects = pd.DataFrame({"subject_id": [f"P{k}" for k in range(26)], "arm": [f"arm {k % 13}" for k in range(26)]})
    events = pd.concat([small_trial().adverse_events.head(13)] * 2).assign(subject_id=subjects["subject_id"].to_numpy())
    events["event_id"] = [f"E{k}" for k in range(26)]
    record = TrialRecord({"subjects": subjects, "adverse_events": events}, Manifest(questions={"compare": "arm"}))
    assert 'class="small many crowded"' in render(record, analyse(record))


def test_tests_are_called_by_their_names_and_everybody_all():
    record = arms_only(3)
    (table,) = [t for title, t in tables_of(response(Context(record, list(analyse(record)), grouped(record)))).items()
                if title == "Contrasts and tests"]  # fmt: skip
    named = [row[0] for row in table.rows]
    assert "OS: log-rank test" in named
    assert not [name for name in named if "logrank" in name or "max combo" in name]
    assert all(row[1] for row in table.rows)
