"""What a stream gives back, and how its tables are read again."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from opsonin.errors import SimulationError
from opsonin.simulate.stream.arrays import STORE, zarr_name
from opsonin.simulate.stream.folder import ABOUT, LOG, failures_of
from opsonin.simulate.stream.tables import OUTPUTS, PATIENTS

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Streamed:
    """A stream that was simulated.

    failed: patients whose simulation stopped;   failures: the first of them, with reasons.   part: patients in a file.
    complete: whether all patients are there.   reduced: name -> what the reducer gives.
    values: (patient, time, output) where nothing was written nor reduced.
    """

    folder: Path | None
    patients: int
    times: np.ndarray
    outputs: tuple[str, ...]
    units: tuple[str, ...]
    failed: int
    failures: tuple[str, ...]
    storage: str | None
    part: int
    complete: bool
    reduced: dict[str, Any] = field(default_factory=dict)
    values: np.ndarray | None = None

    def table(self, first: int = 0, last: int | None = None) -> pd.DataFrame:
        """Outputs of patients first to last − 1: patient, day, one column an output. All parts where not limited.

        Raises: SimulationError where no table was written. Parts that are not finished are left out.
        """
        import pandas as pd

        stop = self.patients if last is None else min(last, self.patients)
        if self.values is not None:
            return self._frame(pd, np.arange(first, stop), self.values[first:stop])
        if self.storage == "zarr":
            import zarr

            group: Any = zarr.open_group(self._folder / STORE, mode="r")
            there = np.asarray(group["patient"][first:stop])
            stacked = [np.asarray(group[zarr_name(name)][first:stop])[there >= 0] for name in self.outputs]
            return self._frame(pd, there[there >= 0], np.stack(stacked, axis=-1))
        return self._parquet(OUTPUTS, first, stop)

    def patient_table(self, first: int = 0, last: int | None = None) -> pd.DataFrame:
        """What is known of the patients, days of their events (NaN: did not happen), and why a simulation stopped."""
        return self._parquet(PATIENTS, first, self.patients if last is None else min(last, self.patients))

    @property
    def _folder(self) -> Path:
        if self.folder is None or self.storage is None:
            raise SimulationError("this stream wrote no tables; give it a folder (out).")
        return self.folder

    def _parquet(self, name: str, first: int, stop: int) -> pd.DataFrame:
        import pandas as pd
        import pyarrow.parquet as pq

        numbers = range(first // self.part, -(-stop // self.part))
        paths = [self._folder / name / f"part-{number:06}.parquet" for number in numbers]
        found = [pq.read_table(path).to_pandas() for path in paths if path.is_file()]
        if not found:
            return pd.DataFrame(columns=["patient", "day", *self.outputs] if name == OUTPUTS else ["patient"])
        whole = pd.concat(found, ignore_index=True)
        return whole[whole["patient"].between(first, stop - 1)].reset_index(drop=True)

    def _frame(self, pd: Any, patients: np.ndarray, values: np.ndarray) -> pd.DataFrame:
        columns = {"patient": np.repeat(patients, len(self.times)), "day": np.tile(self.times, len(patients))}
        return pd.DataFrame(columns | {name: values[:, :, n].ravel() for n, name in enumerate(self.outputs)})


def open_stream(folder: str | Path) -> Streamed:
    """The tables of a stream that was written, also of one that was interrupted (what is finished of it).

    Raises: SimulationError where the folder holds none.
    """
    path = Path(folder)
    try:
        about = json.loads((path / ABOUT).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as problem:
        raise SimulationError(f"{path} holds no simulation that can be read ({problem}).") from None
    failures = about.get("failures", {"patients": 0, "first": []})
    if not about["complete"] and (path / LOG).is_file():
        lines = [line for line in (path / LOG).read_text(encoding="utf-8").split("\n")[:-1] if line]
        told = {one["part"]: one for one in map(json.loads, lines)}  # a part may have been computed twice
        failures = failures_of([told[number] for number in sorted(told)])
    return Streamed(
        path,
        about["patients"],
        np.asarray(about["days"], float),
        tuple(about["outputs"]),
        tuple(about["units"]),
        failures["patients"],
        tuple(failures["first"]),
        about["storage"],
        about["part"],
        about["complete"],
    )
