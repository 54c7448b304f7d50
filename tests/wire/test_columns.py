from __future__ import annotations

import contextlib
import struct
from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire import strategies

from nikdev_iot.model.errors import Malformed, TooLarge, Unsupported, WireError
from nikdev_iot.model.values import Kind
from nikdev_iot.wire import cbor
from nikdev_iot.wire.columns import (
    Column,
    ReadItem,
    check_columns,
    check_text,
    check_times,
    columns_from_rows,
    get_index,
    get_int64s,
    load_map,
    put_columns,
    read_columns,
    rows_of,
)
from nikdev_iot.wire.limits import Limits

KEYS = cbor.keys("v", "columns", "other")
READERS: dict[str, ReadItem] = {"columns": read_columns}


def read(columns: Any, row_count: int, limits: Limits | None = None) -> tuple[Column, ...]:
    """What becomes of CBOR items that stand for columns."""
    raw = cbor.dumps({"v": 1, "columns": columns})
    return check_columns(
        load_map(raw, known=KEYS, version=1, limits=limits or Limits(), readers=READERS)["columns"], row_count
    )


@given(st.lists(strategies.rows, max_size=8))
def test_rows_become_columns_and_rows_again(rows):
    columns = columns_from_rows(rows)
    assert [dict(row) for row in rows_of(columns, len(rows))] == [dict(row) for row in rows]
    keys = [(column.field_id, column.kind) for column in columns]
    assert len(set(keys)) == len(keys)
    for column in columns:
        assert (column.at is None) == (len(column.data) == len(rows))
        assert all(type(value) is {1: float, 2: int, 3: bool, 4: str}[column.kind] for value in column.values())


@given(st.lists(strategies.rows, max_size=8))
def test_columns_are_read_as_they_were_written(rows):
    columns = columns_from_rows(rows)
    parts: list[bytes] = [cbor.head(cbor.MAP, 2), cbor.text("v"), b"\x01", cbor.text("columns")]
    put_columns(parts, columns)
    raw = b"".join(parts)
    found = check_columns(load_map(raw, known=KEYS, version=1, limits=Limits(), readers=READERS)["columns"], len(rows))
    assert strategies.same_columns(found, columns)
    assert cbor.dumps(cbor.loads(raw)) == raw


def test_a_field_that_changes_its_kind_has_a_column_of_each():
    columns = columns_from_rows([(("glucose", 5.5),), (("glucose", "nil"),), (("glucose", 6),), (("glucose", True),)])
    assert [(column.kind, column.at) for column in columns] == [
        (Kind.FLOAT, array("I", [0])),
        (Kind.TEXT, array("I", [1])),
        (Kind.INT, array("I", [2])),
        (Kind.BOOL, array("I", [3])),
    ]
    assert list(columns[3].items(4)) == [(3, True)]


ONE = array("d", [1.5])
TWO = array("d", [1.5, 2.5])


@pytest.mark.parametrize(
    "columns",
    [
        {"t": ONE},
        ["t", None, ONE],
        [["t", None]],
        [["t", None, ONE, None]],
        [[1, None, ONE]],
        [["", None, TWO]],
        [[" t", None, TWO]],
        [["a,b", None, TWO]],
        [["a/b", None, TWO]],
        [["a\x00", None, TWO]],
        [["x" * 65, None, TWO]],
        [["x" * 10_000_000, None, TWO]],
        [["t", None, ONE]],
        [["t", None, array("d", [1.5, 2.5, 3.5])]],
        [["t", None, array("d", [1.5, float("nan")])]],
        [["t", None, array("d", [float("inf"), float("-inf")])]],
        [["t", None, array("d", [float("inf"), 1.0])]],
        [["t", None, array("B", [0, 2])]],
        [["t", None, array("B", [0, 255])]],
        [["t", None, ["x"]]],
        [["t", None, ["x", 1]]],
        [["t", None, ["x", None]]],
        [["t", None, ["x", ["x"]]]],
        [["t", None, ["x", "å" * 32_769]]],
        [["t", array("I"), array("d")]],
        [["t", array("I", [2]), ONE]],
        [["t", array("I", [2**32 - 1]), ONE]],
        [["t", array("I", [1, 0]), TWO]],
        [["t", array("I", [1, 1]), TWO]],
        [["t", array("I", [0]), TWO]],
        [["t", array("q", [0]), ONE]],
        [["t", [0], ONE]],
        [["t", None, TWO], ["t", None, TWO]],
        [["t", None, TWO], ["t", None, array("q", [1, 2])]],
        [["t", array("I", [0]), ONE], ["t", array("I", [1]), ONE]],
        [["t", array("I", [0]), ONE], ["t", array("I", [0]), ["x"]]],
        [["t", array("I", [0]), ["x"]], ["u", None, TWO], ["t", None, TWO]],
    ],
    ids=lambda columns: repr(columns)[:60],
)
def test_columns_that_are_not_right_are_refused(columns):
    with pytest.raises((Malformed, Unsupported)) as caught:
        read(columns, 2)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("values", [None, 5, "text", b"bytes", {}, array("I", [1, 2])], ids=repr)
def test_values_of_a_kind_that_is_not_known(values):
    with pytest.raises((Malformed, Unsupported)):
        read([["t", None, values]], 2)


def test_every_kind_of_float_that_is_finite_is_taken():
    extremes = array("d", [1.7976931348623157e308, 1.7976931348623157e308, -0.0, 5e-324])
    (column,) = read([["t", None, extremes]], 4)
    assert struct.pack("<4d", *column.data) == extremes.tobytes()
    with pytest.raises(Malformed):
        read([["t", None, array("d", [*extremes, float("nan")])]], 5)


@pytest.mark.parametrize("length", [1, 22, 23, 24, 25, 63, 64])
@pytest.mark.parametrize("count", [1, 2, 3, 31, 32, 33, 9000])
def test_every_length_of_name_and_values_is_read(length, count):
    name = "n" * length
    for data in (array("d", [1.5]) * count, array("q", [-1]) * count, array("B", [1]) * count, ["x"] * count):
        assert read([[name, None, data]], count) == (Column(name, None, data),)


def test_limits():
    columns = [[f"f{number}", None, TWO] for number in range(10)]
    assert len(read(columns, 2, Limits(columns=10))) == 10
    with pytest.raises(TooLarge):
        read(columns, 2, Limits(columns=9))
    with pytest.raises(TooLarge):
        read([["t", None, ["x"] * 1000]], 1000, Limits(items=900))


@given(st.lists(strategies.rows, min_size=1, max_size=4), st.data())
def test_any_altered_column_is_read_or_refused(rows, data):
    parts: list[bytes] = []
    put_columns(parts, columns_from_rows(rows))
    raw = bytearray(b"".join(parts))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    start = cbor.head(cbor.MAP, 2) + cbor.text("v") + b"\x01" + cbor.text("columns")
    with contextlib.suppress(WireError):
        check_columns(
            load_map(start + raw, known=KEYS, version=1, limits=Limits(), readers=READERS)["columns"], len(rows)
        )


def test_single_arrays():
    assert get_int64s(array("q", [1, 2]), 2, "x") == array("q", [1, 2])
    assert get_index(array("I", [0, 2]), 3, "x") == array("I", [0, 2])
    assert get_index(array("I"), 0, "x") == array("I")
    assert check_times(array("q"), "x") == array("q")
    assert check_text("å" * 32_768, "x") == "å" * 32_768
    for refused in (
        lambda: get_int64s(array("q", [1]), 2, "x"),
        lambda: get_int64s(array("I", [1]), 1, "x"),
        lambda: get_index(array("I", [3]), 3, "x"),
        lambda: get_index(array("I", [1, 1]), 3, "x"),
        lambda: get_index([1], 3, "x"),
        lambda: check_times(array("q", [2**63 - 1]), "x"),
        lambda: check_text("å" * 32_769, "x"),
    ):
        with pytest.raises(Malformed, match=r"^x: "):
            refused()


def test_maps():
    def load(raw: bytes):
        return load_map(raw, known=KEYS, version=1, limits=Limits(), readers=READERS)

    assert load(cbor.dumps({"v": 1, "other": b"x"})) == {"v": 1, "other": b"x"}
    with pytest.raises(Malformed, match="none belongs"):
        load(cbor.dumps({"v": 1, "other": [1]}))
    for raw in (b"", b"\x80", b"\x01", b"\xa1\x00\x01", cbor.dumps({"v": 1}) + b"\x00"):
        with pytest.raises(WireError):
            load(raw)
    for item in ({}, {"other": 1}, {"v": 2}, {"v": "1"}, {"v": None}, {"v": 1, "unknown": 1}):
        with pytest.raises(Unsupported):
            load(cbor.dumps(item))
