"""The record's products: the batch of every patient who was given one, with what the model takes it to be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opsonin.trial.columns import Rows
from opsonin.trial.enrol import Enrolment
from opsonin.trial.plan import Plan
from opsonin.units import factor

FIGURES = ("viability_fraction", "transduced_fraction")


def products(plan: Plan, enrolment: Enrolment, given: pd.DataFrame, pool: Any) -> pd.DataFrame:
    """One batch for each patient and agent that is made for them: cells infused in all, viability, transduced share.

    given: the record's `exposures` of the same trials.
    """
    rows = Rows(enrolment)
    place = {key: row for row, key in enumerate(zip(enrolment.trial.tolist(), enrolment.slot.tolist(), strict=True))}
    for number, batches in enumerate(plan.products):
        doses = given[
            (given["agent"] == batches.agent).to_numpy(dtype=bool) & (given["amount"] > 0).to_numpy(dtype=bool)
        ]
        if not len(doses):
            continue
        each = _infused(plan, batches.agent, doses)
        row = np.array([place[key] for key in each.index], dtype=np.int64)
        constants = pool.patients.constants[enrolment.patient[row]]
        figures = {column: constants[:, at] for column, at in batches.figures}
        rows.add(
            row,
            batch_id=number,
            product=number,
            infused_day=each["first"].to_numpy(dtype=float),
            cells=each["cells"].to_numpy(dtype=float),
            **{column: figures.get(column, np.full(len(row), np.nan)) for column in FIGURES},
            status=0,
        )
    agents = [batches.agent for batches in plan.products]
    return rows.table({"batch_id": [f"{agent} 1" for agent in agents], "product": agents, "status": ["released"]})


def _infused(plan: Plan, agent: str, doses: pd.DataFrame) -> pd.DataFrame:
    """By trial and number of the patient within it: the first day, and the cells of all doses."""
    unit, times = next((t.unit, t.times_per_day) for t in plan.protocol.treatments if t.agent == agent)
    days = np.floor((doses["end_day"] - doses["start_day"]).to_numpy(dtype=float) + 1e-9) + 1
    slot = doses["subject_id"].astype(str).str.extract(r"(\d+)$")[0].astype(int) - 1
    frame = pd.DataFrame(
        {
            "trial": doses["trial"].to_numpy(),
            "slot": slot.to_numpy(),
            "first": doses["start_day"].to_numpy(dtype=float),
            "cells": doses["amount"].to_numpy(dtype=float) * days * times * factor(unit, "cell"),
        }
    )
    each = frame.groupby(["trial", "slot"], sort=True)
    return pd.DataFrame({"first": each["first"].min(), "cells": each["cells"].sum()})
