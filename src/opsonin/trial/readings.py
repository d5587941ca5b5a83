"""Readings that a policy acts on: their error belongs to the patient, so that the record shows what was acted on.

Other readings carry errors of the trial and the place of enrolment, since no truth hangs on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from opsonin import random
from opsonin.trial.observe import assay, flow

if TYPE_CHECKING:
    from opsonin.trial.block import Block
    from opsonin.trial.plan import Plan
    from opsonin.trial.rules import Watch

_DAYS_BACK = 100_000  # added to a day, so that the counter of a random number is positive


def block_readings(
    block: Block,
    rows: Int[np.ndarray, " chosen"],
    concentrations: Float[np.ndarray, "chosen analyte time"],
    measurements: Float[np.ndarray, "chosen marker visit"],
) -> list[Float[np.ndarray, "chosen reading"]]:
    """What a clinic reads of each watch at its visits; 0 below the limit of quantification, NaN where nothing is read.

    concentrations, measurements: true values at the plan's times, NaN where not known.
    """
    plan, patients = block.plan, block.rows[rows]
    found = []
    for watch in plan.rules.watches:
        if watch.is_marker:
            visits = np.searchsorted(plan.immune_times, watch.times)
            read = _marker(plan, watch, patients, measurements, visits, block.seed)
        else:
            read = _analyte(plan, watch, patients, concentrations, block.seed, block.left_out)
        found.append(np.where(np.isnan(read), np.nan, np.where(read < (watch.limit or 0.0), 0.0, read)))
    return found


def marker_errors(seed: int, name: str, keys: tuple[np.ndarray, ...], days: np.ndarray, watched: bool) -> np.ndarray:
    """Two uniform numbers (counting, assay) for each patient and protocol day.   keys: counters of each patient."""
    purpose = f"cytometry {name}" + (" of the patient" if watched else "")
    return random.uniform(seed, purpose, *(key[:, None] for key in keys), days[None, :] + _DAYS_BACK, draws=2)


def analyte_errors(
    seed: int, name: str, keys: tuple[np.ndarray, ...], day: int, draws: int, left_out: tuple[str, ...], watched: bool
) -> np.ndarray:
    """Standard normal numbers for each patient and sample of a protocol day; drawn apart in each potential world."""
    world = "".join(f" without {agent}" for agent in sorted(left_out))
    purpose = f"assay {name}{world}" + (" of the patient" if watched else "")
    return random.normal(seed, purpose, *keys, day + _DAYS_BACK, draws=draws)


def shares(plan: Plan, measurements: Float[np.ndarray, "patient marker visit"]) -> np.ndarray:
    """Each marker's part of the cells counted: of all counts of the panel, or the share itself; NaN for ratios.

    Subsets are counted again in the panel's sum, which overstates it and so the counting error a little.
    """
    counts = np.array(["/" in m.unit for m in plan.markers], dtype=bool)
    total = np.nansum(np.where(counts[None, :, None], measurements, 0.0), axis=1, keepdims=True)
    share = np.full(measurements.shape, np.nan)
    np.divide(measurements, total, out=share, where=counts[None, :, None] & (total > 0))
    percent = np.array([m.unit in ("percent", "%") for m in plan.markers], dtype=bool)
    return np.where(percent[None, :, None], measurements / 100.0, share)


def normal(uniform: np.ndarray) -> np.ndarray:
    """Standard normal numbers from uniform ones."""
    from scipy.special import ndtri

    return ndtri(uniform)


def _marker(
    plan: Plan, watch: Watch, patients: np.ndarray, true: np.ndarray, visits: np.ndarray, seed: int
) -> np.ndarray:
    marker = plan.markers[watch.place]
    days = np.array(plan.protocol.immune.days)
    drawn = marker_errors(seed, marker.name, (patients,), days, True)[:, visits]
    true = true[:, :, visits]
    share = shares(plan, true)[:, watch.place]
    return flow(
        true[:, watch.place], share, drawn[..., 0], normal(drawn[..., 1]), marker.cv, None, marker.cells_counted
    ).value


def _analyte(
    plan: Plan, watch: Watch, patients: np.ndarray, true: np.ndarray, seed: int, left_out: tuple[str, ...]
) -> np.ndarray:
    analyte = plan.analytes[watch.place]
    score = np.full((len(patients), len(watch.times)), np.nan)
    mine = plan.sample_analyte == watch.place
    for day in np.unique(plan.sample_day[mine]).tolist():
        times = plan.sample_time[mine & (plan.sample_day == day)]
        drawn = analyte_errors(seed, analyte.name, (patients,), day, len(times), left_out, True)
        known = np.isin(times, watch.times)
        score[:, np.searchsorted(watch.times, times[known])] = drawn[:, known]
    value = true[:, watch.place][:, np.searchsorted(plan.sample_times, watch.times)]
    return assay(value, score, analyte.cv, None).value
