from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.server.query.steps import round_step_us

S, H, DAY = 1_000_000, 3_600_000_000, 86_400_000_000


def test_steps_are_round():
    assert round_step_us(24 * H, 800) == 120 * S
    assert round_step_us(365 * DAY, 800) == 12 * H
    assert round_step_us(10 * S, 1_000) == 10_000
    assert round_step_us(1, 10) == 1_000


@given(st.integers(1, 10**17), st.integers(1, 4_000))
def test_no_more_buckets_than_points(range_us: int, points: int):
    step_us = round_step_us(range_us, points)
    assert -(-range_us // step_us) <= points
    assert step_us >= 1_000
