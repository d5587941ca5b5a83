"""Lesions at 1, 2 and 3 sites with immune systems of their own: patients a second, and how often lesions disagree.

    python benchmarks/several_sites.py [--json] [--patients 2000] [--trial 400]

Cost: pembrolizumab for twelve months, patients a second of processor time on one core, compiled before it is timed, the
fastest of three; the error is as in `full_core.py`. Mixed responses: of virtual patients with two or more target
lesions under pembrolizumab for two years, those with one lesion at −30 % and another at +20 % (5 mm) of baseline at the
same scan, until progression. Published: 8 % (Vaflard 2021, Drugs R D 21:399), 3.3 % (12 of 360, Bernard-Tessier 2020),
9.2 % (11 of 120 lung cancers, Tozuka 2020). There is no peer.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from full_core import DAYS, RTOL, worst
from opsonin.biology import MOST_SITES, core_named
from opsonin.model import Model
from opsonin.patients import indication, sample_patients, several_sites
from opsonin.simulate import build_schedule, dose_days, intravenous_infusion, simulate
from opsonin.study import Study
from opsonin.therapies import load_agent

SITES = range(1, MOST_SITES + 1)
CANCERS = ("melanoma", "nsclc", "hcc")
STUDY = """
title = "Lesions that disagree"
[population]
indication = "{cancer}"
pool = {patients}
sites = {sites}
[[treatment]]
agent = "pembrolizumab"
dose = "200 mg"
days = "1"
cycle = "21 days"
[enrolment]
patients = {patients}
[assessments]
tumour = {{ every = "9 weeks" }}
[follow_up]
observe = "24 months"
"""


def cost(sites: int, patients: int) -> dict:
    """Patients a second of processor time."""
    model = Model([*core_named("full", sites), load_agent("pembrolizumab")])
    constants = sample_patients(model, several_sites(indication("melanoma"), sites), patients, seed=1).constants
    doses = [intravenous_infusion("pembrolizumab", 200.0, "mg", dose_days(1, 1, cycle_days=21, cycles=17), hours=0.5)]
    schedule = build_schedule(model, constants, doses)
    few, rows = slice(0, 100), schedule.rows(np.arange(100))
    exact = simulate(model, constants[few], rows, DAYS, rtol=1e-8)
    found = simulate(model, constants[few], rows, DAYS, rtol=RTOL)
    seconds = []
    for _ in range(3):
        began = time.process_time()
        assert not simulate(model, constants, schedule, DAYS, rtol=RTOL, threads=1).failures
        seconds.append(time.process_time() - began)
    return case(patients / min(seconds), "patients/s", worst(found.states, exact.states)) | {
        "states": len(model.symbolic.species)
    }


def case(value: float, unit: str, error: float) -> dict:
    """As every benchmark prints it."""
    return {
        "value": value,
        "unit": unit,
        "error": error,
        "peer": None,
        "peer_value": None,
        "ratio": None,
        "threads": 1,
    }


def course(cancer: str, sites: int, patients: int, folder: Path) -> dict[str, dict]:
    """Response, progression, new lesions and lesions that disagree, per cent with standard error."""
    path = folder / f"{cancer}-{sites}.toml"
    path.write_text(STUDY.format(cancer=cancer, sites=sites, patients=patients), encoding="utf-8")
    record = Study.load(path).simulate(seed=1).record
    best = record.responses.query("best")["overall"].astype(str)
    rows = record.lesions[record.lesions["kind"].astype(str) == "target"]
    size = rows.pivot_table(index=["subject_id", "day"], columns="lesion_id", values="diameter_mm", observed=True)
    first = size.groupby(level=0).transform("first")
    down = (size <= 0.7 * first).any(axis=1)
    up = ((size >= 1.2 * first) & (size >= first + 5)).any(axis=1)
    several = size.groupby(level=0).first().notna().sum(axis=1) > 1
    new = record.responses.groupby("subject_id", observed=True)["new_lesion"].max()
    return {
        "response": share(best.isin(["CR", "PR"])),
        "progression as best response": share(best == "PD"),
        "new lesion by progression": share(new),
        "lesions disagree": share((down & up).groupby(level=0).any()[several]),
    }


def share(yes) -> dict:
    p = float(np.mean(np.asarray(yes, dtype=float)))
    return case(100 * p, "%", 100 * float(np.sqrt(p * (1 - p) / len(yes))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--patients", type=int, default=2000)
    parser.add_argument("--trial", type=int, default=400)
    asked = parser.parse_args()
    cases = {f"12 months of pembrolizumab, sites: {n}": cost(n, asked.patients) for n in SITES}
    with tempfile.TemporaryDirectory() as folder:
        for cancer in CANCERS:
            for n in SITES:
                found = course(cancer, n, asked.trial, Path(folder))
                cases |= {f"{cancer}, sites: {n}, {name}": one for name, one in found.items()}
    if asked.json:
        print(json.dumps(cases))
        return
    for name, one in cases.items():
        print(f"{name:55s} {one['value']:10.1f} {one['unit']}   error {one['error']:.2g}")


if __name__ == "__main__":
    main()
