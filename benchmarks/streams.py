"""Streams of patients: time against their number, peak memory, what writing costs, and killed streams that are resumed.

    python benchmarks/streams.py [--json] [--full]

The 18-state model of solver_benchmark ("stiff"), 28 doses, 181 days × 3 outputs (drug, tumour cells, interleukin-2).
Patients 1 to 1,000 are the reference's own, so that the tables that are written show their error (of C, and the worst
of the three); the others vary about them. Every run is a process of its own, which tells its peak memory. --full goes
to a million patients and kills 20 times; otherwise to 100,000 and 5 times. The tolerance keeps the error below 3e-5 in
C and 3e-4 in the others, as solver_benchmark asks.
"""

import argparse
import hashlib
import json
import os
import random as moments
import resource
import signal
import subprocess
import sys
import tempfile
import time
from functools import cached_property
from pathlib import Path

import numpy as np

from opsonin import random
from opsonin.errors import SimulationError
from opsonin.simulate import Mean, Patients, Quantiles, build_schedule, open_stream, oral, simulate_stream

sys.path.insert(0, str(Path(__file__).parent))  # a worker process has another first folder
from solver_problem import DAYS, FLOOR, FOLDER, benchmark_model, exact, population

OUTPUTS = ("Ac", "C", "IL2")
KIND = "stiff"
GIB = 2.0**30


class Population:
    """The reference's patients, and others about them with 10 % more spread, each keyed by their number."""

    @cached_property
    def model(self):
        return benchmark_model()

    @cached_property
    def reference(self) -> np.ndarray:
        return population(self.model, KIND)

    @cached_property
    def varying(self) -> np.ndarray:
        return np.flatnonzero(self.reference.std(axis=0) > 0)

    def block(self, first: int, last: int) -> Patients:
        ids = np.arange(first, last)
        constants = self.reference[ids % len(self.reference)]
        spread = 0.1 * random.normal(1, "patient", ids, draws=len(self.varying))
        constants[:, self.varying] *= np.where(ids[:, None] < len(self.reference), 1.0, np.exp(spread))
        doses = [oral("drug", 400.0, "dimensionless", np.arange(28.0))]
        return Patients(constants, build_schedule(self.model, constants, doses))

    def __reduce__(self):
        return Population, ()


def peak_bytes() -> tuple[int, int]:
    """Peak memory of this process, and of the largest of its workers if there are any."""
    workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024, workers
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, workers


def child(asked: dict) -> None:
    """One stream, in this process; prints what it took."""
    source = Population()
    if asked.pop("warm", True):  # the kernel is read from the disk, as it is once a process
        simulate_stream(source, 8, DAYS, OUTPUTS, rtol=asked["rtol"], threads=1)
    reduce = {"mean": Mean(), "quantiles": Quantiles()} if asked.pop("reduce", False) else None
    if asked.pop("tell", False):  # that the work begins
        asked["progress"] = lambda done, _: print(done, flush=True)
    began, processor = time.perf_counter(), os.times()
    made = simulate_stream(source, asked.pop("patients"), DAYS, OUTPUTS, reduce=reduce, **asked)
    seconds, after = time.perf_counter() - began, os.times()
    mine, workers = peak_bytes()
    told = {
        "seconds": seconds,
        "processor": sum(after[:4]) - sum(processor[:4]),  # of this process and its workers
        "peak": mine + (asked.get("workers") or 0) * workers,
        "failed": made.failed,
    }
    print(json.dumps(told))


def command(asked: dict) -> list[str]:
    return [sys.executable, __file__, "--child", json.dumps(asked)]


def ran(asked: dict) -> dict:
    done = subprocess.run(command(asked), capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            whole.update(f"{path.relative_to(folder)}".encode() + path.read_bytes())
    return whole.hexdigest()


def table_error(folder: Path) -> tuple[float, float]:
    """Error in C and the worst of the outputs, of the reference's 40 patients, as the tables show them."""
    reference, names = exact(benchmark_model(), KIND), list(benchmark_model().symbolic.species)
    table = open_stream(folder).table(0, len(reference))
    made = table[list(OUTPUTS)].to_numpy(float).reshape(len(reference), len(DAYS), len(OUTPUTS))
    right = reference[:, :, [names.index(name) for name in OUTPUTS]]
    gap = np.abs(made - right)
    relative = gap / (np.abs(right) + FLOOR * np.abs(reference).max((0, 1))[[names.index(name) for name in OUTPUTS]])
    in_c = gap[:, :, 1] / (np.abs(right[:, :, 1]) + 1e-3)
    return float(in_c.max()), float(relative.max())


def scaling_cases(work: Path, sizes: list[int], rtol: float, say) -> dict:
    cases, pace = {}, []
    for patients in sizes:
        out = work / f"scaling-{patients}"
        told = ran({"patients": patients, "out": str(out), "rtol": rtol})
        in_c, worst = table_error(out)
        pace.append(told["seconds"] / patients)
        say(
            f"{patients:>9,} patients to Parquet: {told['seconds']:7.2f} s, {1 / pace[-1]:,.0f} a second, "
            f"peak {told['peak'] / GIB:.2f} GiB, {size(out) / 1e9:.3f} GB, error C {in_c:.1e}, worst {worst:.1e}, "
            f"failed {told['failed']}, busy cores {told['processor'] / told['seconds']:.2f}"
        )
        cases[f"{patients:,} patients × 181 days × 3 outputs to Parquet"] = {
            "value": told["seconds"], "unit": "s", "error": in_c, "error_other": worst,
            "peak_gib": told["peak"] / GIB, "peer": f"{sizes[0]:,} patients, s per patient",
            "peer_value": pace[0], "ratio": pace[-1] / pace[0], "threads": len(os.sched_getaffinity(0)),
        }  # fmt: skip
        cases[f"{patients:,} patients: peak memory"] = {"value": told["peak"] / GIB, "unit": "GiB"}
    return cases


def storage_cases(work: Path, patients: int, rtol: float, say) -> dict:
    """The same patients by every way out, in seconds of processors, beside what simulating alone takes."""
    ways = {
        "mean and quantiles": {"reduce": True},
        "Parquet": {"out": str(work / "parquet")},
        "Zarr": {"out": str(work / "zarr"), "storage": "zarr"},
        "Parquet, mean and quantiles": {"out": str(work / "both"), "reduce": True},
        "Parquet, 2 workers": {"out": str(work / "workers"), "workers": 2},
    }
    alone = ran({"patients": patients, "rtol": rtol, "memory_gib": 64})
    say(f"{patients:>9,} patients kept in memory: {told_text(alone)}")
    cases = {}
    for name, way in ways.items():
        told = ran({"patients": patients, "rtol": rtol, **way})
        ratio = told["processor"] / alone["processor"]
        say(f"{'':9} {name:28} {told_text(told)} ({ratio:.2f} ×)")
        cases[f"{patients:,} patients: {name}"] = {
            "value": told["processor"], "unit": "processor s", "peer": "kept in memory",
            "peer_value": alone["processor"], "ratio": ratio,
        }  # fmt: skip
    return cases


def told_text(told: dict) -> str:
    return f"{told['seconds']:7.2f} s, {told['processor']:7.2f} processor s, peak {told['peak'] / GIB:.2f} GiB"


def same_cases(work: Path, patients: int, rtol: float, say) -> dict:
    ways: list[dict] = [{"threads": 1}, {"threads": 2}, {"block": 100}, {"workers": 2}]
    found = set()
    for n, way in enumerate(ways):
        out = work / f"same-{n}"
        ran({"patients": patients, "rtol": rtol, "out": str(out), "reduce": True, **way})
        found.add(digest(out))
    say(f"{patients:>9,} patients by {len(ways)} ways (threads, workers, blocks): {len(found)} different folders")
    return {
        "different folders by threads 1 and 2, workers 2, blocks of 100": {"value": len(found) - 1, "unit": "folders"}
    }


def killed_case(work: Path, patients: int, kills: int, rtol: float, say) -> dict:
    """SIGKILL at random moments of a run, each resumed; the tables must be those of a run that nobody killed."""
    out, moment = work / "killed", moments.Random(3)
    asked = {"patients": patients, "rtol": rtol, "reduce": True, "warm": False}
    told = ran({**asked, "out": str(work / "whole")})
    whole, began = told["seconds"], time.perf_counter()
    counted, finished, parts = 0, [], []
    while counted < kills:
        running = subprocess.Popen(
            command({**asked, "out": str(out), "resume": out.exists(), "tell": True}), stdout=subprocess.PIPE
        )
        assert running.stdout is not None
        if moment.random() < 0.9:  # else it is killed while it starts
            running.stdout.readline()
        time.sleep(moment.uniform(0.0, 0.6 * whole))
        running.send_signal(signal.SIGKILL)
        running.communicate()
        if running.returncode == 0:  # it came through before: begin anew, in another folder
            out.rename(work / f"finished-{len(finished)}")
            finished.append(digest(work / f"finished-{len(finished)}"))
        else:
            counted += 1
            log = out / "finished.jsonl"
            lines = log.read_text().split("\n")[:-1] if log.is_file() else []
            parts.append(len({line.split(",")[0] for line in lines}))  # some are computed twice
    ran({**asked, "out": str(out), "resume": out.exists()})
    right = digest(work / "whole")
    wrong = sum(found != right for found in [*finished, digest(out)])
    say(
        f"{patients:>9,} patients killed {kills} times in {time.perf_counter() - began:.0f} s, "
        f"{len(finished) + 1} runs came to their end: {wrong} different from an uninterrupted run; "
        f"parts finished when killed: {', '.join(map(str, parts))}"
    )
    return {f"different after {kills} SIGKILLs and resumes": {"value": wrong, "unit": "folders", "error": float(wrong)}}


def refused_case(say) -> dict:
    began = time.perf_counter()
    try:
        simulate_stream(Population(), 10**9, DAYS, OUTPUTS)
    except SimulationError as problem:
        seconds = time.perf_counter() - began
        say(f"refused in {seconds:.2f} s: {problem}")
        return {"10^9 patients without a place: refused after": {"value": seconds, "unit": "s"}}
    sys.exit("10^9 patients without a place were not refused.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--full", action="store_true", help="up to a million patients, 20 kills")
    parser.add_argument("--rtol", type=float, default=7e-5, help="relative tolerance of the solver")
    parser.add_argument("--only", default="scaling,storage,same,killed,refused", help="cases, between commas")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(json.loads(options.child))
        return
    if not FOLDER.is_dir():
        sys.exit(f"no solver_benchmark at {FOLDER}; set OPSONIN_REFERENCE to the folder of reference results.")

    def say(text: str) -> None:
        if not options.json:
            print(text, flush=True)

    sizes = [1_000, 10_000, 100_000] + ([1_000_000] if options.full else [])
    only, rtol, cases = options.only.split(","), options.rtol, {}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        ran({"patients": 8, "rtol": rtol})  # compiles, where nobody has yet
        if "scaling" in only:
            cases |= scaling_cases(work, sizes, rtol, say)
        if "storage" in only:
            cases |= storage_cases(work, 100_000 if options.full else 30_000, rtol, say)
        if "same" in only:
            cases |= same_cases(work, 20_000, rtol, say)
        if "killed" in only:
            cases |= killed_case(work, 50_000 if options.full else 20_000, 20 if options.full else 5, rtol, say)
        if "refused" in only:
            cases |= refused_case(say)
    if options.json:
        print(json.dumps(cases))


if __name__ == "__main__":
    main()
