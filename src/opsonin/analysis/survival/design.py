"""Covariates as a matrix with names, standardised for the fit; and words for those that no model can estimate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from opsonin.analysis.survival.data import checked, strata_codes
from opsonin.analysis.survival.likelihood import PartialLikelihood
from opsonin.errors import AnalysisError

TIES = ("efron", "breslow", "exact")


@dataclass(frozen=True, eq=False)
class CoxData:
    """The data of a Cox model, checked. centre, scale: mean and SD of each covariate, by which fits standardise."""

    time: Float[np.ndarray, " n"]
    event: Bool[np.ndarray, " n"]
    x: Float[np.ndarray, "n covariate"]
    names: list[str]
    entry: Float[np.ndarray, " n"] | None
    strata: Int[np.ndarray, " n"]
    strata_labels: list[str]
    centre: Float[np.ndarray, " covariate"]
    scale: Float[np.ndarray, " covariate"]
    ties: str

    @property
    def scaled(self) -> np.ndarray:
        """Covariates of mean 0 and SD 1."""
        return (self.x - self.centre) / self.scale

    def likelihood(self) -> PartialLikelihood:
        """On the scaled covariates; exact ties are summed as Breslow's, which is all that curves and residuals need."""
        return PartialLikelihood(self.time, self.event, self.scaled, self.strata, self.entry, self.ties)


def cox_data(
    time: Any, event: Any, covariates: Any, names: list[str] | None, strata: Any, entry: Any, ties: str
) -> CoxData:
    """Check everything that a Cox model is given.

    Raises: AnalysisError for missing values, no events, an unknown way with ties, or a constant covariate.
    """
    t, d, start = checked(time, event, entry)
    if not t.size:
        raise AnalysisError("a Cox model needs patients; there is no row.")
    x, labels = design(covariates, names, t.size)
    if not d.any():
        raise AnalysisError("a Cox model needs at least one event; all times are censored.")
    if ties not in TIES:
        raise AnalysisError(f"ties {ties!r} is unknown; use 'efron', 'breslow' or 'exact'.")
    centre, scale = standards(x, labels)
    codes = strata_codes(strata, t.size)
    found = [] if strata is None else np.unique(np.asarray(strata).astype(str)).tolist()
    return CoxData(t, d, x, labels, start, codes, found, centre, scale, ties)


def design(covariates: Any, names: list[str] | None, n: int) -> tuple[np.ndarray, list[str]]:
    """Numbers (n, k) and their names: a DataFrame's columns, or x1, x2, …

    Raises: AnalysisError where shapes disagree, or naming a covariate that is text or misses values.
    """
    if isinstance(covariates, pd.Series) and covariates.name is not None:
        names = names or [str(covariates.name)]
    if isinstance(covariates, pd.DataFrame):
        names = names or [str(c) for c in covariates.columns]
        for label, column in zip(names, covariates, strict=False):
            _numbers(covariates[column], label)
    x = _numbers(covariates, "covariates")
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or x.shape[0] != n or x.shape[1] == 0:
        raise AnalysisError(f"covariates have one row per time: {n} times, but covariates of shape {x.shape}.")
    labels = [str(name) for name in names] if names is not None else [f"x{i + 1}" for i in range(x.shape[1])]
    if len(labels) != x.shape[1]:
        raise AnalysisError(f"there are {x.shape[1]} covariates but {len(labels)} names.")
    twice = [label for k, label in enumerate(labels) if label in labels[:k]]
    if twice:
        raise AnalysisError(f"two covariates are called {twice[0]!r}; give each its own name.")
    for column, label in zip(x.T, labels, strict=True):
        if not np.isfinite(column).all():
            missing = int((~np.isfinite(column)).sum())
            raise AnalysisError(
                f"the covariate {label!r} misses {missing} values (or has infinite ones); leave those rows out."
            )
    return x, labels


def new_rows(newdata: Any, names: list[str]) -> np.ndarray:
    """Covariates of patients to predict for, (row, k): a DataFrame or mapping by name, or numbers in the fit's order.

    Raises: AnalysisError naming a covariate that is missing.
    """
    if isinstance(newdata, dict):
        scalars = all(np.ndim(v) == 0 for v in newdata.values())
        newdata = pd.DataFrame([newdata]) if scalars else pd.DataFrame(newdata)
    if isinstance(newdata, pd.Series):
        newdata = newdata.to_frame().T
    if isinstance(newdata, pd.DataFrame):
        absent = [name for name in names if name not in newdata]
        if absent:
            raise AnalysisError(f"the new data lack the covariate {absent[0]!r}; the model needs {', '.join(names)}.")
        newdata = newdata[names]
    x = _numbers(newdata, "new data")
    x = np.atleast_2d(x) if x.ndim < 2 else x
    x = x.T if x.shape[1] != len(names) and len(names) == 1 else x
    if x.ndim != 2 or x.shape[1] != len(names):
        raise AnalysisError(f"the new data have shape {x.shape}; give one column for each of {', '.join(names)}.")
    if not np.isfinite(x).all():
        row, column = (int(i[0]) for i in np.nonzero(~np.isfinite(x)))
        raise AnalysisError(f"row {row + 1} of the new data misses {names[column]!r}.")
    return x


def standards(x: np.ndarray, labels: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD of each column.

    Raises: AnalysisError naming a covariate that is the same for everyone.
    """
    largest = np.maximum(np.abs(x).max(axis=0), 1e-300)  # first: squares of huge numbers overflow, of tiny ones vanish
    centre, scale = (x / largest).mean(axis=0), (x / largest).std(axis=0)
    flat = scale <= 1e-12 * np.maximum(np.abs(centre), 1e-300)
    if flat.any():
        raise AnalysisError(
            f"the covariate {labels[int(np.flatnonzero(flat)[0])]!r} is the same for everyone; leave it out."
        )
    return centre * largest, scale * largest


def refuse_redundant(information: np.ndarray, labels: list[str]) -> None:
    """Name a covariate that the others give already, or that never differs between patients at risk together."""
    tolerance = 1e-9 * max(1.0, float(np.trace(information)))
    for k, label in enumerate(labels):
        if information[k, k] <= tolerance:
            raise AnalysisError(
                f"the covariate {label!r} is the same for all who were at risk together at an event (of one stratum); "
                "leave it out, or the stratification."
            )
        if np.linalg.matrix_rank(information[: k + 1, : k + 1], tol=tolerance, hermitian=True) < k + 1:
            raise AnalysisError(f"the covariate {label!r} says nothing that the others do not; leave it out.")


def _numbers(values: Any, label: str) -> np.ndarray:
    if np.asarray(values).dtype.kind in "mM":
        raise AnalysisError(f"{label!r} is a date; give the days since one origin instead.")
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError) as problem:
        what = f"the covariate {label!r} holds" if label not in ("covariates", "new data") else f"the {label} hold"
        raise AnalysisError(f"{what} what is not a number ({problem}); code categories as 0 and 1.") from problem
