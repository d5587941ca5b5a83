"""Killed at random moments and resumed: the folder comes to the same bytes."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import streaming
from opsonin.simulate import simulate_stream

PROGRAM = [sys.executable, streaming.__file__]


def started(*arguments):
    """The streaming program in a process of its own, with the modules that this one has."""
    ways = os.pathsep.join([str(Path(streaming.__file__).parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": ways.rstrip(os.pathsep)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize(("storage", "workers"), [("parquet", ()), ("zarr", ("2",))], ids=["parquet", "zarr, workers"])
def test_a_stream_killed_again_and_again_comes_to_the_same_bytes(tmp_path, storage, workers):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    asked = (streaming.PATIENTS, streaming.TIMES, streaming.OUTPUTS)
    simulate_stream(streaming.Drugged(), *asked, out=whole, storage=storage, reduce=streaming.reducers())
    moments = random.Random(1)
    kills = 0
    while kills < 3:
        running = started(broken, storage, *workers)
        assert running.stdout is not None
        for _ in range(moments.randint(1, 6)):  # so many tellings of progress, then dead
            running.stdout.readline()
        running.send_signal(signal.SIGKILL)
        running.communicate()
        kills += 1
    last = started(broken, storage, *workers)
    errors = last.communicate()[1]
    assert last.returncode == 0, errors
    assert streaming.digest(broken) == streaming.digest(whole)
    assert not [path for path in broken.rglob("*") if path.name.endswith(".writing")]
