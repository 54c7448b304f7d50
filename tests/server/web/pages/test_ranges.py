from __future__ import annotations

import pytest

from nikdev_iot.model.times import MIN_TIME_US
from nikdev_iot.server.web.pages.ranges import QUICK, TimeRange, asked_range

NOW_US = 1_795_000_000_000_000
HOUR_US = 3_600_000_000


@pytest.mark.parametrize("name", list(QUICK))
def test_quick_ranges_end_now(name: str) -> None:
    found = asked_range({"range": name}, NOW_US)
    assert (found.end_us, found.end_us - found.start_us, found.quick) == (NOW_US + 1, QUICK[name], name)


def test_all_begins_where_time_does() -> None:
    assert asked_range({"range": "all"}, NOW_US).start_us == MIN_TIME_US


def test_a_range_of_its_own_stands_still() -> None:
    found = asked_range({"from": "2026-11-22T10:00:00Z", "to": "2026-11-22T11:00:00.5Z"}, NOW_US)
    assert found.end_us - found.start_us == HOUR_US + 500_000
    assert found.quick is None


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"range": "2h"},
        {"from": "2026-11-22T10:00:00Z"},
        {"from": "2026-11-22T10:00:00Z", "to": "2026-11-22T09:00:00Z"},
        {"from": "yesterday", "to": "today"},
        {"from": "2026-11-22T10:00:00", "to": "2026-11-22T11:00:00"},
    ],
)
def test_anything_else_is_the_last_day(query: dict[str, str]) -> None:
    assert asked_range(query, NOW_US) == TimeRange(NOW_US + 1 - 24 * HOUR_US, NOW_US + 1, "24h")
