"""A source of patients for streams, and a program that streams them: `python streaming.py FOLDER parquet|zarr`.

The drug of small_models with a hazard; clearance and the draw of each patient are keyed by the patient's number.
"""

import hashlib
import sys
from functools import cached_property
from pathlib import Path

import numpy as np

from opsonin import random
from opsonin.model import Hazard, Model, Module, Parameter
from opsonin.simulate import Mean, Patients, Quantiles, build_schedule, oral, simulate_stream
from small_models import oral_drug

PATIENTS = 700
TIMES = np.arange(15.0)
OUTPUTS = ("central", "drug")


class Drugged:
    """Patients on 7 daily doses.   fails: a patient whose clearance is no number, if any.   breaks: one with no number
    for a threshold, which no simulation begins with."""

    def __init__(self, seed: int = 1, fails: int | None = None, breaks: int | None = None):
        self.seed, self.fails, self.breaks = seed, fails, breaks

    @cached_property
    def model(self) -> Model:
        risk = [
            Parameter("risk", 0.02, "l/mg/day", "assumed: a test"),
            Hazard("nausea", lambda risk, concentration: risk * concentration, term="nausea", grades={1: 1.0, 3: 0.1}),
        ]
        return Model([oral_drug(), Module("risk", risk)])

    def block(self, first: int, last: int) -> Patients:
        ids, names = np.arange(first, last), self.model.symbolic.constants
        constants = np.tile(self.model.symbolic.typical, (last - first, 1))
        constants[:, names.index("cl")] *= np.exp(0.4 * random.normal(self.seed, "clearance", ids)[:, 0])
        if self.fails is not None and first <= self.fails < last:
            constants[self.fails - first, names.index("cl")] = np.nan
        schedule = build_schedule(self.model, constants, [oral("drug", 100.0, "mg", np.arange(7.0))])
        draws = random.exponential(self.seed, "nausea", ids) / np.array([1.0, 0.1])
        if self.breaks is not None and first <= self.breaks < last:
            draws[self.breaks - first] = np.nan
        return Patients(constants, schedule, draws, {"age_years": 40.0 + ids % 30, "sex": np.where(ids % 2, "F", "M")})

    def __reduce__(self):
        return Drugged, (self.seed, self.fails, self.breaks)


def reducers() -> dict:
    return {"mean": Mean(), "quantiles": Quantiles((0.05, 0.5, 0.95))}


def digest(folder: Path) -> str:
    """Of every file of a folder, names and bytes."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            whole.update(f"{path.relative_to(folder)}".encode() + path.read_bytes())
    return whole.hexdigest()


def tell(done: int, _: int) -> None:
    """A line for whoever waits for a moment to kill this."""
    sys.stdout.write(f"{done}\n")
    sys.stdout.flush()


def main() -> None:
    out, storage, *more = sys.argv[1:]
    simulate_stream(
        Drugged(),
        PATIENTS,
        TIMES,
        OUTPUTS,
        out=out,
        storage=storage,
        reduce=reducers(),
        resume=Path(out).exists(),
        workers=int(more[0]) if more else None,
        progress=tell,
    )


if __name__ == "__main__":
    main()
