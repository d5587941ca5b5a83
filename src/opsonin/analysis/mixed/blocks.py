"""The data of a mixed model, patient by patient: checked, brought to a common scale, and summed up.

Everything the likelihood needs of a patient are the cross-products of their rows, so that one evaluation costs the
same for three rows a patient as for three hundred.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from opsonin.errors import AnalysisError

INTERCEPT = "(Intercept)"
ALIKE = 1e-10  # of a column's length: what is left of it by the others, below which they give it already


@dataclass(frozen=True)
class Blocks:
    """Rows sorted by subject.   x: fixed effects;  z: random effects (a column of ones, then a slope's column).

    start: the first row of each subject and the end of the last.   Columns of x and z and the outcome are divided by
    `x_scale`, `z_scale` and `y_scale`, so that no unit (cells per µl or per litre) can spoil the search.
    """

    y: Float[np.ndarray, " row"]
    x: Float[np.ndarray, "row fixed"]
    z: Float[np.ndarray, "row random"]
    start: Int[np.ndarray, " edge"]
    y_scale: float
    x_scale: Float[np.ndarray, " fixed"]
    z_scale: Float[np.ndarray, " random"]
    fixed_names: list[str]
    random_names: list[str]
    subjects: list[str]
    rows: Int[np.ndarray, " row"]  # where each row stood in what was given
    given: int

    @property
    def left_out(self) -> int:
        """Rows given that missed a value."""
        return self.given - self.n

    @property
    def n(self) -> int:
        """Rows used."""
        return self.y.size

    def summed(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """The cross-products of two sets of columns, one matrix a subject."""
        return np.add.reduceat(one[:, :, None] * other[:, None, :], self.start[:-1], axis=0)

    def groups(self, labels: Any) -> tuple[list[str], np.ndarray]:
        """The labels of the given rows that are used, in order, and the number of each row's label.

        Raises: AnalysisError for another number of labels, or one with a single row.
        """
        words = pd.Series(np.asarray(labels, dtype=object)).astype(str).to_numpy(dtype=object)
        if words.size != self.given:
            raise AnalysisError(f"there are {self.given} outcomes but {words.size} labels of their variances.")
        code, names = pd.factorize(words[self.rows], sort=True)
        alone = np.flatnonzero(np.bincount(code) < 2)
        if alone.size:
            raise AnalysisError(f"the variance of {names[alone[0]]!r} cannot be known from one row; leave it out.")
        return [str(name) for name in names], code

    def by_size(self) -> list[np.ndarray]:
        """Row numbers of the subjects, those with as many rows as each other together: arrays (subject, row)."""
        sizes = np.diff(self.start)
        return [
            self.start[:-1][sizes == size][:, None] + np.arange(size)[None, :] for size in np.unique(sizes).tolist()
        ]


def blocks(outcome: Any, fixed: Any, subject: Any, slope: Any, intercept: bool, repeated: bool = True) -> Blocks:
    """The rows without a missing value, checked, sorted by subject and scaled.

    Raises: AnalysisError naming what cannot be used: lengths, words instead of numbers, a constant outcome, a
    redundant column, too few rows or subjects.   repeated: whether someone must have two rows.
    """
    y = _numbers(outcome, "the outcome")
    if y.ndim != 1:
        raise AnalysisError(f"the outcome of a mixed model is one number a row; its shape is {y.shape}.")
    x, names = _columns(fixed, y.size, "x")
    if intercept:
        x, names = np.column_stack([np.ones(y.size), x]), [INTERCEPT, *names]
    if not names:
        raise AnalysisError("a mixed model needs an intercept or at least one fixed effect.")
    z, random_names = np.ones((y.size, 1)), [INTERCEPT]
    if slope is not None:
        extra, slope_names = _columns(slope, y.size, "slope")
        if len(slope_names) != 1:
            raise AnalysisError(f"random slopes are of one column; {len(slope_names)} were given.")
        z, random_names = np.column_stack([z, extra]), [INTERCEPT, *slope_names]
    who = pd.Series(np.asarray(subject, dtype=object).reshape(-1))
    if who.size != y.size:
        raise AnalysisError(f"there are {y.size} outcomes but {who.size} subjects; give one a row.")
    if who.isna().any():
        raise AnalysisError(f"row {int(np.flatnonzero(who.isna())[0]) + 1} names no subject; leave such rows out.")
    kept = np.isfinite(y) & np.isfinite(x).all(axis=1) & np.isfinite(z).all(axis=1)
    code, labels = pd.factorize(who[kept].astype(str))
    order = np.argsort(code, kind="stable")
    y, x, z, code = y[kept][order], x[kept][order], z[kept][order], code[order]
    start = np.append(np.flatnonzero(np.diff(code, prepend=-1)), code.size)
    _refuse_too_few(y, code, z.shape[1], names, repeated)
    y_scale = float(y.std())
    if y_scale <= 1e-13 * float(np.abs(y).max()):
        raise AnalysisError(f"the outcome is {y[0]:g} in every row; there is no variation to be explained.")
    x_scale, z_scale = _lengths(x), _lengths(z)
    _refuse_redundant(x / x_scale, names)
    if z.shape[1] == 2 and np.linalg.matrix_rank(z / z_scale, tol=1e-8) < 2:
        raise AnalysisError(f"the random slope {random_names[1]!r} is the same in every row; use slope=None.")
    return Blocks(
        y / y_scale,
        x / x_scale,
        z / z_scale,
        start,
        y_scale,
        x_scale,
        z_scale,
        names,
        random_names,
        [str(label) for label in labels],
        np.flatnonzero(kept)[order],
        kept.size,
    )


def _columns(values: Any, n: int, name: str) -> tuple[np.ndarray, list[str]]:
    if values is None:
        return np.empty((n, 0)), []
    if isinstance(values, pd.DataFrame):
        names = [str(c) for c in values.columns]
    else:
        names = [str(values.name)] if isinstance(values, pd.Series) and values.name is not None else []
    if isinstance(values, pd.DataFrame):
        parts = [_numbers(values.iloc[:, k], f"the column {label!r}") for k, label in enumerate(names)]
        x = np.column_stack(parts) if parts else np.empty((len(values), 0))
    else:
        x = _numbers(values, f"the column {names[0]!r}" if names else f"the columns of {name}")
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or x.shape[0] != n:
        raise AnalysisError(f"fixed and random effects have one row an outcome: {n} outcomes, but shape {x.shape}.")
    return x, names or ([name] if x.shape[1] == 1 else [f"{name}{k + 1}" for k in range(x.shape[1])])


def _numbers(values: Any, what: str) -> np.ndarray:
    try:
        series = values.to_numpy(dtype=float, na_value=np.nan) if hasattr(values, "to_numpy") else values
        return np.asarray(series, dtype=float)
    except (TypeError, ValueError) as problem:
        raise AnalysisError(
            f"{what} of a mixed model must be numbers ({problem}); code groups as columns of 0 and 1."
        ) from None


def _lengths(columns: np.ndarray) -> np.ndarray:
    """The root mean square of each column; 1 where it is 0."""
    length = np.abs(columns).max(axis=0, initial=0.0)
    safe = np.where(length > 0, length, 1.0)
    return np.where(length > 0, safe * np.sqrt(((columns / safe) ** 2).mean(axis=0)), 1.0)


def _refuse_too_few(y: np.ndarray, code: np.ndarray, random: int, names: list[str], repeated: bool) -> None:
    subjects = int(code.max()) + 1 if code.size else 0
    if subjects < 2:
        raise AnalysisError(f"the model needs at least two subjects with complete rows; there are {subjects}.")
    if y.size <= len(names):
        raise AnalysisError(
            f"{y.size} complete rows are too few for {len(names)} fixed effects; take fewer, or gather more rows."
        )
    if repeated and np.bincount(code).max() < 2:
        raise AnalysisError(
            "no subject has two complete rows, so that differences between and within subjects cannot be told apart; "
            "use linear_model."
        )
    if y.size <= subjects * random and random > 1:
        raise AnalysisError(
            f"{y.size} rows of {subjects} subjects cannot give each an intercept and a slope; use slope=None."
        )


def _refuse_redundant(x: np.ndarray, names: list[str]) -> None:
    """Name the first column that those before it give already."""
    basis: list[np.ndarray] = []
    for column, name in zip(x.T, names, strict=True):
        rest = column.copy()
        for _ in range(2):  # once is not enough for nearly parallel columns
            for direction in basis:
                rest = rest - (direction @ rest) * direction
        length = float(np.linalg.norm(rest))
        if length <= ALIKE * max(float(np.linalg.norm(column)), 1e-300):
            raise AnalysisError(f"the fixed effect {name!r} says nothing that the others do not; leave it out.")
        basis.append(rest / length)
