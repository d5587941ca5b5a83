"""Trials with responses that the tests of efficacy designs share."""

import numpy as np
from hypothesis import strategies as st

from opsonin.designs import Scenario
from opsonin.designs.evidence import Evidence

PLATEAU = Scenario([0.03, 0.06, 0.12, 0.35], efficacy=[0.10, 0.55, 0.56, 0.57])
letters = st.lists(st.sampled_from("NTEB"), min_size=1, max_size=3)
cohorts = st.lists(st.tuples(st.integers(1, 4), letters), min_size=1, max_size=6)


def text(given):
    return " ".join(f"{level}{''.join(people)}" for level, people in given)


def random_counts(trials, doses=4, seed=3):
    rng = np.random.default_rng(seed)
    highest = rng.integers(1, doses + 1, trials)
    patients = np.where(np.arange(doses) < highest[:, None], rng.integers(1, 13, (trials, doses)), 0)
    dlt, efficacy = rng.binomial(patients, 0.25), rng.binomial(patients, 0.4)
    both = np.maximum(rng.binomial(np.minimum(dlt, efficacy), 0.5), dlt + efficacy - patients)
    current = np.minimum(rng.integers(1, doses + 1, trials), highest)
    return Evidence(patients, dlt, current, efficacy=efficacy, both=both)
