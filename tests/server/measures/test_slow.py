from __future__ import annotations

import uuid

import pytest

from nikdev_iot.server.measures.slow import SlowQueries, SlowQuery

DEVICE = uuid.UUID(int=1)


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def take(slow: SlowQueries, clock: Clock, what: str, duration_s: float) -> None:
    with slow.timed(what, DEVICE):
        clock.now_s += duration_s


def test_the_slowest_of_the_last_hour() -> None:
    clock = Clock()
    slow = SlowQueries(monotonic_s=clock)
    take(slow, clock, "old", 9.0)
    clock.now_s = 3_700.0
    take(slow, clock, "fast", 0.001)
    take(slow, clock, "slow", 0.5)
    take(slow, clock, "slower", 1.0)
    clock.now_s += 10
    found = slow.slowest()
    assert [(one.what, one.device_id) for one in found] == [("slower", DEVICE), ("slow", DEVICE)]
    assert found[0] == SlowQuery("slower", DEVICE, pytest.approx(1.0), pytest.approx(10.0))
    assert len(slow.slowest(1)) == 1


def test_what_fails_is_timed_too() -> None:
    clock = Clock()
    slow = SlowQueries(monotonic_s=clock)
    with pytest.raises(ZeroDivisionError), slow.timed("broken"):
        clock.now_s += 1
        raise ZeroDivisionError
    assert [one.what for one in slow.slowest()] == ["broken"]


def test_memory_is_bounded() -> None:
    clock = Clock()
    slow = SlowQueries(monotonic_s=clock)
    for _ in range(5_000):
        take(slow, clock, "slow", 0.1)
    assert len(slow._kept) <= 1_000
