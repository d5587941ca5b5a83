"""Phases of work: a line with the time of each, and a line now and then where there is no terminal."""

import re

from opsonin.cli import screen


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
    assert said[:2] == [
        "simulating … 30 %, 0.5 a second, 0:14 left",
        "simulating … 80 %, 0.62 a second, 0:03 left",
    ]


def test_the_pace_is_of_what_was_done_here_and_the_time_left_of_what_is_missing(capsys, monkeypatch):
    """A run that goes on has much behind it that took no time now."""
    clock = iter([0.0, 0.0, 10.0, 10.0])
    monkeypatch.setattr(screen, "monotonic", lambda: next(clock))
    with screen.Phases() as progress:
        progress("simulating", 6000, 100_000)
        progress("simulating", 20_000, 100_000)
    assert "20 %, 1,400 a second, 0:57 left" in capsys.readouterr().err


def test_where_the_end_is_not_known_the_pace_is_told_alone(capsys, monkeypatch):
    clock = iter([0.0, 0.0, 10.0, 10.0])
    monkeypatch.setattr(screen, "monotonic", lambda: next(clock))
    with screen.Phases() as progress:
        progress("simulating", 0, 0)
        progress("simulating", 40, 0)
    assert capsys.readouterr().err.splitlines()[0].strip() == "simulating … 4 a second"


def test_a_failed_phase_is_not_told_as_done(capsys):
    try:
        with screen.Phases() as progress:
            progress("reading")
            raise ValueError
    except ValueError:
        pass
    assert capsys.readouterr().err == ""
