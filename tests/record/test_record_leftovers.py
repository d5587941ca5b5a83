"""What a killed process leaves beside a folder is cleared away; what a living one writes stays."""

import os
import platform
import subprocess
import sys

from opsonin.record import replacing


def dead_process():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_killed_processs_folder_is_cleared_away_and_a_living_ones_stays(tmp_path):
    killed = tmp_path / f".out.new-{platform.node()}-{dead_process()}"
    living = tmp_path / f".out.new-{platform.node()}-{os.getppid()}"
    elsewhere = tmp_path / ".out.new-another.machine-1"
    others = tmp_path / f".another.new-{platform.node()}-{dead_process()}"
    for folder in (killed, living, elsewhere, others):
        folder.mkdir()
        (folder / "half.parquet").write_text("half")
    with replacing(tmp_path / "out") as fresh:
        (fresh / "whole.parquet").write_text("whole")
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == sorted([elsewhere.name, living.name, others.name, "out"])
