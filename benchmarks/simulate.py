"""Speed of the solver at the error it makes, beside libRoadRunner's; how near it comes to what the core can do.

    python benchmarks/simulate.py [--json] [--patients 1000]

"mild" and "stiff": the 18-state model of solver_benchmark, 28 daily doses, 180 daily outputs of all states, one core,
in seconds of the processor (two cores are compared by the clock). `error` is that of the tumour cells C, `error_other`
the worst other state's, both as the reference's README defines them; the tolerance is the loosest round one with which
C stays below 3e-5 and every other state below 3e-4. The peer is libRoadRunner's CVODE at rtol 1e-6, on the same
patients in the same run. The same generator on other models: the bundled study's, and ones of 40 and 50 states
(models.py), against themselves at rtol 1e-9, the peer SciPy's LSODA.
"""

import argparse
import json
import os
import sys
import tempfile
import time

import numpy as np

import models
from opsonin.model import Model, codegen, linear_part, vector_math
from opsonin.simulate import build_schedule, control, dose_days, oral, simulate, steps, subcutaneous
from opsonin.simulate.compiled import EXACT, tableau
from solver_problem import DAYS, FLOOR, FOLDER, benchmark_model, errors, exact, population, roadrunner, timed
from vector_peak import operations, peak

RTOL = {"mild": 6e-5, "stiff": 7e-5}
STEP = ("begin", "choose_length", "try_step", "judge", "decide", "keep")
LIBRARY = "libRoadRunner rtol 1e-06"


def standard_cases(patients: int, say) -> dict:
    model, cases = benchmark_model(), {}
    peers = {kind: roadrunner(kind, model.symbolic.species, 60, 1e-6) for kind in ("mild", "stiff")}
    top = peak()
    for kind in ("mild", "stiff"):
        constants = population(model, kind)[:patients]
        schedule = build_schedule(model, constants, [oral("drug", 400.0, "dimensionless", np.arange(28.0))])
        reference = exact(model, kind)
        there, before = peers[kind]
        peer = max(before, roadrunner(kind, model.symbolic.species, 60, 1e-6)[1])  # the faster of two runs
        there = there[:40]
        there[:, :, 0] = reference[:40, :, 0]  # at the time of a dose its depot shows the dose already
        peer_error = errors(there, reference)
        say(f"{kind:6} {LIBRARY}: {peer:6.0f} patients/s, error C {peer_error[0]:.1e}, others {peer_error[1]:.1e}")
        for rtol in (1e-3, RTOL[kind], 1e-6):

            def call(threads, rtol=rtol, constants=constants, schedule=schedule):
                return simulate(model, constants, schedule, DAYS, method="rosenbrock", rtol=rtol, threads=threads)

            call(1)
            made, seconds = timed(lambda: call(1), clock=time.process_time)
            speed = len(constants) / seconds
            in_c, others = errors(made.states, reference)
            taken = made.steps.sum(axis=1).mean()
            case = {
                "value": speed, "unit": "patients/s", "error": in_c, "error_other": others, "peer": LIBRARY,
                "peer_value": peer, "peer_error": peer_error[0], "ratio": speed / peer, "threads": 1,
            }  # fmt: skip
            say(
                f"{kind:6} rtol {rtol:.0e}: {speed:6.0f} patients/s, {case['ratio']:.1f} × {LIBRARY}, "
                f"error C {in_c:.1e}, others {others:.1e}, steps {taken:.0f}, failed {len(made.failures)}"
            )
            if rtol != RTOL[kind]:
                cases[f"{kind}, rtol {rtol:g}"] = case
                continue
            cases[kind] = case
            _, alone = timed(lambda: call(1))
            _, both = timed(lambda: call(2))
            say(f"{kind:6} on two cores: {len(constants) / both:6.0f} patients/s, {alone / both:.2f} × one")
            cases[f"{kind}, two cores"] = case | {"value": len(constants) / both, "ratio": alone / both,
                "peer": "one core", "peer_value": len(constants) / alone, "threads": 2}  # fmt: skip
            work = step_operations(model)
            reached = work * taken * speed / 1e9
            say(
                f"{kind:6} {work} operations a step: {reached:.1f} of {top:.1f} GFLOP/s that fused multiply-adds reach "
                f"on this core ({reached / top:.0%})"
            )
            cases[f"{kind}, of the core's vector peak"] = {
                "value": reached, "unit": "GFLOP/s", "peer": "fused multiply-adds", "peer_value": top,
                "ratio": reached / top, "threads": 1,
            }  # fmt: skip
    return cases


def step_operations(model: Model) -> int:
    """Floating-point operations a patient's step asks for, counted in the generated code."""
    part = linear_part.linear_part(model.symbolic)
    made = codegen.generate(model.symbolic, part)
    method = tableau(model.symbolic, EXACT + "rosenbrock" if part else "rosenbrock", part)
    steps.add_step(made, method)
    control.add_control(made, method, ())
    return operations(vector_math.functions() + made.text, STEP)


def other_models(patients: int, say) -> dict:
    """The bundled study's model and models of 40 and 50 states."""
    from opsonin.patients import sample_patients
    from opsonin.study import Study

    built = Study.load("imatinib-il2").built
    people = sample_patients(built.model, built.indication, patients, 1).constants
    given = [
        oral("imatinib", 400.0, "mg", dose_days(1, 14, cycle_days=21, cycles=8)),
        subcutaneous("interleukin-2", 6.0, "MIU", dose_days(10, 14, cycle_days=21, cycles=8)),
    ]
    schedule = build_schedule(built.model, people, given)
    cases = {"imatinib-il2": against_itself("imatinib-il2", built.model, people, schedule, say)}
    for model in (models.model_of_40_states(), models.model_of_50_states()):
        name, constants = f"{len(model.symbolic.states)} states", models.patients(model, patients)
        cases[name] = against_itself(name, model, constants, models.doses(model, constants), say)
    return cases


def against_itself(name: str, model: Model, constants, schedule, say) -> dict:
    times, few = np.linspace(0.0, 168.0, 85), np.arange(20)
    began = time.perf_counter()
    simulate(model, constants[:1], schedule.rows(few[:1]), times, start=0.0)
    compiled = time.perf_counter() - began
    made, seconds = timed(
        lambda: simulate(model, constants, schedule, times, start=0.0, rtol=1e-4, threads=1), clock=time.process_time
    )
    tight = simulate(model, constants[few], schedule.rows(few), times, start=0.0, rtol=1e-9)
    began = time.process_time()
    simulate(model, constants[:2], schedule.rows(few[:2]), times, start=0.0, method="reference", rtol=1e-6)
    peer = 2 / (time.process_time() - began)
    size = np.abs(tight.states).max(axis=(0, 1))
    gap = np.abs(made.states[few] - tight.states) / (np.abs(tight.states) + FLOOR * np.maximum(size, 1e-12))
    speed = len(constants) / seconds
    say(
        f"{name}: {len(model.symbolic.states)} states, traced and compiled in {compiled:.1f} s, {speed:.0f} patients/s "
        f"at rtol 1e-4, worst error {gap.max():.1e}, {speed / peer:.0f} × LSODA uncompiled, "
        f"steps {made.steps.sum(axis=1).mean():.0f}, failed {len(made.failures)}"
    )
    return {
        "value": speed, "unit": "patients/s", "error": float(gap.max()), "peer": "SciPy LSODA, rtol 1e-6",
        "peer_value": peer, "ratio": speed / peer, "threads": 1, "compiled_s": compiled,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--patients", type=int, default=1000)
    options = parser.parse_args()
    if not FOLDER.is_dir():
        sys.exit(f"no solver_benchmark at {FOLDER}; set OPSONIN_REFERENCE to the folder of reference results.")

    def say(text: str) -> None:
        if not options.json:
            print(text, flush=True)

    with tempfile.TemporaryDirectory() as cache:  # an empty kernel cache, so that compilation is measured and not found
        os.environ["OPSONIN_CACHE"] = cache
        cases = standard_cases(options.patients, say) | other_models(max(100, options.patients // 5), say)
    if options.json:
        print(json.dumps(cases))


if __name__ == "__main__":
    main()
