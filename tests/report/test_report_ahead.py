"""Chapters that are drawn before all findings are there make the same page as when they are drawn with all of them."""

from made_up_trial import one_record
from opsonin.analysis.everything import CHAPTERS, OF_REPLICATES, analyse_part, joined
from opsonin.report.write import OWN, drawn_ahead, render


def test_a_page_begun_ahead_is_the_page_made_at_once():
    record = one_record()
    first = analyse_part([name for name in CHAPTERS if name not in OF_REPLICATES], record)
    ahead = drawn_ahead(record, joined(first))
    assert set(ahead.chapters) == set(OWN)
    assert ahead.drawings
    every = joined(first | analyse_part(OF_REPLICATES, record))
    assert len(every) > len(joined(first))
    assert render(record, every, 1000, ahead) == render(record, every, 1000)


def test_what_is_begun_ahead_reads_no_other_findings():
    record = one_record()
    names = {name for prefixes in OWN.values() for name in prefixes}
    later = joined(analyse_part(OF_REPLICATES, record))
    parts = [finding.name.removeprefix("note.").split(".")[0] for finding in later]
    assert parts
    assert not names & set(parts)
