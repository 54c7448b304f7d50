from __future__ import annotations

import decimal
import enum
import fractions
import math
import sys
import unicodedata
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.model.errors import ValueRefused
from nikdev_iot.model.values import (
    INT64_MAX,
    INT64_MIN,
    MAX_TEXT_BYTES,
    Kind,
    check_field_id,
    check_message,
    check_value,
    kind_of,
)

# -- Field IDs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field_id",
    ["t", "x" * 64, "å" * 64, "🌡" * 64, "a b", "a:b-c.d_e(f)", "\\", "\u2028x".join("ab"), "a\u00adb", "\u200b"],
)
def test_a_field_id(field_id):
    assert check_field_id(field_id) == field_id


@pytest.mark.parametrize(
    ("field_id", "says"),
    [
        ("", "empty"),
        ("x" * 65, "65 characters"),
        ("x" * 10_000_000, "10000000 characters"),
        (" t", "begins or ends with a space"),
        ("t ", "begins or ends with a space"),
        (" ", "begins or ends with a space"),
        ("\u00a0t", "begins or ends with a space"),
        ("t\u3000", "begins or ends with a space"),
        ("a,b", "','"),
        ("a/b", "'/'"),
        ("a\nb", "control"),
        ("\tt", "space|control"),
        ("a\x00b", "control"),
        ("a\x1fb", "control"),
        ("a\x7fb", "control"),
        ("a\x80b", "control"),
        ("a\x9fb", "control"),
        ("a\ud800b", "not a character"),
        (5, "int"),
        (None, "NoneType"),
        (b"t", "bytes"),
        (["x" * 10_000_000], "list"),
    ],
    ids=lambda item: repr(item)[:20],
)
def test_what_is_no_field_id(field_id, says):
    with pytest.raises(ValueRefused, match=says) as caught:
        check_field_id(field_id)
    assert caught.value.field_id is field_id
    assert len(str(caught.value)) < 400
    str(caught.value).encode()


def test_control_characters_are_those_of_unicode():
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        name = f"a{char}b"
        expected = unicodedata.category(char) in {"Cc", "Cs"} or char in ",/"
        if expected or code < 0x3000 or code % 97 == 0:
            try:
                check_field_id(name)
            except ValueRefused:
                assert expected, hex(code)
            else:
                assert not expected, hex(code)


class Label(str):
    __slots__ = ()

    def __str__(self):
        return "another"


def test_a_kind_of_text_becomes_plain_text():
    for check in (check_field_id, check_message, lambda text: check_value("t", text)):
        found = check(Label("label"))
        assert (type(found), found) == (str, "label")


# -- values ----------------------------------------------------------------------------------------


class Level(enum.IntEnum):
    HIGH = 3


class State(enum.StrEnum):
    ON = "on"


class Sneaky(int):
    def __int__(self):
        return 5

    def __repr__(self):
        return "5"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (21, 21),
        (21.0, 21.0),
        (-0.0, -0.0),
        (True, True),
        ("nil", "nil"),
        ("", ""),
        ("\x00", "\x00"),
        (INT64_MAX, INT64_MAX),
        (INT64_MIN, INT64_MIN),
        (sys.float_info.max, sys.float_info.max),
        (5e-324, 5e-324),
        ("x" * MAX_TEXT_BYTES, "x" * MAX_TEXT_BYTES),
        ("å" * (MAX_TEXT_BYTES // 2), "å" * (MAX_TEXT_BYTES // 2)),
        (Level.HIGH, 3),
        (State.ON, "on"),
        (Sneaky(7), 7),
        (np.float64(1.5), 1.5),
        (np.float32(0.1), 0.10000000149011612),
        (np.float16(0.5), 0.5),
        (np.int8(-1), -1),
        (np.int32(7), 7),
        (np.int64(INT64_MIN), INT64_MIN),
        (np.longlong(7), 7),
        (np.intc(7), 7),
        (np.uint8(255), 255),
        (np.uint64(INT64_MAX), INT64_MAX),
        (np.bool_(True), True),
        (np.bool_(False), False),
        (np.str_("nil"), "nil"),
        (pd.Series([1.5]).iloc[0], 1.5),
        (pd.Series([7]).iloc[0], 7),
        (pd.Series([True]).iloc[0], True),
        (pd.Series(["nil"]).iloc[0], "nil"),
        (pd.array([7, None], dtype="Int64")[0], 7),
    ],
    ids=lambda item: f"{type(item).__name__} {item!r}"[:30],
)
def test_values_are_kept_exactly(value, expected):
    found = check_value("t", value)
    assert type(found) is type(expected)
    assert repr(found) == repr(expected)
    assert kind_of(found) is {float: Kind.FLOAT, int: Kind.INT, bool: Kind.BOOL, str: Kind.TEXT}[type(expected)]


class Unspeakable:
    def __repr__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (math.nan, "not a finite number"),
        (math.inf, "not a finite number"),
        (-math.inf, "not a finite number"),
        (np.float64("nan"), "not a finite number"),
        (np.float32("inf"), "not a finite number"),
        (INT64_MAX + 1, "beyond 64 bits"),
        (INT64_MIN - 1, "beyond 64 bits"),
        (10**5000, "beyond 64 bits"),
        (np.uint64(2**63), "beyond 64 bits"),
        ("x" * (MAX_TEXT_BYTES + 1), "65537 bytes"),
        ("å" * (MAX_TEXT_BYTES // 2 + 1), "65538 bytes"),
        ("\ud83c", "surrogate"),
        (np.str_("\ud83c"), "surrogate"),
        (None, "Leave the field out"),
        (b"x", "bytes"),
        (bytearray(b"x"), "bytearray"),
        ([1], "list"),
        ({}, "dict"),
        (1j, "complex"),
        (decimal.Decimal("1.5"), "Decimal"),
        (fractions.Fraction(1, 2), "Fraction"),
        (datetime.now(UTC), "isoformat"),
        (timedelta(1), "timedelta"),
        (uuid.UUID(int=1), "UUID"),
        (Path("x"), "Path"),
        (np.longdouble(1.5), "longdouble"),
        (np.complex128(1), "complex128"),
        (np.datetime64("2026-11-22"), "datetime64"),
        (np.timedelta64(1, "s"), "timedelta64"),
        (np.bytes_(b"x"), "bytes_"),
        (np.array(1.5), "ndarray"),
        (np.array([1.5]), "ndarray"),
        (pd.NA, "NAType"),
        (pd.NaT, "NaTType"),
        (pd.Timestamp("2026-11-22"), "isoformat"),
        (pd.Series([1.5]), "Series"),
        (Unspeakable(), "Unspeakable"),
    ],
    ids=lambda item: type(item).__name__,
)
def test_what_cannot_be_kept_is_refused(value, says):
    with pytest.raises(ValueRefused, match=says) as caught:
        check_value("my field", value)
    assert "'my field'" in str(caught.value)
    assert caught.value.field_id == "my field"
    assert len(str(caught.value)) < 500
    str(caught.value).encode()


@given(st.floats() | st.integers() | st.booleans() | st.text() | st.none() | st.binary() | st.complex_numbers())
def test_what_is_taken_is_plain_and_the_same(value):
    try:
        found = check_value("t", value)
    except ValueRefused:
        return
    assert (type(found), repr(found)) == (type(value), repr(value))


# -- messages --------------------------------------------------------------------------------------


def test_messages():
    assert check_message(None) is None
    assert check_message("") == ""
    assert check_message("å" * 32_768) == "å" * 32_768
    for refused in (5, b"x", "å" * 32_769, "\ud800"):
        with pytest.raises(ValueRefused, match="commit message") as caught:
            check_message(refused)  # type: ignore[arg-type]
        assert len(str(caught.value)) < 300
        str(caught.value).encode()
