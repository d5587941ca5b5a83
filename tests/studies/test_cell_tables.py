"""The figures that the page on cells tells in words, on small pools."""

from __future__ import annotations

import re

import numpy as np
import pytest

from opsonin.biology import full_core
from opsonin.model import Model
from opsonin.studies.cell_tables import AGENTS, CRS, besides, cells, pools
from opsonin.therapies import load_agent

INDICATIONS = ("b-all", "tnbc", "prostate", "prostate-minimal")


@pytest.fixture(scope="module")
def every():
    model = Model([*full_core(), *(load_agent(agent) for agent in AGENTS)])
    return pools(model, *INDICATIONS, patients=40)


@pytest.mark.slow  # the model of all cells is compiled the first time
def test_hazards_sum_up_to_events_and_the_peak_is_the_highest_count(every):
    children = every["b-all"]
    made = children.under(*children.lymphodepletion(), cells("car-t", 100))
    summed = made.hazard(CRS)
    assert summed[:, 0] == pytest.approx(0)
    assert (np.diff(summed, axis=1) > -1e-6).all()
    assert 0 < made.event(CRS) == pytest.approx(1 - np.exp(-summed[:, -1]).mean())
    assert (made.peak("car") >= made.blood("car")[:, -1]).all()
    assert children.under().blood("car").max() < 1e-3  # none without an infusion


@pytest.mark.slow
def test_figures_in_words_are_numbers_and_the_ways_add_up(every):
    rows = dict(line.strip("| ").split(" | ") for line in besides(every, patients=30).splitlines()[2:])
    percent = {name: [float(x) for x in re.findall(r"(-?[\d.]+)%", told)] for name, told in rows.items()}
    ways = [found[0] for name, found in percent.items() if name.startswith("– of that")]
    assert len(ways) == 3
    assert sum(ways) == pytest.approx(100, abs=2)  # each is rounded
    once, thrice = (next(percent[n][0] for n in rows if f"monocytes {how}" in n) for how in ("once", "three times"))
    assert 0 <= once <= 100
    assert thrice > 0
    lower = [found for name, found in percent.items() if name.startswith("sipuleucel-T")]
    assert len(lower) == 2
    assert all(-1 < x < 5 for found in lower for x in found)
    days, apart, between = (float(told) for name, told in rows.items() if not percent[name])
    assert 5 < days < 20
    assert apart > 1
    assert between > apart
