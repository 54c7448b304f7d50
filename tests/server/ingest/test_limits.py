from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.server.ingest.limits import TokenBuckets


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_and_then_the_rate(clock):
    buckets = TokenBuckets(per_s=10, burst=3, monotonic_s=clock)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 0]
    assert buckets.take("a") == pytest.approx(0.1)
    clock.now_s += 0.1
    assert buckets.take("a") == 0
    assert buckets.take("a") > 0


def test_one_caller_takes_nothing_from_another(clock):
    buckets = TokenBuckets(per_s=1, burst=1, monotonic_s=clock)
    assert buckets.take("a") == 0
    assert buckets.take("a") > 0
    assert buckets.take("b") == 0


def test_asking_in_vain_does_not_make_the_wait_longer(clock):
    buckets = TokenBuckets(per_s=1, burst=1, monotonic_s=clock)
    buckets.take("a")
    assert {buckets.take("a") for _ in range(100)} == {1.0}


def test_a_long_pause_saves_up_no_more_than_the_burst(clock):
    buckets = TokenBuckets(per_s=5, burst=2, monotonic_s=clock)
    buckets.take("a")
    clock.now_s += 1e6
    assert [buckets.take("a") == 0 for _ in range(3)] == [True, True, False]


@given(st.lists(st.floats(0, 0.5), max_size=200), st.integers(1, 50), st.integers(1, 20))
def test_never_more_than_burst_and_rate_allow(pauses, per_s, burst):
    clock = Clock()
    begin_s = clock.now_s
    buckets = TokenBuckets(per_s=per_s, burst=burst, monotonic_s=clock)
    taken = 0
    for pause in pauses:
        clock.now_s += pause
        taken += buckets.take("a") == 0
        assert taken <= burst + (clock.now_s - begin_s) * per_s + 1e-6


@given(st.integers(1, 50), st.floats(1, 20))
def test_waiting_as_long_as_told_is_enough(per_s, burst):
    clock = Clock()
    buckets = TokenBuckets(per_s=per_s, burst=burst, monotonic_s=clock)
    while not (wait_s := buckets.take("a")):
        pass
    clock.now_s += wait_s + 1e-9
    assert buckets.take("a") == 0


def test_callers_long_gone_are_forgotten(clock):
    buckets = TokenBuckets(per_s=10, burst=5, monotonic_s=clock)
    for number in range(20_000):
        clock.now_s += 0.01
        buckets.take(number)
    assert len(buckets) < 5_000


@pytest.mark.parametrize(("per_s", "burst"), [(0, 1), (-1, 1), (1, 0.5)])
def test_a_rate_that_lets_nobody_in_is_refused(per_s, burst):
    with pytest.raises(ValueError, match="nobody"):
        TokenBuckets(per_s=per_s, burst=burst, monotonic_s=Clock())
