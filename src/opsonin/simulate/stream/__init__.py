"""Any number of patients in bounded memory: simulated part by part, written to Parquet or Zarr, or reduced.

simulate_stream(source, 1_000_000, times, ["tumour"], out="folder") -> Streamed
simulate_stream(source, 1_000_000, times, ["tumour"], reduce={"mean": Mean()}).reduced["mean"]
"""

from __future__ import annotations

from opsonin.simulate.stream.parts import FromArrays, Patients, Source
from opsonin.simulate.stream.quantiles import Quantiles
from opsonin.simulate.stream.reading import Streamed, open_stream
from opsonin.simulate.stream.reducers import Mean, Moments, Reducer
from opsonin.simulate.stream.stream import StreamInterrupted, simulate_stream

__all__ = [
    "FromArrays",
    "Mean",
    "Moments",
    "Patients",
    "Quantiles",
    "Reducer",
    "Source",
    "StreamInterrupted",
    "Streamed",
    "open_stream",
    "simulate_stream",
]
