# ruff: noqa: DTZ001 - local times are what this is about
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.cli.importing.zones import LocalClock, zone_named
from nikdev_iot.model.errors import ConfigError

ROME = ZoneInfo("Europe/Rome")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BACK = datetime(2025, 10, 26, 1, 0, tzinfo=UTC)
"""When Rome's clock is put back from 03:00 to 02:00."""


def _us(time):
    return (time - EPOCH) // timedelta(microseconds=1)


def _read(clock, times):
    """Send aware times through their local form and back."""
    return [clock.to_utc_us(time.astimezone(clock.zone).replace(tzinfo=None, fold=0)) for time in times]


@pytest.mark.parametrize(
    ("name", "hours"), [("UTC", 0), ("Z", 0), ("+01:00", 1), ("-0700", -7), ("+05:30", 5.5), ("Europe/Rome", 1)]
)
def test_zones_by_name(name, hours):
    assert zone_named(name).utcoffset(datetime(2025, 1, 1)) == timedelta(hours=hours)


@pytest.mark.parametrize("name", ["Europe/Atlantis", "+25:00", "", "../../etc/passwd", "/etc/passwd", "CETT"])
def test_no_such_zone(name):
    with pytest.raises(ConfigError, match=r"There is no time zone .*Europe/Rome"):
        zone_named(name)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)),
    st.integers(1, 59),
    st.integers(1, 300),
)
def test_an_even_recording_comes_back_through_any_summer_and_winter(start, minutes, count):
    start = start.replace(tzinfo=UTC)
    twice = ROME.utcoffset(start.astimezone(ROME).replace(tzinfo=None, fold=0)) != ROME.utcoffset(
        start.astimezone(ROME).replace(tzinfo=None, fold=1)
    )
    if twice:  # begun inside the doubled hour, which of the two it is cannot be known
        return
    times = [start + timedelta(minutes=minutes * number) for number in range(count)]
    assert _read(LocalClock(ROME), times) == [(_us(time), True) for time in times]


@pytest.mark.parametrize("minutes", [1, 5, 15, 30, 60])
@pytest.mark.parametrize("newest_first", [False, True])
def test_through_the_hour_that_comes_twice(minutes, newest_first):
    count = 300 // minutes
    times = [BACK + timedelta(minutes=minutes * number) for number in range(-count, count)]
    if newest_first:
        times.reverse()
    assert _read(LocalClock(ROME), times) == [(_us(time), True) for time in times]


def test_two_rows_of_one_local_time_are_two_rows():
    local = datetime(2025, 10, 26, 2, 30)
    clock = LocalClock(ROME)
    clock.to_utc_us(datetime(2025, 10, 26, 1, 30))
    first, second = clock.to_utc_us(local)[0], clock.to_utc_us(local)[0]
    assert second - first == 3_600_000_000


def test_rows_that_repeat_everywhere_do_not_begin_the_second_run():
    clock = LocalClock(ROME)
    times = [BACK + timedelta(minutes=10 * number) for number in range(-12, 12) for _ in "ab"]
    assert _read(clock, times) == [(_us(time), True) for time in times]


def test_sensors_that_are_a_little_out_of_step_do_not_begin_it_either():
    clock = LocalClock(ROME)
    times = []
    for number in range(-60, 60):
        time = BACK + timedelta(minutes=2 * number)
        times += [time, time - timedelta(seconds=7)]
    # The two rows around the change itself are on either side of it.
    inner = [time for time in times if not BACK - timedelta(seconds=10) <= time < BACK]
    assert _read(clock, inner) == [(_us(time), True) for time in inner]


def test_a_local_time_that_never_was_is_told_and_read_with_the_offset_from_before():
    time_us, exists = LocalClock(ROME).to_utc_us(datetime(2025, 3, 30, 2, 30))
    assert not exists
    assert time_us == _us(datetime(2025, 3, 30, 1, 30, tzinfo=UTC))


def test_a_step_back_where_no_hour_comes_twice_changes_nothing():
    clock = LocalClock(ROME)
    locals_ = [datetime(2014, 1, 7, 2, 55), datetime(2014, 1, 7, 2, 0), datetime(2014, 1, 7, 2, 55)]
    found = [clock.to_utc_us(local)[0] for local in locals_]
    assert found[0] == found[2] == found[1] + 55 * 60 * 1_000_000
