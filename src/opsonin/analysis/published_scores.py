"""Scores that others published, computed as they wrote them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.analysis.survival.data import numbers
from opsonin.errors import AnalysisError

LORIS_CANCERS = {
    "Bladder": -0.3323, "Breast": -0.3323, "Colorectal": -0.102, "Endometrial": -0.0079, "Esophageal": 0.55,
    "Gastric": 0.2306, "Head & Neck": 0.0678, "Hepatobiliary": -0.1189, "Melanoma": -0.0086, "Mesothelioma": 0.1255,
    "NSCLC": 0.0008, "Ovarian": -0.052, "Pancreatic": -1.1169, "Renal": 0.5451, "Sarcoma": 0.0542, "SCLC": -0.0033,
}  # fmt: skip


def loris(
    tmb: Any, prior_systemic_therapy: Any, albumin: Any, nlr: Any, age: Any, cancer_type: Any
) -> Float[np.ndarray, " patient"]:
    """LORIS of each patient: the chance of an objective response to a checkpoint inhibitor; NaN where a value misses.

    tmb: mutations per megabase, counted up to 50; prior_systemic_therapy: 1 after chemotherapy or targeted therapy;
    albumin: g/dl; nlr: neutrophils over lymphocytes, up to 25; age: years, up to 85; cancer_type: of `LORIS_CANCERS`.
    Raises: AnalysisError naming a cancer type that the score has no term for.
    Source: Chang et al. (2024), Nat Cancer 5:1158, doi:10.1038/s43018-024-00772-7, the pan-cancer model with six
    features; coefficients as its repository (rootchang/LORIS) writes them.
    """
    cancers = pd.Series(np.asarray(cancer_type, dtype=object))
    unknown = sorted({str(one) for one in cancers.dropna()} - set(LORIS_CANCERS))
    if unknown:
        raise AnalysisError(
            f"LORIS has no term for the cancer type {unknown[0]!r}; it knows {', '.join(LORIS_CANCERS)}. Leave those "
            "patients out."
        )
    value = {
        "TMB": numbers(tmb, "TMB"), "prior systemic therapy": numbers(prior_systemic_therapy, "prior systemic therapy"),
        "albumin": numbers(albumin, "albumin"), "NLR": numbers(nlr, "NLR"), "age": numbers(age, "age"),
    }  # fmt: skip
    for name, column in value.items():
        if column.shape != (len(cancers),):
            raise AnalysisError(f"there are {len(cancers)} cancer types, but {column.size} values of {name}.")
        if (column < 0).any():
            raise AnalysisError(f"the {name} of row {int(np.flatnonzero(column < 0)[0]) + 1} is negative; correct it.")
    prior = value["prior systemic therapy"]
    if (~np.isin(prior[np.isfinite(prior)], (0.0, 1.0))).any():
        raise AnalysisError("prior systemic therapy is 1 (yes) or 0 (no) for each patient.")
    score = (
        0.0371 * np.minimum(value["TMB"], 50.0)
        - 0.8775 * prior
        + 0.5382 * value["albumin"]
        - 0.033 * np.minimum(value["NLR"], 25.0)
        + 0.0049 * np.minimum(value["age"], 85.0)
        + cancers.map(LORIS_CANCERS).to_numpy(dtype=float)
        - 2.0886
    )
    return 1 / (1 + np.exp(-score))
