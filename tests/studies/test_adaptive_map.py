"""Schedules that hold a targeted drug: what is given follows from the tumour, and competition decides who gains."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from opsonin.studies.adaptive_map import Followed, adaptive, every_day, follow, patients

CYCLES = 14


@cache
def both(capacity: float, cost: float = 0.05) -> tuple[Followed, Followed]:
    """Every day, and adaptive."""
    chosen = patients(40, slowing_volume=capacity, erlotinib_resistance_cost=cost)
    daily, held = (follow(chosen, rule, CYCLES) for rule in (every_day, adaptive))
    return daily, held


def test_the_drug_is_held_and_given_again_by_what_is_left():
    living = np.array([0.4, 0.6, 0.6, 0.8])
    given = np.array([True, True, False, False])
    assert adaptive(living, given).tolist() == [False, True, False, True]
    assert every_day(living, given).tolist() == given.tolist()


def test_medians_are_of_first_crossings_and_may_never_come():
    seen = Followed(np.array([[1.0, 0.5, 0.61], [1.0, 0.9, 0.8], [1.0, 1.1, 1.3]]), np.zeros((3, 3)), np.ones(2))
    assert seen.recist == pytest.approx(2 * 28 / 30.4375)
    assert seen.baseline == np.inf


@pytest.mark.slow
def test_holding_spares_drug_and_selects_less():
    daily, held = both(1000.0)
    assert daily.given.mean() == 1.0
    assert held.given.mean() < 0.9
    assert held.resistant[:, -1].mean() < daily.resistant[:, -1].mean() - 0.1


@pytest.mark.slow
def test_near_their_capacity_tumours_are_held_longer_relative_to_daily_treatment():
    """Strobl 2021, Cancer Res 81:1135: competition is what an adaptive schedule lives on."""
    near, far = both(30.0), both(1000.0)

    def free(one: Followed) -> float:
        """The share without progression by RECIST at the end."""
        worse = one.diameter >= 1.2 * np.minimum.accumulate(one.diameter, axis=1)
        return 1 - worse.any(axis=1).mean()

    assert free(near[1]) - free(near[0]) > free(far[1]) - free(far[0])
