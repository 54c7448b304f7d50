from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.cli.importing.cells import FileRefused
from nikdev_iot.cli.importing.times import TimeReader
from nikdev_iot.model.errors import ConfigError, ValueRefused
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US, iso

TIMES_US = st.integers(MIN_TIME_US, MAX_TIME_US)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _read(*cells, time_format=None, zone=UTC):
    return iso(TimeReader(time_format=time_format, zone=zone).read(cells)[0])


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2018-05-09 14:59:05.000", "2018-05-09T14:59:05Z"),
        ("2018-05-09T14:59:05.123456", "2018-05-09T14:59:05.123456Z"),
        ("2018-05-09T14:59:05,5Z", "2018-05-09T14:59:05.500000Z"),
        ("2019-02-01 01:15:00-07:00", "2019-02-01T08:15:00Z"),
        ("2019-02-01 01:15:00 -0700", "2019-02-01T08:15:00Z"),
        ("2019-02-01 01:15:00 UTC", "2019-02-01T01:15:00Z"),
        ("2019-02-01 01:15:00 Z", "2019-02-01T01:15:00Z"),
        (" 2019-02-01T01:15Z ", "2019-02-01T01:15:00Z"),
        ("2019-02-01", "2019-02-01T00:00:00Z"),
        ("20190201T011500Z", "2019-02-01T01:15:00Z"),
    ],
)
def test_iso_needs_no_format(text, time):
    assert _read(text) == time


def test_several_cells_are_joined_by_a_space():
    assert _read("2019-02-01", "01:15:00") == "2019-02-01T01:15:00Z"
    assert _read("3/10/2004", "8:00:00", time_format="%m/%d/%Y %H:%M:%S") == "2004-03-10T08:00:00Z"


def test_an_offset_wins_over_the_zone():
    assert _read("2019-02-01 01:15:00-07:00", zone=timezone(timedelta(hours=5))) == "2019-02-01T08:15:00Z"
    assert _read("01.02.2019 01:15 -0700", time_format="%d.%m.%Y %H:%M %z") == "2019-02-01T08:15:00Z"


def test_a_time_without_offset_needs_a_zone():
    with pytest.raises(FileRefused, match=r"has no offset.*--timezone"):
        _read("2019-02-01 01:15:00", zone=None)
    with pytest.raises(FileRefused, match="--timezone"):
        _read("01.02.2019", time_format="%d.%m.%Y", zone=None)


@pytest.mark.parametrize(
    ("text", "time_format", "time"),
    [
        ("1594598735", "epoch", "2020-07-13T00:05:35Z"),
        ("1594598735.7727768", "epoch", "2020-07-13T00:05:35.772777Z"),
        ("1594598751.5391474", "epoch", "2020-07-13T00:05:51.539147Z"),  # as a float times 1e6 it is 1 µs more
        ("1.594598735e9", "epoch-s", "2020-07-13T00:05:35Z"),
        ("-1", "epoch", "1969-12-31T23:59:59Z"),
        ("1594598735772", "epoch-ms", "2020-07-13T00:05:35.772000Z"),
        ("1594598735772.5", "epoch-ms", "2020-07-13T00:05:35.772500Z"),
        ("1594598735772776", "epoch-us", "2020-07-13T00:05:35.772776Z"),
        (1594598751.5391474, "epoch", "2020-07-13T00:05:51.539147Z"),
        (1594598735, "epoch", "2020-07-13T00:05:35Z"),
    ],
)
def test_epochs(text, time_format, time):
    assert _read(text, time_format=time_format, zone=None) == time


@given(TIMES_US)
def test_every_time_comes_back_from_iso(time_us):
    reader = TimeReader(zone=UTC)
    text = iso(time_us)
    for form in (text, text.replace("T", " "), text.removesuffix("Z"), text.replace("Z", "+00:00")):
        assert reader.read([form]) == (time_us, True)


@given(TIMES_US)
def test_every_time_comes_back_from_epochs(time_us):
    assert TimeReader(time_format="epoch-us").read([str(time_us)]) == (time_us, True)
    assert TimeReader(time_format="epoch-ms").read([str(Decimal(time_us) / 1000)]) == (time_us, True)
    assert TimeReader(time_format="epoch").read([str(Decimal(time_us) / 1_000_000)]) == (time_us, True)


@given(st.datetimes(datetime(1000, 1, 1)), st.integers(-23 * 60, 23 * 60))  # noqa: DTZ001 - a local time
def test_every_time_comes_back_from_a_format_in_a_fixed_zone(local, minutes):
    zone = timezone(timedelta(minutes=minutes))
    text = f"{local.day:02}.{local.month:02}.{local.year:04} {local:%H:%M:%S.%f}"
    found, exists = TimeReader(time_format="%d.%m.%Y %H:%M:%S.%f", zone=zone).read([text])
    assert exists
    assert EPOCH + timedelta(microseconds=found) == local.replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("text", "time_format", "problem"),
    [
        ("", None, "has no time"),
        ("yesterday", None, "not like 2026-11-22 10:30:00"),
        ("1594598735.77", None, "a plain number: say --time-format epoch"),
        ("20190201", None, "a plain number"),
        ("2019-13-01", None, "not like"),
        ("3/10/2004", "%d.%m.%Y", "not of the form '%d.%m.%Y'"),
        ("31.02.2019", "%d.%m.%Y", "not of the form"),
        ("noon", "epoch", "not a number"),
        ("nan", "epoch", "not a number"),
        ("1e999999999", "epoch", "outside the years"),
        ("1594598735772", "epoch", "outside the years"),
        ("9" * 5000, "epoch", "outside the years"),
    ],
)
def test_what_cannot_be_read_says_why(text, time_format, problem):
    with pytest.raises(ValueRefused, match=problem) as caught:
        _read(text, time_format=time_format)
    assert not isinstance(caught.value, FileRefused)


@pytest.mark.parametrize("time_format", ["%Q", "%Y-%Y", "%H:%M", "seconds", "%d.%m.%Y %"])
def test_formats_that_are_none(time_format):
    with pytest.raises(ConfigError, match=r"cannot be used.*epoch"):
        TimeReader(time_format=time_format)
