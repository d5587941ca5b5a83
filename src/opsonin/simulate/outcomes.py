"""Outcomes: one number a patient, made of trajectories.

    "imatinib: AUC from 8 to 9"       area under the curve, in the observable's unit × day
    "imatinib: max", "imatinib: min", "imatinib: mean", "imatinib: last", "imatinib: at 9", "imatinib: time of max"
    "imatinib: time above 1000"       days for which it is above 1000 of its unit; also "below"
    "fatigue: risk of grade 3"        the probability of an event until the end: 1 − exp(−share · cumulative hazard)

A name is an observable, a state, or for a risk a hazard. Days are elapsed days: 0.0 is the start of day 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from opsonin.errors import ModelError, SimulationError
from opsonin.simulate.trajectories import Trajectories

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
GRAMMAR = re.compile(
    rf"(?P<statistic>AUC|max|min|mean|last|at|time of max|time above|time below|risk of grade|risk)"
    rf"(?:\s+(?P<level>{NUMBER}))?(?:\s+from\s+(?P<begin>{NUMBER})\s+to\s+(?P<end>{NUMBER}))?"
)
WITH_LEVEL = ("at", "time above", "time below", "risk of grade")
WITH_WINDOW = ("AUC", "max", "min", "mean", "time of max", "time above", "time below")


SMOOTH = ("AUC", "max", "min", "mean", "last", "at")
WITHIN = 96  # steps that a window is covered with at least


@dataclass(frozen=True)
class Outcome:
    """A named number for each patient: value(trajectories, constants) -> (patient,).

    moments: days that must be among the trajectories' times, a window closely covered.
    reads: the state or observable it is made of.   of_course: the same value from (times, its course (patient, time)).
    slope: from (times, its course, the course's derivatives (patient, time, parameter)) the outcome's derivatives
    (patient, parameter). None where there is no such thing.
    """

    name: str
    value: Callable[[Trajectories, np.ndarray], np.ndarray]
    moments: tuple[float, ...] = ()
    reads: str = ""
    of_course: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    slope: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray] | None = None


def outcome(model: Any, text: str) -> Outcome:
    """An outcome from its words, as above.

    Raises: SimulationError for words it cannot read, ModelError for names the model does not have.
    """
    name, colon, rest = text.rpartition(":")
    match = GRAMMAR.fullmatch(rest.strip())
    if not colon or match is None:
        raise SimulationError(
            f"the outcome {text!r} cannot be read; write a name and a statistic, such as 'imatinib: AUC', "
            "'NK: at 14', 'NK: max from 9 to 14', 'imatinib: time above 1000', 'fatigue: risk of grade 3'. "
            "Statistics: AUC, max, min, mean, last, at, time of max, time above, time below, risk."
        )
    name, statistic = name.strip(), match["statistic"]
    level = None if match["level"] is None else float(match["level"])
    window = None if match["begin"] is None else (float(match["begin"]), float(match["end"]))
    if (level is not None) != (statistic in WITH_LEVEL):
        wanted = "needs a number behind it" if level is None else "takes no number"
        raise SimulationError(f"the outcome {text!r}: {statistic!r} {wanted}.")
    if window is not None and (statistic not in WITH_WINDOW or window[0] >= window[1]):
        raise SimulationError(
            f"the outcome {text!r}: {statistic!r} "
            + ("ends before it begins." if statistic in WITH_WINDOW else "is of one moment and takes no 'from … to …'.")
        )
    if statistic.startswith("risk"):
        return _risk(model, text, name, level)
    moments: tuple[float, ...] = (level,) if statistic == "at" and level is not None else ()
    if window is not None:
        moments = tuple(np.linspace(*window, WITHIN + 1).tolist())
    index = _reader(model, name)

    def of_course(times: np.ndarray, course: np.ndarray) -> np.ndarray:
        return _statistic(statistic, level, window, times, course)

    def value(made: Trajectories, constants: np.ndarray) -> np.ndarray:
        return of_course(made.times, index(made, constants))

    def slope(times: np.ndarray, course: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        return _slope(statistic, level, window, times, course, slopes)

    return Outcome(text, value, moments, name, of_course, slope if statistic in SMOOTH else None)


def _reader(model: Any, name: str) -> Callable[[Trajectories, np.ndarray], np.ndarray]:
    """What reads a state's or an observable's course, (patient, time)."""
    from opsonin.model.trace import unknown

    if name in model.symbolic.observables:
        return lambda made, constants: model.observe([name], made.states, constants, made.times)[:, :, 0]
    if name in model.symbolic.states:
        return lambda made, constants: made.state(name)
    known = dict.fromkeys([*model.symbolic.observables, *model.symbolic.states])
    raise ModelError(f"an outcome of {name!r} is asked for, {unknown(name, known)}")


def _risk(model: Any, text: str, name: str, level: float | None) -> Outcome:
    """The probability of an event of a grade (None: of any) before the end."""
    from opsonin.model.trace import unknown

    symbolic = model.symbolic
    if name not in symbolic.hazards:
        raise ModelError(f"the risk of {name!r} is asked for, {unknown(name, dict.fromkeys(symbolic.hazards))}")
    hazard = symbolic.hazard_list[symbolic.hazards.index(name)]
    shares = {grade: share for grade, share in hazard.thresholds if level is None or grade == level}
    if not shares:
        grades = ", ".join(str(grade) for grade, _ in hazard.thresholds if grade is not None) or "none"
        raise ModelError(f"the risk of {name!r} of grade {level:g} is asked for; its grades: {grades}.")
    share = max(shares.values())
    state = f"cumulative {name}"

    def of_course(times: np.ndarray, course: np.ndarray) -> np.ndarray:
        return -np.expm1(-share * course[:, -1])

    def slope(times: np.ndarray, course: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        return share * np.exp(-share * course[:, -1, None]) * slopes[:, -1]

    return Outcome(text, lambda made, _: of_course(made.times, made.state(state)), (), state, of_course, slope)


def _statistic(
    statistic: str,
    level: float | None,
    window: tuple[float, float] | None,
    times: Float[np.ndarray, " time"],
    course: Float[np.ndarray, "patient time"],
) -> Float[np.ndarray, " patient"]:
    if window is not None:
        inside = (times >= window[0]) & (times <= window[1])
        times, course = times[inside], course[:, inside]
    if statistic == "last":
        return course[:, -1]
    if statistic == "at":
        return course[:, int(np.argmin(np.abs(times - level)))]
    if statistic in ("max", "min"):
        return course.max(axis=1) if statistic == "max" else course.min(axis=1)
    if statistic == "time of max":
        return np.where(np.isnan(course).any(axis=1), np.nan, times[np.argmax(course, axis=1)])
    if len(times) < 2:
        raise SimulationError(f"{statistic} needs at least two times; give more, or a longer window.")
    steps = np.diff(times)
    if statistic in ("AUC", "mean"):
        area = ((course[:, 1:] + course[:, :-1]) / 2 * steps).sum(axis=1)
        return area if statistic == "AUC" else area / steps.sum()
    above = course - level if statistic == "time above" else level - course
    left, right = above[:, :-1], above[:, 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        crossed = np.where(left > 0, left, right) / np.abs(right - left)  # share of a straight line that is above
    share = np.where((left > 0) & (right > 0), 1.0, np.where((left <= 0) & (right <= 0), 0.0, crossed))
    return np.where(np.isnan(above).any(axis=1), np.nan, (share * steps).sum(axis=1))


def _slope(
    statistic: str,
    level: float | None,
    window: tuple[float, float] | None,
    times: Float[np.ndarray, " time"],
    course: Float[np.ndarray, "patient time"],
    slopes: Float[np.ndarray, "patient time parameter"],
) -> Float[np.ndarray, "patient parameter"]:
    """The derivative of a statistic: its own of the derivatives' course, or theirs where the extreme is."""
    if window is not None:
        inside = (times >= window[0]) & (times <= window[1])
        times, course, slopes = times[inside], course[:, inside], slopes[:, inside]
    if statistic in ("max", "min"):
        return _at_peak(times, course if statistic == "max" else -course, slopes)
    patients, _, parameters = slopes.shape
    rows = slopes.transpose(0, 2, 1).reshape(patients * parameters, len(times))
    return _statistic(statistic, level, None, times, rows).reshape(patients, parameters)


def _at_peak(times: np.ndarray, course: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """The derivatives at the highest point of the parabola through the highest three of a course."""
    rows, at = np.arange(len(course)), course.argmax(axis=1)
    middle = np.clip(at, 1, max(1, len(times) - 2))
    if len(times) < 3:
        return slopes[rows, at]
    around = middle[:, None] + np.array([-1, 0, 1])
    t, c = times[around], course[rows[:, None], around]
    left, right = (c[:, 1] - c[:, 0]) / (t[:, 1] - t[:, 0]), (c[:, 2] - c[:, 1]) / (t[:, 2] - t[:, 1])
    bend = (right - left) / (t[:, 2] - t[:, 0])
    with np.errstate(divide="ignore", invalid="ignore"):
        peak = (t[:, 0] + t[:, 1]) / 2 - left / (2 * bend)
    peak = np.where((at == middle) & (bend < 0), np.clip(peak, t[:, 0], t[:, 2]), times[at])  # at an end: the end
    weights = np.stack(
        [np.prod([(peak - t[:, j]) / (t[:, k] - t[:, j]) for j in range(3) if j != k], axis=0) for k in range(3)],
        axis=1,
    )
    return (slopes[rows[:, None], around] * weights[:, :, None]).sum(axis=1)


def outcomes_of(model: Any, wanted: Sequence[Any]) -> tuple[Outcome, ...]:
    """Outcomes from words, from Outcome objects, or from functions(trajectories, constants)."""
    made = []
    for n, one in enumerate(wanted):
        if isinstance(one, str):
            made.append(outcome(model, one))
        elif isinstance(one, Outcome):
            made.append(one)
        elif callable(one):
            function: Any = one
            made.append(Outcome(getattr(one, "__name__", f"outcome {n + 1}"), function))
        else:
            raise SimulationError(f"{one!r} is no outcome; give words such as 'imatinib: AUC', or a function.")
    if not made:
        raise SimulationError("no outcome is asked for; give at least one, such as 'imatinib: AUC'.")
    return tuple(made)
