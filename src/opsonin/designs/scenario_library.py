"""Scenarios from published trials: how DLT rates rose with dose, series by series, as a family of truths."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np

from opsonin.designs.truth import Scenario
from opsonin.errors import DesignError

COLUMNS = ("model", "outcome", "AnalysisSeriesId", "DoseLevel", "EstProbEvent")


def scenario_library(
    path: str | Path, model: str = "Model1", levels: int | None = None, monotone: bool = False
) -> list[Scenario]:
    """The DLT scenarios of a table of dose–toxicity series, one row a dose, in order of their numbers.

    path: a CSV file with the columns model, outcome ("dlt" is read), AnalysisSeriesId, DoseLevel and EstProbEvent, as
    that of Brock et al. (2019), doi:10.25500/edata.bham.00000337.
    model: which estimates.   levels: only series of so many doses.   monotone: only series that never fall.
    Raises: DesignError for a file without these columns, a rate outside [0, 1], or where nothing is left.
    """
    series: dict[int, list[tuple[float, float]]] = defaultdict(list)
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            absent = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if absent:
                raise DesignError(f"{path} has no column {', '.join(absent)}; scenarios need {', '.join(COLUMNS)}.")
            for number, row in enumerate(reader, start=2):
                if row["model"] != model or row["outcome"] != "dlt":
                    continue
                try:
                    key, dose, rate = (row[column] for column in COLUMNS[2:])
                    point = float(dose), float(rate)
                    known = series[int(key)]
                except (TypeError, ValueError):
                    raise DesignError(f"{path}, line {number}: {row} is not a number, a dose and a rate.") from None
                if not 0 <= point[1] <= 1:
                    raise DesignError(f"{path}, line {number}: the rate {point[1]:g} lies outside [0, 1].")
                known.append(point)
    except OSError as error:
        raise DesignError(f"{path} cannot be read: {error.strerror}.") from None
    made = []
    for key in sorted(series):
        rates = np.array([rate for _, rate in sorted(series[key])])
        if levels is None or len(rates) == levels:
            scenario = Scenario(rates, name=f"series {key}", falling=True)
            if scenario.monotone or not monotone:
                made.append(scenario)
    if not made:
        raise DesignError(f"{path} holds no DLT series of the model {model!r} with what was asked for.")
    return made
