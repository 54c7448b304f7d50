from __future__ import annotations

import datetime
import decimal
import pickle
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.client.pickles import BadPickle, load_plain
from nikdev_iot.model.errors import ValueRefused
from nikdev_iot.model.values import check_value

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(plain, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_things_come_out(thing: object, protocol: int) -> None:
    found = load_plain(pickle.dumps(thing, protocol))
    assert repr(found) == repr(thing)


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("/tmp/nikdev-pickle-was-executed"),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_is_executed(protocol: int) -> None:
    marker = Path("/tmp/nikdev-pickle-was-executed")
    marker.unlink(missing_ok=True)
    things: Any = load_plain(pickle.dumps([Evil(), 7], protocol))
    found, after = things
    assert not marker.exists()
    assert after == 7
    with pytest.raises(ValueRefused):
        check_value("x", found)


@pytest.mark.parametrize(
    "thing",
    [
        datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
        decimal.Decimal("1.5"),
        {1, 2}.__class__,
        np.array([1, 2]),
        1j,
        Evil,
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_an_object_becomes_a_placeholder_and_its_neighbours_stay(thing: object, protocol: int) -> None:
    found = load_plain(pickle.dumps([{"bad": thing}, {"good": 21.0}], protocol))
    assert isinstance(found, list)
    assert found[1] == {"good": 21.0}
    with pytest.raises(ValueRefused):
        check_value("bad", found[0]["bad"])


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        (np.float64(0.1), 0.1),
        (np.float32(0.5), 0.5),
        (np.int8(-5), -5),
        (np.int16(-5), -5),
        (np.int32(7), 7),
        (np.int64(-(2**63)), -(2**63)),
        (np.uint64(2**63), 2**63),
        (np.bool_(True), True),
        (np.dtype(">f8").type(2.5), 2.5),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_scalars_of_numpy_come_out_as_numbers(scalar: object, value: object, protocol: int) -> None:
    found = load_plain(pickle.dumps(scalar, protocol))
    assert (found, type(found)) == (value, type(value))


def test_texts_of_python_2() -> None:
    assert load_plain(b"(lp0\n(dp1\nS'temp'\np2\nF21.5\nsa.") == [{"temp": 21.5}]
    assert load_plain(b"\x80\x02]q\x00}q\x01U\x06b\xc3\xbccheq\x02K\x05sa.") == [{"büche": 5}]


@given(st.binary(max_size=60))
def test_damage_raises_what_is_expected(content: bytes) -> None:
    with suppress(BadPickle):
        load_plain(content)


@given(plain, st.integers(0, 200), st.integers(0, 255))
def test_a_flipped_byte_raises_what_is_expected(thing: object, at: int, byte: int) -> None:
    content = bytearray(pickle.dumps([thing, np.float64(1)], 2))
    content[at % len(content)] = byte
    with suppress(BadPickle):
        load_plain(bytes(content))


# -- pickles that are small, and mean something that is not ----------------------------------------------

DOUBLED = b"".join(b"q" + bytes([at]) + b"h" + bytes([at]) + b"\x86" for at in range(100))
"""Each step makes a pair of what was there: 2^100 in all, to whoever goes through it."""
LONG_NUMBER = b"\x8b" + (10**6).to_bytes(4, "little") + b"\x7f" * 10**6


@pytest.mark.parametrize(
    "content",
    [
        b"}K\x01" + DOUBLED + b"K\x02s.",
        b"}(K\x01" + DOUBLED + b"K\x02u.",
        b"(K\x01" + DOUBLED + b"K\x02d.",
        b"\x8f(K\x01" + DOUBLED + b"\x90.",
        b"(K\x01" + DOUBLED + b"\x91.",
        b"}(" + LONG_NUMBER + b"K\x02u.",
        b"\x96" + (2**40).to_bytes(8, "little") + b".",
        b"(" + b"".join(b"cm\nn%d\n" % number for number in range(1001)) + b"l.",
    ],
    ids=["setitem", "setitems", "dict", "set", "frozenset", "long-number", "bytearray", "many-classes"],
)
def test_what_would_take_for_ever_is_refused(content: bytes) -> None:
    with pytest.raises(BadPickle):
        load_plain(b"\x80\x05" + content)


@pytest.mark.parametrize(
    "content",
    [
        b"cnumpy\ndtype\n(K\x01" + DOUBLED + b"tR.",
        b"cnumpy\ndtype\n(X\x02\x00\x00\x00f8tR(K\x03K\x01" + DOUBLED + b"tb.",
        b"c_codecs\nencode\n(X\xe9\x03\x00\x00" + b"x" * 1001 + b"tR.",
    ],
    ids=["type", "order", "long-text"],
)
def test_what_describes_a_number_is_looked_at_briefly(content: bytes) -> None:
    with pytest.raises(ValueRefused):
        check_value("x", load_plain(b"\x80\x02" + content))


@pytest.mark.parametrize("put", [b"r\xff\xff\xff\x00", b"p16777215\n"])
def test_the_memo_takes_what_is_in_it(put: bytes) -> None:
    tracemalloc.start()
    try:
        assert load_plain(b"\x80\x02N" + put + b".") is None
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_the_name_of_a_class_is_shown_in_part() -> None:
    with pytest.raises(ValueRefused) as caught:
        check_value("x", load_plain(b"cm\n\x1b[2J" + b"n" * 10_000 + b"\n)R."))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400
