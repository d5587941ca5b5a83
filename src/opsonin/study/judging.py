"""Which outcome of a virtual patient is asked about: yes or no, of whom it is known, and how good it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from opsonin.errors import StudyError
from opsonin.study.texts import Duration

if TYPE_CHECKING:
    from opsonin.trial import Plan, PotentialOutcomes

Judge = Callable[["Plan", "PotentialOutcomes"], tuple[Bool[np.ndarray, " patient"], Bool[np.ndarray, " patient"]]]


def judge_of(outcome: str, observed: float) -> Judge:
    """Who has the outcome, and of whom it is known.   observed: days that patients are followed.
    All but "alive at …" take scans.

    Raises: StudyError for another outcome, or one beyond the follow-up.
    """
    if outcome == "response":
        return _response
    words, _, duration = outcome.partition(" at ")
    if words not in ("progression-free", "alive") or not duration:
        raise StudyError(
            f'the outcome {outcome!r} is unknown; use "response", "progression-free at 6 months" or '
            '"alive at 6 months".'
        )
    try:
        days = Duration.read(duration).days
    except ValueError as problem:
        raise StudyError(f"the outcome {outcome!r} cannot be read: {problem}.") from None
    if days >= observed:
        raise StudyError(f"the outcome {outcome!r} lies beyond the {observed:g} days that patients are followed.")

    def free(plan: Plan, seen: PotentialOutcomes) -> tuple[np.ndarray, np.ndarray]:
        event = np.minimum(seen.progression, seen.death) if words == "progression-free" else seen.death
        return event > days, (event <= days) | (seen.drop_out > days)

    return free


def _response(plan: Plan, seen: PotentialOutcomes) -> tuple[np.ndarray, np.ndarray]:
    """CR or PR as the best response; who was never scanned again is no responder, unless the simulation stopped."""
    from opsonin.trial.responding import responded

    return responded(plan, seen, plan.end).responder, ~seen.failed


def takes_scans(outcome: str) -> bool:
    """Whether only scans can tell who has the outcome."""
    return not outcome.startswith("alive at ")


def benefit(base: PotentialOutcomes, now: PotentialOutcomes) -> Float[np.ndarray, " patient"]:
    """How much smaller the tumour came to be with the change: the difference of the logarithms of its best size.

    True sizes of the scans after baseline, not read ones; 0 where there was no scan to tell. Where nobody is scanned,
    how much longer they live, as the difference of the logarithms of the days, of ten years at most.
    """
    if not base.true_mm.shape[1]:
        return np.log(np.clip(now.death, 1.0, 3650.0)) - np.log(np.clip(base.death, 1.0, 3650.0))

    def best(made: PotentialOutcomes) -> np.ndarray:
        later = made.true_mm[:, :, 1:]  # than baseline, which is the best of every tumour that only grows
        size = np.where(np.isnan(later), 0.0, later).sum(axis=1)
        seen = ~np.isnan(later).all(axis=1)
        # a tenth of a millimetre stands for none, so that a logarithm can be had
        return np.log(np.where(seen, np.maximum(size, 0.1), np.inf).min(axis=1, initial=np.inf))

    one, other = best(base), best(now)
    told = np.isfinite(one) & np.isfinite(other)
    return np.where(told, one, 0.0) - np.where(told, other, 0.0)
