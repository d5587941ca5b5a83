"""Bundled virtual cohorts: made-up patients with a known truth, to show a retrospective analysis from end to end.

`gist-cohort` has the structure that Rusakiewicz (2013), Cancer Res 73:3499, found in localised gastrointestinal stromal
tumours: the densities of CD3+ T cells and of NKp46+ NK cells go with progression-free survival independently of one
another, and each adds to the Miettinen score and to the KIT mutation. Only that structure is published knowledge here:
every number is assumed, and no patient of that study, nor any other, is in it. The risk classes follow the rule of
Miettinen & Lasota (2006), Semin Diagn Pathol 23:70, for the stomach and the small intestine.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.errors import RecordError
from opsonin.random import exponential, normal, uniform
from opsonin.record.manifest import Manifest
from opsonin.record.schema import near
from opsonin.record.trial_record import TrialRecord
from opsonin.units import DAYS_PER_MONTH

GIST = "gist-cohort"
RISKS = ("none", "very low", "low", "moderate", "high")
KIT = ("exon 11", "exon 9", "wild type")
PATIENTS, SEED = 60, 14  # a seed with which both markers show: about seven in ten cohorts of this size do

# All assumed. Hazard ratios: per doubling of a density, per step of the risk class, against exon 11.
CD3_MEDIAN, CD3_SPREAD, CD3_RATIO = 250.0, 1.0, 0.62  # cells/mm², SD of the natural logarithm
NKP46_MEDIAN, NKP46_SPREAD, NKP46_RATIO = 12.0, 1.1, 0.66
STEP_RATIO = 2.0
KIT_SHARES, KIT_RATIOS = (0.70, 0.12, 0.18), (1.0, 2.2, 1.4)
SIZE_MEDIAN_CM, SIZE_SPREAD = 7.0, 0.6
MITOSES_MEDIAN, MITOSES_SPREAD = 5.0, 1.0
STOMACH = 0.6  # the others in the small intestine
MEDIAN_MONTHS = 110.0  # PFS of a patient of moderate risk, exon 11 and median densities, without treatment afterwards
FOLLOWED_MONTHS = (36.0, 132.0)
NOT_STAINED, NOT_SEQUENCED = 0.07, 0.05


def virtual_cohorts() -> list[str]:
    """The names of the bundled virtual cohorts."""
    return [GIST]


def virtual_cohort(name: str, patients: int = PATIENTS, seed: int = SEED) -> TrialRecord:
    """A bundled virtual cohort as a record of kind "virtual"; the same number of patients and seed give the same one.

    Raises: RecordError, with the names there are.
    """
    if name != GIST:
        known = virtual_cohorts()
        raise RecordError(f"there is no virtual cohort {name!r}{near(name, known)}; there are {', '.join(known)}.")
    if patients < 1:
        raise RecordError(f"a cohort has patients; {patients} were asked for.")
    return _gist(patients, seed)


def miettinen_risk(
    size_cm: Float[np.ndarray, " patient"], mitoses_per_50_hpf: Float[np.ndarray, " patient"], stomach: np.ndarray
) -> np.ndarray:
    """The risk class of progression after removal of a localised tumour, as text.

    stomach: True for the stomach, False for the small intestine.
    Source: Miettinen & Lasota (2006), Semin Diagn Pathol 23:70, as in the PDQ of the National Cancer Institute.
    """
    size = np.digitize(size_cm, (2.0, 5.0, 10.0), right=True)  # ≤ 2, ≤ 5, ≤ 10, above
    many = (np.asarray(mitoses_per_50_hpf) > 5).astype(int)
    rule = np.array([[[0, 2, 3, 4], [4, 4, 4, 4]], [[0, 1, 2, 3], [0, 3, 4, 4]]])  # site, mitoses, size → class
    return np.array(RISKS, dtype=object)[rule[np.asarray(stomach).astype(int), many, size]]


def _gist(patients: int, seed: int) -> TrialRecord:
    who = np.arange(patients)
    size = SIZE_MEDIAN_CM * np.exp(SIZE_SPREAD * _normal(seed, "size", who))
    mitoses = np.floor(MITOSES_MEDIAN * np.exp(MITOSES_SPREAD * _normal(seed, "mitoses", who)))
    stomach = _uniform(seed, "site", who) < STOMACH
    risk = miettinen_risk(size, mitoses, stomach)
    kit = np.digitize(_uniform(seed, "kit", who), np.cumsum(KIT_SHARES)[:-1])
    cd3 = CD3_MEDIAN * np.exp(CD3_SPREAD * _normal(seed, "cd3", who))
    nkp46 = NKP46_MEDIAN * np.exp(NKP46_SPREAD * _normal(seed, "nkp46", who))
    step = np.array([RISKS.index(r) for r in risk]) - RISKS.index("moderate")
    log_hazard = (
        np.log2(cd3 / CD3_MEDIAN) * np.log(CD3_RATIO)
        + np.log2(nkp46 / NKP46_MEDIAN) * np.log(NKP46_RATIO)
        + step * np.log(STEP_RATIO)
        + np.log(KIT_RATIOS)[kit]
    )
    rate = np.log(2) / (MEDIAN_MONTHS * DAYS_PER_MONTH) * np.exp(log_hazard)
    progressed = exponential(seed, f"{GIST} progression", who)[:, 0] / rate
    low, high = FOLLOWED_MONTHS
    followed = (low + (high - low) * _uniform(seed, "follow-up", who)) * DAYS_PER_MONTH
    names = np.array([f"G{k + 1:02d}" for k in who], dtype=object)
    sequenced = _uniform(seed, "sequenced", who) >= NOT_SEQUENCED
    subjects = pd.DataFrame(
        {
            "subject_id": names,
            "indication": "localised gastrointestinal stromal tumour",
            "age_years": np.clip(np.round(60 + 12 * _normal(seed, "age", who)), 25, 88),
            "sex": np.where(_uniform(seed, "sex", who) < 0.5, "F", "M"),
            "tumour_site": np.where(stomach, "stomach", "small intestine"),
            "tumour_size_cm": np.round(size, 1),
            "mitoses_per_50_hpf": mitoses,
            "miettinen": risk,
            "kit": pd.Series(np.array(KIT, dtype=object)[kit]).where(sequenced),
        }
    )
    survival = pd.DataFrame(
        {
            "subject_id": names,
            "endpoint": "PFS",
            "day": np.ceil(np.minimum(progressed, followed)),
            "event": progressed <= followed,
            "origin_day": 0.0,
        }
    )
    stained = _uniform(seed, "stained", who) >= NOT_STAINED
    measurements = pd.concat(
        [_densities("CD3", names, cd3, 0), _densities("NKp46", names[stained], nkp46[stained], 1)], ignore_index=True
    )
    return TrialRecord({"subjects": subjects, "survival": survival, "measurements": measurements}, _manifest(seed))


def _densities(marker: str, names: np.ndarray, value: np.ndarray, digits: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "subject_id": names,
            "marker": marker,
            "compartment": "tumour",
            "day": 0.0,
            "value": np.round(value, digits),
            "unit": "cells/mm²",
            "method": "made up",
            "below_limit": False,
            "baseline": True,
        }
    )


def _manifest(seed: int) -> Manifest:
    said = [
        ("All patients are made up; only the structure follows the published study.", []),
        (
            f"Assumed hazard ratios: {CD3_RATIO:g} per doubling of CD3+, {NKP46_RATIO:g} per doubling of NKp46+, "
            f"{STEP_RATIO:g} per class of Miettinen risk, {KIT_RATIOS[1]:g} (exon 9) and {KIT_RATIOS[2]:g} (wild type) "
            "against KIT exon 11.",
            ["CD3", "NKp46", "miettinen", "kit"],
        ),
        (
            f"Assumed: CD3+ and NKp46+ densities are independent, with medians of {CD3_MEDIAN:g} and {NKP46_MEDIAN:g} "
            "cells/mm².",
            ["CD3", "NKp46"],
        ),
        (
            f"Assumed: hazards are constant in time; the median PFS at moderate risk is {MEDIAN_MONTHS:g} months; "
            f"follow-up lasts {FOLLOWED_MONTHS[0]:g} to {FOLLOWED_MONTHS[1]:g} months; stains and sequences that are "
            "missing are missing at random.",
            ["PFS"],
        ),
    ]
    return Manifest(
        kind="virtual",
        title="A virtual cohort of localised GIST (gist-cohort)",
        source="Made up; structure after Rusakiewicz 2013, Cancer Res 73:3499, doi:10.1158/0008-5472.CAN-13-0371",
        seed=seed,
        assumptions=[{"sentence": sentence, "parameters": names} for sentence, names in said],
        questions={"cohort": {"outcome": "PFS", "markers": ["CD3", "NKp46"], "adjust": ["miettinen", "kit"]}},
        notes=["Virtual cohort: no patient, tissue or result of a real study is in it."],
    )


def _normal(seed: int, what: str, who: np.ndarray) -> np.ndarray:
    return normal(seed, f"{GIST} {what}", who)[:, 0]


def _uniform(seed: int, what: str, who: np.ndarray) -> np.ndarray:
    return uniform(seed, f"{GIST} {what}", who)[:, 0]
