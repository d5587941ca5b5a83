"""Phases of work: a line with the time of each, and a line now and then where there is no terminal."""

import re

from opsonin.cli import screen
from opsonin.study.run import _Simulated


def test_every_phase_leaves_a_line_with_its_time(capsys, monkeypatch):
    clock = iter([0.0, 0.0, 1.0, 3.0, 3.0, 7.5])
    monkeypatch.setattr(screen, "monotonic", lambda: next(clock))
    with screen.Phases() as progress:
        progress("reading", 0, 10)
        progress("reading", 5, 10)
        progress("writing")
        progress("writing")
    said = capsys.readouterr().err.splitlines()
    assert [re.sub(r"\s+", " ", line.strip()) for line in said] == ["reading 3.0 s", "writing 4.5 s"]


def test_long_phases_say_how_far_they_are(capsys, monkeypatch):
    clock = iter([0.0, 0.0, 2.0, 6.0, 7.0, 13.0, 14.0])
    monkeypatch.setattr(screen, "monotonic", lambda: next(clock))
    with screen.Phases() as progress:
        for done in (0, 1, 3, 4, 8):
            progress("simulating", done, 10)
    said = [line.strip() for line in capsys.readouterr().err.splitlines()]
    assert said[:2] == ["simulating … 30 %", "simulating … 80 %"]


def test_a_failed_phase_is_not_told_as_done(capsys):
    try:
        with screen.Phases() as progress:
            progress("reading")
            raise ValueError
    except ValueError:
        pass
    assert capsys.readouterr().err == ""


def test_levels_and_cohorts_are_told_as_one_count_that_never_falls():
    told = []
    progress = _Simulated(lambda phase, done, total: told.append((phase, done, total)), 400)
    for level, total in ((1, 100), (2, 80), (1, 20), (2, 100)):
        for done in (0, total // 2, total):
            progress(f"simulating level {level}", done, total)
    assert {phase for phase, _, _ in told} == {"simulating virtual patients"}
    counts = [done for _, done, _ in told]
    assert counts == sorted(counts)
    assert counts[-1] == 300
