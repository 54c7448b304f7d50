from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.model.errors import ValueRefused
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US, check_time_us, from_time_us, iso, to_time_us

NOW_US = 1_795_340_000_000_000


@pytest.mark.parametrize(
    "time",
    [
        1_795_340_000,
        1_795_340_000.0,
        np.float64(1_795_340_000),
        "2026-11-22T09:33:20Z",
        "2026-11-22 09:33:20+00:00",
        "2026-11-22T10:33:20.000000+01:00",
        "20261122T093320Z",
        datetime(2026, 11, 22, 9, 33, 20, tzinfo=UTC),
        datetime(2026, 11, 22, 15, 3, 20, tzinfo=timezone(timedelta(hours=5.5))),
        pd.Timestamp("2026-11-22T09:33:20Z"),
    ],
    ids=repr,
)
def test_ways_to_say_one_time(time):
    found = to_time_us(time)
    assert found == NOW_US
    assert type(found) is int


@pytest.mark.parametrize(
    ("time", "says"),
    [
        (True, "not a time"),
        (None, "NoneType is not a time"),
        (b"2026-11-22T09:33:20Z", "bytes is not a time"),
        (float("nan"), "not a time"),
        (float("inf"), "outside the years"),
        (float("-inf"), "outside the years"),
        (1e305, "outside the years"),
        (10**5000, "outside the years"),
        (253_402_300_800, "outside the years"),
        (-62_135_596_801, "outside the years"),
        ("yesterday", "not a time"),
        ("x" * 1_000_000, "not a time"),
        ("\ud800", "not a time"),
        ("", "not a time"),
        ("2026-11-22T09:33:20", "no zone"),
        ("2026-11-22", "no zone"),
        (datetime(2026, 11, 22, 9, 33, 20), "no zone"),  # noqa: DTZ001 - the point
        ("0001-01-01T00:00:00+01:00", "outside the years"),
        ("9999-12-31T23:59:59-01:00", "outside the years"),
        (np.datetime64("2026-11-22"), "datetime64 is not a time"),
    ],
    ids=lambda item: type(item).__name__,
)
def test_what_is_no_time_is_refused(time, says):
    with pytest.raises(ValueRefused, match=says) as caught:
        to_time_us(time)
    assert len(str(caught.value)) < 300


@given(st.integers(MIN_TIME_US, MAX_TIME_US))
def test_there_and_back(time_us):
    assert check_time_us(time_us) == time_us
    assert to_time_us(from_time_us(time_us)) == time_us
    assert to_time_us(iso(time_us)) == time_us


def test_the_ends():
    assert iso(MIN_TIME_US) == "0001-01-01T00:00:00Z"
    assert iso(MAX_TIME_US) == "9999-12-31T23:59:59.999999Z"
    for beyond in (MIN_TIME_US - 1, MAX_TIME_US + 1, 10**400):
        with pytest.raises(ValueRefused):
            check_time_us(beyond)


def test_fractions_only_where_there_are_any():
    assert iso(NOW_US) == "2026-11-22T09:33:20Z"
    assert iso(NOW_US + 1) == "2026-11-22T09:33:20.000001Z"


@pytest.mark.parametrize(
    ("seconds", "time_us"), [(1594598751.5391474, 1594598751539147), (-0.5, -500_000), (1.5, 1_500_000)]
)
def test_seconds_are_rounded_to_the_nearest_microsecond(seconds, time_us):
    assert to_time_us(seconds) == time_us


@given(st.integers(-4_000_000_000_000_000, 4_000_000_000_000_000))
def test_every_microsecond_of_our_days_comes_back_from_seconds(time_us):
    assert to_time_us(time_us / 1_000_000) == time_us
