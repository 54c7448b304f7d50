from __future__ import annotations

import datetime

from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.server.segments.periods import OTHER, period_of


def _us(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text).timestamp() * 1_000_000)


def test_a_period_is_a_month_and_there_are_not_many_of_them() -> None:
    month = period_of(_us("2026-11-01T00:00:00+00:00"))
    assert month == 2026 * 12 + 10
    assert period_of(_us("2026-11-30T23:59:59.999999+00:00")) == month
    assert period_of(_us("2026-12-01T00:00:00+00:00")) == month + 1
    assert period_of(_us("2026-10-31T23:59:59.999999+00:00")) == month - 1
    for time_us in (MIN_TIME_US, MAX_TIME_US, 0, _us("1999-12-31T23:59:59+00:00"), _us("2100-01-01T00:00:00+00:00")):
        assert period_of(time_us) == OTHER
    assert period_of(2**63 - 1) == OTHER
