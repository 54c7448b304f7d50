"""A history as a table of pandas, polars or Arrow, which are imported here and nowhere else."""

from __future__ import annotations

from array import array
from importlib import import_module
from typing import TYPE_CHECKING, Any

from nikdev_iot.model.errors import ConfigError
from nikdev_iot.model.values import Kind, Value

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from .series import History, Series

__all__ = ["time_column", "to_arrow", "to_pandas", "to_polars"]


def to_pandas(history: History) -> pd.DataFrame:
    """See `History.to_pandas`."""
    pandas = _library("pandas", "pandas")
    times = pandas.Series(memoryview(history.row_times_us), dtype="int64").astype("datetime64[us]")
    index = pandas.DatetimeIndex(times, name=time_column(history)).tz_localize("UTC")
    row_count = len(history.row_times_us)
    columns = {}
    for field_id, exact in history.items():
        series = exact.for_tables()
        kind = series.kind
        dense = series.rows is None
        if kind is Kind.FLOAT:
            dtype = "float64"
        elif kind is Kind.INT:
            dtype = "int64" if dense else "Int64"
        elif kind is Kind.BOOL:
            dtype = "bool" if dense else "boolean"
        else:
            dtype = "str" if kind is Kind.TEXT else "object"
        if dense and isinstance(series.data, array) and kind is not Kind.BOOL:
            columns[field_id] = pandas.Series(memoryview(series.data), dtype=dtype).array
        else:
            columns[field_id] = pandas.array(_full(series, row_count), dtype=dtype)
    return pandas.DataFrame(columns, index=index)


def to_polars(history: History) -> pl.DataFrame:
    """See `History.to_polars`."""
    polars = _library("polars", "polars")
    row_count = len(history.row_times_us)
    columns = [
        polars.Series(time_column(history), history.row_times_us, dtype=polars.Int64).cast(polars.Datetime("us", "UTC"))
    ]
    for field_id, exact in history.items():
        series = exact.for_tables()
        dtype = _polars_type(polars, series)
        columns.append(polars.Series(field_id, _full(series, row_count), dtype=dtype))
    table: pl.DataFrame = polars.DataFrame(columns)
    return table


def _polars_type(polars: Any, series: Series) -> Any:
    if not len(series):
        return polars.Null
    return {
        Kind.FLOAT: polars.Float64,
        Kind.INT: polars.Int64,
        Kind.BOOL: polars.Boolean,
        Kind.TEXT: polars.String,
        None: polars.Object,
    }[series.kind]


def to_arrow(history: History) -> pa.Table:
    """See `History.to_arrow`."""
    pyarrow = _library("pyarrow", "arrow")
    row_count = len(history.row_times_us)
    types = _arrow_types(pyarrow)
    times = pyarrow.array(history.row_times_us, type=pyarrow.int64()).cast(pyarrow.timestamp("us", tz="UTC"))
    columns = {time_column(history): times}
    for field_id, exact in history.items():
        series = exact.for_tables()
        kind = series.kind
        full = _full(series, row_count)
        if kind is not None:
            columns[field_id] = pyarrow.array(full, type=types[kind])
        elif not len(series):
            columns[field_id] = pyarrow.nulls(row_count)
        else:
            columns[field_id] = _union(pyarrow, types, full)
    return pyarrow.table(columns)


def _arrow_types(pyarrow: Any) -> dict[Kind, Any]:
    return {
        Kind.FLOAT: pyarrow.float64(),
        Kind.INT: pyarrow.int64(),
        Kind.BOOL: pyarrow.bool_(),
        Kind.TEXT: pyarrow.string(),
    }


def _union(pyarrow: Any, types: dict[Kind, Any], full: list[Value | None]) -> Any:
    """Return values of several kinds, each as it is; a child for each kind, and one for those that are missing."""
    from nikdev_iot.model.values import kind_of

    children: dict[Kind | None, list[Value | None]] = {}
    offsets = array("i")
    keys: list[Kind | None] = []
    for value in full:
        key = None if value is None else kind_of(value)
        child = children.setdefault(key, [])
        offsets.append(len(child))
        child.append(value)
        keys.append(key)
    numbers = {key: number for number, key in enumerate(children)}
    return pyarrow.UnionArray.from_dense(
        pyarrow.array([numbers[key] for key in keys], type=pyarrow.int8()),
        pyarrow.array(offsets, type=pyarrow.int32()),
        [
            pyarrow.nulls(len(child)) if key is None else pyarrow.array(child, type=types[key])
            for key, child in children.items()
        ],
        ["missing" if key is None else key.name.lower() for key in children],
    )


def _full(series: Series, row_count: int) -> Any:
    """Return one value per row of the history, None where the field has none."""
    rows = series.rows
    if rows is None and isinstance(series.data, array) and series.kind is not Kind.BOOL:
        return series.data
    values = [value for _, value in series]
    if rows is None:
        return values
    full: list[Value | None] = [None] * row_count
    for row, value in zip(rows, values, strict=True):
        full[row] = value
    return full


def time_column(history: History) -> str:
    """Return the name of the time column: `time`, or one that no field has."""
    name = "time"
    while name in history:
        name = "_" + name
    return name


def _library(name: str, extra: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"{name} is not installed ({error}).", hint=f"Install it with: pip install 'nikdev-iot[{extra}]'"
        ) from None
