"""`opsonin run` on every bundled study, as from the shell: seconds on the clock and of the processors, once compiled.

    python benchmarks/bundled_studies.py [--json] [--trials 1] [--only cart]

Each study runs twice in a process of its own, Python's start, findings, why and report included; the second run is
timed, for the first writes and compiles the model where no earlier run has. The clock includes what else the machine
does; the work does not. The limit is 60 s on two cores. There is no peer: nothing else runs such a study.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from opsonin.study.library import bundled

LIMIT = 60.0  # seconds


class Taken(NamedTuple):
    """Seconds on the clock, and of the processors."""

    wall: float
    work: float


def run(name: str, trials: int, threads: int, folder: Path) -> Taken:
    """One run of a study into a folder of its own."""
    command = [sys.executable, "-m", "opsonin", "run", name, "--seed", "1", "--trials", str(trials)]
    command += ["--threads", str(threads), "--out", str(folder / "results")]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    ran = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{ran.stdout}{ran.stderr}")
    return Taken(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measure(names: list[str], trials: int, threads: int) -> dict[str, dict]:
    """Every study's second run."""
    cases = {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            run(name, trials, threads, Path(folder))  # compiles
            taken = run(name, trials, threads, Path(folder))
        cases[name] = {
            "value": taken.wall, "unit": "s", "work": taken.work, "limit": LIMIT, "error": None,
            "peer": None, "peer_value": None, "ratio": None, "threads": threads,
        }  # fmt: skip
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--trials", type=int, default=1)
    parser.add_argument("--only", default="", help="studies whose name holds this")
    options = parser.parse_args()
    names = [name for name in sorted(bundled()) if options.only in name]
    cases = measure(names, options.trials, min(2, os.cpu_count() or 1))
    if options.json:
        print(json.dumps(cases))
        return
    for name, case in cases.items():
        beyond = f"   beyond {LIMIT:g} s" if case["value"] > LIMIT else ""
        print(f"{name:24s} {case['value']:6.1f} s   work {case['work']:6.1f} s{beyond}")


if __name__ == "__main__":
    main()
