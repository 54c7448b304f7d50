from __future__ import annotations

import sys
from array import array
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from nikdev_iot.client.frames import time_column
from nikdev_iot.client.series import History, HistoryBuilder
from nikdev_iot.model.errors import ConfigError
from nikdev_iot.model.values import Value
from nikdev_iot.wire.columns import columns_from_rows
from nikdev_iot.wire.page import Page

BIG = 2**53 + 1  # a float would not hold it
ROWS: list[tuple[int, dict[str, Value]]] = [
    (1_000_000, {"f": 1.5, "i": BIG, "b": True, "s": "x", "mixed": 1, "sparse i": BIG}),
    (1_000_000, {"f": 2.5, "i": 2, "b": False, "s": "y", "mixed": 1.0, "sparse b": True}),
    (2_000_001, {"f": 3.5, "i": 3, "b": True, "s": "", "mixed": "x", "sparse f": 0.5}),
    (3_000_000, {"f": 4.5, "i": 4, "b": True, "s": "å", "sparse s": "only here"}),
]
FIELDS = ("f", "i", "b", "s", "mixed", "sparse i", "sparse b", "sparse f", "sparse s")
TIMES = [datetime.fromtimestamp(us / 1e6, UTC) for us, _ in ROWS]


def history(rows: list[tuple[int, dict[str, Value]]] = ROWS, field_ids: tuple[str, ...] = ()) -> History:
    builder = HistoryBuilder(field_ids)
    times = array("q", [us for us, _ in rows])
    builder.add(Page(times, columns_from_rows([tuple(row.items()) for _, row in rows])))
    return builder.finish()


def missing(value: object) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and value != value)  # noqa: PLR0124 - NaN


@pytest.fixture(params=["arrays", "lists"])
def made(request: pytest.FixtureRequest) -> History:
    """In the form that came from the server, and after somebody had looked at the values."""
    result = history()
    if request.param == "lists":
        assert all(isinstance(series.values, list) for series in result.values())
    return result


def test_pandas(made: History) -> None:
    frame = made.to_pandas()
    assert list(frame.columns) == list(FIELDS)
    assert frame.index.name == "time"
    assert list(frame.index.to_pydatetime()) == TIMES
    assert str(frame.index.dtype) == "datetime64[us, UTC]"
    kinds = {name: str(dtype) for name, dtype in frame.dtypes.items()}
    assert kinds["f"] == kinds["sparse f"] == "float64"
    assert (kinds["i"], kinds["sparse i"]) == ("int64", "Int64")
    assert (kinds["b"], kinds["sparse b"]) == ("bool", "boolean")
    assert kinds["s"] == kinds["sparse s"] == "str"
    assert kinds["mixed"] == "object"
    for name in FIELDS:
        for found, (_, row) in zip(frame[name].tolist(), ROWS, strict=True):
            assert missing(found) if name not in row else found == row[name]
    assert [type(value) for value in frame["mixed"].tolist()[:3]] == [int, float, str]


def test_polars(made: History) -> None:
    frame = made.to_polars()
    assert frame.columns == ["time", *FIELDS]
    assert frame["time"].to_list() == TIMES
    assert frame.schema["time"] == pl.Datetime("us", "UTC")
    assert [frame.schema[name] for name in ("f", "i", "b", "s", "mixed")] == [
        pl.Float64,
        pl.Int64,
        pl.Boolean,
        pl.String,
        pl.Object,
    ]
    for name in FIELDS:
        assert frame[name].to_list() == [row.get(name) for _, row in ROWS]
    assert [type(value) for value in frame["mixed"].to_list()[:3]] == [int, float, str]


def test_arrow(made: History) -> None:
    table = made.to_arrow()
    assert table.column_names == ["time", *FIELDS]
    assert table["time"].to_pylist() == TIMES
    assert table.schema.field("i").type == pa.int64()
    assert table.schema.field("sparse b").type == pa.bool_()
    for name in FIELDS:
        found = table[name].to_pylist()
        assert found == [row.get(name) for _, row in ROWS]
        assert [type(value) for value in found] == [type(row.get(name)) for _, row in ROWS]
    table.validate(full=True)


INTS_AND_FLOATS: list[tuple[int, dict[str, Value]]] = [
    (1, {"dense": 21, "sparse": -(2**53)}),
    (2, {"dense": 20.5}),
    (3, {"dense": 2**53, "sparse": 0.25}),
]


def test_ints_and_floats_in_one_field_are_a_column_of_floats_that_can_be_saved(tmp_path: Path) -> None:
    made = history(INTS_AND_FLOATS)
    expected = {"dense": [21.0, 20.5, 2.0**53], "sparse": [-(2.0**53), None, 0.25]}

    frame = made.to_pandas()
    assert [str(dtype) for dtype in frame.dtypes] == ["float64", "float64"]
    assert frame["dense"].tolist() == expected["dense"]
    assert frame["sparse"].isna().tolist() == [False, True, False]
    assert frame["sparse"].sum() == 0.25 - 2.0**53

    polars = made.to_polars()
    assert polars["dense"].mean() == pytest.approx((21 + 20.5 + 2**53) / 3)
    polars.write_parquet(tmp_path / "polars.parquet")
    assert pl.read_parquet(tmp_path / "polars.parquet").drop("time").to_dict(as_series=False) == expected

    parquet.write_table(made.to_arrow(), tmp_path / "arrow.parquet")
    read = parquet.read_table(tmp_path / "arrow.parquet").drop(["time"])
    assert read.schema.types == [pa.float64(), pa.float64()]
    assert read.to_pydict() == expected

    assert [type(value) for _, value in made["dense"]] == [int, float, int]
    assert str(made["sparse"].to_pandas().dtype) == "float64"


@pytest.mark.parametrize("values", [[BIG, 0.5], [-BIG, 0.5], [True, 0.5], [True, 1], [1, 0.5, "x"]])
def test_kinds_that_floats_do_not_hold_stay_apart(values: list[Value]) -> None:
    made = history([(number, {"a": value}) for number, value in enumerate(values)])
    assert made.to_polars().schema["a"] == pl.Object
    assert str(made.to_pandas()["a"].dtype) == "object"
    for found in (made.to_polars()["a"].to_list(), made.to_pandas()["a"].tolist(), made.to_arrow()["a"].to_pylist()):
        assert [(type(value), value) for value in found] == [(type(value), value) for value in values]


@pytest.mark.parametrize("form", ["to_pandas", "to_polars", "to_arrow"])
def test_one_series_alone(form: str) -> None:
    made = history()
    lengths = {name: len(getattr(made[name], form)()) for name in FIELDS}
    assert lengths == {name: len(made[name]) for name in FIELDS}
    series = made["sparse i"].to_pandas()
    assert (series.name, series.tolist(), str(series.dtype)) == ("sparse i", [BIG], "int64")
    assert list(series.index.to_pydatetime()) == TIMES[:1]


@pytest.mark.parametrize("form", ["to_pandas", "to_polars", "to_arrow"])
def test_nothing_at_all(form: str) -> None:
    assert len(getattr(history([], ("a",)), form)()) == 0
    assert len(getattr(history(), form)()) == len(ROWS)
    assert len(getattr(history(ROWS, ("nothing",)), form)()) == len(ROWS)


def test_a_field_called_time_keeps_its_name() -> None:
    made = history([(1, {"time": 5, "_time": 6})])
    assert time_column(made) == "__time"
    assert made.to_polars().columns == ["__time", "time", "_time"]
    assert made.to_arrow()["time"].to_pylist() == [5]
    assert made.to_pandas()["time"].tolist() == [5]


@pytest.mark.parametrize(
    ("library", "extra", "form"),
    [("pandas", "pandas", "to_pandas"), ("polars", "polars", "to_polars"), ("pyarrow", "arrow", "to_arrow")],
)
def test_a_library_that_is_not_installed_is_named(
    library: str, extra: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigError) as caught:
        getattr(history(), form)()
    assert library in str(caught.value)
    assert f"pip install 'nikdev-iot[{extra}]'" in str(caught.value)
