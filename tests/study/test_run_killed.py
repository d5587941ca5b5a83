"""A run that is killed at any moment and resumed comes to the same files as one that nobody disturbed."""

import os
import random
import re
import signal
import subprocess
import sys
import time

import pytest

from opsonin.study import bundled
from opsonin.study.library import read

POOL, TRIALS = 60, 25  # the trials need most of the pool, so that all of it is simulated at once and kept in blocks


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "small.toml"
    path.write_text(re.sub(r"pool = 2000", f"pool = {POOL}", read(bundled()["imatinib-il2"])))
    return path


def start(study, out, *further):
    command = [sys.executable, "-m", "opsonin", "run", str(study), "--trials", str(TRIALS), "--out", str(out), *further]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def finish(study, out, *further):
    """What a run says, which must come to its end."""
    running = start(study, out, *further)
    _, said = running.communicate(timeout=300)
    assert running.returncode == 0, said
    return said


def files(out):
    """Every file of the results; the report names no moment, so it is the same too."""
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def undisturbed(study, tmp_path_factory):
    """Its files and how long it took, the model's code being compiled."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    finish(study, out)
    begin = time.monotonic()
    finish(study, out)
    return files(out), time.monotonic() - begin


@pytest.mark.slow
def test_killed_at_random_moments_and_resumed_it_is_the_same(study, undisturbed, tmp_path):
    wanted, seconds = undisturbed
    out, draw = tmp_path / "out", random.Random(3)
    for workers in ((), ("--workers", "2"), ()):
        running = start(study, out, "--resume", *workers)
        time.sleep(draw.uniform(0.3, 1.0) * seconds)
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
    finish(study, out, "--resume")
    assert files(out) == wanted
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.slow
def test_killed_with_finished_blocks_it_goes_on_from_them(study, undisturbed, tmp_path):
    wanted, _ = undisturbed
    out = tmp_path / "out"
    running = start(study, out)
    while running.poll() is None and not list(tmp_path.glob(".out.unfinished/*/*.npz")):
        time.sleep(0.005)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    assert running.returncode == -signal.SIGKILL
    assert not out.exists()
    assert "of simulations are finished" in finish(study, out, "--resume", "--workers", "2")
    assert files(out) == wanted
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.slow
def test_what_is_kept_of_another_seed_is_not_taken(study, undisturbed, tmp_path):
    wanted, _ = undisturbed
    out = tmp_path / "out"
    assert "nothing of an earlier run" in finish(study, out, "--resume")
    (tmp_path / ".out.unfinished" / "0123456789abcdef").mkdir(parents=True)
    assert "of another study, seed or version" in finish(study, out, "--resume")
    assert files(out) == wanted
