"""Markers, covariates and outcomes of a screen as arrays; whatever cannot be read is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from opsonin.errors import AnalysisError


def marker_table(
    markers: Any, names: list[str] | None, n: int
) -> tuple[Float[np.ndarray, "marker patient"], list[str]]:
    """Markers as rows, NaN where missing, and their names.

    Raises: AnalysisError where shapes disagree, two names are the same, or naming a marker that is text or infinite.
    """
    if isinstance(markers, pd.Series):
        markers = markers.to_frame()
    if isinstance(markers, pd.DataFrame):
        names = names or [str(c) for c in markers.columns]
        for label, kind in zip(names, markers.dtypes, strict=False):
            if not pd.api.types.is_numeric_dtype(kind):
                raise AnalysisError(f"the marker {label!r} is no number ({kind}); leave it out, or code it as numbers.")
        values = markers.to_numpy(dtype=float, na_value=np.nan)
    else:
        try:
            values = np.asarray(markers, dtype=float)
        except (TypeError, ValueError) as problem:
            raise AnalysisError(f"the markers of a screen are numbers, one column a marker ({problem}).") from None
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or values.shape[0] != n or not values.shape[1]:
        raise AnalysisError(f"markers have one row per patient: {n} patients, but markers of shape {values.shape}.")
    labels = [str(name) for name in names] if names is not None else [f"x{i + 1}" for i in range(values.shape[1])]
    if len(labels) != values.shape[1]:
        raise AnalysisError(f"there are {values.shape[1]} markers but {len(labels)} names.")
    if len(set(labels)) < len(labels):
        twice = next(name for k, name in enumerate(labels) if name in labels[:k])
        raise AnalysisError(f"two markers are called {twice!r}; give each its own name.")
    if np.isinf(values).any():
        row, column = (int(i[0]) for i in np.nonzero(np.isinf(values)))
        raise AnalysisError(f"the marker {labels[column]!r} is infinite in row {row + 1}; leave it missing.")
    return np.ascontiguousarray(values.T), labels


def covariates(adjust: Any, n: int) -> Float[np.ndarray, "covariate patient"]:
    """The covariates to adjust for, as rows; words become one row a category but the first.

    Raises: AnalysisError where shapes disagree, or naming one that misses values.
    """
    if adjust is None:
        return np.empty((0, n))
    table = adjust if isinstance(adjust, pd.DataFrame) else pd.DataFrame(np.asarray(adjust))
    if len(table) != n:
        raise AnalysisError(f"there are {n} patients but {len(table)} rows of covariates.")
    rows = []
    for name in table.columns:
        column = table[name]
        if column.isna().any():
            where = int(np.flatnonzero(column.isna())[0])
            raise AnalysisError(
                f"the covariate {name!r} misses {int(column.isna().sum())} values, first in row {where + 1}; leave "
                "those rows out, or do not adjust for it."
            )
        if pd.api.types.is_numeric_dtype(column):
            rows.append(column.to_numpy(dtype=float))
        else:
            text = column.astype(str)
            rows += [(text == word).to_numpy(dtype=float) for word in sorted(set(text))[1:]]
    out = np.array(rows, dtype=float).reshape(len(rows), n)
    if not np.isfinite(out).all():
        raise AnalysisError("a covariate to adjust for is infinite; leave those rows out.")
    return out


def dummies(stratum: Int[np.ndarray, " patient"]) -> Float[np.ndarray, "stratum patient"]:
    """One row a stratum but the first, 1 for its members."""
    return (np.unique(stratum)[1:, None] == stratum[None, :]).astype(float)


def outcome_numbers(values: Any, what: str, flags: bool) -> Float[np.ndarray, " patient"]:
    """An outcome as numbers.   flags: only 0 and 1 will do.

    Raises: AnalysisError naming the first row that cannot be used.
    """
    try:
        y = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as problem:
        raise AnalysisError(f"the {what} of a screen is a number for each patient ({problem}).") from None
    if y.ndim != 1 or y.size < 2:
        raise AnalysisError(f"the {what} of a screen has one number a patient; an array of shape {y.shape} was given.")
    wrong = ~np.isfinite(y) if not flags else ~np.isin(y, (0.0, 1.0))
    if wrong.any():
        where = int(np.flatnonzero(wrong)[0])
        wanted = "1 (responder) or 0" if flags else "a finite number, or leave the row out"
        raise AnalysisError(f"the {what} of row {where + 1} is {y[where]:g}; give {wanted}.")
    return y
