"""The figures of the page on antibodies and targeted drugs: how an outcome is read, and that small pools give them."""

from __future__ import annotations

import re

import numpy as np
import pytest

from opsonin.studies.drug_tables import KILLS, REGIMENS, SCANS, events, killers, outcome
from opsonin.units import DAYS_PER_MONTH


def courses(*firsts: list[float]) -> np.ndarray:
    """Diameters in mm that stay as the last given."""
    return np.array([[20 * row[min(k, len(row) - 1)] for k in range(len(SCANS))] for row in firsts])


def test_response_and_progression_are_read_from_diameters():
    shrunk = [1.0, 0.6, 0.6, 0.6, 0.8]  # 30 % smaller on the second scan, 20 % larger than that on the fifth
    grown = [1.0, 1.3, 0.5]  # progressed before it shrank
    response, months = outcome(courses(shrunk, grown, grown))
    assert response == pytest.approx(1 / 3)
    assert months == pytest.approx(SCANS[1] / DAYS_PER_MONTH)
    assert outcome(courses(shrunk))[1] == pytest.approx(SCANS[4] / DAYS_PER_MONTH)


def test_who_never_progresses_has_no_time():
    response, months = outcome(courses([1.0, 0.9], [1.0, 0.2]))
    assert response == 0.5
    assert np.isinf(months)


@pytest.mark.slow  # two models of the full core are compiled the first time
def test_tables_hold_a_figure_for_every_regimen_and_killer():
    shares = [float(x) for x in re.findall(r"\| (\d+)% \|", events(40, 1))]
    assert len(shares) == len(REGIMENS)
    assert all(0 < share < 100 for share in shares)
    assert shares[3] > max(shares[:3])  # both antibodies do more harm than either
    rows = killers(40, 1).splitlines()[2:]
    assert len(rows) == len(KILLS)
    macrophages, t_cells = ([float(x) for x in row.strip("| ").split(" | ")[1:]] for row in rows)
    assert max(macrophages) < max(t_cells)
