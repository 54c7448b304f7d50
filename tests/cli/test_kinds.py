from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.cli.kinds import as_float, number_of, value_of
from nikdev_iot.model.errors import ValueRefused
from nikdev_iot.model.values import INT64_MAX, INT64_MIN


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("21", 21),
        ("21.0", 21.0),
        ("-200", -200),
        ("+5", 5),
        ("-0", 0),
        ("-0.0", -0.0),
        ("007", 7),
        ("5.", 5.0),
        (".5", 0.5),
        ("1e5", 100_000.0),
        ("-1.5E-3", -0.0015),
        (" 21 ", 21),
        ("true", True),
        ("false", False),
        ("True", True),
        ("FALSE", False),
        ("20432407608", 20_432_407_608),
        ("9223372036854775807", INT64_MAX),
        ("-9223372036854775808", INT64_MIN),
        ("", ""),
        ("nil", "nil"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("1,5", "1,5"),
        ("1e", "1e"),
        (".", "."),
        ("-", "-"),
        ("e5", "e5"),
        ("٣", "٣"),
        ("tRue", "tRue"),
        (" a b ", " a b "),
        ("nano", "nano"),
        ("information", "information"),
    ],
)
def test_kind_follows_from_the_text(text, value):
    found = value_of("f", text)
    assert type(found) is type(value)
    assert repr(found) == repr(value)


@pytest.mark.parametrize(
    "text",
    ["nan", "NaN", "inf", "-inf", "+Infinity", "1e400", "9223372036854775808", "-9223372036854775809", "9" * 10_000],
)
def test_what_no_value_can_hold_is_refused_by_name(text):
    with pytest.raises(ValueRefused, match="'temperature'") as caught:
        value_of("temperature", text)
    assert text[:10] in caught.value.message


@given(st.integers(INT64_MIN, INT64_MAX))
def test_every_int_comes_back(number):
    assert value_of("f", str(number)) == number
    assert type(value_of("f", str(number))) is int


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_comes_back_bit_for_bit(number):
    found = value_of("f", repr(number))
    assert type(found) is float
    assert math.copysign(1, found) == math.copysign(1, number)
    assert found == number


@given(st.text(max_size=50))
def test_a_text_is_kept_as_it_is_or_is_a_number_or_bool(text):
    try:
        found = value_of("f", text)
    except ValueRefused:
        assert text.strip().lower().lstrip("+-") in {"nan", "inf", "infinity"} or number_of(text) is not None
        return
    if type(found) is str:
        assert found == text
        assert number_of(text) is None
    elif type(found) is bool:
        assert text.strip().lower() == str(found).lower()
    else:
        assert found == number_of(text)


def test_whole_numbers_as_floats_where_exact():
    assert repr(as_float("f", 21)) == "21.0"
    assert as_float("f", True) is True
    assert as_float("f", "21") == "21"
    assert as_float("f", 2**53) == 2.0**53
    with pytest.raises(ValueRefused, match="no float is exactly"):
        as_float("f", 2**53 + 1)
