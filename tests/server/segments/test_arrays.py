from __future__ import annotations

import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.wire.strategies import floats, ints, texts

from nikdev_iot.model.values import INT64_MAX, INT64_MIN
from nikdev_iot.server.segments.arrays import (
    MAX_ITEMS,
    Cursor,
    dump_bools,
    dump_bytes,
    dump_floats,
    dump_ints,
    dump_texts,
)
from nikdev_iot.server.segments.records import SegmentDamaged

_some_ints = st.lists(ints | st.integers(-200, 200), max_size=40)


@given(_some_ints)
@example([INT64_MIN, INT64_MAX])
@example([INT64_MAX, INT64_MIN])
@example([INT64_MIN, 0, INT64_MAX])
@example([INT64_MIN + 1, 0, INT64_MAX])
@example(list(range(0, -400, -2)))
@example([127, -128, 128])
@example([7] * 1000)
def test_ints_come_back(values: list[int]) -> None:
    cursor = Cursor(dump_ints(np.array(values, dtype=np.int64)))
    assert cursor.ints().tolist() == values
    cursor.end()


@given(st.lists(floats | st.sampled_from([-0.0, 0.0, 5e-324, 1.7976931348623157e308]), max_size=40))
def test_floats_come_back_bit_for_bit(values: list[float]) -> None:
    cursor = Cursor(dump_floats(np.array(values, dtype=np.float64)))
    assert cursor.floats().tobytes() == struct.pack(f"<{len(values)}d", *values)
    cursor.end()


@given(st.lists(st.booleans(), max_size=40))
def test_bools_come_back(values: list[bool]) -> None:
    cursor = Cursor(dump_bools(np.array(values, dtype=np.bool_)))
    assert cursor.bools().tolist() == values
    cursor.end()


@given(st.lists(texts, max_size=20))
@example(["on", "off"] * 100)
def test_texts_come_back(values: list[str]) -> None:
    cursor = Cursor(dump_texts(values))
    assert cursor.texts().tolist() == values
    cursor.end()


@given(st.binary(max_size=200) | st.integers(0, 3_000).map(bytes))
def test_bytes_come_back(raw: bytes) -> None:
    cursor = Cursor(dump_bytes(raw))
    assert cursor.bytes() == raw
    cursor.end()


def test_what_repeats_or_steps_takes_next_to_nothing() -> None:
    assert len(dump_ints(np.arange(5, 10**6, 3))) == len(dump_ints(np.zeros(50_000, dtype=np.int64))) == 25
    assert len(dump_ints(np.array([1, 2, 4]))) == len(dump_ints(np.array([1, 2, 3]))) == 12
    assert len(dump_bools(np.ones(100_000, dtype=np.bool_))) < 60
    assert len(dump_texts(["running"] * 100_000)) < 80


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        struct.pack("<BII", 8, 1, 8) + b"1234567",
        struct.pack("<BII", 3, 1, 3) + b"123",
        struct.pack("<BII", 4, 2, 4) + b"1234",
        struct.pack("<BII", 8, MAX_ITEMS + 1, 0),
        struct.pack("<BII", 16, 5, 20) + b"pco!" + bytes(16),
        struct.pack("<BII", 17, 0, 16) + bytes(16),
        struct.pack("<BII", 17, 3, 16) + struct.pack("<qq", INT64_MAX - 1, 1),
    ],
)
def test_what_are_no_ints_is_refused(raw: bytes) -> None:
    with pytest.raises(SegmentDamaged):
        Cursor(raw).ints()


def test_an_array_of_another_length_is_refused() -> None:
    raw = dump_floats(np.sqrt(np.arange(200)))
    assert raw[0] == 16
    for count in (0, 199, 201):
        with pytest.raises(SegmentDamaged, match="items where"):
            Cursor(raw[:1] + struct.pack("<I", count) + raw[5:]).floats()


def test_bytes_that_claim_to_be_large_are_refused_before_they_are_made() -> None:
    raw = dump_bytes(bytes(1_000_000))
    size = len(raw)
    for count in (0, 999_999, 1_000_001, 2**32 - 1):
        with pytest.raises(SegmentDamaged):
            Cursor(raw[:1] + struct.pack("<I", count) + raw[5:size]).bytes()


def test_texts_that_point_nowhere_are_refused() -> None:
    lengths, codes = dump_ints(np.array([2, 1])), dump_ints(np.array([0, 1, 1]))
    assert Cursor(lengths + dump_bytes(b"abc") + codes).texts().tolist() == ["ab", "c", "c"]
    for wrong in (
        lengths + dump_bytes(b"abcd") + codes,
        lengths + dump_bytes(b"abc") + dump_ints(np.array([0, 2])),
        lengths + dump_bytes(b"abc") + dump_ints(np.array([0, -1])),
        dump_ints(np.array([4, -1])) + dump_bytes(b"abc") + codes,
        lengths + dump_bytes(b"a\xffc") + codes,
    ):
        with pytest.raises(SegmentDamaged):
            Cursor(wrong).texts()


@settings(max_examples=100)
@given(st.binary(max_size=60), st.sampled_from(["ints", "floats", "bytes", "bools", "texts"]))
def test_whatever_comes_is_read_or_refused(raw: bytes, what: str) -> None:
    with suppress(SegmentDamaged):
        getattr(Cursor(raw), what)()
