"""Calibration in few evaluations, where each is a set of virtual trials.

Gauss–Newton steps, damped where they fail (Levenberg 1944, Q Appl Math 2:164), with slopes from one difference for each
knob at the start that are mended by what every step shows (Broyden 1965, Math Comput 19:577). The same patients are
simulated for all values (common random numbers).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import FitError
from opsonin.fit import Target, misfit
from opsonin.fit.knobs import Knobs

DIFFERENCE = 0.4  # of the first slopes, on the search's scale: wide enough to see past the grain of shares in a pool
LONGEST_STEP = 1.0
DAMPING, HARDER, EASIER = 0.3, 4.0, 0.5


@dataclass(frozen=True)
class Fit:
    """What few steps found.   summaries, misfit: at the values; the misfit in standard errors.   se: of each value, on
    the scale of the search, from the slopes and the prior."""

    names: tuple[str, ...]
    values: Float[np.ndarray, " knob"]
    targets: tuple[Target, ...]
    summaries: Float[np.ndarray, " target"]
    misfit: Float[np.ndarray, " target"]
    se: Float[np.ndarray, " knob"]
    evaluations: int

    def text(self) -> str:
        """Values, and figures aimed at and reached, in lines."""
        lines = [f"{name} = {v:.4g} (se {e:.2g})" for name, v, e in zip(self.names, self.values, self.se, strict=True)]
        for t, s, z in zip(self.targets, self.summaries, self.misfit, strict=True):
            lines.append(f"{t.name}: aimed at {t.value:.4g}, reached {s:.4g} ({z:+.2g} standard errors)")
        return "\n".join(lines)


def few_steps(
    summaries: Callable[[np.ndarray], Any],
    targets: Sequence[Target],
    start: Sequence[float],
    lower: Sequence[float],
    upper: Sequence[float],
    *,
    names: Sequence[str],
    prior_sd: float,
    steps: int = 6,
    say: Callable[[str], None] = lambda text: None,
) -> Fit:
    """Values between bounds whose summaries meet the targets as well as a prior around the start allows.

    prior_sd: standard deviation around the start on the scale of the search.   steps: evaluations after the slopes.
    say: told each evaluation in a line.
    Raises: FitError where the bounds do not hold the start, or summaries at the start are no numbers.
    """
    knobs, first = Knobs.made(start, lower, upper, names)
    seen: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def residuals(at: np.ndarray) -> np.ndarray:
        found = np.asarray(summaries(knobs.values(at)), dtype=float)
        z = np.clip(misfit(targets, found), -20.0, 20.0)
        whole = np.concatenate([z, (at - first) / prior_sd])
        seen.append((at, found, whole))
        say(f"{np.array2string(knobs.values(at), precision=4)}: {np.array2string(found, precision=3)}")
        return whole

    here = residuals(first)
    if not np.isfinite(here).all():
        raise FitError("a summary is not a number at the start; begin where every summary can be had.")
    slopes = np.column_stack([(residuals(first + DIFFERENCE * e) - here) / DIFFERENCE for e in np.eye(first.size)])
    at, damping = first, DAMPING
    for _ in range(steps):
        information = slopes.T @ slopes
        move = -np.linalg.solve(information + damping * np.diag(np.diag(information)), slopes.T @ here)
        move *= min(1.0, LONGEST_STEP / max(float(np.linalg.norm(move)), 1e-12))
        if np.linalg.norm(move) < 0.02:
            break
        there = residuals(at + move)
        slopes = slopes + np.outer(there - here - slopes @ move, move) / float(move @ move)
        if there @ there < here @ here:
            at, here, damping = at + move, there, damping * EASIER
        else:
            damping *= HARDER
    best, found, _ = min(seen, key=lambda one: float(one[2] @ one[2]))
    information = slopes.T @ slopes
    se = np.sqrt(np.diag(np.linalg.inv(information)))
    told = tuple(targets)
    return Fit(knobs.names, knobs.values(best), told, found, misfit(told, found), se, len(seen))
