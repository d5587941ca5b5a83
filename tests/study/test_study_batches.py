"""Batches of a cell product: written down for every patient, and taken from a table of real ones."""

import numpy as np
import pandas as pd
import pytest

from opsonin.errors import StudyError
from opsonin.study import Study

STUDY = """
title = "Two doses of monocytes that overexpress p21"

[population]
indication = "t-all-mouse"
pool = 40
{products}

[[treatment]]
agent = "p21-monocytes"
arm = "p21"
dose = "5 Mcell"
days = "1, 8"
infusion = "1 minute"

[enrolment]
arms = ["untreated", "p21"]
patients = 8

[assessments]
immune = {{ panel = "mouse leukaemia", days = [1, 15] }}

[follow_up]
observe = "16 days"
"""
BATCHES = pd.DataFrame(
    {
        "product": "p21-monocytes",
        "cells": [4e6, 20e6, 9e6],
        "viability_fraction": [0.75, 0.95, 0.5],
        "transduced_fraction": [0.30, 0.80, 0.1],
        "status": ["released", "released", "failed"],
    }
)


def study(folder, products=""):
    path = folder / "batches-study.toml"
    path.write_text(STUDY.format(products=products), encoding="utf-8")
    return Study.load(path)


def run(folder, table=BATCHES):
    table.to_csv(folder / "batches.csv", index=False)
    return study(folder, 'products = "batches.csv"').run(seed=3)


@pytest.mark.slow
def test_each_patient_given_cells_has_a_batch_and_the_batch_is_what_the_model_took(tmp_path):
    made = study(tmp_path).run(seed=3).record
    given = made.exposures.groupby("subject_id")["amount"].sum()
    batches = made.products.set_index("subject_id")
    assert set(batches.index.astype(str)) == set(given.index.astype(str))
    assert np.allclose(batches["cells"], 1e6 * given.loc[batches.index])
    assert batches["viability_fraction"].between(0.5, 1).all()
    assert batches["transduced_fraction"].nunique() == len(batches)
    assert (batches["infused_day"] == 0).all()


@pytest.mark.slow
def test_batches_of_a_table_take_the_place_of_drawn_ones_and_limit_the_dose(tmp_path):
    made = run(tmp_path).record
    batches = made.products.merge(made.exposures.groupby("subject_id", as_index=False)["amount"].max())
    pairs = set(zip(batches["viability_fraction"], batches["transduced_fraction"], strict=True))
    assert pairs == {(0.75, 0.30), (0.95, 0.80)}  # the one that failed is given to nobody
    few = (batches["viability_fraction"] == 0.75).to_numpy(dtype=bool)
    assert (batches["amount"][few] == 2.0).all()  # 4 million cells for two doses
    assert (batches["amount"][~few] == 5.0).all()  # as planned: the batch has 20 million
    assert (batches["cells"][few] == 4e6).all()


@pytest.mark.slow
def test_a_record_gives_its_own_products_back(tmp_path):
    first = run(tmp_path).record
    first.save(tmp_path / "record")
    again = study(tmp_path, 'products = "record"').run(seed=4).record
    assert set(again.products["viability_fraction"]) <= set(first.products["viability_fraction"])


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (BATCHES.assign(product="car-t"), "car-t"),
        (BATCHES.drop(columns="product"), "product"),
        (BATCHES.assign(viability_fraction=75.0), "write 0 to 1"),
        (None, "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, table, words):
    if table is not None:
        table.to_csv(tmp_path / "batches.csv", index=False)
    with pytest.raises(StudyError, match=words):
        study(tmp_path, 'products = "batches.csv"').run(seed=1)
