from __future__ import annotations

from dataclasses import dataclass

import pytest

from nikdev_iot.server.measures.rates import BIN_S, BINS, Rate, Rates


@dataclass
class Clock:
    now_s: float = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def test_what_is_stored_is_counted_by_when_it_was() -> None:
    clock = Clock()
    rates = Rates(monotonic_s=clock)
    assert rates.recent() == [Rate(0, 0)] * BINS
    rates.add(pushes=2, values=20)
    rates.add(pushes=3, values=30)
    assert rates.now() == Rate(0, 0)  # this bin is not over
    clock.now_s += BIN_S
    rates.add(pushes=10, values=10)
    assert rates.recent()[-1] == Rate(5 / BIN_S, 50 / BIN_S)
    clock.now_s += 3 * BIN_S
    assert rates.recent()[-4:] == [Rate(0.5, 5), Rate(1, 1), Rate(0, 0), Rate(0, 0)]
    assert rates.now().values_per_s == pytest.approx(1)
    clock.now_s += BINS * BIN_S
    assert rates.recent() == [Rate(0, 0)] * BINS


def test_memory_is_bounded() -> None:
    clock = Clock()
    rates = Rates(monotonic_s=clock)
    for _ in range(5 * BINS):
        rates.add(pushes=1, values=1)
        clock.now_s += BIN_S
    assert len(rates._bins) <= BINS + 1
    assert rates.recent() == [Rate(1 / BIN_S, 1 / BIN_S)] * BINS
