"""Calibration: parameters whose simulated summaries meet published figures, by a search that needs no derivative.

The caller's function must give the same summaries for the same parameters (common random numbers: one seed, one pool),
so that two parameters differ by what they do and not by luck. What the figures leave open is told from the slopes of
the summaries at the end.
Source: Nelder & Mead (1965), Comput J 7:308, with the dimension-dependent steps of Gao & Han (2012), Comput Optim Appl
51:259; common random numbers: Glasserman & Yao (1992), Manage Sci 38:884.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import FitError
from opsonin.fit.knobs import Knobs
from opsonin.fit.targets import Target, misfit

Summaries = Callable[[np.ndarray], Any]
FAR = 1e6  # the misfit, in standard errors, of summaries that are no numbers


@dataclass(frozen=True)
class Calibration:
    """What a calibration found.

    values: of the parameters, in their own unit.   summaries, misfit: at these; the misfit in standard errors.
    objective: the sum of its squares, and of the prior's.   se: standard error of each parameter that the targets (and
    the prior) leave, as a share of its value where it was searched by factor, else in its unit; infinite where nothing
    informs it.   loosest: the direction of parameters that the targets inform least, of length 1.
    at_bound: names of parameters that ended at a bound.   history: a row each time the best improved: evaluations so
    far, objective, then the values.
    """

    names: tuple[str, ...]
    values: Float[np.ndarray, " knob"]
    targets: tuple[Target, ...]
    summaries: Float[np.ndarray, " target"]
    misfit: Float[np.ndarray, " target"]
    objective: float
    se: Float[np.ndarray, " knob"]
    loosest: Float[np.ndarray, " knob"]
    at_bound: list[str]
    evaluations: int
    converged: bool
    history: Float[np.ndarray, "step column"] = field(repr=False)

    def text(self) -> str:
        """Parameters with their standard errors, and figures aimed at and reached, in lines."""
        lines = [f"{name} = {v:.4g} (se {e:.2g})" for name, v, e in zip(self.names, self.values, self.se, strict=True)]
        for t, s, z in zip(self.targets, self.summaries, self.misfit, strict=True):
            lines.append(f"{t.name}: aimed at {t.value:.4g}, reached {s:.4g} ({z:+.2g} standard errors)")
        lines += [f"{name} ended at its bound" for name in self.at_bound]
        return "\n".join(lines)


def calibrate(
    summaries: Summaries,
    targets: Sequence[Target],
    start: Any,
    lower: Any,
    upper: Any,
    *,
    names: Sequence[str] | None = None,
    prior_sd: float | None = None,
    evaluations: int = 400,
    restarts: int = 2,
    tolerance: float = 1e-3,
    difference: float = 0.1,
) -> Calibration:
    """Parameters between bounds for which the summaries meet the targets.

    summaries: from parameter values (knob,) to as many numbers as targets, the same numbers when asked again.
    prior_sd: None, or how far a parameter may plausibly lie from its start: a standard deviation on the scale of the
    search (about that share of the range's logit); it keeps what nothing informs where it was. evaluations: most calls
    of `summaries` while searching. restarts: fresh simplices at the best so far, since one may collapse. tolerance: of
    the objective, and of the free parameters. difference: the step of the slopes, on the search's scale, wide enough to
    see past the grain of shares in a small pool.
    Raises: FitError where bounds do not hold the start, or the summaries change when asked again or are no numbers at
    the start.
    """
    from scipy.optimize import minimize

    knobs, free = Knobs.made(start, lower, upper, names)
    loss = _Loss(summaries, tuple(targets), knobs, free, prior_sd)
    loss.check_repeats()
    spent, converged = loss.calls, False
    for again in range(restarts + 1):
        left = evaluations - (loss.calls - spent)
        if left <= free.size + 1:
            break
        size = 0.5 if again == 0 else 0.25
        simplex = np.vstack([loss.best, loss.best + size * np.eye(free.size)])
        before = loss.least
        options = {"maxfev": left, "xatol": tolerance, "fatol": tolerance, "adaptive": True, "initial_simplex": simplex}
        found = minimize(loss, loss.best, method="Nelder-Mead", options=options)
        converged = bool(found.success)
        if again and before - loss.least <= tolerance * (1 + abs(loss.least)):
            break
    at = loss.best
    reached = loss.summaries_at(at)
    jacobian = _slopes(loss, at, difference)
    se, loosest = _left_open(jacobian, knobs, at, prior_sd)
    return Calibration(
        knobs.names, knobs.values(at), loss.targets, reached, misfit(loss.targets, reached), loss.least, se, loosest,
        knobs.stuck(at), loss.calls, converged, np.array(loss.history),
    )  # fmt: skip


class _Loss:
    """The objective, which remembers the best it has seen."""

    def __init__(
        self,
        summaries: Summaries,
        targets: tuple[Target, ...],
        knobs: Knobs,
        free: np.ndarray,
        prior_sd: float | None,
    ):
        if prior_sd is not None and not prior_sd > 0:
            raise FitError(f"the prior's standard deviation is a number above 0, not {prior_sd:g}.")
        if not targets:
            raise FitError("a calibration needs at least one target.")
        self.summaries, self.targets, self.knobs, self.start, self.prior_sd = summaries, targets, knobs, free, prior_sd
        self.best, self.least, self.calls = free, float("inf"), 0
        self.history: list[list[float]] = []

    def __call__(self, free: np.ndarray) -> float:
        z = misfit(self.targets, self.summaries_at(free))
        z = np.where(np.isfinite(z), np.clip(z, -FAR, FAR), FAR)
        value = float((z**2).sum())
        if self.prior_sd is not None:
            value += float((((free - self.start) / self.prior_sd) ** 2).sum())
        if value < self.least:
            self.best, self.least = np.array(free), value
            self.history.append([self.calls, value, *self.knobs.values(free)])
        return value

    def summaries_at(self, free: np.ndarray) -> np.ndarray:
        self.calls += 1
        return as_numbers(self.summaries(self.knobs.values(free)), len(self.targets))

    def check_repeats(self) -> None:
        """Raises: FitError where the start gives other summaries when asked again, or none."""
        first = self.summaries_at(self.start)
        if not np.isfinite(first).all():
            name = self.targets[int(np.flatnonzero(~np.isfinite(first))[0])].name
            raise FitError(f"{name!r} is not a number at the start; begin where every summary can be had.")
        if not np.array_equal(first, self.summaries_at(self.start)):
            raise FitError(
                "the summaries differ between two calls with the same parameters; draw their random numbers under one "
                "fixed seed, or use `approximate`, which asks for a seed."
            )
        self(self.start)


def as_numbers(found: Any, count: int) -> np.ndarray:
    """Summaries as an array of floats.

    Raises: FitError where there are not as many as targets.
    """
    s = np.atleast_1d(np.asarray(found, dtype=float))
    if s.shape != (count,):
        raise FitError(f"there are {count} targets but the summaries have shape {s.shape}.")
    return s


def _slopes(loss: _Loss, at: np.ndarray, step: float) -> np.ndarray:
    """Change of each misfit by each free parameter, (target, knob), by central differences."""
    columns = []
    for k in range(at.size):
        move = step * np.eye(at.size)[k]
        high, low = (misfit(loss.targets, loss.summaries_at(at + sign * move)) for sign in (1, -1))
        columns.append((high - low) / (2 * step))
    return np.nan_to_num(np.column_stack(columns), nan=0.0, posinf=0.0, neginf=0.0)


def _left_open(
    jacobian: np.ndarray, knobs: Knobs, at: np.ndarray, prior_sd: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Standard errors from the information of the targets (and the prior), and the least informed direction."""
    information = jacobian.T @ jacobian
    if prior_sd is not None:
        information = information + np.eye(at.size) / prior_sd**2
    size, direction = np.linalg.eigh(information)
    known = size > 1e-9 * max(float(size.max()), 1e-300)
    variance = (direction[:, known] ** 2 / size[known]).sum(axis=1)
    open_ = (np.abs(direction[:, ~known]) > 1e-3).any(axis=1) if not known.all() else np.zeros(at.size, dtype=bool)
    # from free numbers to shares of the value, or to its unit
    change = (knobs.values(at + 1e-4) - knobs.values(at - 1e-4)) / 2e-4
    change = np.where(knobs.by_factor, change / knobs.values(at), change)
    se = np.where(open_, np.inf, np.sqrt(variance) * np.abs(change))
    loosest = direction[:, 0] * np.sign(direction[int(np.abs(direction[:, 0]).argmax()), 0])
    return se, loosest
