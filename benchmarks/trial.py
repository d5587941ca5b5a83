"""The whole study as a user runs it: `opsonin run imatinib-il2 --trials 1000` in a fresh process, with its peak memory.

The first run compiles (an empty kernel cache), the second, with another seed, does not. There is no peer: no other tool
runs the whole trial.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time


def run(seed: int, folder: str, cache: str, trials: int) -> tuple[float, float]:
    """Seconds and the peak memory in GiB of one run in a process of its own."""
    before = time.perf_counter()
    command = [sys.executable, "-m", "opsonin", "run", "imatinib-il2", "--seed", str(seed), "--trials", str(trials)]
    subprocess.run(
        [*command, "--out", f"{folder}/{seed}"],
        check=True,
        capture_output=True,
        env={**os.environ, "OPSONIN_CACHE": cache},
    )
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    return time.perf_counter() - before, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--trials", type=int, default=1000)
    options = parser.parse_args()
    cases = {}
    threads = os.cpu_count()
    with tempfile.TemporaryDirectory() as folder:
        for seed, name in ((7, "first run, compiling"), (8, "second run, another seed")):
            seconds, peak = run(seed, folder, f"{folder}/cache", options.trials)
            cases[f"imatinib-il2 {options.trials} trials, {name}"] = {"value": seconds, "unit": "s", "threads": threads}
        cases["peak memory"] = {"value": peak, "unit": "GiB", "threads": threads}
    if options.json:
        print(json.dumps(cases))
    else:
        for name, case in cases.items():
            print(f"{name}: {case['value']:.2f} {case['unit']} ({case['threads']} threads)")


if __name__ == "__main__":
    main()
