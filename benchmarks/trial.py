"""The whole study as a user runs it: `opsonin run imatinib-il2 --trials 1000` in a fresh process, with its peak memory.

The first run compiles (an empty kernel cache), the second, with another seed, does not. There is no peer: no other tool
runs the whole trial. Beside the wall time stands the processor time of both its processes, which says more where other
programs use the machine. Python may keep its byte code, as it does for who has installed the package.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time


def run(seed: int, folder: str, cache: str, trials: int) -> tuple[float, float, float]:
    """Seconds, seconds of processor time and the peak memory in GiB of one run in a process of its own."""
    before, used = time.perf_counter(), _processor()
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", "opsonin", "run", "imatinib-il2", "--seed", str(seed), "--trials", str(trials)]
    subprocess.run(
        [*command, "--out", f"{folder}/{seed}"],
        check=True,
        capture_output=True,
        env={**kept, "OPSONIN_CACHE": cache},
    )
    seconds = time.perf_counter() - before
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    return seconds, _processor() - used, peak


def _processor() -> float:
    """Seconds of processor time of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--trials", type=int, default=1000)
    options = parser.parse_args()
    cases = {}
    threads = os.cpu_count()
    with tempfile.TemporaryDirectory() as folder:
        for seed, name in ((7, "first run, compiling"), (8, "second run, another seed")):
            seconds, processor, peak = run(seed, folder, f"{folder}/cache", options.trials)
            case = f"imatinib-il2 {options.trials} trials, {name}"
            cases[case] = {"value": seconds, "unit": "s", "threads": threads}
            cases[f"{case}, processor time"] = {"value": processor, "unit": "s", "threads": threads}
        cases["peak memory"] = {"value": peak, "unit": "GiB", "threads": threads}
    if options.json:
        print(json.dumps(cases))
    else:
        for name, case in cases.items():
            print(f"{name}: {case['value']:.2f} {case['unit']} ({case['threads']} threads)")


if __name__ == "__main__":
    main()
