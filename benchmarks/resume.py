"""`opsonin run` killed at random moments and resumed: the same tables as a run that nobody disturbed.

Every case starts in an empty folder, is killed (SIGKILL, with all its processes) at a moment drawn evenly over the time
that an undisturbed run takes, and goes on with --resume. `error` is the number of files that differ from the
undisturbed run's, or that are left over beside the results. The last cases are killed again and again until they come
through. There is no peer: no other tool runs the whole trial.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TABLES = (".parquet", ".json")


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every table, manifest and the findings."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.suffix in TABLES
    }


def start(folder: Path, options: argparse.Namespace, *further: str) -> subprocess.Popen[bytes]:
    """The run in a process group of its own."""
    command = [sys.executable, "-m", "opsonin", "run", options.study, "--trials", str(options.trials), "--seed", "11"]
    return subprocess.Popen(
        [*command, "--out", str(folder), *further],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(folder: Path, options: argparse.Namespace, *further: str) -> float:
    """Seconds of a run to its end."""
    before = time.perf_counter()
    running = start(folder, options, *further)
    _, said = running.communicate()
    if running.returncode:
        raise SystemExit(f"a run ended with {running.returncode}: {said.decode()}")
    return time.perf_counter() - before


def killed(folder: Path, options: argparse.Namespace, after: float, *further: str) -> bool:
    """Whether a run was killed after so many seconds; else it had come through."""
    running = start(folder, options, *further)
    try:
        running.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        return True
    if running.returncode:
        raise SystemExit(f"a run ended with {running.returncode}")
    return False


def compared(folder: Path, wanted: dict[str, str]) -> int:
    """How many files are not as they should be, or should not be there."""
    found = digests(folder)
    wrong = sum(found.get(name) != digest for name, digest in wanted.items()) + len(set(found) - set(wanted))
    return wrong + sum(1 for path in folder.parent.iterdir() if path != folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--study", default="imatinib-il2")
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    options = parser.parse_args()
    draw = random.Random(options.seed)
    threads = os.cpu_count()
    with tempfile.TemporaryDirectory() as place:
        whole = Path(place) / "undisturbed" / "out"
        finish(whole, options)  # compiles
        seconds = finish(whole, options)
        wanted = digests(whole)
        wrong, resumed = 0, []
        for kill in range(options.kills):
            folder = Path(place) / f"killed {kill}" / "out"
            folder.parent.mkdir()
            workers = ("--workers", "2") if kill % 4 == 3 else ()
            while not killed(folder, options, draw.uniform(0, seconds), *workers):
                shutil.rmtree(folder)  # it had come through already
            resumed.append(finish(folder, options, "--resume", *workers))
            wrong += compared(folder, wanted)
        folder = Path(place) / "killed again" / "out"
        folder.parent.mkdir()
        again = 0
        while again < options.kills and killed(folder, options, draw.uniform(0.2, 0.9) * seconds, "--resume"):
            again += 1
        finish(folder, options, "--resume")
        wrong += compared(folder, wanted)
    cases = {
        f"{options.kills} runs of {options.trials} trials, each killed and resumed: files that differ": {
            "value": wrong, "unit": "files", "error": wrong, "threads": threads
        },
        f"one run killed {again} times in turn and resumed: included above": {
            "value": again, "unit": "kills", "error": wrong, "threads": threads
        },
        "undisturbed run": {"value": seconds, "unit": "s", "threads": threads},
        "resumed after a kill, median": {"value": statistics.median(resumed), "unit": "s", "threads": threads},
    }  # fmt: skip
    if options.json:
        print(json.dumps(cases))
    else:
        for name, case in cases.items():
            print(f"{name}: {case['value']:.3g} {case['unit']}")
    if wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
