"""How long until the first answer: from the shell, imports included, every case in a process of its own.

    python benchmarks/startup.py [--json] [--repeats 3]

Cold: an empty kernel cache, so that the driver and the model are compiled. New model: the driver is there, the model is
not. Cached: both are. Each is the fastest of the repeats, since a process that others hold up says nothing of us; the
error is the worst difference of all states and days from the uncompiled path at rtol 1e-9, relative to the value or a
thousandth of the state's largest. The peer, libRoadRunner, does the 100 patients of the 18-state solver_benchmark, from
its import to the last patient.
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

HERE = Path(__file__).parent
REFERENCE = Path(os.environ.get("OPSONIN_REFERENCE") or HERE.parent / "../shared/reference") / "solver_benchmark"

BENCHMARK_MODEL = """
import sys; sys.path.insert(0, {here!r})
import numpy as np, models
from opsonin.simulate import simulate
model = models.trial_model({lesions})
constants = models.patients(model, {patients})
made = simulate(model, constants, models.doses(model, constants), np.arange(181.0), method={method!r})
assert not made.failures
"""
STUDY_MODEL = """
import numpy as np
from opsonin.patients import sample_patients
from opsonin.simulate import build_schedule, dose_days, oral, simulate, subcutaneous
from opsonin.study import Study
built = Study.load("imatinib-il2").built
patients = sample_patients(built.model, built.indication, {patients}, 1)
days = dose_days(1, 14, cycle_days=21, cycles=8), dose_days(10, 14, cycle_days=21, cycles=8)
doses = [oral("imatinib", 400.0, "mg", days[0]), subcutaneous("interleukin-2", 6.0, "MIU", days[1])]
schedule = build_schedule(built.model, patients.constants, doses)
made = simulate(built.model, patients.constants, schedule, np.arange(181.0), method={method!r})
assert not made.failures
"""
TRACING = """
import sys, time; sys.path.insert(0, {here!r})
import models
models.trial_model(1).symbolic  # loads SymPy and the units
began = time.perf_counter(); symbolic = models.trial_model({lesions}).symbolic; traced = time.perf_counter()
symbolic.jacobian; symbolic.content_hash
print(traced - began, time.perf_counter() - traced)
"""
ERROR = """
import sys; sys.path.insert(0, {here!r})
import numpy as np, models
from opsonin.simulate import simulate
model = models.trial_model({lesions})
constants = models.patients(model, 2)
given = model, constants, models.doses(model, constants), np.arange(181.0)
exact, made = simulate(*given, method="reference", rtol=1e-9).states, simulate(*given).states
print(np.max(np.abs(made - exact) / (np.abs(exact) + 1e-3 * np.abs(exact).max(axis=(0, 1)))))
"""
HELP = "import sys; from opsonin.cli import main; sys.argv = ['opsonin', '--help']; main()"
PROBLEM = """
import sys; sys.path.insert(0, {here!r})
import numpy as np
from opsonin.simulate import build_schedule, oral, simulate
from solver_problem import benchmark_model, population
model = benchmark_model()
constants = population(model, "mild")[:100]
schedule = build_schedule(model, constants, [oral("drug", 400.0, "dimensionless", np.arange(28.0))])
assert not simulate(model, constants, schedule, np.arange(181.0)).failures
"""
PEER = """
import csv, gzip, roadrunner
runner = roadrunner.RoadRunner({folder!r} + "/model.xml")
runner.integrator.relative_tolerance, runner.integrator.absolute_tolerance = 1e-6, 1e-9
renamed = {{"E": "Eff", "eps": "epsn"}}
with gzip.open({folder!r} + "/population_mild.csv.gz", "rt") as file:
    for row in list(csv.DictReader(file))[:100]:
        runner.resetAll()
        for name, value in row.items():
            if name != "id":
                runner[renamed.get(name, name)] = float(value)
        runner.simulate(0, 180, 181)
"""


class Taken(NamedTuple):
    """Seconds on the clock, seconds of the processors' work, and what the program printed."""

    wall: float
    work: float
    said: str


def run(program: str, cache: str) -> Taken:
    """A program in a process of its own, from the shell to the end."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, "OPSONIN_CACHE": cache}
    )
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode:
        sys.exit(f"a program of this benchmark failed:\n{ran.stderr}")
    return Taken(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, ran.stdout.strip())


def seconds(programs: list[Taken], **more: object) -> dict:
    """A case: the least of the repeats.   work: processor seconds, which neighbours on the machine change less."""
    return {
        "value": min(each.wall for each in programs), "unit": "s", "work": min(each.work for each in programs), **more
    }  # fmt: skip


def cases(repeats: int, cache: str) -> dict[str, dict]:
    def model(lesions: int, patients: int, method: str = "auto") -> str:
        return BENCHMARK_MODEL.format(here=str(HERE), lesions=lesions, patients=patients, method=method)

    def often(program: str, **more: object) -> dict:
        return seconds([run(program, cache) for _ in range(repeats)], **more)

    threads = os.cpu_count()
    made = {"opsonin --help": often(HELP, threads=1)}
    made["first of all: driver and 40 states compiled"] = seconds([run(model(2, 100), cache)], threads=threads)
    made["new model of 50 states, driver there"] = seconds([run(model(3, 100), cache)], threads=threads)
    for states, lesions in ((40, 2), (50, 3)):
        error = float(run(ERROR.format(here=str(HERE), lesions=lesions), cache).said)
        name = f"cached model of {states} states, first 100 patients, 181 days"
        made[name] = often(model(lesions, 100), error=error, threads=threads)
    if REFERENCE.is_dir():
        ours, theirs = PROBLEM.format(here=str(HERE)), PEER.format(folder=str(REFERENCE))
        run(ours, cache)
        peer = often(theirs)["value"]
        case = often(ours, threads=threads, peer="libRoadRunner", peer_value=peer)
        made["cached solver_benchmark of 18 states, first 100 patients"] = {**case, "ratio": peer / case["value"]}
    study = STUDY_MODEL.format(patients=100, method="auto")
    run(study, cache)
    made["cached imatinib-il2 from its study file, first 100 patients, 181 days"] = often(study, threads=threads)
    study = STUDY_MODEL.format(patients=1, method="reference")
    uncompiled = {"40 states": model(2, 1, "reference"), "imatinib-il2 from its study file": study}
    for name, program in uncompiled.items():
        made[f"uncompiled, one patient, 181 days, {name}"] = often(program, threads=1)
    for states, lesions in ((40, 2), (50, 3)):
        told = [run(TRACING.format(here=str(HERE), lesions=lesions), cache).said.split() for _ in range(repeats)]
        for n, what in enumerate(("tracing", "Jacobian and content hash of")):
            value = min(float(each[n]) for each in told)
            made[f"{what} {states} states, imports apart"] = {"value": value, "unit": "s", "threads": 1}
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        made = cases(options.repeats, cache)
    if options.json:
        print(json.dumps(made))
        return
    for name, case in made.items():
        error = f", error {case['error']:.1e}" if "error" in case else ""
        peer = f", {case['ratio']:.1f} × {case['peer']} ({case['peer_value']:.2f} s)" if "ratio" in case else ""
        work = f" (work {case['work']:.2f} s)" if "work" in case else ""
        print(f"{name}: {case['value']:.2f} s{work}{error}{peer}")


if __name__ == "__main__":
    main()
