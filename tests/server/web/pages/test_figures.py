from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.model.values import INT64_MAX, INT64_MIN, Value
from nikdev_iot.server.web.pages.figures import figure


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (21, None, "21"),
        (21.0, None, "21.0"),
        (21, 2, "21.00"),
        (21.456, 1, "21.5"),
        (21.456, 0, "21"),
        (0.1 + 0.2, None, "0.3"),
        (1234567.891, None, "1234568.0"),
        (0.00001, None, "0.00001"),
        (1e-7, None, "1e\u22127"),
        (1e20, 2, "1.000000e+20"),
        (-0.5, None, "\u22120.5"),
        (-18, None, "\u221218"),
        (-1e-7, None, "\u22121e\u22127"),
        ("-18", None, "-18"),
        (-0.125, 2, "\u22120.13"),
        (1234566.5, None, "1234567.0"),
        (INT64_MAX, None, "9223372036854775807"),
        (True, 2, "true"),
        (False, None, "false"),
        ("on", 3, "on"),
    ],
)
def test_values_are_shown_as_people_write_them(value: Value, decimals: int | None, text: str) -> None:
    assert figure(value, decimals) == text


@given(st.integers(INT64_MIN, INT64_MAX))
def test_ints_are_exact(value: int) -> None:
    assert int(figure(value).replace("\u2212", "-")) == value


@given(st.floats(allow_nan=False, allow_infinity=False), st.one_of(st.none(), st.integers(0, 6)))
def test_a_float_is_near_what_is_shown(value: float, decimals: int | None) -> None:
    shown = float(figure(value, decimals).replace("\u2212", "-"))
    assert abs(shown - value) <= max(abs(value) * 1e-6, 0 if decimals is None else 0.5 * 10.0**-decimals + 1e-12)
