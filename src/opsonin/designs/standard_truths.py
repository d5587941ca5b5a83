"""Standard scenarios to compare designs under: the dose sought at each place in turn, and the two extremes."""

from __future__ import annotations

from typing import Any

import numpy as np

from opsonin.designs.truth import Scenario

STEEP = 0.9  # on the logit scale, from one level to the next (assumed)
MOST, STEP = 0.5, 0.15  # of response: the highest rate, and how much less it is a level below (assumed)
FEW = 0.05  # of response, where nothing works (assumed)
MILD = (0.40, 0.35, 0.25)  # grades 0, 1 and 2 of patients without a DLT (assumed)
SEVERE = (0.75, 0.25)  # grades 3 and 4 of those with one (assumed)


def standard_scenarios(
    levels: int, target: float, window_days: float = 28.0, *, graded: bool = False
) -> dict[str, Scenario]:
    """The target at each level in turn, all levels too toxic, and all far below the target.

    DLT rates rise by the same step on the logit scale (assumed).   graded: with grades of toxicity (assumed).
    """

    def scene(place: float) -> Scenario:
        return _scenario(_rates(np.arange(levels) - place, target), window_days, graded)

    made = {f"level {k + 1} is right": scene(k) for k in range(levels)}
    return made | {"all levels too toxic": scene(-1.5), "all levels safe": scene(levels + 1.0)}


def response_scenarios(
    levels: int, limit: float, window_days: float = 28.0, efficacy_window_days: float = 56.0, *, graded: bool = False
) -> dict[str, Scenario]:
    """Each level in turn the lowest with the highest response rate, while the DLT rate is at the limit one level above;
    all levels too toxic though patients respond; and all safe, while hardly anybody responds.

    Response rates rise by the same step up to there and no further, and an immune effect with them, from 1 (all
    assumed).
    """

    def scene(place: float, response: np.ndarray) -> Scenario:
        more: dict[str, Any] = {"efficacy": response, "efficacy_window_days": efficacy_window_days}
        more |= {"immune": 1.0 + 4.0 * response, "immune_sd": 0.5}
        return _scenario(_rates(np.arange(levels) - place, limit), window_days, graded, **more)

    def rising(best: int) -> np.ndarray:
        return np.maximum(MOST - STEP * np.maximum(best - np.arange(levels), 0), FEW)

    made = {f"level {k + 1} is best": scene(k + 1.0, rising(k)) for k in range(levels)}
    made["all levels too toxic"] = scene(-1.5, rising(0))
    return made | {"no level works": scene(levels + 1.0, np.full(levels, FEW))}


def grid_scenarios(rows: int, columns: int, target: float, window_days: float = 28.0) -> dict[str, Scenario]:
    """Truths for two drugs: the target on each diagonal between the lowest and the highest cell, either drug the more
    toxic one, all cells too toxic, and all far below the target.

    On the logit scale both drugs raise DLT rates by the same step from level to level, or one by one and a half and the
    other by half of it (assumed).
    """
    row, column = (axis.ravel() for axis in np.indices((rows, columns)))
    highest = rows + columns - 2

    def scene(height: np.ndarray, place: float) -> Scenario:
        return _scenario(_rates(height - place, target), window_days, columns=columns)

    even = (row + column).astype(float)
    made = {f"diagonal {k + 1} is right": scene(even, k) for k in range(1, highest)}
    for words, height in (("first", 1.5 * row + 0.5 * column), ("second", 0.5 * row + 1.5 * column)):
        made[f"the {words} agent more toxic"] = scene(height, float(np.sort(height)[len(height) // 2]))
    return made | {"all cells too toxic": scene(even, -1.5), "all cells safe": scene(even, highest + 2.0)}


def _rates(steps: np.ndarray, target: float) -> np.ndarray:
    """DLT rates so many steps above the target."""
    return 1 / (1 + np.exp(-(np.log(target / (1 - target)) + STEEP * steps)))


def _scenario(dlt: np.ndarray, window_days: float, graded: bool = False, **more: Any) -> Scenario:
    if graded:
        rates = dlt[:, None]
        more["grades"] = np.concatenate([(1 - rates) * MILD, rates * SEVERE, np.zeros_like(rates)], axis=1)
    return Scenario(dlt, window_days=window_days, **more)
