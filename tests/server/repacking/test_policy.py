from __future__ import annotations

from nikdev_iot.server.repacking.policy import Policy, packs_to_take, segments_to_merge
from nikdev_iot.server.storage.segments import OpenPack, SegmentHead

NOW_US = 1_795_000_000_000_000
"""In November 2026."""
_MINUTE_US, _DAY_US = 60_000_000, 86_400_000_000
POLICY = Policy()


def _packs(count: int, *, rows: int = 1, payload_bytes: int = 300, at_us: int = NOW_US, every_us: int = _MINUTE_US):
    return [
        OpenPack(n + 1, n * rows + 1, (n + 1) * rows, rows, begin_us, begin_us + every_us - 1, begin_us, payload_bytes)
        for n in range(count)
        for begin_us in [at_us + n * every_us]
    ]


def test_few_new_packs_wait() -> None:
    assert packs_to_take([], POLICY, now_us=NOW_US) == 0
    assert packs_to_take(_packs(300), POLICY, now_us=NOW_US) == 0


def test_enough_rows_are_taken_and_whatever_is_old() -> None:
    assert packs_to_take(_packs(2_000, every_us=1_000_000), POLICY, now_us=NOW_US) == 2_000
    assert packs_to_take(_packs(2, rows=1_000), POLICY, now_us=NOW_US) == 2
    assert packs_to_take(_packs(100), POLICY, now_us=NOW_US + POLICY.old_us) == 100
    assert packs_to_take(_packs(100), POLICY, now_us=NOW_US + POLICY.old_us - 1) == 0
    assert packs_to_take(_packs(99), POLICY, now_us=NOW_US + POLICY.old_us) == 0
    assert packs_to_take(_packs(1), POLICY, now_us=NOW_US + POLICY.very_old_us) == 1


def test_a_step_has_an_end() -> None:
    assert packs_to_take(_packs(5_000, every_us=1_000), POLICY, now_us=NOW_US) == POLICY.step_packs
    assert packs_to_take(_packs(100, rows=1_000), POLICY, now_us=NOW_US) == 16
    assert packs_to_take(_packs(100, rows=500, payload_bytes=1_000_000), POLICY, now_us=NOW_US) == 2
    assert packs_to_take(_packs(3, rows=50_000), POLICY, now_us=NOW_US) == 1


def test_a_month_and_late_data_end_a_segment_that_is_not_tiny() -> None:
    new_month_us = 1_796_083_200_000_000
    before = _packs(500, at_us=new_month_us - 500 * _MINUTE_US)
    after = [one._replace(arrival=one.arrival + 500) for one in _packs(3_000, at_us=new_month_us, every_us=1_000_000)]
    assert packs_to_take([*before, *after], POLICY, now_us=NOW_US) == 500
    assert packs_to_take([*before[-20:], *after], POLICY, now_us=NOW_US) > 1_000
    late = _packs(3_000, at_us=NOW_US - 20 * _DAY_US, every_us=1_000_000)
    assert packs_to_take([*_packs(400), *late], POLICY, now_us=NOW_US) == 400
    assert packs_to_take([*_packs(20), *late], POLICY, now_us=NOW_US) == 250  # of two months, but not tiny


def test_packs_without_rows_come_along() -> None:
    gaps = [one._replace(row_count=0, min_time_us=0, max_time_us=0) for one in _packs(10)]
    assert packs_to_take([*gaps, *_packs(2, rows=1_000), *gaps], POLICY, now_us=NOW_US) == 22


def _heads(*rows: int, at_us: int = NOW_US) -> list[SegmentHead]:
    return [SegmentHead(n, n, n, n, n, count, 1, at_us, at_us, 99) for n, count in enumerate(rows, 1)]


def test_neighbours_of_a_like_size_are_merged() -> None:
    assert segments_to_merge([], POLICY) == ()
    assert segments_to_merge(_heads(*[500] * 7), POLICY) == ()
    assert segments_to_merge(_heads(*[500] * 9), POLICY) == tuple(range(1, 9))
    assert segments_to_merge(_heads(60_000, *[900] * 8), POLICY) == tuple(range(2, 10))
    assert segments_to_merge(_heads(*[7_000] * 8), POLICY) == tuple(range(1, 9))
    assert segments_to_merge(_heads(*[60_000] * 20), POLICY) == ()
    assert segments_to_merge(_heads(*[500] * 5, 60_000, *[500] * 5), POLICY) == ()


def test_months_are_not_merged() -> None:
    heads = [*_heads(*[500] * 5), *_heads(*[500] * 5, at_us=NOW_US + 40 * _DAY_US)]
    assert segments_to_merge(heads, POLICY) == ()


def test_merging_comes_to_an_end() -> None:
    sizes = [400] * 3_000
    merges = 0
    while ids := segments_to_merge(_heads(*sizes), POLICY):
        sizes[ids[0] - 1 : ids[-1]] = [sum(sizes[ids[0] - 1 : ids[-1]])]
        merges += 1
    assert len(sizes) < 60
    assert merges < 500
