"""Tables in the record's form: empty ones, casting to the schema, and checking against it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from opsonin.errors import RecordError
from opsonin.record.schema import DTYPES, TABLES, Column, Kind, Table, near, table

SHOWN = 5  # how many rows a message names


def empty_table(name: str) -> pd.DataFrame:
    """The table of this name with its columns and kinds and no row."""
    return pd.DataFrame({column.name: pd.Series(dtype=column.dtype) for column in table(name).columns})


def conform(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows in the schema's kinds and column order, numbered from 0; columns that may be missing are added.

    Further columns are kept in `subjects` alone (baseline covariates), after the schema's. The input is not changed.
    Raises: RecordError, naming table, column and row, for a column that is missing or unknown and a value of another
    kind. Keys, accepted words and limits are `validate`'s.
    """
    return pd.DataFrame(shaped(name, frame, cast, blank))


def shaped(
    name: str,
    frame: pd.DataFrame,
    make: Callable[[str, str, Kind, pd.Series], pd.Series],
    fill: Callable[[Kind, int], pd.Series],
) -> dict[str, pd.Series]:
    """The columns of `conform`, each made by `make(table, column, kind, values)`, missing ones by `fill(kind, rows)`.

    Raises: RecordError, as `conform` says.
    """
    schema = table(name)
    extra = [str(column) for column in frame.columns if column not in schema.names]
    if extra and (not schema.open or "trial" in extra):
        raise RecordError(
            f"{name}: unknown column {extra[0]!r}{near(extra[0], schema.names)}; "
            f"its columns are {', '.join(schema.names)}."
        )
    missing = [c.name for c in schema.columns if not c.optional and c.name not in frame.columns]
    if missing and len(frame):
        raise RecordError(f"{name}: column {missing[0]!r} is missing; it is needed in every row.")
    columns = {
        column.name: make(name, column.name, column.kind, frame[column.name])
        if column.name in frame.columns
        else fill(column.kind, len(frame))
        for column in schema.columns
    }
    columns |= {one: make(name, one, kind_of(frame[one]), frame[one]) for one in extra}
    return {key: series.reset_index(drop=True) for key, series in columns.items()}


def validate(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The table itself, checked: nothing needed is missing, words are accepted ones, numbers in range, keys unique.

    Raises: RecordError, naming table, column, rows (counted from 1) and what is accepted.
    """
    schema = table(name)
    if not _sound(schema, frame):  # pandera says what is wrong; it takes long to load, so only where something is
        import pandera.errors

        try:
            _checks(name).validate(frame, lazy=True)
        except pandera.errors.SchemaErrors as problem:
            raise RecordError(_broken(schema, frame, problem.failure_cases)) from None
    repeated = duplicates(frame, list(schema.key))
    if repeated:
        raise RecordError(f"{name}: {repeated}; give each row a key ({', '.join(schema.key)}) of its own.")
    return frame


def validate_references(tables: dict[str, pd.DataFrame]) -> None:
    """Checks that every subject of every table stands in `subjects`.

    Raises: RecordError, naming table, row and subject.
    """
    known = pd.Index(tables["subjects"]["subject_id"])
    for name, frame in tables.items():
        if "subject_id" not in frame.columns or name == "subjects":
            continue
        strange = np.flatnonzero(~frame["subject_id"].isin(known).to_numpy())
        if strange.size:
            subject = frame["subject_id"].iloc[strange[0]]
            raise RecordError(
                f"{name}: {_rows(strange)} {'is' if strange.size == 1 else 'are'} about a subject that is not in "
                f"subjects ({subject!r}); add them to subjects."
            )


def duplicates(frame: pd.DataFrame, key: list[str]) -> str:
    """Which rows repeat a key, in words such as "rows 3 and 7 have the same key (…)"; '' where none does."""
    repeated = frame.duplicated(key, keep=False).to_numpy()
    if not repeated.any():
        return ""
    first = np.flatnonzero(repeated)[0]
    values = frame[key].iloc[first]
    same = np.flatnonzero((frame[key] == values).fillna(False).all(axis=1).to_numpy())
    words = ", ".join(f"{column} {said(value)}" for column, value in values.items())
    others = int(repeated.sum()) - same.size
    more = f"; {others} more rows repeat other keys" if others else ""
    return f"{_rows(same)} have the same key ({words}){more}"


def said(value: Any) -> str:
    """A value as a message shows it: text in quotes, numbers without the library that holds them."""
    value = value.item() if hasattr(value, "item") else value
    return f"{value:g}" if isinstance(value, float) else repr(value)


def blank(kind: Kind, length: int) -> pd.Series:
    """A column of missing values."""
    return pd.Series([np.nan if kind == "number" else pd.NA] * length, dtype=DTYPES[kind])


def kind_of(series: pd.Series) -> Kind:
    """The kind a further column has by its dtype; what is neither number nor flag is text."""
    if pd.api.types.is_bool_dtype(series.dtype):
        return "flag"
    if pd.api.types.is_integer_dtype(series.dtype):
        return "integer"
    if pd.api.types.is_float_dtype(series.dtype):
        return "number"
    return "text"


def cast(name: str, column: str, kind: Kind, series: pd.Series) -> pd.Series:
    """A column in the dtype of its kind.

    Raises: RecordError, naming table, column, value and row, where a value is of another kind.
    """
    dtype = DTYPES[kind]
    if series.dtype == dtype and not isinstance(series.dtype, pd.CategoricalDtype):
        return series
    if kind == "text":
        return series.astype("string")
    if kind == "flag":
        return _flags(name, column, series)
    numbers = pd.to_numeric(series.astype(object) if series.dtype == "category" else series, errors="coerce")
    wrong = numbers.isna().to_numpy() & ~series.isna().to_numpy()
    if wrong.any():
        _refuse(name, column, series, wrong, "is not a number")
    values = numbers.to_numpy(dtype=float, na_value=np.nan)
    if kind == "number":
        return pd.Series(values)
    wrong = ~np.isnan(values) & (values != np.round(values))
    if wrong.any():
        _refuse(name, column, series, wrong, "is not a whole number")
    return pd.Series(values).astype("Int64")


def _flags(name: str, column: str, series: pd.Series) -> pd.Series:
    try:
        return series.astype("boolean")
    except (TypeError, ValueError):
        wrong = ~series.isna().to_numpy() & ~series.isin([True, False]).to_numpy()
        _refuse(name, column, series, wrong, "is neither true nor false")
        raise


def _refuse(name: str, column: str, series: pd.Series, wrong: Any, why: str) -> None:
    rows = np.flatnonzero(wrong)
    if rows.size:
        raise RecordError(f"{name}.{column}: {said(series.iloc[rows[0]])} {why} ({_rows(rows)}).")


def _rows(positions: Any) -> str:
    """Positions from 0 as words that count from 1: "row 3", "rows 3 and 7", "rows 1, 2, 3, 4, 5 and 12 more"."""
    numbers = [str(int(position) + 1) for position in positions[:SHOWN]]
    if len(positions) == 1:
        return f"row {numbers[0]}"
    if len(positions) > SHOWN:
        return f"rows {', '.join(numbers)} and {len(positions) - SHOWN} more"
    return f"rows {', '.join(numbers[:-1])} and {numbers[-1]}"


def _sound(schema: Table, frame: pd.DataFrame) -> bool:
    """Whether every column is there, of its kind, and holds what is accepted: all that `_checks` asks."""
    if not schema.open and any(name not in schema.names for name in frame.columns):
        return False
    return all(column.name in frame.columns and _fits(column, frame[column.name]) for column in schema.columns)


def _fits(column: Column, values: Any) -> bool:
    if not isinstance(values, pd.Series) or values.dtype != pd.api.types.pandas_dtype(column.dtype):
        return False  # no series: two columns of one name
    known = values.dropna()
    if not column.optional and len(known) < len(values):
        return False
    if column.choices and not known.isin(column.choices).all():
        return False
    above = column.lower is None or bool((known >= column.lower).all())
    return above and (column.upper is None or bool((known <= column.upper).all()))


@cache
def _checks(name: str) -> Any:
    """The pandera schema of a table."""
    import pandera.pandas as pa

    def checks(column: Column) -> list[Any]:
        found = [pa.Check.isin(column.choices)] if column.choices else []
        if column.lower is not None:
            found.append(pa.Check.ge(column.lower))
        if column.upper is not None:
            found.append(pa.Check.le(column.upper))
        return found

    schema = TABLES[name]
    columns = {
        column.name: pa.Column(pd.api.types.pandas_dtype(column.dtype), checks(column), nullable=column.optional)
        for column in schema.columns
    }
    return pa.DataFrameSchema(columns, strict=not schema.open)


def _broken(schema: Table, frame: pd.DataFrame, failures: pd.DataFrame) -> str:
    """pandera's list of failures as one message about the first column that fails."""
    first = failures.iloc[0]
    name = first["column"] if pd.notna(first["column"]) else first["failure_case"]
    column = schema.column(str(name))
    if column is None or column.name not in frame.columns or pd.isna(first["index"]):
        return f"{schema.name}.{name}: {first['check']} ({first['failure_case']}); call conform first."
    same = failures[(failures["column"] == name) & (failures["check"] == first["check"])]
    rows = _rows(np.sort(frame.index.get_indexer(same["index"])))
    if first["check"] == "not_nullable":
        return f"{schema.name}.{name}: missing in {rows}; every row needs it."
    wrong = f"{schema.name}.{name}: {said(first['failure_case'])} in {rows}"
    if column.choices:
        return f"{wrong} is not accepted; give {', '.join(column.choices)}."
    ends = (("at least", column.lower), ("at most", column.upper))
    limits = [f"{words} {limit:g}" for words, limit in ends if limit is not None]
    return f"{wrong} is out of range; it must be {' and '.join(limits)}."
